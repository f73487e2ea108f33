"""P4: one StartJobRun call of an SDK is one run, whatever the SDK sends again."""

from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from tests.support.crashing import Lives
from tests.support.dropping_proxy import dropping_proxy


def client(endpoint_url: str, mode: str) -> Any:
    return boto3.client(
        "glue",
        endpoint_url=endpoint_url,
        region_name="us-east-1",
        aws_access_key_id="x",
        aws_secret_access_key="x",
        config=Config(retries={"mode": mode, "total_max_attempts": 4}),
    )


@pytest.mark.parametrize("mode", ["legacy", "standard"])
def test_an_answer_that_gets_lost_starts_no_second_run(lives: Lives, mode: str) -> None:
    job = lives.client.job(mode, lives.markers.script(), ExecutionProperty={"MaxConcurrentRuns": 9})
    with dropping_proxy(lives.daemon.port, drops=2) as proxy:
        run_id = client(proxy.endpoint_url, mode).start_job_run(JobName=job)["JobRunId"]
    assert len(proxy.requests) == 3
    assert [run["Id"] for run in lives.daemon.call("GetJobRuns", {"JobName": job})["JobRuns"]] == [run_id]


def test_nor_does_a_daemon_that_dies_before_it_answers(tmp_path: Path) -> None:
    with Lives(tmp_path, ["accept_job_run.committed"]) as lives:
        job = lives.client.job("job", lives.markers.script(), ExecutionProperty={"MaxConcurrentRuns": 9})
        run_id = lives.client.start(job)
        assert lives.deaths == 1
        assert [run["Id"] for run in lives.daemon.call("GetJobRuns", {"JobName": job})["JobRuns"]] == [run_id]
