"""Jobs from files: not an action of Glue's, but the other way in which jobs come to be."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import structlog

from orchestrator.model.records import JobDefinition
from orchestrator.operations.context import Context
from orchestrator.store import jobs, tags
from orchestrator.store.database import Transaction

log = structlog.stdlib.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class DefinedJob:
    """A job as a file defines it."""

    definition: JobDefinition
    source: str  # the file's path


async def define_jobs(ctx: Context, defined: Mapping[str, DefinedJob], refused: Collection[str]) -> None:
    """Make the store's jobs agree with the files, in one transaction.

    A file's job that exists takes the file's definition. A job whose file is gone stays, with its bookmark and its
    last definition, and from then on belongs to the API: a daemon started in the wrong directory must not destroy.
    Tags in a file replace those that its job has; a file that says nothing of them leaves them.
    The jobs of the files in `refused`, which have mistakes, stay as they are.
    """
    at_ms = ctx.now_ms()

    def define(tx: Transaction) -> list[str]:
        for name, job_file in defined.items():
            job = jobs.find(tx, name)
            if job is None:
                jobs.create(tx, name, job_file.definition, source=job_file.source, at_ms=at_ms)
            elif job.definition != job_file.definition or job.source != job_file.source:
                jobs.replace(tx, job, job_file.definition, source=job_file.source, at_ms=at_ms)
            _define_tags(tx, f"job/{name}", job_file.definition.echoed.get("tags"))
        orphans = [job for job in jobs.list_sourced(tx) if job.name not in defined and job.source not in refused]
        for job in orphans:
            jobs.replace(tx, job, job.definition, source=None, at_ms=at_ms)
        return [job.name for job in orphans]

    for name in await ctx.database.write("define_jobs", define, is_patient=True):
        log.warning("job_file_gone", job=name, consequence="the job stays and can now be changed or deleted by the API")


def _define_tags(tx: Transaction, resource: str, given: Mapping[str, str] | None) -> None:
    if given is not None and given != tags.get(tx, resource):
        tags.clear(tx, resource)
        tags.put(tx, resource, given)
