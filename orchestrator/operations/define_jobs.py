"""Jobs from files: not an action of Glue's, but the other way in which jobs come to be."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import structlog

from orchestrator.model.records import JobDefinition
from orchestrator.operations.context import Context
from orchestrator.operations.file_changes import FileChange, job_members
from orchestrator.store import jobs, tags
from orchestrator.store.database import Transaction

log = structlog.stdlib.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class DefinedJob:
    """A job as a file defines it."""

    definition: JobDefinition
    source: str  # the file's path


async def define_jobs(ctx: Context, defined: Mapping[str, DefinedJob], refused: Collection[str]) -> list[FileChange]:
    """Make the store's jobs agree with the files, in one transaction; return what that changed.

    A file's job that exists takes the file's definition. A job whose file is gone stays, with its bookmark and its
    last definition, and from then on belongs to the API: a daemon started in the wrong directory must not destroy.
    Tags in a file replace those that its job has; a file that says nothing of them leaves them.
    The jobs of the files in `refused`, which have mistakes, stay as they are.
    """
    at_ms = ctx.now_ms()
    changes = await ctx.database.write(
        "define_jobs", lambda tx: define_in(tx, defined, refused, at_ms=at_ms), is_patient=True
    )
    for change in changes:
        if change.change == "GONE":
            consequence = "the job stays and can now be changed or deleted by the API"
            log.warning("job_file_gone", job=change.name, consequence=consequence)
    return changes


def define_in(
    tx: Transaction, defined: Mapping[str, DefinedJob], refused: Collection[str], *, at_ms: int
) -> list[FileChange]:
    """Do what `define_jobs` promises, in a transaction of the caller's."""
    changes = []
    for name, job_file in defined.items():
        job, resource = jobs.find(tx, name), f"job/{name}"
        definition, source = job_file.definition, job_file.source
        had_tags = tags.get(tx, resource)
        given_tags = definition.echoed.get("tags")
        is_same = job is not None and job.definition == definition and job.source == source
        if is_same and given_tags in (None, had_tags):
            continue
        before = None if job is None else job_members(job, had_tags)
        if job is None:
            job = jobs.create(tx, name, definition, source=source, at_ms=at_ms)
        elif not is_same:
            job = jobs.replace(tx, job, definition, source=source, at_ms=at_ms)
        if given_tags is not None and given_tags != had_tags:
            tags.clear(tx, resource)
            tags.put(tx, resource, given_tags)
        after = job_members(job, tags.get(tx, resource))
        changes.append(FileChange(kind="JOB", name=name, before=before, after=after))
    for job in jobs.list_sourced(tx):
        if job.name not in defined and job.source not in refused:
            kept_tags = tags.get(tx, f"job/{job.name}")
            orphan = jobs.replace(tx, job, job.definition, source=None, at_ms=at_ms)
            before, after = job_members(job, kept_tags), job_members(orphan, kept_tags)
            changes.append(FileChange(kind="JOB", name=job.name, before=before, after=after))
    return changes
