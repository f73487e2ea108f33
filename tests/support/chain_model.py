"""What must follow from runs, told a second time: glue-semantics §3.4, §3.5 and §6.3 in plain dictionaries and lists.

It knows nothing of the store and nothing of `orchestrator.model`. A test tells it what happens, in the order in which
it is committed, and compares. Runs, chains and triggers are numbered as they come, as the store numbers them.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final

LIVE: Final = {"WAITING", "STARTING", "RUNNING", "STOPPING"}
OCCUPYING: Final = LIVE - {"WAITING"}

Condition = tuple[str, str]
"""A job, and the state in which its run is to end."""


@dataclass
class ModelJob:
    """A job: `birth` counts how often one of that name was made."""

    max_retries: int
    limit: int
    birth: int = 1
    exists: bool = True


@dataclass
class ModelTrigger:
    """A trigger; without conditions it is fired by hand."""

    name: str
    actions: list[str]
    conditions: list[Condition] = field(default_factory=list)
    is_any: bool = False
    workflow: str | None = None
    is_active: bool = True


@dataclass
class ModelRun:
    """A run; `to_retry` says that its next attempt is still to come, so that its end is none yet."""

    number: int
    job: str
    birth: int
    max_retries: int
    state: str
    chain: int | None
    trigger: str | None
    predecessors: list[int]
    family: int
    attempt: int = 0
    retries: int = 0
    queues: bool = True
    to_retry: bool = False


@dataclass
class ModelWorkflowRun:
    """A chain that is a workflow's run, with the triggers as they were when it began."""

    status: str
    triggers: list[ModelTrigger]


class ChainModel:
    """What there is, and what every event makes of it."""

    def __init__(self, *, on_busy: str, fire_on_manual_runs: bool) -> None:
        """Begin with nothing."""
        self.on_busy = on_busy
        self.fire_on_manual_runs = fire_on_manual_runs
        self.jobs: dict[str, ModelJob] = {}
        self.triggers: list[ModelTrigger] = []
        self.runs: list[ModelRun] = []
        self.fired: list[tuple[str, int]] = []  # in the order in which they fired
        self.workflow_runs: dict[int, ModelWorkflowRun] = {}
        self.chains = 0

    # What happens.

    def fire_root(self, trigger: ModelTrigger) -> None:
        """Somebody starts a trigger that nothing precedes: a chain begins."""
        chain = self._new_chain(trigger.workflow)
        self._follow((run, False) for run in self._fire(trigger, chain, []))
        self._close(chain)

    def start_workflow(self, name: str) -> None:
        """All triggers of the workflow that nothing precedes fire, then what they made is followed."""
        chain = self._new_chain(name)
        roots = [one for one in self.triggers if one.workflow == name and not one.conditions]
        born = [run for trigger in roots for run in self._fire(trigger, chain, [])]
        self._follow((run, False) for run in born)
        self._close(chain)

    def start_by_hand(self, job: str, *, queues: bool) -> bool:
        """StartJobRun; returns whether it is accepted."""
        if self._is_busy(job) and not queues:
            return False
        chain = self._new_chain(None) if self.fire_on_manual_runs else None
        self._insert(job, chain, None, [], queues=queues)
        return True

    def retry_by_hand(self, run: ModelRun, *, queues: bool) -> bool:
        """StartJobRun with a JobRunId: it rejoins the chain, and the automatic retry of the family is off."""
        workflow_run = self.workflow_runs.get(run.chain or 0)
        is_stopping = workflow_run is not None and workflow_run.status == "STOPPING"
        if is_stopping or (self._is_busy(run.job) and not queues):
            return False
        for one in self._family(run):
            one.to_retry = False
        if workflow_run is not None:  # it goes on, also if it had ended
            workflow_run.status = "RUNNING"
        new = self._insert(run.job, run.chain, None, [], queues=queues)
        new.family, new.attempt = run.family, len(self._family(run))
        return True

    def retry_comes_due(self, run: ModelRun) -> None:
        """Make the next attempt, unless the job is gone: then the failure is final."""
        run.to_retry = False
        if not self._is_same_job(run):
            self._follow([(run, False)])
            return
        new = self._insert(run.job, run.chain, run.trigger, run.predecessors, queues=run.queues)
        new.birth, new.max_retries = run.birth, run.max_retries
        new.family, new.attempt, new.retries = run.family, len(self._family(run)), run.retries + 1

    def end(self, run: ModelRun, state: str) -> None:
        """A live run ends."""
        run.state = state
        self._follow([(run, True)])

    def take_retry_back(self, run: ModelRun) -> None:
        """A failed run is stopped before its retry: the failure is final."""
        run.to_retry = False
        self._follow([(run, False)])

    def stop_workflow_run(self, chain: int) -> list[ModelRun]:
        """Nothing fires and nothing is retried in the chain any more; waiting runs end, return those that are to stop."""
        self.workflow_runs[chain].status = "STOPPING"
        mine = [run for run in self.runs if run.chain == chain]
        for run in mine:
            run.to_retry = False
            if run.state == "WAITING":
                run.state = "STOPPED"
            elif run.state in LIVE:
                run.state = "STOPPING"
        self._close(chain)
        return [run for run in mine if run.state == "STOPPING"]

    # What follows.

    def _follow(self, ends: Iterable[tuple[ModelRun, bool]]) -> None:
        pending = deque(ends)
        chains = {run.chain for run, _ in pending if run.chain is not None}
        while pending:
            run, may_retry = pending.popleft()
            workflow_run = self.workflow_runs.get(run.chain or 0)
            is_stopping = workflow_run is not None and workflow_run.status in {"STOPPING", "STOPPED"}
            if may_retry and not is_stopping and self._is_to_retry(run):
                run.to_retry = True
            elif run.chain is not None and not is_stopping and self._newest(run.chain, run.job) is run:
                pending += [(born, False) for born in self._fire_conditional(run, run.chain, workflow_run)]
        for chain in chains:
            self._close(chain)

    def _is_to_retry(self, run: ModelRun) -> bool:
        return (
            run.state == "FAILED"
            and self._is_same_job(run)
            and run.retries < run.max_retries
            and run.attempt == max(one.attempt for one in self._family(run))
        )

    def _fire_conditional(
        self, ended: ModelRun, chain: int, workflow_run: ModelWorkflowRun | None
    ) -> Iterator[ModelRun]:
        rules = self.triggers if workflow_run is None else workflow_run.triggers
        for trigger in rules:
            is_here = (trigger.workflow is None) == (workflow_run is None)
            is_told = any(job == ended.job for job, _ in trigger.conditions)
            if not (is_here and is_told and trigger.is_active) or (trigger.name, chain) in self.fired:
                continue
            if trigger.is_any:
                if (ended.job, ended.state) in trigger.conditions:
                    yield from self._fire(trigger, chain, [ended.number])
                continue
            runs = {job: self._final(chain, job) for job, _ in trigger.conditions}
            if all((run := runs[job]) is not None and run.state == state for job, state in trigger.conditions):
                yield from self._fire(trigger, chain, [run.number for run in runs.values() if run is not None])

    def _fire(self, trigger: ModelTrigger, chain: int, predecessors: list[int]) -> list[ModelRun]:
        """Record the firing, start the actions' jobs, and return the runs that have ended already."""
        self.fired.append((trigger.name, chain))
        born = []
        for name in trigger.actions:
            if not self.jobs[name].exists:
                run = self._insert(name, chain, trigger.name, predecessors, queues=False)
                run.state = "ERROR"
                born.append(run)
            elif self.on_busy == "queue" or not self._is_busy(name):
                self._insert(name, chain, trigger.name, predecessors, queues=self.on_busy == "queue")
            elif self.on_busy == "fail":
                run = self._insert(name, chain, trigger.name, predecessors, queues=False)
                run.state = "FAILED"
                born.append(run)
        return born

    def _insert(
        self, name: str, chain: int | None, trigger: str | None, predecessors: list[int], *, queues: bool
    ) -> ModelRun:
        job, number = self.jobs[name], len(self.runs) + 1
        state = "WAITING" if queues else "STARTING"
        run = ModelRun(number, name, job.birth, job.max_retries, state, chain, trigger, predecessors, number)
        run.queues = queues
        self.runs.append(run)
        return run

    def _new_chain(self, workflow: str | None) -> int:
        self.chains += 1
        if workflow is not None:
            mine = [replace(one) for one in self.triggers if one.workflow == workflow]
            self.workflow_runs[self.chains] = ModelWorkflowRun("RUNNING", mine)
        return self.chains

    def _close(self, chain: int) -> None:
        """End the workflow run in which nothing lives any more and nothing is to be retried."""
        workflow_run = self.workflow_runs.get(chain)
        is_live = any(run.chain == chain and (run.state in LIVE or run.to_retry) for run in self.runs)
        if workflow_run is not None and not is_live:
            ends = {"RUNNING": "COMPLETED", "STOPPING": "STOPPED"}
            workflow_run.status = ends.get(workflow_run.status, workflow_run.status)

    # What is.

    def _newest(self, chain: int, job: str) -> ModelRun | None:
        """The last attempt of the family of which an attempt was started last, other than by an automatic retry."""
        of_job = [run for run in self.runs if (run.chain, run.job) == (chain, job)]
        begun = [run for run in of_job if run.retries == 0]
        return None if not begun else [run for run in of_job if run.family == begun[-1].family][-1]

    def _final(self, chain: int, job: str) -> ModelRun | None:
        run = self._newest(chain, job)
        return None if run is None or run.state in LIVE or run.to_retry else run

    def _family(self, run: ModelRun) -> list[ModelRun]:
        return [one for one in self.runs if one.family == run.family]

    def _is_same_job(self, run: ModelRun) -> bool:
        job = self.jobs[run.job]
        return job.exists and job.birth == run.birth

    def _is_busy(self, name: str) -> bool:
        return sum(run.job == name and run.state in OCCUPYING for run in self.runs) >= self.jobs[name].limit
