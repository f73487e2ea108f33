"""What `orchestrator top` shows: what runs, what waits, how much of the machine that takes, and what comes next."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import click

from orchestrator.faces.cli.answers import Run
from orchestrator.faces.cli.chains import Trigger
from orchestrator.faces.cli.client import Client
from orchestrator.faces.cli.lookup import short_ids
from orchestrator.faces.cli.tables import coloured, render
from orchestrator.faces.cli.text import brief_moment, clock, columns_of, cut, in_one_line, size
from orchestrator.faces.cli.usage import Usage, usage_of

LIVE: Final = "WAITING,STARTING,RUNNING,STOPPING"
_ORDER: Final = ("RUNNING", "STOPPING", "STARTING", "WAITING")
_MOST_RUNS: Final = 500
_MOST_FIRINGS: Final = 5
_BAR: Final = 30
_NARROW: Final = 60
_WIDE: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Firing:
    """What a trigger will do."""

    at_ms: int
    trigger: str
    starts: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """How everything is at a moment."""

    now_ms: int
    endpoint: str
    capacity: dict[str, Any]
    runs: Sequence[Run]
    usage: dict[str, Usage] = field(default_factory=dict)
    firings: Sequence[Firing] = ()


def look(client: Client) -> Snapshot:
    """Return how everything is now."""
    capacity = client.look_up("capacity", query={"brief": 1})
    runs = sorted(
        client.runs(state=LIVE, limit=_MOST_RUNS), key=lambda run: (_ORDER.index(run["state"]), run["started_on_ms"])
    )
    found = {run_id: usage_of(last) for run_id, last in client.look_up("samples")["runs"].items()}
    return Snapshot(
        now_ms=capacity["now_ms"],
        endpoint=client.endpoint.url,
        capacity=capacity,
        runs=runs,
        usage={run_id: usage for run_id, usage in found.items() if usage is not None},
        firings=_firings(client.look_up("triggers")["triggers"]),
    )


def _firings(triggers: Sequence[Trigger]) -> list[Firing]:
    coming = [
        Firing(at_ms=one["upcoming_ms"][0], trigger=one["name"], starts=one["starts"])
        for one in triggers
        if one["upcoming_ms"]
    ]
    return sorted(coming, key=lambda firing: firing.at_ms)[:_MOST_FIRINGS]


def as_json(seen: Snapshot) -> dict[str, Any]:
    """Return a snapshot for programs."""
    return {
        "now_ms": seen.now_ms,
        "capacity": {name: value for name, value in seen.capacity.items() if name not in {"now_ms", "steps", "is_cut"}},
        "runs": [
            {**run, "cores": None if usage is None else round(usage.cores, 3), "rss_bytes": usage and usage.rss_bytes}
            for run in seen.runs
            for usage in [seen.usage.get(run["id"])]
        ],
        "firings": [
            {"at_ms": one.at_ms, "trigger_name": one.trigger, "starts": list(one.starts)} for one in seen.firings
        ],
    }


def lines_of(seen: Snapshot, *, width: int | None, height: int | None, in_colour: bool) -> list[str]:
    """Return the snapshot as lines of at most `width` columns, `height` of them at most; None: however it comes out."""
    firings = _firing_lines(seen, width, in_colour=in_colour)
    head = _head(seen, width, in_colour=in_colour)
    room = None if height is None else height - len(head) - len(firings) - 1
    if room is not None and room < 2 and firings:
        room, firings = room + len(firings), []
    lines = [*head, "", *_run_lines(seen, width, room, in_colour=in_colour), *firings]
    return lines if height is None else lines[:height]


def _head(seen: Snapshot, width: int | None, *, in_colour: bool) -> list[str]:
    capacity, in_use, queued = seen.capacity, seen.capacity["in_use"], seen.capacity["queued"]
    at = brief_moment(seen.now_ms, seen.now_ms, to_the_second=True)
    counts = {state: sum(run["state"] == state for run in seen.runs) for state in _ORDER}
    states = ", ".join(f"{count} {coloured(state) if in_colour else state}" for state, count in counts.items() if count)
    slots = (
        f"{in_use['dpu']:g} of {capacity['dpus']:g} DPU, {_runs(in_use['runs'])} of at most {capacity['max_processes']}"
    )
    bar = _bar(in_use["dpu"] / capacity["dpus"] if capacity["dpus"] else 0, width)
    told = [
        _cut(f"orchestrator  {at}  {in_one_line(seen.endpoint)}", width),
        _cut(f"Slots  {slots}", width) + bar,
        _cut(f"Queue  {_runs(queued['runs'])}, {queued['dpu']:g} DPU", width),
    ]
    return [click.style(told[0], bold=True) if in_colour else told[0], *told[1:], f"Runs   {states or 'none is live'}"]


def _bar(share: float, width: int | None) -> str:
    if width is None or width < _WIDE:
        return ""
    filled = min(_BAR, round(share * _BAR) or (1 if share > 0 else 0))
    return f"  [{'#' * filled}{'.' * (_BAR - filled)}]"


def _run_lines(seen: Snapshot, width: int | None, room: int | None, *, in_colour: bool) -> list[str]:
    if not seen.runs:
        return []
    shown = seen.runs
    if room is not None and len(shown) + 1 > room:
        shown = shown[: max(0, room - 2)]
    short = short_ids(run["id"] for run in seen.runs)
    columns = ["RUN", "JOB", "STATE", "FOR", "CPU", "MEMORY", "DPU", "DETAIL"]
    if width is not None and width < _WIDE:
        columns = columns[:6] if width >= _NARROW else columns[:4]
    rows = [_row(seen, run, short[run["id"]])[: len(columns)] for run in shown]
    least = {"JOB": 6, "DETAIL": 8, columns[-1]: 5}
    lines = render(columns, rows, width=width, in_colour=in_colour, least=least, gives_first="JOB")
    more = len(seen.runs) - len(shown)
    return [*lines, f"and {more} more"] if more else lines


def _row(seen: Snapshot, run: Run, short: str) -> tuple[str, ...]:
    usage = seen.usage.get(run["id"])
    since = run["launched_on_ms"] or run["started_on_ms"]
    return (
        short,
        run["job_name"],
        run["state"],
        clock((seen.now_ms - since) / 1000),
        "-" if usage is None else f"{usage.cores:.0%}",
        "-" if usage is None else size(usage.rss_bytes),
        f"{run['dpu']:g}",
        run["state_detail"] or (f"by {run['trigger_name']}" if run["trigger_name"] else ""),
    )


def _firing_lines(seen: Snapshot, width: int | None, *, in_colour: bool) -> list[str]:
    if not seen.firings:
        return []
    rows = [
        (
            brief_moment(one.at_ms, seen.now_ms),
            clock((one.at_ms - seen.now_ms) / 1000),
            one.trigger,
            ", ".join(one.starts),
        )
        for one in seen.firings
    ]
    return [
        "",
        *render(("NEXT", "IN", "TRIGGER", "STARTS"), rows, width=width, in_colour=in_colour, least={"TRIGGER": 8}),
    ]


def _runs(count: int) -> str:
    return "1 run" if count == 1 else f"{count} runs"


def _cut(text: str, width: int | None) -> str:
    return text if width is None or columns_of(text) <= width else cut(text, width - 1) + "…"
