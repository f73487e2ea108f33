"""The table of the actions: what a request's target names, and who answers it."""

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from orchestrator.operations.batch_get_jobs import batch_get_jobs
from orchestrator.operations.batch_stop_job_run import batch_stop_job_run
from orchestrator.operations.context import Context
from orchestrator.operations.create_job import create_job
from orchestrator.operations.delete_job import delete_job
from orchestrator.operations.get_job import get_job
from orchestrator.operations.get_job_bookmark import get_job_bookmark
from orchestrator.operations.get_job_run import get_job_run
from orchestrator.operations.get_job_runs import get_job_runs
from orchestrator.operations.get_jobs import get_jobs
from orchestrator.operations.list_jobs import list_jobs
from orchestrator.operations.reset_job_bookmark import reset_job_bookmark
from orchestrator.operations.start_job_run import start_job_run
from orchestrator.operations.update_job import update_job
from orchestrator.wire import shapes
from orchestrator.wire.shape import Shape

Operation = Callable[[Context, Any], Awaitable[Shape]]

ACTIONS: Final[Mapping[type[Shape], Operation]] = MappingProxyType(
    {
        shapes.BatchGetJobsRequest: batch_get_jobs,
        shapes.BatchStopJobRunRequest: batch_stop_job_run,
        shapes.CreateJobRequest: create_job,
        shapes.DeleteJobRequest: delete_job,
        shapes.GetJobRequest: get_job,
        shapes.GetJobBookmarkRequest: get_job_bookmark,
        shapes.GetJobRunRequest: get_job_run,
        shapes.GetJobRunsRequest: get_job_runs,
        shapes.GetJobsRequest: get_jobs,
        shapes.ListJobsRequest: list_jobs,
        shapes.ResetJobBookmarkRequest: reset_job_bookmark,
        shapes.StartJobRunRequest: start_job_run,
        shapes.UpdateJobRequest: update_job,
    }
)


async def perform(ctx: Context, request: Shape) -> Shape:
    """Answer a request, whose shape says which action it is."""
    return await ACTIONS[type(request)](ctx, request)
