"""Lines become events, the same ones whoever reads from wherever, and their times never decrease."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.model.log_events import MAX_EVENT_BYTES, Times, spans


def cut(data: bytes, *, is_last: bool) -> list[bytes]:
    return [data[start:end] for start, end in spans(data, is_last=is_last)]


def test_each_line_is_an_event_with_its_newline() -> None:
    assert cut(b"a\n\nbc\n", is_last=False) == [b"a\n", b"\n", b"bc\n"]


def test_a_last_line_without_newline_is_an_event_only_when_nothing_can_follow() -> None:
    assert cut(b"a\nb", is_last=False) == [b"a\n"]
    assert cut(b"a\nb", is_last=True) == [b"a\n", b"b"]
    assert cut(b"", is_last=True) == []


def test_a_line_that_is_too_long_is_several_events_even_before_it_ends() -> None:
    line = b"x" * (2 * MAX_EVENT_BYTES + 5)
    assert [len(part) for part in cut(line, is_last=False)] == [MAX_EVENT_BYTES, MAX_EVENT_BYTES]
    assert [len(part) for part in cut(line + b"\n", is_last=False)] == [MAX_EVENT_BYTES, MAX_EVENT_BYTES, 6]


@pytest.mark.parametrize("character", ["é", "€", "😀"])
@pytest.mark.parametrize("shift", range(4))
def test_a_cut_leaves_characters_whole(character: str, shift: int) -> None:
    line = b"x" * shift + character.encode() * MAX_EVENT_BYTES + b"\n"
    parts = cut(line, is_last=False)
    assert b"".join(parts) == line
    assert "".join(part.decode() for part in parts) == line.decode()


def test_a_cut_gets_on_where_there_are_no_characters() -> None:
    parts = cut(b"\x80" * (2 * MAX_EVENT_BYTES), is_last=True)
    assert [len(part) for part in parts] == [MAX_EVENT_BYTES, MAX_EVENT_BYTES]


@given(st.lists(st.sampled_from([b"a", b"\n", b"bc", b"\xff"]), max_size=30).map(b"".join), st.integers(0, 60))
def test_an_event_is_the_same_however_much_of_the_log_there_was_when_it_was_seen(data: bytes, seen: int) -> None:
    early = cut(data[:seen], is_last=False)
    assert early == cut(data, is_last=False)[: len(early)]


def test_an_event_has_the_time_of_the_last_mark_at_or_before_its_beginning() -> None:
    times = Times.of([(0, 1000), (10, 2000)], started_on_ms=500, launched_on_ms=900)
    assert [times.at(offset) for offset in (0, 9, 10, 99)] == [1000, 1000, 2000, 2000]


def test_a_run_without_marks_wrote_all_at_its_launch() -> None:
    assert Times.of([], started_on_ms=500, launched_on_ms=900).at(7) == 900
    assert Times.of([], started_on_ms=500, launched_on_ms=None).at(7) == 500


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), max_size=8), st.integers(0, 50), st.integers(0, 60))
def test_times_never_decrease_and_a_window_begins_where_its_time_does(
    marks: list[tuple[int, int]], started_on_ms: int, at_ms: int
) -> None:
    times = Times.of(marks, started_on_ms=started_on_ms, launched_on_ms=None)
    seen = [times.at(offset) for offset in range(60)]
    assert seen == sorted(seen)
    assert min(seen) >= started_on_ms
    late = [offset for offset in range(60) if times.at(offset) >= at_ms]
    first = times.first_offset(at_ms)
    assert (late[0] if late else None) == first
