"""What `top` shows fits the terminal, leaves out what matters least, and spells out what would command it."""

import json
from typing import Any

import pytest

from orchestrator.faces.cli.chains import Trigger
from orchestrator.faces.cli.client import Client
from orchestrator.faces.cli.dashboard import Firing, Snapshot, as_json, lines_of, look
from orchestrator.faces.cli.text import columns_of
from orchestrator.faces.cli.usage import Usage
from tests.unit.cli.stand_in import NOW_MS, StandIn, a_run

CAPACITY: dict[str, Any] = {
    "now_ms": NOW_MS,
    "dpus": 100.0,
    "max_processes": 8,
    "order": "fifo",
    "in_use": {"dpu": 20.0, "runs": 2},
    "queued": {"dpu": 10.0, "runs": 1},
    "steps": [],
    "is_cut": False,
}


def a_snapshot(live: int = 2, coming: int = 1, **facts: Any) -> Snapshot:
    runs = [a_run(f"{number:04x}", state="RUNNING", state_detail=None) for number in range(live)]
    firings = [
        Firing(at_ms=NOW_MS + 3_600_000, trigger=f"nightly {number}", starts=["ingest", "report"])
        for number in range(coming)
    ]
    told = {
        "now_ms": NOW_MS,
        "endpoint": "unix:/state/api.sock",
        "capacity": CAPACITY,
        "runs": runs,
        "firings": firings,
    }
    return Snapshot(**{**told, **facts})


def a_trigger(name: str, *upcoming_ms: int) -> Trigger:
    return {  # type: ignore[typeddict-item]  # what is looked at
        "name": name,
        "upcoming_ms": list(upcoming_ms),
        "starts": ["ingest"],
    }


def test_a_look_asks_for_all_that_is_shown(daemon: StandIn, client: Client) -> None:
    waiting = daemon.add(a_run("5a", state="WAITING", launched_on_ms=None))
    running = daemon.add(a_run("4f", state="RUNNING"))
    daemon.add(a_run("3c", state="SUCCEEDED"))
    last = [{"after_ms": 1000, "cpu_ms": 500, "rss_bytes": 2048, "processes": 1}]
    daemon.pages["/samples"] = {"runs": {running["id"]: last, waiting["id"]: []}}
    daemon.pages["/capacity"] = CAPACITY
    daemon.pages["/triggers"] = {"triggers": [a_trigger("late", 9000), a_trigger("soon", 8000), a_trigger("never")]}

    seen = look(client)

    assert [run["id"] for run in seen.runs] == [running["id"], waiting["id"]]
    assert seen.usage == {running["id"]: Usage(cores=0.5, rss_bytes=2048)}
    assert [firing.trigger for firing in seen.firings] == ["soon", "late"]
    assert seen.now_ms == NOW_MS


def test_everything_stands_where_there_is_room() -> None:
    seen = a_snapshot(usage={a_run("0000")["id"]: Usage(cores=1.5, rss_bytes=2**20)})

    lines = lines_of(seen, width=120, height=None, in_colour=False)

    assert lines[1] == "Slots  20 of 100 DPU, 2 runs of at most 8  [######........................]"
    assert lines[2:4] == ["Queue  1 run, 10 DPU", "Runs   2 RUNNING"]
    assert lines[5].split() == ["RUN", "JOB", "STATE", "FOR", "CPU", "MEMORY", "DPU", "DETAIL"]
    assert lines[6].split() == ["jr_00000000", "ingest", "RUNNING", "0:02", "150%", "1.0", "MiB", "10"]
    assert lines[-1].split()[1:] == ["1:00:00", "nightly", "0", "ingest,", "report"]


@pytest.mark.parametrize("width", [20, 40, 59, 60, 80, 99, 100, 200])
@pytest.mark.parametrize("height", [1, 5, 10, 24, 100])
def test_it_fits_any_terminal(width: int, height: int) -> None:
    detail = "Waiting for 10 DPU behind place 1, 30 in use of 30; place 2 in the queue"
    runs = [a_run(f"{n:04x}", state="WAITING", job_name=60 * "j", state_detail=detail) for n in range(30)]

    lines = lines_of(a_snapshot(coming=5, runs=runs), width=width, height=height, in_colour=False)

    assert len(lines) <= height
    assert width < 40 or max(map(columns_of, lines)) <= width


def test_runs_for_which_there_is_no_room_are_counted() -> None:
    lines = lines_of(a_snapshot(live=30, coming=0), width=80, height=12, in_colour=False)

    assert lines[-1] == "and 25 more"
    assert len(lines) <= 12


def test_firings_give_way_to_runs() -> None:
    lines = lines_of(a_snapshot(live=30, coming=5), width=80, height=8, in_colour=False)

    assert not any("nightly" in line for line in lines)
    assert any("jr_00000000" in line for line in lines)


def test_nothing_live_is_said() -> None:
    lines = lines_of(a_snapshot(live=0, coming=0), width=80, height=24, in_colour=False)

    assert lines[3] == "Runs   none is live"


def test_states_are_coloured_where_colours_are_wanted() -> None:
    assert "\x1b[36mRUNNING\x1b[0m" in "\n".join(lines_of(a_snapshot(), width=80, height=24, in_colour=True))
    assert "\x1b" not in "\n".join(lines_of(a_snapshot(), width=80, height=24, in_colour=False))


def test_names_do_not_command_the_terminal() -> None:
    hostile = "\x1b[2J\x9b2J[red]x[/red]\n"
    seen = a_snapshot(
        runs=[a_run("4f", state="WAITING", job_name=hostile, state_detail=hostile, trigger_name=hostile)],
        firings=[Firing(at_ms=NOW_MS, trigger=hostile, starts=[hostile])],
        endpoint=f"http://{hostile}",
    )

    text = "\n".join(lines_of(seen, width=200, height=24, in_colour=False))

    assert "\x1b" not in text
    assert "\x9b" not in text
    assert "[red]x[/red]" in text


def test_programs_get_the_figures() -> None:
    run = a_run("0000")
    told = json.loads(json.dumps(as_json(a_snapshot(usage={run["id"]: Usage(cores=1.23456, rss_bytes=7)}))))

    assert set(told) == {"now_ms", "capacity", "runs", "firings"}
    assert "steps" not in told["capacity"]
    assert [(one["cores"], one["rss_bytes"]) for one in told["runs"]] == [(1.235, 7), (None, None)]
    assert told["firings"][0]["trigger_name"] == "nightly 0"
