"""Under a real systemd, with the repository's own unit, runs outlive whatever happens to the service (faults F29, F30)."""

import json
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

import orchestrator
from tests.support.daemon import ROOT
from tests.support.systemd import UNIT, Machine, missing, running_machine
from tests.support.waiting import until

pytestmark = [pytest.mark.crash_full, pytest.mark.timeout(120)]

_CLOSED: Final = ("/srv/x", "/etc/x", "/usr/x")
_EROFS: Final = 30
_EXIT_CODE: Final = 7
_OTHER: Final = 64321  # the uid of `orchestrator`, as systemd.py makes it
_AS_OTHER: Final = '[NonOverridableArguments]\n"--orchestrator-run-as" = "orchestrator"\n'
_NEXT_VERSION: Final = "99.1"
_HEEDS: Final = """
import signal
signal.signal(signal.SIGTERM, lambda *_: open("/tmp/as-other-long.asked", "w").close() or exit())
"""
WAITS: Final = textwrap.dedent(
    """
    import os, sys, time
    place = "/tmp/{job}"
    with open(place + ".started", "a") as file:
        print(os.getpid(), file=file)
    while not os.path.exists(place + ".go"):
        time.sleep(0.02)
    sys.exit({code})
    """
)


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    lacking = missing()
    if lacking is not None:
        pytest.skip(lacking)
    with running_machine() as made:
        yield made


@pytest.fixture
def service(machine: Machine) -> Iterator[Machine]:
    """Lend the machine with its service up, and its unit as it is installed, as it shall be afterwards."""
    until(machine.is_serving, what="an answer of the service")
    yield machine
    if machine.is_changed:
        machine.configure()
        machine.drop_in("")
        machine.systemctl("restart", UNIT)
        machine.is_changed = False


class Live:
    """A run that waits until it is told to end."""

    def __init__(self, machine: Machine, job: str) -> None:
        """Start it."""
        self._machine = machine
        self._job = job
        machine.define(job, WAITS.format(job=job, code=_EXIT_CODE))
        self._id = machine.start_run(job)
        self._started = machine.path(f"/tmp/{job}.started")  # noqa: S108 - of the machine
        until(lambda: self._started.exists() and self._started.read_text(), what="the start of the script")

    def is_alive(self) -> bool:
        """Say whether its script is alive, and was started once."""
        pids = self._started.read_text().split()
        return len(pids) == 1 and self._machine.path(f"/proc/{pids[0]}").exists()

    def end(self) -> None:
        """Let it end; it must be the run that was started, and its exit code the script's own."""
        until(self._machine.is_serving, what="an answer of the service")
        assert self.is_alive()
        assert self._machine.run(self._job, self._id)["JobRunState"] in {"STARTING", "RUNNING"}
        self._machine.path(f"/tmp/{self._job}.go").touch()  # noqa: S108
        run = self._machine.ended(self._job, self._id)
        assert run["JobRunState"] == "FAILED"
        assert f"exit code {_EXIT_CODE}" in run["ErrorMessage"] or f"exit status {_EXIT_CODE}" in run["ErrorMessage"]
        assert len(self._started.read_text().split()) == 1


def restarts(machine: Machine, event: Callable[[], object]) -> None:
    """Have `event` happen, and wait until systemd has started another daemon by itself."""
    before = int(machine.property("NRestarts"))
    event()
    until(lambda: int(machine.property("NRestarts")) == before + 1, within_s=30, what="a restart by systemd")
    until(lambda: machine.property("ActiveState") == "active", within_s=30, what="a service that is ready")


def test_a_killed_daemon_is_started_anew_and_its_runs_live_on(service: Machine) -> None:
    live = Live(service, "killed")

    restarts(service, lambda: service.systemctl("kill", "--signal=KILL", "--kill-whom=main", UNIT))

    until(lambda: "job_run_adopted" in service.log(), what="the adoption, in the log")
    live.end()


def test_a_daemon_that_hangs_is_ended_by_the_watchdog_and_its_runs_live_on(service: Machine) -> None:
    service.drop_in("WatchdogSec=6")
    service.systemctl("restart", UNIT)
    live = Live(service, "hung")

    restarts(service, lambda: service.systemctl("kill", "--signal=STOP", "--kill-whom=main", UNIT))

    until(
        lambda: "Watchdog timeout" in service.output("journalctl", "--no-pager", f"--unit={UNIT}"),
        what="the watchdog's word, in the log",
    )
    live.end()


def test_the_unit_has_a_watchdog_that_a_daemon_keeps_content(service: Machine) -> None:
    assert service.property("WatchdogUSec") == "30s"
    service.drop_in("WatchdogSec=6")
    service.systemctl("restart", UNIT)
    told = service.property("WatchdogTimestampMonotonic")
    pid = service.property("MainPID")

    until(lambda: service.property("WatchdogTimestampMonotonic") != told, within_s=40, what="word from the daemon")
    beyond = int(told) + 15_000_000  # longer than it may be silent
    until(
        lambda: int(service.property("WatchdogTimestampMonotonic")) > beyond,
        within_s=40,
        what="more words from the daemon",
    )
    assert service.property("MainPID") == pid


def test_runs_outlive_a_restart_and_a_stop_with_a_later_start(service: Machine) -> None:
    live = Live(service, "restarted")

    service.systemctl("restart", UNIT)
    until(service.is_serving, what="an answer after the restart")
    assert live.is_alive()
    service.systemctl("stop", UNIT)
    assert service.property("ActiveState") == "inactive"
    assert live.is_alive()
    service.systemctl("start", UNIT)

    live.end()


def test_an_upgrade_takes_up_what_the_older_program_started(service: Machine) -> None:
    live = Live(service, "upgraded")
    shutil.copytree(ROOT / "orchestrator", service.path("/opt/next/orchestrator"))
    service.path("/opt/next/orchestrator/__init__.py").write_text(f'__version__ = "{_NEXT_VERSION}"\n')
    for path in (service.path("/opt"), service.path("/opt/next")):
        path.chmod(0o755)

    service.drop_in(f"ExecStart=\n{service.start_line(Path('/opt/next'))}")
    service.systemctl("restart", UNIT)

    until(service.is_serving, what="an answer of the next version")
    until(lambda: f'"version": "{_NEXT_VERSION}"' in service.log(), what="the next version, in the log")
    assert orchestrator.__version__ != _NEXT_VERSION
    live.end()


def test_a_mistake_in_the_settings_ends_the_service_for_good_and_not_its_runs(service: Machine) -> None:
    live = Live(service, "mistaken")
    before = service.property("NRestarts")
    service.configure("nothing_of_ours = 1\n")

    assert not service.inside("systemctl", "restart", UNIT)

    assert (service.property("ActiveState"), service.property("ExecMainStatus")) == ("failed", "78")
    assert int(service.property("NRestarts")) <= int(before)
    assert live.is_alive()
    service.configure()
    service.systemctl("start", UNIT)
    live.end()


def test_its_status_and_a_reload_are_what_systemctl_tells(service: Machine) -> None:
    live = Live(service, "shown")  # which reloads the job files

    until(lambda: "1 live run, 0 queued" in service.systemctl("status", UNIT), what="the status of the run")
    assert service.property("NotifyAccess") == "main"
    pid = service.property("MainPID")
    service.systemctl("reload", UNIT)
    assert (service.property("MainPID"), service.property("ActiveState")) == (pid, "active")
    live.end()


def test_a_daemon_whose_unit_would_kill_the_runs_warns(service: Machine) -> None:
    assert "unit_kills_runs" not in service.log()
    service.drop_in("KillMode=control-group")
    service.systemctl("restart", UNIT)

    until(lambda: "unit_kills_runs" in service.log(), what="the warning")


CONFINED: Final = textwrap.dedent(
    """
    import json, multiprocessing, os, subprocess, tempfile, threading
    def tried(path):
        try:
            open(path, "w").close()
            os.unlink(path)
        except OSError as error:
            return error.errno
        return 0
    if __name__ == "__main__":
        with multiprocessing.get_context("fork").Pool(2) as pool:
            squares = pool.map(abs, range(3))
        os.nice(1)
        print(json.dumps({
            "squares": squares, "shell": subprocess.check_output("echo sub", shell=True, text=True).strip(),
            "writes": {path: tried(path) for path in ("here", "/tmp/x", "/var/tmp/x", "/srv/x", "/etc/x", "/usr/x")},
            "temporary": tried(os.path.join(tempfile.gettempdir(), "x")),
            "manager": [name for name in os.environ if name.startswith(("NOTIFY", "WATCHDOG", "INVOCATION", "LISTEN"))],
            "uid": os.getuid(),
        }))
    """
)


@pytest.mark.parametrize("more", ["", '[DefaultArguments]\n"--orchestrator-preload" = "json"\n'], ids=["cold", "warm"])
def test_a_script_may_do_its_work_and_write_where_the_unit_lets_it(service: Machine, more: str) -> None:
    job = f"confined-{'warm' if more else 'cold'}"
    service.define(job, CONFINED, more)
    run_id = service.start_run(job)

    run = service.ended(job, run_id)

    assert run["JobRunState"] == "SUCCEEDED", run
    directory = f"/var/lib/orchestrator/runs/{run_id[3:5]}/{run_id}"
    told = service.output("cat", f"{directory}/stdout.log")
    assert json.loads(told) == {
        "squares": [0, 1, 2],
        "shell": "sub",
        "writes": {"here": 0, "/tmp/x": 0, "/var/tmp/x": 0, **dict.fromkeys(_CLOSED, _EROFS)},  # noqa: S108 - of the machine
        "temporary": 0,
        "manager": [],
        "uid": _OTHER,
    }


def documented(line: str) -> str:
    """Return a line of the drop-in that the guide to operating shows."""
    page = (ROOT / "docs" / "operating.md").read_text()
    return next(text.strip().removeprefix("# ") for text in page.splitlines() if line in text and text.startswith("# "))


def test_with_the_documented_drop_in_a_daemon_of_root_starts_ends_and_clears_up_the_runs_of_others(
    service: Machine,
) -> None:
    service.drop_in(f"User=root\n{documented('CapabilityBoundingSet=')}")
    service.systemctl("restart", UNIT)
    until(service.is_serving, what="an answer of a daemon of root")
    service.define("as-other", CONFINED, _AS_OTHER)
    service.define("as-other-long", _HEEDS + WAITS.format(job="as-other-long", code=0), _AS_OTHER)

    first = service.start_run("as-other")
    assert service.ended("as-other", first)["JobRunState"] == "SUCCEEDED"
    directory = service.path(f"/var/lib/orchestrator/runs/{first[3:5]}/{first}")
    assert json.loads((directory / "stdout.log").read_text())["uid"] == _OTHER
    second = service.start_run("as-other-long")
    started = service.path("/tmp/as-other-long.started")  # noqa: S108 - of the machine
    pid = until(lambda: started.exists() and started.read_text().strip(), what="the start of the script")
    assert started.stat().st_uid == _OTHER
    service.call("BatchStopJobRun", JobName="as-other-long", JobRunIds=[second])
    assert service.ended("as-other-long", second)["JobRunState"] == "STOPPED"
    assert service.path("/tmp/as-other-long.asked").exists()  # noqa: S108
    assert not service.path(f"/proc/{pid}").exists()
    service.configure("[retention]\nlog_bytes = 1\n")  # looked at two seconds after a start, and a minute later again
    service.systemctl("restart", UNIT)
    until(lambda: not directory.exists(), what="room: the first run's directory removed")


def test_a_daemon_is_started_anew_beside_runs_with_limits(service: Machine) -> None:
    """With controllers passed on, the kernel takes no process into the unit's own cgroup, where systemd starts the next."""
    controller = service.pass_controller_on()
    live = Live(service, "limited")
    unit = service.cgroup / "system.slice" / UNIT
    assert not (unit / "cgroup.procs").read_text()
    assert [path for path in unit.glob("run-*") if (path / "cgroup.procs").read_text()]
    (unit / "cgroup.subtree_control").write_text(f"+{controller}")

    restarts(service, lambda: service.systemctl("kill", "--signal=KILL", "--kill-whom=main", UNIT))

    live.end()


def test_the_program_of_the_machine_is_this_one(service: Machine) -> None:
    command = service.property("ExecStart")

    assert sys.executable in command
    assert str(ROOT) in command
