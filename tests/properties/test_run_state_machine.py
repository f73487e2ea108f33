"""Whatever happens to runs, in whatever order, the store agrees with itself and with a model that is told the same.

Hypothesis accepts runs, moves them, settles them, commits, resets and deletes, in any order, over the real store. After
each step: a row agrees with its history, what has ended stays as it ended, one invocation has one effect, a bookmark's
versions have no gap, Run counts the commits since the last reset, and a bookmark moved exactly with a success.
"""

import sqlite3
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, multiple, precondition, rule

from orchestrator.model import bookmarks as rules
from orchestrator.model.endings import Ending, EndingReason
from orchestrator.model.errors import (
    ConcurrentRunsExceededError,
    EntityNotFoundError,
    IllegalTransitionError,
    InvalidInputError,
)
from orchestrator.model.ids import JobRunId
from orchestrator.model.records import CapacityRequest, Invocation, JobRun
from orchestrator.model.states import OCCUPYING, TERMINAL, TRANSITIONS, JobRunState, RunEvent
from orchestrator.store import bookmarks, job_runs, jobs
from orchestrator.supervisor import settlement
from orchestrator.supervisor.intake import RunRequest, accept_run
from tests.support.records import a_definition, a_reported_bookmark, an_ending, opened, some_means

JOBS = st.sampled_from(["etl", "daily"])
LIMIT = 2
FINAL = {state for state in TERMINAL if state not in {JobRunState.ERROR, JobRunState.EXPIRED}}


class RunMachine(RuleBasedStateMachine):
    """The store beside a few dictionaries that say what should be in it."""

    runs: Bundle[JobRunId] = Bundle("runs")

    def __init__(self) -> None:
        super().__init__()
        self.store = opened(Path(":memory:"))
        self.at_ms = 1_000
        self.means = some_means()
        self.number = 0
        self.ended: dict[JobRunId, JobRun] = {}
        self.effects: dict[bytes, JobRunId] = {}
        self.given: dict[JobRunId, int] = {}  # the bookmark version that each run was launched with
        self.moved: dict[JobRunId, str] = {}  # what each run committed for good
        self.text: dict[str, str | None] = {"etl": None, "daily": None}  # the text that the next run shall get
        self.commits: dict[str, int] = {"etl": 0, "daily": 0}  # since the last reset, or as a rewind says
        self.entries: dict[tuple[str, JobRunId], tuple[str, int]] = {}  # what a rewind to a run restores
        self.versions: dict[str, int] = {"etl": 0, "daily": 0}
        self.births: dict[str, int] = {"etl": 0, "daily": 0}  # how often a job of that name was made
        self.born_under: dict[JobRunId, int] = {}

    def teardown(self) -> None:
        self.store.close()

    def do(self, work: Any) -> Any:
        """Run `work` in a transaction of its own: all of it, or nothing after an error."""
        self.at_ms += 1
        self.store.execute("BEGIN IMMEDIATE")
        try:
            result = work(self.store)
        except BaseException:
            self.store.execute("ROLLBACK")
            raise
        self.store.execute("COMMIT")
        return result

    def run_of(self, run: JobRunId) -> JobRun:
        return job_runs.get_by_id(self.store, run)

    @initialize()
    def create_one(self) -> None:
        self.create("etl")

    @rule(name=JOBS)
    def create(self, name: str) -> None:
        if jobs.find(self.store, name) is None:
            definition = a_definition(max_concurrent_runs=LIMIT)
            self.do(lambda tx: jobs.create(tx, name, definition, source=None, at_ms=self.at_ms))
            self.births[name] += 1

    @rule(name=JOBS)
    def delete(self, name: str) -> None:
        job = jobs.find(self.store, name)
        if job is None:
            return

        def work(tx: sqlite3.Connection) -> None:
            jobs.delete(tx, job, at_ms=self.at_ms)
            bookmarks.delete(tx, job.job_key)

        self.do(work)
        self.text[name], self.commits[name], self.versions[name] = None, 0, 0
        self.entries = {key: entry for key, entry in self.entries.items() if key[0] != name}

    @rule(name=JOBS)
    def create_anew(self, name: str) -> None:
        self.delete(name)
        self.create(name)

    def request(self, name: str, invocation: Invocation, **changes: Any) -> RunRequest:
        return RunRequest(job_name=name, capacity=CapacityRequest(), invocation=invocation, **changes)

    def call(self, request: RunRequest) -> JobRunId:
        found: JobRunId = self.do(lambda tx: accept_run(tx, request, means=self.means, at_ms=self.at_ms).run_id)
        return found

    @rule(target=runs, name=JOBS, is_queuing=st.booleans())
    def accept(self, name: str, *, is_queuing: bool) -> Any:
        return self._accept(name, is_queuing=is_queuing, retry_of=None)

    @rule(target=runs, previous=runs)
    def retry(self, previous: JobRunId) -> Any:
        return self._accept(self.run_of(previous).job_name, is_queuing=True, retry_of=previous)

    def _accept(self, name: str, *, is_queuing: bool, retry_of: JobRunId | None) -> Any:
        self.number += 1
        invocation = Invocation(id_digest=b"i%d" % self.number, request_digest=b"r")
        text = None if retry_of is None else str(retry_of)
        job = jobs.find(self.store, name)
        had_room = job is None or job_runs.has_room(self.store, job.job_key, LIMIT)
        try:
            run = self.call(self.request(name, invocation, queuing_enabled=is_queuing, retry_of=text))
        except EntityNotFoundError:
            assert job is None
            return multiple()
        except ConcurrentRunsExceededError:
            assert not is_queuing
            assert not had_room
            return multiple()
        except InvalidInputError:
            assert retry_of is not None
            assert retry_of not in self.ended
            return multiple()
        assert job is not None
        assert is_queuing or had_room
        assert (retry_of is None) == (run.attempt == 0)
        self.effects[invocation.id_digest] = run
        self.born_under[run] = self.births[name]
        return run

    @rule(data=st.data(), is_same=st.booleans())
    def send_again(self, data: st.DataObject, *, is_same: bool) -> None:
        """An SDK repeats a call: it gets the first answer, or is told that this is another call."""
        if not self.effects:
            return
        digest = data.draw(st.sampled_from(sorted(self.effects)))
        invocation = Invocation(id_digest=digest, request_digest=b"r" if is_same else b"other")
        before = self.count("job_run")
        if is_same:
            assert self.call(self.request("gone", invocation)) == self.effects[digest]
        else:
            with pytest.raises(InvalidInputError):
                self.call(self.request("etl", invocation))
        assert self.count("job_run") == before

    @rule(run=runs, event=st.sampled_from([RunEvent.ADMITTED, RunEvent.LAUNCHED, RunEvent.STOP_REQUESTED]))
    def move(self, run: JobRunId, event: RunEvent) -> None:
        before = self.run_of(run)
        expected = TRANSITIONS.get((before.state, event))
        try:
            after = self.do(lambda tx: job_runs.move(tx, run, event, at_ms=self.at_ms, error_message="stop"))
        except IllegalTransitionError:
            assert expected is None
            assert self.run_of(run) == before
            return
        assert after.state is expected
        if event is RunEvent.LAUNCHED and before.launched_on_ms is None:
            self.give(run)
        self.note_end(after)

    def give(self, run: JobRunId) -> None:
        current = bookmarks.find(self.store, self.run_of(run).job_key)
        self.given.setdefault(run, rules.version_of(current))

    def note_end(self, run: JobRun) -> None:
        if run.is_terminal:
            self.ended.setdefault(run.id, run)

    def live(self) -> list[JobRunId]:
        return [run.id for run in job_runs.list_live(self.store, after_seq=0)]

    @precondition(lambda self: self.live())
    @rule(data=st.data())
    def launch_one(self, data: st.DataObject) -> None:
        run = data.draw(st.sampled_from(self.live()))
        for event in (RunEvent.ADMITTED, RunEvent.LAUNCHED):
            self.move(run, event)

    @precondition(lambda self: self.live())
    @rule(data=st.data())
    def commit_one(self, data: st.DataObject) -> None:
        run = data.draw(st.sampled_from(self.live()))
        self.settle(run, 0, EndingReason.EXITED, writes=True)

    @precondition(lambda self: self.live())
    @rule(data=st.data())
    def stop_one(self, data: st.DataObject) -> None:
        self.move(data.draw(st.sampled_from(self.live())), RunEvent.STOP_REQUESTED)

    @rule(run=runs, exit_code=st.integers(0, 1), reason=st.sampled_from(EndingReason), writes=st.booleans())
    def settle(self, run: JobRunId, exit_code: int, reason: EndingReason, *, writes: bool) -> None:
        """The shim's ending is found: of a run that was recorded as launched, or not yet."""
        before = self.run_of(run)
        self.give(run)
        self.number += 1
        text = f"text {self.number}"
        reported = a_reported_bookmark(text, base_version=self.given[run]) if writes else None
        ending: Ending = an_ending(reason=reason, exit_code=exit_code, bookmark=reported)
        name = before.job_name
        is_current = jobs.find(self.store, name) is not None and self.born_under[run] == self.births[name]
        version = rules.version_of(bookmarks.find(self.store, before.job_key))
        after = self.do(lambda tx: settlement.settle_ended(tx, run, ending, means=self.means, at_ms=self.at_ms))
        assert after.is_terminal
        if before.is_terminal:
            assert after == before
            return
        is_good = reason is EndingReason.EXITED and exit_code == 0
        has_lost = writes and is_current and version != self.given[run]
        if before.state is JobRunState.STOPPING:
            assert after.state is JobRunState.STOPPED
        else:
            assert (after.state is JobRunState.SUCCEEDED) == (is_good and not has_lost)
        if after.state is JobRunState.SUCCEEDED and writes and is_current:
            self.commit(after, text)
        self.note_end(after)

    def commit(self, run: JobRun, text: str) -> None:
        name = run.job_name
        self.moved[run.id] = text
        self.text[name] = text
        self.commits[name] += 1
        self.versions[name] += 1
        self.entries[name, run.id] = (text, self.commits[name])

    @rule(run=runs)
    def lose(self, run: JobRunId) -> None:
        before = self.run_of(run)
        after = self.do(lambda tx: settlement.settle_lost(tx, run, "its shim died", means=self.means, at_ms=self.at_ms))
        assert after == before if before.is_terminal else after.state in {JobRunState.FAILED, JobRunState.STOPPED}
        self.note_end(after)

    @rule(run=runs)
    def forbid(self, run: JobRunId) -> None:
        """The claim was revoked: only of a run that was never launched."""
        before = self.run_of(run)
        if before.state in {JobRunState.WAITING, JobRunState.RUNNING} and not before.is_terminal:
            return
        after = self.do(lambda tx: settlement.settle_never_started(tx, run, "no", means=self.means, at_ms=self.at_ms))
        assert after == before if before.is_terminal else after.state in {JobRunState.FAILED, JobRunState.STOPPED}
        self.note_end(after)

    @rule(name=JOBS)
    def reset(self, name: str) -> None:
        key = jobs.find_key(self.store, name)
        current = None if key is None else bookmarks.find(self.store, key)
        if current is None:
            assert self.versions[name] == 0
            return
        entry = rules.reset(current)
        self.do(lambda tx: bookmarks.append(tx, entry, cause="reset", run_seq=None, at_ms=self.at_ms))
        self.text[name], self.commits[name] = rules.EMPTY, 0
        self.versions[name] += 1

    @rule(run=runs)
    def rewind(self, run: JobRunId) -> None:
        of = self.run_of(run)
        target = bookmarks.find_of_run(self.store, of.job_key, run)
        assert (target is not None) == ((of.job_name, run) in self.entries)
        current = bookmarks.find(self.store, of.job_key)
        if target is None or current is None:
            return
        entry = rules.rewound(current, target)
        self.do(lambda tx: bookmarks.append(tx, entry, cause="rewind", run_seq=None, at_ms=self.at_ms))
        self.text[of.job_name], self.commits[of.job_name] = self.entries[of.job_name, run]
        self.versions[of.job_name] += 1

    def count(self, table: str) -> int:
        return int(self.store.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608 - our own table

    def all_runs(self) -> list[JobRun]:
        return job_runs.list_newest(self.store, before_seq=None, limit=1_000_000)

    @invariant()
    def a_row_agrees_with_its_history(self) -> None:
        for run in self.all_runs():
            steps = job_runs.history(self.store, run)
            assert (steps[0].from_state, steps[0].event) == (None, None)
            assert steps[0].to_state in {JobRunState.STARTING, JobRunState.WAITING}
            for earlier, later in pairwise(steps):
                assert later.from_state is earlier.to_state
                assert later.event is not None
                assert TRANSITIONS[earlier.to_state, later.event] is later.to_state
            assert steps[-1].to_state is run.state
            assert run.is_terminal == (run.state in FINAL)
            assert sum(step.to_state in FINAL for step in steps) == run.is_terminal

    @invariant()
    def what_has_ended_stays_as_it_ended(self) -> None:
        for run_ended, as_it_ended in self.ended.items():
            assert self.run_of(run_ended) == as_it_ended
        assert {run.id for run in self.all_runs() if run.is_terminal} == set(self.ended)

    @invariant()
    def who_failed_says_why_and_who_succeeded_says_nothing(self) -> None:
        for run in self.all_runs():
            assert bool(run.error_message) == (run.is_terminal and run.state is not JobRunState.SUCCEEDED)

    @invariant()
    def one_invocation_has_one_effect(self) -> None:
        assert self.count("job_run") == len(self.effects)

    @invariant()
    def a_bookmark_is_where_the_model_has_it(self) -> None:
        for name in ("etl", "daily"):
            key = jobs.find_key(self.store, name)
            entry = None if key is None else bookmarks.find(self.store, key)
            if entry is None:
                assert self.versions[name] == 0
                continue
            assert (entry.version, entry.run, entry.bookmark) == (
                self.versions[name],
                self.commits[name],
                self.text[name],
            )
            rows = self.store.execute("SELECT version FROM bookmark WHERE job_key = ? ORDER BY version", (key,))
            assert [row["version"] for row in rows] == list(range(1, entry.version + 1))

    @invariant()
    def a_bookmark_moved_exactly_with_a_success(self) -> None:
        for row in self.store.execute("SELECT run_id, bookmark FROM bookmark WHERE cause = 'commit'"):
            committer = next(run for run in self.all_runs() if str(run.id) == row["run_id"])
            assert committer.state is JobRunState.SUCCEEDED
            assert self.moved[committer.id] == row["bookmark"]

    @invariant()
    def occupied_is_what_is_counted(self) -> None:
        for name in ("etl", "daily"):
            key = jobs.find_key(self.store, name)
            if key is not None:
                occupying = [run for run in self.all_runs() if run.job_key == key and run.state in OCCUPYING]
                assert job_runs.has_room(self.store, key, len(occupying) + 1)
                assert not occupying or not job_runs.has_room(self.store, key, len(occupying))

    @invariant()
    def live_is_what_has_not_ended(self) -> None:
        live = [run.id for run in job_runs.list_live(self.store, after_seq=0)]
        assert live == [run.id for run in reversed(self.all_runs()) if run.id not in self.ended]


RunMachine.TestCase.settings = settings(
    max_examples=100, stateful_step_count=50, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
TestRuns = pytest.mark.timeout(300)(RunMachine.TestCase)  # a failure is made small before it is told
