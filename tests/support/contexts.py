"""The daemon as an operation sees it, in this process, with a real store."""

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import anyio

from orchestrator.model.ids import BASE_BYTES
from orchestrator.model.queue import Limits
from orchestrator.operations.context import Context
from orchestrator.operations.file_changes import FilesRead
from orchestrator.store.database import QUICK_S, open_database
from orchestrator.supervisor.bell import Bell
from orchestrator.supervisor.lifetime import Surroundings
from orchestrator.supervisor.supervisor import Supervisor
from tests.support.records import NOW_MS, some_means
from tests.support.scripted_executor import ScriptedExecutor


@asynccontextmanager
async def a_context(path: Path, quick_s: float = QUICK_S) -> AsyncIterator[Context]:
    """Lend the daemon as an operation sees it, without anybody who does anything by himself."""
    async with (
        open_database(path, operation_timeout_s=10, quick_s=quick_s) as database,
        anyio.create_task_group() as tasks,
    ):
        await tasks.start(database.serve)
        numbers = itertools.count(1 << 65)  # not those that the store was filled with
        means = replace(some_means(), new_base=lambda: next(numbers).to_bytes(BASE_BYTES, "big"))
        executor = ScriptedExecutor()
        around = Surroundings(
            database=database,
            executor=executor,
            now_ms=lambda: NOW_MS,
            means=means,
            changed=Bell(),
            ended=Bell(),
            timed=Bell(),
        )
        committed = Bell()
        database.on_commit = committed.ring
        supervisor = Supervisor(around, Limits(dpus=100, max_processes=100))
        yield Context(
            database=database,
            supervisor=supervisor,
            executor=executor,
            now_ms=lambda: NOW_MS,
            means=means,
            committed=committed,
            closing=anyio.Event(),
            files=no_files,
        )
        database.close()


async def no_files(ctx: Context, is_dry_run: bool) -> FilesRead:  # noqa: FBT001 - as a Context has it
    """Find no files of jobs and triggers."""
    del ctx, is_dry_run
    return FilesRead(jobs_dir="jobs", triggers_file="triggers.toml", changes=[], problems=[])
