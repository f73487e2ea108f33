"""A connection has a place for as long as it is used: nobody fills the daemon by being slow, silent or many.

The limits are short here, so that what they end ends within the test.
"""

import contextlib
import json
import os
import resource
import select
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from orchestrator.faces.doors import MAX_GUESTS
from tests.support import runs, wire
from tests.support.daemon import ROOT, Daemon, running_daemon
from tests.support.waiting import until

HEADER_S: Final = 1.6
BODY_S: Final = 3
IDLE_S: Final = 5
LIMIT: Final = 8
ENVIRONMENT: Final = {
    "ORCHESTRATOR_ACCESS__HEADER_TIMEOUT_S": str(HEADER_S),
    "ORCHESTRATOR_ACCESS__BODY_TIMEOUT_S": str(BODY_S),
    "ORCHESTRATOR_ACCESS__IDLE_TIMEOUT_S": str(IDLE_S),
}
WHOLE: Final = wire.request(b'{"JobName": "none"}', target="AWSGlue.GetJob")
HEAD_BYTES: Final = WHOLE.index(b"\r\n\r\n") + 4


def dripped(connection: socket.socket, data: bytes, *, every_s: float = 0.05) -> float:
    """Send byte by byte, without an end, until the other side says something or closes; return how long that took."""
    began = time.monotonic()
    place = 0
    while not select.select([connection], [], [], every_s)[0]:
        with contextlib.suppress(ConnectionError):
            connection.send(data[place : place + 1] or b"x")
        place += 1
        assert time.monotonic() - began < wire.TIMEOUT_S
    return time.monotonic() - began


def late(answer: wire.Answer) -> str:
    """Return the sentence of a refusal for being late."""
    assert (answer.status, answer.members["__type"]) == (408, "RequestTimeoutException")
    return str(answer.members["Message"])


def places(daemon: Daemon) -> int:
    """Return how many connections the daemon holds."""
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    port = f":{daemon.port:04X}"
    owned = [line.split() for line in lines]
    # By their inodes: what changes while the kernel tells of it can be told twice.
    return len({line[9] for line in owned if line[1].endswith(port) and line[3] in {"01", "08"}} - {"0"})


def test_a_head_that_comes_byte_by_byte_is_refused_in_time(daemon: Daemon) -> None:
    with wire.connect(daemon.port) as connection:
        took_s = dripped(connection, b"POST / HTTP/1.1\r\nX: ")
        assert late(wire.read_answer(connection)) == f"The request's head did not come within {HEADER_S:g} s."
    assert took_s == pytest.approx(HEADER_S, abs=0.5)


def test_a_body_that_comes_byte_by_byte_is_refused_in_time(daemon: Daemon) -> None:
    head = wire.request(b"", target="AWSGlue.GetJob", content_length="1000")
    with wire.connect(daemon.port) as connection:
        connection.sendall(head)
        took_s = dripped(connection, b"")
        assert late(wire.read_answer(connection)) == f"The request's body did not come within {BODY_S:g} s."
        assert took_s == pytest.approx(BODY_S, abs=0.5)


@pytest.mark.parametrize("size", [HEAD_BYTES - 1, len(WHOLE) - 1], ids=["head", "body"])
def test_the_rest_of_a_request_on_a_used_connection_is_not_waited_for_either(daemon: Daemon, size: int) -> None:
    with wire.connect(daemon.port) as connection:
        connection.sendall(WHOLE)
        assert wire.read_answer(connection).status == 400
        connection.sendall(WHOLE[:size])
        late(wire.read_answer(connection))
        assert connection.recv(1) == b""


@pytest.mark.parametrize("first", [b"", b"\r\n"], ids=["nothing", "an empty line"])
def test_who_asks_nothing_is_let_go_without_a_word(daemon: Daemon, first: bytes) -> None:
    with wire.connect(daemon.port) as connection:
        connection.sendall(first)
        assert connection.recv(1) == b""


@pytest.mark.parametrize("more", [b"", b"\r\n"], ids=["nothing", "an empty line"])
def test_an_idle_connection_is_closed(daemon: Daemon, more: bytes) -> None:
    with wire.connect(daemon.port) as connection:
        connection.sendall(WHOLE)
        assert wire.read_answer(connection).status == 400
        connection.sendall(more)
        assert connection.recv(1) == b""


def test_who_reads_no_answers_loses_its_place(daemon: Daemon) -> None:
    with wire.connect(daemon.port) as connection:
        connection.setblocking(False)
        while select.select([], [connection], [], 0.5)[1]:
            connection.send(WHOLE * 200)
        until(lambda: not places(daemon), within_s=40, what="the end of a connection whose answers nobody reads")


def test_who_waits_for_an_answer_is_not_late(daemon: Daemon, tmp_path: Path) -> None:
    """Neither is a request that is sent meanwhile, though the daemon may not have read it."""
    gate = tmp_path / "gate"
    job = daemon.job("waits", runs.WAIT_FOR_GATE)
    run_id = runs.start(daemon, job, Arguments={"--gate": str(gate)})
    until(lambda: daemon.run(job, run_id)["JobRunState"] == "RUNNING", what="the run")
    long_poll = wire.request(b"", method="GET", path=f"/runs/{run_id}?wait_s=7&seen_state=RUNNING", target=None)
    with wire.connect(daemon.port) as connection, contextlib.closing(connection.makefile("rb")) as file:
        connection.sendall(long_poll + WHOLE[:-1])
        assert status_of(file) == 200
        connection.sendall(WHOLE[-1:])
        assert status_of(file) == 400
    gate.touch()
    assert daemon.ended(job, run_id)["JobRunState"] == "SUCCEEDED"


def status_of(file: Any) -> int:
    """Read one answer through and return its status."""
    status = int(file.readline().split()[1])
    length = 0
    while line := file.readline().strip():
        if line.lower().startswith(b"content-length:"):
            length = int(line.partition(b":")[2])
    file.read(length)
    return status


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """Lend a daemon with few places; it has more patience with guests than is usual, so that all are seen at once."""
    folder = tmp_path_factory.mktemp("patience")
    (folder / "sitecustomize.py").write_text(
        "import sys\n"
        "if 'serve' in sys.orig_argv:\n"
        "    import orchestrator.faces.protocol as protocol\n"
        "    protocol.GUEST_PATIENCE_S = 7\n"
    )
    environment = {
        "PYTHONPATH": f"{folder}{os.pathsep}{ROOT}",
        "ORCHESTRATOR_ACCESS__MAX_CONNECTIONS": str(LIMIT),
    }
    with running_daemon(tmp_path_factory.mktemp("small"), environment) as daemon:
        yield daemon


@pytest.fixture
def full(small: Daemon) -> Iterator[contextlib.ExitStack]:
    """Fill all places by connections that were used once, and lend what closes them."""
    until(lambda: not places(small), what="an empty house")
    with contextlib.ExitStack() as stack:
        for _ in range(LIMIT):
            connection = stack.enter_context(wire.connect(small.port))
            connection.sendall(WHOLE)
            assert wire.read_answer(connection).status == 400
        yield stack


@pytest.mark.usefixtures("full")
def test_one_connection_too_many_is_told_to_come_again(small: Daemon) -> None:
    answer = wire.exchange(small.port, WHOLE)
    assert (answer.status, answer.headers["connection"]) == (503, "close")
    assert answer.members == {
        "__type": "ServiceUnavailableException",
        "Message": f"The orchestrator has {LIMIT} connections, which is all it takes; try again.",
    }


def test_an_sdk_that_finds_no_room_gets_its_answer_when_there_is(small: Daemon, full: contextlib.ExitStack) -> None:
    client = small.client()
    statuses: list[int] = []

    def make_room(response: Any, **_: object) -> None:
        statuses.append(response[0].status_code)
        full.close()

    client.meta.events.register_first("needs-retry.glue.ListJobs", make_room)
    assert "JobNames" in client.list_jobs()
    assert statuses[0] == 503
    assert statuses[-1] == 200


@pytest.mark.usefixtures("full")
def test_those_for_whom_there_is_no_room_are_few_and_do_not_stay(small: Daemon) -> None:
    with contextlib.ExitStack() as stack:
        silent = [stack.enter_context(wire.connect(small.port)) for _ in range(MAX_GUESTS)]
        until(lambda: places(small) == LIMIT + MAX_GUESTS, what="all guests")
        with wire.connect(small.port) as one_more, contextlib.suppress(ConnectionResetError):
            assert one_more.recv(1) == b""
        assert places(small) == LIMIT + MAX_GUESTS
        for connection in silent:
            with contextlib.suppress(ConnectionResetError):
                assert connection.recv(1) == b""
    assert wire.exchange(small.port, WHOLE).status == 503


def test_a_daemon_without_file_descriptors_lives_and_recovers(tmp_path: Path) -> None:
    with running_daemon(tmp_path) as daemon, contextlib.ExitStack() as stack:
        job = daemon.job("small", "pass\n")
        limit, most = resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE)
        highest = max(int(name) for name in os.listdir(f"/proc/{daemon.pid}/fd"))  # noqa: PTH208 - numbers are wanted
        resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, (highest + 4, most))
        connections = [stack.enter_context(wire.connect(daemon.port)) for _ in range(40)]
        for connection in connections:
            connection.sendall(wire.request())
        until(lambda: "Too many open files" in daemon.log(), what="a word in the log")
        answered, _, _ = select.select(connections, [], [], 20)  # as soon as there is one
        answers = [wire.read_answer(connection) for connection in answered]
        assert answers
        # With the last descriptor somebody is let in of whom the kernel cannot be asked: he is told to come again.
        assert {answer.status for answer in answers} <= {200, 503}
        assert daemon.process is not None
        assert daemon.process.poll() is None

        stack.close()
        resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, (limit, most))
        until(lambda: json.loads(daemon.get("/healthz")[1])["status"] == "ok", what="an answer")
        assert runs.finish(daemon, job)["JobRunState"] == "SUCCEEDED"


@pytest.mark.parametrize("is_used", [False, True], ids=["new", "used"])
@pytest.mark.parametrize("size", [HEAD_BYTES - 1, len(WHOLE) - 1], ids=["head", "body"])
def test_half_a_request_does_not_hold_up_the_end_of_the_daemon(tmp_path: Path, size: int, *, is_used: bool) -> None:
    with running_daemon(tmp_path) as stopping, wire.connect(stopping.port) as connection:
        if is_used:
            connection.sendall(WHOLE)
            assert wire.read_answer(connection).status == 400
        connection.sendall(WHOLE[:size])
        stopping.call("ListJobs", {})  # when this is answered, the half has been read
        assert stopping.process is not None
        stopping.process.terminate()
        answer = wire.read_answer(connection)
        assert (answer.status, answer.members["__type"]) == (503, "ServiceUnavailableException")
        assert connection.recv(1) == b""
        assert stopping.process.wait(wire.TIMEOUT_S) == 0
        assert "request_failed" not in stopping.log()
