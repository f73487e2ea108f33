"""Notices come at least once and in their order, wherever the daemon dies: what came twice has the same id both times."""

import itertools
import json
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support.chain_calls import rows
from tests.support.crash_points import NOTICE_WRITES, points_of
from tests.support.crashing import Lives, check_nothing_left, check_truthful, is_dead
from tests.support.receiver import Receiver, status
from tests.support.waiting import until

_RUNS: Final = 4
_OUTLETS: Final = 3
_POINTS: Final = [
    *points_of("begin_outlets", "settle_ended"),
    *(f"{point}:{number}" for point in points_of("move_outlet") for number in (1, 2, 5, 9)),
]
_SHORT: Final = {
    "begin_outlets.committed",
    "move_outlet.begun:1",
    "move_outlet.uncommitted:5",
    "move_outlet.committed:2",
}


def _marked() -> list[Any]:
    return [pytest.param(point, marks=() if point in _SHORT else pytest.mark.crash_full) for point in _POINTS]


def test_every_write_of_an_outlet_is_among_the_points() -> None:
    assert {point.partition(":")[0] for point in _POINTS} >= set(points_of(*NOTICE_WRITES))


@pytest.mark.parametrize("point", _marked())
def test_every_notice_comes_and_in_order_wherever_the_daemon_dies(point: str, tmp_path: Path) -> None:
    kept, said = tmp_path / "kept", tmp_path / "said"
    with Receiver(status(200), status(500), status(200)) as receiver:
        outlets = {
            "hook": {"webhook": receiver.url},
            "handler": {"command": ["/bin/sh", "-c", f"{{ cat; echo; }} >>{said}"]},
            "kept": {"file": str(kept)},
        }
        with Lives(tmp_path, [point], notices=json.dumps(outlets)) as lives:
            job = lives.client.job("j", lives.markers.script(), MaxRetries=0)
            ids = []
            for _ in range(_RUNS):
                ids.append(lives.client.start(job))
                lives.wait_for_end(ids[-1])
            _wait_until_all_is_told(lives, len(outlets))
            assert point.partition(":")[0] in lives.reached()
            assert lives.deaths == 1
            for run_id in ids:
                check_truthful(lives.daemon, run_id)
            check_nothing_left(lives.daemon, lives.markers)
        by_hook = [one.event for one in receiver.received]
    for events in (by_hook, _lines(kept), _lines(said)):
        _check(events, ids, most=_RUNS + lives.deaths + (events is by_hook))


def _wait_until_all_is_told(lives: Lives, outlets: int) -> None:
    def look() -> bool:
        if is_dead(lives.daemon):
            lives.revive()
        return rows(lives.daemon, "SELECT count(*) FROM outlet WHERE place = 4") == [(outlets,)]

    until(look, within_s=40, what="all places behind the last event")


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def _check(events: list[dict[str, Any]], ids: list[str], *, most: int) -> None:
    """Hold that each came, in order; what came again did so at once, with its id, and no more often than there was reason."""
    assert [run_id for run_id, _ in itertools.groupby(event["detail"]["jobRunId"] for event in events)] == ids
    assert len({event["id"] for event in events}) == _RUNS
    assert len(events) <= most, events
