"""The commands about triggers, workflows and chains ask for the right thing and say what the daemon told, in order."""

import json
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import Any, Final

import pytest
from click.testing import Result

from orchestrator.faces.cli.exit_codes import ExitCode
from tests.unit.cli.stand_in import StandIn, a_run, refuse

Invoke = Callable[..., Result]

NOW_MS: Final = 1_700_000_000_000
LATER_MS: Final = NOW_MS + 40 * 86_400_000
WORKFLOW_RUN: Final = "wr_" + "ab" * 32


def a_trigger(**facts: Any) -> dict[str, Any]:
    trigger = {
        "name": "nightly",
        "type": "SCHEDULED",
        "state": "ACTIVATED",
        "workflow_name": None,
        "description": None,
        "schedule": "cron(0 2 * * ? *)",
        "upcoming_ms": [LATER_MS],
        "logical": None,
        "watches": [],
        "starts": ["ingest"],
        "last_firing": None,
        "source": None,
    }
    return trigger | facts


def brief(digits: str, state: str, job: str = "ingest") -> dict[str, Any]:
    return {"id": a_run(digits)["id"], "job_name": job, "state": state}


def last(*runs: dict[str, Any]) -> dict[str, Any]:
    return {"at_ms": NOW_MS, "tick_ms": None, "chain_key": 12, "runs": list(runs)}


def a_workflow_run(status: str = "COMPLETED", **counts: int) -> dict[str, Any]:
    return {
        "workflow_name": "etl",
        "id": WORKFLOW_RUN,
        "status": status,
        "previous_run_id": None,
        "chain_key": 12,
        "properties": {"day": "1\x1b[2J"},
        "started_on_ms": NOW_MS,
        "completed_on_ms": None,
        "error_message": None,
        "statistics": {"total_actions": 3, "succeeded_actions": 3} | counts,
    }


def firing_line(depth: int, name: str, *before: str, tick_ms: int | None = None) -> dict[str, Any]:
    predecessors = [{"job_name": job, "run_id": a_run("1")["id"], "state": "SUCCEEDED"} for job in before]
    told = {"trigger_name": name, "at_ms": NOW_MS, "tick_ms": tick_ms, "predecessors": predecessors}
    return {"depth": depth, "kind": "firing", **told}


def run_line(depth: int, digits: str, state: str, job: str = "ingest", **facts: Any) -> dict[str, Any]:
    line = {
        "depth": depth,
        "kind": "run",
        **brief(digits, state, job),
        "attempts": 1,
        "started_on_ms": NOW_MS,
        "completed_on_ms": None,
        "retry_due_ms": None,
        "is_inherited": False,
    }
    return line | facts


def chain(*lines: dict[str, Any]) -> dict[str, Any]:
    return {"key": 12, "lines": list(lines)}


# triggers


def test_triggers_are_listed_with_what_is_next_and_what_was_last(daemon: StandIn, invoke: Invoke) -> None:
    runs = [brief("4f", "SUCCEEDED"), brief("5f", "FAILED"), brief("6f", "RUNNING")]
    told = [
        a_trigger(name="a\x1b[2J"),
        a_trigger(name="b", type="CONDITIONAL", upcoming_ms=[], last_firing=last(*runs)),
    ]
    daemon.pages["/triggers"] = {"now_ms": NOW_MS, "triggers": told}

    lines = invoke("triggers").stdout.splitlines()

    assert lines[0].split() == ["TRIGGER", "TYPE", "STATE", "NEXT", "LAST", "RUNS"]
    assert lines[1].split()[:3] == [r"a\x1b[2J", "SCHEDULED", "ACTIVATED"]
    assert lines[1].split()[-1] == "-"
    assert lines[2].split()[3] == "-"
    assert lines[2].endswith("  jr_5f000000 FAILED, jr_6f000000 RUNNING, jr_4f000000 SUCCEEDED")
    assert json.loads(invoke("triggers", "-o", "json").stdout) == told


def test_a_firing_that_started_nothing_is_told(daemon: StandIn, invoke: Invoke) -> None:
    daemon.pages["/triggers"] = {"now_ms": NOW_MS, "triggers": [a_trigger(last_firing=last())]}

    assert invoke("triggers").stdout.splitlines()[1].endswith("  none")


@pytest.mark.parametrize(("word", "action"), [("start", "StartTrigger"), ("stop", "StopTrigger")])
def test_a_trigger_is_started_and_stopped_over_the_api(daemon: StandIn, invoke: Invoke, word: str, action: str) -> None:
    daemon.actions[action] = lambda _: (200, {"Name": "nightly"})
    daemon.pages["/triggers/nightly"] = {"now_ms": NOW_MS, "trigger": a_trigger(upcoming_ms=[], state="DEACTIVATED")}

    assert invoke("trigger", word, "nightly").stdout == "nightly is DEACTIVATED\n"
    assert json.loads(invoke("trigger", word, "nightly", "-o", "json").stdout) == {"Name": "nightly"}
    assert daemon.members_of(action) == 2 * [{"Name": "nightly"}]


def test_starting_tells_what_fired_or_when_it_will(daemon: StandIn, invoke: Invoke) -> None:
    daemon.actions["StartTrigger"] = lambda _: (200, {"Name": "x"})
    daemon.pages["/triggers/nightly"] = {"trigger": a_trigger()}
    on_demand = a_trigger(name="by hand", type="ON_DEMAND", last_firing=last(brief("4f", "STARTING")))
    daemon.pages["/triggers/by%20hand"] = {"trigger": on_demand}

    assert "nightly is ACTIVATED; it fires next at 20" in invoke("trigger", "start", "nightly").stdout
    fired = invoke("trigger", "start", "by hand").stdout
    assert fired == f"by hand has fired and started:\n  {a_run('4f')['id']}  ingest\n"
    told = json.loads(invoke("trigger", "start", "by hand", "-o", "json").stdout)
    assert told == {"Name": "x", "last_firing": on_demand["last_firing"]}


def test_a_start_that_is_sent_again_keeps_its_invocation_id(daemon: StandIn, invoke: Invoke) -> None:
    daemon.actions["StartTrigger"] = lambda _: (200, {"Name": "nightly"})
    daemon.actions["StartWorkflowRun"] = lambda _: (200, {"RunId": WORKFLOW_RUN})

    def hang_up(handler: BaseHTTPRequestHandler) -> bool:
        handler.close_connection = True
        return True

    daemon.pages["/triggers/nightly"] = {"trigger": a_trigger()}
    for arguments in (("trigger", "start", "nightly"), ("workflow", "start", "etl")):
        daemon.asked.clear()
        daemon.before.append(hang_up)
        assert invoke(*arguments).exit_code == 0
        first, second = [headers["amz-sdk-invocation-id"] for _, headers, _ in daemon.asked[:2]]
        assert first == second


def test_refusals_end_with_their_codes(daemon: StandIn, invoke: Invoke) -> None:
    missing = refuse(400, "EntityNotFoundException", "Trigger with name: x not found.")
    daemon.actions["StartTrigger"] = missing
    daemon.actions["StopTrigger"] = refuse(400, "InvalidInputException", "not allowed")
    daemon.actions["StartWorkflowRun"] = refuse(400, "ConcurrentRunsExceededException", "enough")

    assert invoke("trigger", "start", "x").exit_code == ExitCode.NOT_FOUND
    assert invoke("trigger", "stop", "x").exit_code == ExitCode.REFUSED
    assert invoke("workflow", "start", "x").exit_code == ExitCode.TRY_LATER
    assert invoke("workflow", "show", "x").exit_code == ExitCode.NOT_FOUND


# workflow


def test_workflow_start_prints_the_id_and_passes_properties(daemon: StandIn, invoke: Invoke) -> None:
    daemon.actions["StartWorkflowRun"] = lambda _: (200, {"RunId": WORKFLOW_RUN})

    assert invoke("workflow", "start", "etl").stdout == f"{WORKFLOW_RUN}\n"
    told = invoke("workflow", "start", "etl", "--property", "a=1=2", "--property", "b=", "-o", "json")
    assert json.loads(told.stdout) == {"RunId": WORKFLOW_RUN}
    assert daemon.members_of("StartWorkflowRun") == [
        {"Name": "etl"},
        {"Name": "etl", "RunProperties": {"a": "1=2", "b": ""}},
    ]


@pytest.mark.parametrize("wrong", [["a"], ["=1"], ["a=1", "a=2"]])
def test_properties_that_are_none_start_nothing(daemon: StandIn, invoke: Invoke, wrong: list[str]) -> None:
    options = [part for text in wrong for part in ("--property", text)]

    assert invoke("workflow", "start", "etl", *options).exit_code == ExitCode.USAGE
    assert not daemon.asked


@pytest.mark.parametrize(
    ("run", "code"),
    [
        (a_workflow_run(), ExitCode.SUCCESS),
        (a_workflow_run(failed_actions=1), ExitCode.RUN_DID_NOT_SUCCEED),
        (a_workflow_run(errored_actions=1), ExitCode.RUN_DID_NOT_SUCCEED),
        (a_workflow_run("STOPPED"), ExitCode.RUN_DID_NOT_SUCCEED),
    ],
)
def test_workflow_start_can_wait_and_ends_as_the_run_does(
    daemon: StandIn, invoke: Invoke, run: dict[str, Any], code: ExitCode
) -> None:
    daemon.actions["StartWorkflowRun"] = lambda _: (200, {"RunId": WORKFLOW_RUN})
    details = {"now_ms": NOW_MS, "workflow_run": a_workflow_run("RUNNING"), "chain": chain()}
    path = f"/workflow?name=etl&run={WORKFLOW_RUN}"
    daemon.pages[path] = details

    def end(_: BaseHTTPRequestHandler) -> bool:
        daemon.pages[path] = details | {"workflow_run": run}
        return False

    daemon.before += [lambda _: False, lambda _: False, end]  # the start, the first look, the long poll
    result = invoke("workflow", "start", "etl", "--wait")

    assert (result.exit_code, result.stdout) == (code, f"{WORKFLOW_RUN}\n")
    assert result.stderr.startswith(f"orchestrator: {WORKFLOW_RUN} {run['status']} (3 of 3 succeeded")
    assert daemon.asked[-1][0] == f"{path}&seen_status=RUNNING&wait_s=20"
    whole = invoke("workflow", "start", "etl", "--wait", "-o", "json")
    assert json.loads(whole.stdout) == run


def test_workflows_are_listed_with_what_lives_and_what_was_last(daemon: StandIn, invoke: Invoke) -> None:
    last_run: dict[str, Any] = {"workflow_name": "etl", "id": WORKFLOW_RUN, "status": "RUNNING"}
    last_run |= {"started_on_ms": NOW_MS, "completed_on_ms": None}
    told = [{"name": "etl", "live_runs": 2, "last_run": last_run}, {"name": "new", "live_runs": 0, "last_run": None}]
    daemon.pages["/workflows"] = {"now_ms": NOW_MS, "workflows": told}

    lines = [line.split() for line in invoke("workflow", "list").stdout.splitlines()]

    assert lines[0] == ["WORKFLOW", "LIVE", "LAST", "RUN", "STATUS", "STARTED", "ENDED"]
    assert lines[1][:4] == ["etl", "2", "wr_abababab", "RUNNING"]
    assert lines[2] == ["new", "0", "-", "-", "-", "-"]
    assert json.loads(invoke("workflow", "list", "-o", "json").stdout) == told


def test_workflow_show_tells_its_triggers_and_runs(daemon: StandIn, invoke: Invoke) -> None:
    conditional = a_trigger(
        name="then",
        type="CONDITIONAL",
        schedule=None,
        logical="ANY",
        watches=[{"job_name": "a", "state": "FAILED"}, {"job_name": "b", "state": "SUCCEEDED"}],
        starts=["c", "d"],
    )
    workflow = {"name": "etl", "description": None, "default_run_properties": {"day": "1"}, "max_concurrent_runs": 2}
    told = {"now_ms": NOW_MS, "workflow": workflow, "triggers": [a_trigger(), conditional], "runs": [a_workflow_run()]}
    daemon.pages["/workflow?name=etl"] = told

    lines = invoke("workflow", "show", "etl").stdout.splitlines()

    assert "Runs at once  2" in lines
    assert any("cron(0 2 * * ? *)" in line and line.endswith("ingest") for line in lines)
    assert any("a FAILED or b SUCCEEDED" in line and line.endswith("c, d") for line in lines)
    assert lines[-1].split()[:2] == ["wr_abababab", "COMPLETED"]
    assert lines[-1].endswith("3 of 3 succeeded")
    assert json.loads(invoke("workflow", "show", "etl", "-o", "json").stdout) == told


def test_workflow_show_finds_a_run_by_the_start_of_its_id(daemon: StandIn, invoke: Invoke) -> None:
    run = a_workflow_run("RUNNING", running_actions=1, timeout_actions=1)
    daemon.pages |= {f"/workflow?name=etl&prefix={prefix}": {"runs": [run]} for prefix in ("ab", "abab")}
    lines = [firing_line(0, "nightly", tick_ms=NOW_MS), run_line(1, "4f", "RUNNING")]
    daemon.pages[f"/workflow?name=etl&run={WORKFLOW_RUN}"] = {
        "now_ms": NOW_MS,
        "workflow_run": run,
        "chain": chain(*lines),
    }

    for text in ("ab", "wr_abab"):
        shown = invoke("workflow", "show", "etl", text).stdout
        assert f"Run           {WORKFLOW_RUN}\n" in shown
        assert r"Property day  1\x1b[2J" in shown
        assert "3 of 3 succeeded, 1 running, 1 timed out" in shown
        assert shown.splitlines()[-2].endswith("by its schedule")
        assert shown.splitlines()[-1].startswith("`- ingest  jr_4f000000  RUNNING")
    prefixes = [path.partition("prefix=")[2] for path, _, _ in daemon.asked if "prefix=" in path]
    assert prefixes == ["ab&limit=100", "abab&limit=100"]


def test_a_workflow_run_that_is_none_or_several_is_not_guessed(daemon: StandIn, invoke: Invoke) -> None:
    daemon.pages["/workflow?name=etl&prefix=ab"] = {"runs": []}
    assert invoke("workflow", "show", "etl", "ab").exit_code == ExitCode.NOT_FOUND
    assert invoke("workflow", "show", "etl", "jr_ab").exit_code == ExitCode.USAGE

    daemon.pages["/workflow?name=etl&prefix=ab"] = {"runs": [a_workflow_run(), a_workflow_run()]}
    result = invoke("workflow", "show", "etl", "ab")
    assert result.exit_code == ExitCode.NOT_FOUND
    assert "wr_ab fits 2 runs" in result.stderr


# explain


def explained(daemon: StandIn, **facts: Any) -> str:
    """Let a run be known with its explanation; return its id."""
    run = daemon.add(a_run("4f2a", **facts.pop("run", {})))
    move = {"seq": 1, "from_state": None, "event": None, "to_state": run["state"], "at_ms": NOW_MS}
    told: dict[str, Any] = {
        "now_ms": NOW_MS,
        "run": run,
        "wait": None,
        "slots": {"dpus": 100.0, "in_use_dpu": 20.0, "max_processes": 8, "held": []},
        "retry": None,
        "trigger": None,
        "workflow_run": None,
        "chain": None,
        "attempts": [run],
        "history": [move],
    }
    daemon.pages[f"/runs/{run['id']}/explain"] = told | facts
    return run["id"]


def test_a_run_that_waits_is_explained_by_who_is_before_it(daemon: StandIn, invoke: Invoke) -> None:
    holder = brief("5f", "RUNNING") | {"dpu": 10.0, "since_ms": NOW_MS}
    other = brief("6f", "RUNNING", "other") | {"dpu": 10.0, "since_ms": NOW_MS}
    wait = {
        "place": 3,
        "reason": "Waiting for one of the job's 1 concurrent runs to end; place 3 in the queue",
        "is_behind_its_job": True,
        "queued": 5,
        "head": None,
        "ahead_of_job": 22,
        "first_ahead_of_job": [brief("7f", "WAITING")],
    }
    slots = {"dpus": 100.0, "in_use_dpu": 20.0, "max_processes": 8, "held": [holder, other]}
    run_id = explained(daemon, run={"state": "WAITING", "completed_on_ms": None}, wait=wait, slots=slots)

    shown = invoke("explain", "4f2a").stdout

    assert shown.startswith(f"{run_id} of job ingest is WAITING since ")
    assert "it is waiting for one of the job's 1 concurrent runs to end; place 3 in the queue of 5." in shown
    assert "Ahead of it in the queue, of the same job: jr_7f000000, and 21 more." in shown
    assert "jr_5f000000  ingest  RUNNING  10   20" in shown
    assert "other" not in shown
    wait |= {"is_behind_its_job": False, "head": brief("8f", "WAITING", "big") | {"place": 1, "dpu": 80.0}}
    shown = invoke("explain", "4f2a").stdout
    assert "jr_6f000000  other   RUNNING  10   20" in shown
    assert "place 3 in the queue of 5. At place 1 is jr_8f000000 of job big, which waits for 80 DPU." in shown


@pytest.mark.parametrize(
    ("state", "held", "sentence"),
    [
        ("RUNNING", True, ": it holds 10 of 100 DPU. It was started by a call, not by a trigger."),
        ("STARTING", True, ": it is being launched, and holds 10 of 100 DPU."),
        ("STARTING", False, " is STARTING: it was accepted and is about to be queued."),
        ("STOPPING", True, ": its processes are being ended."),
    ],
)
def test_a_live_run_says_what_it_is_at(daemon: StandIn, invoke: Invoke, state: str, held: bool, sentence: str) -> None:  # noqa: FBT001 - pytest passes it
    holders = [brief("4f2a", state) | {"dpu": 10.0, "since_ms": NOW_MS}] if held else []
    slots = {"dpus": 100.0, "in_use_dpu": 10.0, "max_processes": 8, "held": holders}
    explained(daemon, run={"state": state, "completed_on_ms": None}, slots=slots)

    assert sentence in invoke("explain", "4f2a").stdout


def a_cause(**facts: Any) -> dict[str, Any]:
    cause = {
        "name": "then",
        "is_changed": False,
        "type": "CONDITIONAL",
        "schedule": None,
        "logical": "ANY",
        "firing": {"at_ms": NOW_MS, "tick_ms": None},
        "conditions": [],
        "predecessors": [],
    }
    return cause | facts


def test_a_trigger_that_was_changed_since_is_not_told_as_it_is_now(daemon: StandIn, invoke: Invoke) -> None:
    before = {"job_name": "raw", "run_id": a_run("5f")["id"], "state": "SUCCEEDED"}
    explained(daemon, trigger=a_cause(is_changed=True, type=None, logical=None, predecessors=[before]))

    shown = invoke("explain", "4f2a").stdout

    assert "Trigger then, which was changed since, started it at 20" in shown
    assert ["raw", "-", "SUCCEEDED", "jr_5f000000"] in [line.split() for line in shown.splitlines()]


@pytest.mark.parametrize(("number", "how"), [(1, "automatic retry 1"), (0, "a retry by hand")])
def test_a_retry_names_the_trigger_of_the_first_attempt(daemon: StandIn, invoke: Invoke, number: int, how: str) -> None:
    first = a_run("4f2a")["id"]
    explained(daemon, run={"previous_run_id": first, "retry_number": number}, trigger=a_cause())

    sentence = f"It is {how}, after jr_4f2a0000. Trigger then (CONDITIONAL) started the first attempt at 20"
    assert sentence in invoke("explain", "4f2a").stdout


def test_a_run_of_a_trigger_says_what_the_trigger_saw(daemon: StandIn, invoke: Invoke) -> None:
    before = {"job_name": "raw", "run_id": a_run("5f")["id"], "state": "SUCCEEDED"}
    trigger = a_cause(
        name="then\x1b[2J",
        conditions=[
            {"job_name": "raw", "wanted": "SUCCEEDED", "run_id": before["run_id"], "state": "SUCCEEDED"},
            {"job_name": "spare", "wanted": "FAILED", "run_id": None, "state": None},
        ],
        predecessors=[before, {"job_name": "gone", "run_id": a_run("6f")["id"], "state": "FAILED"}],
    )
    lines = [
        firing_line(0, "root"),
        run_line(1, "5f", "SUCCEEDED", "raw", is_inherited=True),
        firing_line(2, "then\x1b[2J", "raw", "gone"),
        run_line(3, "4f2a", "SUCCEEDED"),
    ]
    workflow_run = {"workflow_name": "etl", "id": WORKFLOW_RUN, "status": "RUNNING"}
    explained(daemon, trigger=trigger, chain=chain(*lines), workflow_run=workflow_run)

    shown = invoke("explain", "4f2a").stdout

    assert r"Trigger then\x1b[2J (CONDITIONAL) started it at 20" in shown
    assert f"It belongs to {WORKFLOW_RUN} of workflow etl, which is RUNNING." in shown
    rows = [line.split() for line in shown.splitlines()]
    assert ["TRIGGER", "SAW", "WANTED", "(ANY)", "STATE", "RUN"] in rows
    assert ["raw", "SUCCEEDED", "SUCCEEDED", "jr_5f000000"] in rows
    assert ["spare", "FAILED", "-", "-"] in rows
    assert ["gone", "-", "FAILED", "jr_6f000000"] in rows
    tree = shown[shown.index("CHAIN 12") :].splitlines()
    assert [line[:14].rstrip() for line in tree[1:5]] == ["root", "`- raw", r"   `- then\x1b", "      `- inges"]
    assert [line.split()[-1] for line in tree[2:5]] == ["over", "gone", "run"]
    assert "\x1b" not in shown


def test_attempts_and_the_retry_to_come_are_told(daemon: StandIn, invoke: Invoke) -> None:
    first = a_run("4f2a", state="FAILED", error_message="exit code 3")
    run = {"state": "FAILED", "error_message": "exit code 3", "previous_run_id": first["id"], "retry_number": 1}
    second = a_run("4f2a", attempt=1, **run)
    by_hand = a_run("4f2a", attempt=2, previous_run_id=first["id"])
    retry = {"of": first["id"], "due_ms": NOW_MS, "number": 2, "most": 3}
    explained(daemon, run=run, attempts=[first, second, by_hand], retry=retry)

    shown = invoke("explain", "4f2a").stdout

    assert "ended as FAILED at 2013" in shown
    assert ": exit code 3. It will be retried at 2023" in shown
    assert ": retry 2 of at most 3. It is automatic retry 1, after jr_4f2a0000." in shown
    rows = [line.split() for line in shown.splitlines()]
    table = rows[rows.index(["ATTEMPT", "STATE", "STARTED", "ENDED", "HOW", "DETAIL"]) + 1 :][:3]
    hows = [row[6:8] for row in table]
    assert hows == [["first", "exit"], ["retry", "1"], ["by", "hand"]]


def test_explain_as_json_is_all_that_is_known(daemon: StandIn, invoke: Invoke) -> None:
    run_id = explained(daemon)

    assert json.loads(invoke("explain", "4f2a", "-o", "json").stdout) == daemon.pages[f"/runs/{run_id}/explain"]
    assert invoke("explain", "5f").exit_code == ExitCode.NOT_FOUND


# what the other commands say of chains


def test_show_tells_where_a_run_comes_from(daemon: StandIn, invoke: Invoke) -> None:
    first = a_run("4f")
    daemon.add(
        a_run("4f", attempt=1, previous_run_id=first["id"], trigger_name="then", chain_key=12, retry_due_ms=NOW_MS)
    )

    facts = [line.split() for line in invoke("show", "jr_4f_attempt_1").stdout.splitlines()]

    assert ["after", first["id"]] in facts
    assert ["Trigger", "then"] in facts
    assert ["Chain", "12"] in facts
    assert any(fact[:2] == ["Retry", "due"] for fact in facts)


@pytest.mark.parametrize("arguments", [("run", "ingest"), ("wait", "4f")])
def test_following_a_run_says_that_it_will_be_retried(
    daemon: StandIn, invoke: Invoke, arguments: tuple[str, ...]
) -> None:
    run = daemon.add(a_run("4f", state="FAILED", error_message="why", retry_due_ms=NOW_MS))
    daemon.actions["StartJobRun"] = lambda _: (200, {"JobRunId": run["id"]})

    result = invoke(*arguments)

    assert result.exit_code == ExitCode.RUN_DID_NOT_SUCCEED
    assert f"orchestrator: {run['id']} will be retried at 2023-11-1" in result.stderr
