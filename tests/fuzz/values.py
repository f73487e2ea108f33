"""Values for botocore's shapes: what a model allows, with names that exist often enough to get behind the first check."""

import copy
import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tests.support.shape_generator import OPAQUE

RUN_IDS: Final = ["jr_" + digit * 64 for digit in "123"]
"""Stand in for the ids of real runs, so that a request is the same whichever daemon it is sent to."""
WORKFLOW_RUN_IDS: Final = ["wr_" + digit * 64 for digit in "12"]
SCRIPT: Final = "/nowhere/steady.py"
"""Stands in for a script that is there."""
_JOBS: Final = ["steady", "steady", "steady", "fuzz-a", "fuzz-b", "nobody's"]
_TRIGGERS: Final = ["tick", "tick", "fuzz-t", "fuzz-u"]
_WORKFLOWS: Final = ["flow", "flow", "fuzz-w"]
_NAMES: Final[Mapping[str, Sequence[str]]] = {"Job": _JOBS, "Trigger": _TRIGGERS, "Workflow": _WORKFLOWS}
_RUNS: Final = [*RUN_IDS, *RUN_IDS, RUN_IDS[0] + "_attempt_1", "jr_x", "jr_" + "0" * 64]
_WORKFLOW_RUNS: Final = [*WORKFLOW_RUN_IDS, *WORKFLOW_RUN_IDS, "wr_" + "0" * 64]
_GROUPS: Final = ["/aws-glue/jobs/output", "/aws-glue/jobs/error", "/aws-glue/jobs/nothing"]
_KNOWN: Final[Mapping[str, Sequence[Any]]] = {
    "JobName": _JOBS,
    "JobNames": _JOBS,
    "TriggerNames": _TRIGGERS,
    "DependentJobName": _JOBS,
    "WorkflowName": _WORKFLOWS,
    "JobRunId": _RUNS,
    "JobRunIds": _RUNS,
    "ResourceArn": [
        f"arn:aws:glue:us-east-1:123456789012:{one}" for one in ("job/steady", "trigger/tick", "x", "job/")
    ],
    "Schedule": [
        "cron(15 3 * * ? *)",
        "cron(* * * * ? *)",
        "cron(0 0 31 2 ? *)",
        "cron(0 0 ? * 6#3 2199)",
        "cron(a b c d e f)",
        "cron(0 0 LW JAN-DEC ? */4)",
        "rate(5 minutes)",
        "cron(" + "1," * 300 + "1 * * * ? *)",
    ],
    "ScriptLocation": [SCRIPT, "/nowhere/missing.py", "s3://bucket/key.py", "steady.py", "../x", "file:///nowhere"],
    "Arguments": [{"--orchestrator-preload": "json"}, {"--job-bookmark-option": "job-bookmark-enable"}, {"--a": "-"}],
    "WorkerType": ["G.1X", "G.2X", "Standard", "Z.9X"],
    "GlueVersion": ["4.0", "1.0.1", "auto"],
    "PythonVersion": ["3", "2", "3.9"],
    "MaintenanceWindow": ["Sun:3", "Mon:23"],
    "State": ["SUCCEEDED", "FAILED"],
    "LogicalOperator": ["EQUALS"],
    "MaxConcurrentRuns": [1, 2, 1000, 0],
    "NextToken": ["", "AA", "eyJrIjoiam9icyJ9"],
    "nextToken": ["f/0", "b/1", "AA"],
    "logGroupName": _GROUPS,
    "logGroupNamePrefix": ["/aws-glue", "/"],
    "logGroupIdentifier": [*_GROUPS, "arn:aws:logs:us-east-1:123456789012:log-group:/aws-glue/jobs/output"],
    "logStreamName": _RUNS,
    "JobCommand.Name": ["pythonshell", "glueetl", "nothing"],
    "logStreamNames": _RUNS,
    "logStreamNamePrefix": ["jr_", "x"],
    "filterPattern": ["", "error", '"a b" -c', "[a, b=1]", "{ $.x = 1 }", "%x(%", "?a ?b"],
}
_BY_PATTERN: Final[Mapping[str, Sequence[str]]] = {
    "GlueResourceArn": ["arn:aws:glue:us-east-1:123456789012:workflow/flow"],
    "GlueVersionString": ["4.0"],
    "MaintenanceWindow": ["Sat:9"],
    "PythonVersionString": ["3"],
    "AccountId": ["123456789012"],
    "LogGroupName": ["/aws-glue/jobs/output", "x"],
    "LogGroupNamePattern": ["", "jobs"],
    "LogGroupIdentifier": ["/aws-glue/jobs/output"],
    "LogStreamName": [RUN_IDS[0], "ä b"],
}
_RARE: Final = frozenset({"CrawlerName", "CrawlState", "EventBatchingCondition", "NextToken", "logGroupIdentifier"})
_LETTERS: Final = "abcXYZ019 -_.$\t"
_FOREIGN: Final = "äß日本\u202e\u2066\u200b\ufeff\ufffd\U0001f600"
_ANYTHING: Final = "\0\x1b\r\n\x7f\x85\u2028" + _LETTERS + _FOREIGN


@dataclass(frozen=True, slots=True)
class Node:
    """One value in a request's tree: where it is, of which shape, and whether it may be null."""

    holder: Any  # the object or list that has it
    key: str | int
    shape: str
    member: str  # the innermost member of a structure that it belongs to
    is_required: bool


@dataclass(slots=True)
class Values:
    """Makes values of a model's shapes; `nodes` are those of the last request."""

    shapes: Mapping[str, Any]
    chance: random.Random
    action: str

    @property
    def noun(self) -> str:
        """Return what the action's Name is a name of."""
        return next((noun for noun in ("Workflow", "Trigger", "Job") if noun in self.action), "Job")

    def request(self, shape: str) -> dict[str, Any]:
        """Return a request that the model allows, and that usually makes sense."""
        value: dict[str, Any] = self._structure(shape, 0)
        if self.chance.random() < 0.8:
            make_sensible(value, self.chance)
        return value

    def nodes(self, value: Any, shape: str, member: str = "") -> Iterator[Node]:
        """Yield what is in a value of a shape, the innermost first."""
        kind = self.shapes[shape]
        if shape in OPAQUE:
            return
        if isinstance(value, dict) and kind["type"] == "structure":
            for name, target in kind["members"].items():
                if name in value:
                    yield from self.nodes(value[name], target["shape"], name)
                    yield Node(value, name, target["shape"], name, name in kind.get("required", ()))
        elif isinstance(value, dict):
            for key, item in value.items():
                yield from self.nodes(item, kind["value"]["shape"], member)
                yield Node(value, key, kind["value"]["shape"], member, is_required=True)
        elif isinstance(value, list):
            for at, item in enumerate(value):
                yield from self.nodes(item, kind["member"]["shape"], member)
                yield Node(value, at, kind["member"]["shape"], member, is_required=True)

    def _value(self, name: str, member: str, depth: int, parent: str = "") -> Any:
        shape = self.shapes[name]
        if name in OPAQUE:
            return self.chance.choice([{}, {"node": {"S3CsvSource": {"Name": "a"}}}])
        known = self._known(member, parent)
        if known and shape["type"] not in ("list", "structure") and (shape["type"] != "map" or member == "Arguments"):
            return copy.copy(self.chance.choice(known))  # what is spoiled is this one's
        match shape["type"]:
            case "structure":
                value: Any = self._structure(name, depth + 1)
            case "list":
                value = self._list(shape, member, depth)
            case "map":
                value = self._map(shape)
            case "boolean":
                value = self.chance.random() < 0.5
            case "integer" | "long":
                value = self._number(shape)
            case "double" | "float":
                value = self.chance.choice([0.0625, 1, 2.0, 0.5, 10, 1e6, -0.0, 5e-324])
            case kind:
                assert kind == "string", f"{name} is a {kind}"
                value = self.text(name)
        return value

    def _known(self, member: str, parent: str) -> Sequence[Any] | None:
        if self.chance.random() < 0.15:
            return None
        if f"{parent}.{member}" in _KNOWN:
            return _KNOWN[f"{parent}.{member}"]
        if member in ("Name", "Names"):
            names = _NAMES[self.noun]
            return [one for one in names if one.startswith("fuzz")] if self.action.startswith("Delete") else names
        if member in ("RunId", "PreviousRunId"):
            return _WORKFLOW_RUNS if self.noun == "Workflow" else _RUNS
        return _KNOWN.get(member)

    def _structure(self, name: str, depth: int) -> dict[str, Any]:
        shape = self.shapes[name]
        value: dict[str, Any] = {}
        for member, target in shape["members"].items():
            likely = 0.05 if member in _RARE else 0.35 if depth < 3 else 0.1
            if member in shape.get("required", ()) or self.chance.random() < likely:
                value[member] = self._value(target["shape"], member, depth, name)
        return value

    def _list(self, shape: Mapping[str, Any], member: str, depth: int) -> list[Any]:
        least, most = shape.get("min", 0), min(shape.get("max", 3), 3)
        count = self.chance.randint(least, max(least, most))
        return [self._value(shape["member"]["shape"], member, depth) for _ in range(count)]

    def _map(self, shape: Mapping[str, Any]) -> dict[str, Any]:
        count = self.chance.randint(shape.get("min", 0), 3)
        keys = [self.text(shape["key"]["shape"]) for _ in range(count)]
        return {key: self._value(shape["value"]["shape"], "", 3) for key in keys}

    def _number(self, shape: Mapping[str, Any]) -> int:
        least: int = shape.get("min", -5)
        most: int = min(shape.get("max", 1000), 1000)
        return self.chance.choice([least, max(most, least), self.chance.randint(least, max(most, least))])

    def text(self, name: str) -> str:
        """Return a text that a string's shape allows."""
        shape = self.shapes[name]
        if "enum" in shape:
            return str(self.chance.choice(shape["enum"]))
        if name in _BY_PATTERN:
            return self.chance.choice(_BY_PATTERN[name])
        letters = _LETTERS + _FOREIGN if "pattern" in shape else self.chance.choice([_LETTERS, _ANYTHING])
        least, most = shape.get("min", 0), min(shape.get("max", 40), 40)
        return "".join(self.chance.choices(letters, k=self.chance.randint(least, max(most, least))))


def make_sensible(value: Any, chance: random.Random) -> None:
    """Leave out what excludes something else in a request, and add what something else needs."""
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            make_sensible(item, chance)
    if isinstance(value, dict):
        _make_an_object_sensible(value, chance)


def _make_an_object_sensible(value: dict[str, Any], chance: random.Random) -> None:
    if "Command" in value:
        value["Command"] = {"Name": "pythonshell", "ScriptLocation": SCRIPT, **value["Command"]}
        value["Command"]["Name"] = value["Command"]["Name"] or "pythonshell"
    if not value.keys().isdisjoint({"Role", "JobRunId", "WorkerType"}):
        for member in ("AllocatedCapacity", "NumberOfWorkers", "WorkerType", "MaxCapacity", "MaintenanceWindow"):
            value.pop(member, None)
    if chance.random() < 0.7:
        value.pop("JobRunId", None)
    if not value.keys().isdisjoint({"logGroupName", "logStreamName", "logStreamNames", "limit", "startTime"}):
        value["logGroupName"] = chance.choice(_GROUPS)
    if "Actions" in value:
        value["Actions"] = [{**one, "JobName": "steady"} for one in value["Actions"]] or [{"JobName": "steady"}]
    if value.get("Type") in ("SCHEDULED", "CONDITIONAL", "ON_DEMAND", "EVENT"):
        _make_a_trigger_sensible(value, chance)


def _make_a_trigger_sensible(value: dict[str, Any], chance: random.Random) -> None:
    value.pop("Schedule", None)
    value.pop("Predicate", None)
    if value["Type"] == "SCHEDULED":
        value["Schedule"] = "cron(* * * * ? *)"
    elif value["Type"] == "CONDITIONAL":
        state = chance.choice(["SUCCEEDED", "FAILED"])
        value["Predicate"] = {"Conditions": [{"LogicalOperator": "EQUALS", "JobName": "fuzz-a", "State": state}]}


def with_real_names(body: bytes, run_ids: Sequence[str], workflow_run_ids: Sequence[str], script: str) -> bytes:
    """Return a request's bytes with the names of what is really there in the places of those that stand in."""
    real = dict(zip([*RUN_IDS, *WORKFLOW_RUN_IDS, SCRIPT], [*run_ids, *workflow_run_ids, script], strict=True))
    return re.sub("|".join(real).encode(), lambda found: real[found[0].decode()].encode(), body)
