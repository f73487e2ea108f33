"""boto3's paginators and the AWS CLI read the logs of real runs; our shapes of the log API are exactly the model's."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest
from botocore.model import ServiceModel

from tests.conformance.test_responses import strictly
from tests.support import runs
from tests.support.daemon import Daemon
from tests.support.shape_generator import LOGS, LOGS_TARGET, generate, service_model

pytestmark = [pytest.mark.conformance, pytest.mark.timeout(120)]

AWS: Final = Path(sys.executable).with_name("aws")
GROUP: Final = "/aws-glue/python-jobs/output"
SERVICE: Final = ServiceModel(service_model(LOGS), "logs")
KEYS: Final = {"aws_access_key_id": "x", "aws_secret_access_key": "x"}


@pytest.fixture
def logs(daemon: Daemon) -> Any:
    boto3 = pytest.importorskip("boto3")
    return boto3.client("logs", endpoint_url=daemon.endpoint_url, region_name="us-east-1", **KEYS)


@pytest.fixture
def run_id(daemon: Daemon) -> str:
    job = daemon.job("logged", "for number in range(7):\n    print('line', number)\n")
    return str(runs.succeed(daemon, job)["Id"])


def test_the_checked_in_shapes_are_what_the_model_gives() -> None:
    assert generate(service_model(LOGS), LOGS) == LOGS_TARGET.read_text(encoding="utf-8")


def test_the_paginator_of_events_ends_and_goes_on_from_its_last_token(logs: Any, run_id: str) -> None:
    paginator = logs.get_paginator("filter_log_events")
    names = {"logGroupName": GROUP, "logStreamNames": [run_id]}
    found, token = [], None
    for page in paginator.paginate(**names, PaginationConfig={"PageSize": 3}):
        found += [event["message"] for event in page["events"]]
        token = page.get("nextToken") or token
    assert found == [f"line {number}\n" for number in range(7)]
    later = [*paginator.paginate(**names, PaginationConfig={"StartingToken": token})]
    assert [page["events"] for page in later] == [[]]


def test_every_answer_is_exactly_what_the_model_allows(daemon: Daemon, run_id: str) -> None:
    group, stream = {"logGroupName": GROUP}, {"logStreamName": run_id}
    for action, members in (
        ("DescribeLogGroups", {"limit": 1}),
        ("DescribeLogStreams", {**group, "limit": 1}),
        ("FilterLogEvents", {**group, "logStreamNames": [run_id]}),
        ("GetLogEvents", {**group, **stream}),
    ):
        answer = daemon.call(action, members, {"X-Amz-Target": f"Logs_20140328.{action}"})
        strictly(SERVICE.operation_model(action).output_shape, answer)


def test_streams_and_groups_are_paged_by_boto3(logs: Any, daemon: Daemon, run_id: str) -> None:
    other = runs.succeed(daemon, "logged")["Id"]
    pages = logs.get_paginator("describe_log_streams").paginate(logGroupName=GROUP, PaginationConfig={"PageSize": 1})
    assert {run_id, other} <= {stream["logStreamName"] for page in pages for stream in page["logStreams"]}
    groups = logs.get_paginator("describe_log_groups").paginate(PaginationConfig={"PageSize": 1})
    assert len([group for page in groups for group in page["logGroups"]]) == 4


def test_errors_are_the_models(logs: Any) -> None:
    with pytest.raises(logs.exceptions.ResourceNotFoundException, match="The specified log group does not exist"):
        logs.get_log_events(logGroupName="none", logStreamName="none")
    with pytest.raises(logs.exceptions.InvalidParameterException, match="filterPattern"):
        logs.filter_log_events(logGroupName=GROUP, filterPattern="[a]")


def test_the_cli_reads_a_stream(daemon: Daemon, run_id: str) -> None:
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(daemon.root),
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": daemon.endpoint_url,
        "AWS_PAGER": "",
    }
    command = [sys.executable, str(AWS), "logs", "filter-log-events", "--log-group-name", GROUP]
    done = subprocess.run(
        [*command, "--log-stream-names", run_id, "--filter-pattern", '"line 3"', "--output", "json"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done
    assert [event["message"] for event in json.loads(done.stdout)["events"]] == ["line 3\n"]
