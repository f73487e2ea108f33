"""The plain routes tell what there is, filtered and paged; a question that makes no sense is refused with its name."""

import json
import time
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import pytest

from tests.support import runs
from tests.support.daemon import Daemon
from tests.support.waiting import until

SPEAK: Final = """
import sys
for number in range(5):
    print("line", number, flush=True)
print("on stderr", file=sys.stderr)
"""
FAIL: Final = "raise ValueError('no such day')\n"
COMMIT: Final = """
import os
with open(os.environ["ORCH_BOOKMARK_FILE"] + ".new", "w") as file:
    file.write('{"password": "hunter2", "day": "%s"}' % os.environ["ORCH_JOB_RUN_ID"][-6:])
os.rename(file.name, os.environ["ORCH_BOOKMARK_FILE"])
"""


def ask(daemon: Daemon, path: str, **query: object) -> dict[str, Any]:
    status, body, headers = daemon.get(f"{path}?{urlencode(query)}" if query else path)
    assert status == 200, body
    assert headers["content-type"] == "application/json"
    assert body.isascii()
    told: dict[str, Any] = json.loads(body)
    assert abs(told["now_ms"] - time.time() * 1000) < 60_000
    return told


def ids(told: dict[str, Any]) -> list[str]:
    return [run["id"] for run in told["runs"]]


def test_lists_filter_by_job_state_text_and_time_and_page_on(daemon: Daemon) -> None:
    fine, bad = daemon.job("listed fine", "pass\n"), daemon.job("listed bad", FAIL)
    started = [runs.succeed(daemon, fine, Arguments={"--day": f"day {n}", "--token": "t0p"})["Id"] for n in range(3)]
    failed = runs.finish(daemon, bad)["Id"]
    assert ids(ask(daemon, "/runs", job=fine)) == started[::-1]
    assert ids(ask(daemon, "/runs", job=fine, order="oldest")) == started
    assert ids(ask(daemon, "/runs", job=fine, order="ended")) == started[::-1]
    assert ids(ask(daemon, "/runs", state="failed,TIMEOUT", job=bad)) == [failed]
    assert ids(ask(daemon, "/runs", text="SUCH DAY")) == [failed]
    assert ids(ask(daemon, "/runs", text="day 1", job=fine)) == [started[1]]
    assert ids(ask(daemon, "/runs", text=failed[10:40].upper())) == [failed]
    assert ids(ask(daemon, "/runs", text="t0p")) == []  # a secret is not to be guessed at
    at_ms = runs.details(daemon, started[1])["run"]["started_on_ms"]
    assert ids(ask(daemon, "/runs", job=fine, since_ms=at_ms)) == [started[2], started[1]]
    assert ids(ask(daemon, "/runs", job=fine, until_ms=at_ms)) == [started[0]]
    first = ask(daemon, "/runs", job=fine, limit=2)
    rest = ask(daemon, "/runs", job=fine, limit=2, before=first["next"])
    assert (ids(first), ids(rest), rest["next"]) == (started[:0:-1], started[:1], None)
    assert ask(daemon, "/runs", job="nobody's")["runs"] == []
    assert ids(ask(daemon, "/runs", prefix=failed[:20])) == [failed]


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/runs?limit=0", "limit"),
        ("/runs?limit=1001", "limit"),
        ("/runs?state=GONE", "state"),
        ("/runs?order=best", "order"),
        ("/runs?before=x", "before"),
        ("/runs?before=1&order=ended", "before"),
        ("/runs?before=99999999999999999999999", "before"),
        ("/runs?before=9999999999999999999-1&order=ended", "before"),
        ("/runs?limit=1_0", "limit"),
        ("/runs?limit=%20+5", "limit"),
        ("/runs/jr_" + "0" * 64 + "?wait_s=nan", "wait_s"),
        ("/runs?since_ms=yesterday", "since_ms"),
        ("/timeline?until_ms=-1", "until_ms"),
        ("/capacity?since_ms=1e3", "since_ms"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused_by_its_name(daemon: Daemon, path: str, field: str) -> None:
    status, body, _ = daemon.get(path)
    error = json.loads(body)
    assert (status, error["__type"]) == (400, "InvalidInputException")
    assert error["Message"].startswith(f"{field} is '")


@pytest.mark.parametrize("path", ["/job?name=none", "/job", "/bookmark?name=none", "/runs/jr_0", "/triggers/none"])
def test_what_there_is_not_is_not_found(daemon: Daemon, path: str) -> None:
    status, body, _ = daemon.get(path)
    assert (status, json.loads(body)["__type"]) == (404, "EntityNotFoundException")


def test_a_run_is_told_with_all_that_belongs_to_it(daemon: Daemon) -> None:
    job = daemon.job(
        "in full",
        FAIL,
        DefaultArguments={"--a": "default", "--b": "default", "--secret": "s"},
        NonOverridableArguments={"--c": "fixed"},
        MaxRetries=1,
    )
    first = runs.finish(daemon, job, Arguments={"--b": "mine"})["Id"]
    until(lambda: len(ask(daemon, f"/runs/{first}")["attempts"]) == 2, what="the retry")
    told = ask(daemon, f"/runs/{first}")
    assert told["arguments"] == {
        "effective": {"--a": "default", "--b": "mine", "--secret": "***", "--c": "fixed"},
        "default": {"--a": "default", "--b": "default", "--secret": "***"},
        "override": {"--b": "mine"},
        "non_overridable": {"--c": "fixed"},
    }
    assert [one["attempt"] for one in told["attempts"]] == [0, 1]
    assert [step["to_state"] for step in told["history"]] == ["STARTING", "RUNNING", "FAILED"]
    claim, ending = told["ledger"]["claim"], told["ledger"]["ending"]
    assert (claim["by"], claim["run_id"]) == ("shim", first)
    assert (ending["reason"], ending["exit_code"]) == ("exited", 1)
    assert not {"stderr_tail", "bookmark"} & set(ending)


def test_predecessors_are_told(daemon: Daemon) -> None:
    before, after = daemon.job("before", "pass\n"), daemon.job("after", "pass\n")
    condition = {"LogicalOperator": "EQUALS", "JobName": before, "State": "SUCCEEDED"}
    triggers: dict[str, dict[str, Any]] = {
        "go": {"Type": "ON_DEMAND", "Actions": [{"JobName": before}]},
        "then": {
            "Type": "CONDITIONAL",
            "Actions": [{"JobName": after}],
            "Predicate": {"Conditions": [condition]},
            "StartOnCreation": True,
        },
    }
    for name, members in triggers.items():
        assert daemon.call("CreateTrigger", {"Name": name, **members}) == {"Name": name}
    daemon.call("StartTrigger", {"Name": "go"})
    (follower,) = until(lambda: ids(ask(daemon, "/runs", job=after)), what="the second job's run")
    (leader,) = ids(ask(daemon, "/runs", trigger="go"))
    daemon.ended(after, follower)
    assert ask(daemon, f"/runs/{follower}")["predecessors"] == [{"job_name": before, "run_id": leader}]
    bars = {bar["id"]: bar for bar in ask(daemon, "/timeline")["bars"]}
    assert bars[follower]["predecessors"] == [leader]
    assert bars[leader]["predecessors"] == []
    assert sorted(ask(daemon, "/job", name=before)["triggers"]) == ["go", "then"]


@pytest.fixture(scope="module")
def spoken(daemon: Daemon) -> str:
    return str(runs.succeed(daemon, daemon.job("spoken", SPEAK))["Id"])


def test_a_log_is_read_from_its_end_at_the_start_of_a_line(daemon: Daemon, spoken: str) -> None:
    _, body, headers = daemon.get(f"/runs/{spoken}/log/stdout?tail_bytes=10")
    assert (body, headers["x-log-offset"], headers["x-log-next-offset"]) == (b"line 4\n", "28", "35")
    assert headers["x-log-complete"] == "true"
    assert daemon.get(f"/runs/{spoken}/log/stdout?tail_bytes=1000")[1].startswith(b"line 0\n")
    assert daemon.get(f"/runs/{spoken}/log/stdout?tail_bytes=0")[1] == b""
    assert daemon.get(f"/runs/{spoken}/log/stdout?tail_bytes=3")[1] == b"line 4\n"
    assert daemon.get(f"/runs/{spoken}/log/stdout?limit=3")[1] == b"lin"
    assert daemon.get(f"/runs/{spoken}/log/stderr")[1] == b"on stderr\n"


def test_the_tail_of_a_line_that_never_ends_is_its_end(daemon: Daemon) -> None:
    run_id = runs.succeed(daemon, daemon.job("endless", "print('x' * 500_000, end='')\n"))["Id"]
    _, body, headers = daemon.get(f"/runs/{run_id}/log/stdout?tail_bytes=1000")
    assert (len(body), headers["x-log-next-offset"]) == (1000, "500000")


def test_a_log_is_read_from_a_moment_on(daemon: Daemon, tmp_path: Path) -> None:
    script = "import os, sys, time\nprint('first', flush=True)\n" + runs.WAIT_FOR_GATE.replace('"begun"', '"second"')
    job = daemon.job("moments", script + "time.sleep(1.1)\nprint('third', flush=True)\n")
    with runs.gated_run(daemon, job, tmp_path / "gate") as run_id:
        until(lambda: "second" in runs.output(daemon, run_id), what="the second line")
    assert runs.output(daemon, run_id) == "first\nsecond\nthird\n"
    ended_ms = runs.details(daemon, run_id)["run"]["completed_on_ms"]
    assert daemon.get(f"/runs/{run_id}/log/stdout?since_ms={ended_ms - 900}")[1] == b"third\n"
    assert daemon.get(f"/runs/{run_id}/log/stdout?since_ms={ended_ms + 60_000}")[1] == b""
    assert daemon.get(f"/runs/{run_id}/log/stdout?since_ms=1")[1] == b"first\nsecond\nthird\n"


def test_a_log_is_saved_whole_under_a_name_of_its_own(daemon: Daemon) -> None:
    run_id = runs.succeed(daemon, daemon.job("long log", "print('x' * 3_500_000)\n"))["Id"]
    status, body, headers = daemon.get(f"/runs/{run_id}/log/stdout?download=1")
    assert (status, len(body)) == (200, 3_500_001)
    assert headers["content-disposition"] == f'attachment; filename="{run_id}.stdout.log"'
    assert headers["x-content-type-options"] == "nosniff"


def test_jobs_are_told_with_their_last_runs_and_what_they_take(daemon: Daemon, tmp_path: Path) -> None:
    job = daemon.job("timed", runs.WAIT_FOR_GATE, Description="api_key=abc", DefaultArguments={"--password": "p"})
    gate = tmp_path / "open"
    gate.touch()
    ended = [runs.succeed(daemon, job, Arguments={"--gate": str(gate)})["Id"] for _ in range(3)]
    with runs.gated_run(daemon, job, tmp_path / "gate") as live:
        listed = next(one for one in ask(daemon, "/jobs")["jobs"] if one["name"] == job)
        assert (listed["live_runs"], listed["last_run"]["id"], listed["description"]) == (1, live, "api_key=***")
        told = ask(daemon, "/job", name=job)
        walls = sorted(runs.details(daemon, one)["run"]["wall_ms"] for one in ended)
        assert told["durations"] == {"count": 3, "p50_ms": walls[1], "p95_ms": walls[2]}
        launched = runs.details(daemon, live)["run"]["launched_on_ms"]
        (expected,) = told["expected"]
        assert (expected["run_id"], expected["ends_on_ms"]) == (live, launched + walls[1])
        until(lambda: ask(daemon, "/job", name=job)["expected"][0]["is_late"], what="the run to be late")
        assert ids(told) == [live, *ended[::-1]]
        assert told["job"]["definition"]["DefaultArguments"] == {"--password": "***"}
        assert told["job"]["definition"]["Command"]["Name"] == "pythonshell"
        assert told["bookmark"] is None


def test_a_deleted_job_is_told_by_its_runs(daemon: Daemon) -> None:
    job = daemon.job("short-lived", "pass\n")
    run_id = runs.succeed(daemon, job)["Id"]
    daemon.call("DeleteJob", {"JobName": job})
    told = ask(daemon, "/job", name=job)
    assert (told["job"]["definition"], ids(told)) == (None, [run_id])
    assert job not in [one["name"] for one in ask(daemon, "/jobs")["jobs"]]


def test_a_bookmarks_versions_are_told_the_newest_first(daemon: Daemon) -> None:
    job = daemon.job("marked", COMMIT, DefaultArguments={"--job-bookmark-option": "job-bookmark-enable"})
    first, second = (runs.succeed(daemon, job)["Id"] for _ in range(2))
    daemon.call("ResetJobBookmark", {"JobName": job, "RunId": first})
    daemon.call("ResetJobBookmark", {"JobName": job})
    entries = ask(daemon, "/bookmark", name=job)["entries"]
    assert [(one["version"], one["cause"], one["run_id"]) for one in entries] == [
        (4, "reset", None),
        (3, "rewind", first),
        (2, "commit", second),
        (1, "commit", first),
    ]
    assert entries[3]["bookmark"] == f'{{"password": ***, "day": "{first[-6:]}"}}'
    assert ask(daemon, "/job", name=job)["bookmark"] == entries[0]


def test_capacity_is_told_as_it_is_and_was(daemon: Daemon, tmp_path: Path) -> None:
    job = daemon.job("held", runs.WAIT_FOR_GATE)
    with runs.gated_run(daemon, job, tmp_path / "gate", AllocatedCapacity=7) as run_id:
        told = ask(daemon, "/capacity")
        assert (told["dpus"], told["in_use"], told["queued"]) == (100, {"dpu": 7, "runs": 1}, {"dpu": 0, "runs": 0})
        last = told["steps"][-1]
        assert (last["dpu"], last["runs"], last["queued"]) == (7, 1, 0)
        assert ask(daemon, "/capacity", brief=1)["steps"] == []
    end_ms = runs.details(daemon, run_id)["run"]["completed_on_ms"]
    until(lambda: ask(daemon, "/capacity", brief=1)["in_use"]["runs"] == 0, what="the slots to be free")
    told = ask(daemon, "/capacity", since_ms=end_ms - 1)
    assert (told["steps"][0]["dpu"], told["steps"][-1]["dpu"], told["is_cut"]) == (7, 0, False)


def test_a_timeline_has_who_was_alive_then_and_nobody_else(daemon: Daemon) -> None:
    job = daemon.job("barred", "pass\n")
    one, other = (runs.succeed(daemon, job)["Id"] for _ in range(2))
    end_ms = runs.details(daemon, one)["run"]["completed_on_ms"]
    bars = ask(daemon, "/timeline", job=job)["bars"]
    assert [bar["id"] for bar in bars] == [one, other]
    assert [bar["id"] for bar in ask(daemon, "/timeline", job=job, since_ms=end_ms + 1)["bars"]] == [other]
    assert [bar["id"] for bar in ask(daemon, "/timeline", job=job, since_ms=1, until_ms=end_ms)["bars"]] == [one]
    assert ask(daemon, "/timeline", job="nobody's")["bars"] == []


def test_descriptions_hide_secrets_as_arguments_do(daemon: Daemon) -> None:
    job = daemon.job("described", "pass\n", Description="token=hunter2")
    action = {"Type": "ON_DEMAND", "Actions": [{"JobName": job}], "Description": "token=hunter2"}
    assert daemon.call("CreateTrigger", {"Name": "described", **action}) == {"Name": "described"}
    assert daemon.call("CreateWorkflow", {"Name": "described", "Description": "token=hunter2"}) == {"Name": "described"}
    for path in (
        "/jobs",
        "/job?name=described",
        "/triggers",
        "/triggers/described",
        "/workflows",
        "/workflow?name=described",
    ):
        _, body, headers = daemon.get(path)
        assert b"hunter2" not in body, path
        assert b"token=***" in body, path
        assert headers["cross-origin-resource-policy"] == "same-origin"
