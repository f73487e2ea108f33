"""Every mistake in the trigger file is found before anything starts, with the line and the member that has it."""

import os
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from orchestrator.faces import trigger_files
from orchestrator.faces.job_files import Problem
from orchestrator.model.states import JobRunState
from orchestrator.model.triggers import Action, Condition, TriggerDefinition, TriggerType
from orchestrator.operations.define_triggers import DefinedTrigger, DefinedTriggers
from orchestrator.settings import Settings

RIGHT: Final = """\
[nightly]
Type = "SCHEDULED"
Schedule = "cron(15 3 * * ? *)"
Actions = [{ JobName = "ingest" }]

["when it is there"]
Type = "CONDITIONAL"
Description = "after the ingest"
StartOnCreation = false

[["when it is there".Actions]]
JobName = "daily"
Timeout = 5
Arguments = { "--a" = "1" }

["when it is there".Predicate]
Conditions = [
    { LogicalOperator = "EQUALS", JobName = "ingest", State = "FAILED" },
]

["when it is there".Tags]
team = "etl"
"""
NO_JOB: Final = "no job file defines the job"


def condition(job: str, state: str = "SUCCEEDED") -> str:
    return f'{{ LogicalOperator = "EQUALS", JobName = "{job}", State = "{state}" }}'


def conditional(name: str, watched: str, started: str, more: str = "") -> str:
    return (
        f'[{name}]\nType = "CONDITIONAL"\nActions = [{{ JobName = "{started}" }}]\n'
        f"Predicate.Conditions = [{condition(watched)}]\n{more}"
    )


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    for name in ("ingest", "daily"):
        (tmp_path / "jobs" / name).mkdir(parents=True)
        (tmp_path / "jobs" / name / "job.toml").write_text("")
    return settings_of(tmp_path)


def settings_of(root: Path, **changes: Any) -> Settings:
    named = {"jobs_dir": root / "jobs", "triggers_file": root / "triggers.toml", **changes}
    return Settings(state_dir=root / "state", python=sys.executable, **named)


def write(settings: Settings, text: str | bytes) -> None:
    settings.triggers_file.write_bytes(text if isinstance(text, bytes) else text.encode())


def problems(settings: Settings, text: str | bytes) -> list[tuple[int | None, str]]:
    """Return what `check` finds in a file of that text, by line."""
    write(settings, text)
    found = trigger_files.check(settings)
    assert {problem.file for problem in found} <= {settings.triggers_file}
    return [(problem.line, problem.message) for problem in found]


def test_each_table_defines_the_trigger_of_its_name(settings: Settings) -> None:
    write(settings, RIGHT)
    source = str(settings.triggers_file)
    nightly = TriggerDefinition(
        type=TriggerType.SCHEDULED, schedule="cron(15 3 * * ? *)", actions=(Action(job_name="ingest"),)
    )
    conditional = TriggerDefinition(
        type=TriggerType.CONDITIONAL,
        conditions=(Condition(job_name="ingest", state=JobRunState.FAILED),),
        actions=(Action(job_name="daily", arguments={"--a": "1"}, timeout_min=5),),
        description="after the ingest",
    )
    triggers = {
        "nightly": DefinedTrigger(definition=nightly, starts=True, tags=None, source=source),
        "when it is there": DefinedTrigger(definition=conditional, starts=False, tags={"team": "etl"}, source=source),
    }
    assert trigger_files.load(settings) == (DefinedTriggers(triggers=triggers), [])
    assert trigger_files.check(settings) == []


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("x = 5\n", 1, "x: it must be a table, with the members of a trigger"),
        ('[x]\nType = "ON_DEMAND"\n', 1, "x: Value null at 'actions' failed to satisfy constraint: Member must not be null"),
        (
            '[x]\nActions = [{ JobName = "daily" }]\n',
            1,
            "x: Value null at 'type' failed to satisfy constraint: Member must not be null",
        ),
        (
            '[x]\nType = "HOURLY"\nActions = [{ JobName = "daily" }]\n',
            2,
            ("x: Value 'HOURLY' at 'type' failed to satisfy constraint: "
            "Member must satisfy enum value set: [SCHEDULED, CONDITIONAL, ON_DEMAND, EVENT]"),
        ),
        (
            '[x]\nType = "ON_DEMAND"\nActions = [{ JobName = "daily" }]\nShedule = 1\n',
            4,
            "x: Shedule: there is no such member",
        ),
        (
            '[x]\nType = "ON_DEMAND"\nActions = [\n    { JobName = "daily" },\n    { JobName = "daily", Time = 1 },\n]\n',
            5,
            "x: Actions[1].Time: there is no such member",
        ),
        (
            '[x]\nType = "ON_DEMAND"\n[[x.Actions]]\nJobName = "daily"\n[[x.Actions]]\nJobName = "daily"\nTimeout = "1"\n',
            7,
            "x: The member 'Actions[1].Timeout' must be an integer, not a string.",
        ),
        (
            '[x]\nType = "ON_DEMAND"\nActions = [{ JobName = "daily", Timeout = 10081 }]\n',
            3,
            "x: Timeout is 10081; it must be between 1 and 10080 minutes (7 days).",
        ),
        (
            '[x]\nType = "ON_DEMAND"\n[[x.Actions]]\nJobName = "daily"\n[x.Actions.Arguments]\n"--a" = "1"\nb = "2"\n',
            7,
            "x: Actions.Arguments: the key 'b' does not begin with --, so no script gets it",
        ),
        (
            '[x]\nType = "ON_DEMAND"\nActions = [{ CrawlerName = "c" }]\n',
            3,
            "x: Crawler with name: c not found; this orchestrator runs jobs, not crawlers.",
        ),
        ('[x]\nType = "ON_DEMAND"\nActions = []\n', 3, "x: Actions cannot be null or empty."),
        (
            '[x]\nType = "SCHEDULED"\nActions = [{ JobName = "daily" }]\nSchedule = "cron(0 24 * * ? *)"\n',
            4,
            "x: Schedule: hours: '24' is not a value, allowed 0-23 and , - * /.",
        ),
        (
            '[x]\nType = "SCHEDULED"\nActions = [{ JobName = "daily" }]\n',
            1,
            "x: Schedule cannot be null or empty for a trigger of type SCHEDULED.",
        ),
        (
            '[x]\nType = "ON_DEMAND"\nActions = [{ JobName = "daily" }]\nStartOnCreation = true\n',
            4,
            "x: StartOnCreation is not supported for a trigger of type ON_DEMAND.",
        ),
        (
            '[x]\nType = "ON_DEMAND"\nActions = [{ JobName = "daily" }]\nName = "y"\n',
            4,
            "x: Name: it is 'y', but the table's name is the trigger's: 'x'",
        ),
        (
            '["a.b"]\nType = "ON_DEMAND"\nActions = [{ JobName = "daily" }]\n["a.b".Tags]\n"AWS:x" = "y"\n',
            5,
            "a.b: Tags: the key 'AWS:x' begins with 'aws:', which is reserved for AWS.",
        ),
        (conditional("x", "daily", "daily"), 4, "x: Job cannot be a Predicate and Action for Conditional Trigger."),
        (
            '[x]\nType = "CONDITIONAL"\nActions = [{ JobName = "daily" }]\n',
            1,
            "x: Predicate.Conditions cannot be null or empty for a trigger of type CONDITIONAL.",
        ),
        (
            ('[x]\nType = "CONDITIONAL"\nActions = [{ JobName = "daily" }]\n[x.Predicate]\n'
            f"Conditions = [\n    {condition('ingest')},\n    {condition('ingest', 'FAILED')},\n]\n"),
            4,
            "x: Predicate.Logical cannot be null or empty with more than one condition.",
        ),
        (
            ('[x]\nType = "CONDITIONAL"\nActions = [{ JobName = "daily" }]\n[x.Predicate]\nLogical = "ANY"\n'
            f"Conditions = [\n    {condition('ingest')},\n    {{ JobName = 'ingest', State = 'FAILED' }},\n]\n"),
            8,
            "x: Logical operator cannot be null or empty",
        ),
        (
            ('[x]\nType = "CONDITIONAL"\nActions = [{ JobName = "daily" }]\n[x.Predicate]\n'
            f"Conditions = [\n    {condition('ingest', 'RUNNING')},\n]\n"),
            6,
            ("x: State RUNNING cannot be watched; choose from one of the following job state: "
            "[SUCCEEDED, STOPPED, FAILED, TIMEOUT]"),
        ),
        (
            '[x]\nType = "EVENT"\nActions = [{ JobName = "daily" }]\nEventBatchingCondition = {}\n',
            4,
            "x: Value null at 'eventBatchingCondition.batchSize' failed to satisfy constraint: Member must not be null",
        ),
        ('[x]\nType = "ON_DEMAND"\nActions = [{ JobName = "other" }]\n', 3, f"x: Actions.JobName: {NO_JOB} 'other'"),
        (conditional("x", "other", "daily"), 4, f"x: Predicate.Conditions.JobName: {NO_JOB} 'other'"),
        (
            conditional("x", "ingest", "daily") + conditional("y", "daily", "ingest"),
            4,
            "x: Predicate: the trigger waits for what it starts itself: x -> y -> x",
        ),
        ("[x\n", 1, "Expected ']' at the end of a table declaration (at line 1, column 3)"),
        (b"# \xe4\n", 1, "'utf-8' codec can't decode byte 0xe4 in position 2: invalid continuation byte"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_line(settings: Settings, text: str | bytes, line: int, message: str) -> None:
    found = problems(settings, text)
    assert found == [(line, message)]


def test_all_mistakes_are_told_at_once(settings: Settings) -> None:
    text = """\
[one]
Type = "SCHEDULED"
Schedule = "cron(60 * * * ? *)"
Description = 7
Actions = [
    { JobName = 1 },
    { JobName = "daily", Nothing = 2 },
    { JobName = "daily", Timeout = "x" },
    { JobName = "nobody", Timeout = 99999 },
]

[two]
Type = "CONDITIONAL"
Tags = { "aws:a" = "b" }

[two.Predicate]
Conditions = [
    { LogicalOperator = "EQUALS", JobName = "nobody" },
    { LogicalOperator = "LESS", JobName = "ingest", State = "FAILED" },
]
"""
    found = problems(settings, text)
    assert [line for line, _ in found] == [3, 4, 6, 7, 8, 9, 9, 12, 14, 18, 18, 19]
    parts = ("minutes", "Description", "JobName", "Nothing", "Timeout", "Timeout", "nobody")
    assert all(part in message for part, (_, message) in zip(parts, found, strict=False)), found


def test_a_table_with_a_mistake_is_refused_alone(settings: Settings) -> None:
    write(settings, RIGHT + '[broken]\nType = "SCHEDULED"\n')
    defined, found = trigger_files.load(settings)
    assert set(defined.triggers) == {"nightly", "when it is there"}
    assert (defined.refused, defined.is_whole) == (frozenset({"broken"}), True)
    assert {problem.line for problem in found} == {23}


def test_jobs_of_the_store_and_cycles_are_no_matter_of_loading(settings: Settings) -> None:
    write(settings, conditional("x", "api", "daily") + conditional("y", "daily", "api"))
    defined, found = trigger_files.load(settings)
    assert (set(defined.triggers), found) == ({"x", "y"}, [])


@pytest.mark.parametrize("text", ["[x\n", b"\xff"])
def test_a_file_that_cannot_be_read_defines_nothing_and_ends_nothing(settings: Settings, text: str | bytes) -> None:
    write(settings, text)
    defined, found = trigger_files.load(settings)
    assert (defined, len(found)) == (DefinedTriggers(is_whole=False), 1)


def test_a_pipe_is_not_waited_for(settings: Settings) -> None:
    os.mkfifo(settings.triggers_file)
    assert trigger_files.load(settings)[0] == DefinedTriggers(is_whole=False)


def test_a_link_that_leads_nowhere_is_told_and_takes_no_trigger_away(settings: Settings) -> None:
    settings.triggers_file.symlink_to("nowhere.toml")
    defined, found = trigger_files.load(settings)
    assert not defined.is_whole
    assert found == trigger_files.check(settings)
    assert [problem.message for problem in found] == ["it is a symbolic link that leads nowhere"]


def test_no_file_defines_no_triggers_and_is_told_if_it_was_asked_for(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert trigger_files.load(settings) == (DefinedTriggers(), [])
    file = settings.triggers_file
    message = f"[Errno 2] No such file or directory: '{file}'"
    assert trigger_files.check(settings) == [Problem(file=file, line=None, message=message)]
    monkeypatch.chdir(settings.jobs_dir)
    by_default = settings_of(settings.jobs_dir, triggers_file=Path("config/triggers.toml").absolute())
    assert trigger_files.check(by_default) == []


def test_a_cycle_is_told_once_with_its_way(settings: Settings) -> None:
    for name in ("a", "b", "c"):
        (settings.jobs_dir / name).mkdir()
        (settings.jobs_dir / name / "job.toml").write_text("")
    ring = [conditional(f"t{left}{right}", left, right) for left, right in ("ab", "bc", "ca")]
    found = problems(settings, conditional("in", "ingest", "a") + "".join(ring) + conditional("out", "c", "daily"))
    assert found == [(8, "tab: Predicate: the trigger waits for what it starts itself: tab -> tbc -> tca -> tab")]


def test_triggers_of_different_workflows_make_no_cycle(settings: Settings) -> None:
    inside = [
        conditional(f"x{job}", job, other, 'WorkflowName = "w"\n')
        for job, other in (("ingest", "daily"), ("daily", "ingest"))
    ]
    outside = conditional("y", "daily", "ingest")
    assert problems(settings, inside[0] + outside) == []
    assert [line for line, _ in problems(settings, "".join(inside) + outside)] == [4]


def test_strict_schedules_refuse_a_frequent_one(settings: Settings, tmp_path: Path) -> None:
    text = '[x]\nType = "SCHEDULED"\nSchedule = "cron(* * * * ? *)"\nActions = [{ JobName = "daily" }]\n'
    assert problems(settings, text) == []
    strict = settings_of(tmp_path, triggers={"strict_schedules": True})
    assert problems(strict, text) == [
        (3, "x: Schedule: cron(* * * * ? *) fires more often than every 5 minutes."),
    ]
