"""Tags are kept by a resource's ARN, in Glue's limits, from its creation to its end."""

import base64
import signal
from typing import Any, Final

import pytest

from tests.support import runs
from tests.support.daemon import Daemon
from tests.support.waiting import until

ACTIONS: Final = [{"JobName": "job"}]
PREFIXES: Final = (
    "arn:aws:glue:us-east-1:123456789012:",
    "arn:aws:glue:eu-west-3:current-account:",
    "arn:aws-cn:glue:::",
)


@pytest.fixture(scope="module", autouse=True)
def resources(daemon: Daemon) -> None:
    for name in ("job", "a/b:c d", "höhe 漢字"):
        assert daemon.call("CreateJob", {"Name": name, "Role": "r", "Command": {"Name": "glueetl"}}) == {"Name": name}
    daemon.call("CreateTrigger", {"Name": "trigger", "Type": "ON_DEMAND", "Actions": ACTIONS})
    daemon.call("CreateWorkflow", {"Name": "workflow"})


def arn_of(resource: str, prefix: str = PREFIXES[0]) -> str:
    return prefix + resource


def tags(daemon: Daemon, resource: str, prefix: str = PREFIXES[0]) -> dict[str, str]:
    answer = daemon.call("GetTags", {"ResourceArn": arn_of(resource, prefix)})
    assert set(answer) == {"Tags"}, answer
    found: dict[str, str] = answer["Tags"]
    return found


def tag(daemon: Daemon, resource: str, **added: str) -> None:
    assert daemon.call("TagResource", {"ResourceArn": arn_of(resource), "TagsToAdd": added}) == {}


@pytest.mark.parametrize(
    "resource", ["job/job", "trigger/trigger", "workflow/workflow", "job/a/b:c d", "job/höhe 漢字"]
)
def test_tags_are_added_changed_and_removed(daemon: Daemon, resource: str) -> None:
    tag(daemon, resource, a="1", b="2")
    tag(daemon, resource, b="3", c="")
    assert tags(daemon, resource) == {"a": "1", "b": "3", "c": ""}
    gone = {"ResourceArn": arn_of(resource), "TagsToRemove": ["a", "never"]}
    assert daemon.call("UntagResource", gone) == {}
    assert [tags(daemon, resource, prefix) for prefix in PREFIXES] == [{"b": "3", "c": ""}] * 3


@pytest.mark.parametrize(
    "resource", ["job/none", "trigger/job", "workflow/none", "database/job", "job", "job/", "nothing", ""]
)
def test_an_arn_that_names_nothing_is_told_so(daemon: Daemon, resource: str) -> None:
    arn = arn_of(resource)
    missing = ("EntityNotFoundException", f"Resource {arn} not found.")
    assert runs.refused(daemon, "GetTags", ResourceArn=arn) == missing
    assert runs.refused(daemon, "TagResource", ResourceArn=arn, TagsToAdd={"a": "b"}) == missing
    assert runs.refused(daemon, "UntagResource", ResourceArn=arn, TagsToRemove=["a"]) == missing


def test_a_resource_has_fifty_tags_at_most(daemon: Daemon) -> None:
    daemon.call("CreateWorkflow", {"Name": "full", "Tags": {f"k{number}": "v" for number in range(49)}})
    tag(daemon, "workflow/full", k48="w", k49="v")
    arn = arn_of("workflow/full")
    error = runs.refused(daemon, "TagResource", ResourceArn=arn, TagsToAdd={"k0": "w", "k50": "v"})
    sentence = "Tags: the resource would have 51 tags; at most 50 are allowed."
    assert error == ("InvalidInputException", sentence)
    found = tags(daemon, "workflow/full")
    assert (len(found), found["k0"], found["k48"]) == (50, "v", "w")


@pytest.mark.parametrize(
    ("added", "part"),
    [
        ({"aws:x": "v"}, "Tags: the key 'aws:x' begins with 'aws:', which is reserved for AWS."),
        ({"AWS:x": "v"}, "Tags: the key 'AWS:x' begins with 'aws:', which is reserved for AWS."),
        ({"": "v"}, "Member must have length greater than or equal to 1"),
        ({"k" * 129: "v"}, "Member must have length less than or equal to 128"),
        ({"k": "v" * 257}, "Member must have length less than or equal to 256"),
        ({f"k{number}": "v" for number in range(51)}, "Member must have length less than or equal to 50"),
    ],
    ids=["reserved", "reserved_in_capitals", "empty_key", "long_key", "long_value", "too_many"],
)
def test_tags_out_of_limits_are_refused_wherever_they_come(daemon: Daemon, added: dict[str, str], part: str) -> None:
    calls: list[tuple[str, dict[str, Any]]] = [
        ("TagResource", {"ResourceArn": arn_of("job/job"), "TagsToAdd": added}),
        ("CreateJob", {"Name": "limits", "Role": "r", "Command": {"Name": "glueetl"}, "Tags": added}),
        ("CreateTrigger", {"Name": "limits", "Type": "ON_DEMAND", "Actions": ACTIONS, "Tags": added}),
        ("CreateWorkflow", {"Name": "limits", "Tags": added}),
    ]
    before = tags(daemon, "job/job")
    for action, members in calls:
        name, sentence = runs.refusal(daemon.call(action, members))
        assert (action, name, part in sentence) == (action, "InvalidInputException", True), sentence
    assert tags(daemon, "job/job") == before
    assert runs.refused(daemon, "GetJob", JobName="limits")[0] == "EntityNotFoundException"


def test_tags_live_and_die_with_their_resource(daemon: Daemon) -> None:
    job = {"Name": "mortal", "Role": "r", "Command": {"Name": "glueetl"}}
    trigger = {"Name": "mortal", "Type": "ON_DEMAND", "Actions": ACTIONS}
    for kind, members, named in (
        ("Job", job, {"JobName": "mortal"}),
        ("Trigger", trigger, {"Name": "mortal"}),
        ("Workflow", {"Name": "mortal"}, {"Name": "mortal"}),
    ):
        resource = f"{kind.lower()}/mortal"
        daemon.call(f"Create{kind}", {**members, "Tags": {"a": "b"}})
        assert tags(daemon, resource) == {"a": "b"}
        tag(daemon, resource, c="d")
        daemon.call(f"Create{kind}", {**members, "Tags": {"a": "b"}})  # sent again, it takes nothing back
        assert tags(daemon, resource) == {"a": "b", "c": "d"}
        daemon.call(f"Delete{kind}", named)
        assert runs.refused(daemon, "GetTags", ResourceArn=arn_of(resource))[0] == "EntityNotFoundException"
        daemon.call(f"Create{kind}", members)
        assert tags(daemon, resource) == {}


def test_jobs_are_listed_by_the_tags_that_they_have_now(daemon: Daemon) -> None:
    for name in ("listed_one", "listed_two"):
        members = {"Name": name, "Role": "r", "Command": {"Name": "glueetl"}, "Tags": {"listed": "at_first"}}
        daemon.call("CreateJob", members)
    tag(daemon, "job/listed_two", listed="later")
    assert daemon.call("ListJobs", {"Tags": {"listed": "at_first"}})["JobNames"] == ["listed_one"]
    assert daemon.call("ListJobs", {"Tags": {"listed": "later"}})["JobNames"] == ["listed_two"]


def test_tags_in_a_job_file_replace_and_no_tags_leave(daemon: Daemon) -> None:
    folder = daemon.jobs_dir / "filed"
    folder.mkdir()
    (folder / "script.py").touch()
    text = '[Command]\nName = "pythonshell"\nScriptLocation = "script.py"\n'
    define(daemon, text + '[Tags]\na = "1"\n')
    tag(daemon, "job/filed", b="2")
    define(daemon, text)
    assert tags(daemon, "job/filed") == {"a": "1", "b": "2"}
    define(daemon, text + '[Tags]\nc = "3"\n')
    assert tags(daemon, "job/filed") == {"c": "3"}


def define(daemon: Daemon, text: str) -> None:
    """Write the job file of `filed` and wait until it was read."""
    (daemon.jobs_dir / "filed" / "job.toml").write_text(text)
    before = daemon.log().count('"jobs_defined"')
    assert daemon.process is not None
    daemon.process.send_signal(signal.SIGHUP)
    until(lambda: daemon.log().count('"jobs_defined"') > before, what="the reload")


def test_a_token_survives_the_names_that_tags_allow(daemon: Daemon) -> None:
    tag(daemon, "job/a/b:c d", paged="1")
    tag(daemon, "job/höhe 漢字", paged="1")
    first = daemon.call("ListJobs", {"Tags": {"paged": "1"}, "MaxResults": 1})
    assert first["JobNames"] == ["a/b:c d"]
    assert "a/b:c d" in base64.urlsafe_b64decode(first["NextToken"] + "==").decode()
    rest = {"Tags": {"paged": "1"}, "MaxResults": 1, "NextToken": first["NextToken"]}
    assert daemon.call("ListJobs", rest) == {"JobNames": ["höhe 漢字"]}
