"""The registry of crash points: what the crash tests are made from. `tests/crash/test_points.py` holds it to the code."""

from typing import Final

MIGRATION_POINTS: Final = ("migrate.begun", "migrate.committed")
RESTORE_POINTS: Final = ("restore.moved", "restore.renamed")
"""Those of a command, which no daemon passes; the first is passed for each of the database's three files."""
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
RETENTION_WRITES: Final = ("retire_runs", "return_pages")
"""The writes that make runs be forgotten, and the room go that they took."""
LOOKING_WRITES: Final = ("keep_samples", "prove_writable")
"""The writes of who looks: at what runs use, and at whether the disk takes anything."""
CHAIN_WRITES: Final = (
    "fire_schedule",
    "notify_delay",
    "retry",
    "start_trigger",
    "start_workflow_run",
    "stop_workflow_run",
)
"""The writes that make runs follow from runs, calls and instants."""
NOTICE_WRITES: Final = ("begin_outlets", "move_outlet")
"""The writes that say how far each outlet of notices is."""
DEFINITION_WRITES: Final = (
    "compare_files",
    "create_job",
    "define_jobs",
    "define_triggers",
    "delete_job",
    "reset_bookmark",
    "set_bookmark",
    "update_job",
)
"""The writes that change what is around a run."""
ORCHESTRATION_WRITES: Final = (
    "create_trigger",
    "create_workflow",
    "delete_trigger",
    "delete_workflow",
    "put_workflow_run_properties",
    "resume_workflow_run",
    "stop_trigger",
    "tag_resource",
    "untag_resource",
    "update_trigger",
    "update_workflow",
)
"""The writes that change what is around a chain, and the one that begins another."""

SERVER_POINTS: Final = ("server.asked", "server.forked", "server.child")
"""The steps of a spawn server or template: it has read a request, it has forked; in `server.child` not the server dies but
what it has forked, which nobody has heard of: a new process each time, so there is no second time to count."""
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
    "shim.ended",
)
"""The shim's steps, in order; `shim.child` is the only one in which not the shim dies but its script, before exec."""


def points_of(*writes: str) -> tuple[str, ...]:
    """Return the points of `writes`."""
    return tuple(f"{name}.{phase}" for name in writes for phase in PHASES)


WRITES: Final = (
    *RUN_WRITES,
    *RETENTION_WRITES,
    *LOOKING_WRITES,
    *CHAIN_WRITES,
    *NOTICE_WRITES,
    *DEFINITION_WRITES,
    *ORCHESTRATION_WRITES,
)
DAEMON_POINTS: Final = MIGRATION_POINTS + SPAWN_POINTS + points_of(*WRITES)
