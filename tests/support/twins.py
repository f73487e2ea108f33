"""The same script twice, executed and forked from a template: what each of the two wrote and how it ended."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psutil

from tests.support import runs
from tests.support.daemon import Daemon
from tests.support.waiting import until

PRELOAD: Final = "--orchestrator-preload"
ENVIRONMENT: Final = {
    "ORCHESTRATOR_LOG_LEVEL": "debug",
    "ORCHESTRATOR_CAPACITY__MAX_PROCESSES": "30",
    "ORCHESTRATOR_RUNS__STOP_GRACE_S": "2",
}
WITNESS: Final = (
    "open('../origin', 'w').write(open(f\"/proc/{__import__('os').getppid()}/stat\").read().rpartition(')')[2])\n"
)
"""The first line of a script: it notes whose child its shim is, and leaves no name behind."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What is left of one of the two, with its run's id taken out."""

    state: str
    message: str
    exit_code: int | None
    exit_signal: int | None
    stdout: str
    stderr: str


class Twins:
    """Starts scripts both ways on one daemon. The template is ready before the first warm one."""

    def __init__(self, daemon: Daemon, preload: str = "", **arguments: str) -> None:
        """Let the warm ones find `preload` imported; `arguments` are given to all."""
        self.daemon = daemon
        self.preload = preload
        self._arguments = arguments
        job = f"twins_{preload or 'empty'}".replace(",", "_")
        self.job = daemon.job(
            job, "", Timeout=60, MaxRetries=0, DefaultArguments=arguments, ExecutionProperty={"MaxConcurrentRuns": 30}
        )
        self.template = wait_for_template(daemon, self.job, preload)
        self._number = 0

    def script(self, text: str | bytes, suffix: str = ".py", *, is_witnessed: bool = True) -> Path:
        """Write a script of its own; by its first line it says where it came from."""
        self._number += 1
        path = self.daemon.root / f"{self.job}_{self._number}{suffix}"
        given = text.encode() if isinstance(text, str) else text
        path.write_bytes(WITNESS.encode() + given if is_witnessed else given)
        return path

    def start(self, script: Path, *, is_warm: bool, **arguments: str) -> str:
        """Start a script one way; return the run's id."""
        warmth = {PRELOAD: self.preload} if is_warm else {}
        return runs.start(self.daemon, self.job, Arguments={"--scriptLocation": str(script), **warmth, **arguments})

    def ended(self, run_id: str, *, is_warm: bool | None) -> Seen:
        """Wait for an end; hold that the script was forked from the template or was not. None: it cannot tell."""
        run = self.daemon.ended(self.job, run_id)
        told = runs.details(self.daemon, run_id)
        directory = Path(told["directory"])
        if is_warm is not None:
            parent = int((directory / "origin").read_text().split()[1])
            assert (parent == self.template) == is_warm, (parent, self.template)
        logs = [
            (directory / f"{name}.log").read_bytes() if (directory / f"{name}.log").exists() else b""
            for name in ("stdout", "stderr")
        ]
        clean = [_without_identity(log.decode(errors="backslashreplace"), run_id) for log in logs]
        return Seen(
            run["JobRunState"],
            _without_identity(run.get("ErrorMessage", ""), run_id),
            told["run"]["exit_code"],
            told["run"]["exit_signal"],
            *clean,
        )

    def both(
        self, text: str | bytes, arguments: Mapping[str, str] | None = None, *, is_witnessed: bool = True
    ) -> tuple[Seen, Seen]:
        """Run a script's text both ways at once; return the cold and the warm one."""
        return self.both_of(self.script(text, is_witnessed=is_witnessed), arguments, is_witnessed=is_witnessed)

    def both_of(
        self, script: Path, arguments: Mapping[str, str] | None = None, *, is_witnessed: bool
    ) -> tuple[Seen, Seen]:
        """Run a script that is there both ways at once; return the cold and the warm one."""
        cold = self.start(script, is_warm=False, **(arguments or {}))
        warm = self.start(script, is_warm=True, **(arguments or {}))
        return (
            self.ended(cold, is_warm=False if is_witnessed else None),
            self.ended(warm, is_warm=True if is_witnessed else None),
        )


def wait_for_template(daemon: Daemon, job: str, preload: str) -> int:
    """Start a run of a job with a preload, so that its template is made; return the template's pid when it is ready."""
    before = _ready_templates(daemon, preload)
    runs.succeed(daemon, job, Arguments={PRELOAD: preload})
    made = until(
        lambda: _ready_templates(daemon, preload)[len(before) :], what=f"a template of {preload!r} that is ready"
    )
    return made[0]


def _ready_templates(daemon: Daemon, preload: str) -> list[int]:
    """Return the pids of all templates with this preload that were ever ready: another job's may get ready meanwhile."""
    lines = (
        json.loads(line) for line in daemon.log().splitlines() if '"template_ready"' in line and line.endswith("}")
    )
    return [line["pid"] for line in lines if ",".join(line["preload"]) == preload]


def templates(daemon: Daemon) -> dict[str, psutil.Process]:
    """Return the live templates by what they have preloaded."""
    found = {}
    for process in psutil.Process(daemon.pid).children():
        try:
            argv = process.cmdline()
        except psutil.NoSuchProcess:  # or a zombie: it has just ended
            continue
        if "--template" in argv:
            found[argv[-1]] = process
    return found


def _without_identity(text: str, run_id: str) -> str:
    """Take out what tells two runs apart: the id, the directory's two characters of it, and places in memory."""
    text = re.sub(rf"runs/{re.escape(run_id[3:5])}/", "runs/__/", text).replace(run_id, "<run>")
    return re.sub(r"\b0x[0-9a-f]+", "0x_", text)


def differences(cold: Mapping[str, Any], warm: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Return what is not the same in two observations."""
    return {
        name: (cold.get(name), warm.get(name)) for name in cold.keys() | warm.keys() if cold.get(name) != warm.get(name)
    }
