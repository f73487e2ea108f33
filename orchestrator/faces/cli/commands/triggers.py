"""`orchestrator triggers`: list triggers."""

from typing import Final

import click

from orchestrator.faces.cli.chains import LastFiring, Trigger
from orchestrator.faces.cli.following import ENDED
from orchestrator.faces.cli.lookup import short_ids
from orchestrator.faces.cli.output import output_option, print_for_programs
from orchestrator.faces.cli.session import Session, endpoint_options
from orchestrator.faces.cli.tables import print_table
from orchestrator.faces.cli.text import brief_moment

_LEAST_NAME: Final = 8
_LEAST_RUNS: Final = 12
"""What is never cut off: `jr_`, eight digits, and that there is more."""


@click.command("triggers")
@endpoint_options
@output_option
@click.pass_context
def command(context: click.Context, /, *, output: str) -> None:
    """List the triggers, with their next and last firings.

    Times are local; schedules are in UTC. RUNS are those that the last firing started.
    """
    told = context.ensure_object(Session).client().look_up("triggers")
    triggers: list[Trigger] = told["triggers"]
    if print_for_programs(output, triggers, ids=(trigger["name"] for trigger in triggers)):
        return
    firings = [trigger["last_firing"] for trigger in triggers if trigger["last_firing"] is not None]
    short = short_ids(run["id"] for firing in firings for run in firing["runs"])
    print_table(
        ("TRIGGER", "TYPE", "STATE", "NEXT", "LAST", "RUNS"),
        (_told(trigger, short, told["now_ms"]) for trigger in triggers),
        least={"TRIGGER": _LEAST_NAME, "RUNS": _LEAST_RUNS},
    )


def _told(trigger: Trigger, short: dict[str, str], now_ms: int) -> tuple[str, ...]:
    upcoming, last = trigger["upcoming_ms"], trigger["last_firing"]
    return (
        trigger["name"],
        trigger["type"],
        trigger["state"],
        brief_moment(upcoming[0] if upcoming else None, now_ms),
        brief_moment(None if last is None else last["at_ms"], now_ms),
        "-" if last is None else _runs(last, short),
    )


def _runs(last: LastFiring, short: dict[str, str]) -> str:
    """Return the runs, what needs a look before what went well: the end of the line may not fit the terminal."""
    runs = sorted(last["runs"], key=lambda run: (run["state"] == "SUCCEEDED", run["state"] not in ENDED))
    return ", ".join(f"{short[run['id']]} {run['state']}" for run in runs) or "none"
