"""The shim notes when output came, about once a second; where it cannot, the log is none the worse."""

import os
import time
from pathlib import Path

import pytest

from orchestrator.executors.interface import LogExtent
from orchestrator.executors.local import script_output
from orchestrator.executors.local.run_directory import RunDirectory
from tests.support.records import run_id

LIMIT = 1000


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> script_output.Log:
    monkeypatch.chdir(tmp_path)
    return script_output.Log("stdout.log", LIMIT)


def say(log: script_output.Log, text: bytes, monkeypatch: pytest.MonkeyPatch, at_s: float) -> None:
    monkeypatch.setattr(script_output, "clock", lambda: at_s)
    os.write(log.sink, text)
    log.pump()


def marks() -> list[tuple[int, int]]:
    return [
        (int(offset), int(at_ms)) for offset, at_ms in map(str.split, Path("stdout.times").read_text().splitlines())
    ]


def test_a_mark_says_where_the_next_byte_went_and_when(log: script_output.Log, monkeypatch: pytest.MonkeyPatch) -> None:
    before = int(time.time() * 1000)
    for text, at_s in ((b"a\n", 5.0), (b"bb\n", 5.9), (b"c\n", 6.1), (b"d\n", 6.2)):
        say(log, text, monkeypatch, at_s)
    assert [offset for offset, _ in marks()] == [0, 5]
    assert all(before <= at_ms <= time.time() * 1000 + 1 for _, at_ms in marks())
    assert Path("stdout.log").read_bytes() == b"a\nbb\nc\nd\n"


def test_the_interval_doubles_so_that_the_marks_stay_small(
    log: script_output.Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(script_output, "MARKS_PER_INTERVAL", 2)
    for second in range(12):
        say(log, b"x", monkeypatch, float(second))
    assert [offset for offset, _ in marks()] == [0, 1, 2, 4, 6, 10]


def test_what_is_not_kept_is_not_marked(log: script_output.Log, monkeypatch: pytest.MonkeyPatch) -> None:
    say(log, b"x" * (LIMIT + 1), monkeypatch, 1.0)
    say(log, b"more", monkeypatch, 9.0)
    assert [offset for offset, _ in marks()] == [0]


def test_a_place_that_is_taken_costs_the_times_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("stdout.times").mkdir()
    log = script_output.Log("stdout.log", LIMIT)
    say(log, b"kept", monkeypatch, 1.0)
    log.close()
    assert Path("stdout.log").read_bytes() == b"kept"


def test_a_disk_that_is_full_costs_the_times_only(log: script_output.Log, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("stdout.times").symlink_to("/dev/full")
    monkeypatch.setattr(os, "O_NOFOLLOW", 0)
    say(log, b"one", monkeypatch, 1.0)
    say(log, b"two", monkeypatch, 9.0)
    log.close()
    assert Path("stdout.log").read_bytes() == b"onetwo"


def test_a_line_that_was_cut_short_is_the_last(log: script_output.Log, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write

    def write_half(descriptor: int, data: bytes) -> int:
        return write(descriptor, data[: len(data) // 2] if descriptor == log.times else data)

    monkeypatch.setattr(os, "write", write_half)
    say(log, b"one", monkeypatch, 1.0)
    say(log, b"two", monkeypatch, 9.0)
    assert "\n" not in Path("stdout.times").read_text()
    assert Path("stdout.log").read_bytes() == b"onetwo"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (b"0 100\n7 200\n", [(0, 100), (7, 200)]),
        (b"0 100\n7 20", [(0, 100)]),
        (b"0 100\nrubbish\n7 200\n", [(0, 100), (7, 200)]),
        (b"0 100\n99 200\n", [(0, 100)]),
        (b"", []),
    ],
)
def test_the_daemon_reads_whole_marks_within_the_log(tmp_path: Path, text: bytes, found: list[tuple[int, int]]) -> None:
    directory = RunDirectory(tmp_path, run_id(1))
    directory.create()
    (directory.path / "stdout.log").write_bytes(b"ten bytes!")
    (directory.path / "stdout.times").write_bytes(text)
    assert directory.logs.extent("stdout") == LogExtent(10, found)


def test_a_log_without_times_or_no_log_is_no_error(tmp_path: Path) -> None:
    directory = RunDirectory(tmp_path, run_id(1))
    assert directory.logs.extent("stdout") == LogExtent(0, ())
    directory.create()
    (directory.path / "stdout.log").write_bytes(b"x")
    assert directory.logs.extent("stdout") == LogExtent(1, ())
    (directory.path / "stdout.times").mkdir()
    assert directory.logs.extent("stdout") == LogExtent(1, ())


def test_what_a_script_puts_in_the_logs_place_counts_as_empty(tmp_path: Path) -> None:
    directory = RunDirectory(tmp_path, run_id(1))
    directory.create()
    (directory.path / "stdout.log").symlink_to("/etc/passwd")
    os.mkfifo(directory.path / "stderr.log")
    assert directory.logs.extent("stdout").size_bytes == 0
    assert directory.logs.extent("stderr").size_bytes == 0
