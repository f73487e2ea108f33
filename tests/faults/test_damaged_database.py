"""A database that is damaged, gone, foreign or newer is refused with the way out, and no run is touched meanwhile.

The daemon dies while a script runs; its database is spoilt, and each start says so and ends with 78. The script goes on;
with the database put back, the next daemon adopts it and knows the runs that were queued.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from tests.support import runs
from tests.support.crashing import Lives, alive_of, check_nothing_left, check_ran_once, check_truthful
from tests.support.waiting import until

EX_CONFIG: Final = 78
_RESTORE: Final = "restore a backup with `orchestrator restore FILE`"
_PAGE_BYTES: Final = 4096
_WAL_HEADER_BYTES: Final = 32
_WAL_FRAME_BYTES: Final = 24 + _PAGE_BYTES
Spoil = Callable[[Path], object]


@dataclass(frozen=True, slots=True)
class Scene:
    """A daemon that was killed; a script of it runs, and a run is queued behind that."""

    lives: Lives
    gate: Path
    live: str
    queued: str

    @property
    def database(self) -> Path:
        """The database that the daemon left, beside its log."""
        return self.lives.daemon.state_dir / "state.db"


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    """Lend a scene, and hold in the end that it was only interrupted."""
    gate = tmp_path / "gate"
    with Lives(tmp_path, capacity__dpus=10) as lives:
        body = f"import time\nwhile not os.path.exists({str(gate)!r}): time.sleep(0.01)"
        job = lives.client.job("job", lives.markers.script(body), ExecutionProperty={"MaxConcurrentRuns": 2})
        live = lives.client.start(job)
        lives.markers.wait_for("start", run_id=live)
        runs.in_state(lives.daemon, job, live, "RUNNING")
        queued = lives.client.start(job)
        lives.daemon.kill()
        scene = Scene(lives, gate, live, queued)
        yield scene
        assert len(alive_of(lives.markers)) == 1, "the script goes on, whatever became of the database"
        lives.daemon.start()
        assert lives.daemon.run(job, live)["JobRunState"] == "RUNNING"
        gate.touch()
        for run_id in (live, queued):
            lives.wait_for_end(run_id)
            run = check_truthful(lives.daemon, run_id)
            assert run["state"] == "SUCCEEDED"
            check_ran_once(lives.markers, run)
        check_nothing_left(lives.daemon, lives.markers)


def refusal_of(scene: Scene, spoil: Spoil) -> str:
    """Spoil the database, see the next start refuse it, put everything back; return what was said."""
    directory = scene.database.parent
    before = {path: path.read_bytes() for path in directory.glob("state.db*")}
    said = len(scene.lives.daemon.log())
    spoil(scene.database)
    spoilt = {path: path.read_bytes() for path in directory.glob("state.db*") if path.suffix != ".db-shm"}
    scene.lives.daemon.start(wait=False)
    assert scene.lives.daemon.wait_until_dead() == EX_CONFIG, scene.lives.daemon.log()[said:]
    assert {path: path.read_bytes() for path in spoilt} == spoilt, "what may still be mended is left as it was found"
    for path in directory.glob("state.db*"):
        path.unlink()
    for path, content in before.items():
        path.write_bytes(content)
    return scene.lives.daemon.log()[said:]


def flipped(*places: int, name: str = "state.db", count: int = 1) -> Spoil:
    """Return what flips the bits of `count` bytes at each of `places`."""

    def spoil(database: Path) -> None:
        path = database.with_name(name)
        content = bytearray(path.read_bytes())
        for place in places:
            for offset in range(place, place + count):
                content[offset] ^= 0xFF
        path.write_bytes(content)

    return spoil


def cut(database: Path) -> None:
    """Keep the first half."""
    content = database.read_bytes()
    database.write_bytes(content[: len(content) // 2])


def with_pragma(statement: str) -> Spoil:
    """Return what sets one of the numbers in the header, as another program would."""

    def spoil(database: Path) -> None:
        with closing(sqlite3.connect(database)) as connection:
            connection.execute(statement)
            connection.commit()

    return spoil


def checkpointed(spoil: Spoil) -> Spoil:
    """Have all that was committed in the database itself, and spoil that."""

    def both(database: Path) -> None:
        with closing(sqlite3.connect(database)) as connection:
            assert connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0
        spoil(database)

    return both


_DAMAGES: Final[dict[str, tuple[Spoil, str]]] = {
    "its head": (checkpointed(flipped(0)), "file is not a database"),
    "its first page": (checkpointed(flipped(100)), "malformed"),
    "cut short": (checkpointed(cut), "malformed"),
    "zeros": (checkpointed(lambda database: database.write_bytes(bytes(20 * _PAGE_BYTES))), "file is not a database"),
    "no number": (checkpointed(with_pragma("PRAGMA user_version = 0")), "for the number of its schema"),
    "empty": (lambda database: database.write_bytes(b""), "is missing or empty"),
    "gone": (Path.unlink, "is missing or empty"),
}


@pytest.mark.parametrize(
    "names",
    [("its first page", "gone"), pytest.param(tuple(_DAMAGES), marks=pytest.mark.crash_full)],
    ids=["some", "all"],
)
@pytest.mark.timeout(120)
def test_a_database_that_is_not_as_we_left_it_is_refused_with_the_way_out_and_its_runs_go_on(
    scene: Scene, names: tuple[str, ...]
) -> None:
    for name in names:
        spoil, expected = _DAMAGES[name]
        said = refusal_of(scene, spoil)
        assert expected in said
        assert _RESTORE in said


def test_a_database_of_a_newer_or_another_program_is_refused_and_its_runs_go_on(scene: Scene) -> None:
    said = refusal_of(scene, checkpointed(with_pragma("PRAGMA user_version = 999")))
    assert "schema 999, newer than the" in said
    assert "install a newer program" in said
    said = refusal_of(scene, checkpointed(with_pragma("PRAGMA application_id = 1")))
    assert "was not made by this program" in said


def test_a_log_whose_damage_hides_commits_is_refused_and_its_runs_go_on(scene: Scene) -> None:
    """SQLite itself takes the first frame that is wrong for the end, and forgets the rest without a word."""
    frames = (scene.database.with_name("state.db-wal").stat().st_size - _WAL_HEADER_BYTES) // _WAL_FRAME_BYTES
    assert frames > 10
    middle = _WAL_HEADER_BYTES + frames // 2 * _WAL_FRAME_BYTES
    said = refusal_of(scene, flipped(middle + 24 + _PAGE_BYTES // 2, name="state.db-wal"))
    assert "its log has a damaged place behind frame" in said
    assert _RESTORE in said
    said = refusal_of(scene, flipped(17, name="state.db-wal"))
    assert "the head of its log cannot be read" in said


@pytest.mark.parametrize("meets", ["a read", "a write"])
def test_a_daemon_that_meets_damage_later_ends_with_the_way_out(scene: Scene, meets: str) -> None:
    """A start does not look at every page: that of a long history would take minutes."""

    def spoil(database: Path) -> None:
        with closing(sqlite3.connect(database)) as connection:
            query = "SELECT rootpage FROM sqlite_master WHERE name = ?"
            (page,) = connection.execute(query, ["bookmark" if meets == "a read" else "job_trigger_job"]).fetchone()
        flipped((page - 1) * _PAGE_BYTES, count=8)(database)

    before = {path: path.read_bytes() for path in scene.database.parent.glob("state.db*")}
    daemon = scene.lives.daemon
    checkpointed(spoil)(scene.database)
    daemon.start()
    assert daemon.run("job", scene.live)["JobRunState"] == "RUNNING"
    said = len(daemon.log())
    job = {"JobName": "job"}
    if meets == "a read":
        answer = daemon.call("GetJobBookmark", job)
    else:
        trigger = {"Name": "t", "Type": "ON_DEMAND", "Actions": [job]}
        answer = daemon.call("CreateTrigger", trigger)
    assert answer["__type"] == "InternalServiceException"
    assert daemon.wait_until_dead() == EX_CONFIG
    assert f"malformed): {_RESTORE}" in daemon.log()[said:]
    until(lambda: len(alive_of(scene.lives.markers)) == 1, what="the script, and no other")
    for path in scene.database.parent.glob("state.db*"):
        path.unlink()
    for path, content in before.items():
        path.write_bytes(content)
