"""A log is read from where somebody wants it: its last lines, since a time, or both; nothing else of it is moved."""

import io
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.faces.cli.client import Client
from orchestrator.faces.cli.log_reading import _before_last, start_of
from orchestrator.model.states import JobRunState
from tests.unit.cli.stand_in import StandIn, a_run


def lines_from(log: bytes, offset: int) -> list[bytes]:
    return log[offset:].splitlines()


@pytest.mark.parametrize("ending", [b"", b"\n"])
@pytest.mark.parametrize("lines", [0, 1, 2, 3, 4, 100])
def test_the_last_lines_are_the_last_lines(daemon: StandIn, client: Client, lines: int, ending: bytes) -> None:
    log = b"one\ntwo\n\nfour" + ending
    run = daemon.add(a_run(), stdout=log)

    offset = start_of(client, run["id"], "stdout", lines=lines, since_ms=None)

    assert lines_from(log, offset) == (log.splitlines()[-lines:] if lines else [])


def test_more_lines_than_the_first_look_holds_are_found(daemon: StandIn, client: Client) -> None:
    log = b"".join(b"%0400d\n" % number for number in range(1000))
    run = daemon.add(a_run(), stdout=log)

    offset = start_of(client, run["id"], "stdout", lines=500, since_ms=None)

    assert int(log[offset : offset + 400]) == 500


def test_since_and_lines_together_begin_at_the_later(daemon: StandIn, client: Client) -> None:
    log = b"old\nnew 1\nnew 2\n"
    run = daemon.add(a_run(), stdout=log)
    daemon.written = [(1000, 0), (2000, 4)]

    def begins(lines: int | None, since_ms: int | None) -> bytes:
        return log[start_of(client, run["id"], "stdout", lines=lines, since_ms=since_ms) :]

    assert begins(None, 2000) == b"new 1\nnew 2\n"
    assert begins(1, 2000) == b"new 2\n"
    assert begins(9, 2000) == b"new 1\nnew 2\n"
    assert begins(None, 3000) == b""


def test_the_last_lines_of_a_log_that_is_written_end_where_following_goes_on(daemon: StandIn, client: Client) -> None:
    run = daemon.add(a_run(state=JobRunState.RUNNING), stdout=b"one\ntwo\n")
    offset = start_of(client, run["id"], "stdout", lines=1, since_ms=None)
    writing = threading.Timer(0.05, daemon.write, (run, "stdout", b"three\n"))
    writing.start()

    read = io.BytesIO()
    while read.getvalue() != b"two\nthree\n":
        part = client.log(run["id"], "stdout", offset=offset, wait_s=5)
        read.write(part.data)
        offset = part.next_offset
    writing.join()


@given(st.binary(max_size=30).map(lambda data: data.replace(b"\r", b"\n")), st.integers(0, 6))
def test_lines_are_counted_as_tail_counts_them(data: bytes, lines: int) -> None:
    place = _before_last(data, lines)
    parts = data.split(b"\n")
    whole = [part + b"\n" for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])

    if place is None:
        assert len(whole) <= lines or not data
    else:
        assert data[place:] == b"".join(whole[len(whole) - lines :] if lines else [])
