"""ReadFiles: not an action of Glue's; it reads the files of jobs and triggers anew, as SIGHUP does, and tells what came of it."""

from orchestrator.operations.context import Context
from orchestrator.operations.file_changes import FilesRead
from orchestrator.wire.own_shapes import FileChange, FileProblem, ReadFilesRequest, ReadFilesResponse


async def read_files(ctx: Context, request: ReadFilesRequest) -> ReadFilesResponse:
    """Make jobs and triggers agree with the files, or, with DryRun, only tell what would change.

    What has a mistake changes nothing and stays as it was; it is told among the problems.
    """
    is_dry_run = request.dry_run or False
    found = await ctx.files(ctx, is_dry_run)
    return _shape(found, is_dry_run=is_dry_run)


def _shape(found: FilesRead, *, is_dry_run: bool) -> ReadFilesResponse:
    return ReadFilesResponse(
        dry_run=is_dry_run,
        jobs_dir=found.jobs_dir,
        triggers_file=found.triggers_file,
        changes=[
            FileChange(
                kind=one.kind,
                name=one.name,
                change=one.change,
                before=None if one.before is None else dict(one.before),
                after=dict(one.after),
            )
            for one in found.changes
        ],
        problems=[FileProblem(file=one.file, line=one.line, message=one.message) for one in found.problems],
    )
