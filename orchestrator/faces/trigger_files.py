"""Triggers as a file: `config/triggers.toml`, one table for each, with Glue's member names; the table's name is its.

Reading never stops at the first mistake: all are found, each with its line where that can be told.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from orchestrator.faces import job_files, toml_files
from orchestrator.faces.job_files import Problem
from orchestrator.faces.toml_files import Member
from orchestrator.faces.trigger_file_checks import Mistake, examine
from orchestrator.model.trigger_cycles import find_cycles
from orchestrator.model.triggers import TriggerDefinition
from orchestrator.operations.define_triggers import DefinedTrigger, DefinedTriggers
from orchestrator.operations.trigger_views import definition_of
from orchestrator.settings import Settings

_DEFAULT: Final[Path] = Settings.model_fields["triggers_file"].default


def load(settings: Settings) -> tuple[DefinedTriggers, list[Problem]]:
    """Return the triggers whose tables are right, and what is wrong with the others. No file means no triggers."""
    file = settings.triggers_file
    try:
        text, tables = toml_files.read(file)
    except toml_files.MissingError:
        return DefinedTriggers(), []
    except toml_files.UnreadableError as error:
        return DefinedTriggers(is_whole=False), [Problem(file=file, line=error.line, message=str(error))]
    defined, mistakes = _defined(tables, settings)
    return defined, _problems(file, text, mistakes)


def check(settings: Settings) -> list[Problem]:
    """Return every mistake in the trigger file, before anything starts: jobs that no job file defines, and cycles too."""
    file = settings.triggers_file
    try:
        text, tables = toml_files.read(file)
    except toml_files.MissingError as error:
        is_asked_for = file != _DEFAULT.absolute()
        return [Problem(file=file, line=None, message=str(error))] if is_asked_for else []
    except toml_files.UnreadableError as error:
        return [Problem(file=file, line=error.line, message=str(error))]
    jobs = {file.parent.name for file in job_files.paths(settings)}
    defined, mistakes = _defined(tables, settings)
    mistakes += _unknown_jobs(tables, jobs)
    mistakes += _cycles({name: one.definition for name, one in defined.triggers.items()})
    return sorted(_problems(file, text, mistakes), key=lambda problem: problem.line or 0)


def _problems(file: Path, text: str, mistakes: Iterable[Mistake]) -> list[Problem]:
    return [
        Problem(file=file, line=toml_files.line_of(text, member), message=f"{member[0]}: {message}")
        for member, message in mistakes
    ]


def _defined(tables: Mapping[str, Any], settings: Settings) -> tuple[DefinedTriggers, list[Mistake]]:
    """Return the triggers that the right tables define, and the mistakes of the others, by their places in the file."""
    triggers: dict[str, DefinedTrigger] = {}
    mistakes: list[Mistake] = []
    for name, members in tables.items():
        trigger, found = _examined(name, members, settings)
        mistakes += [Mistake((name, *member), message) for member, message in found]
        if trigger is not None:
            triggers[name] = trigger
    return DefinedTriggers(triggers=triggers, refused=frozenset(tables) - frozenset(triggers)), mistakes


def _examined(name: str, members: Any, settings: Settings) -> tuple[DefinedTrigger | None, list[Mistake]]:
    if not isinstance(members, dict):
        return None, [Mistake((), "it must be a table, with the members of a trigger")]
    request, mistakes = examine(name, members, is_strict=settings.triggers.strict_schedules)
    if request is None:
        return None, mistakes
    trigger = DefinedTrigger(
        definition=definition_of(request),
        starts=request.start_on_creation is not False,
        tags=request.tags,
        source=str(settings.triggers_file),
    )
    return trigger, []


def _unknown_jobs(tables: Mapping[str, Any], jobs: set[str]) -> Iterator[Mistake]:
    """Find the jobs that are named and that no job file defines, also in tables that have other mistakes."""
    for name, members in tables.items():
        for place, item in _naming(members) if isinstance(members, dict) else ():
            job = item.get("JobName") if isinstance(item, dict) else None
            if isinstance(job, str) and job not in jobs:
                label = ".".join(step for step in place if isinstance(step, str))
                yield Mistake((name, *place, "JobName"), f"{label}.JobName: no job file defines the job {job!r}")


def _naming(members: Mapping[str, Any]) -> Iterator[tuple[Member, Any]]:
    """Yield the tables that name a job, each with its place in the trigger's."""
    predicate = members.get("Predicate")
    conditions = predicate.get("Conditions") if isinstance(predicate, dict) else None
    for place, items in ((("Actions",), members.get("Actions")), (("Predicate", "Conditions"), conditions)):
        for position, item in enumerate(items if isinstance(items, list) else ()):
            yield (*place, position), item


def _cycles(definitions: Mapping[str, TriggerDefinition]) -> Iterator[Mistake]:
    for cycle in find_cycles(definitions):
        path = " -> ".join(cycle)
        yield Mistake((cycle[0], "Predicate"), f"Predicate: the trigger waits for what it starts itself: {path}")
