"""What the probes ask, and whom they do not."""

from pathlib import Path
from typing import Any, cast

import anyio
import pytest
from starlette.requests import Request

from orchestrator.faces import health
from orchestrator.operations import prove_store
from tests.support import disks
from tests.support.contexts import a_context


async def test_that_the_process_answers_is_said_without_a_look_at_anything() -> None:
    nothing: Any = None
    routes = {route.path: route for route in health.routes(nothing, nothing, Path("/nowhere"))}
    answer = await routes["/healthz"].endpoint(cast("Request", nothing))
    assert answer.status_code == 200


async def test_a_full_disk_is_found_out_by_a_write_where_no_commit_is_fresh(tmp_path: Path) -> None:
    with anyio.fail_after(30), disks.small_disk(tmp_path) as disk:
        async with a_context(disk / "state.db") as ctx:
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
        async with a_context(tmp_path / "state.db") as ctx:
            sizes = []
            for _ in range(3):
                assert await health._write(ctx) is None
                sizes.append(log.stat().st_size)
            assert sizes[0] == sizes[1] == sizes[2]
            monkeypatch.setattr(prove_store, "PROVED_FOR_S", 0)
            assert await health._write(ctx) is None
            assert log.stat().st_size > sizes[0]
