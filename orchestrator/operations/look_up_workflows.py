"""Workflows and their runs as people look them up. Not an action of Glue's."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from orchestrator.model.triggers import Trigger
from orchestrator.model.workflows import Workflow, WorkflowRun
from orchestrator.operations.context import Context
from orchestrator.operations.look_up_chains import SeenChain, see_chain
from orchestrator.operations.look_up_triggers import LastFiring, SeenTrigger, see, with_last_firing
from orchestrator.store import triggers, workflows
from orchestrator.store.database import Transaction

_PAGE: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedWorkflow:
    """A workflow in a list of all."""

    workflow: Workflow
    live: int  # how many of its runs have not ended
    last: WorkflowRun | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LookedUpRun:
    """A workflow run and the chain that it is."""

    run: WorkflowRun
    chain: SeenChain


@dataclass(frozen=True, slots=True, kw_only=True)
class LookedUpWorkflow:
    """A workflow, its triggers, and its latest runs, the newest first."""

    workflow: Workflow
    triggers: Sequence[SeenTrigger]
    runs: Sequence[LookedUpRun]


async def list_workflows_seen(ctx: Context) -> list[ListedWorkflow]:
    """Return every workflow, in order of their names."""

    def read(tx: Transaction) -> list[ListedWorkflow]:
        found: list[Workflow] = []
        while page := workflows.list_page(tx, after=found[-1].name if found else "", limit=_PAGE):
            found += page
        return [_listed(tx, workflow) for workflow in found]

    return await ctx.database.read(read)


async def look_up_workflow(ctx: Context, name: str, *, limit: int) -> LookedUpWorkflow:
    """Return a workflow with up to `limit` of its runs.

    Raises:
        EntityNotFoundError: there is none of that name.
    """

    def read(tx: Transaction) -> tuple[Workflow, list[tuple[Trigger, LastFiring | None]], list[LookedUpRun]]:
        workflow = workflows.get(tx, name)
        runs = workflows.list_run_page(tx, name, before_key=None, limit=limit)
        return workflow, with_last_firing(tx, triggers.list_of_workflow(tx, name)), [_look_up(tx, run) for run in runs]

    workflow, found, runs = await ctx.database.read(read)
    return LookedUpWorkflow(workflow=workflow, triggers=await see(ctx, found), runs=runs)


async def list_workflow_runs(ctx: Context, name: str, *, hex_prefix: str, limit: int) -> list[LookedUpRun]:
    """Return up to `limit` runs of a workflow, which may be deleted: the newest, or those whose id begins so."""

    def read(tx: Transaction) -> list[LookedUpRun]:
        if hex_prefix:
            runs = workflows.find_runs_by_prefix(tx, name, hex_prefix, limit=limit)
        else:
            runs = workflows.list_run_page(tx, name, before_key=None, limit=limit)
        return [_look_up(tx, run) for run in runs]

    return await ctx.database.read(read)


async def look_up_workflow_run(ctx: Context, name: str, run_id: str) -> LookedUpRun:
    """Return a run of a workflow.

    Raises:
        EntityNotFoundError: there is no such run of it.
    """
    return await ctx.database.read(lambda tx: _look_up(tx, workflows.get_run(tx, name, run_id)))


async def workflow_run_status(ctx: Context, name: str, run_id: str) -> WorkflowRun:
    """Return a run of a workflow without its chain.

    Raises:
        EntityNotFoundError: there is no such run of it.
    """
    return await ctx.database.read(lambda tx: workflows.get_run(tx, name, run_id))


def _listed(tx: Transaction, workflow: Workflow) -> ListedWorkflow:
    latest = workflows.list_run_page(tx, workflow.name, before_key=None, limit=1)
    live = workflows.count_live(tx, workflow.name)
    return ListedWorkflow(workflow=workflow, live=live, last=latest[0] if latest else None)


def _look_up(tx: Transaction, run: WorkflowRun) -> LookedUpRun:
    return LookedUpRun(run=run, chain=see_chain(tx, run.chain_key))
