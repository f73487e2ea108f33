"""A response is always UTF-8 JSON in Glue's names, without nulls, with numbers of the kind that clients expect."""

import json

from orchestrator.wire.encode import encode, seconds
from orchestrator.wire.shapes import (
    BatchStopJobRunResponse,
    GetJobResponse,
    GetJobRunResponse,
    GetJobRunsResponse,
    Job,
    JobRun,
    StartJobRunResponse,
)


def test_members_are_spelled_as_glue_spells_them() -> None:
    run = JobRun(id="jr_1", dpu_seconds=0.5, max_capacity=10.0, allocated_capacity=10)

    expected = b'{"JobRun":{"Id":"jr_1","AllocatedCapacity":10,"MaxCapacity":10.0,"DPUSeconds":0.5}}'
    assert expected == encode(GetJobRunResponse(job_run=run))


def test_what_is_none_is_left_out() -> None:
    assert encode(StartJobRunResponse()) == b"{}"


def test_empty_lists_and_maps_are_kept() -> None:
    assert (
        encode(BatchStopJobRunResponse(successful_submissions=[], errors=[]))
        == b'{"SuccessfulSubmissions":[],"Errors":[]}'
    )
    assert encode(GetJobRunsResponse(job_runs=[JobRun(arguments={})])) == b'{"JobRuns":[{"Arguments":{}}]}'


def test_a_whole_number_for_a_double_is_written_as_a_double() -> None:
    assert encode(GetJobResponse(job=Job(max_capacity=2))) == b'{"Job":{"MaxCapacity":2.0}}'


def test_times_are_epoch_seconds_with_milliseconds() -> None:
    run = JobRun(started_on=seconds(1_602_873_931_255), completed_on=seconds(1_602_873_931_000))

    assert encode(run) == b'{"StartedOn":1602873931.255,"CompletedOn":1602873931.0}'


def test_every_millisecond_survives_the_way_through_seconds() -> None:
    assert all(round(json.loads(repr(seconds(ms))) * 1000) == ms for ms in range(1_763_800_000_000, 1_763_800_002_000))


def test_text_is_utf8_and_not_escaped() -> None:
    assert encode(JobRun(error_message="Ä😀")) == '{"ErrorMessage":"Ä😀"}'.encode()


def test_a_lone_surrogate_never_gets_out() -> None:
    run = JobRun(error_message="a\udcffb", arguments={"\ud800": "ok"}, max_capacity=10.0)

    assert encode(run) == '{"Arguments":{"\ufffd":"ok"},"ErrorMessage":"a\ufffdb","MaxCapacity":10.0}'.encode()
