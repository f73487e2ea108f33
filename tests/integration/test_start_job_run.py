"""StartJobRun accepts what Glue accepts, refuses the rest with Glue's sentences, and one call is one run."""

import json
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support import runs
from tests.support.daemon import Daemon

ENVIRONMENT: Final = {"ORCHESTRATOR_CAPACITY__DPUS": "60", "ORCHESTRATOR_CAPACITY__MAX_PROCESSES": "30"}
GLUE_ETL: Final = "glueetl"
NO_SCRIPT: Final = "pass\n"


def job_of_kind(daemon: Daemon, name: str, kind: str, **members: Any) -> str:
    script = daemon.root / f"{name}.py"
    script.write_text(NO_SCRIPT)
    answer = daemon.call(
        "CreateJob", {"Name": name, "Role": "r", "Command": {"Name": kind, "ScriptLocation": str(script)}, **members}
    )
    assert answer == {"Name": name}, answer
    return name


def invocation(value: str | None = None) -> dict[str, str]:
    return {"amz-sdk-invocation-id": value or str(uuid.uuid4())}


# The merge.


def test_the_script_sees_defaults_overridden_by_the_run_and_both_by_what_is_not_overridable(daemon: Daemon) -> None:
    job = daemon.job(
        "merge",
        runs.PRINT_ARGV,
        DefaultArguments={"--a": "default", "--b": "default", "--c": "default"},
        NonOverridableArguments={"--c": "fixed", "--d": "fixed"},
    )
    run = runs.succeed(daemon, job, Arguments={"--b": "run", "--c": "run", "--e": "run"})
    assert runs.arguments_of(runs.printed(daemon, run)) == {
        "--a": "default",
        "--b": "run",
        "--c": "fixed",
        "--d": "fixed",
        "--e": "run",
    }


def test_the_run_shows_its_own_arguments_only(daemon: Daemon) -> None:
    job = daemon.job("own_arguments", NO_SCRIPT, DefaultArguments={"--a": "1"}, NonOverridableArguments={"--b": "2"})
    run = runs.finish(daemon, job, Arguments={"--c": "3", "plain": "4"})
    assert run["Arguments"] == {"--c": "3", "plain": "4"}


def test_arguments_reach_the_script_in_the_order_of_the_merge_behind_what_is_injected(daemon: Daemon) -> None:
    job = daemon.job("order", runs.PRINT_ARGV, DefaultArguments={"--z": "1", "--y": "2"})
    run = runs.succeed(daemon, job, Arguments={"--x": "3", "--z": "4"})
    assert runs.printed(daemon, run)[::2] == [
        "--JOB_NAME",
        "--JOB_ID",
        "--JOB_RUN_ID",
        "--TempDir",
        "--z",
        "--y",
        "--x",
    ]


def test_text_of_any_script_reaches_the_script_unchanged(daemon: Daemon) -> None:
    job = daemon.job("unicode", runs.PRINT_ARGV)
    value = 'größer 日本語 🚀 "quoted" $HOME `id` \\ \n {"a": [1]}'
    run = runs.succeed(daemon, job, Arguments={"--v": value})
    assert runs.arguments_of(runs.printed(daemon, run)) == {"--v": value}


def test_a_run_keeps_the_definition_that_it_was_accepted_with(daemon: Daemon, tmp_path: Path) -> None:
    job = daemon.job(
        "snapshot", runs.WAIT_FOR_GATE, JobRunQueuingEnabled=True, DefaultArguments={"--gate": str(tmp_path / "gate")}
    )
    first = runs.start(daemon, job)
    second = runs.start(daemon, job)  # waits for the first
    other = daemon.root / "snapshot_other.py"
    other.write_text("raise SystemExit(3)\n")
    command = {"Name": "pythonshell", "ScriptLocation": str(other)}
    assert daemon.call("UpdateJob", {"JobName": job, "JobUpdate": {"Role": "r", "Command": command}}) == {
        "JobName": job
    }
    (tmp_path / "gate").touch()
    assert [daemon.ended(job, run)["JobRunState"] for run in (first, second)] == ["SUCCEEDED", "SUCCEEDED"]
    assert runs.finish(daemon, job)["JobRunState"] == "FAILED"


# Capacity.


@pytest.mark.parametrize(
    ("kind", "asked", "shown"),
    [
        ("pythonshell", {}, {"MaxCapacity": 10.0, "AllocatedCapacity": 10}),
        ("pythonshell", {"AllocatedCapacity": 2}, {"MaxCapacity": 2.0, "AllocatedCapacity": 2}),
        ("pythonshell", {"MaxCapacity": 0.0625}, {"MaxCapacity": 0.0625, "AllocatedCapacity": 0}),
        ("pythonshell", {"MaxCapacity": 1}, {"MaxCapacity": 1.0, "AllocatedCapacity": 1}),
        ("glueetl", {}, {"MaxCapacity": 10.0, "AllocatedCapacity": 10}),
        ("glueetl", {"AllocatedCapacity": 60}, {"MaxCapacity": 60.0, "AllocatedCapacity": 60}),
        ("glueetl", {"MaxCapacity": 3.0}, {"MaxCapacity": 3.0, "AllocatedCapacity": 3}),
        (
            "glueetl",
            {"WorkerType": "G.2X", "NumberOfWorkers": 4},
            {"MaxCapacity": 8.0, "AllocatedCapacity": 8, "WorkerType": "G.2X", "NumberOfWorkers": 4},
        ),
        (
            "glueetl",
            {"WorkerType": "G.025X", "NumberOfWorkers": 2},
            {"MaxCapacity": 0.5, "AllocatedCapacity": 0, "WorkerType": "G.025X", "NumberOfWorkers": 2},
        ),
    ],
)
def test_capacity_is_taken_in_every_form(
    daemon: Daemon, kind: str, asked: dict[str, Any], shown: dict[str, Any]
) -> None:
    job = job_of_kind(daemon, f"capacity_{uuid.uuid4()}", kind)
    run = runs.finish(daemon, job, **asked)
    names = ("MaxCapacity", "AllocatedCapacity", "WorkerType", "NumberOfWorkers")
    assert {name: run[name] for name in names if name in run} == shown
    assert isinstance(run["MaxCapacity"], float)
    assert isinstance(run["AllocatedCapacity"], int)


def test_the_jobs_capacity_holds_where_the_run_asks_for_none(daemon: Daemon) -> None:
    job = job_of_kind(daemon, "capacity_of_job", GLUE_ETL, WorkerType="G.1X", NumberOfWorkers=5)
    run = runs.finish(daemon, job)
    assert (run["WorkerType"], run["NumberOfWorkers"], run["MaxCapacity"]) == ("G.1X", 5, 5.0)


def test_the_runs_capacity_replaces_the_jobs_whatever_the_form(daemon: Daemon) -> None:
    job = job_of_kind(daemon, "capacity_replaced", GLUE_ETL, WorkerType="G.1X", NumberOfWorkers=5)
    run = runs.finish(daemon, job, MaxCapacity=4)
    assert ("WorkerType" in run, run["MaxCapacity"]) == (False, 4.0)


TWO_FORMS: Final = "Please do not set Max Capacity if using Worker Type and Number of Workers."


@pytest.mark.parametrize(
    ("kind", "asked", "sentence"),
    [
        (GLUE_ETL, {"AllocatedCapacity": 5, "MaxCapacity": 6}, "Please set only Allocated Capacity or Max Capacity."),
        (GLUE_ETL, {"MaxCapacity": 5, "WorkerType": "G.1X", "NumberOfWorkers": 2}, TWO_FORMS),
        (GLUE_ETL, {"WorkerType": "G.1X"}, "Please set both Worker Type and Number of Workers."),
        (GLUE_ETL, {"NumberOfWorkers": 2}, "Please set both Worker Type and Number of Workers."),
        (
            GLUE_ETL,
            {"WorkerType": "G.1X", "NumberOfWorkers": 1},
            "To use Worker Type G.1X, minimum allowed value of Number of Workers is 2.",
        ),
        (
            GLUE_ETL,
            {"WorkerType": "G.025X", "NumberOfWorkers": 300},
            "To use Worker Type G.025X, maximum allowed value of Number of Workers is 299.",
        ),
        (
            "pythonshell",
            {"WorkerType": "G.1X", "NumberOfWorkers": 2},
            "Worker Type is not supported for Job Command pythonshell",
        ),
        (
            "glueray",
            {"WorkerType": "G.1X", "NumberOfWorkers": 2},
            "Worker type cannot be null and only [Z.2X] worker types are supported for glueray jobs",
        ),
        (
            "pythonshell",
            {"MaxCapacity": 0.5},
            "Max Capacity 0.5 is not allowed for Job Command pythonshell: it must be 0.0625 or 1.",
        ),
        (
            GLUE_ETL,
            {"MaxCapacity": 2.5},
            "Max Capacity 2.5 is not allowed for Job Command glueetl: it must be a whole number between 2 and 100.",
        ),
        (GLUE_ETL, {"AllocatedCapacity": 1}, "Allocated Capacity 1 is not allowed: it must be between 2 and 100."),
        (GLUE_ETL, {"AllocatedCapacity": 101}, "Allocated Capacity 101 is not allowed: it must be between 2 and 100."),
    ],
)
def test_capacity_that_contradicts_a_rule_is_refused_in_glues_words(
    daemon: Daemon, kind: str, asked: dict[str, Any], sentence: str
) -> None:
    job = job_of_kind(daemon, f"refused_capacity_{uuid.uuid4()}", kind)
    assert runs.refused_start(daemon, job, **asked) == ("InvalidInputException", sentence)


def test_a_worker_type_that_nobody_knows_is_refused_by_name(daemon: Daemon) -> None:
    job = job_of_kind(daemon, "odd_worker", GLUE_ETL)
    name, sentence = runs.refused_start(daemon, job, WorkerType="G.3X", NumberOfWorkers=2)
    assert name == "InvalidInputException"
    assert sentence.startswith("Worker Type G.3X is not one of Standard, G.025X, G.1X")


def test_a_demand_above_all_slots_is_refused_at_the_call(daemon: Daemon) -> None:
    job = job_of_kind(daemon, "too_large", GLUE_ETL)
    assert runs.refused_start(daemon, job, MaxCapacity=61) == (
        "ResourceNumberLimitExceededException",
        "The run needs 61 DPU, and this orchestrator lends 60 at most ([capacity] dpus).",
    )


# What must exist.


def test_an_unknown_job_is_refused_in_glues_own_words(daemon: Daemon) -> None:
    assert runs.refused_start(daemon, "nobody") == (
        "EntityNotFoundException",
        "Failed to start job run due to missing metadata.",
    )


def test_a_name_that_is_too_long_is_refused_as_aws_words_it(daemon: Daemon) -> None:
    name, sentence = runs.refused_start(daemon, "x" * 256)
    assert name == "InvalidInputException"
    assert sentence.startswith("1 validation error detected: Value 'xxxx")
    assert sentence.endswith(
        "at 'jobName' failed to satisfy constraint: Member must have length less than or equal to 255"
    )


# Concurrency.


def test_a_job_at_its_limit_of_runs_refuses_another(daemon: Daemon, tmp_path: Path) -> None:
    job = daemon.job("busy", runs.WAIT_FOR_GATE)
    with runs.gated_run(daemon, job, tmp_path / "gate"):
        assert runs.refused_start(daemon, job) == (
            "ConcurrentRunsExceededException",
            "Concurrent runs exceeded for busy",
        )


def test_a_job_takes_as_many_runs_at_once_as_it_says(daemon: Daemon, tmp_path: Path) -> None:
    job = daemon.job("twice", runs.WAIT_FOR_GATE, ExecutionProperty={"MaxConcurrentRuns": 2})
    with runs.gated_run(daemon, job, tmp_path / "gate"), runs.gated_run(daemon, job, tmp_path / "gate"):
        assert runs.refused_start(daemon, job)[0] == "ConcurrentRunsExceededException"


def test_the_place_of_an_ended_run_is_free_at_once(daemon: Daemon) -> None:
    job = daemon.job("again", NO_SCRIPT)
    for _ in range(3):
        runs.succeed(daemon, job)


@pytest.mark.parametrize("of_run", [True, False])
def test_with_queuing_on_a_run_above_the_limit_waits_and_says_what_for(
    daemon: Daemon, tmp_path: Path, *, of_run: bool
) -> None:
    job = daemon.job(f"queuing_{of_run}", runs.WAIT_FOR_GATE, JobRunQueuingEnabled=not of_run)
    gate = tmp_path / "gate"
    with runs.gated_run(daemon, job, gate):
        flag: dict[str, Any] = {"JobRunQueuingEnabled": True} if of_run else {}
        waiting = runs.start(daemon, job, Arguments={"--gate": str(gate)}, **flag)
        run = daemon.run(job, waiting)
        assert run["JobRunState"] == "WAITING"
        assert run["StateDetail"] == "Waiting for one of the job's 1 concurrent runs to end; place 1 in the queue"
        assert run["JobRunQueuingEnabled"] is True
    assert daemon.ended(job, waiting)["JobRunState"] == "SUCCEEDED"


def test_a_run_may_switch_off_the_queuing_of_its_job(daemon: Daemon, tmp_path: Path) -> None:
    job = daemon.job("queuing_off", runs.WAIT_FOR_GATE, JobRunQueuingEnabled=True)
    with runs.gated_run(daemon, job, tmp_path / "gate"):
        assert runs.refused_start(daemon, job, JobRunQueuingEnabled=False)[0] == "ConcurrentRunsExceededException"


# Retry by JobRunId.


def test_a_retry_is_a_new_attempt_of_the_same_family(daemon: Daemon) -> None:
    job = daemon.job("family", NO_SCRIPT)
    first = runs.finish(daemon, job)["Id"]
    second = runs.finish(daemon, job, JobRunId=first)
    third = runs.finish(daemon, job, JobRunId=first)
    assert (second["Id"], second["Attempt"], second["PreviousRunId"]) == (f"{first}_attempt_1", 1, first)
    assert (third["Id"], third["Attempt"], third["PreviousRunId"]) == (f"{first}_attempt_2", 2, first)


def test_a_retry_of_a_retry_names_the_run_that_it_retries(daemon: Daemon) -> None:
    job = daemon.job("family_line", NO_SCRIPT)
    first = runs.finish(daemon, job)["Id"]
    second = runs.finish(daemon, job, JobRunId=first)["Id"]
    third = runs.finish(daemon, job, JobRunId=second)
    assert (third["Id"], third["PreviousRunId"]) == (f"{first}_attempt_2", second)


@pytest.mark.parametrize(
    ("given", "seen"),
    [({}, {"--a": "1"}), ({"Arguments": {"--b": "2"}}, {"--b": "2"}), ({"Arguments": {}}, {})],
    ids=["inherits them", "replaces them", "replaces them by none"],
)
def test_a_retry_treats_the_arguments_of_the_earlier_run_so(
    daemon: Daemon, given: dict[str, Any], seen: dict[str, str]
) -> None:
    job = daemon.job(f"retry_{uuid.uuid4()}", runs.PRINT_ARGV)
    first = runs.finish(daemon, job, Arguments={"--a": "1"})["Id"]
    run = runs.succeed(daemon, job, JobRunId=first, **given)
    assert run["Arguments"] == seen
    assert runs.arguments_of(runs.printed(daemon, run)) == seen


def test_a_run_that_has_not_ended_cannot_be_retried(daemon: Daemon, tmp_path: Path) -> None:
    job = daemon.job("retry_live", runs.WAIT_FOR_GATE, ExecutionProperty={"MaxConcurrentRuns": 2})
    with runs.gated_run(daemon, job, tmp_path / "gate") as run_id:
        assert runs.refused_start(daemon, job, JobRunId=run_id) == (
            "InvalidInputException",
            f"Job run {run_id} is in state RUNNING; only a run that has ended can be retried.",
        )


def test_a_run_of_another_job_cannot_be_retried(daemon: Daemon) -> None:
    mine, theirs = daemon.job("retry_mine", NO_SCRIPT), daemon.job("retry_theirs", NO_SCRIPT)
    run_id = runs.finish(daemon, theirs)["Id"]
    assert runs.refused_start(daemon, mine, JobRunId=run_id) == (
        "EntityNotFoundException",
        f"Job run with id: {run_id} not found for job: {mine}.",
    )


def test_a_run_that_never_was_cannot_be_retried(daemon: Daemon) -> None:
    job = daemon.job("retry_nothing", NO_SCRIPT)
    assert runs.refused_start(daemon, job, JobRunId="jr_0")[0] == "EntityNotFoundException"


# One call is one run.


def test_a_call_that_is_sent_again_gets_the_answer_of_the_first(daemon: Daemon) -> None:
    job = daemon.job("resent", NO_SCRIPT)
    headers = invocation()
    first = runs.start(daemon, job, headers)
    daemon.ended(job, first)
    assert runs.start(daemon, job, headers) == first
    assert len(daemon.call("GetJobRuns", {"JobName": job})["JobRuns"]) == 1


def test_a_call_that_is_sent_again_while_the_job_is_busy_still_gets_its_answer(daemon: Daemon, tmp_path: Path) -> None:
    job = daemon.job("resent_busy", runs.WAIT_FOR_GATE)
    headers, arguments = invocation(), {"--gate": str(tmp_path / "gate")}
    first = runs.start(daemon, job, headers, Arguments=arguments)
    assert runs.start(daemon, job, headers, Arguments=arguments) == first
    (tmp_path / "gate").touch()
    daemon.ended(job, first)


def test_the_same_call_sent_many_times_at_once_is_one_run(daemon: Daemon) -> None:
    job = daemon.job("at_once", NO_SCRIPT, ExecutionProperty={"MaxConcurrentRuns": 50})
    headers = invocation()
    with ThreadPoolExecutor(16) as pool:
        ids = list(pool.map(lambda _: runs.start(daemon, job, headers), range(48)))
    assert len(set(ids)) == 1
    daemon.ended(job, ids[0])
    assert len(daemon.call("GetJobRuns", {"JobName": job})["JobRuns"]) == 1


def test_the_same_invocation_id_with_another_request_is_refused(daemon: Daemon) -> None:
    job = daemon.job("mixed_up", NO_SCRIPT)
    headers = invocation()
    daemon.ended(job, runs.start(daemon, job, headers))
    assert runs.refused(daemon, "StartJobRun", headers, JobName=job, Arguments={"--a": "1"}) == (
        "InvalidInputException",
        "The header amz-sdk-invocation-id was used before with another request.",
    )


def test_a_refused_call_leaves_its_invocation_id_free(daemon: Daemon) -> None:
    headers = invocation()
    assert runs.refused(daemon, "StartJobRun", headers, JobName="not_yet")[0] == "EntityNotFoundException"
    job = daemon.job("not_yet", NO_SCRIPT)
    daemon.ended(job, runs.start(daemon, job, headers))


def test_calls_with_ids_of_their_own_are_runs_of_their_own(daemon: Daemon) -> None:
    job = daemon.job("own_ids", NO_SCRIPT, ExecutionProperty={"MaxConcurrentRuns": 20})
    with ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(lambda _: runs.start(daemon, job, invocation()), range(16)))
    assert len(set(ids)) == 16
    assert all(daemon.ended(job, run_id)["JobRunState"] == "SUCCEEDED" for run_id in ids)


# What no process can be given.

LARGEST_TOKEN: Final = 131_071


def test_the_largest_token_that_linux_takes_reaches_the_script(daemon: Daemon) -> None:
    job = daemon.job("largest_token", "import sys\nprint(len(sys.argv[-1]))\n")
    run = runs.succeed(daemon, job, Arguments={"--v": "x" * LARGEST_TOKEN})
    assert runs.output(daemon, run["Id"]) == f"{LARGEST_TOKEN}\n"


@pytest.mark.parametrize(
    ("build", "sentence"),
    [
        (
            lambda: {"--v": "x" * (LARGEST_TOKEN + 1)},
            "Arguments: the argument '--v' needs a token of 131072 bytes; Linux takes 131071 at most.",
        ),
        (
            lambda: {"--v": "-" * (LARGEST_TOKEN - 3)},  # one token with its key: `--v=---`
            "Arguments: the argument '--v' needs a token of 131072 bytes; Linux takes 131071 at most.",
        ),
        (
            lambda: {"--v": "ä" * 65_536},  # bytes are counted, not characters
            "Arguments: the argument '--v' needs a token of 131072 bytes; Linux takes 131071 at most.",
        ),
        (
            lambda: {f"--{n}": "x" * 100_000 for n in range(3)},
            "Request size limit exceeded: Arguments has 300009 bytes in all, 266240 is the limit.",
        ),
        (
            lambda: {"--v": "a\0b"},
            "Arguments: the argument '--v' contains a NUL character, which no process can be given.",
        ),
        (
            lambda: {"--a\0b": "v"},
            "Arguments: the argument '--a\\0b' contains a NUL character, which no process can be given.",
        ),
    ],
    ids=["token", "token with its key", "bytes", "total", "NUL in a value", "NUL in a key"],
)
def test_arguments_that_no_process_can_be_given_are_refused_at_the_call(
    daemon: Daemon, build: Callable[[], dict[str, str]], sentence: str
) -> None:
    job = daemon.job(f"poison_{uuid.uuid4()}", NO_SCRIPT)
    assert runs.refused_start(daemon, job, Arguments=build()) == ("InvalidInputException", sentence)
    assert daemon.call("GetJobRuns", {"JobName": job})["JobRuns"] == []


def test_arguments_of_exactly_the_limit_in_all_are_accepted(daemon: Daemon) -> None:
    job = daemon.job("just_fits", "import sys\nprint(len(sys.argv))\n")
    arguments = {"--a": "x" * 131_000, "--b": "x" * 131_000}
    arguments["--c"] = "x" * (266_240 - sum(len(key) + len(value) for key, value in arguments.items()) - 3)
    runs.succeed(daemon, job, Arguments=arguments)


def test_defaults_and_overrides_together_stay_below_the_limit_too(daemon: Daemon) -> None:
    job = daemon.job("together", NO_SCRIPT, DefaultArguments={"--a": "x" * 130_000, "--b": "x" * 130_000})
    name, sentence = runs.refused_start(daemon, job, Arguments={"--c": "x" * 10_000})
    assert (name, sentence.partition(":")[0]) == ("InvalidInputException", "Request size limit exceeded")


def test_a_lone_surrogate_is_refused_at_the_call(daemon: Daemon) -> None:
    job = daemon.job("surrogate", NO_SCRIPT)
    assert json.dumps({"--v": "\ud800"}) == '{"--v": "\\ud800"}'
    assert runs.refused_start(daemon, job, Arguments={"--v": "\ud800"}) == (
        "SerializationException",
        "The text of 'Arguments.--v' has a lone surrogate, which is not a character.",
    )


# Timeout and what is echoed.


@pytest.mark.parametrize("minutes", [1, 10_080])
def test_a_timeout_within_its_bounds_is_accepted_and_shown(daemon: Daemon, minutes: int) -> None:
    job = daemon.job(f"timeout_{minutes}", NO_SCRIPT)
    assert runs.finish(daemon, job, Timeout=minutes)["Timeout"] == minutes


@pytest.mark.parametrize(
    ("minutes", "sentence"),
    [
        (10_081, "Timeout is 10081; it must be between 1 and 10080 minutes (7 days)."),
        (
            0,
            (
                "1 validation error detected: Value '0' at 'timeout' failed to satisfy constraint: "
                "Member must have value greater than or equal to 1"
            ),
        ),
    ],
)
def test_a_timeout_out_of_its_bounds_is_refused(daemon: Daemon, minutes: int, sentence: str) -> None:
    job = daemon.job(f"no_timeout_{minutes}", NO_SCRIPT)
    assert runs.refused_start(daemon, job, Timeout=minutes) == ("InvalidInputException", sentence)


@pytest.mark.parametrize(
    ("kind", "version", "minutes"),
    [("pythonshell", None, 2880), ("glueetl", "4.0", 2880), ("glueetl", "5.0", 480), ("gluestreaming", None, None)],
)
def test_the_default_timeout_is_glues(daemon: Daemon, kind: str, version: str | None, minutes: int | None) -> None:
    members = {} if version is None else {"GlueVersion": version}
    job = job_of_kind(daemon, f"default_timeout_{uuid.uuid4()}", kind, **members)
    assert runs.finish(daemon, job).get("Timeout") == minutes


def test_what_has_no_effect_here_is_shown_as_it_came(daemon: Daemon) -> None:
    job = daemon.job("echo", NO_SCRIPT)
    echoed: dict[str, Any] = {
        "SecurityConfiguration": "secure",
        "NotificationProperty": {"NotifyDelayAfter": 5},
        "ExecutionClass": "FLEX",
        "ExecutionRoleSessionPolicy": '{"Version": "2012-10-17"}',
    }
    run = runs.finish(daemon, job, **echoed)
    assert {name: run[name] for name in echoed} == echoed


def test_members_of_newer_sdks_are_ignored(daemon: Daemon) -> None:
    job = daemon.job("newer", NO_SCRIPT)
    runs.succeed(daemon, job, MemberOfTheFuture={"a": 1})
