"""A workflow run is a chain with a beginning, an end and a name: what starts in it, what ends it, what a resume repeats."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.model.errors import (
    ConcurrentRunsExceededError,
    EntityNotFoundError,
    IllegalWorkflowStateError,
    InvalidInputError,
)
from orchestrator.model.ids import JobRunId
from orchestrator.model.records import Invocation, JobRun
from orchestrator.model.states import JobRunState
from orchestrator.model.triggers import TriggerState, TriggerType
from orchestrator.model.workflows import Node, WorkflowRun, WorkflowRunStatus
from orchestrator.store import chains, triggers, workflows
from orchestrator.supervisor import workflow_runs
from tests.support.chain_scene import Scene, invocation

S, W = JobRunState, WorkflowRunStatus


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    scene = Scene(tmp_path / "state.db")
    scene.workflow("w", default_run_properties={"day": "1", "who": "default"})
    scene.job("a", "b", "c", "d", max_concurrent_runs=9)
    scene.trigger("root", "a", workflow_name="w")
    scene.trigger("then", "b", "c", when={"a": "SUCCEEDED"}, workflow_name="w")
    scene.trigger("join", "d", when={"b": "SUCCEEDED", "c": "SUCCEEDED"}, workflow_name="w")
    yield scene
    scene.store.close()


def runs_of(scene: Scene, run: WorkflowRun) -> dict[str, JobRun]:
    """Return the newest run of each job in a workflow run."""
    return {one.job_name: one for one in scene.runs() if one.chain_key == run.chain_key}


def stop(scene: Scene, run: WorkflowRun) -> list[JobRunId]:
    return workflow_runs.stop(scene.store, "w", run.id, means=scene.means, at_ms=scene.at_ms)


def resume(scene: Scene, run: WorkflowRun, *jobs: str, call: Invocation | None = None) -> tuple[WorkflowRun, list[str]]:
    """ResumeWorkflowRun from the nodes of these jobs; return the new run and the jobs that it starts with."""
    ids = {Node("JOB", name).unique_id("w"): name for name in ("a", "b", "c", "d")}
    wanted = [Node("JOB", name).unique_id("w") for name in jobs]
    run_id, started = workflow_runs.resume(
        scene.store, "w", run.id, wanted, invocation=call, means=scene.means, at_ms=scene.at_ms
    )
    return workflows.get_run(scene.store, "w", run_id), [ids[one] for one in started]


def test_a_run_goes_from_its_first_job_to_its_last_and_is_completed_then(scene: Scene) -> None:
    run = scene.start_workflow("w", None, who="me")
    assert (run.status, run.properties) == (W.RUNNING, {"day": "1", "who": "me"})
    [b, c] = scene.end(runs_of(scene, run)["a"])
    assert scene.end(b) == []
    [d] = scene.end(c)
    assert scene.again(run).status is W.RUNNING
    scene.at_ms += 5
    scene.end(d, "FAILED")
    ended = scene.again(run)
    assert (ended.status, ended.completed_on_ms) == (W.COMPLETED, scene.at_ms)
    assert scene.names(run.chain_key) == ["root", "then", "join"]


def test_a_call_that_is_sent_again_gets_the_run_of_the_first(scene: Scene) -> None:
    first = scene.start_workflow("w", invocation(1))
    assert scene.start_workflow("w", invocation(1)).id == first.id
    assert scene.start_workflow("w", invocation(2)).id != first.id
    with pytest.raises(InvalidInputError, match="used before with another request"):
        scene.start_workflow("w", invocation(1, b"another"))
    assert len(scene.runs()) == 2


def test_a_workflow_at_its_limit_starts_no_run_until_one_has_ended(scene: Scene) -> None:
    scene.workflow("narrow", max_concurrent_runs=1)
    scene.trigger("narrow_root", "a", workflow_name="narrow")
    run = scene.start_workflow("narrow")
    with pytest.raises(ConcurrentRunsExceededError, match="Concurrent runs exceeded for narrow"):
        scene.start_workflow("narrow")
    scene.end(runs_of(scene, run)["a"])
    scene.start_workflow("narrow")


def test_a_workflow_without_a_trigger_to_begin_with_and_one_that_is_not_there_start_nothing(scene: Scene) -> None:
    scene.workflow("empty")
    with pytest.raises(InvalidInputError, match="has no trigger that starts it"):
        scene.start_workflow("empty")
    with pytest.raises(EntityNotFoundError):
        scene.start_workflow("missing")


def test_a_run_knows_its_triggers_as_they_were_when_it_began(scene: Scene) -> None:
    run = scene.start_workflow("w")
    triggers.delete(scene.store, triggers.get(scene.store, "then"))
    scene.trigger("late", "d", when={"a": "SUCCEEDED"}, workflow_name="w")
    started = scene.end(runs_of(scene, run)["a"])
    assert [one.job_name for one in started] == ["b", "c"]


def test_triggers_inside_and_outside_of_a_workflow_do_not_see_each_others_runs(scene: Scene) -> None:
    scene.job("e")
    scene.trigger("outside", "e", when={"a": "SUCCEEDED"})
    scene.trigger("root_outside", "a")
    run = scene.start_workflow("w")
    assert {one.job_name for one in scene.end(runs_of(scene, run)["a"])} == {"b", "c"}
    [a] = scene.fire("root_outside")
    assert [one.job_name for one in scene.end(a)] == ["e"]


def test_a_trigger_of_the_workflow_that_was_off_at_the_start_stays_off_in_the_run(scene: Scene) -> None:
    scene.set_state("then", TriggerState.DEACTIVATED)
    run = scene.start_workflow("w")
    scene.set_state("then", TriggerState.ACTIVATED)
    assert scene.end(runs_of(scene, run)["a"]) == []
    assert scene.again(run).status is W.COMPLETED


def test_a_schedule_of_the_workflow_begins_a_run_by_hand_also_while_it_is_off(scene: Scene) -> None:
    scene.workflow("timed")
    scene.trigger("hourly", "a", type=TriggerType.SCHEDULED, schedule="cron(0 * * * ? *)", workflow_name="timed")
    run = scene.start_workflow("timed")
    assert runs_of(scene, run)["a"].trigger_name == "hourly"


def test_a_run_with_a_retry_to_come_has_not_ended(scene: Scene) -> None:
    scene.workflow("stubborn")
    scene.job("e", max_retries=1)
    scene.trigger("stubborn_root", "e", workflow_name="stubborn")
    run = scene.start_workflow("stubborn")
    first = runs_of(scene, run)["e"]
    scene.end(first, "FAILED")
    assert scene.again(run).is_live
    second = scene.retry(first)
    assert second is not None
    scene.end(second, "FAILED")
    assert scene.again(run).status is W.COMPLETED


def test_a_retry_by_hand_opens_the_run_again(scene: Scene) -> None:
    run = scene.start_workflow("w")
    a = runs_of(scene, run)["a"]
    scene.end(a, "FAILED")
    assert scene.again(run).status is W.COMPLETED
    repair = scene.start("a", retry_of=str(a.id))
    assert (scene.again(run).status, scene.again(run).completed_on_ms) == (W.RUNNING, None)
    assert [one.job_name for one in scene.end(repair)] == ["b", "c"]


@pytest.mark.parametrize("way", ["workflow", "trigger"])
def test_a_run_whose_first_jobs_fail_at_once_is_completed_only_after_what_follows(tmp_path: Path, way: str) -> None:
    scene = Scene(tmp_path / "state.db", on_busy="fail")
    scene.workflow("w")
    scene.job("a", "b", "c", max_concurrent_runs=1)
    scene.trigger("root", "a", "b", workflow_name="w")
    scene.trigger("repair", "c", when={"b": "FAILED"}, workflow_name="w")
    for name in ("a", "b"):
        scene.start(name)
    if way == "workflow":
        run = scene.start_workflow("w")
    else:
        scene.fire("root")
        [run] = workflows.list_run_page(scene.store, "w", before_key=None, limit=9)
    c = runs_of(scene, run)["c"]
    assert scene.again(run).status is W.RUNNING
    scene.end(c)
    assert scene.again(run).status is W.COMPLETED
    scene.store.close()


# Stop.


def test_a_stop_stops_what_lives_ends_what_waits_and_starts_nothing_any_more(scene: Scene) -> None:
    run = scene.start_workflow("w")
    [b, c] = scene.end(runs_of(scene, run)["a"])
    live = scene.launch(b)
    assert set(stop(scene, run)) == {b.id, c.id}
    assert (scene.now(b).state, scene.now(c).state) == (S.STOPPING, S.STOPPED)
    assert scene.again(run).status is W.STOPPING
    assert stop(scene, run) == [b.id]
    assert scene.end(live) == []
    assert scene.again(run).status is W.STOPPED
    assert stop(scene, run) == []
    assert scene.again(run).status is W.STOPPED


def test_a_retry_by_hand_lets_a_stopped_run_go_on_but_not_one_that_is_stopping(scene: Scene) -> None:
    run = scene.start_workflow("w")
    a = scene.launch(runs_of(scene, run)["a"])
    stop(scene, run)
    assert scene.again(run).status is W.STOPPING
    other = scene.start_workflow("w")
    done = runs_of(scene, other)["a"]
    scene.end(done)
    stop(scene, other)
    assert scene.again(other).status is W.STOPPED
    assert [one.job_name for one in scene.end(a)] == []
    assert scene.again(run).status is W.STOPPED
    again = scene.start("a", retry_of=str(a.id))
    assert scene.again(run).status is W.RUNNING
    assert {one.job_name for one in scene.end(again)} == {"b", "c"}
    scene.launch(runs_of(scene, run)["b"])
    stop(scene, run)
    with pytest.raises(InvalidInputError, match="is STOPPING; its job runs can be retried when it has STOPPED"):
        scene.start("a", retry_of=str(again.id))


def test_a_retry_by_hand_does_not_take_a_workflow_over_its_limit(scene: Scene) -> None:
    scene.workflow("narrow", max_concurrent_runs=1)
    scene.trigger("narrow_root", "a", workflow_name="narrow")
    first = scene.start_workflow("narrow")
    failed = runs_of(scene, first)["a"]
    scene.end(failed, "FAILED")
    second = scene.start_workflow("narrow")
    with pytest.raises(ConcurrentRunsExceededError, match="Concurrent runs exceeded for narrow"):
        scene.start("a", retry_of=str(failed.id))
    scene.end(runs_of(scene, second)["a"])
    scene.start("a", retry_of=str(failed.id))
    assert scene.again(first).status is W.RUNNING


def test_a_resumed_cycle_repeats_each_job_once(scene: Scene) -> None:
    scene.job("x", "y")
    scene.trigger("into", "x", workflow_name="w")
    scene.trigger("there", "y", when={"x": "SUCCEEDED"}, workflow_name="w")
    scene.trigger("back", "x", when={"y": "SUCCEEDED"}, workflow_name="w")
    run = scene.start_workflow("w")
    for job in ("a", "b", "c", "d", "x", "y", "x"):
        scene.end(runs_of(scene, run)[job])
    assert scene.again(run).status is W.COMPLETED
    ids = [Node("JOB", name).unique_id("w") for name in ("y", "x")]
    resumed, started = workflow_runs.resume(
        scene.store, "w", run.id, ids, invocation=None, means=scene.means, at_ms=scene.at_ms
    )
    assert started == ids[:1]  # the one that is named first
    chain = workflows.get_run(scene.store, "w", resumed).chain_key
    for _ in range(2):
        [live] = [one for one in scene.runs() if one.chain_key == chain and not one.is_terminal]
        scene.end(live)
    assert [one.job_name for one in scene.runs() if one.chain_key == chain] == ["y", "x"]


def test_a_run_that_is_complete_cannot_be_stopped(scene: Scene) -> None:
    run = scene.start_workflow("w")
    scene.end(runs_of(scene, run)["a"], "FAILED")
    assert scene.again(run).status is W.COMPLETED
    with pytest.raises(IllegalWorkflowStateError, match="is COMPLETED; only a run that has not ended can be stopped"):
        stop(scene, run)


def test_a_stop_takes_back_the_retries_that_are_to_come_and_lets_no_failure_be_retried(scene: Scene) -> None:
    scene.workflow("v")
    scene.job("e", "f", max_retries=3)
    scene.trigger("root_v", "e", "f", workflow_name="v")
    scene.trigger("repair", "d", when={"e": "FAILED"}, workflow_name="v")
    run = scene.start_workflow("v")
    failed, live = runs_of(scene, run)["e"], scene.launch(runs_of(scene, run)["f"])
    scene.end(failed, "FAILED")
    workflow_runs.stop(scene.store, "v", run.id, means=scene.means, at_ms=scene.at_ms)
    assert scene.now(failed).retry_due_ms is None
    scene.end(live, "FAILED")
    assert scene.again(run).status is W.STOPPED
    assert len(runs_of(scene, run)) == 2


# Resume.


def ended_run(scene: Scene) -> tuple[WorkflowRun, dict[str, JobRun]]:
    """Return a run of the workflow in which `c` failed."""
    run = scene.start_workflow("w", None, who="me")
    [b, c] = scene.end(runs_of(scene, run)["a"])
    scene.end(b)
    scene.end(c, "FAILED")
    return scene.again(run), runs_of(scene, run)


def test_a_resume_repeats_the_nodes_and_all_below_and_takes_over_the_rest(scene: Scene) -> None:
    before, old = ended_run(scene)
    run, started = resume(scene, before, "c")
    assert started == ["c"]
    assert (run.previous_base_id, run.properties) == (before.base_id, before.properties)
    again = runs_of(scene, run)
    assert set(again) == {"c"}
    assert (again["c"].trigger_name, scene.predecessors(again["c"])) == ("then", [("a", str(old["a"].id))])
    assert chains.run_seqs(scene.store, run.chain_key) == sorted([old["a"].seq, old["b"].seq, again["c"].seq])
    [d] = scene.end(again["c"])
    assert scene.predecessors(d) == [("b", str(old["b"].id)), ("c", str(again["c"].id))]
    scene.end(d)
    assert (scene.again(run).status, scene.again(before).status) == (W.COMPLETED, W.COMPLETED)


def test_a_node_below_another_one_waits_for_it_and_a_call_sent_again_gets_the_same_answer(scene: Scene) -> None:
    before, _ = ended_run(scene)
    run, started = resume(scene, before, "b", "a", "b", call=invocation(1))
    assert started == ["a"]
    assert set(runs_of(scene, run)) == {"a"}
    again, started_again = resume(scene, before, "b", "a", "b", call=invocation(1))
    assert (again.id, started_again) == (run.id, started)
    assert len(runs_of(scene, run)) == 1


def test_a_run_that_was_resumed_can_be_resumed(scene: Scene) -> None:
    before, old = ended_run(scene)
    first, _ = resume(scene, before, "c")
    scene.end(runs_of(scene, first)["c"], "FAILED")
    second, _ = resume(scene, scene.again(first), "c")
    [d] = scene.end(runs_of(scene, second)["c"])
    assert scene.predecessors(d)[0] == ("b", str(old["b"].id))


def test_what_cannot_be_resumed_is_refused(scene: Scene) -> None:
    live = scene.start_workflow("w")
    with pytest.raises(IllegalWorkflowStateError, match="only a run that has ended can be resumed"):
        resume(scene, live, "a")
    before, _ = ended_run(scene)
    with pytest.raises(InvalidInputError, match="NodeIds cannot be empty"):
        resume(scene, before)
    with pytest.raises(InvalidInputError, match="is not the node of a job that has run"):
        resume(scene, before, "d")


def test_a_resume_of_jobs_that_end_at_once_ends_with_them(scene: Scene) -> None:
    before, _ = ended_run(scene)
    scene.delete_job("c")
    run, _ = resume(scene, before, "c")
    assert runs_of(scene, run)["c"].state is S.ERROR
    assert scene.again(run).status is W.COMPLETED
