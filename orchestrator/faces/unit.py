"""The unit that systemd runs a daemon as, and what it says about it."""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import anyio.to_thread
import structlog

log = structlog.stdlib.get_logger()

_OWN_CGROUPS: Final = Path("/proc/self/cgroup")
_PATIENCE_S: Final = 5.0
_PROPERTIES: Final = "KillMode,LimitNOFILE,LoadState"
_SERVICE: Final = re.compile(r"[^/]+\.service")
_UNIFIED: Final = "0::"
_NAMED: Final = re.compile(r"[0-9]+:name=systemd:")


@dataclass(frozen=True, slots=True)
class Unit:
    """A service; `is_user` says that a user's own systemd runs it."""

    name: str
    is_user: bool = False


def unit_in(cgroups: str) -> Unit | None:
    """Return the unit of a process by the text of its /proc/PID/cgroup; None where no systemd has made its cgroup."""
    for line in cgroups.splitlines():
        if not (line.startswith(_UNIFIED) or _NAMED.match(line)):
            continue
        services = [part for part in line.split(":", 2)[2].split("/") if _SERVICE.fullmatch(part)]
        if services:
            return Unit(services[-1], is_user=services[0].startswith("user@") and len(services) > 1)
    return None


def show(unit: Unit) -> dict[str, str]:
    """Ask systemd about a unit: KillMode, LimitNOFILE, LoadState. Empty where it does not answer in time. Blocks."""
    user = ["--user"] if unit.is_user else []
    try:
        asked = subprocess.run(
            ["systemctl", *user, "show", f"--property={_PROPERTIES}", "--", unit.name],  # noqa: S607 - where it is, the PATH says
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_PATIENCE_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return {}
    return dict(line.split("=", 1) for line in asked.stdout.splitlines() if "=" in line) if not asked.returncode else {}


def kills_runs(properties: dict[str, str]) -> bool:
    """Say whether a stop, restart or crash of the daemon would kill its runs."""
    return properties.get("KillMode", "process") not in {"process", "none"}


async def warn_of_kill_mode() -> None:
    """Log a warning where the daemon's own unit would kill its runs with it."""
    unit, properties = await anyio.to_thread.run_sync(_ours, abandon_on_cancel=True)
    if unit is not None and kills_runs(properties):
        log.warning(
            "unit_kills_runs",
            unit=unit.name,
            kill_mode=properties["KillMode"],
            consequence="a restart or a crash of the daemon kills every run",
            remedy="set KillMode=process in the unit",
        )


def _ours() -> tuple[Unit | None, dict[str, str]]:
    try:
        unit = unit_in(_OWN_CGROUPS.read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return None, {}
    return unit, show(unit) if unit is not None else {}
