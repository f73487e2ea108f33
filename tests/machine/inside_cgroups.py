"""What tests/machine/test_cgroups.py has done inside of the small machine: runs in cgroups, with all controllers."""

import json
import os
import signal
from pathlib import Path
from typing import Any, Final

import psutil

from tests.support.daemon import Daemon
from tests.support.machine import tell
from tests.support.waiting import until

CGROUPS: Final = Path("/sys/fs/cgroup")
OURS: Final = CGROUPS / "orchestrator"
MIB: Final = 1024 * 1024
MEMORY_MIB_PER_DPU: Final = 32
PROCESSES: Final = 20
WITHIN_S: Final = 50

HOG: Final = "kept = []\nwhile True:\n    kept.append(bytearray(1 << 20))\n"
CHILD_HOG: Final = """\
import subprocess, sys
subprocess.run([sys.executable, "-c", "kept = []\\nwhile True: kept.append(bytearray(1 << 20))"])
print("the script goes on")
"""
FORKS: Final = """\
import os, time
for _ in range(1000):
    if os.fork() == 0:
        time.sleep(1000)
"""
WAITS: Final = "import sys, time\nprint('here', flush=True)\ntime.sleep(1000)\n"
FLEES: Final = """\
import os, subprocess, time
if os.fork() == 0:
    os.setsid()
    os.execve("/bin/sleep", ["sleep", "4711"], {})
print('here', flush=True)
time.sleep(1000)
"""


class Scene:
    """A daemon whose runs have cgroups."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon

    def start(self, name: str, script: str, **more: Any) -> str:
        """Start a run of a new job."""
        (self._daemon.jobs_dir / f"{name}.py").write_text(script, encoding="ascii")
        command = {"Name": "pythonshell", "ScriptLocation": f"{name}.py"}
        self._daemon.call("CreateJob", {"Name": name, "Role": "r", "Command": command, **more})
        run_id: str = self._daemon.call("StartJobRun", {"JobName": name})["JobRunId"]
        return run_id

    def run(self, name: str, run_id: str) -> dict[str, Any]:
        """Look at a run."""
        answer: dict[str, Any] = self._daemon.call("GetJobRun", {"JobName": name, "RunId": run_id})["JobRun"]
        return answer

    def ended(self, name: str, run_id: str) -> dict[str, Any]:
        """Wait for the end of a run."""
        ends = ("SUCCEEDED", "FAILED", "STOPPED")
        until(lambda: self.run(name, run_id)["JobRunState"] in ends, within_s=WITHIN_S, what=f"the end of {name}")
        return self.run(name, run_id)

    def directory(self, run_id: str) -> Path:
        """Return where the run's files are."""
        return self._daemon.state_dir / "runs" / run_id[3:5] / run_id

    def wait_for_output(self, run_id: str) -> None:
        """Wait until the script has said something."""
        log = self.directory(run_id) / "stdout.log"
        until(lambda: log.exists() and log.stat().st_size > 0, within_s=WITHIN_S, what="output")


def limits_of(run_id: str) -> dict[str, str]:
    """Return what holds a run."""
    names = ("memory.max", "memory.oom.group", "cpu.weight", "pids.max")
    return {name: (OURS / f"run-{run_id}" / name).read_text(encoding="ascii").strip() for name in names}


def look(scene: Scene) -> str:
    """Go through all of it and tell; return a run that has ended."""
    bystander = scene.start("bystander", WAITS, MaxCapacity=1.0)
    scene.wait_for_output(bystander)
    tell(limits_of_one_dpu=limits_of(bystander))
    for name, script in (("hog", HOG), ("child_hog", CHILD_HOG), ("forks", FORKS)):
        run_id = scene.start(name, script)
        tell(**{name: scene.ended(name, run_id)})
    tell(bystander=scene.run("bystander", bystander)["JobRunState"])
    take_controllers_away(scene, bystander)
    kill_shim(scene)
    scene._daemon.call("BatchStopJobRun", {"JobName": "bystander", "JobRunIds": [bystander]})
    scene.ended("bystander", bystander)
    tell(left=[path.name for path in OURS.glob("run-*")])
    return bystander


def take_controllers_away(scene: Scene, run_id: str) -> None:
    """Do what a service manager does between two lives of the daemon, and see the limits come back."""
    control = OURS / "cgroup.subtree_control"
    shim = json.loads((scene.directory(run_id) / "claim").read_text(encoding="utf-8"))["pid"]
    os.kill(shim, signal.SIGSTOP)  # it would give them back before they are looked at
    control.write_text("-memory -pids -cpu", encoding="ascii")
    control.write_text("+memory +pids +cpu", encoding="ascii")
    tell(taken_away=limits_of(run_id)["memory.max"])
    os.kill(shim, signal.SIGCONT)
    until(lambda: limits_of(run_id)["memory.max"] != "max", within_s=WITHIN_S, what="the limits to come back")
    tell(renewed=limits_of(run_id))


def kill_shim(scene: Scene) -> None:
    """Kill a shim whose script has a descendant that nothing but its cgroup tells from others."""
    run_id = scene.start("flees", FLEES)
    scene.wait_for_output(run_id)
    until(lambda: fled() is not None, within_s=WITHIN_S, what="the descendant")
    os.kill(json.loads((scene.directory(run_id) / "claim").read_text(encoding="utf-8"))["pid"], signal.SIGKILL)
    tell(flees=scene.ended("flees", run_id), fled=fled())


def fled() -> int | None:
    """Return the pid of that descendant while it is alive."""
    for one in psutil.process_iter(["cmdline", "status"]):
        if one.info["cmdline"] == ["sleep", "4711"] and one.info["status"] != psutil.STATUS_ZOMBIE:
            return int(one.pid)
    return None


def main() -> None:
    """Be the only program of the machine."""
    OURS.mkdir()
    (CGROUPS / "cgroup.subtree_control").write_text("+cpu +memory +pids", encoding="ascii")
    settings = {
        "ORCHESTRATOR_LIMITS__CGROUP": str(OURS),
        "ORCHESTRATOR_LIMITS__MEMORY_BYTES_PER_DPU": str(MEMORY_MIB_PER_DPU * MIB),
        "ORCHESTRATOR_LIMITS__PROCESSES": str(PROCESSES),
        "ORCHESTRATOR_ACCESS__PEER": "any",  # this kernel need not have sock_diag
    }
    daemon = Daemon(Path("/run/orchestrator"), settings)
    try:
        with daemon:
            ended = look(Scene(daemon))
            daemon.terminate()
            foreign = f"run-jr_{'0' * 64}"
            for name in (f"run-{ended}", foreign):  # the first as a shim leaves it that dies at the wrong moment
                (OURS / name).mkdir()
            daemon.start()
            tell(left_at_start=[path.name for path in OURS.glob("run-*") if path.name != foreign])
            tell(over=True)
    finally:
        print(daemon.log()[-4000:])  # noqa: T201 - for whoever reads why the test failed


if __name__ == "__main__":
    main()
