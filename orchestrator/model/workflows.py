"""Workflows: what one consists of, its graph, and what is below a node. Pure.

A workflow is a name that triggers carry. Its graph is computed from them, and so is that of a workflow run, from the
triggers as they were at its start.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Literal

from orchestrator.model.errors import InvalidInputError
from orchestrator.model.triggers import Trigger, TriggerState, TriggerType

NodeType = Literal["TRIGGER", "JOB"]
_RUN_ID_PREFIX: Final = "wr_"
_HEX_DIGITS: Final = 64


class WorkflowRunStatus(StrEnum):
    """Glue's statuses of a workflow run."""

    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    STOPPING = "STOPPING"
    STOPPED = "STOPPED"
    ERROR = "ERROR"
    """Glue's, read but never written: what goes wrong in a workflow run is its runs' to say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowDefinition:
    """A workflow as its author wrote it."""

    description: str | None = None
    default_run_properties: Mapping[str, str] | None = None
    max_concurrent_runs: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Workflow:
    """A workflow that exists now."""

    workflow_key: int
    name: str
    definition: WorkflowDefinition
    created_on_ms: int
    last_modified_on_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowRun:
    """One run of a workflow: a chain with a name."""

    chain_key: int
    base_id: bytes
    workflow_name: str
    previous_base_id: bytes | None  # the run that this one resumes
    status: WorkflowRunStatus
    properties: Mapping[str, str]
    triggers: Sequence[Trigger] = field(repr=False)  # as they were at the start
    error_message: str | None
    started_on_ms: int
    completed_on_ms: int | None

    @property
    def id(self) -> str:
        """Return the id in Glue's form."""
        return run_id(self.base_id)

    @property
    def is_live(self) -> bool:
        """Say whether the run has not ended."""
        return self.completed_on_ms is None


@dataclass(frozen=True, slots=True, order=True)
class Node:
    """A trigger or a job in a workflow's graph."""

    type: NodeType
    name: str

    def unique_id(self, workflow_name: str) -> str:
        """Return the node's id: the same in the workflow and in all its runs."""
        text = f"{workflow_name}\0{self.type}\0{self.name}"
        return "wnode_" + hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True)
class Graph:
    """Nodes and edges, from a trigger to the jobs it starts and from a job to the triggers that watch it."""

    nodes: tuple[Node, ...]
    edges: tuple[tuple[Node, Node], ...]

    def below(self, nodes: Iterable[Node]) -> set[Node]:
        """Return `nodes` and every node that can be reached from them."""
        found: set[Node] = set()
        pending = list(nodes)
        while pending:
            node = pending.pop()
            if node not in found:
                found.add(node)
                pending += [target for source, target in self.edges if source == node]
        return found


def graph(triggers: Iterable[Trigger]) -> Graph:
    """Return the graph that the triggers of one workflow make, in their order."""
    nodes: dict[Node, None] = {}
    edges: dict[tuple[Node, Node], None] = {}
    for trigger in triggers:
        here = Node("TRIGGER", trigger.name)
        nodes[here] = None
        for condition in trigger.definition.conditions:
            watched = Node("JOB", condition.job_name)
            nodes[watched] = edges[watched, here] = None
        for action in trigger.definition.actions:
            started = Node("JOB", action.job_name)
            nodes[started] = edges[here, started] = None
    return Graph(tuple(nodes), tuple(edges))


def start_triggers(triggers: Iterable[Trigger]) -> list[Trigger]:
    """Return the triggers that begin a run of the workflow: all that are not conditional.

    A schedule begins a run by hand also while it is not activated.
    """
    return [trigger for trigger in triggers if trigger.definition.type is not TriggerType.CONDITIONAL]


def may_fire(trigger: Trigger) -> bool:
    """Say whether a conditional trigger fires when its predicate is true."""
    return trigger.definition.type is TriggerType.CONDITIONAL and trigger.state is TriggerState.ACTIVATED


def check(definition: WorkflowDefinition) -> None:
    """Refuse a definition that no run could follow.

    Raises:
        InvalidInputError: names the member.
    """
    most = definition.max_concurrent_runs
    if most is not None and most < 1:
        raise InvalidInputError(f"MaxConcurrentRuns is {most}; it must be at least 1.")


def run_id(base: bytes) -> str:
    """Return the id of the workflow run of `base`."""
    return _RUN_ID_PREFIX + base.hex()


def parse_run_id(text: str) -> bytes | None:
    """Return the base that the id of a workflow run spells, or None where it has not the form of one."""
    digits = text.removeprefix(_RUN_ID_PREFIX)
    is_one = text.startswith(_RUN_ID_PREFIX) and len(digits) == _HEX_DIGITS and digits == digits.lower()
    try:
        return bytes.fromhex(digits) if is_one and " " not in digits else None
    except ValueError:
        return None
