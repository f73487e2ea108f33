"""A daemon that dies again and again loses no run and starts none twice, seen by the SDK that people use.

Each seed: 40 runs of 0.2 to 2 s from 4 threads with boto3's own retries, the daemon killed and started again at 5
random moments, all of them while a script is alive: each thread's first script stays until the last of them.
"""

import random
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support.crashing import (
    Lives,
    Markers,
    alive_of,
    check_nothing_left,
    check_ran_once,
    check_truthful,
)
from tests.support.waiting import until

_RUNS: Final = 40
_THREADS: Final = 4
_KILLS: Final = 5
_LAST_MOMENT: Final = 50
"""Of the 76 lines that 36 scripts write and 4 begin: what comes before the last kill."""
_SCRIPT: Final = """
import os, time
seconds = float(sys.argv[sys.argv.index("--seconds") + 1])
time.sleep(seconds)
while not seconds and not os.path.exists({released!r}):
    time.sleep(0.02)
"""
"""Of no length: it stays until it is released."""
_SEEDS: Final = 30
_SHORT_SEEDS: Final = 2


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "seed",
    [pytest.param(seed, marks=() if seed < _SHORT_SEEDS else pytest.mark.crash_full) for seed in range(_SEEDS)],
)
def test_forty_runs_survive_five_kills(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    lengths = [str(round(chance.uniform(0.2, 2), 2)) for _ in range(_RUNS)]
    settings: dict[str, Any] = {"capacity__dpus": 100, "capacity__max_processes": 12}
    with Lives(tmp_path, quick_commit_ms=(0, 100)[seed % 2], **settings) as lives:
        markers = lives.markers
        released = tmp_path / "released"
        script = markers.script(_SCRIPT.format(released=str(released)))
        job = lives.client.job("job", script, ExecutionProperty={"MaxConcurrentRuns": _RUNS})
        acknowledged: list[str] = []

        # Clients are made one after another: only their use is safe in threads.
        clients = [lives.daemon.client(retries={"mode": "legacy", "max_attempts": 50}) for _ in range(_THREADS)]

        def send(client: Any, some: list[str]) -> None:
            for seconds in ["0", *some[1:]]:
                answer = client.start_job_run(JobName=job, Arguments={"--seconds": seconds})
                acknowledged.append(answer["JobRunId"])

        with ThreadPoolExecutor(_THREADS) as threads:
            sent = [threads.submit(send, client, lengths[number::_THREADS]) for number, client in enumerate(clients)]
            moments = sorted(chance.sample(range(1, _LAST_MOMENT), _KILLS))
            for lines in moments:
                _kill_at(lives, markers, lines, chance.uniform(0, 0.3))
            released.touch()
            for one in sent:
                one.result(timeout=150)  # after six refusals in a row, a client may wait for half a minute

        assert len(set(acknowledged)) == _RUNS
        for run_id in acknowledged:
            lives.wait_for_end(run_id)
            run = check_truthful(lives.daemon, run_id)
            assert run["state"] == "SUCCEEDED"
            check_ran_once(markers, run)
        assert sorted(one.run_id for one in markers.all("start")) == sorted(acknowledged)
        check_nothing_left(lives.daemon, markers)


def _kill_at(lives: Lives, markers: Markers, lines: int, later_s: float) -> None:
    """Kill the daemon when scripts have written `lines` and one is alive, and start it again.

    Counted in lines, a slow machine sees as many kills amid work as a fast one.
    """
    until(lambda: len(markers.all()) >= lines, within_s=60, what=f"{lines} lines of scripts")
    until(lambda: alive_of(markers), what="a live script")
    time.sleep(later_s)  # the moment itself: not always just behind a script's line
    assert alive_of(markers)
    lives.daemon.kill()
    lives.revive()
