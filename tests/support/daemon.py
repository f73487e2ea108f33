"""A real daemon as a subprocess, with its own state directory, jobs directory and port.

Used as a context manager it leaves nothing behind: the daemon is ended, and so is every process of its runs.
"""

import contextlib
import http.client
import json
import os
import random
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Final, Self

import psutil

from tests.support import processes
from tests.support.nursery import Forked
from tests.support.waiting import until

ROOT: Final = Path(__file__).resolve().parents[2]
AS_ROOT: Final = {"ORCHESTRATOR_RUNS__ALLOW_ROOT": "true"}
"""The tests' scripts are the user's that runs the tests, whoever that is."""
_PORTS: Final = range(15_000, 32_000)
"""Below those that the kernel gives to clients, one of which could sit on the port of a daemon that is down."""
_START_WITHIN_S: Final = 30
CLEAN: Final = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "PYTHONPATH": str(ROOT), **AS_ROOT}
"""The environment of a daemon, but for its home."""


class Daemon:
    """One daemon; it may be killed and started again on the same state directory and port."""

    usual_popen: ClassVar[Callable[..., Any]] = subprocess.Popen
    """Returns the process; what the crash tests put here forks it (tests/support/nursery.py)."""

    def __init__(self, root: Path, environment: Mapping[str, str] | None = None) -> None:
        """Keep everything below `root`. `environment` is added to an otherwise clean one (settings, crash points)."""
        self.root = root
        self.state_dir = root / "state"
        self.jobs_dir = root / "jobs"
        self.jobs_dir.mkdir(parents=True, exist_ok=True)
        self.log_path = root / "daemon.log"
        self.environment = dict(environment or {})
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | Forked | None = None
        self.popen = type(self).usual_popen

    @property
    def endpoint_url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """The daemon's pid."""
        assert self.process is not None
        return self.process.pid

    def __enter__(self) -> Self:
        """Start it."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it and every process of its runs."""
        self.kill()
        self.end_runs()

    def start(self, environment: Mapping[str, str] | None = None, *, wait: bool = True) -> None:
        """Start the daemon, with `environment` for this start only; when this returns it answers."""
        clean = {**CLEAN, "HOME": str(self.root)}
        for name in ("COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG"):
            if name in os.environ:
                clean[name] = os.environ[name]
        with self.log_path.open("ab") as log:
            self.process = self.popen(
                [
                    *(sys.executable, "-m", "orchestrator", "serve"),
                    *("--state-dir", str(self.state_dir)),
                    *("--jobs-dir", str(self.jobs_dir)),
                    *("--port", str(self.port)),
                ],
                env={**clean, **self.environment, **(environment or {})},
                cwd=self.root,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        if wait:
            until(self.is_serving, within_s=_START_WITHIN_S, what=f"serving on {self.endpoint_url}")

    def is_serving(self) -> bool:
        """Say whether it answers; raise if it has ended instead."""
        assert self.process is not None
        if self.process.poll() is not None:
            message = f"the daemon ended with {self.process.returncode}:\n{self.log()}"
            raise AssertionError(message)
        with contextlib.suppress(OSError, http.client.HTTPException):
            return self.get("/healthz")[0] == http.HTTPStatus.OK
        return False

    def kill(self, number: int = signal.SIGKILL) -> int:
        """End the daemon by a signal and wait for it; return its exit code."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(timeout=20)

    def terminate(self) -> int:
        """End the daemon as a service manager would; return its exit code."""
        return self.kill(signal.SIGTERM)

    def wait_until_dead(self, within_s: float = 20) -> int:
        """Wait until it ends by itself (a crash point); return its exit code."""
        assert self.process is not None
        return self.process.wait(timeout=within_s)

    def end_runs(self) -> None:
        """Kill what is left of the runs: shims first ask to be stopped, then are killed with their trees."""
        for process in processes.below(self.state_dir):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()

    def log(self) -> str:
        """Return what the daemon logged, over all its starts."""
        return self.log_path.read_text(errors="replace")

    def get(self, path: str) -> tuple[int, bytes, dict[str, str]]:
        """GET a plain route; return status, body and headers (lower case)."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=70)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read(), {key.lower(): value for key, value in response.getheaders()}
        finally:
            connection.close()

    def call(self, action: str, members: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Call an action without an SDK, Glue's or `Orchestrator.X`; return the answer. An error's answer has `__type`."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=70)
        try:
            target = action if "." in action else f"AWSGlue.{action}"
            standard = {"X-Amz-Target": target, "Content-Type": "application/x-amz-json-1.1"}
            connection.request("POST", "/", json.dumps(members), {**standard, **(headers or {})})
            answer: dict[str, Any] = json.loads(connection.getresponse().read())
            return answer
        finally:
            connection.close()

    def client(self, **config: Any) -> Any:
        """Return a boto3 Glue client on this daemon. Needs boto3."""
        import boto3  # noqa: PLC0415 - only some tests need it, and it takes long to import
        from botocore.config import Config  # noqa: PLC0415

        return boto3.client(
            "glue",
            endpoint_url=self.endpoint_url,
            region_name="us-east-1",
            aws_access_key_id="x",
            aws_secret_access_key="x",
            config=Config(**config) if config else None,
        )

    def job(self, name: str, script: str, *, suffix: str = ".py", **members: Any) -> str:
        """Write a script and create a job for it over the API; return the job's name."""
        path = self.root / f"{name.replace('/', '_')}{suffix}"
        path.write_text(script)
        path.chmod(0o755)
        command = {"Name": "pythonshell", "ScriptLocation": str(path), "PythonVersion": "3"}
        answer = self.call("CreateJob", {"Name": name, "Role": "r", "Command": command, **members})
        assert answer == {"Name": name}, answer
        return name

    def run(self, name: str, run_id: str) -> dict[str, Any]:
        """Return a run as GetJobRun shows it."""
        answer = self.call("GetJobRun", {"JobName": name, "RunId": run_id})
        run: dict[str, Any] = answer["JobRun"]
        return run

    def ended(self, name: str, run_id: str, *, within_s: float = 30) -> dict[str, Any]:
        """Wait until a run has ended; return it."""

        def look() -> dict[str, Any] | None:
            run = self.run(name, run_id)
            return run if "CompletedOn" in run else None

        return until(look, within_s=within_s, what=f"the end of {run_id}") or {}


@contextlib.contextmanager
def running_daemon(root: Path, environment: Mapping[str, str] | None = None) -> Iterator[Daemon]:
    """Lend a running daemon."""
    with Daemon(root, environment) as daemon:
        yield daemon


def free_port() -> int:
    """Return a port that nobody listens on now, and that no other worker of pytest-xdist is given."""
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    ours = _PORTS[int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) :: workers]
    source = random.SystemRandom()
    while True:
        port = source.choice(ours)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
