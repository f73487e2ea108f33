"""A file's triggers are made, kept and given up as the file says, and what the API has stopped stays stopped."""

import signal
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support import command, runs
from tests.support.daemon import Daemon
from tests.support.waiting import until

NIGHTLY: Final = '[nightly]\nType = "SCHEDULED"\nSchedule = "cron(0 3 * * ? *)"\nActions = [{ JobName = "job" }]\n'
AT_FOUR: Final = NIGHTLY.replace("(0 3", "(0 4")
BY_HAND: Final = '["by hand"]\nType = "ON_DEMAND"\nActions = [{ JobName = "job" }]\n'
ARN: Final = "arn:aws:glue:us-east-1:123456789012:trigger/nightly"


@pytest.fixture
def daemon(tmp_path: Path) -> Any:
    with Daemon(tmp_path) as running:
        running.job("job", "print(1)\n")
        yield running


def write(daemon: Daemon, text: str) -> Path:
    path = daemon.root / "config" / "triggers.toml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return path


def reload(daemon: Daemon, text: str) -> Path:
    """Write the file, send SIGHUP, and wait until it was read."""
    path = write(daemon, text)
    before = daemon.log().count('"triggers_defined"')
    assert daemon.process is not None
    daemon.process.send_signal(signal.SIGHUP)
    until(lambda: daemon.log().count('"triggers_defined"') > before, what="the reload")
    return path


def restart(daemon: Daemon) -> None:
    daemon.terminate()
    daemon.start()


def got(daemon: Daemon, name: str = "nightly") -> dict[str, Any]:
    trigger: dict[str, Any] = daemon.call("GetTrigger", {"Name": name})["Trigger"]
    return trigger


def active_since(daemon: Daemon) -> tuple[Any, ...]:
    """Return since when the trigger counts, and when it was modified; only the store tells."""
    with closing(sqlite3.connect(f"file:{daemon.state_dir / 'state.db'}?mode=ro", uri=True)) as store:
        statement = "SELECT active_since_ms, last_modified_on_ms FROM job_trigger WHERE name = 'nightly'"
        row: tuple[Any, ...] = store.execute(statement).fetchone()
    return row


def test_the_file_makes_triggers_and_activates_schedules(daemon: Daemon) -> None:
    reload(daemon, NIGHTLY + "StartOnCreation = true\n" + BY_HAND)
    schedule = {"Name": "nightly", "Type": "SCHEDULED", "Schedule": "cron(0 3 * * ? *)", "State": "ACTIVATED"}
    assert got(daemon) == {**schedule, "Actions": [{"JobName": "job"}]}
    assert got(daemon, "by hand")["State"] == "CREATED"
    assert daemon.call("StartTrigger", {"Name": "by hand"}) == {"Name": "by hand"}
    (run,) = daemon.call("GetJobRuns", {"JobName": "job"})["JobRuns"]
    assert run["TriggerName"] == "by hand"
    daemon.ended("job", run["Id"])


def test_a_trigger_that_was_stopped_stays_stopped(daemon: Daemon) -> None:
    reload(daemon, NIGHTLY)
    daemon.call("StopTrigger", {"Name": "nightly"})
    restart(daemon)
    assert got(daemon)["State"] == "DEACTIVATED"
    reload(daemon, AT_FOUR)
    assert (got(daemon)["State"], got(daemon)["Schedule"]) == ("DEACTIVATED", "cron(0 4 * * ? *)")


def test_a_trigger_that_was_never_started_starts_when_the_file_says_so(daemon: Daemon) -> None:
    reload(daemon, NIGHTLY + "StartOnCreation = false\n")
    assert got(daemon)["State"] == "CREATED"
    reload(daemon, NIGHTLY)
    assert got(daemon)["State"] == "ACTIVATED"


def test_a_trigger_of_another_type_begins_anew(daemon: Daemon) -> None:
    reload(daemon, NIGHTLY)
    reload(daemon, '[nightly]\nType = "ON_DEMAND"\nActions = [{ JobName = "job" }]\n')
    assert (got(daemon)["Type"], got(daemon)["State"]) == ("ON_DEMAND", "CREATED")
    reload(daemon, NIGHTLY)
    assert (got(daemon)["Type"], got(daemon)["State"]) == ("SCHEDULED", "ACTIVATED")


def test_a_restart_changes_nothing_where_nothing_has_changed(daemon: Daemon) -> None:
    reload(daemon, NIGHTLY)
    before = active_since(daemon)
    restart(daemon)
    assert active_since(daemon) == before
    reload(daemon, NIGHTLY + 'Description = "d"\n')
    assert active_since(daemon)[0] == before[0]
    reload(daemon, AT_FOUR)
    assert active_since(daemon)[0] > before[0]


def test_the_api_may_not_change_what_the_file_defines(daemon: Daemon) -> None:
    path = reload(daemon, NIGHTLY)
    sentence = f"Trigger nightly is defined by the file {path}; change it there and reload the orchestrator."
    update = {"Schedule": "cron(0 4 * * ? *)", "Actions": [{"JobName": "job"}]}
    for action, members in (("UpdateTrigger", {"TriggerUpdate": update}), ("DeleteTrigger", {})):
        assert runs.refused(daemon, action, Name="nightly", **members) == ("InvalidInputException", sentence)
    assert got(daemon)["Schedule"] == "cron(0 3 * * ? *)"


def test_a_trigger_whose_table_is_gone_stays_and_belongs_to_the_api(daemon: Daemon) -> None:
    before = got_after(daemon, NIGHTLY)
    assert got_after(daemon, BY_HAND) == before
    assert '"trigger_table_gone"' in daemon.log()
    assert daemon.call("DeleteTrigger", {"Name": "nightly"}) == {"Name": "nightly"}


def got_after(daemon: Daemon, text: str) -> dict[str, Any]:
    reload(daemon, text)
    return got(daemon)


def test_a_mistake_changes_nothing_and_stops_nothing(daemon: Daemon) -> None:
    path = reload(daemon, NIGHTLY)
    before = got(daemon)
    for text in (
        NIGHTLY.replace("cron(0", "cron(60") + BY_HAND,
        NIGHTLY.replace('"job"', '"nobody"') + BY_HAND,
        "[x\n",
    ):
        path = reload(daemon, text)
        assert got(daemon) == before
        assert runs.refused(daemon, "DeleteTrigger", Name="nightly")[1].startswith("Trigger nightly is defined by")
    assert got(daemon, "by hand")["Type"] == "ON_DEMAND"
    assert str(path) in daemon.log()
    assert '"trigger_refused"' in daemon.log()


def test_tags_in_the_file_replace_and_no_tags_leave(daemon: Daemon) -> None:
    reload(daemon, NIGHTLY + '[nightly.Tags]\na = "1"\n')
    daemon.call("TagResource", {"ResourceArn": ARN, "TagsToAdd": {"b": "2"}})
    reload(daemon, NIGHTLY)
    assert daemon.call("GetTags", {"ResourceArn": ARN}) == {"Tags": {"a": "1", "b": "2"}}
    reload(daemon, NIGHTLY + '[nightly.Tags]\nc = "3"\n')
    assert daemon.call("GetTags", {"ResourceArn": ARN}) == {"Tags": {"c": "3"}}


def test_a_workflow_of_the_api_takes_in_a_trigger_of_the_file(daemon: Daemon) -> None:
    text = BY_HAND + 'WorkflowName = "flow"\n'
    reload(daemon, text)
    assert runs.refused(daemon, "GetTrigger", Name="by hand")[0] == "EntityNotFoundException"
    daemon.call("CreateWorkflow", {"Name": "flow"})
    reload(daemon, text)
    assert got(daemon, "by hand")["WorkflowName"] == "flow"
    daemon.call("DeleteWorkflow", {"Name": "flow"})
    assert got(daemon, "by hand")["WorkflowName"] == "flow"
    assert '"trigger_without_workflow"' in daemon.log()


def test_check_finds_the_mistakes_of_the_trigger_file(tmp_path: Path) -> None:
    for folder in ("jobs/job", "config"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "jobs/job/script.py").touch()
    (tmp_path / "jobs/job/job.toml").write_text('[Command]\nName = "pythonshell"\nScriptLocation = "script.py"\n')
    path = tmp_path / "config" / "triggers.toml"
    path.write_text(NIGHTLY + BY_HAND)
    done = command.call(tmp_path, "check")
    assert (done.returncode, done.stdout) == (0, "1 jobs, 2 triggers, no mistakes\n")
    path.write_text(NIGHTLY.replace("(0", "(60") + BY_HAND.replace('"job"', '"nobody"'))
    done = command.call(tmp_path, "check")
    told = [line.partition(": ") for line in done.stdout.splitlines()]
    assert (done.returncode, [place for place, _, _ in told]) == (78, [f"{path}:3", f"{path}:7"])
    assert "Schedule: minutes" in told[0][2]
    assert told[1][2] == "by hand: Actions.JobName: no job file defines the job 'nobody'"
