"""Commands that act on runs, bookmarks and files: they ask for the right thing, refuse what could be meant otherwise."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from click.testing import Result

from orchestrator.faces.cli.exit_codes import ExitCode
from tests.unit.cli.stand_in import StandIn, a_run, refuse

Invoke = Callable[..., Result]
ENTRY = {"JobName": "ingest", "Version": 3, "Run": 2, "Attempt": 0, "JobBookmark": "x"}


def queries(daemon: StandIn) -> list[dict[str, str]]:
    """Return what was asked of the list of runs."""
    asked = [urlsplit(path) for path, *_ in daemon.asked]
    return [{k: v[0] for k, v in parse_qs(one.query).items()} for one in asked if one.path == "/runs"]


# output


def test_a_list_comes_out_in_every_form(daemon: StandIn, invoke: Invoke) -> None:
    older, newer = daemon.add(a_run("4f")), daemon.add(a_run("5a"))

    assert json.loads(invoke("runs", "-o", "json").stdout) == [newer, older]
    assert [json.loads(line) for line in invoke("runs", "-o", "jsonl").stdout.splitlines()] == [newer, older]
    assert invoke("runs", "-o", "id").stdout.splitlines() == [newer["id"], older["id"]]
    assert json.loads(invoke("show", "4f", "-o", "jsonl").stdout)["run"] == older
    assert invoke("show", "4f", "-o", "id").stdout == f"{older['id']}\n"


def test_a_hostile_name_is_spelled_out_as_an_id_too(daemon: StandIn, invoke: Invoke) -> None:
    daemon.actions["GetJobs"] = lambda _: (200, {"Jobs": [{"Name": "a\x9b2J\x1b"}]})

    assert invoke("jobs", "-o", "id").stdout == "a\\x9b2J\\x1b\n"


# runs


def test_every_filter_is_passed_on(daemon: StandIn, invoke: Invoke) -> None:
    result = invoke(
        *("runs", "--job", "ingest", "--state", "failed,TIMEOUT", "--state", "STOPPED", "--trigger", "nightly"),
        *("--text", "bad day", "--since", "2026-11-28T14:00Z", "--until", "2026-11-28T15:00Z", "-n", "7"),
    )

    assert result.exit_code == 0
    assert queries(daemon) == [
        {
            "job": "ingest",
            "state": "FAILED,TIMEOUT,STOPPED",
            "trigger": "nightly",
            "text": "bad day",
            "since_ms": "1795874400000",
            "until_ms": "1795878000000",
            "limit": "7",
        }
    ]


def test_a_list_is_read_on_where_it_was_cut(daemon: StandIn, invoke: Invoke) -> None:
    runs = [a_run(f"{n:04x}") for n in range(4)]
    daemon.pages["/runs?limit=3"] = {"runs": runs[:1], "next": "a"}
    daemon.pages["/runs?limit=2&before=a"] = {"runs": [], "next": "b"}
    daemon.pages["/runs?limit=2&before=b"] = {"runs": runs[1:3], "next": "c"}

    assert invoke("runs", "-n", "3", "-o", "id").stdout.splitlines() == [run["id"] for run in runs[:3]]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--state", "FLYING"], "'FLYING' is none of WAITING, STARTING, RUNNING"),
        (["--since", "soon"], "'soon' is no time"),
        (["ingest", "--job", "report"], "the job is named twice"),
    ],
)
def test_a_filter_that_means_nothing_is_refused(invoke: Invoke, arguments: list[str], said: str) -> None:
    result = invoke("runs", *arguments)

    assert result.exit_code == ExitCode.USAGE
    assert said in " ".join(result.stderr.split())


# @last


def test_the_last_run_is_named_by_a_word(daemon: StandIn, invoke: Invoke) -> None:
    ingest = daemon.add(a_run("4f", job_name="ingest"))
    report = daemon.add(a_run("5a", job_name="re:port"))

    assert invoke("show", "@last", "-o", "id").stdout.strip() == report["id"]
    assert invoke("show", "@last:ingest", "-o", "id").stdout.strip() == ingest["id"]
    assert invoke("show", "@last:re:port", "-o", "id").stdout.strip() == report["id"]


@pytest.mark.parametrize(("word", "said"), [("@last", "no run yet"), ("@last:x", "no run of job x yet")])
def test_where_there_is_no_run_the_last_is_not_found(invoke: Invoke, word: str, said: str) -> None:
    result = invoke("show", word)

    assert result.exit_code == ExitCode.NOT_FOUND
    assert said in result.stderr


# rerun


def test_a_rerun_has_the_arguments_as_the_api_tells_them(daemon: StandIn, invoke: Invoke) -> None:
    old = daemon.add(a_run("4f", arguments={"--token": "***"}))
    told = {"Arguments": {"--token": "abc", "--months": "2"}, "JobRunQueuingEnabled": True}
    daemon.actions["GetJobRun"] = lambda _: (200, {"JobRun": told})
    daemon.actions["StartJobRun"] = lambda _: (200, {"JobRunId": "jr_2"})

    assert invoke("rerun", "4f").stdout == "jr_2\n"
    assert invoke("rerun", "@last", "-o", "jsonl", "--", "--months", "3").stdout == '{"JobRunId": "jr_2"}\n'

    assert daemon.members_of("GetJobRun")[0] == {"JobName": "ingest", "RunId": old["id"]}
    assert daemon.members_of("StartJobRun") == [
        {"JobName": "ingest", "Arguments": {"--token": "abc", "--months": "2"}, "JobRunQueuingEnabled": True},
        {"JobName": "ingest", "Arguments": {"--token": "abc", "--months": "3"}, "JobRunQueuingEnabled": True},
    ]


@pytest.mark.parametrize(("state", "code"), [("SUCCEEDED", 0), ("FAILED", 1)])
def test_a_rerun_that_is_followed_ends_as_the_new_run(daemon: StandIn, invoke: Invoke, state: str, code: int) -> None:
    daemon.add(a_run("4f"))
    new = daemon.add(a_run("5a", state=state), stdout=b"again\n")
    daemon.actions["GetJobRun"] = lambda _: (200, {"JobRun": {}})
    daemon.actions["StartJobRun"] = lambda _: (200, {"JobRunId": new["id"]})

    result = invoke("rerun", "-f", "4f")

    assert (result.exit_code, result.stdout) == (code, "again\n")
    assert f"{new['id']} {state}" in result.stderr


# stop


def test_all_live_runs_of_a_job_are_stopped_in_batches(daemon: StandIn, invoke: Invoke) -> None:
    live = [daemon.add(a_run(f"{n:04x}", state="RUNNING")) for n in range(30)]
    daemon.add(a_run("ffff", state="SUCCEEDED"))
    daemon.add(a_run("fffe", state="STOPPING"))
    daemon.actions["BatchStopJobRun"] = lambda members: (
        200,
        {"SuccessfulSubmissions": [{"JobName": "ingest", "JobRunId": one} for one in members["JobRunIds"]]},
    )

    result = invoke("stop", "--job", "ingest", "-o", "id")

    assert sorted(result.stdout.splitlines()) == sorted(run["id"] for run in live)
    assert [len(members["JobRunIds"]) for members in daemon.members_of("BatchStopJobRun")] == [25, 5]


def test_a_job_without_live_runs_has_nothing_to_stop(daemon: StandIn, invoke: Invoke) -> None:
    daemon.actions["GetJob"] = lambda _: (200, {"Job": {"Name": "ingest"}})

    result = invoke("stop", "--job", "ingest")

    assert (result.exit_code, result.stdout) == (0, "no run of job ingest is live\n")


def test_a_mistyped_job_is_not_taken_for_one_without_runs(daemon: StandIn, invoke: Invoke) -> None:
    daemon.actions["GetJob"] = refuse(400, "EntityNotFoundException", "not found")
    daemon.actions["ListJobs"] = lambda _: (200, {"JobNames": ["ingest"]})

    result = invoke("stop", "--job", "inges")

    assert result.exit_code == ExitCode.NOT_FOUND
    assert "Did you mean ingest?" in result.stderr


@pytest.mark.parametrize("arguments", [[], ["4f", "--job", "ingest"]])
def test_stop_wants_runs_or_a_job(invoke: Invoke, arguments: list[str]) -> None:
    assert invoke("stop", *arguments).exit_code == ExitCode.USAGE


# bookmark


def versions(*texts: str) -> dict[str, Any]:
    return {
        "entries": [
            {"version": n, "run": n, "attempt": 0, "run_id": None, "cause": "set", "at_ms": 0, "bookmark": text}
            for n, text in reversed(list(enumerate(texts, start=1)))
        ]
    }


def test_a_job_alone_means_its_bookmark(daemon: StandIn, invoke: Invoke) -> None:
    daemon.actions["GetJobBookmark"] = lambda _: (200, {"JobBookmarkEntry": ENTRY})

    assert invoke("bookmark", "ingest").stdout == invoke("bookmark", "show", "ingest").stdout
    assert invoke("bookmark", "show", "set").exit_code == 0
    assert [members["JobName"] for members in daemon.members_of("GetJobBookmark")] == ["ingest", "ingest", "set"]


def test_the_history_is_listed(daemon: StandIn, invoke: Invoke) -> None:
    daemon.pages["/bookmark"] = versions("a", "b")

    lines = invoke("bookmark", "history", "ingest").stdout.splitlines()

    assert lines[0].split() == ["VERSION", "AT", "CAUSE", "RUN", "BOOKMARK"]
    assert [line.split()[0] for line in lines[1:]] == ["2", "1"]
    assert invoke("bookmark", "history", "ingest", "-n", "1", "-o", "id").stdout == "2\n"


@pytest.mark.parametrize(
    ("arguments", "lines"),
    [
        ([], ["--- version 2", "+++ version 3", "@@ -1,3 +1,3 @@", " {", '-  "to": 2', '+  "to": 3', " }"]),
        (["2"], ["--- version 2", "+++ version 3", "@@ -1,3 +1,3 @@", " {", '-  "to": 2', '+  "to": 3', " }"]),
        (["1", "2"], ["--- version 1", "+++ version 2", "@@ -1 +1,3 @@", "-no JSON", "+{", '+  "to": 2', "+}"]),
        (["0", "1"], ["--- version 0", "+++ version 1", "@@ -0,0 +1 @@", "+no JSON"]),
        (["2", "2"], ["versions 2 and 2 hold the same"]),
    ],
)
def test_two_versions_are_compared(daemon: StandIn, invoke: Invoke, arguments: list[str], lines: list[str]) -> None:
    daemon.pages["/bookmark"] = versions("no JSON", '{"to": 2}', '{"to": 3}')

    assert invoke("bookmark", "diff", "ingest", *arguments).stdout.splitlines() == lines


def test_a_version_that_there_is_not_is_not_found(daemon: StandIn, invoke: Invoke) -> None:
    daemon.pages["/bookmark"] = versions("a", "b")

    result = invoke("bookmark", "diff", "ingest", "9")

    assert result.exit_code == ExitCode.NOT_FOUND
    assert "has no version 9; those from 1 to 2 are known" in result.stderr


def test_set_names_the_version_that_it_saw(daemon: StandIn, invoke: Invoke, tmp_path: Path) -> None:
    daemon.actions["GetJobBookmark"] = lambda _: (200, {"JobBookmarkEntry": ENTRY})
    daemon.actions["Orchestrator.SetJobBookmark"] = lambda _: (200, {"JobBookmarkEntry": ENTRY})
    (tmp_path / "mark").write_text("from a file\n")

    assert invoke("bookmark", "set", "ingest", "text").exit_code == 0
    assert invoke("bookmark", "set", "ingest", f"@{tmp_path / 'mark'}").exit_code == 0
    assert invoke("bookmark", "set", "ingest", "--version", "0", "first").exit_code == 0

    assert daemon.members_of("Orchestrator.SetJobBookmark") == [
        {"JobName": "ingest", "JobBookmark": "text", "Version": 3},
        {"JobName": "ingest", "JobBookmark": "from a file\n", "Version": 3},
        {"JobName": "ingest", "JobBookmark": "first", "Version": 0},
    ]


def test_set_of_a_job_without_a_bookmark_makes_the_first(daemon: StandIn, invoke: Invoke) -> None:
    daemon.actions["GetJobBookmark"] = refuse(400, "EntityNotFoundException", "Continuation not found")
    daemon.actions["Orchestrator.SetJobBookmark"] = lambda _: (200, {"JobBookmarkEntry": ENTRY})

    assert invoke("bookmark", "set", "ingest", "text").exit_code == 0
    assert daemon.members_of("Orchestrator.SetJobBookmark")[0]["Version"] == 0


def test_a_bookmark_that_has_moved_is_told_with_what_to_do(daemon: StandIn, invoke: Invoke) -> None:
    daemon.actions["GetJobBookmark"] = lambda _: (200, {"JobBookmarkEntry": ENTRY})
    daemon.actions["Orchestrator.SetJobBookmark"] = refuse(400, "VersionMismatchException", "by now")

    result = invoke("bookmark", "set", "ingest", "text")

    assert result.exit_code == ExitCode.REFUSED
    assert "`orchestrator bookmark history JOB` shows what moved it" in result.stderr


@pytest.mark.parametrize("content", [None, b"\xff"])
def test_a_file_that_is_no_text_sets_nothing(
    daemon: StandIn, invoke: Invoke, tmp_path: Path, content: bytes | None
) -> None:
    file = tmp_path / "mark"
    if content is not None:
        file.write_bytes(content)

    assert invoke("bookmark", "set", "ingest", f"@{file}").exit_code == ExitCode.USAGE
    assert daemon.asked == []


# apply


def answer(*changes: dict[str, Any], problems: tuple[dict[str, Any], ...] = ()) -> dict[str, Any]:
    told = {"DryRun": True, "JobsDir": "/jobs", "TriggersFile": "/triggers.toml"}
    return {**told, "Changes": list(changes), "Problems": list(problems)}


CHANGED = {
    "Kind": "JOB",
    "Name": "daily",
    "Change": "CHANGED",
    "Before": {"Role": "a", "DefaultArguments": {"--password": "one", "--n": "1", "--token": "same"}},
    "After": {"Role": "a", "DefaultArguments": {"--password": "two", "--n": "2", "--token": "same"}},
}


def test_nothing_to_apply_is_said_and_ends_well(daemon: StandIn, invoke: Invoke) -> None:
    daemon.actions["Orchestrator.ReadFiles"] = lambda _: (200, answer())

    result = invoke("apply", "--dry-run")

    assert (result.exit_code, result.stdout) == (0, "nothing would change: read /jobs and /triggers.toml\n")
    assert daemon.members_of("Orchestrator.ReadFiles") == [{"DryRun": True}]


def test_what_would_change_is_shown_without_its_secrets(daemon: StandIn, invoke: Invoke) -> None:
    daemon.actions["Orchestrator.ReadFiles"] = lambda _: (200, answer(CHANGED))

    result = invoke("apply", "--dry-run")

    assert result.exit_code == ExitCode.WOULD_CHANGE
    assert result.stdout.splitlines() == [
        "job daily: changed",
        "--- daemon: job/daily",
        "+++ files: job/daily",
        "@@ -1,7 +1,7 @@",
        " {",
        '   "DefaultArguments": {',
        '-    "--n": "1",',
        '-    "--password": "***",',
        '+    "--n": "2",',
        '+    "--password": "*** (another one)",',
        '     "--token": "***"',
        "   },",
        '   "Role": "a"',
    ]
    assert "two" not in invoke("apply", "--dry-run", "-o", "json").stdout


def test_what_was_applied_is_told(daemon: StandIn, invoke: Invoke) -> None:
    added = {"Kind": "TRIGGER", "Name": "night\x1b", "Change": "ADDED", "After": {"Type": "ON_DEMAND"}}
    gone = {"Kind": "JOB", "Name": "old", "Change": "GONE", "Before": {}, "After": {}}
    daemon.actions["Orchestrator.ReadFiles"] = lambda _: (200, answer(CHANGED, added, gone))

    result = invoke("apply")

    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "job daily: changed",
        "trigger night\\x1b: added",
        "job old: in no file any more, so it belongs to the API",
    ]


@pytest.mark.parametrize("output", ["table", "json"])
def test_a_mistake_is_told_by_its_place(daemon: StandIn, invoke: Invoke, output: str) -> None:
    problem = {"File": "/jobs/daily/job.toml", "Line": 3, "Message": "Role: it is empty"}
    daemon.actions["Orchestrator.ReadFiles"] = lambda _: (200, answer(CHANGED, problems=(problem,)))

    result = invoke("apply", "--dry-run", "-o", output)

    assert result.exit_code == ExitCode.CONFIGURATION
    assert "/jobs/daily/job.toml:3: Role: it is empty" in result.stderr


@pytest.mark.parametrize("text", ["new \x1b[2J\x9b", '{"new": "\x9b\\u001b[2J"}'])
def test_a_difference_does_not_command_the_terminal(daemon: StandIn, invoke: Invoke, text: str) -> None:
    daemon.pages["/bookmark"] = versions("old", text)

    told = invoke("bookmark", "diff", "ingest").stdout

    assert "new" in told
    assert "\\x9b" in told
    assert not {"\x1b", "\x9b"} & set(told)
