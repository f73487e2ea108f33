"""A chain's tree shows each firing below the run whose end made it fire, each run once, and nothing is left out."""

from dataclasses import replace
from typing import Any, Final

from orchestrator.model import chain_tree
from orchestrator.model.chain_tree import FiringLine
from orchestrator.model.records import Capacity, Firing, JobRun, Predecessor, RunFigures
from orchestrator.model.states import JobRunState
from tests.support.records import run_id

CHAIN: Final = 7


def a_run(seq: int, job: str, *, attempt: int = 0, base: int | None = None, **changes: Any) -> JobRun:
    run = JobRun(
        seq=seq,
        id=run_id(seq if base is None else base, attempt),
        previous_attempt=attempt - 1 if attempt else None,
        job_key=1,
        version_key=1,
        job_name=job,
        state=JobRunState.SUCCEEDED,
        arguments={},
        capacity=Capacity(dpu=1.0),
        timeout_min=1,
        glue_version="4.0",
        command_name="glueetl",
        queuing_enabled=False,
        notify_delay_after_min=None,
        execution_class=None,
        security_configuration=None,
        session_policy=None,
        trigger_name=None,
        started_on_ms=seq,
        launched_on_ms=seq,
        last_modified_on_ms=seq,
        completed_on_ms=100 + seq,
        error_message=None,
        figures=RunFigures(),
        chain_key=CHAIN,
    )
    return replace(run, **changes)


def fired(name: str, at_ms: int) -> Firing:
    return Firing(trigger_name=name, chain_key=CHAIN, tick_ms=None, at_ms=at_ms)


def by(trigger: str, at_ms: int) -> dict[str, Any]:
    return {"trigger_name": trigger, "started_on_ms": at_ms}


def after(*runs: JobRun) -> list[Predecessor]:
    return [Predecessor(job_name=run.job_name, run_id=run.id) for run in runs]


def drawn(lines: list[chain_tree.Line]) -> list[str]:
    return [
        "  " * line.depth + (line.firing.trigger_name if isinstance(line, FiringLine) else line.newest.job_name)
        for line in lines
    ]


def test_a_firing_hangs_below_the_run_that_made_it_fire() -> None:
    first, second = a_run(1, "a", **by("root", 10)), a_run(2, "b", **by("next", 20))
    firings = [fired("root", 10), fired("next", 20)]

    assert drawn(chain_tree.lines(CHAIN, firings, [(first, []), (second, after(first))])) == [
        "root",
        "  a",
        "    next",
        "      b",
    ]


def test_what_two_runs_preceded_hangs_below_the_later_end_and_names_both() -> None:
    quick, slow = a_run(1, "quick", **by("root", 10)), a_run(2, "slow", **by("root", 10))
    quick = replace(quick, completed_on_ms=900)
    last = a_run(3, "last", **by("join", 20))
    firings = [fired("root", 10), fired("join", 20)]

    lines = chain_tree.lines(CHAIN, firings, [(quick, []), (slow, []), (last, after(quick, slow))])

    assert drawn(lines) == ["root", "  quick", "    join", "      last", "  slow"]
    (join,) = [line for line in lines if isinstance(line, FiringLine) and line.firing.trigger_name == "join"]
    assert [(named.job_name, run) for named, run in join.predecessors] == [("quick", quick), ("slow", slow)]


def test_the_attempts_of_a_run_are_one_line() -> None:
    first = a_run(1, "a", **by("root", 10), state=JobRunState.FAILED)
    retry = a_run(2, "a", attempt=1, base=1, **by("root", 50))

    lines = chain_tree.lines(CHAIN, [fired("root", 10)], [(first, []), (retry, [])])

    assert drawn(lines) == ["root", "  a"]
    assert not isinstance(lines[1], FiringLine)
    assert (lines[1].attempts, lines[1].newest) == ([first, retry], retry)


def test_a_firing_that_started_nothing_is_a_line_all_the_same() -> None:
    assert drawn(chain_tree.lines(CHAIN, [fired("skipped", 10)], [])) == ["skipped"]


def test_runs_that_nothing_fired_are_roots_and_those_taken_over_say_so() -> None:
    by_hand, taken = a_run(2, "by_hand"), a_run(1, "taken", chain_key=3, **by("root", 1))

    lines = chain_tree.lines(CHAIN, [], [(by_hand, []), (taken, [])])

    assert drawn(lines) == ["taken", "by_hand"]
    assert [line.is_inherited for line in lines if not isinstance(line, FiringLine)] == [True, False]


def test_a_run_that_a_resumed_workflow_repeats_is_not_its_triggers() -> None:
    repeated = a_run(1, "a", **by("start", 10))
    fresh = a_run(2, "b", **by("start", 30))

    lines = chain_tree.lines(CHAIN, [fired("start", 30)], [(repeated, []), (fresh, [])])

    assert drawn(lines) == ["start", "  b", "a"]


def test_however_deep_a_chain_is_nothing_in_it_is_nested() -> None:
    runs = [a_run(number, f"j{number}", **by(f"t{number}", number)) for number in range(1, 501)]
    pairs = [(run, after(runs[place - 1]) if place else []) for place, run in enumerate(runs)]
    firings = [fired(f"t{number}", number) for number in range(1, 501)]

    lines = chain_tree.lines(CHAIN, firings, pairs)

    assert [line.depth for line in lines] == list(range(1000))
