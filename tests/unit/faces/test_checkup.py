"""An examination says whether the daemon answers, and whether its unit would kill its runs."""

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from orchestrator.executors.local import checkup as machine
from orchestrator.faces import checkup, peer
from orchestrator.faces.checkup import examine
from orchestrator.model.findings import Finding, Verdict
from orchestrator.store.state_directory import hold


def found(state_dir: Path, check: str, *, is_up: bool = True) -> Finding:
    (one,) = [one for one in examine(state_dir, is_up=lambda: is_up, patience_s=1) if one.check == check]
    return one


@pytest.mark.parametrize(
    ("is_held", "is_up", "verdict"),
    [(True, True, Verdict.OK), (True, False, Verdict.FAIL), (False, False, Verdict.OK), (False, True, Verdict.WARN)],
)
def test_a_daemon_that_holds_the_directory_must_answer(
    tmp_path: Path, *, is_held: bool, is_up: bool, verdict: Verdict
) -> None:
    if not is_held:
        assert found(tmp_path, "daemon", is_up=is_up).verdict is verdict
        return
    with hold(tmp_path):
        one = found(tmp_path, "daemon", is_up=is_up)
        assert (one.verdict, f"process {os.getpid()}" in one.told) == (verdict, True)
        assert found(tmp_path, "open files").verdict is Verdict.OK


@pytest.mark.parametrize(
    ("cgroups", "properties", "verdict"),
    [
        ("0::/\n", {"LoadState": "not-found", "KillMode": "control-group"}, Verdict.OK),
        ("0::/\n", {"LoadState": "loaded", "KillMode": "control-group"}, Verdict.FAIL),
        ("0::/system.slice/etl.service\n", {"LoadState": "loaded", "KillMode": "mixed"}, Verdict.FAIL),
        ("0::/system.slice/etl.service\n", {"LoadState": "loaded", "KillMode": "process"}, Verdict.OK),
        ("0::/system.slice/etl.service\n", {}, Verdict.WARN),
    ],
)
def test_a_unit_that_would_kill_the_runs_is_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cgroups: str, properties: Mapping[str, str], verdict: Verdict
) -> None:
    monkeypatch.setattr(machine, "cgroups_of", lambda _: cgroups)
    monkeypatch.setattr(checkup, "show", lambda _: properties)
    with hold(tmp_path):
        assert found(tmp_path, "unit").verdict is verdict


@pytest.mark.parametrize("is_known", [True, False])
def test_the_kernel_is_asked_whose_a_connection_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_known: bool
) -> None:
    if not is_known:
        monkeypatch.setattr(peer, "uid_of", lambda *_: None)
    assert found(tmp_path, "peers").verdict is (Verdict.OK if is_known else Verdict.FAIL)
