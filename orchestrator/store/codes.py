"""Small numbers for the words that every run writes again and again; `schema.sql` lists them for people.

A number keeps its meaning for ever: words are only added at the end.
"""

from enum import StrEnum
from typing import Final, Generic, TypeVar

from orchestrator.model.records import EventKind
from orchestrator.model.states import JobRunState, RunEvent

_Word = TypeVar("_Word", bound=StrEnum)


class Codes(Generic[_Word]):
    """Words and their numbers, from 1 on."""

    def __init__(self, *words: _Word) -> None:
        """Number `words` in their order."""
        self._words: Final = words
        self._numbers: Final = {word: number for number, word in enumerate(words, start=1)}

    def number(self, word: _Word) -> int:
        """Return a word's number."""
        return self._numbers[word]

    def word(self, number: int) -> _Word:
        """Return a number's word."""
        return self._words[number - 1]


STATES: Final = Codes(
    JobRunState.WAITING,
    JobRunState.STARTING,
    JobRunState.RUNNING,
    JobRunState.STOPPING,
    JobRunState.STOPPED,
    JobRunState.SUCCEEDED,
    JobRunState.FAILED,
    JobRunState.TIMEOUT,
    JobRunState.ERROR,
)
EVENTS: Final = Codes(
    RunEvent.ADMITTED,
    RunEvent.LAUNCHED,
    RunEvent.LAUNCH_FAILED,
    RunEvent.STOP_REQUESTED,
    RunEvent.FORBIDDEN,
    RunEvent.SUCCEEDED,
    RunEvent.FAILED,
    RunEvent.TIMED_OUT,
    RunEvent.LOST,
    RunEvent.JOB_MISSING,
)
KINDS: Final = Codes(EventKind.STATE_CHANGE, EventKind.RUN_STATUS)
