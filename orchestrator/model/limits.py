"""What a run may use of the machine: its DPU as real limits, spelled for cgroups or for single processes.

Source: cgroups(7) and the kernel's cgroup-v2 document (cpu.weight, memory.max, pids.max); setrlimit(2); sched(7).
"""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from orchestrator.model.capacity import DEFAULT_DPU

_DEFAULT_WEIGHT: Final = 100
_MAX_WEIGHT: Final = 10_000
_MAX_NICE: Final = 19
_PAGE_BYTES: Final = 4096
_NICE_STEP: Final = 1.25
"""How much more processor time the scheduler gives to a process that is nicer by one less."""

CPU: Final = "cpu"
MEMORY: Final = "memory"
PIDS: Final = "pids"
CONTROLLERS: Final = (CPU, MEMORY, PIDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitRules:
    """What the settings say of all runs; 0: no limit."""

    memory_bytes_per_dpu: int = 0
    processes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunLimits:
    """How one run is held, by what the machine can do."""

    files: Mapping[str, str]  # of the run's cgroup: what each is to hold
    nice: int  # where no controller shares the processor out
    data_bytes: int | None  # RLIMIT_DATA of each process, where no controller counts the memory of all


def of_run(dpu: float, rules: LimitRules, controllers: Collection[str]) -> RunLimits:
    """Return the limits of a run that takes `dpu`, where these controllers can be had (none: no cgroups).

    A run of the default capacity has the default weight, others in proportion.
    """
    memory_bytes = math.ceil(dpu * rules.memory_bytes_per_dpu / _PAGE_BYTES) * _PAGE_BYTES
    weight = min(_MAX_WEIGHT, max(1, round(_DEFAULT_WEIGHT * dpu / DEFAULT_DPU)))
    files: dict[str, str] = {}
    if CPU in controllers:
        files["cpu.weight"] = str(weight)
    if PIDS in controllers and rules.processes:
        files["pids.max"] = str(rules.processes)
    if MEMORY in controllers and memory_bytes:
        files |= {"memory.max": str(memory_bytes), "memory.swap.max": "0", "memory.oom.group": "1"}
    return RunLimits(
        files=files,
        nice=0 if CPU in controllers else _nice(weight),
        data_bytes=memory_bytes if memory_bytes and MEMORY not in controllers else None,
    )


def _nice(weight: int) -> int:
    """Return the niceness that comes next to a weight; never a negative one, which only root may give."""
    return max(0, min(_MAX_NICE, round(math.log(_DEFAULT_WEIGHT / weight, _NICE_STEP))))
