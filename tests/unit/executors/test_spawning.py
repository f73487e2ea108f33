"""The daemon does without a spawn server that is stuck, refuses, or cannot be had."""

import asyncio
import errno
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from orchestrator.executors.interface import GivenBookmark, LaunchSpec
from orchestrator.executors.local import cgroups, spawning
from orchestrator.executors.local.launcher import LocalExecutor
from orchestrator.executors.local.shim_notices import Notice
from orchestrator.executors.local.shim_specs import ShimRules
from orchestrator.executors.local.spawning import Spawner
from orchestrator.executors.world import Runtime, WorldSettings
from orchestrator.model.errors import UnavailableError
from orchestrator.model.ids import JobRunId
from orchestrator.model.limits import LimitRules

RUN_ID = str(JobRunId(bytes(32)))


class Hearing:
    """Keeps what a spawner tells."""

    def __init__(self) -> None:
        self.notices: list[Notice] = []
        self._heard = asyncio.Event()

    def __call__(self, notice: Notice) -> None:
        """Keep it."""
        if notice.shim is not None:
            notice.shim.dismiss()
        self.notices.append(notice)
        self._heard.set()

    async def wait_for(self, word: str) -> Notice:
        """Wait until it is told."""
        while True:
            for notice in self.notices:
                if notice.word == word:
                    return notice
            self._heard.clear()
            async with asyncio.timeout(20):
                await self._heard.wait()


@pytest.fixture
async def hearing() -> Hearing:
    return Hearing()


@pytest.fixture
async def spawner(hearing: Hearing) -> Any:
    """Lend a spawner, and close it."""
    one = Spawner(hearing)
    yield one
    one.close()


def a_spec(**more: object) -> dict[str, object]:
    return {"run_id": RUN_ID, **more}


def server(spawner: Spawner) -> psutil.Process:
    """Return the one server that there is."""
    (found,) = spawner._servers.values()
    return psutil.Process(found.pid)


async def test_a_server_that_is_stuck_is_ended_and_its_requests_are_told_of(
    monkeypatch: pytest.MonkeyPatch, spawner: Spawner, hearing: Hearing, tmp_path: Path
) -> None:
    monkeypatch.setattr(spawning, "PATIENCE_S", 0.05)
    spawner.start()
    stuck = server(spawner)
    stuck.suspend()
    assert spawner.spawn(tmp_path / RUN_ID, a_spec(), None)
    notice = await hearing.wait_for("unforked")
    assert (notice.run_id, notice.pid) == (RUN_ID, stuck.pid)
    assert not stuck.is_running()


async def test_a_server_that_has_ended_is_told_of_and_another_one_forks(
    monkeypatch: pytest.MonkeyPatch, spawner: Spawner, hearing: Hearing, tmp_path: Path
) -> None:
    monkeypatch.setattr(spawning, "PAUSE_S", 0.0)
    spawner.start()
    first = server(spawner)
    first.suspend()
    assert spawner.spawn(tmp_path / RUN_ID, a_spec(), None)
    first.kill()
    await hearing.wait_for("unforked")
    assert spawner.spawn(tmp_path / RUN_ID, a_spec(), None)
    begun = await hearing.wait_for("begun")
    assert begun.run_id == RUN_ID
    assert server(spawner).pid != first.pid


async def test_a_server_that_ends_soon_after_its_start_is_not_started_again_at_once(
    spawner: Spawner, hearing: Hearing, tmp_path: Path
) -> None:
    spawner.start()
    first = server(spawner)
    first.suspend()
    assert spawner.spawn(tmp_path / RUN_ID, a_spec(), None)
    first.kill()
    await hearing.wait_for("unforked")
    assert not spawner.spawn(tmp_path / RUN_ID, a_spec(), None), "the caller executes a shim"


async def test_a_request_that_a_server_could_not_read_is_not_sent(spawner: Spawner, tmp_path: Path) -> None:
    spawner.start()
    assert not spawner.spawn(tmp_path / RUN_ID, a_spec(argv=["x" * 200_000]), None)


async def test_an_interpreter_that_is_not_there_leaves_the_other_server(
    spawner: Spawner, hearing: Hearing, tmp_path: Path
) -> None:
    runtime = Runtime("/no/such/python", (), ())
    assert spawner.spawn(tmp_path / RUN_ID, a_spec(), runtime)
    assert (await hearing.wait_for("begun")).run_id == RUN_ID


async def test_one_template_too_many_is_not_made_while_the_others_are_in_use(
    monkeypatch: pytest.MonkeyPatch, spawner: Spawner, hearing: Hearing, tmp_path: Path
) -> None:
    monkeypatch.setattr(spawning, "MAX_TEMPLATES", 1)
    monkeypatch.setattr(spawning, "PAUSE_S", 0.0)
    kept, other = (Runtime(sys.executable, (name,), ()) for name in ("colorsys", "keyword"))
    spawner.start([kept])
    spawner._servers[kept].took_s = 1.0
    monkeypatch.setattr(spawning, "_WORTH", 1e9)
    assert spawner.spawn(tmp_path / RUN_ID, a_spec(), other), "by the other server"
    assert set(spawner._servers) == {None, kept}
    monkeypatch.setattr(spawning, "_WORTH", 0)
    assert spawner.spawn(tmp_path / RUN_ID, a_spec(), other)
    assert set(spawner._servers) == {None, other}


async def test_what_no_server_could_fork_is_executed_the_next_time(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """So that a shortage of processes is met where it is waited out, and not taken for a shim that dies."""
    asked: list[str] = []

    def spawn(*_: object) -> bool:
        asked.append("server")
        return True

    def execute(*_: object) -> tuple[int, int]:
        asked.append("execute")
        raise OSError(errno.EAGAIN, "no room")

    monkeypatch.setattr(Spawner, "spawn", spawn)
    monkeypatch.setattr(Spawner, "execute", execute)
    executor = a_local_executor(tmp_path)
    try:
        await executor.launch(a_launch())
        executor._heard(Notice(RUN_ID, 1, "unforked", "[Errno 11] no room", None))
        with pytest.raises(UnavailableError, match="no room"):
            await executor.launch(a_launch())
        await executor.launch(a_launch())
    finally:
        executor.close()
    assert asked == ["server", "execute", "server"]


def a_local_executor(folder: Path) -> LocalExecutor:
    settings = WorldSettings(
        jobs_dir=folder, python=sys.executable, path="/bin", endpoint_url="", region="r", is_root_allowed=True
    )
    return LocalExecutor(
        folder / "runs",
        settings,
        rules=ShimRules(stop_grace_s=1, log_limit_bytes=1, open_files_limit=64, limits=LimitRules()),
        cgroup=cgroups.OFF,
    )


def a_launch() -> LaunchSpec:
    return LaunchSpec(
        run_id=JobRunId(bytes(32)),
        job_id="j",
        job_name="job",
        script_location="script.py",
        python_version=None,
        arguments={},
        bookmark_option="job-bookmark-disable",
        bookmark=GivenBookmark(version=0, text=None),
        timeout_s=None,
        dpu=1,
    )


async def test_servers_end_when_the_spawner_is_closed(hearing: Hearing) -> None:
    spawner = Spawner(hearing)
    spawner.start()
    one = server(spawner)
    spawner.close()
    assert not one.is_running()


async def test_a_server_ends_when_its_requests_do(hearing: Hearing, monkeypatch: pytest.MonkeyPatch) -> None:
    """As they do when the daemon is killed."""
    spawner = Spawner(hearing)
    spawner.start()
    one = server(spawner)
    next(iter(spawner._servers.values())).requests.close()
    await asyncio.to_thread(one.wait, 20)
    spawner.close()
