"""Slurm on one node, without accounting or authentication, and tuned: it looks at its queue at once."""

import getpass
import os
import re
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.benchmarks.bench import Bench
from tests.benchmarks.contender import SLOTS, Work, first_line, hold, program
from tests.benchmarks.household import CLEAN, BenchmarkError
from tests.benchmarks.proof import CountedScript
from tests.support.daemon import free_port

_LOOK_S: Final = 0.02
_START_WITHIN_S: Final = 60
_STATE: Final = re.compile(r"JobState=(\S+)")
_CONFIGURATION: Final = """
ClusterName=bench
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmdPort={node_port}
AuthType=auth/none
CredType=cred/none
SlurmUser={user}
SlurmdUser={user}
StateSaveLocation={directory}/state
SlurmdSpoolDir={directory}/spool
SlurmctldPidFile={directory}/controller.pid
SlurmdPidFile={directory}/node.pid
SlurmctldLogFile={directory}/controller.log
SlurmdLogFile={directory}/node.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=sched_min_interval=0,batch_sched_delay=0,sched_interval=1
JobCompType=jobcomp/none
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
ReturnToService=2
MinJobAge=3600
NodeName={host} NodeAddr=127.0.0.1 CPUs={slots} State=UNKNOWN
PartitionName=all Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


class Slurm:
    """A controller and one node of two processors."""

    name = "slurm"

    def why_not(self, bench: Bench) -> str | None:
        """Return why it cannot take part, or None."""
        if (os.cpu_count() or 1) < SLOTS:
            return f"it wants {SLOTS} processors"
        return program("slurmctld") or program("slurmd") or program("sbatch")

    def version(self, bench: Bench) -> str:
        """Return its version."""
        return first_line(["slurmctld", "-V"])

    @contextmanager
    def ready(self, bench: Bench, script: CountedScript, directory: Path) -> Iterator[Work]:
        """Lend it."""
        configuration = _configured(directory)
        environment = {**CLEAN, "SLURM_CONF": str(configuration)}
        home = bench.household
        total = 0

        def ask(*command: str | Path) -> str:
            said = subprocess.run(
                list(map(str, command)), env=environment, cwd=directory, capture_output=True, text=True, check=False
            )
            return said.stdout

        def run(count: int) -> None:
            nonlocal total
            already = script.count
            for _ in range(count):
                said = ask("sbatch", "-n1", "-o/dev/null", f"--wrap=exec {bench.scripts_python} {script.path}")
                hold(said.startswith("Submitted"), f"sbatch refused a run: {said}")
            script.wait_for(already + count)
            total += count
            while len(ended := [state for state in _states(ask) if state not in {"RUNNING", "COMPLETING"}]) < total:
                time.sleep(_LOOK_S)
            hold(ended == ["COMPLETED"] * total, "not every run is COMPLETED")

        started = [home.start(["slurmctld", "-D"], directory, environment)]
        try:
            started.append(home.start(["slurmd", "-D"], directory, environment))
            until_s = time.monotonic() + _START_WITHIN_S
            while ask("sinfo", "-h", "-o", "%t").strip() != "idle":
                if time.monotonic() > until_s:
                    message = "Slurm's node does not become idle"
                    raise BenchmarkError(message)
                time.sleep(_LOOK_S)
            yield Work(run=run)
        finally:
            for process in reversed(started):
                home.end(process)


def _states(ask: Callable[..., str]) -> list[str]:
    return _STATE.findall(ask("scontrol", "-o", "show", "jobs"))


def _configured(directory: Path) -> Path:
    """Write what both daemons read; return the file."""
    for name in ("state", "spool"):
        (directory / name).mkdir()
    path = directory / "slurm.conf"
    path.write_text(
        _CONFIGURATION.format(
            host=socket.gethostname().partition(".")[0],
            controller_port=free_port(),
            node_port=free_port(),
            user=getpass.getuser(),
            directory=directory,
            slots=SLOTS,
        ),
        encoding="utf-8",
    )
    return path
