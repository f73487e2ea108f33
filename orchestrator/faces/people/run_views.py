"""What the plain routes tell of runs, as JSON's types: snake_case, units in the names, null where nothing is to be told."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from orchestrator.executors.interface import Ledger
from orchestrator.model.ids import JobRunId
from orchestrator.model.queue import Wait
from orchestrator.model.records import JobRun, Predecessor, Transition
from orchestrator.model.redaction import Redaction
from orchestrator.operations.look_up_runs import RunInFull
from orchestrator.operations.views import execution_time_s


def run_view(run: JobRun, *, now_ms: int, waits: Mapping[JobRunId, Wait], redaction: Redaction) -> dict[str, Any]:
    """Return a run with its figures, its secrets hidden."""
    wait = None if run.is_terminal else waits.get(run.id)
    figures = run.figures
    return {
        "id": str(run.id),
        "job_name": run.job_name,
        "state": run.state,
        "state_detail": wait.reason if wait else None,
        "attempt": run.id.attempt,
        "previous_run_id": None if run.previous_attempt is None else str(run.id.retry(run.previous_attempt)),
        "retry_number": run.retry_number,
        "trigger_name": run.trigger_name,
        "chain_key": run.chain_key,
        "started_on_ms": run.started_on_ms,
        "launched_on_ms": run.launched_on_ms,
        "completed_on_ms": run.completed_on_ms,
        "retry_due_ms": run.retry_due_ms,
        "execution_time_s": execution_time_s(run, now_ms),
        "dpu": run.capacity.dpu,
        "error_message": run.error_message and redaction.text(run.error_message),
        "exit_code": figures.exit_code,
        "exit_signal": figures.exit_signal,
        "wall_ms": figures.wall_ms,
        "cpu_ms": figures.cpu_ms,
        "peak_process_rss_bytes": figures.peak_process_rss_bytes,
        "peak_tree_rss_bytes": figures.peak_tree_rss_bytes,
        "arguments": redaction.arguments(run.arguments),
    }


def bare_run_view(run: JobRun, *, now_ms: int, waits: Mapping[JobRunId, Wait], redaction: Redaction) -> dict[str, Any]:
    """Return a run as `run_view` does, but for its arguments: they can be long, do not change, and no list shows them."""
    view = run_view(replace(run, arguments={}), now_ms=now_ms, waits=waits, redaction=redaction)
    del view["arguments"]
    return view


def step_view(step: Transition) -> dict[str, Any]:
    """Return one row of a run's history."""
    return {
        "seq": step.seq,
        "from_state": step.from_state,
        "event": step.event,
        "to_state": step.to_state,
        "at_ms": step.at_ms,
    }


def predecessor_view(predecessor: Predecessor) -> dict[str, Any]:
    """Return a run that made a trigger start another."""
    return {"job_name": predecessor.job_name, "run_id": str(predecessor.run_id)}


def arguments_view(found: RunInFull, redaction: Redaction) -> dict[str, Any]:
    """Return what a run's script is given, and where it comes from."""
    definition = found.definition
    return {
        "effective": redaction.arguments(found.effective_arguments),
        "default": redaction.arguments(definition.default_arguments or {}),
        "override": redaction.arguments(found.run.arguments),
        "non_overridable": redaction.arguments(definition.non_overridable_arguments or {}),
    }


def ledger_view(ledger: Ledger, redaction: Redaction) -> dict[str, Any]:
    """Return what was written of a run's start and end."""
    return {"claim": _written(ledger.claim, redaction), "ending": _written(ledger.ending, redaction)}


def _written(fields: Mapping[str, Any] | None, redaction: Redaction) -> dict[str, Any] | None:
    if fields is None:
        return None
    return {name: redaction.text(value) if isinstance(value, str) else value for name, value in fields.items()}
