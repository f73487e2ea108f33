"""A backup is whole whenever it is taken; a restore forgets what came after it, and starts nothing a second time."""

import json
import os
import shutil
import sqlite3
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pytest

from orchestrator.faces.cli.exit_codes import ExitCode
from tests.support import command
from tests.support.chain_calls import rows
from tests.support.crash_points import RESTORE_POINTS
from tests.support.crashing import Markers, run_directory
from tests.support.daemon import Daemon
from tests.support.processes import is_alive
from tests.support.waiting import until

_ONE_AT_A_TIME: Final = {"ORCHESTRATOR_CAPACITY__DPUS": "10"}


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    """Lend a daemon that is not up."""
    made = Daemon(tmp_path, _ONE_AT_A_TIME)
    yield made
    if made.process is not None:
        made.kill()
    made.end_runs()


@pytest.fixture
def markers(tmp_path: Path) -> Markers:
    return Markers(tmp_path / "markers")


def call(daemon: Daemon, *arguments: str, **more: str) -> "subprocess.CompletedProcess[str]":
    return command.call(daemon.root, *arguments, "--state-dir", str(daemon.state_dir), more=more)


def told(daemon: Daemon, *arguments: str) -> dict[str, Any]:
    done = call(daemon, *arguments, "-o", "json")
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def waits(daemon: Daemon, markers: Markers, name: str) -> Path:
    """Create a job whose runs wait for a file; return its path."""
    go = daemon.root / f"{name}.go"
    script = markers.script(f"while not os.path.exists({str(go)!r}): time.sleep(0.01)")
    daemon.job(name, script, ExecutionProperty={"MaxConcurrentRuns": 5})
    return go


def start(daemon: Daemon, job: str) -> str:
    run_id: str = daemon.call("StartJobRun", {"JobName": job})["JobRunId"]
    return run_id


def runs_in(path: Path) -> dict[str, str]:
    """Return the states of the runs in a database, by the bases of their ids."""
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as store:
        return {f"jr_{base.hex()}": state for base, state in store.execute("SELECT base_id, state FROM job_run")}


# backup


def test_a_backup_under_load_is_whole_and_has_all_that_was_acknowledged(daemon: Daemon, tmp_path: Path) -> None:
    daemon.start()
    daemon.job("quick", "pass", ExecutionProperty={"MaxConcurrentRuns": 100_000})
    done, accepted = threading.Event(), []

    def load() -> None:
        while not done.is_set():
            accepted.append(start(daemon, "quick"))

    loader = threading.Thread(target=load)
    loader.start()
    try:
        until(lambda: len(accepted) > 20, what="some runs")
        before = list(accepted)
        answer = told(daemon, "backup", str(tmp_path / "copy.db"))
        after = len(accepted)
        until(lambda: len(accepted) > after, what="runs that are accepted during and after the backup")
    finally:
        done.set()
        loader.join()

    copy = tmp_path / "copy.db"
    assert set(before) <= set(runs_in(copy))
    assert copy.stat().st_mode & 0o777 == 0o600
    assert answer == {"file": str(copy), "size_bytes": copy.stat().st_size, "schema": answer["schema"]}
    with closing(sqlite3.connect(copy)) as store:
        assert store.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert store.execute("PRAGMA user_version").fetchone() == (answer["schema"],)
        assert store.execute("PRAGMA journal_mode").fetchone() == ("delete",)  # one file is all of it


def test_a_backup_into_a_directory_is_named_by_the_time_and_replaces_nothing_unasked(
    daemon: Daemon, tmp_path: Path
) -> None:
    daemon.start()
    folder = tmp_path / "backups"
    folder.mkdir()
    (path,) = [Path(told(daemon, "backup", str(folder))["file"])]
    assert [one.name for one in folder.iterdir()] == [path.name]
    assert path.match("state-*Z.db")
    path.write_text("precious")

    refused = call(daemon, "backup", str(path))

    assert (refused.returncode, path.read_text()) == (ExitCode.USAGE, "precious")
    assert "--force" in refused.stderr
    told(daemon, "backup", str(path), "--force")
    assert path.read_bytes().startswith(b"SQLite format 3")
    assert [one.name for one in folder.iterdir()] == [path.name]


# restore


def test_what_was_accepted_after_the_backup_is_forgotten_and_nothing_starts_twice(
    daemon: Daemon, markers: Markers, tmp_path: Path
) -> None:
    daemon.start()
    go = waits(daemon, markers, "first")
    go_late = waits(daemon, markers, "late")
    ended = start(daemon, "first")
    go.touch()
    daemon.ended("first", ended)
    go.unlink()
    live, queued = start(daemon, "first"), start(daemon, "first")
    markers.wait_for("start", run_id=live)
    copy = tmp_path / "copy.db"
    told(daemon, "backup", str(copy))
    go.touch()
    daemon.ended("first", live)
    daemon.ended("first", queued)
    late = start(daemon, "late")
    (started,) = markers.wait_for("start", run_id=late)
    daemon.kill()  # so that the log of the replaced database holds what it does not
    assert (daemon.state_dir / "state.db-wal").stat().st_size

    restored = told(daemon, "restore", str(copy))

    assert (restored["live_runs"], restored["forbidden_runs"], restored["unsure_runs"]) == (2, 0, 0)
    (unknown,) = restored["unknown_runs"]
    assert (unknown["id"], unknown["directory"]) == (late, str(run_directory(daemon, late)))
    assert is_alive(unknown["shim_pid"])
    assert is_alive(started.pid)
    assert set(runs_in(Path(restored["kept"]))) == {ended, live, queued, late}
    daemon.start()
    assert [daemon.ended("first", one)["JobRunState"] for one in (ended, live, queued)] == ["SUCCEEDED"] * 3
    assert [len(markers.all("start", run_id=one)) for one in (ended, live, queued, late)] == [1, 1, 1, 1]
    assert daemon.call("GetJobRun", {"JobName": "late", "RunId": late})["__type"] == "EntityNotFoundException"
    assert is_alive(started.pid)  # it is nobody's to end
    go_late.touch()
    markers.wait_for("end", run_id=late)


@pytest.mark.parametrize("is_readable", [True, False])
def test_a_run_that_ended_and_lost_its_directory_is_forbidden_or_warned_of(
    daemon: Daemon, markers: Markers, tmp_path: Path, *, is_readable: bool
) -> None:
    """As retention takes directories when they take too much room; then only the replaced database knows."""
    daemon.start()
    go = waits(daemon, markers, "first")
    live, queued, waiting = (start(daemon, "first") for _ in range(3))
    markers.wait_for("start", run_id=live)
    copy = tmp_path / "copy.db"
    told(daemon, "backup", str(copy))
    daemon.call("BatchStopJobRun", {"JobName": "first", "JobRunIds": [live]})
    daemon.ended("first", live)
    markers.wait_for("start", run_id=queued)
    daemon.call("BatchStopJobRun", {"JobName": "first", "JobRunIds": [queued]})
    daemon.ended("first", queued)
    markers.wait_for("start", run_id=waiting)
    daemon.kill()
    shutil.rmtree(run_directory(daemon, queued))
    if not is_readable:
        (daemon.state_dir / "state.db").write_bytes(b"x" * 8192)
        (daemon.state_dir / "state.db-wal").unlink()  # it may have every page

    restored = told(daemon, "restore", str(copy))

    numbers = (restored["live_runs"], restored["forbidden_runs"], restored["unsure_runs"])
    assert numbers == ((3, 1, 0) if is_readable else (3, 0, 1))
    if is_readable:
        daemon.start()
        assert daemon.ended("first", queued)["JobRunState"] == "FAILED"
        go.touch()
        daemon.ended("first", waiting)
        assert len(markers.all("start", run_id=queued)) == 1
        assert len(markers.all("start", run_id=waiting)) == 1


def test_a_daemon_that_is_up_is_not_restored_under(daemon: Daemon, tmp_path: Path) -> None:
    daemon.start()
    told(daemon, "backup", str(tmp_path / "copy.db"))
    before = sorted(path.name for path in daemon.state_dir.iterdir())

    refused = call(daemon, "restore", str(tmp_path / "copy.db"))

    assert refused.returncode == ExitCode.TRY_LATER
    assert f"process {daemon.pid}" in refused.stderr
    assert sorted(path.name for path in daemon.state_dir.iterdir()) == before


def damage(daemon: Daemon, table: str) -> None:
    """Overwrite a table of the database; what finds it still looks well."""
    path = daemon.state_dir / "state.db"
    with closing(sqlite3.connect(path)) as store:
        (root,) = store.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", (table,)).fetchone()
        (size,) = store.execute("PRAGMA page_size").fetchone()
    with path.open("r+b") as file:
        file.seek((root - 1) * size)
        file.write(os.urandom(size))


@pytest.mark.parametrize("how", ["damaged", "gone"])
def test_a_damaged_database_ends_the_daemon_with_the_command_that_helps(
    daemon: Daemon, markers: Markers, tmp_path: Path, how: str
) -> None:
    daemon.start()
    go = waits(daemon, markers, "first")
    live = start(daemon, "first")
    (started,) = markers.wait_for("start", run_id=live)
    copy = tmp_path / "copy.db"
    told(daemon, "backup", str(copy))
    daemon.terminate()
    if how == "damaged":
        damage(daemon, "job_run")
    else:
        (daemon.state_dir / "state.db").unlink()

    daemon.start(wait=False)

    assert daemon.wait_until_dead() == ExitCode.CONFIGURATION, daemon.log()
    assert "`orchestrator restore FILE`" in daemon.log().splitlines()[-1]
    assert is_alive(started.pid)
    told(daemon, "restore", str(copy))
    daemon.start()
    go.touch()
    assert daemon.ended("first", live)["JobRunState"] == "SUCCEEDED"
    assert len(markers.all("start")) == 1


@pytest.mark.crash_full
@pytest.mark.parametrize("point", [f"{RESTORE_POINTS[0]}:{place}" for place in (1, 2, 3)] + [RESTORE_POINTS[1]])
def test_a_restore_that_is_cut_off_can_be_done_again(daemon: Daemon, tmp_path: Path, point: str) -> None:
    daemon.start()
    daemon.job("quick", "pass")
    copy = tmp_path / "copy.db"
    told(daemon, "backup", str(copy))
    late = start(daemon, "quick")
    daemon.ended("quick", late)
    shutil.rmtree(run_directory(daemon, late))  # so that no run tells of the database that was here
    daemon.kill()

    assert call(daemon, "restore", str(copy), ORCHESTRATOR_CRASH_AT=point).returncode == -9

    if point != RESTORE_POINTS[1]:
        daemon.start(wait=False)
        assert daemon.wait_until_dead() == ExitCode.CONFIGURATION
        assert "a restore was cut off" in daemon.log().splitlines()[-1]
        told(daemon, "restore", str(copy))
    daemon.start()
    assert daemon.call("GetJob", {"JobName": "quick"})["Job"]["Name"] == "quick"
    assert rows(daemon, "SELECT count(*) FROM job_run") == [(0,)]
