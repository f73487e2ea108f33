"""A stand-in for the daemon: the routes of the command line over runs and logs that a test sets and moves."""

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

from orchestrator.faces.cli.answers import Run
from orchestrator.faces.cli.following import ENDED

MOST_WAIT_S = 10.0
NOW_MS = 1_385_000_003_000

Answer = tuple[int, dict[str, Any]]


def a_run(digits: str = "4f2a", *, attempt: int = 0, **facts: object) -> Run:
    """Build a run whose id starts with `digits`."""
    suffix = f"_attempt_{attempt}" if attempt else ""
    run: dict[str, object] = {
        "id": f"jr_{digits.ljust(64, '0')}{suffix}",
        "job_name": "ingest",
        "state": "SUCCEEDED",
        "state_detail": None,
        "attempt": attempt,
        "previous_run_id": None,
        "retry_number": 0,
        "trigger_name": None,
        "chain_key": None,
        "started_on_ms": 1_385_000_000_000,
        "launched_on_ms": 1_385_000_001_000,
        "completed_on_ms": 1_385_000_004_200,
        "retry_due_ms": None,
        "execution_time_s": 3,
        "dpu": 10.0,
        "error_message": None,
        "exit_code": 0,
        "exit_signal": None,
        "wall_ms": 3200,
        "cpu_ms": 1100,
        "peak_process_rss_bytes": 50 * 2**20,
        "peak_tree_rss_bytes": 120 * 2**20,
        "arguments": {},
    }
    return cast("Run", run | facts)


@dataclass
class StandIn:
    """What the stand-in knows, and what it was asked."""

    url: str = ""
    runs: dict[str, Run] = field(default_factory=dict)
    """By id, the newest last."""
    pages: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What the other plain routes tell, by path and the start of the query; the longest that fits counts."""
    logs: dict[tuple[str, str], bytes] = field(default_factory=dict)
    samples: list[dict[str, int]] = field(default_factory=list)
    """What every run used."""
    written: list[tuple[int, int]] = field(default_factory=list)
    """When what stands at an offset of every log was written: milliseconds since 1970, offset."""
    actions: dict[str, Callable[[dict[str, Any]], Answer]] = field(default_factory=dict)
    """What an action answers; it is called with the request's members."""
    before: list[Callable[[BaseHTTPRequestHandler], bool]] = field(default_factory=list)
    """Each is used up by one request, before anything else; True: it has dealt with the request itself."""
    asked: list[tuple[str, dict[str, str], dict[str, Any]]] = field(default_factory=list)
    """Path or action, headers in lower case, members, of every request."""
    connections: int = 0
    changed: threading.Condition = field(default_factory=threading.Condition)

    def add(self, run: Run, *, stdout: bytes = b"", stderr: bytes = b"") -> Run:
        """Let a run be known, with its log."""
        with self.changed:
            self.runs[run["id"]] = run
            self.logs[run["id"], "stdout"] = stdout
            self.logs[run["id"], "stderr"] = stderr
            self.changed.notify_all()
        return run

    def move(self, run: Run, state: str, **facts: object) -> None:
        """Give a run another state."""
        with self.changed:
            self.runs[run["id"]] = cast("Run", self.runs[run["id"]] | {"state": state} | facts)
            self.changed.notify_all()

    def write(self, run: Run, stream: str, data: bytes) -> None:
        """Let a run write to its log."""
        with self.changed:
            self.logs[run["id"], stream] += data
            self.changed.notify_all()

    def members_of(self, action: str) -> list[dict[str, Any]]:
        """Return what was asked of an action, call by call."""
        return [members for name, _, members in self.asked if name == action]


@contextmanager
def standing_in() -> Iterator[StandIn]:
    """Yield a stand-in that answers at its `url`."""
    stand_in = StandIn()

    class Handler(_Handler):
        known = stand_in

    server = _Server(("127.0.0.1", 0), Handler)
    stand_in.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield stand_in
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=5)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Say nothing: clients that leave in the middle of an answer are part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    known: StandIn
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def setup(self) -> None:
        super().setup()
        self.known.connections += 1

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_POST(self) -> None:
        action = self.headers["X-Amz-Target"].removeprefix("AWSGlue.")
        members = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self._is_dealt_with(action, members):
            return
        known = self.known.actions.get(action)
        status, answer = known(members) if known else (400, {"__type": "UnknownOperationException", "Message": action})
        self._answer(status, json.dumps(answer).encode(), "application/x-amz-json-1.1")

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(address.query).items()}
        if self._is_dealt_with(self.path, {}):
            return
        if page := self._page():
            self._answer_json(self.known.pages[page])
        elif address.path == "/healthz":
            self._answer_json({"status": "ok", "version": "0"})
        elif address.path == "/runs":
            self._answer_json({"runs": self._listed(query)})
        elif match := re.fullmatch(r"/runs/([^/]+)", address.path):
            self._run(match[1], query)
        elif match := re.fullmatch(r"/runs/([^/]+)/log/(\w+)", address.path):
            self._log(match[1], match[2], query)
        else:
            self._answer(404, b'{"__type": "EntityNotFoundException", "Message": "not found."}', "application/json")

    def _is_dealt_with(self, name: str, members: dict[str, Any]) -> bool:
        self.known.asked.append((name, {key.lower(): value for key, value in self.headers.items()}, members))
        return bool(self.known.before) and self.known.before.pop(0)(self)

    def _page(self) -> str:
        fitting = (page for page in self.known.pages if re.match(rf"{re.escape(page)}([?&]|$)", self.path))
        return max(fitting, key=len, default="")

    def _listed(self, query: dict[str, str]) -> list[Run]:
        return [
            run
            for run in reversed(self.known.runs.values())
            if run["id"].startswith(query.get("prefix", ""))
            and query.get("job", run["job_name"]) == run["job_name"]
            and run["state"] in query.get("state", run["state"]).split(",")
        ][: int(query["limit"])]

    def _run(self, run_id: str, query: dict[str, str]) -> None:
        seen = query.get("seen_state")
        with self.known.changed:
            if run_id not in self.known.runs:
                message = {"__type": "EntityNotFoundException", "Message": f"Job run with id: {run_id} not found."}
                self._answer(404, json.dumps(message).encode(), "application/json")
                return
            self.known.changed.wait_for(
                lambda: self.known.runs[run_id]["state"] != seen, min(float(query.get("wait_s", 0)), MOST_WAIT_S)
            )
            run = self.known.runs[run_id]
        move = {"seq": 1, "from_state": None, "event": None, "to_state": "STARTING", "at_ms": run["started_on_ms"]}
        told = {"now_ms": NOW_MS, "run": run, "workflow_run": None, "history": [move], "samples": self.known.samples}
        self._answer_json({**told, "directory": f"/state/runs/{run_id}"})

    def _log(self, run_id: str, stream: str, query: dict[str, str]) -> None:
        with self.known.changed:
            offset = self._offset(self.known.logs[run_id, stream], query)
            self.known.changed.wait_for(
                lambda: self.known.logs[run_id, stream][offset:] or self.known.runs[run_id]["state"] in ENDED,
                min(float(query.get("wait_s", 0)), MOST_WAIT_S),
            )
            data = self.known.logs[run_id, stream][offset:][: min(int(query.get("limit", 1000)), 1000)]
            has_ended = self.known.runs[run_id]["state"] in ENDED
            is_last = has_ended and offset + len(data) == len(self.known.logs[run_id, stream])
        headers = {"x-log-next-offset": str(offset + len(data)), "x-log-complete": str(is_last).lower()}
        self._answer(200, data, "application/octet-stream", headers)

    def _offset(self, log: bytes, query: dict[str, str]) -> int:
        if "since_ms" in query:
            return next((place for at_ms, place in self.known.written if at_ms >= int(query["since_ms"])), len(log))
        if "tail_bytes" in query:
            place = max(0, len(log) - int(query["tail_bytes"]))
            return 0 if place == 0 else log.find(b"\n", place - 1) + 1 or len(log)
        return int(query["offset"])

    def _answer_json(self, value: dict[str, Any]) -> None:
        self._answer(200, json.dumps(value).encode(), "application/json")

    def _answer(self, status: int, body: bytes, kind: str, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


def refuse(status: int, name: str, message: str) -> Callable[[dict[str, Any]], Answer]:
    """Return an action that answers with an error."""
    return lambda _: (status, {"__type": name, "Message": message})
