"""Triggers that nothing precedes: what StartTrigger and StopTrigger do, and what becomes of runs that cannot start."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.model.errors import ConcurrentRunsExceededError, EntityNotFoundError, InvalidInputError
from orchestrator.model.states import JobRunState
from orchestrator.model.triggers import Action, TriggerState, TriggerType
from orchestrator.store import chains, events, triggers
from orchestrator.supervisor import firing
from tests.support.chain_scene import Scene, invocation

S = JobRunState


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    scene = Scene(tmp_path / "state.db")
    yield scene
    scene.store.close()


def test_an_on_demand_trigger_fires_at_once_and_stays_created(scene: Scene) -> None:
    scene.job("a", "b")
    action = Action(job_name="a", arguments={"--x": "1"}, timeout_min=7, notify_delay_after_min=3)
    scene.trigger("root", action, "b")
    a, b = scene.fire("root")
    assert (a.trigger_name, a.arguments, a.timeout_min, a.notify_delay_after_min) == ("root", {"--x": "1"}, 7, 3)
    assert a.chain_key == b.chain_key
    assert triggers.get(scene.store, "root").state is TriggerState.CREATED


def test_every_firing_begins_a_chain_and_a_call_that_is_sent_again_does_not_fire_again(scene: Scene) -> None:
    scene.job("a")
    scene.trigger("root", "a")
    [first] = scene.fire("root", invocation(1))
    assert scene.fire("root", invocation(1)) == []
    [second] = scene.fire("root", invocation(2))
    assert first.chain_key != second.chain_key
    with pytest.raises(InvalidInputError, match="used before with another request"):
        scene.fire("root", invocation(1, b"another"))
    last = chains.last_firing(scene.store, "root")
    assert last is not None
    assert last.chain_key == second.chain_key


def test_a_call_that_is_sent_again_is_answered_even_when_its_trigger_is_gone(scene: Scene) -> None:
    scene.job("a")
    trigger = scene.trigger("root", "a")
    scene.fire("root", invocation(1))
    triggers.delete(scene.store, trigger)
    assert scene.fire("root", invocation(1)) == []
    with pytest.raises(EntityNotFoundError):
        scene.fire("root", invocation(2))


@pytest.mark.parametrize(("kind", "more"), [("SCHEDULED", {"schedule": "cron(0 1 * * ? *)"}), ("CONDITIONAL", {})])
def test_other_triggers_are_activated_and_deactivated(scene: Scene, kind: str, more: dict[str, str]) -> None:
    scene.job("a", "b")
    when = {"when": {"b": "SUCCEEDED"}} if kind == "CONDITIONAL" else {}
    scene.trigger("t", "a", type=TriggerType(kind), state=TriggerState.CREATED, **more, **when)
    with pytest.raises(InvalidInputError, match="The operation is not allowed when trigger is in state: CREATED"):
        firing.stop_trigger(scene.store, "t", at_ms=1)
    assert scene.fire("t") == []
    assert triggers.get(scene.store, "t").state is TriggerState.ACTIVATED
    for _ in range(2):
        firing.stop_trigger(scene.store, "t", at_ms=2)
        assert triggers.get(scene.store, "t").state is TriggerState.DEACTIVATED


def test_an_event_trigger_cannot_be_started(scene: Scene) -> None:
    scene.job("a")
    scene.trigger("t", "a", type=TriggerType.EVENT)
    with pytest.raises(InvalidInputError, match="Trigger Type EVENT cannot be started"):
        scene.fire("t")


# Jobs that are busy, deleted, or ask for too much.


def test_runs_of_a_busy_job_wait_in_the_order_in_which_they_were_started(scene: Scene) -> None:
    scene.job("a", max_concurrent_runs=1)
    scene.trigger("root", "a")
    runs = [run for _ in range(3) for run in scene.fire("root")]
    assert [run.state for run in runs] == [S.WAITING] * 3
    assert [run.seq for run in runs] == [1, 2, 3]


def test_with_on_busy_fail_a_run_of_a_busy_job_fails_in_glues_words_and_is_not_retried(tmp_path: Path) -> None:
    scene = Scene(tmp_path / "state.db", on_busy="fail")
    scene.job("a", max_concurrent_runs=1, max_retries=3)
    scene.job("b")
    scene.trigger("root", "a")
    scene.trigger("repair", "b", when={"a": "FAILED"})
    [held] = scene.fire("root")
    assert held.state is S.STARTING
    failed, repair = scene.fire("root")
    assert (failed.state, failed.error_message) == (S.FAILED, "Concurrent runs exceeded for a")
    assert (failed.retry_due_ms, failed.trigger_name) == (None, "root")
    assert scene.predecessors(repair) == [("a", str(failed.id))]
    assert [event.run.id for event in events.list_page(scene.store, after_seq=0, limit=9)] == [failed.id]
    scene.store.close()


def test_with_on_busy_skip_there_is_no_run_and_the_firing_counts(tmp_path: Path) -> None:
    scene = Scene(tmp_path / "state.db", on_busy="skip")
    scene.job("a", max_concurrent_runs=1)
    scene.trigger("root", "a")
    scene.fire("root", invocation(1))
    assert scene.fire("root", invocation(2)) == []
    assert scene.fire("root", invocation(2)) == []
    assert scene.store.execute("SELECT count(*) FROM firing").fetchone()[0] == 2
    scene.store.close()


def test_a_run_of_a_deleted_job_ends_as_error_and_others_are_not_told(scene: Scene) -> None:
    scene.job("a", "b")
    scene.trigger("root", "a", "b")
    scene.delete_job("a")
    a, b = scene.fire("root")
    assert (a.state, b.state) == (S.ERROR, S.WAITING)
    assert a.error_message == "The trigger started a run of job a, which does not exist any more"
    assert events.list_page(scene.store, after_seq=0, limit=9) == []


def test_a_run_that_could_never_have_its_slots_fails_with_the_reason(tmp_path: Path) -> None:
    scene = Scene(tmp_path / "state.db", cap_dpu=5)
    scene.job("a")
    scene.trigger("root", "a")
    [run] = scene.fire("root")
    assert run.state is S.FAILED
    assert run.error_message
    assert run.retry_due_ms is None
    scene.store.close()


# Triggers that begin a workflow.


def test_a_trigger_of_a_workflow_begins_a_run_of_it_within_its_limit(scene: Scene) -> None:
    scene.workflow("w", max_concurrent_runs=1)
    scene.job("a")
    scene.trigger("root", "a", workflow_name="w")
    [run] = scene.fire("root")
    found = scene.store.execute("SELECT chain_key, workflow_name, status FROM workflow_run").fetchall()
    assert [tuple(row) for row in found] == [(run.chain_key, "w", "RUNNING")]
    with pytest.raises(ConcurrentRunsExceededError, match="Concurrent runs exceeded for w"):
        scene.fire("root")
