"""`orchestrator doctor` finds nothing amiss with a daemon that is well, changes nothing, and names what is amiss."""

import json
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from orchestrator.faces.checkup import examine
from orchestrator.faces.cli.exit_codes import ExitCode
from orchestrator.model.errors import StoreError
from orchestrator.model.findings import Verdict
from orchestrator.store.state_directory import StateDirectory, hold
from orchestrator.supervisor import clearing
from tests.support import command
from tests.support.crashing import run_directory
from tests.support.daemon import Daemon, running_daemon
from tests.support.other_user import UID
from tests.support.waiting import until


def doctor(daemon: Daemon, *options: str) -> tuple[int, dict[str, list[dict[str, Any]]]]:
    """Return the exit code and what was found, by check."""
    places = ("--state-dir", str(daemon.state_dir), "--port", str(daemon.port))
    done = command.call(daemon.root, "doctor", *places, "-o", "json", *options)
    assert done.stderr == ""
    found: dict[str, list[dict[str, Any]]] = {}
    for one in json.loads(done.stdout):
        found.setdefault(one["check"], []).append(one)
    return done.returncode, found


def everything(state_dir: Path) -> dict[str, tuple[int, int, int]]:
    """Return size, mode and time of change of all that is in the directory, but for what the daemon writes meanwhile."""
    return {
        str(path): (path.lstat().st_size, path.lstat().st_mode, path.lstat().st_mtime_ns)
        for path in state_dir.rglob("*")
        if path.suffix not in {".db-wal", ".db-shm"}
    }


def rows(state_dir: Path) -> list[str]:
    """Return all rows of the database but for the samples, of which the daemon keeps one each second."""
    with closing(sqlite3.connect(f"file:{state_dir / 'state.db'}?mode=ro", uri=True)) as connection:
        return [line for line in connection.iterdump() if not line.startswith('INSERT INTO "sample"')]


def test_a_daemon_that_is_well_is_found_so_and_nothing_is_changed(tmp_path: Path) -> None:
    with running_daemon(tmp_path) as daemon:
        daemon.job("long", "import time; time.sleep(60)")
        run_id = daemon.call("StartJobRun", {"JobName": "long"})["JobRunId"]
        until(lambda: daemon.run("long", run_id)["JobRunState"] == "RUNNING", what="a live run")
        before = everything(daemon.state_dir), rows(daemon.state_dir)
        code, found = doctor(daemon)
        assert (everything(daemon.state_dir), rows(daemon.state_dir)) == before

        assert code == ExitCode.SUCCESS, found
        assert found["daemon"][0]["told"] == f"process {daemon.pid} answers"
        assert found["run directories"] == [
            {"check": "run directories", "verdict": "ok", "told": "1 were looked at", "remedy": None}
        ]
        daemon.terminate()
        at_rest = everything(daemon.state_dir)
        assert doctor(daemon)[0] == ExitCode.SUCCESS
        assert everything(daemon.state_dir) == at_rest


def test_what_is_amiss_is_named_and_the_exit_code_says_so(tmp_path: Path) -> None:
    with running_daemon(tmp_path) as daemon:
        daemon.job("long", "import os, time; os.posix_spawn('/bin/sleep', ['sleep', '60'], os.environ); time.sleep(60)")
        run_id = daemon.call("StartJobRun", {"JobName": "long"})["JobRunId"]
        until(lambda: daemon.run("long", run_id)["JobRunState"] == "RUNNING", what="a live run")
        daemon.kill()
        (daemon.state_dir / "state.db").chmod(0o644)
        shutil.copytree(run_directory(daemon, run_id), daemon.state_dir / "runs" / "ab" / f"jr_{'ab' * 32}")
        os.unlink(run_directory(daemon, run_id) / "claim")  # noqa: PTH108 - its shim lives, and holds nothing that can be seen

        code, found = doctor(daemon)

        assert code == ExitCode.RUN_DID_NOT_SUCCEED
        assert found["state directory"][0]["remedy"] == f"chmod go= {daemon.state_dir / 'state.db'}"
        assert found["run directories"][0]["remedy"] == "orchestrator gc removes them"
        assert found["processes"][0]["verdict"] == "fail"
        text = command.call(daemon.root, "doctor", "--state-dir", str(daemon.state_dir), "--port", str(daemon.port))
        assert text.returncode == ExitCode.RUN_DID_NOT_SUCCEED
        assert text.stdout.splitlines()[0].split() == ["CHECK", "VERDICT", "FOUND"]
        assert f"state directory: chmod go= {daemon.state_dir / 'state.db'}" in text.stdout.splitlines()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_who_may_not_look_is_told_so_and_what_can_be_seen_all_the_same(tmp_path: Path) -> None:
    with hold(tmp_path / "state"):
        list(examine(tmp_path / "state", is_up=lambda: False, patience_s=1))  # imports what that user may not
        os.seteuid(UID)
        try:
            findings = list(examine(tmp_path / "state", is_up=lambda: False, patience_s=1))
            with pytest.raises(StoreError, match="Permission denied"):
                clearing.find(StateDirectory(tmp_path / "state"))
        finally:
            os.seteuid(0)
    assert findings[0].told == f"user {UID} may not look into {tmp_path / 'state'}"
    assert findings[0].verdict is Verdict.FAIL
    assert {"kernel", "peers", "daemon", "unit"} <= {one.check for one in findings}
