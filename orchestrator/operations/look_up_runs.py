"""Runs as people look them up: over all jobs, by the beginning of an id, with their history. Not an action of Glue's."""

from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.model.ids import JobRunId
from orchestrator.model.records import JobRun, Transition
from orchestrator.model.workflows import WorkflowRun
from orchestrator.operations.context import Context
from orchestrator.store import job_runs, jobs, run_lists, workflows
from orchestrator.store.database import Transaction


async def list_runs(ctx: Context, *, job: str | None, state: str | None, limit: int) -> list[JobRun]:
    """Return up to `limit` runs, newest first, of one job or of all, in one state or in any."""

    def read(tx: Transaction) -> list[JobRun]:
        key = None if job is None else jobs.find_key(tx, job)
        if job is not None and key is None:
            return []
        return run_lists.list_newest(tx, job_key=key, state=state, limit=limit)

    return await ctx.database.read(read)


async def find_by_prefix(ctx: Context, hex_prefix: str, *, limit: int) -> list[JobRun]:
    """Return up to `limit` runs whose id begins with these digits."""

    def read(tx: Transaction) -> list[JobRun]:
        return [job_runs.get_by_id(tx, run_id) for run_id in job_runs.find_by_prefix(tx, hex_prefix, limit=limit)]

    return await ctx.database.read(read)


async def get_run(ctx: Context, run_id: JobRunId) -> JobRun:
    """Return a run.

    Raises:
        EntityNotFoundError: there is none of that id.
    """
    return await ctx.database.read(lambda tx: job_runs.get_by_id(tx, run_id), is_short=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunInFull:
    """A run, its transitions, and the workflow run that it belongs to, as of one moment."""

    run: JobRun
    history: Sequence[Transition]
    workflow_run: WorkflowRun | None


async def get_run_in_full(ctx: Context, run_id: JobRunId) -> RunInFull:
    """Return a run with what belongs to it.

    Raises:
        EntityNotFoundError: there is none of that id.
    """

    def read(tx: Transaction) -> RunInFull:
        run = job_runs.get_by_id(tx, run_id)
        workflow_run = None if run.chain_key is None else workflows.find_run_of_chain(tx, run.chain_key)
        return RunInFull(run=run, history=job_runs.history(tx, run), workflow_run=workflow_run)

    return await ctx.database.read(read, is_short=True)
