"""Shapes of the actions that are ours and not Glue's, in Glue's style."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from orchestrator.wire.shape import INTEGER_MAX, Shape
from orchestrator.wire.shapes import JobBookmarkEntry, NameString


class SetJobBookmarkRequest(Shape):
    """The request of SetJobBookmark."""

    job_name: NameString
    job_bookmark: str
    version: Annotated[int, Field(ge=0, le=INTEGER_MAX)] | None = None
    """The version that the caller has seen, 0 for none; absent: whichever there is."""


class SetJobBookmarkResponse(Shape):
    """The response of SetJobBookmark."""

    job_bookmark_entry: JobBookmarkEntry


class ReadFilesRequest(Shape):
    """The request of ReadFiles."""

    dry_run: bool | None = None


class FileChange(Shape):
    """A job or trigger that is, or would be, another one than before."""

    kind: Literal["JOB", "TRIGGER"]
    name: str
    change: Literal["ADDED", "CHANGED", "GONE"]
    before: dict[str, Any] | None = None
    after: dict[str, Any]
    """Its members by Glue's names, with Source (the file that defines it) and Tags; none before: there was none."""


class FileProblem(Shape):
    """A mistake in a file; what it defines stays as it was."""

    file: str
    line: int | None = None
    message: str


class ReadFilesResponse(Shape):
    """The response of ReadFiles."""

    dry_run: bool
    jobs_dir: str
    triggers_file: str
    changes: list[FileChange]
    problems: list[FileProblem]


REQUESTS: Final[Mapping[str, type[Shape]]] = MappingProxyType(
    {"ReadFiles": ReadFilesRequest, "SetJobBookmark": SetJobBookmarkRequest}
)
