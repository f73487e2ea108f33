"""The registry of crash points: what the crash tests are made from. `tests/crash/test_points.py` holds it to the code."""

from typing import Final

MIGRATION_POINTS: Final = ("migrate.begun", "migrate.committed")
SPAWN_POINTS: Final = ("spawn.prepared", "spawn.spawned")
PHASES: Final = ("begun", "uncommitted", "committed")
"""Where a write can be cut off: it is about to run, it has run, it is on disk and nobody knows yet."""

RUN_WRITES: Final = (
    "accept_job_run",
    "admit",
    "record_launch",
    "request_stop",
    "settle_ended",
    "settle_lost",
    "settle_never_started",
)
"""The writes that a run goes through."""
DEFINITION_WRITES: Final = ("create_job", "update_job", "delete_job", "define_jobs", "reset_bookmark")
"""The writes that change what is around a run."""

SHIM_POINTS: Final = (
    "shim.begun",
    "shim.reserved",
    "shim.claim_written",
    "shim.claimed",
    "shim.claim_durable",
    "shim.prepared",
    "shim.forked",
    "shim.child",
    "shim.started",
    "shim.announced",
    "shim.script_reaped",
    "shim.tree_dead",
    "shim.bookmark_read",
    "shim.ending_written",
    "shim.ending_renamed",
    "shim.ending_durable",
)
"""The shim's steps, in order; `shim.child` is the only one in which not the shim dies but its script, before exec."""


def points_of(*writes: str) -> tuple[str, ...]:
    """Return the points of `writes`."""
    return tuple(f"{name}.{phase}" for name in writes for phase in PHASES)


DAEMON_POINTS: Final = MIGRATION_POINTS + SPAWN_POINTS + points_of(*RUN_WRITES, *DEFINITION_WRITES)
