"""A trigger is given back exactly as it was made, refused in Glue's words, and started and stopped as Glue does it."""

import uuid
from typing import Any, Final

import pytest

from tests.support import runs
from tests.support.daemon import Daemon, running_daemon
from tests.support.waiting import until

NOON: Final = "cron(0 12 * * ? *)"
ALL_TYPES: Final = ("ON_DEMAND", "SCHEDULED", "CONDITIONAL", "EVENT")
FILL: Final[dict[str, Any]] = {
    "Description": "two lines\r\nof text",
    "Actions": [
        {
            "JobName": "started",
            "Arguments": {"--a": "1", "--empty": ""},
            "Timeout": 7,
            "SecurityConfiguration": "secure",
            "NotificationProperty": {"NotifyDelayAfter": 3},
        },
        {"JobName": "also", "Arguments": {}},
    ],
}


@pytest.fixture(scope="module", autouse=True)
def jobs(daemon: Daemon) -> None:
    for name in ("watched", "started", "also"):
        daemon.job(name, "print(1)\n")


def condition(job: str = "watched", state: str = "SUCCEEDED") -> dict[str, str]:
    return {"LogicalOperator": "EQUALS", "JobName": job, "State": state}


def members_of(kind: str, **changes: Any) -> dict[str, Any]:
    """Return what makes a trigger of that type, with `changes`; a member that is None is left out."""
    own: dict[str, dict[str, Any]] = {
        "SCHEDULED": {"Schedule": NOON},
        "CONDITIONAL": {"Predicate": {"Conditions": [condition()]}},
    }
    members = {"Type": kind, "Actions": [{"JobName": "started"}], **own.get(kind, {}), **changes}
    return {name: value for name, value in members.items() if value is not None}


def create(daemon: Daemon, name: str, kind: str = "ON_DEMAND", **changes: Any) -> None:
    assert daemon.call("CreateTrigger", {"Name": name, **members_of(kind, **changes)}) == {"Name": name}


def got(daemon: Daemon, name: str) -> dict[str, Any]:
    answer = daemon.call("GetTrigger", {"Name": name})
    assert set(answer) == {"Trigger"}, answer
    trigger: dict[str, Any] = answer["Trigger"]
    return trigger


def refused(daemon: Daemon, **changes: Any) -> runs.Error:
    """Create a trigger that must be refused, and hold that nothing is stored."""
    kind = changes.pop("Type", "ON_DEMAND")
    error = runs.refused(daemon, "CreateTrigger", Name="refused", **members_of(kind, **changes))
    assert runs.refused(daemon, "GetTrigger", Name="refused")[0] == "EntityNotFoundException"
    return error


def invalid(sentence: str) -> runs.Error:
    return "InvalidInputException", sentence


@pytest.mark.parametrize("kind", ALL_TYPES)
def test_a_trigger_is_given_back_exactly_as_it_was_made(daemon: Daemon, kind: str) -> None:
    predicate = {"Logical": "ANY", "Conditions": [condition(), condition(state="TIMEOUT")]}
    batching = {"BatchSize": 5, "BatchWindow": 60}
    own: dict[str, dict[str, Any]] = {
        "CONDITIONAL": {"Predicate": predicate},
        "EVENT": {"EventBatchingCondition": batching},
    }
    changes = own.get(kind, {})
    name = f"full_{kind}"
    create(daemon, name, kind, **FILL, **changes)
    assert got(daemon, name) == {"Name": name, "State": "CREATED", **members_of(kind, **FILL, **changes)}


@pytest.mark.parametrize(
    ("kind", "state"), [("SCHEDULED", "ACTIVATED"), ("CONDITIONAL", "ACTIVATED"), ("EVENT", "CREATED")]
)
def test_start_on_creation_activates(daemon: Daemon, kind: str, state: str) -> None:
    create(daemon, f"at_once_{kind}", kind, StartOnCreation=True)
    assert got(daemon, f"at_once_{kind}")["State"] == state


def test_start_on_creation_is_refused_for_on_demand(daemon: Daemon) -> None:
    sentence = "StartOnCreation is not supported for a trigger of type ON_DEMAND."
    assert refused(daemon, StartOnCreation=True) == invalid(sentence)
    create(daemon, "not_at_once", StartOnCreation=False)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"Type": "CONDITIONAL", "Predicate": {"Conditions": [condition("started")]}},
            "Job cannot be a Predicate and Action for Conditional Trigger.",
        ),
        (
            {"Type": "CONDITIONAL", "Predicate": {"Conditions": [{"JobName": "watched", "State": "SUCCEEDED"}]}},
            "Logical operator cannot be null or empty",
        ),
        (
            {"Type": "CONDITIONAL", "Predicate": {"Conditions": [{"LogicalOperator": "EQUALS", "JobName": "watched"}]}},
            ("State cannot be null or empty, choose from one of the following job state: "
            "[SUCCEEDED, STOPPED, FAILED, TIMEOUT]"),
        ),
        (
            {"Type": "CONDITIONAL", "Predicate": {"Conditions": [{"LogicalOperator": "EQUALS", "CrawlerName": "c"}]}},
            ("State cannot be null or empty, choose from one of the following crawler state: "
            "[SUCCEEDED, FAILED, CANCELLED]"),
        ),
        (
            {"Type": "CONDITIONAL", "Predicate": {"Conditions": [{"LogicalOperator": "EQUALS", "State": "FAILED"}]}},
            "Predicate.Conditions.JobName cannot be null or empty.",
        ),
        (
            {"Type": "CONDITIONAL", "Predicate": {"Conditions": [condition(), condition("also")]}},
            "Predicate.Logical cannot be null or empty with more than one condition.",
        ),
        (
            {"Type": "CONDITIONAL", "Predicate": None},
            "Predicate.Conditions cannot be null or empty for a trigger of type CONDITIONAL.",
        ),
        ({"Actions": [{}]}, "Actions.JobName cannot be null or empty."),
        ({"Actions": []}, "Actions cannot be null or empty."),
        (
            {"Actions": [{"JobName": "started", "CrawlerName": "c"}]},
            "Actions: an action names a job or a crawler, not both.",
        ),
        ({"Schedule": NOON}, "Schedule is not allowed for a trigger of type ON_DEMAND."),
        (
            {"Type": "SCHEDULED", "Schedule": None},
            "Schedule cannot be null or empty for a trigger of type SCHEDULED.",
        ),
    ],
)  # fmt: skip
def test_what_could_not_work_is_refused(daemon: Daemon, changes: dict[str, Any], sentence: str) -> None:
    assert refused(daemon, **changes) == invalid(sentence)


def test_a_mistake_in_a_schedule_names_its_field(daemon: Daemon) -> None:
    name, sentence = refused(daemon, Type="SCHEDULED", Schedule="cron(0 24 * * ? *)")
    assert name == "InvalidInputException"
    assert "hours: '24'" in sentence


def test_jobs_that_do_not_exist_are_refused(daemon: Daemon) -> None:
    missing = ("EntityNotFoundException", "Job with name: nobody not found.")
    assert refused(daemon, Actions=[{"JobName": "started"}, {"JobName": "nobody"}]) == missing
    assert refused(daemon, Type="CONDITIONAL", Predicate={"Conditions": [condition("nobody")]}) == missing


def test_crawlers_and_workflows_that_do_not_exist_are_refused(daemon: Daemon) -> None:
    sentence = "Crawler with name: c not found; this orchestrator runs jobs, not crawlers."
    assert refused(daemon, Actions=[{"CrawlerName": "c"}]) == ("EntityNotFoundException", sentence)
    watching = {"LogicalOperator": "EQUALS", "CrawlerName": "c", "CrawlState": "SUCCEEDED"}
    error = refused(daemon, Type="CONDITIONAL", Predicate={"Conditions": [watching]})
    assert error == ("EntityNotFoundException", sentence)
    sentence = "Workflow with name: nothing not found."
    assert refused(daemon, WorkflowName="nothing") == ("EntityNotFoundException", sentence)


def test_the_same_trigger_again_is_accepted_and_changes_nothing(daemon: Daemon) -> None:
    create(daemon, "again", "SCHEDULED", StartOnCreation=True)
    daemon.call("StopTrigger", {"Name": "again"})
    create(daemon, "again", "SCHEDULED", StartOnCreation=True, Schedule="cron(0  12 * * ? *)", Description="")
    trigger = got(daemon, "again")
    assert (trigger["State"], trigger["Schedule"]) == ("DEACTIVATED", NOON)
    create(daemon, "again_too", "CONDITIONAL")
    create(daemon, "again_too", "CONDITIONAL", Predicate={"Logical": "ANY", "Conditions": [condition()]})


def test_what_get_trigger_gives_makes_the_same_trigger(daemon: Daemon) -> None:
    create(daemon, "fed_back", "CONDITIONAL", **FILL)
    assert daemon.call("CreateTrigger", got(daemon, "fed_back")) == {"Name": "fed_back"}


def test_another_trigger_of_the_same_name_is_refused(daemon: Daemon) -> None:
    create(daemon, "other", "SCHEDULED")
    sentence = "Trigger with name 'other' already submitted with different configuration"
    for changes in ({"Schedule": "cron(0 13 * * ? *)"}, {"Actions": [{"JobName": "also"}]}, {"Description": "d"}):
        error = runs.refused(daemon, "CreateTrigger", Name="other", **members_of("SCHEDULED", **changes))
        assert error == ("IdempotentParameterMismatchException", sentence)


def test_an_update_replaces_everything_but_type_and_state(daemon: Daemon) -> None:
    create(daemon, "updated", "SCHEDULED", StartOnCreation=True, **FILL)
    update = {"Name": "updated", "Schedule": "cron(0 1 * * ? *)", "Actions": [{"JobName": "also"}]}
    answer = daemon.call("UpdateTrigger", {"Name": "updated", "TriggerUpdate": update})
    assert answer == {"Trigger": {**update, "Type": "SCHEDULED", "State": "ACTIVATED"}}
    assert answer["Trigger"] == got(daemon, "updated")


def test_a_refused_update_changes_nothing(daemon: Daemon) -> None:
    create(daemon, "kept", "SCHEDULED")
    before = got(daemon, "kept")
    update = members_of("SCHEDULED")
    del update["Type"]
    for changes, error in (
        ({"Name": "else"}, invalid("TriggerUpdate.Name is 'else'; a trigger cannot be renamed.")),
        ({"Actions": None}, invalid("Actions cannot be null or empty.")),
        ({"Actions": [{"JobName": "nobody"}]}, ("EntityNotFoundException", "Job with name: nobody not found.")),
        ({"Schedule": None}, invalid("Schedule cannot be null or empty for a trigger of type SCHEDULED.")),
    ):
        given = {name: value for name, value in {**update, **changes}.items() if value is not None}
        assert runs.refused(daemon, "UpdateTrigger", Name="kept", TriggerUpdate=given) == error
    assert got(daemon, "kept") == before


def test_starting_and_stopping_activate_and_deactivate(daemon: Daemon) -> None:
    create(daemon, "switched", "SCHEDULED")
    sentence = "The operation is not allowed when trigger is in state: CREATED"
    assert runs.refused(daemon, "StopTrigger", Name="switched") == invalid(sentence)
    for action, state in (("StartTrigger", "ACTIVATED"), ("StopTrigger", "DEACTIVATED"), ("StartTrigger", "ACTIVATED")):
        for _ in range(2):
            assert daemon.call(action, {"Name": "switched"}) == {"Name": "switched"}
            assert got(daemon, "switched")["State"] == state


def test_an_event_trigger_is_kept_and_cannot_be_started(daemon: Daemon) -> None:
    create(daemon, "event", "EVENT")
    assert runs.refused(daemon, "StartTrigger", Name="event") == invalid("Trigger Type EVENT cannot be started")
    sentence = "The operation is not allowed when trigger is in state: CREATED"
    assert runs.refused(daemon, "StopTrigger", Name="event") == invalid(sentence)


def test_starting_an_on_demand_trigger_runs_its_jobs_once(daemon: Daemon) -> None:
    job = daemon.job("on_demand", runs.PRINT_ARGV)
    create(daemon, "by_hand", Actions=[{"JobName": job, "Arguments": {"--a": "1"}, "Timeout": 9}])
    invocation = {"amz-sdk-invocation-id": str(uuid.uuid4())}
    for _ in range(2):
        assert daemon.call("StartTrigger", {"Name": "by_hand"}, invocation) == {"Name": "by_hand"}
    found = daemon.call("GetJobRuns", {"JobName": job})["JobRuns"]
    assert [(run["TriggerName"], run["Arguments"], run["Timeout"]) for run in found] == [("by_hand", {"--a": "1"}, 9)]
    assert daemon.ended(job, found[0]["Id"])["JobRunState"] == "SUCCEEDED"
    assert got(daemon, "by_hand")["State"] == "CREATED"
    create(daemon, "by_another_hand", Actions=[{"JobName": job}])
    sentence = "The header amz-sdk-invocation-id was used before with another request."
    assert runs.refused(daemon, "StartTrigger", invocation, Name="by_another_hand") == invalid(sentence)


def test_a_conditional_trigger_follows_what_a_trigger_started(daemon: Daemon) -> None:
    first, second = daemon.job("first", "print(1)\n"), daemon.job("second", "print(2)\n")
    create(daemon, "root", Actions=[{"JobName": first}])
    watching = {"Conditions": [condition(first)]}
    create(daemon, "next", "CONDITIONAL", Predicate=watching, Actions=[{"JobName": second}], StartOnCreation=True)
    daemon.call("StartTrigger", {"Name": "root"})
    (run,) = until(lambda: daemon.call("GetJobRuns", {"JobName": second})["JobRuns"], what="a run of the second job")
    (before,) = daemon.call("GetJobRuns", {"JobName": first})["JobRuns"]
    assert run["TriggerName"] == "next"
    assert run["PredecessorRuns"] == [{"JobName": first, "RunId": before["Id"]}]
    daemon.ended(second, run["Id"])


@pytest.mark.parametrize(
    ("action", "members"),
    [("GetTrigger", {}), ("StartTrigger", {}), ("StopTrigger", {}), ("UpdateTrigger", {"TriggerUpdate": {}})],
)
def test_a_trigger_that_does_not_exist_is_told_so(daemon: Daemon, action: str, members: dict[str, Any]) -> None:
    error = runs.refused(daemon, action, Name="none", **members)
    assert error == ("EntityNotFoundException", "Trigger with name: none not found.")


def test_deleting_is_for_good_and_twice_is_no_error(daemon: Daemon) -> None:
    create(daemon, "gone", "SCHEDULED", Tags={"a": "b"})
    for _ in range(2):
        assert daemon.call("DeleteTrigger", {"Name": "gone"}) == {"Name": "gone"}
    assert runs.refused(daemon, "GetTrigger", Name="gone")[0] == "EntityNotFoundException"
    create(daemon, "gone")
    assert daemon.call("GetTags", {"ResourceArn": "arn:aws:glue:us-east-1:1:trigger/gone"}) == {"Tags": {}}


def test_a_frequent_schedule_is_kept_with_a_warning(daemon: Daemon) -> None:
    create(daemon, "frequent", "SCHEDULED", Schedule="cron(0/2 * * * ? *)")
    assert any('"schedule_is_frequent"' in line and '"frequent"' in line for line in daemon.log().splitlines())


def test_deleting_a_job_tells_the_triggers_that_name_it(daemon: Daemon) -> None:
    job = daemon.job("named", "print(1)\n")
    create(daemon, "starts_it", Actions=[{"JobName": job}])
    create(daemon, "watches_it", "CONDITIONAL", Predicate={"Conditions": [condition(job)]})
    daemon.call("DeleteJob", {"JobName": job})
    told = [line for line in daemon.log().splitlines() if '"trigger_names_deleted_job"' in line]
    assert ["starts_it" in told[0], "watches_it" in told[1], len(told)] == [True, True, 2]


def test_listings_come_in_pages_and_by_job(tmp_path_factory: pytest.TempPathFactory) -> None:
    with running_daemon(tmp_path_factory.mktemp("listings")) as daemon:
        for name in ("started", "also"):
            daemon.job(name, "print(1)\n")
        names = [f"t{number}" for number in range(5)]
        for name in names:
            create(daemon, name, Actions=[{"JobName": "started" if name < "t3" else "also"}], Tags={"half": name[1:]})
        glue = daemon.client()
        pages = glue.get_paginator("get_triggers").paginate(PaginationConfig={"PageSize": 2})
        assert [[trigger["Name"] for trigger in page["Triggers"]] for page in pages] == [
            names[:2],
            names[2:4],
            names[4:],
        ]
        pages = list(glue.get_paginator("list_triggers").paginate(PaginationConfig={"PageSize": 2}))
        assert [page["TriggerNames"] for page in pages] == [names[:2], names[2:4], names[4:]]
        assert glue.list_triggers(DependentJobName="started")["TriggerNames"] == names[:3]
        assert [one["Name"] for one in glue.get_triggers(DependentJobName="also")["Triggers"]] == names[3:]
        assert glue.get_triggers(DependentJobName="nobody")["Triggers"] == []
        assert glue.list_triggers(Tags={"half": "3"})["TriggerNames"] == ["t3"]
        found = glue.batch_get_triggers(TriggerNames=["t1", "none", "t0", "t1"])
        assert [one["Name"] for one in found["Triggers"]] == ["t1", "t0"]
        assert found["TriggersNotFound"] == ["none"]
        token = pages[0]["NextToken"]
        error = runs.refused(daemon, "ListTriggers", NextToken=token, DependentJobName="started")
        assert error[0] == "InvalidInputException"


def test_strict_schedules_refuse_a_frequent_one(tmp_path_factory: pytest.TempPathFactory) -> None:
    strict = {"ORCHESTRATOR_TRIGGERS__STRICT_SCHEDULES": "true"}
    with running_daemon(tmp_path_factory.mktemp("strict"), strict) as daemon:
        daemon.job("started", "print(1)\n")
        frequent = members_of("SCHEDULED", Schedule="cron(0/2 * * * ? *)")
        error = runs.refused(daemon, "CreateTrigger", Name="frequent", **frequent)
        assert error == invalid("Schedule: cron(0/2 * * * ? *) fires more often than every 5 minutes.")
        create(daemon, "often", "SCHEDULED", Schedule="cron(0/5 * * * ? *)")
