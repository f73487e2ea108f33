"""The log API shows what scripts really wrote: each line once, live, in order, with true times, page by page."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from orchestrator.model.log_events import MAX_EVENT_BYTES
from tests.support import runs, wire
from tests.support.daemon import Daemon
from tests.support.waiting import until

OUTPUT: Final = "/aws-glue/python-jobs/output"
ERROR: Final = "/aws-glue/python-jobs/error"
SPEAK_WHEN_TOLD: Final = """
import os, sys, time
given = dict(zip(sys.argv[1::2], sys.argv[2::2]))
for number, text in enumerate(["one\\n", "two\\nthr", "ee\\n", "end"]):
    while not os.path.exists(f"{given['--gate']}{number}"):
        time.sleep(0.01)
    os.write(1, text.encode())
"""


def call(daemon: Daemon, action: str, **members: Any) -> dict[str, Any]:
    return daemon.call(action, members, {"X-Amz-Target": f"Logs_20140328.{action}"})


def refusal(daemon: Daemon, action: str, **members: Any) -> tuple[str, str]:
    answer = call(daemon, action, **members)
    assert set(answer) == {"__type", "message"}, answer
    return answer["__type"], answer["message"]


def pages(daemon: Daemon, **members: Any) -> Iterator[dict[str, Any]]:
    """Yield pages as botocore's paginator asks for them."""
    while True:
        answer = call(daemon, "FilterLogEvents", **members)
        yield answer
        if "nextToken" not in answer:
            return
        assert answer["nextToken"] != members.get("nextToken")
        members["nextToken"] = answer["nextToken"]


def lines(daemon: Daemon, **members: Any) -> list[str]:
    members = {"logGroupName": OUTPUT, **members}
    return [event["message"] for page in pages(daemon, **members) for event in page["events"]]


def follower(daemon: Daemon, **members: Any) -> Callable[[], list[str]]:
    """Return a function that reads on as Airflow's hook does: with the last token that it was ever given."""

    def read() -> list[str]:
        found = []
        for page in pages(daemon, **{"logGroupName": OUTPUT, **members}):
            found += [event["message"] for event in page["events"]]
            members["nextToken"] = page.get("nextToken") or members.get("nextToken")
        if members.get("nextToken") is None:
            del members["nextToken"]
        return found

    return read


def written(daemon: Daemon, name: str, data: bytes, **members: Any) -> str:
    """Run a job that writes `data` to its output; return the run's id."""
    path = daemon.root / f"{name}.data"
    path.write_bytes(data)
    job = daemon.job(name, f"import sys\nsys.stdout.buffer.write(open({str(path)!r}, 'rb').read())\n", **members)
    return str(runs.succeed(daemon, job)["Id"])


def test_output_and_error_are_groups_of_their_own_for_each_kind_of_job(daemon: Daemon) -> None:
    script = "import sys\nprint('out')\nprint('err', file=sys.stderr)\n"
    job = daemon.job("kinds", script)
    shell = runs.succeed(daemon, job)
    path = str(daemon.root / "kinds.py")
    daemon.call("UpdateJob", {"JobName": job, "JobUpdate": {"Command": {"Name": "glueetl", "ScriptLocation": path}}})
    etl = runs.succeed(daemon, job)
    for run, prefix in ((shell, "/aws-glue/python-jobs"), (etl, "/aws-glue/jobs")):
        assert run["LogGroupName"] == prefix
        assert lines(daemon, logGroupName=f"{prefix}/output", logStreamNames=[run["Id"]]) == ["out\n"]
        assert lines(daemon, logGroupName=f"{prefix}/error", logStreamNames=[run["Id"]]) == ["err\n"]
    not_there = ("ResourceNotFoundException", "The specified log stream does not exist.")
    for action, names in (
        ("FilterLogEvents", {"logStreamNames": [etl["Id"]]}),
        ("GetLogEvents", {"logStreamName": etl["Id"]}),
    ):
        assert refusal(daemon, action, logGroupName=OUTPUT, **names) == not_there


def test_who_keeps_the_last_token_gets_each_line_of_a_live_run_once(daemon: Daemon, tmp_path: Path) -> None:
    job = daemon.job("followed", SPEAK_WHEN_TOLD)
    run_id = runs.start(daemon, job, Arguments={"--gate": f"{tmp_path}/gate"})
    runs.in_state(daemon, job, run_id, "RUNNING")  # a group has the runs whose launch is recorded
    by_name, by_prefix = follower(daemon, logStreamNames=[run_id]), follower(daemon, logStreamNamePrefix=run_id[:20])
    whole_group = follower(daemon, startTime=int(daemon.run(job, run_id)["StartedOn"] * 1000))
    for number, told in enumerate((["one\n"], ["two\n"], ["three\n"])):
        for read in (by_name, by_prefix, whole_group):
            assert read() == []
        before = len(runs.output(daemon, run_id))
        (tmp_path / f"gate{number}").touch()
        until(lambda before=before: len(runs.output(daemon, run_id)) > before, what="output")  # type: ignore[misc]
        for read in (by_name, by_prefix, whole_group):
            assert read() == told
    (tmp_path / "gate3").touch()
    daemon.ended(job, run_id)
    for read in (by_name, by_prefix, whole_group):
        assert read() == ["end"]
        assert read() == []


def test_an_unknown_run_and_an_unknown_group_are_not_found(daemon: Daemon) -> None:
    nobody = f"jr_{'0' * 64}"
    stream = ("ResourceNotFoundException", "The specified log stream does not exist.")
    group = ("ResourceNotFoundException", "The specified log group does not exist.")
    assert refusal(daemon, "GetLogEvents", logGroupName=OUTPUT, logStreamName=nobody) == stream
    assert refusal(daemon, "FilterLogEvents", logGroupName=OUTPUT, logStreamNames=["x"]) == stream
    assert refusal(daemon, "FilterLogEvents", logGroupName="/aws-glue/none") == group
    assert refusal(daemon, "DescribeLogStreams", logGroupName="/aws-glue/none") == group
    assert lines(daemon, logStreamNamePrefix="other") == []
    assert call(daemon, "DescribeLogStreams", logGroupName=OUTPUT, logStreamNamePrefix="other") == {"logStreams": []}


def test_a_run_that_has_written_nothing_has_an_empty_log(daemon: Daemon) -> None:
    run_id = written(daemon, "silent", b"")
    assert call(daemon, "FilterLogEvents", logGroupName=OUTPUT, logStreamNames=[run_id]) == {
        "events": [],
        "searchedLogStreams": [],
    }
    answer = call(daemon, "GetLogEvents", logGroupName=OUTPUT, logStreamName=run_id)
    assert answer["events"] == []
    assert {"nextForwardToken", "nextBackwardToken"} < set(answer)


def test_bytes_that_are_no_text_are_replaced(daemon: Daemon) -> None:
    assert lines(daemon, logStreamNames=[written(daemon, "bytes", b"a\xffb\n\n\xe2\x82\n")]) == ["a�b\n", "\n", "�\n"]


def test_pages_have_ten_thousand_events_and_a_mebibyte_at_most(daemon: Daemon) -> None:
    many = [f"{number}\n" for number in range(25_000)]
    run_id = written(daemon, "many", "".join(many).encode())
    sizes, found = [], []
    for page in pages(daemon, logGroupName=OUTPUT, logStreamNames=[run_id]):
        sizes.append(len(page["events"]))
        found += [event["message"] for event in page["events"]]
    assert (found, sizes) == (many, [10_000, 10_000, 5_000, 0])

    large = [f"{number:03d}" + "x" * 100_000 + "\n" for number in range(25)]
    run_id = written(daemon, "large", "".join(large).encode())
    found = []
    for page in pages(daemon, logGroupName=OUTPUT, logStreamNames=[run_id]):
        assert sum(len(event["message"]) for event in page["events"]) <= 1024 * 1024
        found += [event["message"] for event in page["events"]]
    assert found == large


def test_a_line_without_end_is_cut_into_events(daemon: Daemon) -> None:
    data = b"x" * (5 * MAX_EVENT_BYTES + 3)
    run_id = written(daemon, "endless", b"a\n" + data)
    expected = ["a\n", *["x" * MAX_EVENT_BYTES] * 5, "xxx"]
    assert lines(daemon, logStreamNames=[run_id]) == expected
    assert backwards(daemon, run_id, limit=2) == expected
    assert backwards(daemon, run_id) == expected


def forwards(daemon: Daemon, run_id: str, **members: Any) -> list[str]:
    members = {"logGroupName": OUTPUT, "logStreamName": run_id, "startFromHead": True, **members}
    found: list[str] = []
    while True:
        answer = call(daemon, "GetLogEvents", **members)
        found += [event["message"] for event in answer["events"]]
        if answer["nextForwardToken"] == members.get("nextToken"):
            assert answer["events"] == []
            return found
        members["nextToken"] = answer["nextForwardToken"]


def backwards(daemon: Daemon, run_id: str, **members: Any) -> list[str]:
    members = {"logGroupName": OUTPUT, "logStreamName": run_id, **members}
    found: list[str] = []
    while True:
        answer = call(daemon, "GetLogEvents", **members)
        found = [event["message"] for event in answer["events"]] + found
        if answer["nextBackwardToken"] == members.get("nextToken"):
            assert answer["events"] == []
            return found
        members["nextToken"] = answer["nextBackwardToken"]


@pytest.mark.parametrize("limit", [1, 3, 7, 10_000])
def test_a_stream_is_read_forwards_and_backwards(daemon: Daemon, limit: int) -> None:
    run_id = written(daemon, f"both{limit}", b"".join(b"%d\n" % number for number in range(20)) + b"end")
    expected = [*(f"{number}\n" for number in range(20)), "end"]
    assert forwards(daemon, run_id, limit=limit) == expected
    assert backwards(daemon, run_id, limit=limit) == expected


def test_backward_pages_are_bounded_and_leave_nothing_out(daemon: Daemon) -> None:
    large = [f"{number:03d}" + "x" * 100_000 + "\n" for number in range(25)]
    assert backwards(daemon, written(daemon, "large_back", "".join(large).encode())) == large


def test_the_forward_token_of_the_end_goes_on_when_more_is_written(daemon: Daemon, tmp_path: Path) -> None:
    job = daemon.job("tailed", SPEAK_WHEN_TOLD)
    run_id = runs.start(daemon, job, Arguments={"--gate": f"{tmp_path}/gate"})
    (tmp_path / "gate0").touch()
    until(lambda: runs.output(daemon, run_id), what="output")
    names = {"logGroupName": OUTPUT, "logStreamName": run_id}
    answer = call(daemon, "GetLogEvents", **names)
    assert [event["message"] for event in answer["events"]] == ["one\n"]
    token = answer["nextForwardToken"]
    again = call(daemon, "GetLogEvents", nextToken=token, **names)
    assert (again["events"], again["nextForwardToken"]) == ([], token)
    (tmp_path / "gate1").touch()
    until(lambda: "two" in runs.output(daemon, run_id), what="output")
    assert [event["message"] for event in call(daemon, "GetLogEvents", **names)["events"]] == ["one\n", "two\n"]
    later = call(daemon, "GetLogEvents", nextToken=token, **names)
    assert [event["message"] for event in later["events"]] == ["two\n"]
    for number in (2, 3):
        (tmp_path / f"gate{number}").touch()
    daemon.ended(job, run_id)


def with_times(daemon: Daemon, name: str) -> tuple[str, list[int]]:
    """Return an ended run of three lines, a second apart as its marks say, and the times of the three."""
    run_id = written(daemon, name, b"first\nsecond\nthird\n")
    began = int(daemon.run(name, run_id)["StartedOn"] * 1000) + 1
    times = [began, began + 1000, began + 2000]
    marks = "".join(f"{offset} {at_ms}\n" for offset, at_ms in zip((0, 6, 13), times, strict=True))
    (runs.directory(daemon, run_id) / "stdout.times").write_text(marks + "99")
    return run_id, times


def test_times_are_when_the_lines_were_written(daemon: Daemon) -> None:
    before = int(time.time() * 1000)
    run_id = written(daemon, "timed", b"a\nb\n")
    events = call(daemon, "FilterLogEvents", logGroupName=OUTPUT, logStreamNames=[run_id])["events"]
    assert all(before <= event["timestamp"] == event["ingestionTime"] <= time.time() * 1000 for event in events)
    assert len({event["eventId"] for event in events}) == 2


def test_a_window_of_time_is_searched(daemon: Daemon) -> None:
    run_id, (first, second, third) = with_times(daemon, "window")
    for start, end, found in (
        (first, third, ["first\n", "second\n", "third\n"]),
        (second, second, ["second\n"]),
        (first + 1, third - 1, ["second\n"]),
        (third + 1, None, []),
        (None, first - 1, []),
    ):
        bounds = {name: at for name, at in (("startTime", start), ("endTime", end)) if at is not None}
        assert lines(daemon, logStreamNames=[run_id], **bounds) == found
        exclusive = {**bounds, "endTime": end + 1} if end is not None else bounds  # GetLogEvents leaves its end out
        assert forwards(daemon, run_id, **exclusive) == found
        assert backwards(daemon, run_id, **exclusive) == found


def test_without_marks_all_was_written_at_the_launch(daemon: Daemon) -> None:
    run_id = written(daemon, "unmarked", b"a\nb\n")
    (runs.directory(daemon, run_id) / "stdout.times").unlink()
    launched = runs.details(daemon, run_id)["run"]["launched_on_ms"]
    events = call(daemon, "FilterLogEvents", logGroupName=OUTPUT, logStreamNames=[run_id])["events"]
    assert [event["timestamp"] for event in events] == [launched, launched]


def test_a_pattern_selects_lines(daemon: Daemon) -> None:
    run_id = written(daemon, "pattern", b"ERROR one\nfine\nERROR two\n")
    assert lines(daemon, logStreamNames=[run_id], filterPattern="ERROR -two") == ["ERROR one\n"]
    name, sentence = refusal(daemon, "FilterLogEvents", logGroupName=OUTPUT, filterPattern="{ $.a = 1 }")
    assert (name, "JSON patterns" in sentence) == ("InvalidParameterException", True)


def test_a_search_that_finds_little_goes_on_behind_empty_pages(daemon: Daemon) -> None:
    run_id = written(daemon, "rare", b"chaff\n" * 2_000_000 + b"needle\n")
    found = list(pages(daemon, logGroupName=OUTPUT, logStreamNames=[run_id], filterPattern="needle"))
    assert [[event["message"] for event in page["events"]] for page in found] == [[], ["needle\n"], []]


@pytest.mark.parametrize(
    ("members", "sentence"),
    [
        ({}, "Exactly one of logGroupName and logGroupIdentifier must be given."),
        (
            {"logGroupName": OUTPUT, "logStreamNames": ["a"], "logStreamNamePrefix": "a"},
            "Only one of logStreamNames and logStreamNamePrefix may be given.",
        ),
        ({"logGroupName": OUTPUT, "nextToken": "x"}, "The specified nextToken is invalid: 'x'."),
        (
            {"logGroupName": OUTPUT, "startFromHead": False},
            "startFromHead: false, the newest first, is not supported here.",
        ),
    ],
)
def test_a_wrong_question_is_an_invalid_parameter(daemon: Daemon, members: dict[str, Any], sentence: str) -> None:
    assert refusal(daemon, "FilterLogEvents", **members) == ("InvalidParameterException", sentence)


def test_a_token_is_of_use_in_its_own_stream_only(daemon: Daemon) -> None:
    first, second = written(daemon, "mine", b"a\nb\n"), written(daemon, "other", b"c\nd\n")
    token = call(daemon, "GetLogEvents", logGroupName=OUTPUT, logStreamName=first)["nextBackwardToken"]
    for wrong in (token, "f/" + token[2:], "x/" + token[2:], "f"):
        answer = refusal(daemon, "GetLogEvents", logGroupName=OUTPUT, logStreamName=second, nextToken=wrong)
        assert answer[0] == "InvalidParameterException"


def test_streams_are_listed_by_name_and_by_age(daemon: Daemon) -> None:
    ids = [written(daemon, f"listed{number}", b"x\n") for number in range(3)]

    def listed(**members: Any) -> list[str]:
        found = []
        while True:
            answer = call(daemon, "DescribeLogStreams", logGroupName=OUTPUT, limit=2, **members)
            found += [stream["logStreamName"] for stream in answer["logStreams"]]
            if "nextToken" not in answer:
                return [name for name in found if name in ids]
            members["nextToken"] = answer["nextToken"]

    assert listed() == sorted(ids)
    assert listed(descending=True) == sorted(ids, reverse=True)
    assert listed(orderBy="LastEventTime") == ids
    assert listed(orderBy="LastEventTime", descending=True) == ids[::-1]
    assert listed(logStreamNamePrefix=ids[1]) == [ids[1]]
    assert listed(logStreamNamePrefix=f"{ids[1]}_attempt_1") == []
    stream = call(daemon, "DescribeLogStreams", logGroupName=OUTPUT, logStreamNamePrefix=ids[0])["logStreams"][0]
    assert stream["creationTime"] <= stream["firstEventTimestamp"] <= stream["lastEventTimestamp"]
    assert stream["arn"].endswith(f":log-group:{OUTPUT}:log-stream:{ids[0]}")
    by_time = {"logGroupName": OUTPUT, "orderBy": "LastEventTime", "logStreamNamePrefix": "jr_"}
    assert refusal(daemon, "DescribeLogStreams", **by_time)[0] == "InvalidParameterException"


def test_groups_are_listed(daemon: Daemon) -> None:
    def names(**members: Any) -> list[str]:
        return [group["logGroupName"] for group in call(daemon, "DescribeLogGroups", **members)["logGroups"]]

    every = names()
    assert every == sorted([OUTPUT, ERROR, "/aws-glue/jobs/error", "/aws-glue/jobs/output"])
    first = call(daemon, "DescribeLogGroups", limit=3)
    assert names(nextToken=first["nextToken"]) == every[3:]
    assert names(logGroupNamePrefix="/aws-glue/python") == [ERROR, OUTPUT]
    assert names(logGroupNamePattern="output") == ["/aws-glue/jobs/output", OUTPUT]
    assert names(logGroupIdentifiers=[first["logGroups"][0]["logGroupArn"]]) == every[:1]
    assert names(logGroupClass="DELIVERY") == []
    both = {"logGroupNamePrefix": "a", "logGroupNamePattern": "a"}
    assert refusal(daemon, "DescribeLogGroups", **both)[0] == "InvalidParameterException"


def test_a_whole_group_is_searched_a_page_at_a_time(daemon: Daemon) -> None:
    job = daemon.job("grouped", "import sys\nprint(sys.argv[sys.argv.index('--n') + 1])\n")
    began = int(time.time() * 1000)
    for number in range(5):
        runs.succeed(daemon, job, Arguments={"--n": str(number)})
    found = list(pages(daemon, logGroupName=OUTPUT, startTime=began, limit=2))
    assert [event["message"] for page in found for event in page["events"]] == [f"{number}\n" for number in range(5)]
    assert all(len(page["events"]) <= 2 for page in found)
    assert all(("nextToken" in page) == bool(page["events"]) for page in found)


def test_the_log_api_has_the_gate_and_the_content_type_of_glues(daemon: Daemon) -> None:
    target = "Logs_20140328.DescribeLogGroups"
    assert wire.exchange(daemon.port, wire.request(target=target)).status == 200
    assert wire.exchange(daemon.port, wire.request(target=target, origin="http://evil")).status == 403
    assert wire.exchange(daemon.port, wire.request(target=target, host="evil")).status == 403
    refused = wire.exchange(daemon.port, wire.request(target=target, content_type="text/plain"))
    assert (refused.status, refused.members["__type"]) == (415, "UnsupportedMediaTypeException")
    unknown = wire.exchange(daemon.port, wire.request(target="Logs_20140328.PutLogEvents"))
    assert (unknown.status, unknown.members["message"]) == (400, "Unknown operation: PutLogEvents")


@pytest.mark.timeout(120)
def test_runs_that_wait_crowd_no_line_out_of_a_group(daemon: Daemon, tmp_path: Path) -> None:
    gate = tmp_path / "crowd"
    body = f"import os, time\nwhile not os.path.exists({str(gate)!r}): time.sleep(0.05)\n"
    crowd = daemon.job("crowd", body, ExecutionProperty={"MaxConcurrentRuns": 1}, JobRunQueuingEnabled=True)
    waiting = [runs.start(daemon, crowd) for _ in range(1_050)]  # more than a token has places for
    since_ms = time.time_ns() // 1_000_000  # not all that the tests before have printed
    run_id = written(daemon, "beside_the_crowd", b"heard\n")
    asked = {"logGroupName": "/aws-glue/python-jobs/output", "logStreamNamePrefix": "jr_", "startTime": since_ms}
    assert lines(daemon, **asked) == ["heard\n"]
    for start in range(0, len(waiting), 25):
        daemon.call("BatchStopJobRun", {"JobName": crowd, "JobRunIds": waiting[start : start + 25]})
    assert run_id not in waiting
    gate.touch()
