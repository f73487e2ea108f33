"""Who starts next: first come, first served; who steps aside holds up nobody; who passes delays nobody.

The promise of `backfill` is checked by brute force: over every order in which the live runs can end, the head starts
no later than it would without the run that passed it. That a choice looks at lanes of runs that are alike is checked
against the same choice made run by run.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import permutations
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.model import queue
from orchestrator.model.queue import Demand, Limits, Line
from tests.support.records import run_id

LIMITS = Limits(dpus=10, max_processes=8)
BACKFILL = replace(LIMITS, order="backfill")


def demand(number: int, dpu: float, *, job: int | None = None, limit: int = 100) -> Demand:
    return Demand(run_id=run_id(number), job_key=number if job is None else job, concurrency_limit=limit, dpu=dpu)


def chosen(queued: Sequence[Demand], held: Sequence[Demand] = (), limits: Limits = LIMITS) -> list[int]:
    return [int.from_bytes(one.run_id.base, "big") for one in queue.choose(Line(queued), held, limits)]


def test_runs_start_in_order_as_long_as_they_fit() -> None:
    assert chosen([demand(1, 4), demand(2, 4), demand(3, 4), demand(4, 1)]) == [1, 2]


def test_the_first_that_does_not_fit_holds_up_all_behind_it() -> None:
    assert chosen([demand(1, 8), demand(2, 1)], [demand(9, 5)]) == []


def test_a_run_of_a_job_at_its_limit_steps_aside() -> None:
    queued = [demand(1, 1, job=7, limit=1), demand(2, 1, job=7, limit=1), demand(3, 1)]
    assert chosen(queued) == [1, 3]
    assert chosen(queued, [demand(9, 1, job=7, limit=1)]) == [3]


def test_a_run_that_steps_aside_is_not_the_head_even_if_it_would_not_fit() -> None:
    assert chosen([demand(1, 9, job=7, limit=1), demand(2, 1)], [demand(9, 5, job=7, limit=1)]) == [2]


def test_processes_are_capped_beside_slots() -> None:
    assert chosen([demand(n, 1) for n in range(1, 6)], [demand(9, 1)], replace(LIMITS, max_processes=3)) == [1, 2]
    assert chosen([demand(1, 1)], [demand(9, 1)], replace(LIMITS, max_processes=1)) == []


def test_exactly_full_is_not_too_full() -> None:
    assert chosen([demand(1, 10)]) == [1]
    assert chosen([demand(n, 0.0625) for n in range(1, 9)], [], Limits(dpus=0.25, max_processes=8)) == [1, 2, 3, 4]


def test_slots_that_shrank_below_what_is_held_start_nothing() -> None:
    assert chosen([demand(1, 1)], [demand(8, 30), demand(9, 30)]) == []


def test_backfill_lets_a_small_run_pass_that_fits_beside_the_head() -> None:
    assert chosen([demand(1, 8), demand(2, 2)], [demand(9, 4)], BACKFILL) == [2]


def test_backfill_lets_nobody_pass_who_would_take_the_heads_room() -> None:
    assert chosen([demand(1, 8), demand(2, 3)], [demand(9, 4)], BACKFILL) == []


def test_backfill_lets_nobody_pass_who_fits_only_if_the_right_run_ends_first() -> None:
    # If the run of 4 ends first, the head could start beside the 2: so nobody may fill these 2 up to 3.
    assert chosen([demand(1, 8), demand(2, 1)], [demand(8, 4), demand(9, 2)], BACKFILL) == []


def test_backfill_keeps_a_process_for_the_head() -> None:
    assert chosen([demand(1, 8), demand(2, 1)], [demand(9, 4)], replace(BACKFILL, max_processes=2)) == []


def test_backfill_keeps_one_of_its_jobs_runs_for_the_head() -> None:
    assert chosen([demand(1, 8, job=7, limit=1), demand(2, 1, job=7, limit=1)], [demand(9, 4)], BACKFILL) == []


def test_backfill_counts_only_whole_room_beside_the_head() -> None:
    limits = Limits(dpus=8.05, max_processes=8, order="backfill")  # 0.05 is less than the smallest run there is
    assert chosen([demand(1, 8), demand(2, 0.0625)], [demand(9, 4)], limits) == []


def a_situation(seed: int) -> tuple[list[Demand], list[Demand], Limits]:
    """Return a queue and what is held beside it, near the limits: a large run somewhere, small ones around it."""
    random = Random(seed)
    limits = Limits(dpus=random.choice([6.0, 7.05, 8.5]), max_processes=random.choice([3, 4, 5, 20]), order="backfill")
    held: list[Demand] = []
    queued: list[Demand] = []
    for number in range(100, 100 + random.randint(1, 4)):
        one = _any_demand(random, number, [0.25, 1.0, 2.0, 3.0])
        if chosen([one], held, limits):
            held.append(one)
    for number in range(1, 1 + random.randint(1, 5)):
        sizes = [4.0, 5.0, 6.0] if random.random() < 0.4 else [0.0625, 0.25, 1.0, 2.0]
        queued.append(_any_demand(random, number, sizes))
    return queued, held, limits


def _any_demand(random: Random, number: int, sizes: Sequence[float]) -> Demand:
    job = random.randint(1, 4)
    return demand(number, random.choice(sizes), job=job, limit=job)


def head_of(queued: Sequence[Demand], held: Sequence[Demand], limits: Limits) -> Demand | None:
    """Return the run that holds up the others under strict order: the first that its job lets go, and that has no room."""
    started = queue.choose(Line(queued), held, replace(limits, order="fifo"))
    live = [*held, *started]
    for one in queued:
        steps_aside = sum(other.job_key == one.job_key for other in live) >= one.concurrency_limit
        if one not in started and not steps_aside:
            return one
    return None


def start_of(head: Demand, live: Sequence[Demand], order_of_ends: Sequence[Demand], limits: Limits) -> int:
    """Return after how many ends `head`, alone in the queue, starts."""
    left = list(live)
    for count, ended in enumerate(order_of_ends):
        if queue.choose(Line([head]), left, limits):
            return count
        left.remove(ended)
    return len(order_of_ends) if queue.choose(Line([head]), left, limits) else len(order_of_ends) + 1


@pytest.mark.parametrize("block", range(8))
def test_whoever_passes_the_head_never_delays_it_whatever_ends_first(block: int) -> None:
    outcomes = [_passes_without_delay(*a_situation(seed)) for seed in range(block * 500, (block + 1) * 500)]
    assert sum(outcomes) > 10  # it is tested at all


def _passes_without_delay(queued: list[Demand], held: list[Demand], limits: Limits) -> bool:
    """Check every order of ends; return whether anybody passed."""
    head = head_of(queued, held, limits)
    strict = queue.choose(Line(queued), held, replace(limits, order="fifo"))
    with_backfill = queue.choose(Line(queued), held, limits)
    assert with_backfill[: len(strict)] == strict  # it only ever adds
    passed = with_backfill[len(strict) :]
    if head is None or not passed:
        return False
    live = [*held, *strict]
    for order_of_ends in permutations(live):
        without = start_of(head, live, order_of_ends, limits)
        assert start_of(head, [*live, *passed], order_of_ends, limits) == without
    return True


@given(seed=st.integers(0, 2**32), order=st.sampled_from(["fifo", "backfill"]))
def test_no_choice_ever_breaks_a_limit(seed: int, order: Any) -> None:
    queued, held, limits = a_situation(seed)
    picked = queue.choose(Line(queued), held, replace(limits, order=order))
    live = [*held, *picked]
    assert [one for one in queued if one in picked] == picked  # in the queue's order, nobody twice
    assert queue.in_use_dpu(live) <= limits.dpus
    assert len(live) <= limits.max_processes
    for one in picked:
        assert sum(other.job_key == one.job_key for other in live) <= one.concurrency_limit


@given(seed=st.integers(0, 2**32))
def test_an_empty_machine_always_starts_the_first(seed: int) -> None:
    queued, _, limits = a_situation(seed)
    assert queue.choose(Line(queued), [], limits)[:1] == queued[:1]


def test_a_waiting_run_is_told_what_it_waits_for_and_its_place() -> None:
    held = [demand(9, 6.5, job=7, limit=1)]
    waits = queue.explain(Line([demand(1, 0.5, job=7, limit=1), demand(2, 8)]), held, LIMITS)
    assert [(wait.place, wait.reason) for wait in waits.values()] == [
        (1, "Waiting for one of the job's 1 concurrent runs to end; place 1 in the queue"),
        (2, "Waiting for 8 DPU, 6.5 in use of 10; place 2 in the queue"),
    ]


def test_a_run_that_waits_for_a_process_is_told_so() -> None:
    waits = queue.explain(Line([demand(1, 1)]), [demand(9, 1)], replace(LIMITS, max_processes=1))
    assert [wait.reason for wait in waits.values()] == ["Waiting for a process, 1 live of 1; place 1 in the queue"]


@pytest.mark.parametrize("order", ["fifo", "backfill"])
def test_a_run_that_asks_for_more_than_there_is_now_holds_up_nobody(order: Any) -> None:
    line, fewer = Line([demand(1, 8), demand(2, 2)]), replace(LIMITS, dpus=4.0, order=order)
    assert [one.run_id for one in queue.choose(line, [], fewer)] == [run_id(2)]
    wait = queue.explain(line, [], fewer)[run_id(1)]
    assert wait.reason == "Waiting for 8 DPU, which is more than the 4 that are lent now; place 1 in the queue"


def test_a_run_whose_job_is_full_holds_up_nobody_though_it_is_large() -> None:
    line = Line([demand(1, 1, job=7, limit=1), demand(2, 10, job=7, limit=1), demand(3, 1, job=7, limit=2)])
    assert [one.run_id for one in queue.choose(line, [], LIMITS)] == [run_id(1), run_id(3)]


def test_the_next_run_of_a_job_waits_until_the_end_of_the_last_is_kept_and_others_do_not() -> None:
    ending = [demand(9, 10, job=7, limit=1)]
    line = Line([demand(1, 10, job=7, limit=1), demand(2, 10, job=8, limit=1)])
    assert [one.run_id for one in queue.choose(line, [], LIMITS, ending)] == [run_id(2)]
    assert "concurrent runs to end" in queue.explain(line, [], LIMITS, ending=ending)[run_id(1)].reason


def test_nobody_waits_in_an_empty_queue() -> None:
    assert queue.explain(Line(), [demand(9, 1)], LIMITS) == {}


def one_by_one(queued: Sequence[Demand], held: Sequence[Demand], limits: Limits) -> list[Demand]:
    """Choose by a look at each run that waits: the rule as it is said."""
    live, picked, head = list(held), list[Demand](), None
    jobs = Counter(one.job_key for one in live)
    for one in queued:
        if len(live) >= limits.max_processes:
            break
        if jobs[one.job_key] >= one.concurrency_limit or one.dpu > limits.dpus:
            continue
        if head is None and one.dpu > limits.dpus - queue.in_use_dpu(live):
            if limits.order == "fifo":
                break
            head = one
            continue
        if head is not None and not queue._may_pass(one, head, live, jobs, limits):
            continue
        picked.append(one)
        live.append(one)
        jobs[one.job_key] += 1
    return picked


@st.composite
def a_long_queue(draw: Any) -> tuple[list[Demand], list[Demand], Limits]:
    """Return a queue in which many runs are alike, and jobs have runs that were accepted under another limit or size."""
    kinds = st.tuples(st.integers(1, 3), st.integers(1, 4), st.sampled_from([0.0625, 0.25, 1.0, 2.0, 4.0, 6.0]))
    queued = [
        demand(number, dpu, job=job, limit=limit)
        for number, (job, limit, dpu) in enumerate(draw(st.lists(kinds, max_size=25)))
    ]
    held = [
        demand(100 + number, dpu, job=job, limit=limit)
        for number, (job, limit, dpu) in enumerate(draw(st.lists(kinds, max_size=4)))
    ]
    limits = Limits(
        dpus=draw(st.sampled_from([2.0, 6.0, 8.05, 20.0])),
        max_processes=draw(st.sampled_from([1, 3, 6, 40])),
        order=draw(st.sampled_from(["fifo", "backfill"])),
    )
    return queued, held, limits


@given(situation=a_long_queue(), left=st.sets(st.integers(0, 24)))
def test_lanes_choose_what_a_look_at_each_run_chooses(
    situation: tuple[list[Demand], list[Demand], Limits], left: set[int]
) -> None:
    queued, held, limits = situation
    line = Line(queued)
    for number in left:
        line.remove(run_id(number))
    waiting = [one for one in queued if one.run_id not in {run_id(number) for number in left}]
    assert list(line) == waiting
    assert len(line) == len(waiting)
    assert queue.choose(line, held, limits) == one_by_one(waiting, held, limits)
    waits = queue.explain(line, held, limits)
    assert [(one, wait.place) for one, wait in waits.items()] == [
        (one.run_id, place) for place, one in enumerate(waiting, start=1)
    ]
    for one in queued:
        assert queue.explain(line, held, limits, [one.run_id]) == {
            run: wait for run, wait in waits.items() if run == one.run_id
        }


def test_a_choice_looks_at_no_more_runs_than_it_starts_and_one_of_each_lane(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = 0
    look = queue._may_pass

    def counted(*args: Any) -> bool:
        nonlocal looks
        looks += 1
        return look(*args)

    monkeypatch.setattr(queue, "_may_pass", counted)
    line = Line([demand(1, 8), *(demand(number, 3, job=7) for number in range(2, 1000))])
    assert queue.choose(line, [demand(9999, 4)], BACKFILL) == []
    assert looks == 1
