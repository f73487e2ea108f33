"""The table of the actions: what a request's target names, and who answers it."""

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from orchestrator.operations.batch_get_jobs import batch_get_jobs
from orchestrator.operations.batch_get_triggers import batch_get_triggers
from orchestrator.operations.batch_get_workflows import batch_get_workflows
from orchestrator.operations.batch_stop_job_run import batch_stop_job_run
from orchestrator.operations.context import Context
from orchestrator.operations.create_job import create_job
from orchestrator.operations.create_trigger import create_trigger
from orchestrator.operations.create_workflow import create_workflow
from orchestrator.operations.delete_job import delete_job
from orchestrator.operations.delete_trigger import delete_trigger
from orchestrator.operations.delete_workflow import delete_workflow
from orchestrator.operations.get_job import get_job
from orchestrator.operations.get_job_bookmark import get_job_bookmark
from orchestrator.operations.get_job_run import get_job_run
from orchestrator.operations.get_job_runs import get_job_runs
from orchestrator.operations.get_jobs import get_jobs
from orchestrator.operations.get_tags import get_tags
from orchestrator.operations.get_trigger import get_trigger
from orchestrator.operations.get_triggers import get_triggers
from orchestrator.operations.get_workflow import get_workflow
from orchestrator.operations.get_workflow_run import get_workflow_run
from orchestrator.operations.get_workflow_run_properties import get_workflow_run_properties
from orchestrator.operations.get_workflow_runs import get_workflow_runs
from orchestrator.operations.list_jobs import list_jobs
from orchestrator.operations.list_triggers import list_triggers
from orchestrator.operations.list_workflows import list_workflows
from orchestrator.operations.put_workflow_run_properties import put_workflow_run_properties
from orchestrator.operations.reset_job_bookmark import reset_job_bookmark
from orchestrator.operations.resume_workflow_run import resume_workflow_run
from orchestrator.operations.start_job_run import start_job_run
from orchestrator.operations.start_trigger import start_trigger
from orchestrator.operations.start_workflow_run import start_workflow_run
from orchestrator.operations.stop_trigger import stop_trigger
from orchestrator.operations.stop_workflow_run import stop_workflow_run
from orchestrator.operations.tag_resource import tag_resource
from orchestrator.operations.untag_resource import untag_resource
from orchestrator.operations.update_job import update_job
from orchestrator.operations.update_trigger import update_trigger
from orchestrator.operations.update_workflow import update_workflow
from orchestrator.wire import shapes
from orchestrator.wire.shape import Shape

Operation = Callable[[Context, Any], Awaitable[Shape]]

ACTIONS: Final[Mapping[type[Shape], Operation]] = MappingProxyType(
    {
        shapes.BatchGetJobsRequest: batch_get_jobs,
        shapes.BatchGetTriggersRequest: batch_get_triggers,
        shapes.BatchGetWorkflowsRequest: batch_get_workflows,
        shapes.BatchStopJobRunRequest: batch_stop_job_run,
        shapes.CreateJobRequest: create_job,
        shapes.CreateTriggerRequest: create_trigger,
        shapes.CreateWorkflowRequest: create_workflow,
        shapes.DeleteJobRequest: delete_job,
        shapes.DeleteTriggerRequest: delete_trigger,
        shapes.DeleteWorkflowRequest: delete_workflow,
        shapes.GetJobRequest: get_job,
        shapes.GetJobBookmarkRequest: get_job_bookmark,
        shapes.GetJobRunRequest: get_job_run,
        shapes.GetJobRunsRequest: get_job_runs,
        shapes.GetJobsRequest: get_jobs,
        shapes.GetTagsRequest: get_tags,
        shapes.GetTriggerRequest: get_trigger,
        shapes.GetTriggersRequest: get_triggers,
        shapes.GetWorkflowRequest: get_workflow,
        shapes.GetWorkflowRunRequest: get_workflow_run,
        shapes.GetWorkflowRunPropertiesRequest: get_workflow_run_properties,
        shapes.GetWorkflowRunsRequest: get_workflow_runs,
        shapes.ListJobsRequest: list_jobs,
        shapes.ListTriggersRequest: list_triggers,
        shapes.ListWorkflowsRequest: list_workflows,
        shapes.PutWorkflowRunPropertiesRequest: put_workflow_run_properties,
        shapes.ResetJobBookmarkRequest: reset_job_bookmark,
        shapes.ResumeWorkflowRunRequest: resume_workflow_run,
        shapes.StartJobRunRequest: start_job_run,
        shapes.StartTriggerRequest: start_trigger,
        shapes.StartWorkflowRunRequest: start_workflow_run,
        shapes.StopTriggerRequest: stop_trigger,
        shapes.StopWorkflowRunRequest: stop_workflow_run,
        shapes.TagResourceRequest: tag_resource,
        shapes.UntagResourceRequest: untag_resource,
        shapes.UpdateJobRequest: update_job,
        shapes.UpdateTriggerRequest: update_trigger,
        shapes.UpdateWorkflowRequest: update_workflow,
    }
)


async def perform(ctx: Context, request: Shape) -> Shape:
    """Answer a request, whose shape says which action it is."""
    return await ACTIONS[type(request)](ctx, request)
