"""The unit of a daemon is known by its cgroup, and one that would kill the runs is warned of."""

from pathlib import Path

import pytest
import structlog

from orchestrator.faces import unit
from orchestrator.faces.unit import Unit, kills_runs, show, unit_in, warn_of_kill_mode

_SHOW = """#!/bin/sh
case "$*" in
    "show --property=KillMode,LimitNOFILE,LoadState -- etl.service") printf 'KillMode=%s\\nLimitNOFILE=65536\\n' {mode} ;;
    *) exit 1 ;;
esac
"""


@pytest.mark.parametrize(
    ("cgroups", "expected"),
    [
        ("0::/system.slice/etl.service\n", Unit("etl.service")),
        ("0::/system.slice/etl.service/daemon\n", Unit("etl.service")),
        ("12:pids:/etl.service\n1:name=systemd:/system.slice/etl@2.service\n", Unit("etl@2.service")),
        ("0::/user.slice/user-7.slice/user@7.service/app.slice/etl.service\n", Unit("etl.service", is_user=True)),
        ("0::/user.slice/user-7.slice/session-2.scope\n", None),
        ("4:memory:/system.slice/etl.service\n0::/\n", None),
        ("", None),
    ],
)
def test_a_unit_is_read_off_its_cgroup(cgroups: str, expected: Unit | None) -> None:
    assert unit_in(cgroups) == expected


@pytest.mark.parametrize(
    ("mode", "expected"), [("process", False), ("none", False), ("control-group", True), ("mixed", True)]
)
def test_only_two_kill_modes_leave_the_runs_alone(mode: str, expected: bool) -> None:  # noqa: FBT001
    assert kills_runs({"KillMode": mode}) is expected
    assert not kills_runs({})


@pytest.mark.parametrize("mode", ["control-group", "process"])
async def test_a_daemon_whose_unit_would_kill_its_runs_warns(
    mode: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cgroup").write_text("0::/system.slice/etl.service/daemon\n")
    monkeypatch.setattr(unit, "_OWN_CGROUPS", tmp_path / "cgroup")
    program(tmp_path, _SHOW.format(mode=mode))
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    with structlog.testing.capture_logs() as logs:
        await warn_of_kill_mode()

    warned = [(line["event"], line["log_level"], line["unit"], line["kill_mode"]) for line in logs]
    assert warned == ([] if mode == "process" else [("unit_kills_runs", "warning", "etl.service", mode)])


async def test_without_cgroups_nothing_is_warned_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unit, "_OWN_CGROUPS", tmp_path / "none")

    with structlog.testing.capture_logs() as logs:
        await warn_of_kill_mode()

    assert logs == []


@pytest.mark.parametrize("text", [None, "#!/bin/sh\nexit 1\n", "#!/bin/sh\nexec sleep 600\n"])
def test_a_systemd_that_does_not_answer_is_not_waited_for(
    text: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if text is not None:
        program(tmp_path, text)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin" if text else str(tmp_path))
    monkeypatch.setattr(unit, "_PATIENCE_S", 0.2)

    assert show(Unit("etl.service")) == {}


def program(folder: Path, text: str) -> None:
    (folder / "systemctl").write_text(text)
    (folder / "systemctl").chmod(0o755)
