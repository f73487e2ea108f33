"""A real systemd, as PID 1 of a machine in namespaces, that runs the repository's own unit. It needs root."""

import contextlib
import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Self

import psutil

from tests.support.daemon import ROOT, free_port
from tests.support.waiting import until

UNIT: Final = "orchestrator.service"
SYSTEMD: Final = Path("/lib/systemd/systemd")
_PROGRAMS: Final = ("unshare", "nsenter", "setpriv", "systemctl", "journalctl", "dbus-daemon")
_MACHINE: Final = ROOT / "tests" / "support" / "systemd_machine.sh"
_USER: Final = "orchestrator:x:64321:64321::/var/lib/orchestrator:/usr/sbin/nologin\n"
_GROUP: Final = "orchestrator:x:64321:\n"
_BOOT_WITHIN_S: Final = 30
_NAMESPACES: Final = ("--mount", "--pid", "--cgroup", "--uts", "--ipc")


def missing() -> str | None:
    """Say what a systemd of our own misses here; None where nothing is missing."""
    if os.geteuid() != 0:
        return "only root can make the namespaces of a systemd"
    lacking = [name for name in _PROGRAMS if shutil.which(name) is None]
    if lacking or not SYSTEMD.exists():
        return f"not installed: {', '.join(lacking) or SYSTEMD} (make test-deps)"
    if _unified() is None:
        return "no cgroup2 file system is mounted"
    return None


def _unified() -> Path | None:
    """Return where this machine's cgroup2 is mounted."""
    mounts = (line.split() for line in Path("/proc/self/mounts").read_text().splitlines())
    return next((Path(fields[1]) for fields in mounts if fields[2] == "cgroup2"), None)


class Machine:
    """A systemd, and the service in it. Used as a context manager it leaves nothing behind."""

    def __init__(self) -> None:
        """Start nothing yet."""
        unified = _unified()
        assert unified is not None
        self.port = free_port()
        self.cgroup = Path(tempfile.mkdtemp(prefix="orchestrator-tests-", dir=unified))
        self.cgroup.chmod(0o755)  # it is the machine's root of all cgroups
        self._passed_on: list[str] = []
        self.is_changed = False
        """Whether the service's settings or unit are not as they were installed."""
        self._base = Path(tempfile.mkdtemp(prefix="systemd-"))
        self._said = Path(f"{self._base}.said")
        self._outside: subprocess.Popen[bytes] | None = None
        self._pid = 0

    def __enter__(self) -> Self:
        """Start systemd, and wait until it is up."""
        try:
            self._boot()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """End it; the kernel ends all that it runs."""
        self._end()

    def _boot(self) -> None:
        inside = ["sh", str(_MACHINE), str(self._base)]
        unshare = ["unshare", *_NAMESPACES, "--fork", "--kill-child=KILL", "--propagation=private", "--", *inside]
        join = f'echo $$ > "{self.cgroup}/cgroup.procs"; exec setpriv --pdeathsig KILL -- "$@"'
        with self._said.open("wb") as said:
            self._outside = subprocess.Popen(
                ["sh", "-c", join, "sh", *unshare], stdin=subprocess.DEVNULL, stdout=said, stderr=said
            )

        def first() -> int:
            assert self._outside is not None
            if self._outside.poll() is not None:
                message = f"it did not start: {self._said.read_text(errors='replace')}"
                raise AssertionError(message)
            below = psutil.Process(self._outside.pid).children()
            return below[0].pid if below and Path(below[0].exe()).name == "systemd" else 0

        self._pid = until(first, within_s=_BOOT_WITHIN_S, what="systemd")
        outer = self.cgroup / "outer"  # where processes are, no controller can be passed on
        outer.mkdir()
        (outer / "cgroup.procs").write_text(str(self._outside.pid))
        until(lambda: self.inside("systemctl", "is-active", "tests.target", "dbus.service"), what="a system that is up")

    def _end(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            if self._pid:
                os.kill(self._pid, signal.SIGKILL)
        if self._outside is not None:
            if not self._pid:
                self._outside.kill()
            self._outside.wait(timeout=30)
        until(lambda: "populated 0" in (self.cgroup / "cgroup.events").read_text(), what="the end of its processes")
        for path in sorted(self.cgroup.rglob("*"), reverse=True):
            if path.is_dir():
                path.rmdir()
        self.cgroup.rmdir()
        for name in self._passed_on:
            (self.cgroup.parent / "cgroup.subtree_control").write_text(f"-{name}")
        self._base.rmdir()
        self._said.unlink(missing_ok=True)

    def pass_controller_on(self) -> str:
        """Have one controller passed on down to the cgroups of services; return its name."""
        above = self.cgroup.parent
        name = (above / "cgroup.controllers").read_text().split()[-1]
        if name not in (above / "cgroup.subtree_control").read_text().split():
            self._passed_on.append(name)
        for folder in (above, self.cgroup, self.cgroup / "system.slice"):
            (folder / "cgroup.subtree_control").write_text(f"+{name}")
        return name

    def path(self, inside: str) -> Path:
        """Return how a file of the machine is reached from here."""
        return Path(f"/proc/{self._pid}/root{inside}")

    def inside(self, *command: str) -> bool:
        """Run a command on the machine; say whether it succeeded."""
        return self._run(*command).returncode == 0

    def output(self, *command: str) -> str:
        """Run a command on the machine, which must succeed; return what it says."""
        done = self._run(*command)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}\n{self.log()}"
        return done.stdout

    def shell(self, script: str) -> tuple[int, str]:
        """Run a script of sh on the machine; return its exit code, and what it says on both outputs."""
        done = self._run("sh", "-c", f"exec 2>&1\n{script}")
        return done.returncode, done.stdout

    def _run(self, *command: str) -> "subprocess.CompletedProcess[str]":
        enter = ["nsenter", "--target", str(self._pid), "--mount", "--pid", "--cgroup", "--uts", "--ipc", "--"]
        return subprocess.run([*enter, *command], capture_output=True, text=True, timeout=60, check=False)

    def systemctl(self, *arguments: str) -> str:
        """Call systemctl."""
        return self.output("systemctl", "--no-pager", *arguments)

    def property(self, name: str) -> str:
        """Return a property of the service."""
        return self.systemctl("show", "--value", f"--property={name}", UNIT).strip()

    def log(self) -> str:
        """Return what the service logged."""
        return self._run("journalctl", "--no-pager", "--output=cat", f"--unit={UNIT}").stdout

    def install(self, unit: str) -> None:
        """Install the service: the text of its unit with this checkout's program, a user, a settings file."""
        for name, line in (("passwd", _USER), ("group", _GROUP)):
            with self.path(f"/etc/{name}").open("a") as file:
                file.write(line)
        self.lend_program()
        self.path("/etc/orchestrator").mkdir()
        self.path("/srv/jobs").mkdir(parents=True)
        self.configure()
        lines = [self.start_line(ROOT) if line.startswith("ExecStart=") else line for line in unit.splitlines()]
        self.path(f"/etc/systemd/system/{UNIT}").write_text("\n".join(lines))
        self.systemctl("daemon-reload")

    def lend_program(self) -> None:
        """Let every user of the machine execute this checkout's program."""
        for program in (ROOT, Path(sys.executable), Path(sys.executable).resolve()):
            for folder in program.parents:  # on the layer above: nothing of this machine changes
                path = self.path(str(folder))
                path.chmod(path.stat().st_mode | 0o011)
        self.path(str(ROOT)).chmod(0o755)

    def start_line(self, package: Path) -> str:
        """Return the ExecStart of a program whose package is below `package`."""
        command = f"{sys.executable} -m orchestrator --config /etc/orchestrator/orchestrator.toml serve"
        return f"ExecStart=/usr/bin/env PYTHONPATH={package} {command}"

    def configure(self, further: str = "") -> None:
        """Write the settings file."""
        self.is_changed |= bool(further)
        text = f'port = {self.port}\njobs_dir = "/srv/jobs"\n{further}'
        self.path("/etc/orchestrator/orchestrator.toml").write_text(text)

    def drop_in(self, text: str) -> None:
        """Change the unit by a drop-in; empty: as it is installed."""
        self.is_changed |= bool(text)
        folder = self.path(f"/etc/systemd/system/{UNIT}.d")
        folder.mkdir(exist_ok=True)
        (folder / "tests.conf").write_text(text and f"[Service]\n{text}\n")
        self.systemctl("daemon-reload")

    def call(self, action: str, **members: Any) -> dict[str, Any]:
        """Call an action of the service."""
        headers = {"X-Amz-Target": f"AWSGlue.{action}", "Content-Type": "application/x-amz-json-1.1"}
        answer: dict[str, Any] = json.loads(self._request("POST", "/", json.dumps(members), headers))
        return answer

    def is_serving(self) -> bool:
        """Say whether the service answers."""
        with contextlib.suppress(OSError, http.client.HTTPException):
            return bool(self._request("GET", "/healthz"))
        return False

    def _request(self, method: str, path: str, body: str = "", headers: Mapping[str, str] | None = None) -> bytes:
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)) as connection:
            connection.request(method, path, body, dict(headers or {}))
            return connection.getresponse().read()

    def define(self, job: str, script: str, more: str = "") -> None:
        """Define a job by its file, and have it read."""
        folder = self.path(f"/srv/jobs/{job}")
        folder.mkdir()
        (folder / "script.py").write_text(script)
        command = '[Command]\nName = "pythonshell"\nScriptLocation = "script.py"\n'
        (folder / "job.toml").write_text(f"{command}{more}")
        for path in (folder, *folder.iterdir()):
            path.chmod(0o755)
        self.systemctl("reload", UNIT)
        until(lambda: "Job" in self.call("GetJob", JobName=job), what=f"the job {job}")

    def start_run(self, job: str) -> str:
        """Start a run; return its id."""
        run_id: str = self.call("StartJobRun", JobName=job)["JobRunId"]
        return run_id

    def run(self, job: str, run_id: str) -> dict[str, Any]:
        """Return a run."""
        run: dict[str, Any] = self.call("GetJobRun", JobName=job, RunId=run_id)["JobRun"]
        return run

    def ended(self, job: str, run_id: str) -> dict[str, Any]:
        """Wait for a run's end; return it."""

        def look() -> dict[str, Any] | None:
            run = self.run(job, run_id)
            return run if "CompletedOn" in run else None

        return until(look, within_s=30, what=f"the end of {run_id}") or {}


@contextlib.contextmanager
def running_machine() -> Iterator[Machine]:
    """Lend a machine on which the repository's service is installed and runs."""
    with Machine() as machine:
        machine.install((ROOT / "config" / UNIT).read_text())
        machine.systemctl("start", UNIT)
        yield machine
