"""One table decides how a run's state changes; what is not in it is refused, and what it never leaves is final."""

from itertools import product
from pathlib import Path
from typing import Final

import pytest

from orchestrator.model.errors import IllegalTransitionError
from orchestrator.model.states import OCCUPYING, TERMINAL, TRANSITIONS, JobRunState, RunEvent, next_state
from tests.support import state_diagram

ARCHITECTURE: Final = Path(__file__).parents[3] / "ARCHITECTURE.md"
FIRST: Final = {JobRunState.STARTING, JobRunState.WAITING}
# No event of a run leads there: a trigger of a deleted job makes an ERROR, and EXPIRED is only ever read.
UNREACHED: Final = {JobRunState.EXPIRED}


@pytest.mark.parametrize(("state", "event"), list(product(JobRunState, RunEvent)))
def test_each_pair_of_state_and_event_has_one_answer(state: JobRunState, event: RunEvent) -> None:
    if (state, event) in TRANSITIONS:
        assert next_state(state, event) is TRANSITIONS[state, event]
    else:
        with pytest.raises(IllegalTransitionError, match=f"a run in state {state} cannot take the event {event}"):
            next_state(state, event)


def test_every_state_but_the_one_that_no_event_makes_is_reached() -> None:
    reached = set(FIRST)
    while more := {after for (before, _), after in TRANSITIONS.items() if before in reached} - reached:
        reached |= more
    assert reached == set(JobRunState) - UNREACHED


def test_every_event_leads_somewhere() -> None:
    assert {event for _, event in TRANSITIONS} == set(RunEvent)


def test_final_are_the_states_that_nothing_leaves() -> None:
    assert {str(state) for state in TERMINAL} == {"STOPPED", "SUCCEEDED", "FAILED", "TIMEOUT", "ERROR", "EXPIRED"}


def test_every_live_state_can_still_reach_its_end() -> None:
    for start in set(JobRunState) - TERMINAL:
        reached = {start}
        while more := {after for (before, _), after in TRANSITIONS.items() if before in reached} - reached:
            reached |= more
        assert reached & TERMINAL, start


def test_a_stop_can_be_asked_for_in_every_live_state() -> None:
    assert all((state, RunEvent.STOP_REQUESTED) in TRANSITIONS for state in set(JobRunState) - TERMINAL)


def test_a_run_that_is_being_stopped_never_ends_otherwise() -> None:
    ends = {after for (before, _), after in TRANSITIONS.items() if before is JobRunState.STOPPING}
    assert ends == {JobRunState.STOPPING, JobRunState.STOPPED}


def test_only_a_confirmed_launch_can_succeed() -> None:
    assert [before for (before, _), after in TRANSITIONS.items() if after is JobRunState.SUCCEEDED] == [
        JobRunState.RUNNING
    ]


def test_a_waiting_run_does_not_count_against_its_job() -> None:
    assert set(JobRunState) - TERMINAL - OCCUPYING == {JobRunState.WAITING}


def test_the_diagram_shows_every_row_of_the_table_and_no_other() -> None:
    arrows = {
        (before, event, after)
        for line in state_diagram.mermaid().splitlines()
        if ": " in line
        for before, _, rest in [line.strip().partition(" --> ")]
        for after, _, events in [rest.partition(": ")]
        for event in events.split(", ")
    }
    assert arrows == {(before, event, after) for (before, event), after in TRANSITIONS.items()}


def test_the_diagram_is_found_between_its_markers() -> None:
    document = f"before\n\n{state_diagram.BEGIN}\n\nhere\n\n{state_diagram.END}\nafter"
    assert state_diagram.shown_in(document) == "here"
    assert state_diagram.shown_in("no markers") is None


def test_the_architecture_shows_the_diagram_of_this_table() -> None:
    shown = state_diagram.shown_in(ARCHITECTURE.read_text()) if ARCHITECTURE.exists() else None
    assert shown in (None, state_diagram.mermaid()), "write it anew: python -m tests.support.state_diagram"
