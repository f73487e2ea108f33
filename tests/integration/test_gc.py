"""`orchestrator gc` removes what no row knows and nobody holds, with no daemon up; the daemon gives room back by itself."""

import fcntl
import json
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from orchestrator.faces.cli.exit_codes import ExitCode
from orchestrator.store.room import KEPT_PAGES
from tests.support import command
from tests.support.chain_calls import leave_free_pages, rows
from tests.support.crashing import run_directory
from tests.support.daemon import Daemon, running_daemon
from tests.support.waiting import until


def gc(daemon: Daemon, *options: str) -> "subprocess.CompletedProcess[str]":
    return command.call(daemon.root, "gc", "--state-dir", str(daemon.state_dir), *options)


def told(daemon: Daemon, *options: str) -> dict[str, Any]:
    done = gc(daemon, "-o", "json", *options)
    assert done.returncode == ExitCode.SUCCESS, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def a_directory(daemon: Daemon, digits: str) -> Path:
    """Make the directory of a run that nobody knows."""
    path = daemon.state_dir / "runs" / digits / f"jr_{digits * 32}"
    (path / "work" / "deep").mkdir(parents=True)
    (path / "claim").write_text('{"v": 1, "by": "shim", "pid": 4711}')
    return path


def test_directories_that_no_row_knows_and_nobody_holds_go(tmp_path: Path) -> None:
    with running_daemon(tmp_path) as daemon:
        daemon.job("quick", "pass")
        run_id = daemon.call("StartJobRun", {"JobName": "quick"})["JobRunId"]
        daemon.ended("quick", run_id)
        unknown, held = a_directory(daemon, "aa"), a_directory(daemon, "bb")
        leftover = daemon.state_dir / "state.db.restoring"
        leftover.touch()
        with (held / "claim").open() as claim:
            fcntl.flock(claim, fcntl.LOCK_EX)

            asked = told(daemon, "--dry-run")
            refused = gc(daemon)

            assert refused.returncode == ExitCode.TRY_LATER
            assert (asked["removed"], asked["directories"]) == (False, [str(unknown)])
            assert unknown.is_dir()
            assert leftover.exists()
            daemon.terminate()

            done = told(daemon)

            assert done["live"] == [{"directory": str(held), "shim_pid": 4711}]
            assert {**asked, "removed": True} == done
            assert not unknown.exists()
            assert not leftover.exists()
            assert held.is_dir()
            assert run_directory(daemon, run_id).is_dir()
        assert "1 removed" in gc(daemon).stdout


@pytest.mark.timeout(180)
def test_an_old_database_is_written_anew_and_then_gives_room_back_while_the_daemon_runs(tmp_path: Path) -> None:
    daemon = Daemon(tmp_path)
    with daemon:
        daemon.job("quick", "pass")
        daemon.terminate()
        path = daemon.state_dir / "state.db"
        with closing(sqlite3.connect(path, isolation_level=None)) as store:
            for statement in ("PRAGMA journal_mode = DELETE", "PRAGMA auto_vacuum = NONE", "VACUUM"):
                store.execute(statement)

        before, after = told(daemon, "--vacuum")["database_bytes"]

        assert before > 0
        assert after == path.stat().st_size
        leave_free_pages(daemon, 10 * KEPT_PAGES)
        large = path.stat().st_size
        daemon.start()
        until(
            lambda: rows(daemon, "PRAGMA freelist_count")[0][0] <= KEPT_PAGES,
            within_s=120,
            what="room that is given back",
        )
        assert daemon.call("GetJob", {"JobName": "quick"})["Job"]["Name"] == "quick"
        daemon.terminate()
        assert path.stat().st_size < large - 8 * KEPT_PAGES * 4096
