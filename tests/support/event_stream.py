"""A reader of server-sent events, as a browser is one."""

import http.client
import json
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from tests.support.daemon import Daemon
from tests.support.waiting import until


@dataclass(frozen=True)
class Told:
    """One event."""

    name: str
    id: int
    data: dict[str, Any]


class EventStream:
    """Follows a daemon's events in a thread of its own until it is closed, or the stream ends."""

    def __init__(self, daemon: Daemon, *, last_event_id: int | None = None) -> None:
        """Connect."""
        self._connection = http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=60)
        headers = {} if last_event_id is None else {"Last-Event-ID": str(last_event_id)}
        self._connection.request("GET", "/events", headers=headers)
        self._response = self._connection.getresponse()
        self.status = self._response.status
        self.events: deque[Told] = deque()
        self.comments = 0
        self.has_ended = False
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Go away."""
        self.close()

    def close(self) -> None:
        """Go away."""
        if self._connection.sock is not None:
            self._connection.sock.shutdown(2)
        self._thread.join(timeout=20)
        assert not self._thread.is_alive()
        self._response.close()
        self._connection.close()

    def wait_for(self, name: str, fits: Callable[[dict[str, Any]], bool] = bool, *, within_s: float = 20) -> Told:
        """Return the first event of that name whose data fits."""

        def look() -> Told | None:
            return next((one for one in list(self.events) if one.name == name and fits(one.data)), None)

        found = until(look, within_s=within_s, what=f"an event {name}")
        assert found is not None
        return found

    def _read(self) -> None:
        fields: dict[str, str] = {}
        try:
            for raw in self._response:
                line = raw.decode("ascii").rstrip("\n")
                if line.startswith(":"):
                    self.comments += 1
                elif line:
                    name, _, value = line.partition(": ")
                    fields[name] = value
                else:
                    if "event" in fields:
                        self.events.append(Told(fields["event"], int(fields["id"]), json.loads(fields["data"])))
                    fields = {}
        except (OSError, http.client.HTTPException, ValueError):
            pass
        finally:
            self.has_ended = True
