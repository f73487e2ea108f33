"""The checker of the soak passes a history in which all is well, and notices each kind of broken promise."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from tests.soak.checker import RULES, check
from tests.soak.history import (
    ACKNOWLEDGED,
    REFUSED,
    UNKNOWN,
    Bookmark,
    Call,
    Conditional,
    Effect,
    Firing,
    History,
    Job,
    Kill,
    Remains,
    Run,
    Step,
    WorkflowRun,
)

ROOT: Final = Path(__file__).parents[3]
WON: Final = ((None, "STARTING"), ("LAUNCHED", "RUNNING"), ("SUCCEEDED", "SUCCEEDED"))
LOST: Final = ((None, "STARTING"), ("LAUNCHED", "RUNNING"), ("FAILED", "FAILED"))
STOPPED: Final = ((None, "STARTING"), ("LAUNCHED", "RUNNING"), ("STOP_REQUESTED", "STOPPING"), ("FAILED", "STOPPED"))
STOPPED_WAITING: Final = ((None, "WAITING"), ("STOP_REQUESTED", "STOPPED"))
FORBIDDEN: Final = ((None, "STARTING"), ("STOP_REQUESTED", "STOPPING"), ("FORBIDDEN", "STOPPED"))


def a_run(run_id: str, steps: tuple[tuple[str | None, str], ...] = WON, job: str = "quick", **members: Any) -> Run:
    """Return a run, `base` or `base/attempt`, that went that way."""
    base, _, attempt = run_id.partition("/")
    state = steps[-1][1]
    usual: dict[str, dict[str, Any]] = {
        "SUCCEEDED": {"exit_code": 0},
        "FAILED": {"exit_code": 3, "error_message": "exit code 3"},
    }
    given = usual.get(state, {"error_message": f"it is {state}"}) | members
    history = [Step(number, event, name) for number, (event, name) in enumerate(steps, start=1)]
    facts: dict[str, Any] = {"state": state, "steps": history, "attempt": int(attempt or 0)} | given
    return Run(id=run_id, base=base, job=job, **facts)


def effects(*lines: str) -> list[Effect]:
    """Return lines of scripts: `run pid phase words`."""
    return [Effect(run, int(pid), phase, tuple(words)) for run, pid, phase, *words in (line.split() for line in lines)]


def started(ticket: str, run_id: str | None = None, outcome: str = ACKNOWLEDGED, **members: Any) -> Call:
    """Return a call of StartJobRun."""
    answer = {} if run_id is None else {"JobRunId": run_id}
    given = {"JobName": "quick", "Arguments": {"--ticket": ticket}} | members
    return Call(client="c", action="StartJobRun", members=given, outcome=outcome, answer=answer)


def called(action: str, outcome: str = ACKNOWLEDGED, answer: Any = None, **members: Any) -> Call:
    return Call(client="c", action=action, members=members, outcome=outcome, answer=answer or {})


def stop_of(run_id: str) -> Call:
    told = {"SuccessfulSubmissions": [{"JobName": "quick", "JobRunId": run_id}], "Errors": []}
    return called("BatchStopJobRun", answer=told, JobName="quick", JobRunIds=[run_id])


def version(number: int, n: int, run: str | None, before: str | None = None, cause: str = "commit") -> Bookmark:
    text = json.dumps({"n": n, "run": run, "before": before}) if cause == "commit" else "{}"
    return Bookmark(job="mark", version=number, cause=cause, text=text, run_id=run)


GOOD: Final = History(
    calls=[
        started("t-a", "a"),
        started("t-lost", outcome=UNKNOWN),
        started("t-no", outcome=REFUSED),
        stop_of("s"),
        stop_of("w"),
        called("ResetJobBookmark", JobName="mark"),
        called("StartTrigger", Name="go"),
        called("StartTrigger", Name="go", outcome=UNKNOWN),
        called("StartWorkflowRun", answer={"RunId": "wr_1"}, Name="flow", RunProperties={"ticket": "t-w"}),
        started("t-f", "f/2", JobName="flaky", JobRunId="f/1"),
    ],
    effects=effects(
        *("a 1 start", "a 1 end 0", "s 2 start", "k 3 start", "m1 4 start", "m1 4 end 0", "m2 5 start", "m2 5 end 0"),
        *(
            "f 6 start",
            "f 6 end 3",
            "f/1 7 start",
            "f/1 7 end 3",
            "f/2 8 start",
            "f/2 8 end 0",
            "1st 9 start",
            "1st 9 end 0",
        ),
        *("2nd 10 start", "2nd 10 child 11", "2nd 10 end 0", "o 12 start"),
    ),
    kills=[Kill("script", 3), Kill("shim", 99)],
    seen=[("a", "RUNNING"), ("a", "SUCCEEDED")],
    jobs=[
        Job(name="quick"),
        Job(name="flaky", max_retries=1),
        Job(name="mark", max_concurrent=1, moves_bookmark=True),
        Job(name="over", has_timeout=True),
    ],
    conditionals=[Conditional(name="then", watches="first", state="SUCCEEDED")],
    actions={"go": ["first"], "then": ["second"]},
    runs=[
        a_run("a", arguments={"--ticket": "t-a"}),
        a_run("s", STOPPED),
        a_run("w", STOPPED_WAITING),
        a_run("k", LOST, exit_code=None, error_message="killed by signal 9"),
        a_run("z", LOST, exit_code=None, error_message="its shim died", shim_pid=99),
        a_run("m1", job="mark"),
        a_run("m2", job="mark"),
        a_run("f", LOST, job="flaky"),
        a_run("f/1", LOST, job="flaky", previous_attempt=0, retry_number=1),
        a_run("f/2", job="flaky", previous_attempt=1),
        a_run("1st", job="first", trigger="go", chain=1),
        a_run("2nd", job="second", trigger="then", chain=1),
        a_run("o", ((None, "STARTING"), ("LAUNCHED", "RUNNING"), ("TIMED_OUT", "TIMEOUT")), job="over"),
    ],
    bookmarks=[version(1, 1, "m1"), version(2, 0, None, cause="reset"), version(3, 1, "m2")],
    firings=[
        Firing(trigger="go", chain=1),
        Firing(trigger="then", chain=1),
        Firing(trigger="tick", chain=2, tick_ms=60_000),
    ],
    workflow_runs=[WorkflowRun(id="wr_1", status="COMPLETED", chain=3, ticket="t-w")],
)


def test_a_history_in_which_all_is_well_breaks_nothing() -> None:
    assert (
        check(replace(GOOD, runs=[*GOOD.runs, a_run("x", LOST, exit_code=1, error_message="No space left on device")]))
        == []
    )


def without(run_id: str) -> list[Run]:
    return [run for run in GOOD.runs if run.id != run_id]


def instead(run_id: str, **members: Any) -> dict[str, Any]:
    """Return the runs with one of them changed."""
    return {"runs": [replace(run, **members) if run.id == run_id else run for run in GOOD.runs]}


def other_steps(run_id: str, *steps: tuple[str | None, str]) -> dict[str, Any]:
    return instead(run_id, steps=a_run("x", steps).steps)


def more(member: str, *values: Any) -> dict[str, Any]:
    return {member: [*getattr(GOOD, member), *values]}


BAD: Final[list[tuple[str, dict[str, Any]]]] = [
    ("one row", more("runs", GOOD.runs[0])),
    ("acknowledged", {"runs": without("a")}),
    ("one call, one run", more("runs", *(a_run(one, arguments={"--ticket": "t-lost"}) for one in ("x", "y")))),
    ("refused", more("runs", a_run("x", arguments={"--ticket": "t-no"}))),
    ("acknowledged", {"workflow_runs": []}),
    ("one call, one workflow run", more("workflow_runs", replace(GOOD.workflow_runs[0], id="wr_2"))),
    ("workflow runs end", more("workflow_runs", WorkflowRun(id="wr_2", status="RUNNING", chain=4))),
    ("every run ends", more("runs", a_run("x", WON[:2]))),
    ("every run ends", instead("f", is_retry_due=True)),
    ("every run ends", instead("a", is_completed=False)),
    ("ends say why", instead("s", error_message="")),
    ("ends are final", more("seen", ("a", "FAILED"))),
    ("ends are final", more("seen", ("gone", "SUCCEEDED"))),
    ("legal steps", other_steps("a", (None, "STARTING"), ("SUCCEEDED", "SUCCEEDED"))),
    ("legal steps", other_steps("a", *WON, ("FAILED", "FAILED"))),
    ("legal steps", other_steps("a", ("LAUNCHED", "RUNNING"), ("SUCCEEDED", "SUCCEEDED"))),
    ("legal steps", other_steps("a", *LOST)),
    ("legal steps", instead("a", steps=[])),
    ("legal steps", instead("a", steps=[step for step in GOOD.runs[0].steps if step.number != 2])),
    ("known runs", more("effects", *effects("ghost 20 start"))),
    ("one start per attempt", more("effects", *effects("a 1 start"))),
    ("one start per attempt", more("effects", *effects("a 21 note"))),
    ("never means never", more("effects", *effects("w 20 start"))),
    ("never means never", {**more("runs", a_run("n", FORBIDDEN)), **more("effects", *effects("n 20 start"))}),
    ("success is real", {"effects": [line for line in GOOD.effects if (line.run_id, line.phase) != ("a", "end")]}),
    ("success is real", instead("a", exit_code=1)),
    ("the real exit code", instead("f", exit_code=4)),
    ("timeouts are asked for", instead("o", job="quick")),
    ("failures have causes", {"kills": [Kill("shim", 99)]}),
    ("failures have causes", {"kills": [Kill("script", 3)]}),
    ("stops stop", more("calls", stop_of("a"))),
    ("stops stop", more("calls", stop_of("f"))),
    ("stops are asked for", more("runs", a_run("x", STOPPED_WAITING))),
    ("retries follow", {"runs": without("f/1")}),
    ("retries have a limit", instead("f/1", retry_number=2)),
    (
        "retries follow failures",
        instead("f", state="STOPPED", error_message="stopped", steps=a_run("x", STOPPED).steps),
    ),
    ("retries are asked for", more("runs", a_run("a/1", previous_attempt=0))),
    ("attempts do not overlap", more("effects", *effects("f 6 end 3"))),
    (
        "MaxConcurrentRuns",
        {
            "effects": [
                *effects("m1 4 start", "m2 5 start", "m1 4 end 0", "m2 5 end 0"),
                *GOOD.effects[8:],
                *GOOD.effects[:4],
            ]
        },
    ),
    ("versions count up", {"bookmarks": [version(1, 1, "m1"), version(3, 1, "m2")]}),
    ("bookmarks of success", instead("m1", state="FAILED", error_message="exit code 3", steps=a_run("x", LOST).steps)),
    ("bookmarks of success", instead("m1", job="quick")),
    ("bookmarks are linear", {"bookmarks": [version(1, 1, "m1"), version(2, 1, "m2")]}),
    ("bookmarks are linear", {"bookmarks": [*GOOD.bookmarks[:2], version(3, 2, "m2", "m1")]}),
    ("resets last", more("calls", called("ResetJobBookmark", JobName="mark"))),
    ("success moves the bookmark", {"bookmarks": GOOD.bookmarks[:2]}),
    ("success moves the bookmark", more("bookmarks", version(4, 2, "m2", "m2"))),
    ("once in a chain", more("firings", Firing(trigger="then", chain=1))),
    ("once for an instant", more("firings", Firing(trigger="tick", chain=3, tick_ms=60_000))),
    ("runs of firings", more("runs", a_run("x", trigger="go", chain=9))),
    ("one run per action", more("runs", a_run("x", job="second", trigger="then", chain=1))),
    ("one run per action", {"runs": without("2nd")}),
    ("one call, one firing", {"firings": [one for one in GOOD.firings if one.trigger != "go"]}),
    ("one call, one firing", more("firings", *(Firing(trigger="go", chain=chain) for chain in (8, 9)))),
    ("what is due fires", {"firings": [one for one in GOOD.firings if one.trigger != "then"]}),
    ("what fires is due", more("firings", Firing(trigger="then", chain=7))),
    ("no process is left", {"remains": Remains(processes=["1: sleep"])}),
    ("no zombie is left", {"remains": Remains(zombies=["1"])}),
    ("no file descriptor is left", {"remains": Remains(descriptors=3, allowed_descriptors=2)}),
    ("no slot is held", {"remains": Remains(probe_state="WAITING")}),
    ("the store is sound", {"remains": Remains(store_problems=["row 1 missing"])}),
    ("the daemon stays up", {"remains": Remains(unexpected_ends=["it ended with 1"])}),
]


@pytest.mark.parametrize(("rule", "change"), BAD, ids=[f"{number} {rule}" for number, (rule, _) in enumerate(BAD)])
def test_a_promise_that_was_broken_is_noticed(rule: str, change: dict[str, Any]) -> None:
    assert rule in {violation.rule for violation in check(replace(GOOD, **change))}


def test_every_rule_has_been_seen_to_complain() -> None:
    quiet = {
        rule.__name__ for rule in RULES if not any(list(rule(replace(GOOD, **change))) for _, change in BAD)
    }  # fmt: skip

    assert quiet == set()


def test_the_checker_has_no_line_of_what_it_checks() -> None:
    program = "import sys, tests.soak.checker, tests.soak.evidence; print([one for one in sys.modules if 'orchestrator' in one])"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"
