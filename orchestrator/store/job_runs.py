"""Runs: their rows, their history, and the one statement that moves a run from state to state."""

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from orchestrator.model import definitions
from orchestrator.model.errors import EntityNotFoundError, IllegalTransitionError
from orchestrator.model.ids import BASE_BYTES, JobRunId, parse_job_run_id
from orchestrator.model.records import (
    Capacity,
    EventKind,
    Job,
    JobRun,
    NewRun,
    Predecessor,
    RunFigures,
    Transition,
)
from orchestrator.model.states import OCCUPYING, TERMINAL, JobRunState, RunEvent, next_state
from orchestrator.store import histories
from orchestrator.store.codes import KINDS
from orchestrator.store.database import Transaction

_RUN: Final = """
SELECT r.*, j.name AS job_name, v.command_name, v.glue_version
FROM job_run AS r JOIN job AS j ON j.job_key = r.job_key JOIN job_version AS v ON v.version_key = r.version_key
"""
SELECT_BY_ID: Final = _RUN + "WHERE r.base_id = :base_id AND r.attempt = :attempt"
SELECT_BY_SEQ: Final = _RUN + "WHERE r.seq = :seq"
SELECT_BY_INVOCATION: Final = """
SELECT base_id, attempt, invocation_request FROM job_run WHERE invocation_id = :invocation_id
"""
SELECT_PAGE_OF_JOB: Final = _RUN + "WHERE r.job_key = :job_key AND r.seq < :before_seq ORDER BY r.seq DESC LIMIT :limit"
SELECT_NEWEST: Final = _RUN + "WHERE r.seq < :before_seq ORDER BY r.seq DESC LIMIT :limit"
SELECT_LIVE: Final = (
    _RUN.replace("job_run AS r", "job_run AS r INDEXED BY job_run_live")
    + "WHERE r.completed_on_ms IS NULL AND r.seq > :after_seq ORDER BY r.seq"
)
SELECT_BY_PREFIX: Final = """
SELECT base_id, attempt FROM job_run WHERE base_id >= :lowest AND base_id <= :highest ORDER BY base_id, attempt LIMIT :limit
"""
# At most so many runs can be live: a look at both ends, where counting would look at each of them.
SELECT_LIVE_SPAN: Final = """
SELECT (SELECT max(seq) FROM job_run) + 1 - (
    SELECT min(seq) FROM job_run WHERE job_key = :job_key AND completed_on_ms IS NULL)
"""
SELECT_OCCUPYING: Final = """
SELECT 1 FROM job_run
WHERE job_key = :job_key AND completed_on_ms IS NULL AND state IN (SELECT value FROM json_each(:states))
LIMIT 1 OFFSET :limit - 1
"""
SELECT_HIGHEST_ATTEMPT: Final = "SELECT max(attempt) FROM job_run WHERE base_id = :base_id"
SELECT_PREDECESSORS: Final = """
SELECT job_name, base_id, attempt FROM job_run_predecessor WHERE job_run_seq = :seq ORDER BY position
"""
INSERT_RUN: Final = """
INSERT INTO job_run (
    base_id, attempt, previous_attempt, job_key, version_key, state, arguments, dpu, worker_type, number_of_workers,
    timeout_min, queuing_enabled, notify_delay_after_min, execution_class, security_configuration, session_policy,
    trigger_name, invocation_id, invocation_request, chain_key, retry_number, started_on_ms, last_modified_on_ms
) VALUES (
    :base_id, :attempt, :previous_attempt, :job_key, :version_key, :state, :arguments, :dpu, :worker_type,
    :number_of_workers, :timeout_min, :queuing_enabled, :notify_delay_after_min, :execution_class,
    :security_configuration, :session_policy, :trigger_name, :invocation_id, :invocation_request, :chain_key,
    :retry_number, :at_ms, :at_ms
)
"""
INSERT_PREDECESSOR: Final = """
INSERT INTO job_run_predecessor (job_run_seq, position, job_name, base_id, attempt)
VALUES (:seq, :position, :job_name, :base_id, :attempt)
"""
SELECT_OF_FAMILY: Final = _RUN + "WHERE r.base_id = :base_id ORDER BY r.attempt"
SELECT_RETRY_DUE: Final = (
    _RUN.replace("job_run AS r", "job_run AS r INDEXED BY job_run_retry_due")
    + "WHERE r.retry_due_ms IS NOT NULL ORDER BY r.retry_due_ms LIMIT :limit"
)
SELECT_RETRY_DUE_OF_CHAIN: Final = _RUN + "WHERE r.chain_key = :chain_key AND r.retry_due_ms IS NOT NULL"
SELECT_LIVE_OF_CHAIN: Final = _RUN + "WHERE r.chain_key = :chain_key AND r.completed_on_ms IS NULL"
_UNTOLD: Final = f"""
WHERE r.completed_on_ms IS NULL AND r.notify_delay_after_min IS NOT NULL AND r.state <> 'WAITING'
AND NOT EXISTS (SELECT 1 FROM event AS e WHERE e.job_run_seq = r.seq AND e.kind = {KINDS.number(EventKind.RUN_STATUS)})
"""  # noqa: S608 - a number of ours
SELECT_UNTOLD_DELAYS: Final = _RUN.replace("job_run AS r", "job_run AS r INDEXED BY job_run_live") + _UNTOLD
SET_RETRY_DUE: Final = "UPDATE job_run SET retry_due_ms = :due_ms WHERE seq = :seq AND state = 'FAILED'"
CANCEL_RETRY: Final = "UPDATE job_run SET retry_due_ms = NULL WHERE base_id = :base_id AND retry_due_ms IS NOT NULL"
MOVE: Final = """
UPDATE job_run SET
    state = :to_state,
    last_modified_on_ms = max(:at_ms, last_modified_on_ms),
    launched_on_ms = CASE WHEN :is_launch AND launched_on_ms IS NULL THEN :at_ms ELSE launched_on_ms END,
    launch_seq = CASE WHEN :is_launch AND launch_seq IS NULL THEN (
        SELECT coalesce(max(l.launch_seq), 0) + 1 FROM job_run AS l WHERE l.launch_seq IS NOT NULL
    ) ELSE launch_seq END,
    completed_on_ms = CASE WHEN :is_end THEN max(:at_ms, last_modified_on_ms) END,
    error_message = :error_message,
    exit_code = :exit_code,
    exit_signal = :exit_signal,
    wall_ms = :wall_ms,
    cpu_ms = :cpu_ms,
    peak_process_rss_bytes = :peak_process_rss_bytes,
    peak_tree_rss_bytes = :peak_tree_rss_bytes
WHERE seq = :seq AND state = :from_state
"""
_NO_FIGURES: Final = RunFigures()
_BEYOND_ALL: Final = 2**63 - 1
_HEX_DIGITS: Final = BASE_BYTES * 2


def insert(tx: Transaction, run: NewRun, job: Job | None = None) -> JobRun:
    """Store a new run with the first row of its history, and return it as stored, unread if it is known of which job."""
    values = {
        "base_id": run.id.base,
        "attempt": run.id.attempt,
        "previous_attempt": run.previous_attempt,
        "job_key": run.job_key,
        "version_key": run.version_key,
        "state": run.state,
        "arguments": json.dumps(dict(run.arguments), ensure_ascii=False) if run.arguments else None,
        "dpu": run.capacity.dpu,
        "worker_type": run.capacity.worker_type,
        "number_of_workers": run.capacity.number_of_workers,
        "timeout_min": run.timeout_min,
        "queuing_enabled": run.queuing_enabled,
        "notify_delay_after_min": run.notify_delay_after_min,
        "execution_class": run.execution_class,
        "security_configuration": run.security_configuration,
        "session_policy": run.session_policy,
        "trigger_name": run.trigger_name,
        "invocation_id": run.invocation.id_digest if run.invocation else None,
        "invocation_request": run.invocation.request_digest if run.invocation else None,
        "chain_key": run.chain_key,
        "retry_number": run.retry_number,
        "at_ms": run.accepted_on_ms,
    }
    seq = tx.execute(INSERT_RUN, values).lastrowid or 0  # RETURNING would cost half as much again
    histories.begin(tx, seq, run.state)
    for position, before in enumerate(run.predecessors):
        tx.execute(INSERT_PREDECESSOR, {"seq": seq, "position": position, **_predecessor(before)})
    if job is not None:
        return _as_stored(run, seq, job)
    return _from_row(tx.execute(SELECT_BY_SEQ, {"seq": seq}).fetchone())


def move(
    tx: Transaction,
    run: JobRun | JobRunId,
    event: RunEvent,
    *,
    at_ms: int,
    error_message: str | None = None,
    figures: RunFigures = _NO_FIGURES,
) -> JobRun:
    """Take a run through `event` in one guarded statement, with its row of history, and return it as stored.

    A run that was read in this transaction need not be read again.

    Raises:
        IllegalTransitionError: the run's state, as it is now, does not take this event.
    """
    if isinstance(run, JobRunId):
        run = get_by_id(tx, run)
    to_state = next_state(run.state, event)
    is_end = to_state in TERMINAL
    message = error_message if is_end and to_state is not JobRunState.SUCCEEDED else None
    values = {
        "seq": run.seq,
        "from_state": run.state,
        "to_state": to_state,
        "at_ms": at_ms,
        "is_launch": event is RunEvent.LAUNCHED,
        "is_end": is_end,
        "error_message": message,
        "exit_code": figures.exit_code,
        "exit_signal": figures.exit_signal,
        "wall_ms": figures.wall_ms,
        "cpu_ms": figures.cpu_ms,
        "peak_process_rss_bytes": figures.peak_process_rss_bytes,
        "peak_tree_rss_bytes": figures.peak_tree_rss_bytes,
    }
    if tx.execute(MOVE, values).rowcount != 1:  # cannot be: nobody else writes
        raise IllegalTransitionError(run.state, event)
    histories.append(tx, run.seq, event, to_state, at_ms=at_ms)
    modified_on_ms = max(at_ms, run.last_modified_on_ms)
    return replace(  # what MOVE has done; a test holds both together
        run,
        state=to_state,
        last_modified_on_ms=modified_on_ms,
        launched_on_ms=at_ms if event is RunEvent.LAUNCHED and run.launched_on_ms is None else run.launched_on_ms,
        completed_on_ms=modified_on_ms if is_end else None,
        error_message=message,
        figures=figures,
    )


def get_by_id(tx: Transaction, run_id: JobRunId) -> JobRun:
    """Return the run.

    Raises:
        EntityNotFoundError: there is none.
    """
    row = tx.execute(SELECT_BY_ID, {"base_id": run_id.base, "attempt": run_id.attempt}).fetchone()
    if row is None:
        raise EntityNotFoundError.run(str(run_id), "any job")
    return _from_row(row)


def get_by_seq(tx: Transaction, seq: int) -> JobRun:
    """Return the run of that number, which there is."""
    return _from_row(tx.execute(SELECT_BY_SEQ, {"seq": seq}).fetchone())


def get_of_job(tx: Transaction, job_name: str, run_id: str) -> JobRun:
    """Return the run that `run_id` spells, if it is one of `job_name`'s (a deleted job's runs are still there).

    Raises:
        EntityNotFoundError: no such run, or it is another job's.
    """
    parsed = parse_job_run_id(run_id)
    row = None
    if parsed is not None:
        row = tx.execute(SELECT_BY_ID, {"base_id": parsed.base, "attempt": parsed.attempt}).fetchone()
    if row is None or row["job_name"] != job_name:
        raise EntityNotFoundError.run(run_id, job_name)
    return _from_row(row)


def find_by_invocation(tx: Transaction, id_digest: bytes) -> tuple[JobRunId, bytes] | None:
    """Return the run that a call made before under this id, and the digest of that call's request."""
    row = tx.execute(SELECT_BY_INVOCATION, {"invocation_id": id_digest}).fetchone()
    return None if row is None else (JobRunId(row["base_id"], row["attempt"]), row["invocation_request"])


def find_by_prefix(tx: Transaction, hex_prefix: str, *, limit: int) -> list[JobRunId]:
    """Return up to `limit` ids whose base begins with these hexadecimal digits."""
    lowest, highest = hex_prefix.ljust(_HEX_DIGITS, "0"), hex_prefix.ljust(_HEX_DIGITS, "f")
    bounds = {"lowest": bytes.fromhex(lowest), "highest": bytes.fromhex(highest), "limit": limit}
    return [JobRunId(row["base_id"], row["attempt"]) for row in tx.execute(SELECT_BY_PREFIX, bounds)]


def list_page_of_job(tx: Transaction, job_key: int, *, before_seq: int | None, limit: int) -> list[JobRun]:
    """Return up to `limit` runs of a job, newest first, older than `before_seq`."""
    bounds = {"job_key": job_key, "before_seq": before_seq or _BEYOND_ALL, "limit": limit}
    return [_from_row(row) for row in tx.execute(SELECT_PAGE_OF_JOB, bounds)]


def list_newest(tx: Transaction, *, before_seq: int | None, limit: int) -> list[JobRun]:
    """Return up to `limit` runs of all jobs, newest first, older than `before_seq`."""
    bounds = {"before_seq": before_seq or _BEYOND_ALL, "limit": limit}
    return [_from_row(row) for row in tx.execute(SELECT_NEWEST, bounds)]


def list_live(tx: Transaction, *, after_seq: int) -> list[JobRun]:
    """Return the runs that have not ended, in order of acceptance, behind `after_seq`."""
    return [_from_row(row) for row in tx.execute(SELECT_LIVE, {"after_seq": after_seq})]


def has_room(tx: Transaction, job_key: int, limit: int) -> bool:
    """Say whether fewer than `limit` runs count against the job's MaxConcurrentRuns, by the cheapest look that tells."""
    span = tx.execute(SELECT_LIVE_SPAN, {"job_key": job_key}).fetchone()[0]
    if span is None or span < limit:
        return True
    values = {"job_key": job_key, "states": json.dumps(sorted(OCCUPYING)), "limit": limit}
    return tx.execute(SELECT_OCCUPYING, values).fetchone() is None


def highest_attempt(tx: Transaction, base: bytes) -> int:
    """Return the number of the last attempt in a family of retries."""
    return int(tx.execute(SELECT_HIGHEST_ATTEMPT, {"base_id": base}).fetchone()[0])


def history(tx: Transaction, run: JobRun) -> list[Transition]:
    """Return the run's transitions, oldest first."""
    return histories.read(tx, run.seq)


def predecessors(tx: Transaction, run: JobRun) -> Sequence[Predecessor]:
    """Return the runs that made a trigger start this one."""
    return [
        Predecessor(job_name=row["job_name"], run_id=JobRunId(row["base_id"], row["attempt"]))
        for row in tx.execute(SELECT_PREDECESSORS, {"seq": run.seq})
    ]


def family(tx: Transaction, base: bytes) -> list[JobRun]:
    """Return all attempts of a family of retries, in their order."""
    return [_from_row(row) for row in tx.execute(SELECT_OF_FAMILY, {"base_id": base})]


def set_retry_due(tx: Transaction, run: JobRun, due_ms: int) -> JobRun:
    """Say when the next attempt of a FAILED run is to be made."""
    tx.execute(SET_RETRY_DUE, {"seq": run.seq, "due_ms": due_ms})
    return get_by_id(tx, run.id)


def cancel_retry(tx: Transaction, base: bytes) -> bool:
    """Take back the retry of a family that is still to come; return whether there was one."""
    return tx.execute(CANCEL_RETRY, {"base_id": base}).rowcount > 0


def list_retry_due(tx: Transaction, *, limit: int) -> list[JobRun]:
    """Return up to `limit` runs whose retries are still to come, the most urgent first."""
    return [_from_row(row) for row in tx.execute(SELECT_RETRY_DUE, {"limit": limit})]


def list_retry_due_of_chain(tx: Transaction, chain_key: int) -> list[JobRun]:
    """Return the runs of a chain whose retries are still to come."""
    return [_from_row(row) for row in tx.execute(SELECT_RETRY_DUE_OF_CHAIN, {"chain_key": chain_key})]


def list_live_of_chain(tx: Transaction, chain_key: int) -> list[JobRun]:
    """Return the runs of a chain that have not ended."""
    return [_from_row(row) for row in tx.execute(SELECT_LIVE_OF_CHAIN, {"chain_key": chain_key})]


def list_untold_delays(tx: Transaction) -> list[JobRun]:
    """Return the live runs that have a NotifyDelayAfter of which nobody was told so far."""
    return [_from_row(row) for row in tx.execute(SELECT_UNTOLD_DELAYS)]


def _as_stored(run: NewRun, seq: int, job: Job) -> JobRun:
    return JobRun(
        seq=seq,
        id=run.id,
        previous_attempt=run.previous_attempt,
        job_key=run.job_key,
        version_key=run.version_key,
        job_name=job.name,
        state=run.state,
        arguments=run.arguments,
        capacity=run.capacity,
        timeout_min=run.timeout_min,
        glue_version=definitions.glue_version(job.definition),
        command_name=job.definition.command.name,
        queuing_enabled=run.queuing_enabled,
        notify_delay_after_min=run.notify_delay_after_min,
        execution_class=run.execution_class,
        security_configuration=run.security_configuration,
        session_policy=run.session_policy,
        trigger_name=run.trigger_name,
        started_on_ms=run.accepted_on_ms,
        launched_on_ms=None,
        last_modified_on_ms=run.accepted_on_ms,
        completed_on_ms=None,
        error_message=None,
        figures=_NO_FIGURES,
        chain_key=run.chain_key,
        retry_number=run.retry_number,
    )


def _predecessor(before: Predecessor) -> dict[str, Any]:
    return {"job_name": before.job_name, "base_id": before.run_id.base, "attempt": before.run_id.attempt}


def _from_row(row: sqlite3.Row) -> JobRun:
    arguments: dict[str, Any] = json.loads(row["arguments"]) if row["arguments"] else {}
    return JobRun(
        seq=row["seq"],
        id=JobRunId(row["base_id"], row["attempt"]),
        previous_attempt=row["previous_attempt"],
        job_key=row["job_key"],
        version_key=row["version_key"],
        job_name=row["job_name"],
        state=JobRunState(row["state"]),
        arguments=arguments,
        capacity=Capacity(dpu=row["dpu"], worker_type=row["worker_type"], number_of_workers=row["number_of_workers"]),
        timeout_min=row["timeout_min"],
        glue_version=row["glue_version"],
        command_name=row["command_name"],
        queuing_enabled=bool(row["queuing_enabled"]),
        notify_delay_after_min=row["notify_delay_after_min"],
        execution_class=row["execution_class"],
        security_configuration=row["security_configuration"],
        session_policy=row["session_policy"],
        trigger_name=row["trigger_name"],
        started_on_ms=row["started_on_ms"],
        launched_on_ms=row["launched_on_ms"],
        last_modified_on_ms=row["last_modified_on_ms"],
        completed_on_ms=row["completed_on_ms"],
        error_message=row["error_message"],
        figures=RunFigures(
            exit_code=row["exit_code"],
            exit_signal=row["exit_signal"],
            wall_ms=row["wall_ms"],
            cpu_ms=row["cpu_ms"],
            peak_process_rss_bytes=row["peak_process_rss_bytes"],
            peak_tree_rss_bytes=row["peak_tree_rss_bytes"],
        ),
        chain_key=row["chain_key"],
        retry_number=row["retry_number"],
        retry_due_ms=row["retry_due_ms"],
    )
