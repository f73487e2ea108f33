"""A run is followed to its end: every byte of its log, its last state, and a line that says how far it is."""

import io
import threading
import time

import pytest

from orchestrator.faces.cli.answers import Sample
from orchestrator.faces.cli.client import Client
from orchestrator.faces.cli.following import Progress, await_end, follow, follow_log, summary
from orchestrator.faces.cli.log_reading import read_log
from orchestrator.faces.cli.text import LogOutput
from tests.unit.cli.conftest import Terminal
from tests.unit.cli.stand_in import StandIn, a_run

RUNNING = "\x1b[36mRUNNING\x1b[0m"
STARTING = "\x1b[36mSTARTING\x1b[0m"


class Pipe(io.TextIOWrapper):
    """A stream that is no terminal."""

    def __init__(self) -> None:
        """Start empty."""
        self._kept = io.BytesIO()
        super().__init__(self._kept, encoding="utf-8")

    @property
    def sent(self) -> bytes:
        """What it was sent."""
        return self._kept.getvalue()


def test_a_log_is_followed_while_it_grows(daemon: StandIn, client: Client) -> None:
    run = daemon.add(a_run(state="RUNNING"), stdout=b"first\n")
    pipe = Pipe()
    thread = threading.Thread(target=follow_log, args=(client, run["id"], "stdout", LogOutput(pipe)))
    thread.start()
    for part in (b"second\n", bytes(5000)):
        daemon.write(run, "stdout", part)
    daemon.move(run, "SUCCEEDED")
    thread.join(timeout=10)

    assert not thread.is_alive()
    assert pipe.sent == b"first\nsecond\n" + bytes(5000)


def test_what_there_is_of_a_log_is_read_without_waiting(daemon: StandIn, client: Client) -> None:
    run = daemon.add(a_run(state="RUNNING"), stdout=bytes(2500))
    pipe = Pipe()

    read_log(client, run["id"], "stdout", LogOutput(pipe))

    assert pipe.sent == bytes(2500)


def test_both_logs_come_out_each_where_it_belongs(daemon: StandIn, client: Client) -> None:
    run = daemon.add(a_run(state="RUNNING"), stdout=b"out", stderr=b"err")
    threading.Timer(0.1, daemon.move, (run, "FAILED")).start()
    out, err = Pipe(), Pipe()

    ended = follow(client, run["id"], stdout=LogOutput(out), stderr=LogOutput(err))

    assert ended["state"] == "FAILED"
    assert (out.sent, err.sent) == (b"out", b"err")


def test_waiting_ends_at_its_time(daemon: StandIn, client: Client) -> None:
    run = daemon.add(a_run(state="RUNNING"))
    began = time.monotonic()

    details = await_end(client, run["id"], until=began + 0.3)

    assert details["run"]["state"] == "RUNNING"
    assert 0.3 <= time.monotonic() - began < 5


def test_the_progress_line_says_the_state_the_time_and_what_the_run_waits_for(terminal: Terminal) -> None:
    progress = Progress(terminal)

    progress.draw(a_run(state="STARTING", state_detail="waits for 10 DPU\x1b[2J, place 2"))

    assert terminal.sent == f"\r{STARTING}  0:00  waits for 10 DPU\\x1b[2J, place 2\x1b[K"


def test_the_progress_line_says_for_how_long_the_script_runs_and_what_it_uses(terminal: Terminal) -> None:
    run = a_run(state="RUNNING", launched_on_ms=1000)
    samples = [
        Sample(after_ms=1000, cpu_ms=100, rss_bytes=2**20, processes=1),
        Sample(after_ms=3000, cpu_ms=3100, rss_bytes=3 * 2**20, processes=2),
    ]

    Progress(terminal).draw(run, samples=samples, now_ms=66_000)

    assert terminal.sent == f"\r{RUNNING}  1:05  CPU 150%  3.0 MiB\x1b[K"


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_who_wants_no_colour_gets_none(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)

    Progress(terminal).draw(a_run(state="RUNNING"))

    assert terminal.sent == ("" if name == "TERM" else "\rRUNNING  0:00\x1b[K")


def test_the_log_goes_above_the_progress_line(terminal: Terminal) -> None:
    progress = Progress(terminal)
    progress.draw(a_run(state="RUNNING"))

    with progress.room():
        terminal.write("log\n")
    progress.draw(a_run(state="RUNNING"))

    assert terminal.sent == f"\r{RUNNING}  0:00\x1b[K\r\x1b[Klog\n\r{RUNNING}  0:00\x1b[K"


def test_a_line_that_the_log_left_open_is_not_drawn_over(terminal: Terminal) -> None:
    progress = Progress(terminal)

    with progress.room(ends_line=False):
        terminal.write("loading")
    progress.draw(a_run(state="RUNNING"))

    assert terminal.sent == "loading"


def test_the_progress_line_stays_within_the_terminal(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "20")

    Progress(terminal).draw(a_run(state="STARTING", state_detail=100 * "x"))

    assert terminal.sent == f"\r{STARTING}  0:00  xxx\x1b[K"


def test_a_pipe_gets_no_progress_line() -> None:
    pipe = Pipe()

    Progress(pipe).draw(a_run(state="RUNNING"))

    assert pipe.sent == b""


def test_a_followed_log_on_a_terminal_takes_the_progress_line_away(
    daemon: StandIn, client: Client, terminal: Terminal
) -> None:
    run = daemon.add(a_run(), stdout=b"done\n")
    progress = Progress(terminal)
    progress.draw(run)

    follow_log(client, run["id"], "stdout", LogOutput(terminal), progress)

    assert terminal.sent == "\r\x1b[32mSUCCEEDED\x1b[0m  0:00\x1b[K\r\x1b[Kdone\n"


def test_the_summary_tells_what_the_run_used() -> None:
    run = a_run()

    assert summary(run) == f"{run['id']} SUCCEEDED (wall 3.2 s, CPU 1.1 s, peak memory 120.0 MiB)"


def test_the_summary_of_a_run_that_did_not_succeed_tells_why_in_one_line() -> None:
    run = a_run(
        state="FAILED",
        error_message="ValueError: bad\nrow\x1b",
        wall_ms=None,
        cpu_ms=None,
        peak_process_rss_bytes=None,
        peak_tree_rss_bytes=None,
    )

    assert summary(run) == f"{run['id']} FAILED: ValueError: bad row\\x1b"
