"""From a stored run to what an executor needs to launch it: read when the run is launched, not when it is accepted."""

from collections.abc import Mapping
from typing import Final

from orchestrator.executors.interface import GivenBookmark, LaunchSpec
from orchestrator.model import arguments, ids
from orchestrator.model import bookmarks as rules
from orchestrator.model.records import BookmarkEntry, JobRun
from orchestrator.store import bookmarks, job_runs, jobs, workflows
from orchestrator.store.database import Transaction

_S_PER_MIN: Final = 60


def launch_spec(tx: Transaction, run: JobRun) -> LaunchSpec:
    """Return how `run` is to be launched now, with its job's bookmark as it is now."""
    definition = jobs.definition(tx, run.version_key)
    merged = arguments.merge(definition.default_arguments, run.arguments, definition.non_overridable_arguments)
    workflow_run = None if run.chain_key is None else workflows.find_run_of_chain(tx, run.chain_key)
    return LaunchSpec(
        run_id=run.id,
        job_id=ids.job_id(run.job_name, jobs.created_on_ms(tx, run.job_key)),
        job_name=run.job_name,
        script_location=definition.command.script_location or "",
        python_version=definition.command.python_version,
        arguments=merged,
        bookmark_option=arguments.bookmark_option(merged),
        bookmark=_bookmark(tx, run, merged),
        timeout_s=_timeout_s(run, merged),
        dpu=run.capacity.dpu,
        run_as=arguments.user_of_job(definition.non_overridable_arguments),
        workflow_name=workflow_run.workflow_name if workflow_run else None,
        workflow_run_id=workflow_run.id if workflow_run else None,
    )


def _timeout_s(run: JobRun, merged: Mapping[str, str]) -> float | None:
    """Return how long the script may run: with a debugger, as long as people need."""
    is_debugged = arguments.DEBUG in merged
    return None if run.timeout_min is None or is_debugged else float(run.timeout_min * _S_PER_MIN)


def _bookmark(tx: Transaction, run: JobRun, merged: Mapping[str, str]) -> GivenBookmark:
    option = arguments.bookmark_option(merged)
    if option == arguments.BOOKMARK_DISABLE:
        return GivenBookmark(version=0, text=None)  # it is neither given nor taken back
    current = bookmarks.find(tx, run.job_key)
    version = rules.version_of(current)
    if option == arguments.BOOKMARK_ENABLE:
        return GivenBookmark(version=version, text=_text(current), is_written=True)
    lower, upper = merged.get(arguments.BOOKMARK_FROM), merged.get(arguments.BOOKMARK_TO)
    if not lower or not upper:
        return GivenBookmark(version=version, text=_text(current))
    return GivenBookmark(
        version=version,
        text=_text(_as_of(tx, run, lower)),
        to_text=_text(_as_of(tx, run, upper)) or rules.EMPTY,
    )


def _as_of(tx: Transaction, run: JobRun, run_id: str) -> BookmarkEntry | None:
    """Return what the last committing run up to `run_id` left."""
    limit = job_runs.get_of_job(tx, run.job_name, run_id)
    return bookmarks.find_as_of(tx, run.job_key, limit.seq)


def _text(entry: BookmarkEntry | None) -> str | None:
    """Return what a script shall see: nothing at all where nothing was ever committed, or all was reset."""
    return None if entry is None or entry.run == 0 else entry.bookmark
