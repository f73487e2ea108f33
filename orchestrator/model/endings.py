"""How a script ended, as its shim wrote it down, and what that means for the run.

The file is the shim's; anything in it that is not as expected means that the ending is unknown, never success.
"""

import re
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from orchestrator.model.records import RunFigures
from orchestrator.model.states import RunEvent

MAX_MESSAGE_CHARS: Final = 4_000
_EXCEPTION: Final = re.compile(r"[^\W\d][\w.<>]*(?::.*)?\Z")  # <>: f.<locals>.Trouble
_HEADER: Final = re.compile(  # with frames below it: a message may quote the line
    r"(\| (?:Exception Group )?)?(\+ Exception Group )?Traceback \(most recent call last\):\n(?= )"
)
_UNPRINTABLE: Final = re.compile(  # by Python 3.13 where no memory is left to print the exception in
    r"^object type name: (.+)\nobject repr {5}: (.+)\nlost sys\.stderr\n?\Z", re.MULTILINE
)
_LOG_LINE: Final = re.compile(r"\[?(\d{4}-\d\d-\d\d|(DEBUG|INFO|WARNING|ERROR|CRITICAL)\b)")
_GROUP_MARGIN: Final = "  | "
_SYNTAX_ERRORS: Final = ("SyntaxError:", "IndentationError:", "TabError:")
_SIGNAL_BASE: Final = 128
_MIB: Final = 1024 * 1024
_MAX_INT: Final = 2**63 - 1


class EndingReason(StrEnum):
    """Why the script is no longer there."""

    EXITED = "exited"
    """It left by itself, or by a signal that the shim did not send."""
    STOPPED = "stopped"
    """The shim was told to stop it."""
    TIMED_OUT = "timed_out"
    """It ran into its Timeout."""
    NOT_STARTED = "not_started"
    """It could not be executed; `problem` says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedBookmark:
    """What the script left as its bookmark, and the version that it had been given."""

    base_version: int
    text: str | None  # None: the script committed nothing
    problem: str | None  # what is wrong with the file it left


@dataclass(frozen=True, slots=True, kw_only=True)
class KilledForMemory:
    """That the kernel counted kills in the run's cgroup."""

    limit_bytes: int | None  # None: not the run's limit was reached, the machine had no memory left


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """A sealed ending."""

    reason: EndingReason
    problem: str | None
    exit_code: int | None
    exit_signal: int | None
    figures: RunFigures
    stderr_tail: str
    bookmark: ReportedBookmark | None  # None: the run does not write bookmarks
    ended_at_ms: int
    killed_for_memory: KilledForMemory | None = None
    log_bytes: int | None = None  # what was kept of its output; None: an older shim did not count


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What an ending means for its run: the event, and the ErrorMessage where it is not a success."""

    event: RunEvent
    error_message: str | None


def parse(fields: Mapping[str, Any]) -> Ending:
    """Return the ending that `fields`, a decoded ending file, describes.

    Raises:
        KeyError, TypeError, ValueError: the file is not one of ours.
    """
    figures = RunFigures(
        exit_code=_optional_int(fields["exit_code"]),
        exit_signal=_optional_int(fields["exit_signal"]),
        wall_ms=_optional_int(fields["wall_ms"]),
        cpu_ms=_optional_int(fields["cpu_ms"]),
        peak_process_rss_bytes=_optional_int(fields["peak_process_rss_bytes"]),
        peak_tree_rss_bytes=_optional_int(fields["peak_tree_rss_bytes"]),
    )
    reported = fields["bookmark"]
    bookmark = None
    if reported is not None:
        bookmark = ReportedBookmark(
            base_version=_int(reported["base_version"]),
            text=_optional_str(reported["text"]),
            problem=_optional_str(reported["problem"]),
        )
    killed = fields.get("killed_for_memory")  # older shims do not look
    return Ending(
        reason=EndingReason(fields["reason"]),
        problem=_optional_str(fields["problem"]),
        exit_code=figures.exit_code,
        exit_signal=figures.exit_signal,
        figures=figures,
        stderr_tail=_str(fields["stderr_tail"]),
        bookmark=bookmark,
        ended_at_ms=_int(fields["ended_at_ms"]),
        killed_for_memory=None if killed is None else KilledForMemory(limit_bytes=_optional_int(killed["limit_bytes"])),
        log_bytes=_optional_int(fields.get("log_bytes")),
    )


def judge(ending: Ending, *, stop_requested: bool, timeout_min: int | None) -> Verdict:
    """Return the event that `ending` is, and the message it leaves.

    `stop_requested` says whether the store has the run in STOPPING: a shim that was told to stop by nobody of ours
    was terminated from outside, which is a failure.
    """
    if stop_requested:
        event = RunEvent.SUCCEEDED if _is_success(ending) else RunEvent.FAILED
        return Verdict(event=event, error_message="Job run stopped by request")
    if ending.reason is EndingReason.TIMED_OUT:
        return Verdict(event=RunEvent.TIMED_OUT, error_message=f"JobRun timed out after {timeout_min} minutes")
    if ending.reason is EndingReason.STOPPED:
        message = "The run was terminated from outside: its shim got a SIGTERM that no stop request explains"
        return Verdict(event=RunEvent.FAILED, error_message=message)
    if ending.reason is EndingReason.NOT_STARTED:
        return Verdict(event=RunEvent.FAILED, error_message=ending.problem or "The script could not be started")
    if not _is_success(ending):
        return Verdict(event=RunEvent.FAILED, error_message=_failure(ending))
    if ending.bookmark is not None and ending.bookmark.problem is not None:
        message = f"The bookmark was not accepted: {ending.bookmark.problem}"
        return Verdict(event=RunEvent.FAILED, error_message=message)
    return Verdict(event=RunEvent.SUCCEEDED, error_message=None)


def version_mismatch(expected: int, found: int) -> str:
    """Return Glue's sentence for a bookmark that somebody else moved in between."""
    return (
        "VersionMismatchException: Continuation update failed due to version mismatch. "
        f"Expected version {expected} but found version {found}"
    )


def exception_of(stderr_tail: str) -> str | None:
    """Return `Type: message` from the last traceback in `stderr_tail`, or None where there is none.

    Of an exception group it is the group's own line, with the exceptions in it below.
    """
    dumped = _UNPRINTABLE.search(stderr_tail)
    if dumped is not None:
        name, shown = dumped.groups()
        return (name if shown == f"{name}()" else f"{name}: {shown}")[:MAX_MESSAGE_CHARS]
    headers = [found for found in _HEADER.finditer(stderr_tail) if not found[1]]  # the others stand inside of a group
    lines = stderr_tail[headers[-1].end() if headers else 0 :].splitlines()
    if headers and headers[-1][2]:
        lines = [line.removeprefix(_GROUP_MARGIN) for line in lines]
    for number, line in enumerate(lines):
        is_start = bool(_EXCEPTION.match(line)) if headers else line.startswith(_SYNTAX_ERRORS)
        if is_start:
            message = lines[number:]
            if any(_LOG_LINE.match(later) for later in message[1:]):
                return None  # it was logged, and the script went on: it is not what ended it
            return "\n".join(message).strip()[:MAX_MESSAGE_CHARS]
    return None


def _is_success(ending: Ending) -> bool:
    return ending.reason is EndingReason.EXITED and ending.exit_code == 0 and ending.exit_signal is None


def _failure(ending: Ending) -> str:
    sentence = _sentence(ending)
    if ending.killed_for_memory is None:
        return sentence
    limit_bytes = ending.killed_for_memory.limit_bytes
    why = "the machine had no memory left"
    if limit_bytes is not None:
        why = f"the run's limit of {limit_bytes / _MIB:,.0f} MiB was reached"
    return f"Out of memory: {why}, and the kernel killed processes of the run. {sentence}"


def _sentence(ending: Ending) -> str:
    if ending.exit_signal is not None:
        try:
            name = signal.Signals(ending.exit_signal).name
        except ValueError:
            name = f"signal {ending.exit_signal}"
        hint = "" if name != "SIGKILL" or ending.killed_for_memory else ", which the orchestrator did not send"
        return f"Command failed with exit code {_SIGNAL_BASE + ending.exit_signal} ({name}{hint})"
    if ending.exit_code == 1:  # the code with which Python leaves on an exception
        exception = exception_of(ending.stderr_tail)
        if exception is not None:
            return exception
    return f"Command failed with exit code {ending.exit_code}"


def _optional_int(value: object) -> int | None:
    return None if value is None else _int(value)


def _int(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        message = f"{value!r} is not a whole number"
        raise TypeError(message)
    if abs(value) > _MAX_INT:  # more than the store can hold, and than any run can use
        message = f"{value!r} is out of bounds"
        raise ValueError(message)
    return value


def _optional_str(value: object) -> str | None:
    return None if value is None else _str(value)


def _str(value: object) -> str:
    if not isinstance(value, str):
        message = f"{value!r} is not text"
        raise TypeError(message)
    value.encode()  # half a surrogate pair, escaped, is none that the store takes
    return value
