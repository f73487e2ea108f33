"""A state directory is one daemon's at a time, its user's alone, and never taken for a fresh one when it is not."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from orchestrator.model.errors import StateDirectoryHeldError, StoreRefusedError
from orchestrator.store.state_directory import hold

ROOT: Final = Path(__file__).parents[3]
HOLD: Final = """
import sys
from pathlib import Path
from orchestrator.store.state_directory import hold
with hold(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def holder_of(path: Path) -> subprocess.Popen[bytes]:
    """Return another process, when it holds `path`."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"held\n"
    return process


def test_a_second_daemon_is_refused_and_told_who_holds_it(tmp_path: Path) -> None:
    with holder_of(tmp_path / "state") as other:
        with pytest.raises(StateDirectoryHeldError) as refused, hold(tmp_path / "state"):
            pass
        other.communicate(timeout=10)
    assert str(refused.value) == f"the state directory {tmp_path / 'state'} is held by process {other.pid}"


def test_the_lock_ends_with_its_holder_however_it_dies(tmp_path: Path) -> None:
    with holder_of(tmp_path / "state") as other:
        other.kill()
        other.communicate(timeout=10)
    with hold(tmp_path / "state"):
        assert (tmp_path / "state" / "daemon.lock").read_text() == f"process {os.getpid()}\n"


def test_it_can_be_held_again_after_it_was_left(tmp_path: Path) -> None:
    for _ in range(2):
        with hold(tmp_path / "state"):
            pass


def test_a_holder_without_a_name_is_another_process(tmp_path: Path) -> None:
    with hold(tmp_path):
        (tmp_path / "daemon.lock").write_text("")
        with pytest.raises(StateDirectoryHeldError, match="held by another process"), hold(tmp_path):
            pass


def test_it_is_made_for_its_user_alone(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "state"
    with hold(path) as directory:
        assert path.stat().st_mode & 0o777 == 0o700
        assert (path / "daemon.lock").stat().st_mode & 0o777 == 0o600
        assert directory.database == path / "state.db"
        assert directory.runs == path / "runs"


def test_a_directory_that_others_may_write_to_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o770)
    with pytest.raises(StoreRefusedError, match=r"is writable by others \(mode 770\); run: chmod 700 "), hold(tmp_path):
        pass


@pytest.mark.parametrize("mode", [0o755, 0o750, 0o744])
def test_a_directory_that_others_may_read_is_made_its_users_alone(tmp_path: Path, mode: int) -> None:
    tmp_path.chmod(mode)
    with hold(tmp_path):
        assert tmp_path.stat().st_mode & 0o777 == 0o700


def test_a_directory_that_scripts_of_other_users_pass_through_stays_so(tmp_path: Path) -> None:
    tmp_path.chmod(0o711)
    with hold(tmp_path):
        assert tmp_path.stat().st_mode & 0o777 == 0o711


@pytest.mark.parametrize("mode", [0o755, 0o777])
@pytest.mark.parametrize("may_lack_database", [True, False])
def test_a_directory_of_something_else_is_refused_and_left_as_it_is(
    tmp_path: Path, mode: int, *, may_lack_database: bool
) -> None:
    (tmp_path / "dpkg").mkdir()
    tmp_path.chmod(mode)
    with (
        pytest.raises(StoreRefusedError, match=rf"^{tmp_path} is not empty and holds no state of an orchestrator; "),
        hold(tmp_path, may_lack_database=may_lack_database),
    ):
        pass
    assert tmp_path.stat().st_mode & 0o777 == mode
    assert [path.name for path in tmp_path.iterdir()] == ["dpkg"]


@pytest.mark.parametrize("name", ["lost+found", "daemon.lock", "state.db", "runs", "state.db.restoring"])
def test_the_root_of_a_file_system_and_what_we_have_left_are_fine(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.touch(0o600) if name in {"daemon.lock", "state.db", "state.db.restoring"} else path.mkdir()
    if name != "lost+found":
        (tmp_path / "notes.txt").touch()
    with hold(tmp_path, may_lack_database=True):
        pass


def test_a_symbolic_link_is_refused_and_told_where_it_leads(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir(mode=0o700)
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "real")
    if os.geteuid() == 0:
        os.chown(link, 12345, 12345, follow_symlinks=False)
    with pytest.raises(StoreRefusedError, match=rf"is a symbolic link; name .* {tmp_path}/real$"), hold(link):
        pass
    assert list((tmp_path / "real").iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="NOT TESTED: a link of root's. Only root can make one")
def test_a_symbolic_link_of_root_is_followed_to_a_directory_that_is_looked_at(tmp_path: Path) -> None:
    """As systemd makes it for a DynamicUser: /var/lib/orchestrator leads to /var/lib/private/orchestrator."""
    real, link = tmp_path / "real", tmp_path / "link"
    real.mkdir(mode=0o700)
    link.symlink_to(real)
    with hold(link):
        assert (real / "daemon.lock").exists()
    real.chmod(0o770)
    with pytest.raises(StoreRefusedError, match="is writable by others"), hold(link):
        pass


def test_a_directory_of_somebody_else_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: tmp_path.stat().st_uid + 1)
    with pytest.raises(StoreRefusedError, match="belongs to uid"), hold(tmp_path):
        pass


def test_a_lock_file_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").touch()
    (tmp_path / "daemon.lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreRefusedError, match="symbolic links"), hold(tmp_path):
        pass


@pytest.mark.parametrize("is_there", [True, False])
def test_a_database_that_is_gone_beside_runs_is_not_begun_anew(tmp_path: Path, *, is_there: bool) -> None:
    (tmp_path / "runs" / "ab" / "jr_ab").mkdir(parents=True)
    if is_there:
        (tmp_path / "state.db").touch()
    with pytest.raises(StoreRefusedError, match=r"is missing or empty, but .* holds runs: restore"), hold(tmp_path):
        pass


def test_an_empty_database_without_runs_is_a_fresh_start(tmp_path: Path) -> None:
    (tmp_path / "runs" / "ab").mkdir(parents=True)
    (tmp_path / "state.db").touch()
    with hold(tmp_path):
        pass


def test_a_database_beside_runs_is_held(tmp_path: Path) -> None:
    (tmp_path / "runs" / "ab").mkdir(parents=True)
    (tmp_path / "state.db").write_text("content")
    with hold(tmp_path):
        pass


def test_a_database_that_a_restore_has_moved_away_is_not_begun_anew(tmp_path: Path) -> None:
    (tmp_path / "state.db.before-restore-now").touch()
    with pytest.raises(StoreRefusedError, match=r"a restore was cut off: repeat"), hold(tmp_path):
        pass
    with hold(tmp_path, may_lack_database=True):
        pass
