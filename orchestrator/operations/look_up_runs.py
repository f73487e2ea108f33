"""Runs as people look them up: over all jobs, by the beginning of an id, with all that belongs to one. Not an action of Glue's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from orchestrator.executors.interface import Ledger
from orchestrator.model import arguments
from orchestrator.model.ids import JobRunId
from orchestrator.model.records import JobDefinition, JobRun, Predecessor, Transition
from orchestrator.model.run_filter import RunFilter, RunOrder, RunPlace
from orchestrator.model.sampling import Sample
from orchestrator.model.workflows import WorkflowRun
from orchestrator.operations.context import Context
from orchestrator.store import job_runs, jobs, run_lists, samples, workflows
from orchestrator.store.database import Transaction
from orchestrator.store.run_lists import RunPage

MOST_ATTEMPTS: Final = 200


async def list_runs(
    ctx: Context, *, job: str | None, wanted: RunFilter, order: RunOrder, after: RunPlace | None, limit: int
) -> RunPage:
    """Return up to `limit` runs that are wanted, of one job or of all, behind the place `after`."""

    def read(tx: Transaction) -> RunPage:
        if job is None:
            return run_lists.list_page(tx, wanted, order=order, after=after, limit=limit)
        key = jobs.find_key(tx, job)
        if key is None:
            return RunPage([], None)
        return run_lists.list_page(tx, replace(wanted, job_key=key), order=order, after=after, limit=limit)

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
    """A run, its transitions, and what belongs to it, as of one moment."""

    run: JobRun
    history: Sequence[Transition]
    attempts: Sequence[JobRun]  # of its family, itself among them; the last 200
    predecessors: Sequence[Predecessor]
    definition: JobDefinition  # with which it was accepted
    workflow_run: WorkflowRun | None
    samples: Sequence[Sample]
    ledger: Ledger

    @property
    def effective_arguments(self) -> Mapping[str, str]:
        """What the script is given."""
        definition = self.definition
        return arguments.merge(definition.default_arguments, self.run.arguments, definition.non_overridable_arguments)


async def get_run_in_full(ctx: Context, run_id: JobRunId) -> RunInFull:
    """Return a run with what belongs to it.

    Raises:
        EntityNotFoundError: there is none of that id.
    """
    ledger = await ctx.executor.ledger(run_id)

    def read(tx: Transaction) -> RunInFull:
        run = job_runs.get_by_id(tx, run_id)
        return RunInFull(
            run=run,
            history=job_runs.history(tx, run),
            attempts=job_runs.family(tx, run.id.base)[-MOST_ATTEMPTS:],
            predecessors=job_runs.predecessors(tx, run),
            definition=jobs.definition(tx, run.version_key),
            workflow_run=None if run.chain_key is None else workflows.find_run_of_chain(tx, run.chain_key),
            samples=samples.list_of_run(tx, run.seq),
            ledger=ledger,
        )

    return await ctx.database.read(read)  # not short: a family and its samples can be hundreds of rows
