"""How a command talks to the daemon: AWS JSON 1.1 for Glue's actions, plain GET for what Glue has no action for.

One connection, kept alive. What fails on the way is tried again for a while: a re-sent action carries the same
`amz-sdk-invocation-id`, so that the daemon answers it twice and does it once.
"""

import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urlencode

from orchestrator.faces.cli.answers import Run, RunDetails, RunList, Stream
from orchestrator.faces.cli.endpoint import ANSWER_TIMEOUT_S, Endpoint, signed, way_to
from orchestrator.faces.cli.errors import CommandError, RefusedError, UnreachableError
from orchestrator.faces.cli.exit_codes import ExitCode

FIRST_PAUSE_S: Final = 0.1
LONGEST_PAUSE_S: Final = 1.0
MOST_LISTED: Final = 1000
"""How many runs one answer tells at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogPart:
    """A piece of a run's log."""

    data: bytes
    offset: int
    next_offset: int
    is_last: bool  # the run has ended and this was all of it


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes


class AbandonedError(Exception):
    """The client was abandoned by another thread in the middle of a call."""


class Client:
    """A connection to the daemon. Used by one thread, but for `abandon`."""

    def __init__(self, endpoint: Endpoint, *, patience_s: float = 1.0) -> None:
        """Connect when the first call needs it; calls try for `patience_s` to get an answer."""
        self.endpoint: Final = endpoint
        self._way = way_to(endpoint)
        self._patience_s = patience_s
        self._connection: http.client.HTTPConnection | None = None
        self._socket: socket.socket | None = None
        self._abandoned = threading.Event()
        self._offspring: list[Client] = []

    def patient(self, patience_s: float) -> "Client":
        """Return another client of the same daemon, for another thread or for a longer wait; `close` closes it too."""
        other = Client(self.endpoint, patience_s=patience_s)
        self._offspring.append(other)
        return other

    def act(self, action: str, members: Mapping[str, object]) -> dict[str, Any]:
        """Ask for one of Glue's actions, or for `Orchestrator.X` of ours, and return the answer's members.

        Raises:
            RefusedError: the daemon answered with an error.
            UnreachableError: no daemon answered within the patience.
        """
        import uuid  # noqa: PLC0415 - not every command acts, and it takes a while to import

        headers = {
            "Content-Type": "application/x-amz-json-1.1",
            "X-Amz-Target": action if "." in action else f"AWSGlue.{action}",
            "amz-sdk-invocation-id": str(uuid.uuid4()),
        }
        return self._object(self._exchange("POST", "/", body=json.dumps(members).encode(), headers=headers))

    def runs(self, *, limit: int = 50, **wanted: object) -> list[Run]:
        """Return up to `limit` runs, the newest first, that are as `wanted`: GET /runs' query, None for any."""
        found: list[Run] = []
        before: object = None
        while len(found) < limit:
            page = self._runs(wanted | {"limit": min(limit - len(found), MOST_LISTED), "before": before})
            found += page["runs"]
            before = page.get("next")
            if before is None:
                break
        return found

    def _runs(self, wanted: Mapping[str, object]) -> RunList:
        query = {name: value for name, value in wanted.items() if value is not None}
        page: RunList = self._object(self._exchange("GET", f"/runs?{urlencode(query)}"))  # type: ignore[assignment]  # the daemon's promise
        return page

    def run(self, run_id: str, *, seen_state: str | None = None, wait_s: float = 0) -> RunDetails:
        """Return the run; with `seen_state`, as soon as it has another state or `wait_s` has passed."""
        query = "" if seen_state is None else "?" + urlencode({"wait_s": f"{wait_s:g}", "seen_state": seen_state})
        answer = self._exchange("GET", f"/runs/{quote(run_id, safe='')}{query}", wait_s=wait_s)
        details: RunDetails = self._object(answer)  # type: ignore[assignment]  # the daemon's promise
        return details

    def log(self, run_id: str, stream: Stream, *, wait_s: float = 0, **place: int) -> LogPart:
        """Return the log from a place on: `offset`, `tail_bytes` or `since_ms`, and at most `limit` bytes of it.

        It waits up to `wait_s` for something new or for the run's end.
        """
        query = urlencode(place | ({"wait_s": f"{wait_s:g}"} if wait_s else {}))
        answer = self._exchange("GET", f"/runs/{quote(run_id, safe='')}/log/{stream}?{query}", wait_s=wait_s)
        self._refuse_errors(answer)
        try:
            next_offset = int(answer.headers["x-log-next-offset"])
        except (TypeError, ValueError):
            raise self._foreign() from None
        return LogPart(
            data=answer.body,
            offset=next_offset - len(answer.body),
            next_offset=next_offset,
            is_last=answer.headers["x-log-complete"] == "true",
        )

    def look_up(self, *path: str, query: Mapping[str, object] | None = None, wait_s: float = 0) -> dict[str, Any]:
        """Return what a plain route tells; each part of `path` is a name or a word, `wait_s` the long poll asked for."""
        target = "/" + "/".join(quote(part, safe="") for part in path)
        asked = f"?{urlencode(query)}" if query else ""
        return self._object(self._exchange("GET", target + asked, wait_s=wait_s))

    def lines(self, path: str, *, silence_s: float) -> Iterator[bytes]:
        """Yield the lines of an answer that goes on, as they come, until it ends or is silent for `silence_s`.

        Raises:
            RefusedError: the daemon does not tell that.
            OSError: the connection was lost.
            http.client.HTTPException: the answer was cut off.
        """
        try:
            response = self._ask("GET", path, body=None, headers={}, timeout_s=silence_s)
            if response.status != http.HTTPStatus.OK:
                self._refuse_errors(_Answer(status=response.status, headers=response.headers, body=response.read()))
            while line := response.readline():
                yield line
        finally:
            self._disconnect()

    def is_up(self) -> bool:
        """Say whether something answers; False only if the connection was refused, at the first try."""
        try:
            self._send("GET", "/healthz", body=None, headers={}, timeout_s=ANSWER_TIMEOUT_S)
        except (ConnectionRefusedError, FileNotFoundError):
            self._disconnect()
            return False
        except (OSError, http.client.HTTPException) as error:
            self._disconnect()
            raise UnreachableError(self.endpoint.url, self.endpoint.origin, error) from None
        return True

    def abandon(self) -> None:
        """Make the call that another thread is in end with AbandonedError, now, and every later one."""
        self._abandoned.set()
        if self._socket is not None:
            try:
                self._socket.shutdown(socket.SHUT_RDWR)
            except OSError:  # closed meanwhile
                return

    def close(self) -> None:
        """Close the connection, and those of the clients made by `patient`; the next call opens another."""
        for other in self._offspring:
            other.close()
        self._disconnect()

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _exchange(
        self,
        method: str,
        target: str,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        wait_s: float = 0,
    ) -> _Answer:
        give_up_at = time.monotonic() + self._patience_s
        pause_s = FIRST_PAUSE_S
        while True:
            has_time = time.monotonic() + pause_s <= give_up_at
            try:
                answer = self._send(
                    method, target, body=body, headers=headers or {}, timeout_s=ANSWER_TIMEOUT_S + wait_s
                )
            except (OSError, http.client.HTTPException) as error:
                self._disconnect()
                if not has_time and not self._abandoned.is_set():
                    raise UnreachableError(self.endpoint.url, self.endpoint.origin, error) from None
            else:
                if answer.status not in {500, 503} or not has_time:
                    return answer
            if self._abandoned.wait(pause_s):
                raise AbandonedError
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    def _send(
        self, method: str, target: str, *, body: bytes | None, headers: Mapping[str, str], timeout_s: float
    ) -> _Answer:
        response = self._ask(method, target, body=body, headers=headers, timeout_s=timeout_s)
        return _Answer(status=response.status, headers=response.headers, body=response.read())

    def _ask(
        self, method: str, target: str, *, body: bytes | None, headers: Mapping[str, str], timeout_s: float
    ) -> http.client.HTTPResponse:
        if self._abandoned.is_set():
            raise AbandonedError
        if self._connection is None:
            self._connection = self._way.connection()
        self._connection.timeout = timeout_s
        if self._connection.sock is not None:
            self._connection.sock.settimeout(timeout_s)
        path = self._way.root + target
        sent = signed(self._way, method, path, body=body, headers=headers)
        self._connection.request(method, path, body=body, headers=sent)
        self._socket = self._connection.sock  # an answer that ends with its connection takes it over
        if self._abandoned.is_set():  # just now: that may not have seen this socket
            raise AbandonedError
        return self._connection.getresponse()

    def _object(self, answer: _Answer) -> dict[str, Any]:
        self._refuse_errors(answer)
        try:
            value = json.loads(answer.body or b"{}")
        except ValueError:
            value = None
        if not isinstance(value, dict):
            raise self._foreign()
        return value

    def _refuse_errors(self, answer: _Answer) -> None:
        if answer.status == 200:
            return
        try:
            error = json.loads(answer.body)
            name = str(error["__type"]).rpartition("#")[2]
        except (ValueError, KeyError, TypeError):
            raise self._foreign(f" (HTTP status {answer.status})") from None
        raise RefusedError(answer.status, name, str(error.get("Message") or error.get("message") or "no more is known"))

    def _foreign(self, detail: str = "") -> CommandError:
        return CommandError(
            f"what answers at {self.endpoint.url} (from {self.endpoint.origin}) is not an orchestrator{detail}",
            ExitCode.FOREIGN_ANSWER,
            hint="Another program may use that port; --endpoint-url or --port names another.",
        )
