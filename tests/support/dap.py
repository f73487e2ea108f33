"""A client of the Debug Adapter Protocol: as much of one as sets a breakpoint and goes on.

Source: the protocol's specification; debugpy's wiki for the order of its attach.
"""

import json
import socket
from collections.abc import Callable
from types import TracebackType
from typing import Any, Final, Self

_WITHIN_S: Final = 30


class Debugger:
    """A connection to a debug adapter."""

    def __init__(self, port: int) -> None:
        """Connect to a port of 127.0.0.1."""
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=_WITHIN_S)
        self._stream = self._socket.makefile("rb")
        self._count = 0

    def __enter__(self) -> Self:
        """Return it."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Go away."""
        self._stream.close()
        self._socket.close()

    def send(self, command: str, **arguments: Any) -> None:
        """Send a request."""
        self._count += 1
        message = {"seq": self._count, "type": "request", "command": command, "arguments": arguments}
        body = json.dumps(message).encode()
        self._socket.sendall(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))

    def answer(self, command: str) -> dict[str, Any]:
        """Read on until the answer to a request."""
        return self._read_until(lambda message: message.get("command") == command)

    def event(self, name: str) -> dict[str, Any]:
        """Read on until an event."""
        return self._read_until(lambda message: message.get("event") == name)

    def attach(self, file: str, line: int) -> dict[str, Any]:
        """Attach, with a breakpoint; return the event of having stopped there."""
        self.send("initialize", adapterID="tests", pathFormat="path", linesStartAt1=True)
        assert self.answer("initialize")["success"]
        self.send("attach", justMyCode=True)
        self.event("initialized")
        self.send("setBreakpoints", source={"path": file}, breakpoints=[{"line": line}])
        assert self.answer("setBreakpoints")["body"]["breakpoints"][0]["verified"]
        self.send("configurationDone")
        return self.event("stopped")

    def evaluate(self, stopped: dict[str, Any], expression: str) -> str:
        """Return what an expression is where the script has stopped."""
        self.send("stackTrace", threadId=stopped["body"]["threadId"])
        frame = self.answer("stackTrace")["body"]["stackFrames"][0]
        self.send("evaluate", expression=expression, frameId=frame["id"])
        return str(self.answer("evaluate")["body"]["result"])

    def go_on(self, stopped: dict[str, Any]) -> None:
        """Let the script go on to its end."""
        self.send("continue", threadId=stopped["body"]["threadId"])
        self.event("terminated")

    def _read_until(self, is_it: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        while True:
            size = 0
            while line := self._stream.readline().strip():
                size = int(line.split(b":")[1])
            assert size, "the adapter has gone"
            message: dict[str, Any] = json.loads(self._stream.read(size))
            if is_it(message):
                return message
