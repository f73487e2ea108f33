"""Whether the store can be read and written now, found out by doing so: for who probes the daemon. No action of Glue's."""

from pathlib import Path
from typing import Final

import anyio.to_thread

from orchestrator.model.findings import Verdict
from orchestrator.operations.context import Context
from orchestrator.store import checkup, proof
from orchestrator.store.database import Transaction

PROVED_FOR_S: Final = 60.0
"""A commit that the disk has taken says for so long that it takes them; then a page is written for the question alone."""


async def prove_readable(ctx: Context) -> None:
    """Read something.

    Raises:
        StoreError: it cannot be read.
    """
    await ctx.database.read(proof.read)


async def prove_writable(ctx: Context) -> None:
    """Take a turn as writer. The disk is given something only where it has taken nothing for long.

    Raises:
        OperationTimeoutError: no turn came within the time that operations have.
        StoreError: nothing can be written.
    """

    def write(tx: Transaction) -> None:
        if ctx.database.unproved_s > PROVED_FOR_S:
            proof.write(tx)

    await ctx.database.write("prove_writable", write, is_short=True)


async def lack_of_room(state_dir: Path) -> str | None:
    """Say that the disk of the state directory has too little room for what is to come, or return None."""
    found = await anyio.to_thread.run_sync(checkup.check_room, state_dir)
    return found.told if found.verdict is Verdict.FAIL else None
