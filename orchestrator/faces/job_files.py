"""Jobs as files: `<jobs_dir>/<name>/job.toml`, with Glue's member names, beside the script, and a few keys of ours.

Reading never stops at the first mistake: all are found, each with its file and, where it can be told, its line.
"""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from orchestrator.executors.local import trial
from orchestrator.executors.world import Runtime
from orchestrator.faces import job_file_keys, toml_files
from orchestrator.faces.job_file_checks import Mistake, examine
from orchestrator.faces.job_file_machine import of_machine, runtime_of, shared_runtimes
from orchestrator.model.records import JobDefinition
from orchestrator.operations.define_jobs import DefinedJob
from orchestrator.settings import Settings

FILE_NAME: Final = "job.toml"
DEFAULT_ROLE: Final = "arn:aws:iam::123456789012:role/local"
"""A file need not name a role: none is ever assumed here."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Problem:
    """A mistake in a file."""

    file: Path
    line: int | None
    message: str


def paths(settings: Settings) -> list[Path]:
    """Return the job files, in order: links that lead nowhere, too, which glob passes over."""
    files = (folder / FILE_NAME for folder in settings.jobs_dir.glob("*"))
    return sorted(file for file in files if os.path.lexists(file))


def load(settings: Settings) -> tuple[dict[str, DefinedJob], list[Problem]]:
    """Return the jobs whose files are right, and what is wrong with the others."""
    jobs: dict[str, DefinedJob] = {}
    problems: list[Problem] = []
    for path in paths(settings):
        definition, found = _read(path, settings)
        problems += found
        if definition is not None:
            jobs[path.parent.name] = DefinedJob(definition=definition, source=str(path))
    return jobs, problems


def check(settings: Settings) -> list[Problem]:
    """Return every mistake in the job files and in what the settings point at, before anything starts.

    What is to be preloaded is imported, in processes of its own.
    """
    jobs, problems = load(settings)
    return sorted(
        [*problems, *_check_settings(settings), *_check_templates(jobs, settings)],
        key=lambda problem: (problem.file, problem.line or 0),
    )


def _check_settings(settings: Settings) -> Iterator[Problem]:
    for version, interpreter in {"": settings.python, **settings.pythons}.items():
        if shutil.which(interpreter) is None:
            name = f'pythons."{version}"' if version else "python"
            yield Problem(file=Path("settings"), line=None, message=f"{name}: {interpreter} is not an executable file")
    if not settings.jobs_dir.is_dir():
        yield Problem(file=settings.jobs_dir, line=None, message="the jobs directory does not exist")


def _check_templates(jobs: dict[str, DefinedJob], settings: Settings) -> Iterator[Problem]:
    """Make each template once, and tell of a refusal wherever it is asked for: those runs would start cold."""
    refusals: dict[Runtime, str | None] = {}

    def refusal(runtime: Runtime) -> str | None:
        if runtime not in refusals:
            problem = trial.refusal(runtime)
            refusals[runtime] = None if problem is None else f"its runs would start cold: {problem}"
        return refusals[runtime]

    for name, runtime in shared_runtimes(settings):
        problem = runtime if isinstance(runtime, str) else refusal(runtime)
        if problem is not None:
            yield Problem(file=Path("settings"), line=None, message=f"runtimes.{name}: {problem}")
    for job in jobs.values():
        path = Path(job.source)
        found = runtime_of(job.definition, settings, path.parent)
        problem = refusal(found[1]) if found else None
        if found and problem is not None:
            text, members = toml_files.read(path)
            mistake = Mistake(found[0], f"{found[0][0]}: {found[0][1]}: {problem}")
            member, message = job_file_keys.as_written(mistake, members)
            yield Problem(file=path, line=toml_files.line_of(text, member), message=message)


def _read(path: Path, settings: Settings) -> tuple[JobDefinition | None, list[Problem]]:
    try:
        text, members = toml_files.read(path)
    except toml_files.UnreadableError as error:
        return None, [Problem(file=path, line=error.line, message=str(error))]
    definition, mistakes = _examined(path, members, settings)
    found = [Problem(file=path, line=toml_files.line_of(text, member), message=message) for member, message in mistakes]
    return (None if found else definition), found


def _examined(path: Path, members: dict[str, Any], settings: Settings) -> tuple[JobDefinition | None, list[Mistake]]:
    name = path.parent.name
    mistakes: list[Mistake] = []
    if members.get("Name", name) != name:
        message = f"Name: it is {members['Name']!r}, but the directory's name is the job's: {name!r}"
        mistakes.append(Mistake(("Name",), message))
    spelled, found = job_file_keys.spelled_out(members, path.parent)
    mistakes += found
    definition, found = examine({"Role": DEFAULT_ROLE, **spelled, "Name": name})
    mistakes += found
    if definition is not None:
        definition = _located(definition, path.parent)
        mistakes += of_machine(definition, settings, path.parent, mistakes)
    return definition, [job_file_keys.as_written(mistake, members) for mistake in mistakes]


def _located(definition: JobDefinition, folder: Path) -> JobDefinition:
    """Return the definition with a script location that is beside the file, unless it says where else it is."""
    location = definition.command.script_location
    if not location or "://" in location or location[:5].lower() == "file:":
        return definition
    try:
        beside = str(folder / Path(location).expanduser())
    except RuntimeError:  # ~somebody, and nobody of that name: told when the script is looked for
        return definition
    return replace(definition, command=replace(definition.command, script_location=beside))
