"""A client that resets its connection in the midst of a call, at whatever byte or moment, does harm to nobody.

Whether its call was done is for the store to say: all of it or nothing (test_cancelled_calls.py). Here: no transaction
stays open, nothing is logged as a failure, nothing is held open, and the daemon answers as ever.
"""

import itertools
import json
import socket
import sqlite3
import struct
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Final

import psutil
import pytest

from orchestrator.wire import logs_shapes, shapes
from tests.support import every_action
from tests.support.daemon import Daemon
from tests.support.waiting import until
from tests.support.wire import connect, request

_ACTIONS: Final = sorted([*shapes.REQUESTS, *(f"Logs.{name}" for name in logs_shapes.REQUESTS)])
_RESET_AT_ONCE: Final = struct.pack("ii", 1, 0)


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Daemon, Mapping[str, every_action.Members]]]:
    """Lend a daemon on a store in which every action has something to do, and the calls that do it."""
    daemon = Daemon(tmp_path_factory.mktemp("daemon"), {"ORCHESTRATOR_LOG_FORMAT": "json"})
    daemon.state_dir.mkdir(mode=0o700)
    calls = every_action.fill(daemon.state_dir / "state.db")
    with daemon:
        yield daemon, calls


def _spelled(action: str, members: every_action.Members) -> bytes:
    name = action.removeprefix("Logs.")
    target = f"AWSGlue.{name}" if name == action else f"Logs_20140328.{name}"
    return request(json.dumps(members).encode(), target=target)


def _send_and_vanish(port: int, data: bytes) -> None:
    """Send and reset: the other end's next read or write fails."""
    with connect(port) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_AT_ONCE)
        connection.sendall(data)


def _open_sockets(daemon: Daemon) -> int:
    """Return how many connections the daemon has."""
    return sum(one.status == psutil.CONN_ESTABLISHED for one in psutil.Process(daemon.pid).net_connections("tcp"))


@pytest.mark.parametrize("action", _ACTIONS)
def test_a_client_that_vanishes_anywhere_in_a_call_does_no_harm(
    action: str, daemon: tuple[Daemon, Mapping[str, every_action.Members]]
) -> None:
    running, calls = daemon
    whole = _spelled(action, calls[action])
    body_at = whole.index(b"\r\n\r\n") + 4
    log_before = len(running.log())
    cuts = [1, body_at // 2, body_at, (body_at + len(whole)) // 2, len(whole) - 1, *[len(whole)] * 5]
    for cut in cuts:
        _send_and_vanish(running.port, whole[:cut])
    for first, second in itertools.pairwise([whole, whole, whole]):  # and amid calls that were sent all at once
        _send_and_vanish(running.port, first + second[: len(second) // 2])
    assert running.get("/healthz")[0] == 200
    until(lambda: _open_sockets(running) == 0, what="no connection that is left")
    path: Path = running.state_dir / "state.db"
    with closing(sqlite3.connect(path, timeout=5, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")  # nobody else has a transaction open
        other.execute("ROLLBACK")
    assert '"level": "error"' not in running.log()[log_before:], running.log()[log_before:]
    tagged = running.call("TagResource", {"ResourceArn": every_action.ARN, "TagsToAdd": {"seen": action}})
    assert tagged == {}, tagged
    assert running.call("GetTags", {"ResourceArn": every_action.ARN})["Tags"]["seen"] == action
