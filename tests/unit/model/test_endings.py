"""What a shim wrote down becomes one event and one message; what is not of its hand is never taken for a success."""

import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.model import endings
from orchestrator.model.endings import EndingReason
from orchestrator.model.records import RunFigures
from orchestrator.model.states import RunEvent
from tests.support.records import an_ending, ending_fields

OUT_OF_MEMORY: Final = "Out of memory"
KILLED: Final = "and the kernel killed processes of the run"

PRELUDE: Final = """
class Trouble(Exception): pass
def local():
    class Local(Exception): pass
    raise Local("here")
"""
# The message of a real Python's last words, by what the script does.
TRACEBACKS: Final = {
    "raise ValueError('no such day')": "ValueError: no such day",
    "raise ValueError('two\\nlines')": "ValueError: two\nlines",
    "raise ValueError('two\\n\\nparts')": "ValueError: two\n\nparts",
    "raise AssertionError": "AssertionError",
    "raise Trouble('of ours')": "Trouble: of ours",
    "local()": "local.<locals>.Local: here",
    "import xml.parsers.expat as e; raise e.ExpatError('bad')": "xml.parsers.expat.ExpatError: bad",
    "import no_such_module": "ModuleNotFoundError: No module named 'no_such_module'",
    "open('/no/such/file')": "FileNotFoundError: [Errno 2] No such file or directory: '/no/such/file'",
    "try:\n  {}['a']\nexcept KeyError as e:\n  raise Trouble('caused') from e": "Trouble: caused",
    "try:\n  {}['a']\nexcept KeyError:\n  raise Trouble('on the way')": "Trouble: on the way",
    "e = ValueError('v'); e.add_note('a note'); raise e": "ValueError: v\na note",
    "try:\n  raise ExceptionGroup('g', [ValueError('a')])\nexcept* ValueError:\n  raise Trouble('after')": "Trouble: after",
    "print('progress 50 %', end='', file=sys.stderr, flush=True); raise Trouble('same line')": "Trouble: same line",
    "import traceback\ntry:\n  {}['a']\nexcept KeyError: traceback.print_exc()\nraise Trouble('last')": "Trouble: last",
    "raise Trouble('Ärger')": "Trouble: Ärger",
}


def last_words(tmp_path: Path, source: str) -> str:
    script = tmp_path / "script.py"
    script.write_text(f"import sys\n{PRELUDE}\n{source}\n", encoding="utf-8")
    ended = subprocess.run(
        [sys.executable, "-I", str(script)],
        capture_output=True,
        timeout=30,
        check=False,
        env={"PYTHONIOENCODING": "utf-8", "LANG": "C.UTF-8"},
    )
    assert ended.returncode == 1
    return ended.stderr.decode()


@pytest.mark.parametrize("source", list(TRACEBACKS))
def test_the_message_is_the_end_of_a_real_traceback(tmp_path: Path, source: str) -> None:
    assert endings.exception_of(last_words(tmp_path, source)) == TRACEBACKS[source]


@pytest.mark.parametrize(
    "source",
    [
        "raise ExceptionGroup('many', [ValueError('a'), TypeError('b')])",
        (
            "es = []\nfor t in (ValueError, TypeError):\n  try: raise t('x')\n  except Exception as e: es.append(e)\n"
            "raise ExceptionGroup('many', es)"
        ),
        "e = ExceptionGroup('many', [ValueError('a'), ExceptionGroup('in', [TypeError('b')])]); e.add_note('n'); raise e",
    ],
)
def test_a_group_is_told_by_its_own_line_with_its_members_below(tmp_path: Path, source: str) -> None:
    message = endings.exception_of(last_words(tmp_path, source))
    assert message is not None
    assert message.startswith("ExceptionGroup: many (2 sub-exceptions)\n")
    assert "ValueError: " in message
    assert "TypeError: " in message


@pytest.mark.parametrize(
    ("source", "kind"),
    [("x = (\n", "SyntaxError: "), ("if 1:\nx\n", "IndentationError: "), ("if 1:\n\tx\n        y\n", "TabError: ")],
)
def test_a_script_that_python_cannot_read_is_told_without_a_traceback(tmp_path: Path, source: str, kind: str) -> None:
    message = endings.exception_of(last_words(tmp_path, source))
    assert message is not None
    assert message.startswith(kind)


def test_a_module_that_python_cannot_read_is_told_too(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("x = (\n")
    message = endings.exception_of(last_words(tmp_path, f"sys.path.insert(0, {str(tmp_path)!r}); import broken"))
    assert message is not None
    assert message.startswith("SyntaxError: ")


@pytest.mark.parametrize(
    "words", ["", "no luck\n", "ERROR: it went wrong\n", "Traceback (most recent call last):\n  File"]
)
def test_words_without_an_exception_are_no_exception(words: str) -> None:
    assert endings.exception_of(words) is None


def test_a_message_is_bounded() -> None:
    words = "Traceback (most recent call last):\n  File\nValueError: " + "x" * 10_000
    assert len(endings.exception_of(words) or "") == endings.MAX_MESSAGE_CHARS


@given(words=st.text())
def test_any_words_can_be_looked_at(words: str) -> None:
    endings.exception_of("Traceback (most recent call last):\n" + words)


def judged(*, stop_requested: bool = False, timeout_min: int | None = 5, **changes: Any) -> tuple[RunEvent, str | None]:
    verdict = endings.judge(an_ending(**changes), stop_requested=stop_requested, timeout_min=timeout_min)
    return verdict.event, verdict.error_message


def test_an_exit_with_zero_is_a_success_without_a_message() -> None:
    assert judged() == (RunEvent.SUCCEEDED, None)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"exit_code": 3}, "Command failed with exit code 3"),
        ({"exit_code": 1}, "Command failed with exit code 1"),
        (
            {"exit_code": 1, "stderr_tail": "Traceback (most recent call last):\n  File \"a.py\"\nKeyError: 'a'\n"},
            "KeyError: 'a'",
        ),
        (
            {"exit_code": 2, "stderr_tail": "Traceback (most recent call last):\nKeyError: 'a'\n"},
            "Command failed with exit code 2",
        ),
        (
            {"exit_code": None, "exit_signal": 9},
            "Command failed with exit code 137 (SIGKILL, which the orchestrator did not send)",
        ),
        (
            {"exit_code": None, "exit_signal": 9, "killed_for_memory": endings.KilledForMemory(limit_bytes=64 * 2**20)},
            f"{OUT_OF_MEMORY}: the run's limit of 64 MiB was reached, {KILLED}. Command failed with exit code 137 (SIGKILL)",
        ),
        (
            {"exit_code": 3, "killed_for_memory": endings.KilledForMemory(limit_bytes=None)},
            f"{OUT_OF_MEMORY}: the machine had no memory left, {KILLED}. Command failed with exit code 3",
        ),
        ({"exit_code": None, "exit_signal": 11}, "Command failed with exit code 139 (SIGSEGV)"),
        ({"exit_code": None, "exit_signal": 40}, "Command failed with exit code 168 (signal 40)"),
        ({"exit_code": None}, "Command failed with exit code None"),
        (
            {"reason": EndingReason.NOT_STARTED, "exit_code": None, "problem": "[Errno 2] No such file"},
            "[Errno 2] No such file",
        ),
        ({"reason": EndingReason.NOT_STARTED, "exit_code": None}, "The script could not be started"),
        (
            {"reason": EndingReason.STOPPED},
            "The run was terminated from outside: its shim got a SIGTERM that no stop request explains",
        ),
        (
            {"bookmark": endings.ReportedBookmark(base_version=0, text=None, problem="it is not UTF-8 text")},
            "The bookmark was not accepted: it is not UTF-8 text",
        ),
    ],
)
def test_every_other_end_is_a_failure_that_says_why(changes: dict[str, Any], message: str) -> None:
    assert judged(**changes) == (RunEvent.FAILED, message)


def test_a_timeout_is_told_in_minutes() -> None:
    assert judged(reason=EndingReason.TIMED_OUT) == (RunEvent.TIMED_OUT, "JobRun timed out after 5 minutes")


@pytest.mark.parametrize("reason", EndingReason)
def test_who_was_asked_to_stop_was_stopped_however_it_ended(reason: EndingReason) -> None:
    event, message = judged(stop_requested=True, reason=reason)
    assert event in {RunEvent.SUCCEEDED, RunEvent.FAILED}
    assert message == "Job run stopped by request"


def test_a_success_that_a_stop_overtook_is_still_known_as_one() -> None:
    assert judged(stop_requested=True)[0] is RunEvent.SUCCEEDED


def test_the_sentence_of_a_lost_bookmark_is_glues() -> None:
    assert endings.version_mismatch(3, 4) == (
        "VersionMismatchException: Continuation update failed due to version mismatch. "
        "Expected version 3 but found version 4"
    )


def test_a_shims_file_is_read() -> None:
    ending = endings.parse(ending_fields(exit_code=3, bookmark={"base_version": 2, "text": "{}", "problem": None}))
    assert ending.reason is EndingReason.EXITED
    assert ending.bookmark == endings.ReportedBookmark(base_version=2, text="{}", problem=None)
    assert ending.figures == RunFigures(
        exit_code=3, wall_ms=12, cpu_ms=7, peak_process_rss_bytes=1000, peak_tree_rss_bytes=2000
    )


@pytest.mark.parametrize("missing", sorted(set(ending_fields()) - {"v"}))
def test_a_file_that_misses_a_field_is_not_a_shims(missing: str) -> None:
    fields = ending_fields()
    del fields[missing]
    with pytest.raises(KeyError):
        endings.parse(fields)


@pytest.mark.parametrize(
    "changes",
    [
        {"reason": "prospered"},
        {"exit_code": "0"},
        {"exit_code": True},
        {"exit_code": 0.0},
        {"wall_ms": "long"},
        {"problem": 5},
        {"bookmark": []},
        {"bookmark": "x"},
        {"bookmark": {"base_version": None, "text": None, "problem": None}},
        {"bookmark": {"base_version": 1, "text": 5, "problem": None}},
        {"bookmark": {"base_version": 1}},
        {"ended_at_ms": None},
        {"reason": []},
        {"killed_for_memory": 5},
        {"killed_for_memory": {}},
        {"killed_for_memory": {"limit_bytes": "64"}},
    ],
)
def test_a_file_with_a_wrong_value_is_not_a_shims(changes: dict[str, Any]) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        endings.parse(ending_fields(**changes))


def test_a_message_that_quotes_a_tracebacks_first_line_is_not_taken_for_one() -> None:
    tail = 'Traceback (most recent call last):\n  File "a.py", line 1\nValueError: x\nTraceback (most recent call last):\nnope\n'

    assert endings.exception_of(tail) == "ValueError: x\nTraceback (most recent call last):\nnope"


def test_what_the_kernel_counted_is_read_where_a_shim_looked() -> None:
    assert endings.parse(ending_fields()).killed_for_memory is None
    for limit_bytes in (None, 4096):
        ending = endings.parse(ending_fields(killed_for_memory={"limit_bytes": limit_bytes}))
        assert ending.killed_for_memory == endings.KilledForMemory(limit_bytes=limit_bytes)


def test_a_number_beyond_what_the_store_can_hold_is_no_ending_of_ours() -> None:
    fields = ending_fields(wall_ms=2**63)

    with pytest.raises(ValueError, match="out of bounds"):
        endings.parse(fields)


def test_an_exception_that_was_logged_and_outlived_is_not_the_message() -> None:
    tail = (
        'ERROR:root:handled\nTraceback (most recent call last):\n  File "a.py", line 1\n'
        "KeyError: 'x'\nINFO:root:later work\nERROR:root:input file missing\n"
    )

    assert endings.exception_of(tail) is None


@pytest.mark.parametrize(("shown", "message"), [("MemoryError()", "MemoryError"), ("E('x')", "MemoryError: E('x')")])
def test_an_exception_for_which_no_memory_was_left_is_told_by_its_name(shown: str, message: str) -> None:
    tail = (
        'Traceback (most recent call last):\n  File "job.py", line 3, in <module>\n'
        "object address  : 0x7f\nobject refcount : 3\nobject type     : 0x7f\nobject type name: MemoryError\n"
        f"object repr     : {shown}\nlost sys.stderr\n"
    )
    assert endings.exception_of(tail) == message
    assert endings.exception_of(tail + "and the script went on\n") is None
