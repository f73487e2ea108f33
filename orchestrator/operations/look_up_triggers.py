"""Triggers as people look them up: when they fire next, when they last did, what came of it. Not an action of Glue's."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import anyio.to_thread

from orchestrator.model import schedule
from orchestrator.model.errors import InvalidInputError
from orchestrator.model.records import Firing, JobRun
from orchestrator.model.triggers import Trigger, TriggerState, TriggerType
from orchestrator.operations.context import Context
from orchestrator.store import chains, job_runs, triggers
from orchestrator.store.database import Transaction

UPCOMING: Final = 3
_PAGE: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class LastFiring:
    """A trigger's last firing and the runs that it made, each by its newest attempt."""

    firing: Firing
    runs: Sequence[JobRun]


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenTrigger:
    """A trigger with what it has done and will do."""

    trigger: Trigger
    upcoming_ms: Sequence[int]  # of a schedule that is activated; the next is the first
    last: LastFiring | None


async def list_triggers_seen(ctx: Context) -> list[SeenTrigger]:
    """Return every trigger, in order of their names."""

    def read(tx: Transaction) -> list[tuple[Trigger, LastFiring | None]]:
        found: list[Trigger] = []
        while page := triggers.list_page(tx, after=found[-1].name if found else "", limit=_PAGE):
            found += page
        return with_last_firing(tx, found)

    return await see(ctx, await ctx.database.read(read))


async def get_trigger_seen(ctx: Context, name: str) -> SeenTrigger:
    """Return one trigger.

    Raises:
        EntityNotFoundError: there is none of that name.
    """

    def read(tx: Transaction) -> tuple[Trigger, LastFiring | None]:
        return triggers.get(tx, name), _last_firing(tx, name)

    (seen,) = await see(ctx, [await ctx.database.read(read)])
    return seen


def with_last_firing(tx: Transaction, found: Iterable[Trigger]) -> list[tuple[Trigger, LastFiring | None]]:
    """Return triggers with their last firings."""
    return [(trigger, _last_firing(tx, trigger.name)) for trigger in found]


async def see(ctx: Context, found: Iterable[tuple[Trigger, LastFiring | None]]) -> list[SeenTrigger]:
    """Add when they fire next. A calendar takes milliseconds to search, so that is not done on the loop's thread."""
    now_ms = ctx.now_ms()

    def search() -> list[SeenTrigger]:
        return [
            SeenTrigger(trigger=trigger, upcoming_ms=_upcoming(trigger, now_ms), last=last) for trigger, last in found
        ]

    return await anyio.to_thread.run_sync(search)


def _upcoming(trigger: Trigger, now_ms: int) -> list[int]:
    is_kept = trigger.definition.type is TriggerType.SCHEDULED and trigger.state is TriggerState.ACTIVATED
    if not is_kept or trigger.definition.schedule is None:
        return []
    try:
        return schedule.parse(trigger.definition.schedule).upcoming(now_ms, UPCOMING)
    except InvalidInputError:  # accepted by another version of this program; it does not fire
        return []


def _last_firing(tx: Transaction, name: str) -> LastFiring | None:
    firing = chains.last_firing(tx, name)
    if firing is None:
        return None
    newest: dict[bytes, JobRun] = {}
    for seq in chains.run_seqs(tx, firing.chain_key):
        run = job_runs.get_by_seq(tx, seq)
        if run.chain_key == firing.chain_key and (run.trigger_name == name or run.id.base in newest):
            newest[run.id.base] = run
    return LastFiring(firing=firing, runs=list(newest.values()))
