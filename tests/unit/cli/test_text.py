"""Other people's text reaches a terminal without control characters, and a pipe as it is."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.faces.cli.text import (
    LogOutput,
    brief_moment,
    duration,
    in_one_line,
    moment,
    size,
    wants_colour,
)
from orchestrator.model.plain_text import harmless
from tests.unit.cli.conftest import Terminal


@pytest.mark.parametrize(
    ("text", "spelled"),
    [
        ("plain ä € 😀\n\tindented", "plain ä € 😀\n\tindented"),
        ("\x1b[2Jgone", r"\x1b[2Jgone"),
        ("back\x08\rspace\x7f", r"back\x08\x0dspace\x7f"),
        ("\x9b31mred", r"\x9b31mred"),
        ("\u202eeerf\u2028", r"\u202eeerf\u2028"),
        ("lone \ud800", r"lone \ud800"),
    ],
)
def test_control_characters_are_spelled_out(text: str, spelled: str) -> None:
    assert harmless(text) == spelled


@given(st.text())
def test_one_line_is_one_line(text: str) -> None:
    assert len((in_one_line(text) + ".").splitlines()) == 1
    assert in_one_line(text).isprintable() or not text.isprintable()


def test_a_log_goes_to_a_terminal_harmless(terminal: Terminal) -> None:
    output = LogOutput(terminal)

    output.write(b"a\x1b[31m\n")
    output.write(b"10 %\r20 %\r\n")

    assert terminal.sent == "a\\x1b[31m\n10 %\n20 %\n"


def test_a_character_cut_between_two_parts_of_a_log_is_whole_on_a_terminal(terminal: Terminal) -> None:
    output = LogOutput(terminal)

    for byte in "€\n".encode():
        output.write(bytes([byte]))

    assert terminal.sent == "€\n"


def test_bytes_that_are_no_text_are_spelled_out_on_a_terminal(terminal: Terminal) -> None:
    output = LogOutput(terminal)

    output.write(b"a\xffb\xe2\x82", final=True)

    assert terminal.sent == r"a\xffb\xe2\x82"


def test_a_log_goes_to_a_pipe_as_it_is() -> None:
    kept = io.BytesIO()
    pipe = io.TextIOWrapper(kept, encoding="utf-8")
    data = bytes(range(256)) * 2 + b"\r\n"

    LogOutput(pipe).write(data, final=True)

    assert kept.getvalue() == data


def test_colour_is_for_terminals_where_nobody_objects(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    assert wants_colour(terminal)
    assert not wants_colour(io.StringIO())

    monkeypatch.setenv("NO_COLOR", "1")
    assert not wants_colour(terminal)


def test_a_dumb_terminal_is_not_coloured(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")

    assert not wants_colour(terminal)


@pytest.mark.parametrize(
    ("milliseconds", "told"),
    [
        (None, "-"),
        (0, "0 ms"),
        (999, "999 ms"),
        (12_340, "12.3 s"),
        (65_000, "1 min 05 s"),
        (12_000_000, "3 h 20 min"),
    ],
)
def test_durations_are_told_in_the_unit_that_fits(milliseconds: int | None, told: str) -> None:
    assert duration(milliseconds) == told


@pytest.mark.parametrize(
    ("amount", "told"),
    [(None, "-"), (512, "512 B"), (3_565_158, "3.4 MiB"), (5 * 2**40, "5.0 TiB"), (2**52, "4096.0 TiB")],
)
def test_sizes_are_told_in_the_unit_that_fits(amount: int | None, told: str) -> None:
    assert size(amount) == told


def test_moments_are_told_in_the_local_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    assert moment(None) == "-"
    assert len(moment(1_385_000_000_000)) == len("2013-11-21 02:13:20")


def test_a_brief_moment_leaves_out_what_is_the_same_now() -> None:
    now_ms, day_ms = 1_700_000_000_000, 86_400_000  # 2023-11-14, in every zone or the day after
    local = moment(now_ms)

    assert brief_moment(None, now_ms) == "-"
    assert brief_moment(now_ms, now_ms) == local[11:16]
    assert brief_moment(now_ms, now_ms, to_the_second=True) == local[11:]
    assert brief_moment(now_ms + 2 * day_ms, now_ms) == moment(now_ms + 2 * day_ms)[5:16]
    assert brief_moment(now_ms + 100 * day_ms, now_ms) == moment(now_ms + 100 * day_ms)[:16]
