"""Records as tests need them: whole, valid, and different only in what a test names."""

import itertools
import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from orchestrator.model.endings import Ending, EndingReason, ReportedBookmark
from orchestrator.model.ids import BASE_BYTES, JobRunId
from orchestrator.model.policy import Policy
from orchestrator.model.records import Capacity, Command, JobDefinition, JobRun, NewRun, RunFigures
from orchestrator.model.states import JobRunState, RunEvent
from orchestrator.store import job_runs, jobs, migration
from orchestrator.store.database import Transaction
from orchestrator.supervisor.means import Means

NOW_MS: Final = 1_700_000_000_000


def a_definition(**changes: Any) -> JobDefinition:
    """Return the definition of a Python shell job."""
    command = Command(name="pythonshell", script_location="script.py", python_version="3")
    return replace(JobDefinition(role="r", command=command), **changes)


def some_means(**policy: Any) -> Means:
    """Return means whose bases count up from one that no other helper makes; `policy` as in `Policy`."""
    numbers = itertools.count(1 << 64)
    return Means(
        policy=Policy(**{"cap_dpu": 100.0, **policy}), new_base=lambda: next(numbers).to_bytes(BASE_BYTES, "big")
    )


def an_ending(**changes: Any) -> Ending:
    """Return the ending of a script that exited with 0 and had no bookmark to write."""
    ending = Ending(
        reason=EndingReason.EXITED,
        problem=None,
        exit_code=0,
        exit_signal=None,
        figures=RunFigures(exit_code=0, wall_ms=1, cpu_ms=1, peak_process_rss_bytes=1, peak_tree_rss_bytes=1),
        stderr_tail="",
        bookmark=None,
        ended_at_ms=NOW_MS,
    )
    return replace(ending, **changes)


def a_reported_bookmark(text: str | None, *, base_version: int, problem: str | None = None) -> ReportedBookmark:
    """Return what a shim says of a script's bookmark."""
    return ReportedBookmark(base_version=base_version, text=text, problem=problem)


def ending_fields(**changes: Any) -> dict[str, Any]:
    """Return an ending as a shim writes it into its file."""
    fields: dict[str, Any] = {
        "v": 1,
        "reason": "exited",
        "problem": None,
        "exit_code": 0,
        "exit_signal": None,
        "wall_ms": 12,
        "cpu_ms": 7,
        "peak_process_rss_bytes": 1000,
        "peak_tree_rss_bytes": 2000,
        "stderr_tail": "",
        "bookmark": None,
        "ended_at_ms": NOW_MS,
    }
    return {**fields, **changes}


def run_id(number: int, attempt: int = 0) -> JobRunId:
    """Return the id whose base spells `number`."""
    return JobRunId(number.to_bytes(32, "big"), attempt)


def a_new_run(job: Any, number: int, **changes: Any) -> NewRun:
    """Return a run of `job` as it is accepted, with the id of `number`."""
    run = NewRun(
        id=run_id(number),
        previous_attempt=None,
        job_key=job.job_key,
        version_key=job.version_key,
        state=JobRunState.STARTING,
        arguments={},
        capacity=Capacity(dpu=1.0),
        timeout_min=10,
        queuing_enabled=False,
        notify_delay_after_min=None,
        execution_class=None,
        security_configuration=None,
        session_policy=None,
        trigger_name=None,
        invocation=None,
        accepted_on_ms=NOW_MS,
    )
    return replace(run, **changes)


def a_run(number: int, **changes: Any) -> JobRun:
    """Return a live run that no store has, with the id of `number`."""
    run = JobRun(
        seq=number,
        id=run_id(number),
        previous_attempt=None,
        job_key=1,
        version_key=1,
        job_name="etl",
        state=JobRunState.RUNNING,
        arguments={},
        capacity=Capacity(dpu=0.0625),
        timeout_min=None,
        glue_version="5.0",
        command_name="pythonshell",
        queuing_enabled=False,
        notify_delay_after_min=None,
        execution_class=None,
        security_configuration=None,
        session_policy=None,
        trigger_name=None,
        started_on_ms=NOW_MS,
        launched_on_ms=NOW_MS,
        last_modified_on_ms=NOW_MS,
        completed_on_ms=None,
        error_message=None,
        figures=RunFigures(),
    )
    return replace(run, **changes)


def opened(path: Path) -> sqlite3.Connection:
    """Return a connection to a migrated store, as a function that is handed to `Database.write` sees it."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.row_factory = sqlite3.Row
    migration.prepare(connection, ("PRAGMA foreign_keys = ON", "PRAGMA synchronous = OFF"))
    return connection


def stored_run(tx: Transaction, number: int, *, job_name: str = "etl", **changes: Any) -> JobRun:
    """Store a run of `job_name`, which is made if need be, and return it."""
    job = jobs.find(tx, job_name) or jobs.create(tx, job_name, a_definition(), source=None, at_ms=NOW_MS)
    return job_runs.insert(tx, a_new_run(job, number, **changes))


def moved(tx: Transaction, run: JobRun, *events: RunEvent, error_message: str | None = "because") -> JobRun:
    """Take `run` through `events` and return it."""
    for event in events:
        run = job_runs.move(tx, run.id, event, at_ms=NOW_MS, error_message=error_message)
    return run
