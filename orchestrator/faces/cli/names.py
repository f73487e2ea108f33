"""What a name that nobody knows was meant to be."""

from contextlib import suppress
from typing import Any, Final

from orchestrator.faces.cli.client import Client
from orchestrator.faces.cli.errors import CommandError, RefusedError
from orchestrator.faces.cli.exit_codes import ExitCode

_LISTS: Final = {
    "job": ("ListJobs", "JobNames", "orchestrator jobs"),
    "trigger": ("ListTriggers", "TriggerNames", "orchestrator triggers"),
    "workflow": ("ListWorkflows", "Workflows", "orchestrator workflow list"),
}
_MOST_PAGES: Final = 20
_MOST_NAMED: Final = 3


def is_missing(error: RefusedError) -> bool:
    """Say whether the daemon refused because there is no such thing."""
    return error.name == "EntityNotFoundException"


def no_such(client: Client, kind: str, name: str) -> CommandError:
    """Return the error that tells that no `kind` (job, trigger, workflow) has that name, and which names are near."""
    action, member, lists = _LISTS[kind]
    hint = f"`{lists}` lists them."
    with suppress(CommandError):  # then that is all that can be said
        known = _names(client, action, member)
        import difflib  # noqa: PLC0415 - it takes a while to import

        near = difflib.get_close_matches(name, known, n=_MOST_NAMED)
        if near:
            hint = f"Did you mean {' or '.join(near)}?"
        elif not known:
            hint = (
                f"There is no {kind} at all; `orchestrator apply` reads the files anew, `check` finds mistakes in them."
            )
    return CommandError(f"there is no {kind} {name}", ExitCode.NOT_FOUND, hint=hint)


def _names(client: Client, action: str, member: str) -> list[str]:
    known: list[str] = []
    token: str | None = None
    for _ in range(_MOST_PAGES):
        answer: dict[str, Any] = client.act(action, {} if token is None else {"NextToken": token})
        known += answer.get(member, [])
        token = answer.get("NextToken")
        if not token:
            break
    return known
