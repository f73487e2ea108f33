"""What the files would change: their definitions are taken in, and that is undone."""

from collections.abc import Collection, Mapping

from orchestrator.operations import define_jobs, define_triggers
from orchestrator.operations.context import Context
from orchestrator.operations.define_jobs import DefinedJob
from orchestrator.operations.define_triggers import DefinedTriggers, Outcome
from orchestrator.store.database import Transaction


class _SeenError(Exception):
    """Undoes the work and carries what it came to."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__()
        self.outcome = outcome


async def compare_files(
    ctx: Context, jobs: Mapping[str, DefinedJob], refused: Collection[str], triggers: DefinedTriggers
) -> Outcome:
    """Return what `define_jobs` and `define_triggers` would change now. It is the same code, so it cannot be wrong."""
    at_ms = ctx.now_ms()

    def look(tx: Transaction) -> None:
        changes = define_jobs.define_in(tx, jobs, refused, at_ms=at_ms)
        outcome = define_triggers.define_in(tx, triggers, at_ms=at_ms)
        raise _SeenError(Outcome(changes=[*changes, *outcome.changes], refused=outcome.refused))

    try:
        await ctx.database.write("compare_files", look)
    except _SeenError as seen:
        return seen.outcome
    raise AssertionError
