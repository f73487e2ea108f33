"""What follows from the end of a run: its retry, the triggers that it makes fire, what others are told of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.model.errors import JobRunInTerminalStateError
from orchestrator.model.policy import RetryDelay
from orchestrator.model.records import EventKind
from orchestrator.model.states import JobRunState
from orchestrator.model.triggers import TriggerState
from orchestrator.store import events, jobs
from orchestrator.supervisor import settlement
from tests.support.chain_scene import Scene
from tests.support.records import a_definition

S = JobRunState


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    scene = Scene(tmp_path / "state.db", retry_delay=RetryDelay(first_s=1, factor=3, longest_s=5))
    yield scene
    scene.store.close()


# Retries.


def test_a_failed_run_is_retried_up_to_max_retries_with_growing_pauses_and_a_row_each(scene: Scene) -> None:
    scene.job("a", max_retries=3)
    run = scene.start("a", arguments={"--day": "1"})
    pauses, ids = [], [str(run.id)]
    while True:
        scene.end(run, "FAILED")
        due_ms = scene.now(run).retry_due_ms
        if due_ms is None:
            break
        pauses.append(due_ms - scene.at_ms)
        scene.at_ms = due_ms
        following = scene.retry(run)
        assert following is not None
        assert (following.previous_attempt, following.retry_number) == (run.id.attempt, run.retry_number + 1)
        assert following.arguments == {"--day": "1"}
        assert scene.now(run).retry_due_ms is None
        run = following
        ids.append(str(run.id))
    assert pauses == [1_000, 3_000, 5_000]
    assert ids == [ids[0], *(f"{ids[0]}_attempt_{number}" for number in (1, 2, 3))]
    assert [run.state for run in scene.runs()] == [S.FAILED] * 4


@pytest.mark.parametrize("end", ["TIMEOUT", "SUCCEEDED"])
def test_only_a_failure_is_retried_and_any_other_end_is_final_at_once(scene: Scene, end: str) -> None:
    scene.job("a", "b", max_retries=3)
    scene.trigger("root", "a")
    scene.trigger("then", "b", when={"a": end})
    [run] = scene.fire("root")
    assert len(scene.end(run, end)) == 1
    assert scene.now(run).state == end
    assert scene.now(run).retry_due_ms is None


def test_a_run_that_was_stopped_is_not_retried(scene: Scene) -> None:
    scene.job("a", max_retries=3)
    run = scene.launch(scene.start("a"))
    scene.stop(run)
    scene.end(run, "FAILED")
    assert (scene.now(run).state, scene.now(run).retry_due_ms) == (S.STOPPED, None)


def test_a_run_whose_shim_died_or_that_could_not_be_launched_is_retried_as_any_failure(scene: Scene) -> None:
    scene.job("a", max_retries=1, max_concurrent_runs=2)
    lost, hopeless = scene.start("a"), scene.start("a")
    settlement.settle_lost(scene.store, lost.id, "x", means=scene.means, at_ms=scene.at_ms)
    settlement.settle_never_started(scene.store, hopeless.id, "x", means=scene.means, at_ms=scene.at_ms)
    assert scene.now(lost).retry_due_ms
    assert scene.now(hopeless).retry_due_ms


@pytest.mark.parametrize("is_made_again", [False, True])
def test_a_run_of_a_job_that_was_deleted_is_not_retried_even_if_the_job_was_made_again(
    scene: Scene, *, is_made_again: bool
) -> None:
    scene.job("a", max_retries=3, max_concurrent_runs=2)
    failed, live = scene.start("a"), scene.start("a")
    scene.end(failed, "FAILED")
    scene.delete_job("a")
    if is_made_again:
        scene.job("a", max_retries=3)
    scene.end(live, "FAILED")
    assert scene.now(live).retry_due_ms is None
    assert scene.retry(failed) is None
    assert scene.now(failed).retry_due_ms is None
    assert len(scene.runs()) == 2


def test_a_run_is_retried_as_its_job_was_when_it_was_accepted(scene: Scene) -> None:
    scene.job("a", max_retries=1)
    run = scene.start("a")
    jobs.replace(scene.store, jobs.get(scene.store, "a"), a_definition(max_retries=0), source=None, at_ms=scene.at_ms)
    scene.end(run, "FAILED")
    retry = scene.retry(run)
    assert retry is not None
    assert retry.version_key == run.version_key


def test_the_stop_of_a_failed_run_whose_retry_is_to_come_takes_it_back_and_makes_the_failure_final(
    scene: Scene,
) -> None:
    scene.job("a", "b", max_retries=1)
    scene.trigger("root", "a")
    scene.trigger("repair", "b", when={"a": "FAILED"})
    [run] = scene.fire("root")
    assert scene.end(run, "FAILED") == []
    stopped = scene.stop(run)
    assert (stopped.state, stopped.retry_due_ms) == (S.FAILED, None)
    assert [one.job_name for one in scene.runs()] == ["a", "b"]
    with pytest.raises(JobRunInTerminalStateError):
        scene.stop(run)


def test_a_retry_by_hand_takes_the_place_of_the_automatic_one_and_begins_the_count_anew(scene: Scene) -> None:
    scene.job("a", max_retries=1)
    run = scene.start("a")
    scene.end(run, "FAILED")
    by_hand = scene.start("a", retry_of=str(run.id))
    assert scene.now(run).retry_due_ms is None
    assert (by_hand.id.attempt, by_hand.retry_number) == (1, 0)
    scene.end(by_hand, "FAILED")
    assert scene.now(by_hand).retry_due_ms is not None
    again = scene.retry(by_hand)
    assert again is not None
    assert str(again.id) == f"{run.id}_attempt_2"


def test_an_attempt_that_was_overtaken_by_a_retry_by_hand_is_not_retried(scene: Scene) -> None:
    scene.job("a", max_retries=3, max_concurrent_runs=2)
    first = scene.start("a")
    scene.end(first, "SUCCEEDED")
    second = scene.start("a", retry_of=str(first.id))
    scene.start("a", retry_of=str(first.id))
    scene.end(second, "FAILED")
    assert scene.now(second).retry_due_ms is None


# Triggers.


def test_a_run_says_which_trigger_started_it_and_which_runs_that_saw(scene: Scene) -> None:
    scene.job("a", "b", "c")
    scene.trigger("root", "a", "b")
    scene.trigger("join", "c", when={"b": "SUCCEEDED", "a": "FAILED"})
    a, b = scene.fire("root")
    assert (a.trigger_name, scene.predecessors(a), a.chain_key) == ("root", [], b.chain_key)
    assert scene.end(b) == []
    [c] = scene.end(a, "FAILED")
    assert (c.job_name, c.trigger_name, c.chain_key) == ("c", "join", a.chain_key)
    assert scene.predecessors(c) == [("b", str(b.id)), ("a", str(a.id))]


def test_of_any_the_run_that_ended_alone_is_the_predecessor_and_the_next_one_starts_nothing(scene: Scene) -> None:
    scene.job("a", "b", "c")
    scene.trigger("root", "a", "b")
    scene.trigger("either", "c", when={"a": "SUCCEEDED", "b": "SUCCEEDED"}, logical="ANY")
    a, b = scene.fire("root")
    [c] = scene.end(b)
    assert scene.predecessors(c) == [("b", str(b.id))]
    assert scene.end(a) == []


def test_only_the_last_attempt_counts_and_is_the_predecessor(scene: Scene) -> None:
    scene.job("a", max_retries=1)
    scene.job("b", "c")
    scene.trigger("root", "a")
    scene.trigger("good", "b", when={"a": "SUCCEEDED"})
    scene.trigger("bad", "c", when={"a": "FAILED"})
    [first] = scene.fire("root")
    assert scene.end(first, "FAILED") == []
    second = scene.retry(first)
    assert second is not None
    assert second.trigger_name == "root"
    [b] = scene.end(second)
    assert (b.job_name, scene.predecessors(b)) == ("b", [("a", f"{first.id}_attempt_1")])


def test_a_retry_keeps_the_predecessors_of_the_run_that_it_retries(scene: Scene) -> None:
    scene.job("a")
    scene.job("b", max_retries=1)
    scene.trigger("root", "a")
    scene.trigger("then", "b", when={"a": "SUCCEEDED"})
    [a] = scene.fire("root")
    [b] = scene.end(a)
    scene.end(b, "FAILED")
    again = scene.retry(b)
    assert again is not None
    assert (again.trigger_name, scene.predecessors(again)) == ("then", [("a", str(a.id))])


def test_a_retry_by_hand_rejoins_its_chain_and_what_waited_for_it_goes_on(scene: Scene) -> None:
    scene.job("a", "b")
    scene.trigger("root", "a")
    scene.trigger("then", "b", when={"a": "SUCCEEDED"})
    [a] = scene.fire("root")
    assert scene.end(a, "FAILED") == []
    repair = scene.start("a", retry_of=str(a.id))
    assert (repair.chain_key, repair.trigger_name) == (a.chain_key, None)
    [b] = scene.end(repair)
    assert scene.predecessors(b) == [("a", str(repair.id))]


def test_a_run_that_somebody_started_by_hand_makes_no_trigger_fire(scene: Scene) -> None:
    scene.job("a", "b")
    scene.trigger("then", "b", when={"a": "SUCCEEDED"})
    run = scene.start("a")
    assert run.chain_key is None
    assert scene.end(run) == []


def test_with_fire_on_manual_runs_each_such_run_begins_a_chain(tmp_path: Path) -> None:
    scene = Scene(tmp_path / "state.db", fire_on_manual_runs=True)
    scene.job("a", "b")
    scene.trigger("then", "b", when={"a": "SUCCEEDED"})
    first = scene.start("a")
    [b] = scene.end(first)
    assert scene.predecessors(b) == [("a", str(first.id))]
    assert len(scene.end(scene.start("a"))) == 1
    scene.store.close()


def test_a_trigger_that_is_off_does_not_fire_afterwards_when_it_is_on_again(scene: Scene) -> None:
    scene.job("a", "b", max_concurrent_runs=9)
    scene.trigger("root", "a")
    scene.trigger("then", "b", when={"a": "SUCCEEDED"}, state=TriggerState.DEACTIVATED)
    [a] = scene.fire("root")
    assert scene.end(a) == []
    scene.set_state("then", TriggerState.ACTIVATED)
    assert len(scene.runs()) == 1


def test_the_end_of_an_older_run_makes_nothing_fire_that_the_newest_one_did_not(scene: Scene) -> None:
    scene.job("a", "b", max_concurrent_runs=9)
    scene.trigger("root", "a", "a")
    scene.trigger("then", "b", when={"a": "SUCCEEDED"}, state=TriggerState.DEACTIVATED)
    older, newest = scene.fire("root")
    scene.end(newest)
    scene.set_state("then", TriggerState.ACTIVATED)
    assert scene.end(older, "FAILED") == []


def test_a_trigger_fires_once_in_a_chain_however_often_its_condition_comes_true(scene: Scene) -> None:
    scene.job("a", "b", max_concurrent_runs=9)
    scene.trigger("root", "a")
    scene.trigger("then", "b", when={"a": "SUCCEEDED"})
    [a] = scene.fire("root")
    [b] = scene.end(a)
    assert scene.end(scene.start("a", retry_of=str(a.id))) == []
    [other] = scene.fire("root")
    assert other.chain_key != a.chain_key
    assert len(scene.end(other)) == 1
    assert scene.names(b.chain_key) == ["root", "then"]


def test_triggers_that_start_each_other_do_so_once(scene: Scene) -> None:
    scene.job("a", "b")
    scene.trigger("root", "a")
    scene.trigger("to_b", "b", when={"a": "SUCCEEDED"})
    scene.trigger("to_a", "a", when={"b": "SUCCEEDED"})
    [a] = scene.fire("root")
    [b] = scene.end(a)
    [a_again] = scene.end(b)
    assert scene.end(a_again) == []


def test_an_end_that_is_asked_for_twice_makes_its_triggers_fire_once(scene: Scene) -> None:
    scene.job("a", "b")
    scene.trigger("root", "a")
    scene.trigger("then", "b", when={"a": "SUCCEEDED"})
    [a] = scene.fire("root")
    assert len(scene.end(a)) == 1
    assert scene.end(a) == []


def test_the_end_of_a_run_that_was_waiting_makes_triggers_fire_too(scene: Scene) -> None:
    scene.job("a", "b")
    scene.trigger("root", "a")
    scene.trigger("then", "b", when={"a": "STOPPED"})
    [a] = scene.fire("root")
    assert scene.stop(a).state is S.STOPPED
    assert [run.job_name for run in scene.runs()] == ["a", "b"]


# What others are told.


def test_each_end_is_told_once_with_its_state(scene: Scene) -> None:
    scene.job("a", max_retries=1, max_concurrent_runs=9)
    run = scene.start("a")
    scene.end(run, "FAILED")
    scene.end(run, "FAILED")
    scene.stop(run)  # takes the retry back
    scene.end(scene.start("a"), "TIMEOUT")
    scene.end(scene.start("a"))
    scene.stop(scene.start("a", queuing_enabled=True))
    told = events.list_page(scene.store, after_seq=0, limit=10)
    assert [(event.kind, event.state) for event in told] == [
        (EventKind.STATE_CHANGE, state) for state in (S.FAILED, S.TIMEOUT, S.SUCCEEDED, S.STOPPED)
    ]
