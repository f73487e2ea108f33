"""Ctrl-C leaves a run alone and says how to go on, or stops it where that was asked for; real processes, real signals."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from orchestrator.faces.cli.answers import Run
from orchestrator.faces.cli.commands.run import _how_to_go_on
from orchestrator.faces.cli.exit_codes import ExitCode
from tests.unit.cli.stand_in import StandIn, a_run


def test_an_interrupted_run_goes_on(daemon: StandIn) -> None:
    run = _startable(daemon)

    with _following(daemon, "run", "ingest") as process:
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=20)

    assert process.returncode == ExitCode.INTERRUPTED
    assert f"{run['id']} goes on." in told
    assert f"`orchestrator logs -f {run['id']}` follows it" in told
    assert f"`orchestrator stop {run['id']}` stops it" in told
    assert not daemon.members_of("BatchStopJobRun")


def test_what_to_do_next_names_the_places_that_a_brief_daemon_was_given() -> None:
    told = _how_to_go_on("jr_1", ["--state-dir=/a b", "--port=5000"])

    assert "`orchestrator '--state-dir=/a b' --port=5000 serve` takes it up again" in told
    assert "`orchestrator '--state-dir=/a b' --port=5000 logs -f jr_1` follows it" in told
    assert "`orchestrator '--state-dir=/a b' --port=5000 stop jr_1` stops it" in told


def test_an_interrupted_run_is_stopped_where_that_was_asked_for(daemon: StandIn) -> None:
    run = _startable(daemon)

    with _following(daemon, "run", "ingest", "--stop-on-interrupt") as process:
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=20)

    assert process.returncode == ExitCode.INTERRUPTED
    assert f"{run['id']} STOPPED" in told
    assert daemon.members_of("BatchStopJobRun") == [{"JobName": "ingest", "JobRunIds": [run["id"]]}]


def test_an_interrupted_log_ends_quietly(daemon: StandIn) -> None:
    run = _startable(daemon)

    with _following(daemon, "logs", "-f", run["id"]) as process:
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=20)

    assert process.returncode == ExitCode.INTERRUPTED
    assert told.strip() == ""


def test_a_followed_run_whose_reader_leaves_is_waited_for(daemon: StandIn) -> None:
    run = _startable(daemon)

    with _following(daemon, "run", "ingest") as process:
        assert process.stdout is not None
        process.stdout.close()
        daemon.write(run, "stdout", b"nobody reads this\n")
        daemon.move(run, "SUCCEEDED")
        assert process.wait(timeout=20) == ExitCode.SUCCESS


def _startable(daemon: StandIn) -> Run:
    """Return a run that StartJobRun starts, that has written a line, and that ends when it is stopped."""
    run = daemon.add(a_run(state="RUNNING"), stdout=b"it runs\n")
    daemon.actions["StartJobRun"] = lambda _: (200, {"JobRunId": run["id"]})

    def stop(_: object) -> tuple[int, dict[str, object]]:
        daemon.move(run, "STOPPED")
        return 200, {"SuccessfulSubmissions": [], "Errors": []}

    daemon.actions["BatchStopJobRun"] = stop
    return run


@contextmanager
def _following(daemon: StandIn, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Run the command line in a process of its own, and yield when the first line of the log has come out."""
    process = subprocess.Popen(
        [sys.executable, "-m", "orchestrator", *arguments, "--endpoint-url", daemon.url],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )
    with process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "it runs\n"
            yield process
        finally:
            process.kill()
