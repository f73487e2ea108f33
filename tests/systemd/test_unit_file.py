"""The unit for systemd is without mistakes, confines what it runs, and keeps what runs need."""

import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest

from tests.support.daemon import ROOT

FILE: Final = ROOT / "config" / "orchestrator.service"
LINES: Final = FILE.read_text().splitlines()
_MOST_EXPOSED: Final = 30
"""systemd's exposure level of 3.0, in tenths."""


def analyze(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """Call systemd-analyze, or skip where there is none."""
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd-analyze is not installed (make test-deps)")
    return subprocess.run([program, *arguments], capture_output=True, text=True, timeout=50, check=False)


def test_systemd_finds_no_mistake_in_it(tmp_path: Path) -> None:
    """The program need not be installed where the test runs."""
    lines = ["ExecStart=/bin/true" if line.startswith("ExecStart=") else line for line in LINES]
    unit = tmp_path / FILE.name
    unit.write_text("\n".join(lines))

    verified = analyze("verify", "--man=no", str(unit))

    assert (verified.returncode, verified.stdout, verified.stderr) == (0, "", "")


def test_systemd_finds_it_confined() -> None:
    scored = analyze("security", "--offline=true", f"--threshold={_MOST_EXPOSED}", "--no-pager", str(FILE))

    assert scored.returncode == 0, scored.stdout


@pytest.mark.parametrize(
    "line",
    [
        "CapabilityBoundingSet=",
        "Delegate=cpu memory pids",
        "Environment=ORCHESTRATOR_LIMITS__CGROUP=delegated",
        "KillMode=process",
        "NoNewPrivileges=yes",
        "NotifyAccess=main",
        "OOMPolicy=continue",
        "ProtectSystem=strict",
        "Restart=always",
        "RestartPreventExitStatus=78",
        "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK",
        "StateDirectory=orchestrator",
        "StateDirectoryMode=0700",
        "SystemCallFilter=@system-service",
        "TimeoutStartSec=infinity",
        "Type=notify",
        "UMask=0077",
        "WatchdogSec=30",
    ],
)
def test_it_says(line: str) -> None:
    assert line in LINES


@pytest.mark.parametrize(
    "name", ["MemoryDenyWriteExecute", "PrivateTmp", "PrivateDevices", "ProtectControlGroups", "RestrictNamespaces"]
)
def test_it_forbids_nothing_that_runs_need(name: str) -> None:
    assert not [line for line in LINES if line.startswith(f"{name}=")]
