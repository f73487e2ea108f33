"""A daemon that is killed while it deletes what is over for long: the next one deletes the rest, and only that."""

from pathlib import Path

import pytest

from orchestrator.store.room import KEPT_PAGES
from tests.support.chain_calls import leave_free_pages, rewrite, rows
from tests.support.crash_points import RETENTION_WRITES, points_of
from tests.support.crashing import Lives, is_ended, run_directory
from tests.support.waiting import until

_OLD = 3


@pytest.mark.parametrize("point", points_of(*RETENTION_WRITES))
def test_what_a_kill_has_left_goes_with_the_next_round_and_nothing_else_does(point: str, tmp_path: Path) -> None:
    with Lives(tmp_path, [point]) as lives:
        client = lives.client
        client.job("a", lives.markers.script(), ExecutionProperty={"MaxConcurrentRuns": 9})
        runs = [client.start("a") for _ in range(_OLD + 1)]
        for run_id in runs:
            lives.wait_for_end(run_id)
        *old, young = runs
        directories = [run_directory(lives.daemon, run_id) for run_id in old]
        assert all(path.is_dir() for path in directories)
        lives.daemon.kill()
        rewrite(lives.daemon, f"UPDATE job_run SET started_on_ms = 0, completed_on_ms = 1 WHERE seq <= {_OLD}")  # noqa: S608
        leave_free_pages(lives.daemon, 3 * KEPT_PAGES)
        lives.revive()
        until(lambda: point in lives.reached(), what=f"a death at {point}")
        lives.revive()

        def is_done() -> bool:
            lives.revive()
            left = rows(lives.daemon, f"SELECT 1 FROM job_run WHERE seq <= {_OLD}")  # noqa: S608
            free = rows(lives.daemon, "PRAGMA freelist_count")[0][0]
            return not left and not any(path.exists() for path in directories) and free <= KEPT_PAGES

        until(is_done, what="the end of the old runs, of their directories and of their room")
        assert point in lives.reached()
        assert is_ended(lives.daemon, young)
        assert run_directory(lives.daemon, young).is_dir()
        assert rows(lives.daemon, "PRAGMA foreign_key_check") == []
        assert rows(lives.daemon, "PRAGMA integrity_check") == [("ok",)]
