"""Jobs, triggers and workflows over a store, for tests that tell in a few words what starts and how it ends."""

import sqlite3
from pathlib import Path
from typing import Any

from orchestrator.model.endings import EndingReason
from orchestrator.model.ids import parse_job_run_id
from orchestrator.model.records import CapacityRequest, Invocation, JobRun
from orchestrator.model.states import JobRunState, RunEvent
from orchestrator.model.triggers import Action, Condition, Trigger, TriggerDefinition, TriggerState, TriggerType
from orchestrator.model.workflows import WorkflowDefinition, WorkflowRun
from orchestrator.store import chains, job_runs, jobs, triggers, workflows
from orchestrator.supervisor import firing, sequel, settlement, stopping, workflow_runs
from orchestrator.supervisor.intake import RunRequest, accept_run
from tests.support.records import NOW_MS, a_definition, an_ending, opened, some_means

ENDINGS = {
    "SUCCEEDED": an_ending(),
    "FAILED": an_ending(exit_code=1),
    "TIMEOUT": an_ending(reason=EndingReason.TIMED_OUT, exit_code=None),
}


def invocation(number: int, request: bytes = b"r") -> Invocation:
    """Return the call of that number."""
    return Invocation(id_digest=b"i%d" % number, request_digest=request)


class Scene:
    """A store with what is in it. Every method is a transaction's work; `at_ms` is what the clock says."""

    def __init__(self, path: Path, **policy: Any) -> None:
        """Begin with an empty store; `policy` as in `Policy`."""
        self.store: sqlite3.Connection = opened(path)
        self.means = some_means(**policy)
        self.at_ms = NOW_MS

    def job(self, *names: str, **changes: Any) -> None:
        """Make jobs."""
        for name in names:
            jobs.create(self.store, name, a_definition(**changes), source=None, at_ms=self.at_ms)

    def delete_job(self, name: str) -> None:
        """Delete a job."""
        jobs.delete(self.store, jobs.get(self.store, name), at_ms=self.at_ms)

    def trigger(self, name: str, *actions: str | Action, **changes: Any) -> Trigger:
        """Make a trigger: conditional, and active, if `when` names the ends (`job=STATE`) that it waits for."""
        when: dict[str, str] = changes.pop("when", {})
        state = changes.pop("state", TriggerState.ACTIVATED if when else TriggerState.CREATED)
        definition = TriggerDefinition(
            type=changes.pop("type", TriggerType.CONDITIONAL if when else TriggerType.ON_DEMAND),
            conditions=tuple(Condition(job_name=job, state=JobRunState(end)) for job, end in when.items()),
            actions=tuple(Action(job_name=one) if isinstance(one, str) else one for one in actions),
            **{"logical": "AND" if when else None, **changes},
        )
        return triggers.create(self.store, name, definition, state=state, source=None, at_ms=self.at_ms)

    def set_state(self, name: str, state: TriggerState) -> None:
        """Bring a trigger into a state."""
        triggers.set_state(self.store, triggers.get(self.store, name), state, at_ms=self.at_ms)

    def fire(self, name: str, call: Invocation | None = None) -> list[JobRun]:
        """StartTrigger; return the runs that are new."""
        before = self.runs()
        firing.start_trigger(self.store, name, invocation=call, means=self.means, at_ms=self.at_ms)
        return [run for run in self.runs() if run.seq > len(before)]

    def start(self, job: str, **members: Any) -> JobRun:
        """StartJobRun."""
        request = RunRequest(job_name=job, **{"capacity": CapacityRequest(), **members})
        run_id = accept_run(self.store, request, means=self.means, at_ms=self.at_ms).run_id
        return job_runs.get_by_id(self.store, run_id)

    def workflow(self, name: str, **definition: Any) -> None:
        """Make a workflow."""
        workflows.create(self.store, name, WorkflowDefinition(**definition), at_ms=self.at_ms)

    def start_workflow(self, name: str, call: Invocation | None = None, **properties: str) -> WorkflowRun:
        """StartWorkflowRun."""
        run_id = workflow_runs.start(self.store, name, properties, invocation=call, means=self.means, at_ms=self.at_ms)
        return workflows.get_run(self.store, name, run_id)

    def again(self, run: WorkflowRun) -> WorkflowRun:
        """Return a workflow run as it is now."""
        return workflows.get_run(self.store, run.workflow_name, run.id)

    def end(self, run: JobRun, state: str = "SUCCEEDED") -> list[JobRun]:
        """Let a run's script end; return the runs that follow at once."""
        before = len(self.runs())
        settlement.settle_ended(self.store, run.id, ENDINGS[state], means=self.means, at_ms=self.at_ms)
        return self.runs()[before:]

    def launch(self, run: JobRun) -> JobRun:
        """Let a run's script begin."""
        if run.state is JobRunState.WAITING:
            job_runs.move(self.store, run.id, RunEvent.ADMITTED, at_ms=self.at_ms)
        return job_runs.move(self.store, run.id, RunEvent.LAUNCHED, at_ms=self.at_ms)

    def stop(self, run: JobRun) -> JobRun:
        """BatchStopJobRun of one run."""
        return stopping.request_stop(self.store, self.now(run), means=self.means, at_ms=self.at_ms)

    def retry(self, run: JobRun) -> JobRun | None:
        """Make the retry that is due."""
        return sequel.retry(self.store, self.now(run), means=self.means, at_ms=self.at_ms)

    def now(self, run: JobRun) -> JobRun:
        """Return a run as it is now."""
        return job_runs.get_by_id(self.store, run.id)

    def runs(self) -> list[JobRun]:
        """Return all runs, oldest first."""
        return job_runs.list_newest(self.store, before_seq=None, limit=1_000)[::-1]

    def names(self, chain_key: int | None) -> list[str]:
        """Return the triggers that fired in a chain, in their order."""
        assert chain_key is not None
        return [firing.trigger_name for firing in chains.firings(self.store, chain_key)]

    def predecessors(self, run: JobRun) -> list[tuple[str, str]]:
        """Return the job and the id of each of a run's predecessors."""
        return [(one.job_name, str(one.run_id)) for one in job_runs.predecessors(self.store, run)]


def attempt_of(text: str) -> int:
    """Return the number that an id of a run ends with."""
    parsed = parse_job_run_id(text)
    assert parsed is not None
    return parsed.attempt
