"""Where it takes place: a small disk, a daemon that is started again whenever it is down, jobs, triggers and a workflow."""

import contextlib
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Self

from tests.soak.history import Conditional, Job
from tests.soak.record import Record
from tests.support.daemon import ROOT, Daemon
from tests.support.waiting import until

DPUS: Final = 24
_SCRIPT: Final = Path(__file__).with_name("script.py")
_CLOCK: Final = Path(__file__).with_name("clock")
_IO_ERROR: Final = 74

JOBS: Final[dict[str, tuple[Job, dict[str, Any]]]] = {}


def _job(name: str, do: str = "", *, arguments: dict[str, str] | None = None, **facts: Any) -> None:
    members = {
        "MaxCapacity": 1,
        "MaxRetries": facts.get("max_retries", 0),
        "ExecutionProperty": {"MaxConcurrentRuns": facts.get("max_concurrent", 50)},
        "JobRunQueuingEnabled": facts.pop("queues", True),
        "DefaultArguments": {"--do": do or "nothing", **(arguments or {})},
    }
    if facts.get("has_timeout"):
        members["Timeout"] = 1
    JOBS[name] = (Job(name=name, **facts), members)


_job("quick")
_job("flaky", arguments={"--code": "3"}, max_retries=2)
_job("chance", "chance", max_retries=1)
_job(
    "mark",
    "bookmark",
    arguments={"--job-bookmark-option": "job-bookmark-enable"},
    max_concurrent=1,
    moves_bookmark=True,
)
_job(
    "race",
    "bookmark",
    arguments={"--job-bookmark-option": "job-bookmark-enable"},
    max_concurrent=4,
    moves_bookmark=True,
)
_job("warm", arguments={"--orchestrator-preload": "json,decimal"})
_job("warm-chance", "chance", arguments={"--orchestrator-preload": "json"}, max_retries=1)
_job("parent", "parent", arguments={"--seconds": "1.5"})
_job("stubborn", "stubborn", arguments={"--seconds": "4"})
_job("long", arguments={"--seconds": "8"})
_job("chatty", "chatty")
_job("strict", max_concurrent=1, queues=False, arguments={"--seconds": "0.4"})
_job("overtime", arguments={"--seconds": "90"}, has_timeout=True)
_job("first", "chance", max_retries=1)
_job("second", arguments={"--orchestrator-preload": "json"})
_job("rescue")
_job("tick")
_job("wf-a", "chance")
_job("wf-b")
JOBS["by-file"] = (Job(name="by-file"), {})
JOBS["whole"] = (Job(name="whole"), {"MaxCapacity": DPUS})

CONDITIONALS: Final = (
    Conditional(name="then", watches="first", state="SUCCEEDED"),
    Conditional(name="rescues", watches="first", state="FAILED"),
    Conditional(name="at-last", watches="second", state="SUCCEEDED"),
    Conditional(name="wf-then", watches="wf-a", state="SUCCEEDED"),
)
ACTIONS: Final = {
    "go": ["first"],
    "minutely": ["tick"],
    "then": ["second"],
    "rescues": ["rescue"],
    "at-last": ["warm", "quick"],
    "wf-go": ["wf-a"],
    "wf-then": ["wf-b"],
}
_JOB_FILE: Final = """\
Description = "version {version}"
JobRunQueuingEnabled = true
MaxCapacity = 1

[Command]
Name = "pythonshell"
ScriptLocation = "{script}"

[ExecutionProperty]
MaxConcurrentRuns = 50
"""


class Stage:
    """The place. As a context manager it leaves nothing behind but the directory, which is its caller's."""

    def __init__(self, root: Path, record: Record, *, disk_bytes: int) -> None:
        """Keep everything below `root`."""
        self.root = root
        self.record = record
        self.disk = root / "disk"
        self.left_out: list[str] = []
        self.unexpected: list[str] = []
        self._disk_bytes = disk_bytes
        self._lock = threading.RLock()  # of whoever ends and starts the daemon
        self._clock = root / "clock"
        self.is_full = False
        self._was_full_at_s = -1e9
        self.script = root / "script.py"
        self.daemon = Daemon(root / "place", self._environment())
        self.daemon.state_dir = self.disk / "state"
        self._version = 0

    def __enter__(self) -> Self:
        """Make the disk, start the daemon, define everything."""
        self.disk.mkdir()
        shutil.copy(_SCRIPT, self.script)
        if os.geteuid() == 0:
            size = f"size={self._disk_bytes}"
            mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", size, "soak", str(self.disk)], check=False)
            self.has_disk = mounted.returncode == 0
        else:
            self.has_disk = False
        if not self.has_disk:
            self.left_out.append("full disk: it needs root, to mount a small one")
        try:
            self.write_job_file()
            self._start()
            self.revive()
            self._define()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """End everything; what was on the disk is kept beside it."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)  # the second Ctrl-C shall not leave anything behind
        self.daemon.kill()
        self.daemon.end_runs()
        if self.has_disk:
            (self.disk / "ballast").unlink(missing_ok=True)
            try:
                shutil.copytree(self.disk, self.root / "kept", symlinks=True, dirs_exist_ok=True, ignore=_no_file)
            finally:
                until(lambda: subprocess.run(["umount", str(self.disk)], check=False).returncode == 0, what="umount")

    def _environment(self) -> dict[str, str]:
        settings = {
            "capacity__dpus": DPUS,
            "capacity__max_processes": 12,
            "runs__stop_grace_s": 1,
            "retries__first_delay_s": 0.3,
            "log_format": "json",
        }
        environment = {f"ORCHESTRATOR_{name.upper()}": str(value) for name, value in settings.items()}
        self._clock.touch()
        self.set_clock(0)
        return environment | {"SOAK_CLOCK": str(self._clock), "PYTHONPATH": f"{_CLOCK}:{ROOT}"}

    has_disk = False

    def set_clock(self, offset_s: int) -> None:
        """Let the daemon's clock be off by so many seconds from now on."""
        with self._clock.open("r+b", buffering=0) as file:  # in place: it is mapped
            file.write(offset_s.to_bytes(8, "little", signed=True))

    def fill(self) -> None:
        """Leave no byte on the disk."""
        self.is_full = True
        with (self.disk / "ballast").open("wb") as ballast, contextlib.suppress(OSError):
            while True:
                ballast.write(bytes(1 << 20))
                ballast.flush()

    def empty(self) -> None:
        """Give the room back."""
        (self.disk / "ballast").unlink(missing_ok=True)
        self.is_full = False
        self._was_full_at_s = time.monotonic()

    def write_job_file(self) -> None:
        """Change the job file, which is read again on SIGHUP."""
        self._version += 1
        file = self.daemon.jobs_dir / "by-file" / "job.toml"
        file.parent.mkdir(parents=True, exist_ok=True)
        aside = file.with_suffix(".new")
        aside.write_text(_JOB_FILE.format(version=self._version, script=self.script))
        aside.replace(file)

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Let nobody else end or start the daemon meanwhile."""
        with self._lock:
            yield

    def kill(self, number: int) -> None:
        """End the daemon."""
        assert self.daemon.process is not None
        self.record.killed("daemon", self.daemon.pid)
        with contextlib.suppress(ProcessLookupError):
            self.daemon.process.send_signal(number)
        self.daemon.process.wait(timeout=30)

    def revive(self) -> None:
        """Start the daemon where it is down, and wait until it serves."""
        with self._lock:
            until(self._serves, within_s=60, what="a daemon that serves")

    def _serves(self) -> bool:
        process = self.daemon.process
        assert process is not None
        code = process.poll()
        if code is not None:
            is_full = self.is_full or time.monotonic() - self._was_full_at_s < 5
            if code not in (-signal.SIGKILL, -signal.SIGTERM, 0) and not (code == _IO_ERROR and is_full):
                self.unexpected.append(f"the daemon ended with {code}; its log says why")
            self._start()
            return False
        return self.daemon.is_serving()

    def _start(self) -> None:
        self.record.count("daemon starts")
        self.daemon.start(wait=False)

    def _define(self) -> None:
        command = {"ScriptLocation": str(self.script), "PythonVersion": "3"}
        for name, (_, members) in JOBS.items():
            if name != "by-file":
                kind = "glueetl" if name == "whole" else "pythonshell"  # which has one DPU at most
                self._call("CreateJob", Name=name, Role="r", Command={"Name": kind, **command}, **members)
        self._call("CreateWorkflow", Name="flow", MaxConcurrentRuns=100)
        self._trigger("go", Type="ON_DEMAND")
        self._trigger("minutely", Type="SCHEDULED", Schedule="cron(* * * * ? *)", StartOnCreation=True)
        self._trigger("wf-go", Type="ON_DEMAND", WorkflowName="flow")
        for one in CONDITIONALS:
            condition = {"LogicalOperator": "EQUALS", "JobName": one.watches, "State": one.state}
            workflow = {"WorkflowName": "flow"} if one.name.startswith("wf-") else {}
            predicate = {"Conditions": [condition]}
            self._trigger(one.name, Type="CONDITIONAL", Predicate=predicate, StartOnCreation=True, **workflow)

    def _trigger(self, name: str, **members: Any) -> None:
        self._call("CreateTrigger", Name=name, Actions=[{"JobName": job} for job in ACTIONS[name]], **members)

    def _call(self, action: str, **members: Any) -> None:
        answer = self.daemon.call(action, members)
        assert "__type" not in answer, (action, members, answer)


def _no_file(folder: str, names: list[str]) -> set[str]:
    """Name what is no file, folder or link: pipes and sockets, which cannot be copied."""
    paths = {name: Path(folder) / name for name in names}
    return {name for name, path in paths.items() if not (path.is_symlink() or path.is_file() or path.is_dir())}
