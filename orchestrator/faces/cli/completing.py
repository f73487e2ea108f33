"""What a shell offers behind the cursor: names and ids that the daemon knows. It answers at once or not at all.

Whatever goes wrong, nothing is offered and nothing is said: a shell that completes has no place for an error.
"""

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import click

from orchestrator.faces.cli.client import Client
from orchestrator.faces.cli.endpoint import Endpoint
from orchestrator.faces.cli.lookup import matched, short_ids
from orchestrator.faces.cli.session import Session

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

ANSWERS_WITHIN_S: Final = 0.3
_MOST_OFFERED: Final = 200
_OFFERED: Final = re.compile(r"[A-Za-z0-9_.@%+,/=:-]+")
"""What a shell takes as it is. A name with anything else in it would be typed into a command line, where it is obeyed."""
_LIVE: Final = "WAITING,STARTING,RUNNING,STOPPING"


class _Offer(NamedTuple):
    """What could stand behind the cursor."""

    value: str
    help: str | None = None


Complete = Callable[[click.Context, click.Parameter, str], "list[CompletionItem]"]
_Found = Iterator[_Offer]


def _completing(find: Callable[[Client, str], _Found]) -> Complete:
    def complete(context: click.Context, parameter: click.Parameter, incomplete: str) -> "list[CompletionItem]":
        from click.shell_completion import CompletionItem  # noqa: PLC0415 - only a shell that asks needs it

        del parameter
        found: list[_Offer] = []
        try:  # before the clock starts: what it bounds is the daemon, and not how long our own modules take to import
            endpoint = context.ensure_object(Session).endpoint_at_a_glance()
        except Exception:  # noqa: BLE001 - there is no place to tell it
            return []
        asking = threading.Thread(target=_ask, args=(endpoint, find, incomplete, found), daemon=True)
        asking.start()
        asking.join(ANSWERS_WITHIN_S)
        return [] if asking.is_alive() else [CompletionItem(one.value, help=one.help) for one in found]

    return complete


def _ask(endpoint: Endpoint, find: Callable[[Client, str], _Found], incomplete: str, found: list[_Offer]) -> None:
    with suppress(Exception), closing(Client(endpoint, patience_s=0)) as client:
        items = [item for item in find(client, incomplete) if item.value.startswith(incomplete)]
        found += [item for item in items if _OFFERED.fullmatch(item.value)][:_MOST_OFFERED]


def _names(action: str, members: str) -> Callable[[Client, str], _Found]:
    def find(client: Client, incomplete: str) -> _Found:
        del incomplete
        token: str | None = None
        while True:
            answer: dict[str, Any] = client.act(action, {} if token is None else {"NextToken": token})
            yield from (_Offer(name) for name in answer.get(members, []))
            token = answer.get("NextToken")
            if not token:
                return

    return find


def _runs(state: str | None) -> Callable[[Client, str], _Found]:
    def find(client: Client, incomplete: str) -> _Found:
        digits = matched("jr_", incomplete)
        runs = client.runs(prefix=f"jr_{digits}") if digits else client.runs(state=state)
        short = short_ids(run["id"] for run in runs)
        prefix = "" if digits and not incomplete.startswith("jr_") else "jr_"
        for run in runs:
            # What is typed may be longer than what tells the runs apart.
            value = max(short[run["id"]], run["id"][: len(incomplete) + len("jr_") - len(prefix)], key=len)
            yield _Offer(prefix + value.removeprefix("jr_"), help=f"{run['job_name']} {run['state']}")
        yield _Offer("@last", help="the newest run")

    return find


job_names: Final = _completing(_names("ListJobs", "JobNames"))
trigger_names: Final = _completing(_names("ListTriggers", "TriggerNames"))
workflow_names: Final = _completing(_names("ListWorkflows", "Workflows"))
run_ids: Final = _completing(_runs(None))
live_run_ids: Final = _completing(_runs(_LIVE))
