"""The actions that are ours and not Glue's: a bookmark that somebody sets, and files that are read when somebody asks."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support import runs
from tests.support.daemon import Daemon

ENABLE: Final = {"--job-bookmark-option": "job-bookmark-enable"}
TELL: Final = "import os, json; path = os.environ['ORCH_BOOKMARK_FILE']\nprint(json.dumps(open(path).read() if os.path.exists(path) else None))\n"
JOB: Final = '[Command]\nName = "pythonshell"\nScriptLocation = "x.py"\n'


@pytest.fixture
def filed(tmp_path: Path) -> Iterator[Daemon]:
    """Lend a daemon of the test's own, with a job and a trigger in files."""
    daemon = Daemon(tmp_path, {"ORCHESTRATOR_TRIGGERS_FILE": str(tmp_path / "triggers.toml")})
    write_job(daemon, "daily", JOB)
    (tmp_path / "triggers.toml").write_text('[night]\nType = "ON_DEMAND"\n[[night.Actions]]\nJobName = "daily"\n')
    with daemon:
        yield daemon


def write_job(daemon: Daemon, name: str, text: str) -> None:
    folder = daemon.jobs_dir / name
    folder.mkdir(exist_ok=True)
    (folder / "x.py").touch()
    (folder / "job.toml").write_text(text)


def set_bookmark(daemon: Daemon, job: str, text: str, **members: Any) -> dict[str, Any]:
    return daemon.call("Orchestrator.SetJobBookmark", {"JobName": job, "JobBookmark": text, **members})


def test_a_bookmark_that_is_set_is_what_the_next_run_reads(daemon: Daemon) -> None:
    job = daemon.job("set_first", TELL)
    answer = set_bookmark(daemon, job, "from here", Version=0)
    assert answer == {
        "JobBookmarkEntry": {"JobName": job, "Version": 1, "Run": 1, "Attempt": 0, "JobBookmark": "from here"}
    }
    assert runs.printed(daemon, runs.succeed(daemon, job, Arguments=ENABLE)) == "from here"


def test_a_bookmark_can_be_set_after_a_reset(daemon: Daemon) -> None:
    job = daemon.job("set_after_reset", TELL)
    set_bookmark(daemon, job, "a")
    daemon.call("ResetJobBookmark", {"JobName": job})
    assert set_bookmark(daemon, job, "b")["JobBookmarkEntry"]["Version"] == 3
    assert runs.printed(daemon, runs.succeed(daemon, job, Arguments=ENABLE)) == "b"


def test_a_bookmark_that_has_moved_is_not_overwritten(daemon: Daemon) -> None:
    job = daemon.job("set_late", TELL)
    set_bookmark(daemon, job, "a")
    set_bookmark(daemon, job, "b")
    refused = set_bookmark(daemon, job, "c", Version=1)
    assert refused["__type"] == "VersionMismatchException"
    assert refused["Message"] == f"The bookmark of job {job} has version 2 by now, not 1; look at it again."
    assert daemon.call("GetJobBookmark", {"JobName": job})["JobBookmarkEntry"]["JobBookmark"] == "b"


def test_the_same_call_again_sets_it_once(daemon: Daemon) -> None:
    job = daemon.job("set_again", TELL)
    first = set_bookmark(daemon, job, "a", Version=0)
    assert set_bookmark(daemon, job, "a", Version=0) == first


@pytest.mark.parametrize(
    ("members", "name"),
    [
        ({"JobName": "none", "JobBookmark": "x"}, "EntityNotFoundException"),
        ({"JobName": "set_refused", "JobBookmark": "x" * (64 * 1024 + 1)}, "InvalidInputException"),
        ({"JobName": "set_refused", "JobBookmark": "x", "Version": -1}, "InvalidInputException"),
        ({"JobName": "set_refused"}, "InvalidInputException"),
        ({"JobName": "set_refused", "JobBookmark": 1}, "SerializationException"),
    ],
)
def test_what_would_be_lost_or_cannot_be_kept_is_refused(daemon: Daemon, members: dict[str, Any], name: str) -> None:
    if members["JobName"] == "set_refused":
        daemon.call("CreateJob", {"Name": "set_refused", "Role": "r", "Command": {"Name": "pythonshell"}})
    assert daemon.call("Orchestrator.SetJobBookmark", members)["__type"] == name


def test_a_deleted_job_has_no_bookmark_to_set(daemon: Daemon) -> None:
    job = daemon.job("set_deleted", TELL)
    set_bookmark(daemon, job, "a")
    daemon.call("DeleteJob", {"JobName": job})
    assert set_bookmark(daemon, job, "b")["__type"] == "EntityNotFoundException"


@pytest.mark.parametrize("target", ["Orchestrator.Fly", "Orchestrator.", "Orchestrator.StartJobRun"])
def test_an_action_that_we_lack_is_named(daemon: Daemon, target: str) -> None:
    assert daemon.call(target, {}) == {
        "__type": "UnknownOperationException",
        "Message": f"Unknown operation: {target}",
    }


def changes(answer: dict[str, Any]) -> list[tuple[str, str, str]]:
    assert "Changes" in answer, answer
    return [(one["Kind"], one["Name"], one["Change"]) for one in answer["Changes"]]


def test_reading_files_that_have_not_changed_changes_nothing(filed: Daemon) -> None:
    for members in ({"DryRun": True}, {}):
        answer = filed.call("Orchestrator.ReadFiles", members)
        assert (answer["Changes"], answer["Problems"]) == ([], [])
        assert answer["JobsDir"] == str(filed.jobs_dir)
        assert answer["TriggersFile"] == str(filed.root / "triggers.toml")


def test_a_dry_run_tells_what_reading_then_does(filed: Daemon) -> None:
    write_job(filed, "daily", JOB + '[DefaultArguments]\n"--n" = "1"\n')
    write_job(filed, "new", JOB)
    (filed.root / "triggers.toml").write_text('[dawn]\nType = "ON_DEMAND"\n[[dawn.Actions]]\nJobName = "new"\n')

    seen = filed.call("Orchestrator.ReadFiles", {"DryRun": True})
    assert changes(seen) == [
        ("JOB", "daily", "CHANGED"),
        ("JOB", "new", "ADDED"),
        ("TRIGGER", "dawn", "ADDED"),
        ("TRIGGER", "night", "GONE"),
    ]
    daily = seen["Changes"][0]
    assert "DefaultArguments" not in daily["Before"]
    assert daily["After"]["DefaultArguments"] == {"--n": "1"}
    assert filed.call("GetJob", {"JobName": "new"})["__type"] == "EntityNotFoundException"
    assert filed.call("GetTrigger", {"Name": "dawn"})["__type"] == "EntityNotFoundException"

    done = filed.call("Orchestrator.ReadFiles", {})
    assert (done["Changes"], done["DryRun"]) == (seen["Changes"], False)
    assert filed.call("GetJob", {"JobName": "daily"})["Job"]["DefaultArguments"] == {"--n": "1"}
    assert changes(filed.call("Orchestrator.ReadFiles", {})) == []


def test_a_mistake_is_told_and_changes_nothing(filed: Daemon) -> None:
    write_job(filed, "daily", JOB.replace('"pythonshell"', "1"))
    (filed.root / "triggers.toml").write_text('[night]\nType = "ON_DEMAND"\n[[night.Actions]]\nJobName = "missing"\n')

    answer = filed.call("Orchestrator.ReadFiles", {})
    assert changes(answer) == []
    assert [(Path(one["File"]).name, one.get("Line")) for one in answer["Problems"]] == [
        ("job.toml", 2),
        ("triggers.toml", None),
    ]
    assert answer["Problems"][1]["Message"] == "night: Job with name: missing not found."
    assert "Job" in filed.call("GetJob", {"JobName": "daily"})


def test_tags_of_a_file_are_a_change_too(filed: Daemon) -> None:
    tagged = JOB.replace("[Command]", '[Tags]\nteam = "a"\n[Command]')
    write_job(filed, "daily", tagged)
    assert changes(filed.call("Orchestrator.ReadFiles", {})) == [("JOB", "daily", "CHANGED")]
    arn = "arn:aws:glue:us-east-1:123456789012:job/daily"
    filed.call("TagResource", {"ResourceArn": arn, "TagsToAdd": {"team": "b"}})
    (change,) = filed.call("Orchestrator.ReadFiles", {"DryRun": True})["Changes"]
    assert (change["Before"]["Tags"], change["After"]["Tags"]) == ({"team": "b"}, {"team": "a"})
    assert filed.call("GetTags", {"ResourceArn": arn})["Tags"] == {"team": "b"}
