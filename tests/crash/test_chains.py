"""A chain ends as without kills, whatever commit the daemon dies at: each trigger fires once, each run starts once.

Five jobs, one of which fails once and is retried; the daemon is killed before, in and behind every write on the way,
and the client sends again what was not answered. What the scripts wrote down themselves is the witness.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import pytest

from orchestrator.store.codes import KINDS, STATES
from tests.support.chain_calls import conditional, firings, is_quiet, on_demand, rewrite, rows, runs
from tests.support.crash_points import PHASES, points_of
from tests.support.crashing import Lives, check_nothing_left, check_ran_once, check_truthful, is_dead
from tests.support.waiting import until

_FAILS_FIRST: Final = 'note("end") if "_attempt_" not in os.environ["ORCH_JOB_RUN_ID"] else None\nif "_attempt_" not in os.environ["ORCH_JOB_RUN_ID"]: sys.exit(1)'
_RUNS: Final = 6  # of five jobs, one of them twice
_EXPECTED: Final = [
    ("a", 0, "SUCCEEDED", "root", []),
    ("b", 0, "FAILED", "fork", ["a/0"]),
    ("b", 1, "SUCCEEDED", "fork", ["a/0"]),
    ("c", 0, "SUCCEEDED", "fork", ["a/0"]),
    ("d", 0, "SUCCEEDED", "join", ["b/1", "c/0"]),
    ("e", 0, "SUCCEEDED", "last", ["d/0"]),
]
_SETTINGS: Final[dict[str, Any]] = {"retries__first_delay_s": 0.05, "retries__factor": 1}


def _nth(writes: Iterable[str], numbers: Iterable[int]) -> list[str]:
    counts = list(numbers)
    return [f"{point}:{number}" for point in points_of(*writes) for number in counts]


def _marked(points: Iterable[str], short: Iterable[str]) -> list[Any]:
    chosen = set(short)
    return [
        pytest.param(point, marks=() if point in chosen else pytest.mark.crash_full) for point in dict.fromkeys(points)
    ]


def _define(lives: Lives, *, workflow: str | None = None) -> None:
    """Make a → (b, c) → d → e, with `b` failing once."""
    client = lives.client
    members = {} if workflow is None else {"WorkflowName": workflow}
    for name in "abcde":
        script = lives.markers.script(_FAILS_FIRST if name == "b" else "")
        client.job(name, script, **({"MaxRetries": 1} if name == "b" else {}))
    on_demand(client.call, "root", "a", **members)
    conditional(client.call, "fork", ["b", "c"], {"a": "SUCCEEDED"}, **members)
    conditional(client.call, "join", ["d"], {"b": "SUCCEEDED", "c": "SUCCEEDED"}, **members)
    conditional(client.call, "last", ["e"], {"d": "SUCCEEDED"}, **members)
    conditional(client.call, "never", ["e"], {"b": "FAILED"}, **members)  # only the last attempt counts


def _wait_until_quiet(lives: Lives) -> None:
    """Wait until nothing is left to do, over as many lives as that takes."""

    def look() -> bool:
        if is_dead(lives.daemon):
            lives.revive()
        return is_quiet(lives.daemon)

    until(look, within_s=40, what="the end of all runs")


def _check_chain(lives: Lives, chain: int = 1) -> None:
    """Hold that the chain is what it is without kills."""
    found = [run for run in runs(lives.daemon) if run["chain"] == chain]
    assert [
        (run["job"], run["attempt"], run["state"], run["trigger"], run["predecessors"]) for run in found
    ] == _EXPECTED
    assert [name for name, key in firings(lives.daemon) if key == chain] == ["root", "fork", "join", "last"]
    for run in found:
        check_ran_once(lives.markers, check_truthful(lives.daemon, run["id"]))
        assert len(lives.markers.all("start", run_id=run["id"])) == 1


def _check_events(lives: Lives) -> None:
    """Hold that each end is told once."""
    found = rows(lives.daemon, "SELECT job_run_seq, kind, state FROM event ORDER BY job_run_seq")
    told = [(seq, STATES.word(state)) for seq, kind, state in found if KINDS.word(kind) == "state_change"]
    assert told == rows(lives.daemon, "SELECT seq, state FROM job_run ORDER BY seq")


_EVERY_RUN: Final = range(1, _RUNS + 1)
_CHAIN_POINTS: Final = [
    *points_of("start_trigger", "retry"),
    *_nth(["settle_ended"], _EVERY_RUN),
    *_nth(["admit"], _EVERY_RUN),
    *_nth(["record_launch"], (1, 3, _RUNS)),
]
_CHAIN_SHORT: Final = [
    "start_trigger.committed",
    "retry.uncommitted",
    "settle_ended.begun:3",
    "settle_ended.committed:1",
    "settle_ended.uncommitted:5",
    "admit.committed:2",
]


@pytest.mark.parametrize("point", _marked(_CHAIN_POINTS, _CHAIN_SHORT))
def test_a_chain_ends_as_without_kills_wherever_the_daemon_dies(point: str, tmp_path: Path) -> None:
    with Lives(tmp_path, [point], **_SETTINGS) as lives:
        _define(lives)
        assert lives.client.call("StartTrigger", Name="root") == {"Name": "root"}
        _wait_until_quiet(lives)
        _await_death(lives, point)
        _check_chain(lives)
        _check_events(lives)
        assert len(runs(lives.daemon)) == _RUNS
        check_nothing_left(lives.daemon, lives.markers)


def _await_death(lives: Lives, point: str) -> None:
    """See that the point was reached; the end is on disk a moment before the daemon dies behind the last commit."""
    name = point.partition(":")[0]
    is_sure = not name.startswith("record_launch")  # an end that is seen first replays the launch
    if is_sure:
        until(lambda: lives.deaths or is_dead(lives.daemon), what=f"a death at {point}")
    if is_dead(lives.daemon):
        lives.revive()
    assert lives.deaths == 1 or not is_sure


@pytest.mark.parametrize(
    "point",
    _marked(
        points_of("start_workflow_run", "retry") + tuple(_nth(["settle_ended"], (1, 4, _RUNS))),
        ["start_workflow_run.committed", "settle_ended.begun:6"],
    ),
)
def test_a_workflow_run_ends_as_without_kills_and_a_call_whose_answer_is_lost_starts_one(
    point: str, tmp_path: Path
) -> None:
    with Lives(tmp_path, [point], **_SETTINGS) as lives:
        lives.client.call("CreateWorkflow", Name="w")
        _define(lives, workflow="w")
        run_id = lives.client.call("StartWorkflowRun", Name="w", RunProperties={"k": "v"})["RunId"]
        _wait_until_quiet(lives)
        _await_death(lives, point)
        _check_chain(lives)
        [run] = lives.client.call("GetWorkflowRuns", Name="w")["Runs"]
        assert (run["WorkflowRunId"], run["Status"]) == (run_id, "COMPLETED")
        assert run["WorkflowRunProperties"] == {"k": "v"}
        assert len(runs(lives.daemon)) == _RUNS


_AROUND: Final = (
    "create_trigger",
    "create_workflow",
    "update_workflow",
    "update_trigger",
    "stop_trigger",
    "put_workflow_run_properties",
    "stop_workflow_run",
    "resume_workflow_run",
    "tag_resource",
    "untag_resource",
    "delete_trigger",
    "delete_workflow",
)


@pytest.mark.parametrize(
    "point",
    _marked(
        points_of(*_AROUND), ["stop_workflow_run.committed", "resume_workflow_run.committed", "create_trigger.begun"]
    ),
)
def test_a_workflow_that_is_stopped_resumed_changed_and_deleted_is_so_once(point: str, tmp_path: Path) -> None:
    with Lives(tmp_path, [point], **_SETTINGS) as lives:
        client, markers = lives.client, lives.markers
        go = tmp_path / "go"
        slow = f"import time\nwhile not os.path.exists({str(go)!r}): time.sleep(0.01)"
        client.job("a", markers.script())
        client.job("b", markers.script(slow))
        client.job("c", markers.script())
        client.call("CreateWorkflow", Name="w")
        client.call("UpdateWorkflow", Name="w", Description="d", DefaultRunProperties={"k": "v"})
        on_demand(client.call, "root", "a", WorkflowName="w")
        client.call("UpdateTrigger", Name="root", TriggerUpdate={"Description": "d", "Actions": [{"JobName": "a"}]})
        conditional(client.call, "then", ["b"], {"a": "SUCCEEDED"}, WorkflowName="w")
        conditional(client.call, "last", ["c"], {"b": "SUCCEEDED"}, WorkflowName="w")
        conditional(client.call, "off", ["c"], {"a": "SUCCEEDED"}, WorkflowName="w")
        client.call("StopTrigger", Name="off")

        first = client.call("StartWorkflowRun", Name="w")["RunId"]
        [marker] = _wait_for_b(lives, 1)
        client.call("PutWorkflowRunProperties", Name="w", RunId=first, RunProperties={"more": "1"})
        client.call("StopWorkflowRun", Name="w", RunId=first)
        _wait_until_quiet(lives)
        assert check_truthful(lives.daemon, marker.run_id)["state"] == "STOPPED"
        answer = client.call("GetWorkflowRun", Name="w", RunId=first, IncludeGraph=True)["Run"]
        assert (answer["Status"], answer["WorkflowRunProperties"]) == ("STOPPED", {"k": "v", "more": "1"})
        node = next(
            node["UniqueId"] for node in answer["Graph"]["Nodes"] if (node["Type"], node["Name"]) == ("JOB", "b")
        )

        resumed = client.call("ResumeWorkflowRun", Name="w", RunId=first, NodeIds=[node])
        assert resumed["NodeIds"] == [node]
        go.touch()
        _wait_until_quiet(lives)
        second = client.call("GetWorkflowRun", Name="w", RunId=resumed["RunId"])["Run"]
        assert (second["Status"], second["PreviousRunId"]) == ("COMPLETED", first)

        arn = "arn:aws:glue:us-east-1:123456789012:job/a"
        client.call("TagResource", ResourceArn=arn, TagsToAdd={"k": "v", "l": "w"})
        client.call("UntagResource", ResourceArn=arn, TagsToRemove=["k"])
        assert client.call("GetTags", ResourceArn=arn) == {"Tags": {"l": "w"}}
        client.call("DeleteTrigger", Name="off")
        assert client.call("DeleteWorkflow", Name="w") == {"Name": "w"}
        assert client.call("ListTriggers") == {"TriggerNames": []}

        until(lambda: lives.deaths or is_dead(lives.daemon), what=f"a death at {point}")
        lives.revive()
        assert lives.deaths == 1
        ended = [(run["job"], run["chain"], run["state"], run["trigger"]) for run in runs(lives.daemon)]
        assert ended == [
            ("a", 1, "SUCCEEDED", "root"),
            ("b", 1, "STOPPED", "then"),
            ("b", 2, "SUCCEEDED", "then"),
            ("c", 2, "SUCCEEDED", "last"),
        ]
        assert firings(lives.daemon) == [
            ("root", 1),
            ("then", 1),
            ("then", 2),
            ("last", 2),
        ]  # b is run again as if by "then"
        assert len(markers.all("start")) == len({one.run_id for one in markers.all("start")}) == len(ended)
        check_nothing_left(lives.daemon, markers)


def _wait_for_b(lives: Lives, count: int) -> list[Any]:
    """Wait until scripts of `b` run, over as many lives as that takes."""

    def look() -> list[Any]:
        if is_dead(lives.daemon):
            lives.revive()
        ids = {run["id"] for run in runs(lives.daemon) if run["job"] == "b"}
        found = [one for one in lives.markers.all("start") if one.run_id in ids]
        return found if len(found) >= count else []

    return until(look, what="a script of b")


@pytest.mark.parametrize(
    "point",
    _marked(points_of("fire_schedule", "notify_delay"), ["fire_schedule.committed", "notify_delay.uncommitted"]),
)
def test_what_the_clock_brings_about_happens_once(point: str, tmp_path: Path) -> None:
    """The instant of the schedule, and the minute of NotifyDelayAfter, come to pass while no daemon runs."""
    go = tmp_path / "go"
    slow = f"import time\nwhile not os.path.exists({str(go)!r}): time.sleep(0.01)"
    with Lives(tmp_path, [point], triggers__catch_up="one", **_SETTINGS) as lives:
        client, markers = lives.client, lives.markers
        client.job("late", markers.script(slow))
        client.job("a", markers.script())
        late = client.start("late", NotificationProperty={"NotifyDelayAfter": 1})
        markers.wait_for("start", run_id=late)
        until(lambda: lives.daemon.run("late", late)["JobRunState"] == "RUNNING", what="the record of its launch")
        schedule = {"Type": "SCHEDULED", "Schedule": "cron(0 0 1 1 ? *)", "StartOnCreation": True}
        client.call("CreateTrigger", Name="yearly", Actions=[{"JobName": "a"}], **schedule)
        lives.daemon.kill()
        rewrite(lives.daemon, "UPDATE job_trigger SET active_since_ms = 0")
        rewrite(
            lives.daemon,
            "UPDATE job_run SET started_on_ms = started_on_ms - 60000, launched_on_ms = launched_on_ms - 60000",
        )
        lives.revive()
        until(lambda: is_dead(lives.daemon) or lives.deaths > 1, what=f"a death at {point}")
        lives.revive()
        assert lives.deaths == 2
        until(lambda: _kinds(lives, late) == [["run_status", "RUNNING"]], what="the event of the late run")
        until(lambda: [one["state"] for one in runs(lives.daemon) if one["job"] == "a"] == ["SUCCEEDED"], what="a")
        lives.daemon.kill()  # once more, with everything told and fired
        lives.revive()
        go.touch()
        _wait_until_quiet(lives)
        assert firings(lives.daemon) == [("yearly", 1)]
        assert _kinds(lives, late) == [["run_status", "RUNNING"], ["state_change", "SUCCEEDED"]]
        assert len(markers.all("start")) == 2
        _check_events(lives)


def _kinds(lives: Lives, run_id: str) -> list[list[str]]:
    """Return kind and state of each event of a run."""
    statement = (
        "SELECT lower(hex(r.base_id)), e.kind, e.state FROM event AS e JOIN job_run AS r ON r.seq = e.job_run_seq"
    )
    found = rows(lives.daemon, statement + " ORDER BY e.seq")
    return [[KINDS.word(kind), STATES.word(state)] for base, kind, state in found if base == run_id[3:]]


def test_the_moment_of_a_retry_survives_a_kill(tmp_path: Path) -> None:
    with Lives(tmp_path, retries__first_delay_s=8) as lives:
        client = lives.client
        client.job("b", lives.markers.script(_FAILS_FIRST), MaxRetries=1)
        first = client.start("b")
        lives.wait_for_end(first)
        [(due_ms,)] = rows(lives.daemon, "SELECT retry_due_ms FROM job_run")
        lives.daemon.kill()
        lives.revive()
        _wait_until_quiet(lives)
        [(failed_on_ms, _), (_, started_on_ms)] = rows(
            lives.daemon, "SELECT completed_on_ms, started_on_ms FROM job_run ORDER BY seq"
        )
        assert due_ms == failed_on_ms + 8_000
        assert due_ms <= started_on_ms < due_ms + 10_000
        assert [run["state"] for run in runs(lives.daemon)] == ["FAILED", "SUCCEEDED"]
        assert client.call("GetJobRun", JobName="b", RunId=f"{first}_attempt_1")["JobRun"]["PreviousRunId"] == first


def test_every_phase_is_a_phase_of_the_short_form() -> None:
    """What `make test` runs kills before, in and behind commits."""
    assert {point.partition(".")[2].partition(":")[0] for point in _CHAIN_SHORT} == set(PHASES)
