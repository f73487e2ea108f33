"""Each command asks the daemon for the right thing, prints what people and programs need, and ends with its code."""

import json
import threading
from collections.abc import Callable

import pytest
from click.testing import Result

from orchestrator.faces.cli.commands import wait
from orchestrator.faces.cli.exit_codes import ExitCode
from orchestrator.faces.cli.following import Progress
from tests.support.waiting import until
from tests.unit.cli.conftest import Terminal
from tests.unit.cli.stand_in import StandIn, a_run, refuse

Invoke = Callable[..., Result]


def test_start_prints_the_id(daemon: StandIn, invoke: Invoke) -> None:
    daemon.actions["StartJobRun"] = lambda _: (200, {"JobRunId": "jr_1"})

    result = invoke("start", "ingest", "--", "--months", "2", "--fast")

    assert (result.exit_code, result.stdout) == (0, "jr_1\n")
    assert daemon.members_of("StartJobRun") == [{"JobName": "ingest", "Arguments": {"--months": "2", "--fast": ""}}]
    assert json.loads(invoke("start", "ingest", "-o", "json").stdout) == {"JobRunId": "jr_1"}


def test_start_asks_for_what_the_options_say(daemon: StandIn, invoke: Invoke) -> None:
    earlier = daemon.add(a_run("4f2a"))
    daemon.actions["StartJobRun"] = lambda _: (200, {"JobRunId": "jr_1"})

    invoke(
        "start",
        "ingest",
        "--retry",
        "4f",
        "--timeout",
        "5",
        "--worker-type",
        "G.1X",
        "--number-of-workers",
        "2",
        "--queue",
    )
    invoke("start", "ingest", "--max-capacity", "0.0625")
    invoke("start", "ingest", "--allocated-capacity", "4")

    assert daemon.members_of("StartJobRun") == [
        {
            "JobName": "ingest",
            "JobRunId": earlier["id"],
            "Timeout": 5,
            "WorkerType": "G.1X",
            "NumberOfWorkers": 2,
            "JobRunQueuingEnabled": True,
        },
        {"JobName": "ingest", "MaxCapacity": 0.0625},
        {"JobName": "ingest", "AllocatedCapacity": 4},
    ]


def test_a_refusal_is_told_with_what_to_do_next(daemon: StandIn, invoke: Invoke) -> None:
    daemon.actions["StartJobRun"] = refuse(400, "ConcurrentRunsExceededException", "enough")

    result = invoke("start", "x")

    assert result.exit_code == ExitCode.TRY_LATER
    assert result.stdout == ""
    assert result.stderr.splitlines() == [
        "orchestrator: ConcurrentRunsExceededException: enough",
        "`orchestrator runs JOB` shows its runs; --queue lets the new one wait for them.",
    ]


@pytest.mark.parametrize(
    ("known", "hint"),
    [
        (["ingest", "report"], "Did you mean ingest?"),
        (["report"], "`orchestrator jobs` lists them."),
        ([], "There is no job at all; `orchestrator apply` reads the files anew, `check` finds mistakes in them."),
        (None, "`orchestrator jobs` lists them."),
    ],
)
def test_a_mistyped_job_is_told_with_what_it_may_have_been(
    daemon: StandIn, invoke: Invoke, known: list[str] | None, hint: str
) -> None:
    daemon.actions["StartJobRun"] = refuse(400, "EntityNotFoundException", "Failed to start job run.")
    if known is not None:
        daemon.actions["ListJobs"] = lambda _: (200, {"JobNames": known})

    result = invoke("start", "ingets")

    assert result.exit_code == ExitCode.NOT_FOUND
    assert result.stderr.splitlines() == ["orchestrator: there is no job ingets", hint]


def test_run_follows_the_log_and_ends_well_with_the_run(daemon: StandIn, invoke: Invoke) -> None:
    run = daemon.add(a_run(), stdout=b"12 months\n", stderr=b"careful\n")
    daemon.actions["StartJobRun"] = lambda _: (200, {"JobRunId": run["id"]})

    result = invoke("run", "ingest")

    assert result.exit_code == ExitCode.SUCCESS
    assert result.stdout == "12 months\n"
    assert result.stderr.splitlines()[0] == f"orchestrator: {run['id']} started"
    assert "careful" in result.stderr
    assert result.stderr.splitlines()[-1].startswith(f"orchestrator: {run['id']} SUCCEEDED (wall 3.2 s")


@pytest.mark.parametrize("state", ["FAILED", "STOPPED", "TIMEOUT", "ERROR", "EXPIRED"])
def test_run_ends_badly_with_a_run_that_did_not_succeed(daemon: StandIn, invoke: Invoke, state: str) -> None:
    run = daemon.add(a_run(state=state, error_message="why"))
    daemon.actions["StartJobRun"] = lambda _: (200, {"JobRunId": run["id"]})

    result = invoke("run", "ingest")

    assert result.exit_code == ExitCode.RUN_DID_NOT_SUCCEED
    assert f"{state}: why" in result.stderr


def test_run_as_json_leaves_stdout_to_the_run_itself(daemon: StandIn, invoke: Invoke) -> None:
    run = daemon.add(a_run(), stdout=b"a line of the script\n")
    daemon.actions["StartJobRun"] = lambda _: (200, {"JobRunId": run["id"]})

    result = invoke("run", "ingest", "-o", "json")

    assert json.loads(result.stdout) == run
    assert "a line of the script" in result.stderr


def test_run_starts_no_daemon_where_an_endpoint_was_named(free_port: int, invoke: Invoke) -> None:
    result = invoke("run", "ingest", "--endpoint-url", f"http://127.0.0.1:{free_port}", "--retry", "not an id")

    assert result.exit_code == ExitCode.USAGE


def test_stop_asks_job_by_job_and_twenty_five_at_a_time(daemon: StandIn, invoke: Invoke) -> None:
    runs = [daemon.add(a_run(f"{number:02x}", state="RUNNING")) for number in range(27)]
    other = daemon.add(a_run("ff", job_name="table", state="RUNNING"))
    daemon.actions["BatchStopJobRun"] = lambda members: (
        200,
        {
            "SuccessfulSubmissions": [{"JobName": "x", "JobRunId": run_id} for run_id in members["JobRunIds"]],
            "Errors": [],
        },
    )

    result = invoke("stop", *(run["id"] for run in runs), "ff", "ff")

    assert result.exit_code == 0
    asked = daemon.members_of("BatchStopJobRun")
    assert [(members["JobName"], len(members["JobRunIds"])) for members in asked] == [
        ("ingest", 25),
        ("ingest", 2),
        ("table", 1),
    ]
    assert result.stdout.splitlines()[-1] == f"{other['id']} is being stopped"


def test_stop_tells_which_runs_would_not_be_stopped(daemon: StandIn, invoke: Invoke) -> None:
    run = daemon.add(a_run())
    detail = {"ErrorCode": "InvalidInputException", "ErrorMessage": "it has ended"}
    errors = [{"JobName": "ingest", "JobRunId": run["id"], "ErrorDetail": detail}]
    daemon.actions["BatchStopJobRun"] = lambda _: (200, {"SuccessfulSubmissions": [], "Errors": errors})

    result = invoke("stop", "4f")

    assert result.exit_code == ExitCode.REFUSED
    assert result.stderr == f"orchestrator: {run['id']}: InvalidInputException: it has ended\n"
    assert json.loads(invoke("stop", "4f", "-o", "json").stdout)["Errors"] == errors


def test_stop_tells_how_a_run_has_ended_and_what_can_be_done(daemon: StandIn, invoke: Invoke) -> None:
    run = daemon.add(a_run(state="FAILED"))
    detail = {"ErrorCode": "JobRunInTerminalStateException", "ErrorMessage": "it has ended"}
    errors = [{"JobName": "ingest", "JobRunId": run["id"], "ErrorDetail": detail}]
    daemon.actions["BatchStopJobRun"] = lambda _: (200, {"SuccessfulSubmissions": [], "Errors": errors})

    result = invoke("stop", "4f")

    assert result.exit_code == ExitCode.REFUSED
    assert result.stderr == (
        f"orchestrator: {run['id']} has ended already, as FAILED, so there is nothing to stop; "
        "`orchestrator show jr_4f2a0000` tells about it, `orchestrator rerun jr_4f2a0000` runs it again\n"
    )
    assert json.loads(invoke("stop", "4f", "-o", "json").stdout)["Errors"] == errors


def test_stop_stops_nothing_if_an_id_is_wrong(daemon: StandIn, invoke: Invoke) -> None:
    daemon.add(a_run("4f"))

    assert invoke("stop", "4f", "5f").exit_code == ExitCode.NOT_FOUND
    assert not daemon.members_of("BatchStopJobRun")


def test_runs_are_listed_newest_first(daemon: StandIn, invoke: Invoke) -> None:
    daemon.add(a_run("4f2a"))
    daemon.add(a_run("5f2a", state="FAILED", error_message="KeyError: 'x'\nmore\x1b[2J"))
    daemon.add(a_run("6f2a", state="STARTING", state_detail="waits for 10 DPU", wall_ms=None))

    lines = invoke("runs").stdout.splitlines()

    assert lines[0].split() == ["RUN", "JOB", "STATE", "STARTED", "TOOK", "DPU", "DETAIL"]
    assert lines[1].split()[:3] == ["jr_6f2a0000", "ingest", "STARTING"]
    assert lines[1].endswith("waits for 10 DPU")
    assert lines[2].endswith(r"KeyError: 'x' more\x1b[2J")
    assert "3.2 s" in lines[3]
    assert len(lines) == 4


def test_a_run_that_goes_on_is_listed_with_its_time_so_far(daemon: StandIn, invoke: Invoke) -> None:
    daemon.add(a_run(state="RUNNING", wall_ms=None, execution_time_s=65))
    daemon.add(a_run("5f", state="STARTING", wall_ms=None, execution_time_s=0))

    lines = invoke("runs").stdout.splitlines()

    assert "1 min 05 s" in lines[2]
    assert lines[1].split()[5] == "-"


def test_runs_can_be_narrowed(daemon: StandIn, invoke: Invoke) -> None:
    wanted = daemon.add(a_run("4f", job_name="table", state="FAILED"))
    daemon.add(a_run("5f", job_name="table"))
    daemon.add(a_run("6f", state="FAILED"))

    assert json.loads(invoke("runs", "table", "--state", "failed", "-n", "5", "-o", "json").stdout) == [wanted]


def test_show_tells_what_is_known(daemon: StandIn, invoke: Invoke) -> None:
    run = daemon.add(a_run(arguments={"--months": "2", "--fast": ""}))

    lines = invoke("show", "4f").stdout.splitlines()

    facts = {line[:17].strip(): line[17:].strip() for line in lines[: lines.index("")]}
    assert facts["Run"] == run["id"]
    assert facts["State"] == "SUCCEEDED"
    assert facts["Peak memory"] == "120.0 MiB"
    assert facts["Argument --months"[:17]] == "2"
    assert facts["Argument --fast"] == "(empty)"
    assert "Error" not in facts
    assert lines[lines.index("") + 1].split() == ["AT", "FROM", "EVENT", "STATE"]
    assert lines[-1].split()[2:] == ["-", "accepted", "STARTING"]
    assert json.loads(invoke("show", "4f", "-o", "json").stdout)["run"] == run


def test_logs_prints_one_stream(daemon: StandIn, invoke: Invoke) -> None:
    daemon.add(a_run(state="RUNNING"), stdout=b"out\r\n\xff", stderr=b"err\n")

    assert invoke("logs", "4f").stdout_bytes == b"out\r\n\xff"
    assert invoke("logs", "--stderr", "4f").stdout_bytes == b"err\n"


def test_logs_follows_to_the_end(daemon: StandIn, invoke: Invoke) -> None:
    daemon.add(a_run(), stdout=bytes(3000))

    assert invoke("logs", "-f", "4f").stdout_bytes == bytes(3000)


def test_wait_succeeds_if_every_run_did(daemon: StandIn, invoke: Invoke) -> None:
    daemon.add(a_run("4f"))
    daemon.add(a_run("5f"))

    result = invoke("wait", "4f", "5f")

    assert result.exit_code == ExitCode.SUCCESS
    assert [line.split()[1] for line in result.stdout.splitlines()] == ["SUCCEEDED", "SUCCEEDED"]


def test_wait_tells_that_a_run_did_not_succeed(daemon: StandIn, invoke: Invoke) -> None:
    daemon.add(a_run("4f", state="FAILED", error_message="exit code 3"))
    daemon.add(a_run("5f"))

    result = invoke("wait", "4f", "5f", "-o", "json")

    assert result.exit_code == ExitCode.RUN_DID_NOT_SUCCEED
    assert [run["state"] for run in json.loads(result.stdout)] == ["FAILED", "SUCCEEDED"]


def test_wait_ends_at_its_time_with_a_code_of_its_own(daemon: StandIn, invoke: Invoke) -> None:
    daemon.add(a_run("4f", state="RUNNING"))
    daemon.add(a_run("5f", state="FAILED"))

    assert invoke("wait", "4f", "5f", "--timeout", "0.1").exit_code == ExitCode.WAIT_TIMED_OUT


def test_wait_says_on_a_terminal_how_far_the_run_is(
    daemon: StandIn, invoke: Invoke, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = daemon.add(a_run("4f", state="RUNNING"))
    monkeypatch.setattr(wait, "Progress", lambda _: Progress(terminal))

    def end() -> None:
        until(lambda: any("seen_state=RUNNING" in path for path, *_ in daemon.asked), what="a look after the first")
        daemon.move(run, "SUCCEEDED")

    ending = threading.Thread(target=end)
    ending.start()
    assert invoke("wait", "4f").exit_code == ExitCode.SUCCESS
    ending.join()

    assert terminal.sent.startswith("\r\x1b[36mRUNNING\x1b[0m  0:02\x1b[K")
    assert terminal.sent.endswith("\r\x1b[K")


def test_the_address_may_stand_behind_the_command(daemon: StandIn, invoke: Invoke, free_port: int) -> None:
    daemon.add(a_run("4f"))
    host, port = daemon.url.removeprefix("http://").split(":")

    assert invoke("show", "4f", "--host", host, "--port", port).exit_code == ExitCode.SUCCESS
    assert invoke("show", "4f", "--host", host, "--port", str(free_port)).exit_code == ExitCode.UNREACHABLE


ENTRY = {"JobName": "ingest", "Version": 3, "Run": 2, "Attempt": 0, "RunId": "jr_1", "JobBookmark": '{"to": 6}'}


def test_bookmark_get_prints_it(daemon: StandIn, invoke: Invoke) -> None:
    daemon.actions["GetJobBookmark"] = lambda _: (200, {"JobBookmarkEntry": ENTRY})

    assert 'JobBookmark  {"to": 6}' in invoke("bookmark", "get", "ingest").stdout
    assert json.loads(invoke("bookmark", "get", "ingest", "-o", "json").stdout)["JobBookmarkEntry"] == ENTRY


def test_bookmark_reset_goes_to_the_beginning_or_to_a_run(daemon: StandIn, invoke: Invoke) -> None:
    run = daemon.add(a_run("4f"))
    daemon.actions["ResetJobBookmark"] = lambda _: (200, {"JobBookmarkEntry": ENTRY})

    assert invoke("bookmark", "reset", "ingest").exit_code == 0
    assert invoke("bookmark", "reset", "ingest", "--run-id", "4f").exit_code == 0

    assert daemon.members_of("ResetJobBookmark") == [{"JobName": "ingest"}, {"JobName": "ingest", "RunId": run["id"]}]


def test_jobs_are_listed_page_by_page(daemon: StandIn, invoke: Invoke) -> None:
    first = {
        "Name": "ingest",
        "Command": {"Name": "pythonshell", "ScriptLocation": "ingest/script.py"},
        "MaxCapacity": 0.0625,
        "MaxRetries": 1,
        "ExecutionProperty": {"MaxConcurrentRuns": 3},
    }
    second = {"Name": "bare"}
    pages: dict[str | None, dict[str, object]] = {None: {"Jobs": [first], "NextToken": "2"}, "2": {"Jobs": [second]}}
    daemon.actions["GetJobs"] = lambda members: (200, pages[members.get("NextToken")])

    lines = invoke("jobs").stdout.splitlines()

    assert lines[1].split() == ["ingest", "pythonshell", "0.0625", "3", "1", "ingest/script.py"]
    assert lines[2].split() == ["bare", "-", "-", "1", "0", "-"]
    assert json.loads(invoke("jobs", "-o", "json").stdout) == [first, second]
