"""Without a cgroup, the limits of a run hold for each of its processes."""

from collections.abc import Iterator
from typing import Final

import pytest

from tests.support import runs
from tests.support.daemon import Daemon, running_daemon

MIB: Final = 1024 * 1024
HOG: Final = "kept = []\nwhile True:\n    kept.append(bytearray(1 << 20))\n"


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    settings = {
        "ORCHESTRATOR_LIMITS__CGROUP": "off",
        "ORCHESTRATOR_LIMITS__MEMORY_BYTES_PER_DPU": str(64 * MIB),
    }
    with running_daemon(tmp_path_factory.mktemp("daemon"), settings) as running:
        yield running


@pytest.mark.parametrize("start", ["cold", "warm"])
def test_a_process_beyond_its_memory_gets_none(daemon: Daemon, start: str) -> None:
    preload = {"--orchestrator-preload": ""} if start == "warm" else {}
    job = daemon.job(f"hog_{start}", HOG, MaxCapacity=1.0, DefaultArguments=preload)
    run = runs.finish(daemon, job)
    assert (run["JobRunState"], run["ErrorMessage"]) == ("FAILED", "MemoryError")
    assert runs.details(daemon, run["Id"])["run"]["peak_process_rss_bytes"] < 100 * MIB


def test_a_run_of_few_dpu_is_nicer(daemon: Daemon) -> None:
    job = daemon.job("nice", "import os\nprint(os.nice(0))")
    for capacity, nice in ((1.0, "10"), (10.0, "0")):
        run = runs.succeed(daemon, job, MaxCapacity=capacity)
        assert runs.output(daemon, run["Id"]) == f"{nice}\n"
