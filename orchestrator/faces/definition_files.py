"""The files of jobs and triggers, read and taken in: at the start, at SIGHUP, and whenever somebody asks for it."""

import anyio
import anyio.to_thread
import structlog

from orchestrator.faces import job_files, trigger_files
from orchestrator.faces.job_files import Problem
from orchestrator.operations.compare_files import compare_files
from orchestrator.operations.context import Context
from orchestrator.operations.define_jobs import DefinedJob, define_jobs
from orchestrator.operations.define_triggers import DefinedTriggers, Outcome, define_triggers
from orchestrator.operations.file_changes import FileProblem, FilesRead
from orchestrator.settings import Settings

log = structlog.stdlib.get_logger()


class DefinitionFiles:
    """The files that the settings name. They are read by one at a time, so that what is older never comes later."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._reading = anyio.Lock()

    async def __call__(self, ctx: Context, is_dry_run: bool) -> FilesRead:  # noqa: FBT001 - it is a Context's `files`
        """Take them in, or only look at what that would change.

        What has a mistake changes nothing and stops nothing: it stays as it was.
        """
        async with self._reading:
            jobs, job_problems = await anyio.to_thread.run_sync(job_files.load, self._settings)
            triggers, trigger_problems = await anyio.to_thread.run_sync(trigger_files.load, self._settings)
            refused = {str(problem.file) for problem in job_problems}
            if is_dry_run:
                outcome = await compare_files(ctx, jobs, refused, triggers)
            else:
                _tell("job_file_refused", job_problems)
                _tell("trigger_file_refused", trigger_problems)
                outcome = await _define(ctx, jobs, refused, triggers)
        problems = [
            *(_problem(one) for one in (*job_problems, *trigger_problems)),
            *(_problem_of(triggers, name, message) for name, message in outcome.refused.items()),
        ]
        return FilesRead(
            jobs_dir=str(self._settings.jobs_dir),
            triggers_file=str(self._settings.triggers_file),
            changes=outcome.changes,
            problems=problems,
        )


async def _define(ctx: Context, jobs: dict[str, DefinedJob], refused: set[str], triggers: DefinedTriggers) -> Outcome:
    changes = await define_jobs(ctx, jobs, refused)
    log.info("jobs_defined", count=len(jobs), refused=len(refused))
    outcome = await define_triggers(ctx, triggers)
    log.info(
        "triggers_defined",
        count=len(triggers.triggers) - len(outcome.refused),
        refused=len(triggers.refused) + len(outcome.refused),
    )
    return Outcome(changes=[*changes, *outcome.changes], refused=outcome.refused)


def _tell(event: str, problems: list[Problem]) -> None:
    for problem in problems:
        log.error(event, file=str(problem.file), line=problem.line, problem=problem.message)


def _problem(problem: Problem) -> FileProblem:
    return FileProblem(file=str(problem.file), line=problem.line, message=problem.message)


def _problem_of(triggers: DefinedTriggers, name: str, message: str) -> FileProblem:
    return FileProblem(file=triggers.triggers[name].source, line=None, message=f"{name}: {message}")
