"""A private daemon: on a free port of 127.0.0.1, with its state in a temporary directory, gone with whoever wanted it.

A guard keeps it (executors/local/guard.py): when the context ends, or this process in whatever way, the guard kills the daemon and
every process of its runs, and removes the directory.
"""

import json
import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from orchestrator.testing.environment import environment

START_TIMEOUT_S: Final = 60.0
STOP_TIMEOUT_S: Final = 60.0
_GUARD: Final = Path(__file__).parents[1] / "executors" / "local" / "guard.py"
_LOG: Final = "daemon.log"
_LOOK_S: Final = 0.01
_TOLD_BYTES: Final = 4000
_REFUSALS: Final = ("job_file_refused", "trigger_file_refused")
_LIVE: Final = ("WAITING", "STARTING", "RUNNING", "STOPPING")


class DaemonError(Exception):
    """The daemon did not start, does not answer, or could not be ended; the sentence says why, with the end of its log."""


@dataclass(frozen=True, slots=True)
class GlueDaemon:
    """A running daemon."""

    endpoint_url: str
    """Where it answers, `http://127.0.0.1:<port>`."""
    region: str
    state_dir: Path
    """What it remembers, with each run's directory; the guard removes it."""
    jobs_dir: Path
    log_path: Path
    """Its own log, a JSON object in each line."""

    def client(self, service_name: str = "glue") -> Any:
        """Return a boto3 client on it, `glue` or `logs`: whatever credentials, profile or proxies the environment names.

        Raises:
            ModuleNotFoundError: boto3 is not installed.
        """
        from orchestrator.testing.clients import make_client  # noqa: PLC0415 - boto3 takes half a second to import

        return make_client(service_name, self.endpoint_url, self.region)

    def wait_for_run(self, job_name: str, run_id: str, timeout_s: float = 60.0) -> dict[str, Any]:
        """Wait until the run has ended; return it as GetJobRun tells it (`JobRun`), however it ended.

        Retries are runs of their own; this waits for the one that is named.

        Raises:
            TimeoutError: it has not ended within `timeout_s` seconds; the sentence has its state, and what it waits for.
        """
        from orchestrator.testing.routes import await_change  # noqa: PLC0415 - http.client takes long to import

        client = self.client()
        give_up_at = time.monotonic() + timeout_s
        while True:
            run: dict[str, Any] = client.get_job_run(JobName=job_name, RunId=run_id)["JobRun"]
            state = run["JobRunState"]
            if state not in _LIVE:
                return run
            left_s = give_up_at - time.monotonic()
            if left_s <= 0:
                detail = f" ({run['StateDetail']})" if run.get("StateDetail") else ""
                raise TimeoutError(f"{run_id} of {job_name} is {state}{detail} after {timeout_s:g} s")
            await_change(self.endpoint_url, run_id, state, left_s)

    def output(self, run_id: str, stream: Literal["stdout", "stderr"] = "stdout") -> str:
        """Return what the run's script has written so far; what is not UTF-8 is replaced.

        Raises:
            DaemonError: there is no such run, or the daemon does not answer.
        """
        from orchestrator.testing.routes import log_of  # noqa: PLC0415 - http.client takes long to import

        return log_of(self.endpoint_url, run_id, stream).decode("utf-8", "replace")

    def log(self) -> str:
        """Return what the daemon has logged so far."""
        return self.log_path.read_text(encoding="utf-8", errors="replace")


@contextmanager
def private_daemon(
    jobs_dir: Path | None = None,
    *,
    triggers_file: Path | None = None,
    settings: Mapping[str, object] | None = None,
) -> Iterator[GlueDaemon]:
    """Lend a daemon with the jobs below `jobs_dir` (none: those that are made over the API).

    `settings` are those of orchestrator.toml, a mapping for each section; no file and no variable of the caller's adds to them.
    When this ends nothing is left: no daemon, no process of a run, no file of theirs. Runs are killed, without a grace time.

    Raises:
        DaemonError: it does not start, or a job file, the trigger file or a setting has a mistake; or it could not be ended.
        ValueError: a setting is not the caller's to choose.
    """
    directory = Path(tempfile.gettempdir()).absolute() / f"orchestrator-{os.urandom(8).hex()}"
    told = environment(os.environ, settings or {})
    jobs = directory / "jobs" if jobs_dir is None else jobs_dir.absolute()
    triggers = directory / "triggers.toml" if triggers_file is None else triggers_file.absolute()
    told["ORCHESTRATOR_TRIGGERS_FILE"] = str(triggers)
    guard = _guarded(directory, jobs, told)
    try:
        endpoint_url = _await_serving(guard, directory / _LOG, is_empty=jobs_dir is None)
        yield GlueDaemon(
            endpoint_url=endpoint_url,
            region=told.get("ORCHESTRATOR_REGION", "us-east-1"),
            state_dir=directory / "state",
            jobs_dir=jobs,
            log_path=directory / _LOG,
        )
    finally:
        _end(guard, directory)


def _guarded(directory: Path, jobs: Path, told: Mapping[str, str]) -> "subprocess.Popen[bytes]":
    """Start a guard that starts a daemon with the environment `told`; return the guard."""
    command = [
        *(sys.executable, "-P", "-m", "orchestrator", "serve", "--with-parent"),
        *("--state-dir", str(directory / "state"), "--jobs-dir", str(jobs), "--port", "0"),
    ]
    return subprocess.Popen(
        [sys.executable, "-I", "-S", str(_GUARD), str(os.getpid()), str(directory), *command],
        cwd="/",  # where no configuration file lies; and with -P no package of the caller's is taken for ours
        env=told,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,  # Ctrl-C in a terminal is for the tests, which then end it
    )


def _await_serving(guard: "subprocess.Popen[bytes]", log: Path, *, is_empty: bool) -> str:
    """Return the endpoint's URL, which the daemon logs when it can be called."""
    assert guard.stdout is not None  # noqa: S101 - it is a pipe
    give_up_at = time.monotonic() + START_TIMEOUT_S
    while True:
        has_ended = bool(select.select([guard.stdout], [], [], _LOOK_S)[0])
        events = _events(log)
        mistakes = [event for event in events if event.get("event") in _REFUSALS]
        serving = next((event for event in events if event.get("event") == "serving"), None)
        if has_ended:
            raise DaemonError(f"the daemon did not start ({_ended(guard)}):\n{_end_of(log)}")
        if serving is not None:
            told = [_sentence(mistake) for mistake in mistakes if not is_empty or "trigger" in mistake["event"]]
            if told:
                raise DaemonError("\n".join(["the daemon's files have mistakes:", *told]))
            return str(serving["endpoint_url"])
        if time.monotonic() > give_up_at:
            raise DaemonError(f"the daemon did not start within {START_TIMEOUT_S:g} s:\n{_end_of(log)}")


def _events(log: Path) -> list[dict[str, Any]]:
    """Return what has been logged; a line that is not whole yet, or none of the daemon's own, is left out."""
    try:
        lines = log.read_bytes().splitlines()
    except FileNotFoundError:  # the guard is about to make it
        return []
    found = []
    for line in lines:
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict):
            found.append(event)
    return found


def _sentence(event: Mapping[str, Any]) -> str:
    line = "" if event.get("line") is None else f"{event['line']}:"
    return f"{event.get('file')}:{line} {event.get('problem')}"


def _ended(guard: "subprocess.Popen[bytes]") -> str:
    assert guard.stdout is not None  # noqa: S101 - it is a pipe
    return guard.stdout.readline().decode().strip() or "its guard is gone"


def _end_of(log: Path) -> str:
    try:
        return log.read_bytes()[-_TOLD_BYTES:].decode("utf-8", "replace").strip() or "it said nothing"
    except FileNotFoundError:
        return "it said nothing"


def _end(guard: "subprocess.Popen[bytes]", directory: Path) -> None:
    """Have everything ended and removed, and wait for it."""
    assert guard.stdin is not None  # noqa: S101 - they are pipes
    assert guard.stdout is not None  # noqa: S101
    with guard.stdout:
        guard.stdin.close()
        try:
            code = guard.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            raise DaemonError(
                f"the private daemon or a process of its runs did not end within {STOP_TIMEOUT_S:g} s; its guard, "
                f"process {guard.pid}, goes on trying"
            ) from None
        if code:
            raise DaemonError(f"the guard of the private daemon ended with {code}; {directory} may be left")
