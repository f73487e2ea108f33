"""A bookmark is read by the run that asks for it, and moves exactly when that run SUCCEEDS."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support import runs
from tests.support.daemon import Daemon
from tests.support.waiting import until

ENVIRONMENT: Final = {"ORCHESTRATOR_CAPACITY__MAX_PROCESSES": "30", "ORCHESTRATOR_RUNS__STOP_GRACE_S": "0.3"}
OPTION: Final = "--job-bookmark-option"
ENABLE: Final = {OPTION: "job-bookmark-enable"}
PAUSE: Final = {OPTION: "job-bookmark-pause"}

COUNT: Final = """
import json, os, orchestrator_bookmark as b
seen = b.get()
print(json.dumps({"seen": seen, "upper": b.get_upper(), "option": b.option(),
                  "file": os.path.exists(os.environ["ORCH_BOOKMARK_FILE"]),
                  "to": "ORCH_BOOKMARK_TO_FILE" in os.environ}))
b.put({"n": (seen or {"n": 0})["n"] + 1})
"""
"""A script that tells what it sees and counts on."""

WRITE_FROM_ARGUMENT: Final = """
import os, sys
script = sys.argv[sys.argv.index("--do") + 1]
path = os.environ["ORCH_BOOKMARK_FILE"]
exec(script)
"""


def entry(daemon: Daemon, job: str, **members: Any) -> dict[str, Any]:
    answer = daemon.call("GetJobBookmark", {"JobName": job, **members})
    assert set(answer) == {"JobBookmarkEntry"}, answer
    found: dict[str, Any] = answer["JobBookmarkEntry"]
    return found


def reset(daemon: Daemon, job: str, **members: Any) -> dict[str, Any]:
    answer = daemon.call("ResetJobBookmark", {"JobName": job, **members})
    assert set(answer) == {"JobBookmarkEntry"}, answer
    after: dict[str, Any] = answer["JobBookmarkEntry"]
    return after


def counted(daemon: Daemon, job: str, **arguments: str) -> Any:
    """Run the counting script; return what it saw."""
    return runs.printed(daemon, runs.succeed(daemon, job, Arguments={**ENABLE, **arguments}))


def assert_no_bookmark(daemon: Daemon, job: str) -> None:
    assert runs.refused(daemon, "GetJobBookmark", JobName=job) == (
        "EntityNotFoundException",
        f"Continuation for job {job} not found",
    )


# The three options.


def test_the_first_commit_gives_version_1_run_1_attempt_0(daemon: Daemon) -> None:
    job = daemon.job("first", COUNT)
    run = runs.succeed(daemon, job, Arguments=ENABLE)
    assert entry(daemon, job) == {
        "JobName": job,
        "Version": 1,
        "Run": 1,
        "Attempt": 0,
        "RunId": run["Id"],
        "JobBookmark": '{"n": 1}',
    }


def test_each_commit_goes_one_version_and_one_run_further(daemon: Daemon) -> None:
    job = daemon.job("further", COUNT)
    first, second = (runs.succeed(daemon, job, Arguments=ENABLE)["Id"] for _ in range(2))
    assert entry(daemon, job) == {
        "JobName": job,
        "Version": 2,
        "Run": 2,
        "Attempt": 0,
        "PreviousRunId": first,
        "RunId": second,
        "JobBookmark": '{"n": 2}',
    }


def test_the_commit_of_a_retry_carries_its_attempt(daemon: Daemon) -> None:
    job = daemon.job("attempt", COUNT)
    first = runs.succeed(daemon, job, Arguments=ENABLE)["Id"]
    runs.succeed(daemon, job, JobRunId=first)
    assert entry(daemon, job)["Attempt"] == 1


def test_enabled_a_run_sees_what_the_last_one_left(daemon: Daemon) -> None:
    job = daemon.job("enabled", COUNT)
    assert [counted(daemon, job)["seen"] for _ in range(3)] == [None, {"n": 1}, {"n": 2}]


@pytest.mark.parametrize("arguments", [{}, {OPTION: "job-bookmark-disable"}, {OPTION: ""}])
def test_disabled_a_run_neither_sees_nor_moves_it(daemon: Daemon, arguments: dict[str, str]) -> None:
    job = daemon.job(f"disabled_{len(arguments)}_{arguments.get(OPTION, '-')}", COUNT)
    counted(daemon, job)
    run = runs.succeed(daemon, job, Arguments=arguments)
    told = {"seen": None, "upper": None, "option": "job-bookmark-disable", "file": False, "to": False}
    assert runs.printed(daemon, run) == told
    assert entry(daemon, job)["Version"] == 1


def test_disabled_a_bookmark_written_by_hand_is_not_taken(daemon: Daemon) -> None:
    job = daemon.job("disabled_by_hand", WRITE_FROM_ARGUMENT)
    runs.succeed(daemon, job, Arguments={"--do": "open(path, 'w').write('{}')"})
    assert_no_bookmark(daemon, job)


def test_paused_a_run_sees_it_and_does_not_move_it(daemon: Daemon) -> None:
    job = daemon.job("paused", COUNT)
    counted(daemon, job)
    run = runs.succeed(daemon, job, Arguments=PAUSE)
    assert runs.printed(daemon, run)["seen"] == {"n": 1}
    assert entry(daemon, job)["Version"] == 1


def test_paused_a_bookmark_written_by_hand_is_not_taken(daemon: Daemon) -> None:
    job = daemon.job("paused_by_hand", WRITE_FROM_ARGUMENT)
    runs.succeed(daemon, job, Arguments={**PAUSE, "--do": "open(path, 'w').write('{}')"})
    assert_no_bookmark(daemon, job)


def test_the_option_may_be_the_jobs(daemon: Daemon) -> None:
    job = daemon.job("of_job", COUNT, DefaultArguments=ENABLE)
    runs.succeed(daemon, job)
    assert entry(daemon, job)["Version"] == 1


def test_an_option_that_nobody_knows_is_refused_at_the_call(daemon: Daemon) -> None:
    job = daemon.job("odd_option", COUNT)
    assert runs.refused_start(daemon, job, Arguments={OPTION: "on"}) == (
        "InvalidInputException",
        (
            "--job-bookmark-option is 'on', which is not one of "
            "job-bookmark-enable, job-bookmark-disable, job-bookmark-pause."
        ),
    )


# The window.


@pytest.fixture(scope="module")
def counted_job(daemon: Daemon) -> tuple[str, list[str]]:
    """Return a job and its four runs; the third committed nothing."""
    job = daemon.job("windowed", COUNT)
    ids = [runs.succeed(daemon, job, Arguments=ENABLE)["Id"] for _ in range(2)]
    ids.append(runs.succeed(daemon, job)["Id"])
    ids.append(runs.succeed(daemon, job, Arguments=ENABLE)["Id"])
    return job, ids


@pytest.mark.parametrize(
    ("ends", "seen", "upper"), [((0, 1), 1, 2), ((0, 3), 1, 3), ((1, 2), 2, 2), ((2, 3), 2, 3), ((0, 0), 1, 1)]
)
def test_a_window_shows_what_the_last_good_run_up_to_either_end_left(
    daemon: Daemon, counted_job: tuple[str, list[str]], ends: tuple[int, int], seen: int, upper: int
) -> None:
    job, ids = counted_job
    window = {"--job-bookmark-from": ids[ends[0]], "--job-bookmark-to": ids[ends[1]]}
    told = runs.printed(daemon, runs.succeed(daemon, job, Arguments={**PAUSE, **window}))
    assert (told["seen"], told["upper"], told["to"]) == ({"n": seen}, {"n": upper}, True)


def test_a_window_moves_nothing(daemon: Daemon, counted_job: tuple[str, list[str]]) -> None:
    job, ids = counted_job
    before = entry(daemon, job)
    window = {"--job-bookmark-from": ids[0], "--job-bookmark-to": ids[1]}
    runs.succeed(daemon, job, Arguments={**PAUSE, **window})
    assert entry(daemon, job) == before


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            {**PAUSE, "--job-bookmark-from": "x"},
            "--job-bookmark-from and --job-bookmark-to belong together; only --job-bookmark-from was given.",
        ),
        (
            {**ENABLE, "--job-bookmark-from": "x", "--job-bookmark-to": "y"},
            (
                "--job-bookmark-from and --job-bookmark-to may only be given with "
                "--job-bookmark-option job-bookmark-pause."
            ),
        ),
    ],
)
def test_a_window_that_contradicts_itself_is_refused(daemon: Daemon, arguments: dict[str, str], sentence: str) -> None:
    job = daemon.job("odd_window", COUNT)
    assert runs.refused_start(daemon, job, Arguments=arguments) == ("InvalidInputException", sentence)


def test_a_window_of_unknown_runs_is_refused(daemon: Daemon, counted_job: tuple[str, list[str]]) -> None:
    job, ids = counted_job
    window = {"--job-bookmark-from": ids[0], "--job-bookmark-to": "jr_0"}
    assert runs.refused_start(daemon, job, Arguments={**PAUSE, **window})[0] == "EntityNotFoundException"


# Moved with success only.


@pytest.mark.parametrize(
    ("ending", "state"),
    [("raise SystemExit(1)", "FAILED"), ("os.kill(os.getpid(), 9)", "FAILED"), ("raise ValueError(1)", "FAILED")],
)
def test_a_run_that_fails_after_its_commit_moves_nothing(daemon: Daemon, ending: str, state: str) -> None:
    job = daemon.job(f"failing_{abs(hash(ending))}", WRITE_FROM_ARGUMENT)
    run = runs.finish(daemon, job, Arguments={**ENABLE, "--do": f"open(path, 'w').write('1')\n{ending}"})
    assert run["JobRunState"] == state
    assert_no_bookmark(daemon, job)


def test_a_run_that_is_stopped_after_its_commit_moves_nothing(daemon: Daemon, tmp_path: Path) -> None:
    gate = tmp_path / "written"
    script = f"open(path, 'w').write('1')\nopen({str(gate)!r}, 'w')\nimport time\ntime.sleep(600)"
    job = daemon.job("stopped", WRITE_FROM_ARGUMENT)
    run_id = runs.start(daemon, job, Arguments={**ENABLE, "--do": script})
    until(gate.exists, what="the commit")
    daemon.call("BatchStopJobRun", {"JobName": job, "JobRunIds": [run_id]})
    assert daemon.ended(job, run_id)["JobRunState"] == "STOPPED"
    assert_no_bookmark(daemon, job)


def test_a_run_that_commits_nothing_leaves_it_as_it_was(daemon: Daemon) -> None:
    job = daemon.job("no_commit", WRITE_FROM_ARGUMENT)
    runs.succeed(daemon, job, Arguments={**ENABLE, "--do": "open(path, 'w').write('1')"})
    runs.succeed(daemon, job, Arguments={**ENABLE, "--do": "pass"})
    assert (entry(daemon, job)["Version"], entry(daemon, job)["JobBookmark"]) == (1, "1")


def test_of_several_commits_in_one_run_the_last_counts_and_is_one_version(daemon: Daemon) -> None:
    job = daemon.job("several", "import orchestrator_bookmark as b\nfor n in range(5):\n    b.put(n)\n")
    runs.succeed(daemon, job, Arguments=ENABLE)
    assert (entry(daemon, job)["Version"], entry(daemon, job)["JobBookmark"]) == (1, "4")


def test_of_two_runs_at_once_the_second_to_commit_fails_in_glues_words(daemon: Daemon, tmp_path: Path) -> None:
    script = runs.WAIT_FOR_GATE + "import orchestrator_bookmark as b\nb.put(sys.argv[sys.argv.index('--me') + 1])\n"
    job = daemon.job("raced", script, ExecutionProperty={"MaxConcurrentRuns": 2})
    with (
        runs.gated_run(daemon, job, tmp_path / "late", Arguments={**ENABLE, "--me": "late"}) as late,
        runs.gated_run(daemon, job, tmp_path / "early", Arguments={**ENABLE, "--me": "early"}) as early,
    ):
        pass  # the early one is let go first
    assert daemon.run(job, early)["JobRunState"] == "SUCCEEDED"
    lost = daemon.run(job, late)
    assert (lost["JobRunState"], lost["ErrorMessage"]) == (
        "FAILED",
        (
            "VersionMismatchException: Continuation update failed due to version mismatch. "
            "Expected version 0 but found version 1"
        ),
    )
    assert entry(daemon, job)["JobBookmark"] == '"early"'


def test_a_reset_while_a_run_is_live_makes_its_commit_lose(daemon: Daemon, tmp_path: Path) -> None:
    script = runs.WAIT_FOR_GATE + "import orchestrator_bookmark as b\nb.put(1)\n"
    job = daemon.job("reset_live", script)
    (tmp_path / "open").touch()
    runs.succeed(daemon, job, Arguments={**ENABLE, "--gate": str(tmp_path / "open")})
    with runs.gated_run(daemon, job, tmp_path / "gate", Arguments=ENABLE) as run_id:
        reset(daemon, job)
    assert daemon.run(job, run_id)["ErrorMessage"].endswith("Expected version 1 but found version 2")
    assert entry(daemon, job)["JobBookmark"] == "{}"


# Reset and history.


def test_a_whole_reset_is_a_new_version_that_begins_anew(daemon: Daemon) -> None:
    job = daemon.job("reset", COUNT)
    counted(daemon, job)
    counted(daemon, job)
    after = {"JobName": job, "Version": 3, "Run": 0, "Attempt": 0, "JobBookmark": "{}"}
    assert reset(daemon, job) == after
    assert entry(daemon, job) == after
    assert counted(daemon, job)["seen"] is None
    assert (entry(daemon, job)["Version"], entry(daemon, job)["Run"]) == (4, 1)


def test_a_reset_to_a_run_is_a_new_version_with_what_that_run_left(daemon: Daemon) -> None:
    job = daemon.job("rewound", COUNT)
    ids = [runs.succeed(daemon, job, Arguments=ENABLE)["Id"] for _ in range(3)]
    assert reset(daemon, job, RunId=ids[1]) == {
        "JobName": job,
        "Version": 4,
        "Run": 2,
        "Attempt": 0,
        "PreviousRunId": ids[0],
        "RunId": ids[1],
        "JobBookmark": '{"n": 2}',
    }
    assert counted(daemon, job)["seen"] == {"n": 2}


def test_a_reset_of_a_job_that_never_committed_is_refused_in_glues_words(daemon: Daemon) -> None:
    job = daemon.job("reset_nothing", COUNT)
    assert runs.refused(daemon, "ResetJobBookmark", JobName=job) == (
        "EntityNotFoundException",
        f"Continuation for job {job} not found",
    )


@pytest.mark.parametrize("action", ["ResetJobBookmark", "GetJobBookmark"])
def test_a_run_that_never_committed_has_no_bookmark(
    daemon: Daemon, counted_job: tuple[str, list[str]], action: str
) -> None:
    job, ids = counted_job
    assert runs.refused(daemon, action, JobName=job, RunId=ids[2]) == (
        "EntityNotFoundException",
        f"Continuation for job {job} and run {ids[2]} not found",
    )


@pytest.mark.parametrize("job", ["nobody", ""])
def test_the_bookmark_of_an_unknown_job_is_not_found(daemon: Daemon, job: str) -> None:
    assert_no_bookmark(daemon, job)


def test_what_each_run_committed_stays_readable(daemon: Daemon, counted_job: tuple[str, list[str]]) -> None:
    job, ids = counted_job
    assert [entry(daemon, job, RunId=ids[n])["JobBookmark"] for n in (0, 1, 3)] == ['{"n": 1}', '{"n": 2}', '{"n": 3}']


def test_every_version_is_kept_with_what_made_it(daemon: Daemon) -> None:
    job = daemon.job("kept", COUNT)
    first = runs.succeed(daemon, job, Arguments=ENABLE)["Id"]
    counted(daemon, job)
    reset(daemon, job)
    reset(daemon, job, RunId=first)
    query = "SELECT version, cause, bookmark FROM bookmark JOIN job USING (job_key) WHERE name = ? ORDER BY version"
    with closing(sqlite3.connect(f"file:{daemon.state_dir}/state.db?mode=ro", uri=True)) as connection:
        rows = connection.execute(query, (job,)).fetchall()
    connection.close()
    assert rows == [
        (1, "commit", '{"n": 1}'),
        (2, "commit", '{"n": 2}'),
        (3, "reset", "{}"),
        (4, "rewind", '{"n": 1}'),
    ]


# What a script may leave.


@pytest.mark.parametrize(
    ("do", "reason"),
    [
        ("os.symlink('/etc/hostname', path)", "it is a symbolic link"),
        ("os.mkfifo(path)", "it is not a regular file"),
        ("os.mkdir(path)", "it is not a regular file"),
        ("import socket; socket.socket(socket.AF_UNIX).bind(os.path.relpath(path))", "it cannot be read: "),
        ("open(path, 'w').write('x' * 65537)", "it is larger than 65536 bytes"),
        ("open(path, 'wb').write(bytes([0xc3, 0x28]))", "it is not UTF-8 text"),
        ("open(path, 'wb').write(b'a' + bytes(1))", "it contains a NUL character"),
    ],
    ids=["symlink", "fifo", "directory", "socket", "too large", "not UTF-8", "NUL"],
)
def test_a_bookmark_that_cannot_be_taken_fails_the_run_and_says_why(daemon: Daemon, do: str, reason: str) -> None:
    job = daemon.job(f"invalid_{abs(hash(do))}", WRITE_FROM_ARGUMENT)
    run = runs.finish(daemon, job, Arguments={**ENABLE, "--do": do})
    assert run["JobRunState"] == "FAILED"
    assert run["ErrorMessage"].startswith(f"The bookmark was not accepted: {reason}")
    assert_no_bookmark(daemon, job)


@pytest.mark.parametrize(
    "text",
    ["x" * 65_536, "ä" * 32_768, "", "not JSON", '{"a": "日本 🚀"}'],
    ids=["64 KiB", "64 KiB of two bytes", "empty", "not JSON", "JSON"],
)
def test_any_utf8_text_up_to_64_kib_is_a_bookmark(daemon: Daemon, text: str) -> None:
    job = daemon.job(f"text_{len(text)}_{abs(hash(text))}", WRITE_FROM_ARGUMENT)
    do = f"open(path, 'w').write({text!r})" if len(text) < 100 else f"open(path, 'w').write({text[0]!r} * {len(text)})"
    runs.succeed(daemon, job, Arguments={**ENABLE, "--do": do})
    assert entry(daemon, job)["JobBookmark"] == text


def test_a_shell_script_reads_a_bookmark_and_commits_one_by_a_rename(daemon: Daemon) -> None:
    script = """#!/bin/sh
set -eu
if [ -e "$ORCH_BOOKMARK_FILE" ]; then last=$(cat "$ORCH_BOOKMARK_FILE"); else last=0; fi
echo "from $last"
echo $((last + 1)) > "$ORCH_BOOKMARK_FILE.new"
mv "$ORCH_BOOKMARK_FILE.new" "$ORCH_BOOKMARK_FILE"
"""
    job = daemon.job("shell", script, suffix=".sh")
    seen = [runs.output(daemon, runs.succeed(daemon, job, Arguments=ENABLE)["Id"]) for _ in range(3)]
    assert seen == ["from 0\n", "from 1\n", "from 2\n"]
    assert entry(daemon, job)["JobBookmark"] == "3\n"


def test_glues_own_job_class_keeps_a_bookmark(daemon: Daemon) -> None:
    script = """
import json, sys
from awsglue.job import Job
from awsglue.utils import getResolvedOptions
args = getResolvedOptions(sys.argv, ["JOB_NAME"])
job = Job(None)
job.init(args["JOB_NAME"], args)
print(json.dumps(job.bookmark))
job.bookmark["orders"] = {"last": job.bookmark.get("orders", {}).get("last", 0) + 10}
job.commit()
"""
    job = daemon.job("glue_job", script)
    assert [counted(daemon, job) for _ in range(2)] == [{}, {"orders": {"last": 10}}]
    assert json.loads(entry(daemon, job)["JobBookmark"]) == {"orders": {"last": 20}}


def test_a_bookmark_that_is_put_back_unchanged_is_a_commit(daemon: Daemon) -> None:
    job = daemon.job("unchanged", "import orchestrator_bookmark as b\nb.put({'n': 1})\n")
    for version in (1, 2):
        runs.succeed(daemon, job, Arguments=ENABLE)
        assert (entry(daemon, job)["Version"], entry(daemon, job)["Run"]) == (version, version)
