"""What reading the files of jobs and triggers changes, as those see it who asked for it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from orchestrator.model.records import Job
from orchestrator.model.triggers import Trigger
from orchestrator.operations.trigger_views import trigger_shape
from orchestrator.operations.views import job_shape
from orchestrator.wire.shape import Shape

_OF_TIME = {"CreatedOn", "LastModifiedOn"}


@dataclass(frozen=True, slots=True, kw_only=True)
class FileChange:
    """A job or trigger that is another one than before: its members then and now, by Glue's names."""

    kind: Literal["JOB", "TRIGGER"]
    name: str
    before: Mapping[str, Any] | None  # None: there was none
    after: Mapping[str, Any]

    @property
    def change(self) -> Literal["ADDED", "CHANGED", "GONE"]:
        """What became of it. What is gone is its file; it stays itself, and belongs to the API."""
        if self.before is None:
            return "ADDED"
        return "GONE" if "Source" in self.before and "Source" not in self.after else "CHANGED"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileProblem:
    """A mistake in a file; `line` is None where none can be told."""

    file: str
    line: int | None
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FilesRead:
    """What came of reading the files."""

    jobs_dir: str
    triggers_file: str
    changes: Sequence[FileChange]
    problems: Sequence[FileProblem]


def job_members(job: Job, tags: Mapping[str, str]) -> dict[str, Any]:
    """Return a job's members with its tags and the file that defines it."""
    return _members(job_shape(job), tags, job.source)


def trigger_members(trigger: Trigger, tags: Mapping[str, str]) -> dict[str, Any]:
    """Return a trigger's members with its tags and the file that defines it."""
    return _members(trigger_shape(trigger), tags, trigger.source)


def _members(shape: Shape, tags: Mapping[str, str], source: str | None) -> dict[str, Any]:
    members = shape.model_dump(by_alias=True, exclude_none=True, mode="json")
    told = {name: value for name, value in members.items() if name not in {"Name", *_OF_TIME}}
    if tags:
        told["Tags"] = dict(tags)
    if source is not None:
        told["Source"] = source
    return told
