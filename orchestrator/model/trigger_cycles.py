"""Cycles: conditional triggers that wait, over others, for what they start themselves. Pure.

A chain of runs does not go round in one, for a trigger fires once in a chain; but its author meant something else.
"""

from collections.abc import Mapping

from orchestrator.model.triggers import TriggerDefinition


def find_cycles(definitions: Mapping[str, TriggerDefinition]) -> list[list[str]]:
    """Return cycles as the triggers on the way, the first once more at the end, until without them there is none.

    Triggers of different workflows, and those of none, do not wait for each other's runs.
    """
    below = _followers(definitions)
    found: list[list[str]] = []
    done: set[str] = set()
    for start in definitions:
        way: list[str] = []
        ahead = [iter([start])]
        while ahead:
            name = next(ahead[-1], None)
            if name is None:
                ahead.pop()
                if way:
                    done.add(way.pop())
            elif name in way:
                found.append([*way[way.index(name) :], name])
            elif name not in done:
                way.append(name)
                ahead.append(iter(below[name]))
    return found


def _followers(definitions: Mapping[str, TriggerDefinition]) -> dict[str, list[str]]:
    """Return for each trigger those that wait for a job which it starts."""
    watching: dict[tuple[str | None, str], list[str]] = {}
    for name, definition in definitions.items():
        for job in dict.fromkeys(condition.job_name for condition in definition.conditions):
            watching.setdefault((definition.workflow_name, job), []).append(name)
    return {
        name: list(
            dict.fromkeys(
                follower
                for action in definition.actions
                for follower in watching.get((definition.workflow_name, action.job_name), [])
            )
        )
        for name, definition in definitions.items()
    }
