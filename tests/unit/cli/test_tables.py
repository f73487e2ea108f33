"""Tables are aligned, fit the terminal, and cannot be broken by what stands in them."""

import json

import pytest

from orchestrator.faces.cli.tables import print_facts, print_json, render


def test_columns_are_aligned() -> None:
    lines = render(("RUN", "STATE"), [("a", "SUCCEEDED"), ("longer", "FAILED")])

    assert lines == ["RUN     STATE", "a       SUCCEEDED", "longer  FAILED"]


def test_no_rows_leave_the_heading() -> None:
    assert render(("RUN", "STATE"), []) == ["RUN  STATE"]


def test_the_last_column_gives_way_to_the_width() -> None:
    lines = render(("RUN", "DETAIL"), [("a", "waits for 10 DPU, place 2")], width=20)

    assert lines[1] == "a    waits for 10 D…"
    assert max(map(len, lines)) == 20


def test_a_long_name_gives_way_so_that_its_row_fits() -> None:
    lines = render(
        ("JOB", "TYPE", "SCRIPT"), [(255 * "n", "pythonshell", "x/script.py"), ("a", "glueetl", "y")], width=60
    )

    assert lines[1] == 33 * "n" + "…  pythonshell  x/script.py"
    assert max(map(len, lines)) == 60


def test_short_cells_stay_whole_however_narrow_the_terminal() -> None:
    lines = render(("JOB", "SCRIPT"), [("jr_12345678_attempt_1", "/jobs/etl/script.py")], width=5)

    assert lines[1] == "jr_12345678_attempt_1  /jobs/e…"


def test_a_pipe_gets_every_name_whole() -> None:
    assert 255 * "n" in render(("JOB", "TYPE"), [(255 * "n", "pythonshell")])[1]


def test_a_cell_stays_in_its_line() -> None:
    lines = render(("RUN", "DETAIL"), [("a", "one\ntwo\x1b[2J\tthree")])

    assert lines[1] == r"a    one two\x1b[2J three"


def test_states_are_coloured_without_moving_the_columns() -> None:
    plain = render(("STATE", "JOB"), [("FAILED", "x"), ("RUNNING", "y")])
    coloured = render(("STATE", "JOB"), [("FAILED", "x"), ("RUNNING", "y")], coloured=True)

    assert coloured == [plain[0], "\x1b[31mFAILED \x1b[0m  x", "\x1b[36mRUNNING\x1b[0m  y"]


def test_json_holds_no_control_character(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"name": "\x1b\x9b€"})

    printed = capsys.readouterr().out
    assert printed.isascii()
    assert "\x1b" not in printed
    assert json.loads(printed) == {"name": "\x1b\x9b€"}


def test_facts_are_aligned(capsys: pytest.CaptureFixture[str]) -> None:
    print_facts([("Run", "jr_1"), ("Directory", "/a\nb")])

    assert capsys.readouterr().out == "Run        jr_1\nDirectory  /a b\n"
