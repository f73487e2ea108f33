"""A cgroup that two daemons were given by mistake: neither ends the runs of the other."""

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support import runs
from tests.support.daemon import running_daemon
from tests.support.waiting import until


@pytest.fixture
def group() -> Iterator[Path]:
    """Lend an empty cgroup of version 2."""
    path = _made()
    if path is None:
        pytest.skip("NOT TESTED: two daemons with one cgroup. No cgroup of version 2 can be made here")
    yield path
    until(lambda: _removed(path / "daemon"), what="the end of the daemons' processes")
    path.rmdir()


def _made() -> Path | None:
    mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    for _, place, kind, *_ in mounts:
        if kind == "cgroup2":
            with suppress(OSError):
                path = Path(place) / f"orchestrator-test-{os.getpid()}"
                path.mkdir()
                return path
    return None


def _removed(path: Path) -> bool:
    with suppress(OSError):
        path.rmdir()
    return not path.exists()


def test_a_daemon_that_starts_ends_no_run_of_another_with_the_same_cgroup(group: Path, tmp_path: Path) -> None:
    settings = {"ORCHESTRATOR_LIMITS__CGROUP": str(group)}
    gate = tmp_path / "gate"
    waits = f"import os, time\nwhile not os.path.exists({json.dumps(str(gate))}): time.sleep(0.01)"
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    with running_daemon(first, settings) as daemon:
        run_id = runs.start(daemon, daemon.job("long", waits))
        until(lambda: daemon.run("long", run_id)["JobRunState"] == "RUNNING", what="a live run")
        assert (group / f"run-{run_id}").is_dir()
        with running_daemon(second, settings):
            gate.touch()
            assert daemon.ended("long", run_id)["JobRunState"] == "SUCCEEDED"
