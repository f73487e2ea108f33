"""A store in which every action of the API has something to do, and one simple call of each that succeeds there."""

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from orchestrator.model import bookmarks as rules
from orchestrator.model.triggers import TriggerState, TriggerType
from orchestrator.model.workflows import Node
from orchestrator.store import bookmarks, jobs, tags
from tests.support.chain_scene import Scene
from tests.support.records import NOW_MS

Members = Mapping[str, Any]

_COMMAND: Final = {"Name": "pythonshell", "ScriptLocation": "/no/such/script.py"}
ARN: Final = "arn:aws:glue:us-east-1:123456789012:job/etl"
_GROUP: Final = "/aws-glue/python-jobs/output"


def fill(path: Path) -> dict[str, Members]:
    """Make the store at `path`; return a call of each action, those of CloudWatch Logs with `Logs.` before their names."""
    scene = Scene(path)
    with closing(scene.store):
        scene.job("etl", "first", "second", "third", "idle", max_concurrent_runs=50)
        run = scene.start("etl")
        stoppable = scene.start("etl")
        _commit_bookmark(scene, run.seq, str(run.id))
        scene.end(scene.launch(run), "FAILED")
        scene.trigger("demand", "third")
        scene.trigger("active", "third", type=TriggerType.SCHEDULED, schedule="cron(0 0 1 1 ? *)")
        scene.set_state("active", TriggerState.ACTIVATED)
        for name in ("flow", "over", "idle"):
            scene.workflow(name)
        scene.trigger("begin_flow", "first", workflow_name="flow")
        scene.trigger("begin_over", "second", workflow_name="over")
        live = scene.start_workflow("flow")
        over = scene.start_workflow("over")
        scene.end(scene.launch(scene.runs()[-1]), "FAILED")
        tags.put(scene.store, "job/etl", {"team": "a"})
        node = Node("JOB", "second").unique_id("over")
        return {
            **_reads(str(run.id), live.id),
            **_writes_of_jobs(str(run.id), str(stoppable.id)),
            **_writes_of_chains(live.id, over.id, node),
        }


def _commit_bookmark(scene: Scene, run_seq: int, run_id: str) -> None:
    job = jobs.get(scene.store, "etl")
    entry = rules.committed(None, job_key=job.job_key, bookmark="{}", run_id=run_id, attempt=0)
    bookmarks.append(scene.store, entry, cause="commit", run_seq=run_seq, at_ms=NOW_MS)


def _reads(run_id: str, workflow_run_id: str) -> dict[str, Members]:
    return {
        "BatchGetJobs": {"JobNames": ["etl"]},
        "BatchGetTriggers": {"TriggerNames": ["demand"]},
        "BatchGetWorkflows": {"Names": ["flow"], "IncludeGraph": True},
        "GetJob": {"JobName": "etl"},
        "GetJobBookmark": {"JobName": "etl"},
        "GetJobRun": {"JobName": "etl", "RunId": run_id},
        "GetJobRuns": {"JobName": "etl"},
        "GetJobs": {},
        "GetTags": {"ResourceArn": ARN},
        "GetTrigger": {"Name": "demand"},
        "GetTriggers": {},
        "GetWorkflow": {"Name": "flow", "IncludeGraph": True},
        "GetWorkflowRun": {"Name": "flow", "RunId": workflow_run_id, "IncludeGraph": True},
        "GetWorkflowRunProperties": {"Name": "flow", "RunId": workflow_run_id},
        "GetWorkflowRuns": {"Name": "flow"},
        "ListJobs": {},
        "ListTriggers": {},
        "ListWorkflows": {},
        "Logs.DescribeLogGroups": {},
        "Logs.DescribeLogStreams": {"logGroupName": _GROUP},
        "Logs.FilterLogEvents": {"logGroupName": _GROUP},
        "Logs.GetLogEvents": {"logGroupName": _GROUP, "logStreamName": run_id},
    }


def _writes_of_jobs(run_id: str, stoppable: str) -> dict[str, Members]:
    return {
        "BatchStopJobRun": {"JobName": "etl", "JobRunIds": [stoppable]},
        "CreateJob": {"Name": "new", "Role": "r", "Command": _COMMAND, "Tags": {"team": "a"}},
        "DeleteJob": {"JobName": "idle"},
        "ResetJobBookmark": {"JobName": "etl"},
        "StartJobRun": {"JobName": "etl", "JobRunId": run_id},
        "TagResource": {"ResourceArn": ARN, "TagsToAdd": {"owner": "b", "stage": "c"}},
        "UntagResource": {"ResourceArn": ARN, "TagsToRemove": ["team"]},
        "UpdateJob": {"JobName": "etl", "JobUpdate": {"Role": "other", "Command": _COMMAND}},
    }


def _writes_of_chains(live: str, over: str, node: str) -> dict[str, Members]:
    return {
        "CreateTrigger": {"Name": "new", "Type": "ON_DEMAND", "Actions": [{"JobName": "third"}]},
        "CreateWorkflow": {"Name": "new"},
        "DeleteTrigger": {"Name": "demand"},
        "DeleteWorkflow": {"Name": "idle"},
        "PutWorkflowRunProperties": {"Name": "flow", "RunId": live, "RunProperties": {"a": "b", "c": "d"}},
        "ResumeWorkflowRun": {"Name": "over", "RunId": over, "NodeIds": [node]},
        "StartTrigger": {"Name": "demand"},
        "StartWorkflowRun": {"Name": "over", "RunProperties": {"a": "b"}},
        "StopTrigger": {"Name": "active"},
        "StopWorkflowRun": {"Name": "flow", "RunId": live},
        "UpdateTrigger": {"Name": "demand", "TriggerUpdate": {"Actions": [{"JobName": "etl"}, {"JobName": "third"}]}},
        "UpdateWorkflow": {"Name": "flow", "Description": "other"},
    }
