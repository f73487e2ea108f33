"""What the probes ask, and whom they do not."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import anyio
import pytest
from starlette.requests import Request

from orchestrator.faces import health
from orchestrator.model.queue import Limits
from orchestrator.operations.context import Context
from orchestrator.store.database import open_database
from orchestrator.supervisor.bell import Bell
from orchestrator.supervisor.supervisor import Supervisor
from orchestrator.supervisor.surroundings import Surroundings
from tests.support import disks
from tests.support.records import NOW_MS, some_means
from tests.support.scripted_executor import ScriptedExecutor


@asynccontextmanager
async def serving(path: Path) -> AsyncIterator[Context]:
    """Lend the daemon as a face sees it, over a store at `path`."""
    async with (
        open_database(path, operation_timeout_s=10) as database,
        anyio.create_task_group() as tasks,
    ):
        await tasks.start(database.serve)
        executor, means = ScriptedExecutor(), some_means()
        around = Surroundings(
            database=database,
            executor=executor,
            now_ms=lambda: NOW_MS,
            means=means,
            changed=Bell(),
            ended=Bell(),
            timed=Bell(),
        )
        yield Context(
            database=database,
            supervisor=Supervisor(around, Limits(dpus=1, max_processes=1)),
            executor=executor,
            now_ms=lambda: NOW_MS,
            means=means,
            committed=Bell(),
            closing=anyio.Event(),
        )
        database.close()


async def test_that_the_process_answers_is_said_without_a_look_at_anything() -> None:
    nothing: Any = None
    routes = {route.path: route for route in health.routes(nothing, nothing, Path("/nowhere"))}
    answer = await routes["/healthz"].endpoint(cast("Request", nothing))
    assert answer.status_code == 200


async def test_a_full_disk_is_found_out_by_a_write_where_no_commit_is_fresh(tmp_path: Path) -> None:
    with anyio.fail_after(30), disks.small_disk(tmp_path) as disk:
        async with serving(disk / "state.db") as ctx:
            assert ctx.database.unproved_s == float("inf")
            with disks.full(disk):
                problem = await health._write(ctx)
                assert problem is not None
                assert "the store is full" in problem
            assert await health._write(ctx) is None
            assert ctx.database.unproved_s < 10  # the disk has taken what was written for the question


async def test_a_page_is_written_for_the_question_only_where_the_last_commit_is_old(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "state.db-wal"
    with anyio.fail_after(30):
        async with serving(tmp_path / "state.db") as ctx:
            sizes = []
            for _ in range(3):
                assert await health._write(ctx) is None
                sizes.append(log.stat().st_size)
            assert sizes[0] == sizes[1] == sizes[2]
            monkeypatch.setattr(health, "PROVED_FOR_S", 0)
            assert await health._write(ctx) is None
            assert log.stat().st_size > sizes[0]
