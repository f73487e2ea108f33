"""The independent checker: holds a history against what is promised. Pure, and without a line of the program it checks."""

import itertools
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from tests.soak.history import ACKNOWLEDGED, REFUSED, Call, Conditional, Effect, History, Job, Run, Violation

FINAL: Final = frozenset({"STOPPED", "SUCCEEDED", "FAILED", "TIMEOUT", "ERROR"})
_STEPS: Final[Mapping[tuple[str, str], str]] = {
    ("WAITING", "ADMITTED"): "STARTING",
    ("WAITING", "STOP_REQUESTED"): "STOPPED",
    ("STARTING", "LAUNCHED"): "RUNNING",
    ("STARTING", "LAUNCH_FAILED"): "FAILED",
    ("STARTING", "JOB_MISSING"): "ERROR",
    ("STARTING", "STOP_REQUESTED"): "STOPPING",
    ("RUNNING", "STOP_REQUESTED"): "STOPPING",
    ("RUNNING", "SUCCEEDED"): "SUCCEEDED",
    ("RUNNING", "FAILED"): "FAILED",
    ("RUNNING", "LOST"): "FAILED",
    ("RUNNING", "TIMED_OUT"): "TIMEOUT",
    ("STOPPING", "LAUNCHED"): "STOPPING",
    ("STOPPING", "STOP_REQUESTED"): "STOPPING",
    ("STOPPING", "FORBIDDEN"): "STOPPED",
    ("STOPPING", "LAUNCH_FAILED"): "STOPPED",
    ("STOPPING", "SUCCEEDED"): "STOPPED",
    ("STOPPING", "FAILED"): "STOPPED",
    ("STOPPING", "TIMED_OUT"): "STOPPED",
    ("STOPPING", "LOST"): "STOPPED",
}
"""As ARCHITECTURE.md draws them."""
_NEVER_STARTED: Final = frozenset({"FORBIDDEN", "LAUNCH_FAILED", "JOB_MISSING"})
_OWN_WORDS: Final = ("No space left", "disk is full", "VersionMismatch")
"""A failure that says this is nobody's fault: the disk was full, or another run's bookmark was first."""


def check(history: History) -> list[Violation]:
    """Return every promise that the history breaks."""
    return [violation for rule in RULES for violation in rule(history)]


def _each_acknowledged_run_once(history: History) -> Iterator[Violation]:
    rows = Counter(run.id for run in history.runs)
    for run_id, count in rows.items():
        if count > 1:
            yield Violation("one row", f"{run_id} has {count} rows", run_id)
    for call in _calls(history, "StartJobRun"):
        if call.outcome == ACKNOWLEDGED and not rows[call.answer["JobRunId"]]:
            yield Violation("acknowledged", f"{call.answer['JobRunId']} was acknowledged and is not there")
    bases: dict[str, set[str]] = defaultdict(set)
    for run in history.runs:
        bases[run.arguments.get("--ticket", "")].add(run.base)
    for call in _calls(history, "StartJobRun"):
        ticket = call.members.get("Arguments", {}).get("--ticket")
        if ticket is None:
            continue
        if len(bases[ticket]) > 1:
            yield Violation("one call, one run", f"the call {ticket} made {sorted(bases[ticket])}")
        if call.outcome == REFUSED and bases[ticket]:
            yield Violation("refused", f"the call {ticket} was refused and made {sorted(bases[ticket])}")


def _workflow_runs_once(history: History) -> Iterator[Violation]:
    rows = Counter(run.id for run in history.workflow_runs)
    tickets = Counter(run.ticket for run in history.workflow_runs)
    for call in _calls(history, "StartWorkflowRun"):
        ticket = call.members["RunProperties"]["ticket"]
        if tickets[ticket] > 1:
            yield Violation("one call, one workflow run", f"the call {ticket} made {tickets[ticket]} workflow runs")
        if call.outcome == ACKNOWLEDGED and rows[call.answer["RunId"]] != 1:
            yield Violation(
                "acknowledged", f"{call.answer['RunId']} was acknowledged and has {rows[call.answer['RunId']]} rows"
            )
    for run in history.workflow_runs:
        if run.status not in ("COMPLETED", "STOPPED"):
            yield Violation("workflow runs end", f"{run.id} is {run.status}")


def _ends_are_final(history: History) -> Iterator[Violation]:
    for run in history.runs:
        if run.state not in FINAL or not run.is_completed or run.is_retry_due:
            yield Violation("every run ends", f"{run.id} is {run.state}, a retry due: {run.is_retry_due}", run.id)
        if bool(run.error_message) == (run.state == "SUCCEEDED"):
            yield Violation("ends say why", f"{run.id} is {run.state} with the message {run.error_message!r}", run.id)
    states = {run.id: run.state for run in history.runs}
    for run_id, state in history.seen:
        if state in FINAL and states.get(run_id) != state:
            yield Violation("ends are final", f"{run_id} was shown as {state} and is {states.get(run_id)}", run_id)


def _steps_are_legal(history: History) -> Iterator[Violation]:
    for run in history.runs:
        problem = _problem_of_steps(run)
        if problem is not None:
            yield Violation("legal steps", f"{run.id}: {problem}", run.id)


def _problem_of_steps(run: Run) -> str | None:
    if [step.number for step in run.steps] != list(range(1, len(run.steps) + 1)) or not run.steps:
        return "its history has gaps"
    if run.steps[0].event is not None or run.steps[0].state not in ("STARTING", "WAITING"):
        return f"it begins with {run.steps[0]}"
    for before, after in itertools.pairwise(run.steps):
        if _STEPS.get((before.state, after.event or "")) != after.state:
            return f"{before.state} became {after.state} by {after.event}"
    if run.steps[-1].state != run.state:
        return f"the row says {run.state} and the history {run.steps[-1].state}"
    return None


def _scripts_start_at_most_once(history: History) -> Iterator[Violation]:
    runs = {run.id: run for run in history.runs}
    effects = _effects_of(history)
    for run_id, lines in effects.items():
        starts = sum(line.phase == "start" for line in lines)
        if run_id not in runs:
            yield Violation("known runs", f"a script ran for {run_id}, which no row knows", run_id)
        elif starts > 1 or len({line.pid for line in lines}) > 1:
            yield Violation("one start per attempt", f"{run_id} was started {starts} times", run_id)
        elif starts and _can_never_have_started(runs[run_id]):
            yield Violation("never means never", f"{run_id} never started, and its script ran", run_id)


def _can_never_have_started(run: Run) -> bool:
    events = {step.event for step in run.steps}
    is_stopped_waiting = len(run.steps) > 1 and run.steps[-2].state == "WAITING"
    return is_stopped_waiting or not events.isdisjoint(_NEVER_STARTED)


def _states_agree_with_effects(history: History) -> Iterator[Violation]:
    effects, killed = _effects_of(history), {kill.pid for kill in history.kills}
    jobs = _jobs(history)
    for run in history.runs:
        lines = effects.get(run.id, [])
        ends = [line.words for line in lines if line.phase == "end"]
        if run.state == "SUCCEEDED" and (ends != [("0",)] or run.exit_code != 0):
            yield Violation("success is real", f"{run.id} SUCCEEDED with code {run.exit_code}; it wrote {ends}", run.id)
        if run.state == "FAILED" and run.exit_code is not None and ends and ends != [(str(run.exit_code),)]:
            yield Violation("the real exit code", f"{run.id} has code {run.exit_code}; it wrote {ends}", run.id)
        if run.state == "TIMEOUT" and not jobs[run.job].has_timeout:
            yield Violation("timeouts are asked for", f"{run.id} is TIMEOUT, and its job has none", run.id)
        if run.state == "FAILED" and not _is_explained(run, lines, killed):
            yield Violation("failures have causes", f"{run.id} FAILED for no cause: {run.error_message!r}", run.id)


def _is_explained(run: Run, lines: list[Effect], killed: set[int]) -> bool:
    is_its_own = any(line.phase == "end" and line.words != ("0",) for line in lines)
    is_killed = run.shim_pid in killed or any(line.pid in killed for line in lines)
    return is_its_own or is_killed or any(word in run.error_message for word in _OWN_WORDS)


def _stops(history: History) -> Iterator[Violation]:
    runs = {run.id: run for run in history.runs}
    asked: set[str] = set()
    for call in _calls(history, "BatchStopJobRun"):
        asked |= set(call.members["JobRunIds"])
        for told in call.answer.get("SuccessfulSubmissions", []):
            run = runs.get(told["JobRunId"])
            if run is not None and not _is_stopped(run, history):
                yield Violation("stops stop", f"the stop of {run.id} was acknowledged, and it is {run.state}", run.id)
    stopped_chains = _stopped_chains(history)
    for run in history.runs:
        was_stopped = any(step.event == "STOP_REQUESTED" for step in run.steps)
        if was_stopped and run.id not in asked and run.chain not in stopped_chains:
            yield Violation("stops are asked for", f"{run.id} was stopped, and nobody had asked", run.id)


def _is_stopped(run: Run, history: History) -> bool:
    if any(step.event == "STOP_REQUESTED" for step in run.steps):
        return True
    followers = [one for one in history.runs if one.base == run.base and one.previous_attempt == run.attempt]
    return run.state == "FAILED" and not any(one.retry_number for one in followers)  # the retry was taken back


def _stopped_chains(history: History) -> set[int]:
    asked = {call.members["RunId"] for call in _calls(history, "StopWorkflowRun")}
    return {run.chain for run in history.workflow_runs if run.id in asked}


def _retries(history: History) -> Iterator[Violation]:
    jobs = _jobs(history)
    by_hand = {call.members["JobRunId"] for call in _calls(history, "StartJobRun") if "JobRunId" in call.members}
    runs = {run.id: run for run in history.runs}
    for run in history.runs:
        if run.attempt == 0:
            continue
        before = next(
            (one for one in history.runs if (one.base, one.attempt) == (run.base, run.previous_attempt)), None
        )
        if before is None:
            yield Violation(
                "retries follow", f"{run.id} follows attempt {run.previous_attempt}, which is not there", run.id
            )
        elif run.retry_number > jobs[run.job].max_retries:
            yield Violation("retries have a limit", f"{run.id} is the automatic retry {run.retry_number}", run.id)
        elif run.retry_number and before.state != "FAILED":
            yield Violation("retries follow failures", f"{run.id} follows {before.id}, which is {before.state}", run.id)
        elif not run.retry_number and not any(runs[one].base == run.base for one in by_hand if one in runs):
            yield Violation("retries are asked for", f"{run.id} is nobody's retry", run.id)
    yield from _overlaps(history)


def _overlaps(history: History) -> Iterator[Violation]:
    """Find runs that were alive when an attempt that follows them had started. Two that follow the same one may overlap."""
    runs: dict[tuple[str, int | None], str] = {(run.base, run.attempt): run.id for run in history.runs}
    followed = {run.id: runs.get((run.base, run.previous_attempt)) for run in history.runs if run.attempt}
    over: dict[str, str] = {}
    for line in history.effects:
        before = followed.get(line.run_id)
        if line.phase == "start" and before is not None:
            over[before] = line.run_id
        if line.run_id in over:
            what = f"{line.run_id} wrote {line.phase} after {over[line.run_id]} had started"
            yield Violation("attempts do not overlap", what, line.run_id)


def _one_at_a_time(history: History) -> Iterator[Violation]:
    """Where MaxConcurrentRuns is 1, nothing is written by a run after another of its job has started."""
    alone = {job.name for job in history.jobs if job.max_concurrent == 1}
    jobs = {run.id: run.job for run in history.runs}
    current: dict[str, str] = {}
    for line in history.effects:
        job = jobs.get(line.run_id)
        if job not in alone:
            continue
        if line.phase == "start":
            current[job] = line.run_id
        elif current.get(job) != line.run_id:
            yield Violation("MaxConcurrentRuns", f"{line.run_id} was alive beside {current.get(job)}", line.run_id)


def _bookmarks_are_linear(history: History) -> Iterator[Violation]:
    runs = {run.id: run for run in history.runs}
    committed: Counter[str] = Counter()
    for job in history.jobs:
        entries = sorted((one for one in history.bookmarks if one.job == job.name), key=lambda one: one.version)
        if [one.version for one in entries] != list(range(1, len(entries) + 1)):
            yield Violation("versions count up", f"{job.name} has the versions {[one.version for one in entries]}")
        before: Mapping[str, Any] = {}
        for entry in entries:
            now = json.loads(entry.text)
            if entry.cause == "commit":
                run = runs.get(entry.run_id or "")
                committed[entry.run_id or ""] += 1
                if run is None or run.state != "SUCCEEDED" or run.job != job.name or now.get("run") != run.id:
                    state = None if run is None else run.state
                    yield Violation(
                        "bookmarks of success", f"{entry} was committed by a run that is {state}", entry.run_id
                    )
                if (now.get("before"), now.get("n")) != (before.get("run"), before.get("n", 0) + 1):
                    yield Violation("bookmarks are linear", f"{entry} does not follow {before}", entry.run_id)
            before = now
        yield from _resets_counted(history, job, sum(entry.cause == "reset" for entry in entries))
    for run in history.runs:
        if run.state == "SUCCEEDED" and _jobs(history)[run.job].moves_bookmark and committed[run.id] != 1:
            yield Violation("success moves the bookmark", f"{run.id} committed {committed[run.id]} times", run.id)


def _resets_counted(history: History, job: Job, count: int) -> Iterator[Violation]:
    calls = [call for call in _calls(history, "ResetJobBookmark") if call.members["JobName"] == job.name]
    acknowledged = sum(call.outcome == ACKNOWLEDGED for call in calls)
    if count < acknowledged:
        yield Violation("resets last", f"{job.name} was reset {count} times; {acknowledged} were acknowledged")


def _firings_once(history: History) -> Iterator[Violation]:
    for key, count in Counter((one.trigger, one.chain) for one in history.firings).items():
        if count > 1:
            yield Violation("once in a chain", f"{key} fired {count} times")
    ticks = Counter((one.trigger, one.tick_ms) for one in history.firings if one.tick_ms is not None)
    for tick, count in ticks.items():
        if count > 1:
            yield Violation("once for an instant", f"{tick} fired {count} times")
    yield from _runs_of_firings(history)
    yield from _starts_counted(history)


def _runs_of_firings(history: History) -> Iterator[Violation]:
    fired = {(one.trigger, one.chain) for one in history.firings}
    bases: dict[tuple[str, int], dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for run in history.runs:
        if run.trigger is not None and run.chain is not None:
            bases[run.trigger, run.chain][run.job].add(run.base)
            if (run.trigger, run.chain) not in fired:
                yield Violation("runs of firings", f"{run.id} is of {run.trigger}, which has not fired", run.id)
    for trigger, chain in fired:
        for job in history.actions.get(trigger, ()):
            count = len(bases[trigger, chain][job])
            if count != 1:
                yield Violation("one run per action", f"{trigger} started {count} runs of {job} in the chain {chain}")


def _starts_counted(history: History) -> Iterator[Violation]:
    counts = Counter(one.trigger for one in history.firings)
    asked: Counter[str] = Counter()
    acknowledged: Counter[str] = Counter()
    for call in _calls(history, "StartTrigger"):
        asked[call.members["Name"]] += 1
        acknowledged[call.members["Name"]] += call.outcome == ACKNOWLEDGED
    for name, most in asked.items():
        if not acknowledged[name] <= counts[name] <= most:
            told = f"{most} times and acknowledged {acknowledged[name]} times"
            yield Violation("one call, one firing", f"{name} fired {counts[name]} times; it was started {told}")


def _conditions(history: History) -> Iterator[Violation]:
    fired = {(one.trigger, one.chain) for one in history.firings}
    stopped = _stopped_chains(history)
    for trigger in history.conditionals:
        chains: dict[int, list[Run]] = defaultdict(list)
        for run in history.runs:
            if run.chain is not None and run.job == trigger.watches:
                chains[run.chain].append(run)
        for chain, runs in chains.items():
            if chain not in stopped and _must_fire(trigger, runs) and (trigger.name, chain) not in fired:
                yield Violation("what is due fires", f"{trigger.name} did not fire in the chain {chain}", runs[-1].id)
        for name, chain in fired:
            if name == trigger.name and not any(run.state == trigger.state for run in chains[chain]):
                yield Violation("what fires is due", f"{name} fired in the chain {chain} without a cause")


def _must_fire(trigger: Conditional, runs: list[Run]) -> bool:
    if len({run.base for run in runs}) > 1:
        return False  # which of them was the last, only their times would tell
    return max(runs, key=lambda run: run.attempt).state == trigger.state


def _nothing_is_left(history: History) -> Iterator[Violation]:
    remains = history.remains
    yield from (Violation("no process is left", one) for one in remains.processes)
    yield from (Violation("no zombie is left", one) for one in remains.zombies)
    if remains.descriptors > remains.allowed_descriptors:
        numbers = f"{remains.descriptors}, and {remains.allowed_descriptors} are explained"
        yield Violation("no file descriptor is left", f"the daemon has {numbers}")
    if remains.probe_state != "SUCCEEDED":
        yield Violation("no slot is held", f"a run that needs all of them is {remains.probe_state}")
    yield from (Violation("the store is sound", one) for one in remains.store_problems)
    yield from (Violation("the daemon stays up", one) for one in remains.unexpected_ends)


def _calls(history: History, action: str) -> Iterator[Call]:
    return (call for call in history.calls if call.action == action)


def _jobs(history: History) -> dict[str, Job]:
    return defaultdict(lambda: Job(name="?"), {job.name: job for job in history.jobs})


def _effects_of(history: History) -> dict[str, list[Effect]]:
    effects: dict[str, list[Effect]] = defaultdict(list)
    for line in history.effects:
        effects[line.run_id].append(line)
    return effects


RULES: Final[tuple[Callable[[History], Iterator[Violation]], ...]] = (
    _each_acknowledged_run_once,
    _workflow_runs_once,
    _ends_are_final,
    _steps_are_legal,
    _scripts_start_at_most_once,
    _states_agree_with_effects,
    _stops,
    _retries,
    _one_at_a_time,
    _bookmarks_are_linear,
    _firings_once,
    _conditions,
    _nothing_is_left,
)
