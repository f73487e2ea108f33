"""A database that cannot be opened is refused with what is wrong with the file; no backup mends that, and none is advised."""

import json
import os
import shutil
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest

from orchestrator.model.errors import UnusableFileError
from orchestrator.model.findings import Verdict
from orchestrator.store.backup import back_up
from orchestrator.store.checkup import check_database
from orchestrator.store.state_directory import hold
from tests.support import command
from tests.support.records import NOW_MS, opened, stored_run

EX_CONFIG: Final = 78
_RIGHTS: Final = "-dac_override,-dac_read_search"
KINDS: Final = {
    "directory": "is a directory, and should be a file: move it away",
    "pipe": "is a named pipe, and should be a file: move it away",
    "dangling": "is a symbolic link that leads nowhere: put its target in place, or move it away",
    "looping": "cannot be looked at: Too many levels of symbolic links: move it away",
}


@pytest.fixture
def state_dir(tmp_path: Path) -> Path:
    """Return a state directory that a daemon has left."""
    path = tmp_path / "state"
    with hold(path) as held, closing(opened(held.database)) as store:
        stored_run(store, 1)
        store.execute("PRAGMA journal_mode = WAL")
    (path / "state.db").chmod(0o600)
    return path


def make(path: Path, kind: str) -> None:
    path.unlink(missing_ok=True)
    if kind == "directory":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path, 0o600)
    else:
        path.symlink_to(path.name if kind == "looping" else "nowhere")


def as_its_user(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command as somebody whom permissions bind, root too."""
    prefix = ["setpriv", f"--bounding-set={_RIGHTS}", f"--inh-caps={_RIGHTS}"] if os.geteuid() == 0 else []
    if prefix and shutil.which("setpriv") is None:
        pytest.skip("NOT TESTED: files without permission. There is no setpriv here to bind root with")
    argv = [*prefix, sys.executable, "-m", "orchestrator", *arguments]
    environment = command.environment(home)
    return subprocess.run(argv, env=environment, cwd=home, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("name", ["state.db", "state.db-wal"])
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_file_is_named_with_its_kind(state_dir: Path, tmp_path: Path, name: str, kind: str) -> None:
    path = state_dir / name
    make(path, kind)
    before = sorted(one.name for one in state_dir.iterdir())

    with pytest.raises(UnusableFileError) as refused, hold(state_dir):
        pass
    with pytest.raises(UnusableFileError):
        back_up(state_dir / "state.db", tmp_path / "copy.db")
    (found,) = check_database(state_dir / "state.db", now_ms=NOW_MS, within_s=10)

    assert str(refused.value) == f"{path} {KINDS[kind]}"
    assert (found.verdict, f"{found.told}: {found.remedy}") == (Verdict.FAIL, str(refused.value))
    assert sorted(one.name for one in state_dir.iterdir()) == before


@pytest.mark.parametrize(
    ("name", "mode", "told"),
    [
        ("state.db", 0o000, "read"),
        ("state.db", 0o400, "written"),
        ("state.db-shm", 0o400, "written"),
        ("state.db-wal", 0o400, "written"),
        (".", 0o500, "written"),
    ],
)
def test_a_file_without_permission_is_refused_before_sqlite_makes_files(
    state_dir: Path, tmp_path: Path, name: str, mode: int, told: str
) -> None:
    path = state_dir / name
    path.touch()
    path.chmod(mode)
    before = {one.name: one.stat().st_mode for one in state_dir.iterdir()}
    remedy = f"chmod u+{'rwx' if name == '.' else 'rw'} {path}"
    sentence = f"{path} cannot be {told} by user {os.geteuid()} (mode {mode:o})"

    served = as_its_user(tmp_path, "serve", "--state-dir", str(state_dir), "--port", "0")
    examined = as_its_user(tmp_path, "doctor", "--state-dir", str(state_dir), "-o", "json")

    assert {one.name: one.stat().st_mode for one in state_dir.iterdir()} == before
    assert served.returncode == EX_CONFIG, served
    said = served.stdout + served.stderr
    assert f"{sentence}: {remedy}" in said
    assert "Traceback" not in said
    assert "restore" not in said
    (found,) = [one for one in json.loads(examined.stdout) if one["check"] == "database"]
    assert found == {"check": "database", "verdict": "fail", "told": sentence, "remedy": remedy}


@pytest.mark.skipif(os.geteuid() != 0, reason="NOT TESTED: what root sees of a daemon's user. Only root can")
def test_root_sees_what_the_daemons_user_may_not(state_dir: Path) -> None:
    for path in (state_dir, *state_dir.iterdir()):
        os.chown(path, 12345, 12345)
    (state_dir / "state.db").chmod(0o400)

    (found,) = check_database(state_dir / "state.db", now_ms=NOW_MS, within_s=10)

    assert found.told == f"{state_dir / 'state.db'} cannot be written by user 12345 (mode 400)"
