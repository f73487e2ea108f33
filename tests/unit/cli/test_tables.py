"""Tables are aligned, fit the terminal, and cannot be broken by what stands in them."""

import json

import pytest

from orchestrator.faces.cli.output import print_json
from orchestrator.faces.cli.tables import print_facts, print_paragraph, render
from orchestrator.faces.cli.text import columns_of
from tests.unit.cli.conftest import Terminal


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


def test_a_column_may_have_a_least_width_of_its_own() -> None:
    lines = render(
        ("TRIGGER", "STATE", "RUNS"),
        [(20 * "n", "ACTIVATED", "jr_12345678 FAILED")],
        width=34,
        least={"TRIGGER": 8, "RUNS": 12},
    )

    assert lines[1] == "nnnnnnnn…  ACTIVATED  jr_12345678…"


def test_a_column_may_be_cut_before_any_other() -> None:
    lines = render(("CHAIN", "RUN", "NOTE"), [(30 * "n", "a", 14 * "o")], width=45, gives_first="NOTE")

    assert lines[1] == f"{30 * 'n'}  a    {7 * 'o'}…"


def test_wide_characters_take_two_columns_and_combining_ones_none() -> None:
    lines = render(("JOB", "STATE"), [("漢字", "FAILED"), ("e\N{COMBINING ACUTE ACCENT}", "RUNNING")])
    assert lines == ["JOB   STATE", "漢字  FAILED", "e\N{COMBINING ACUTE ACCENT}     RUNNING"]

    (_, cut) = render(("JOB", "STATE"), [(30 * "漢", "FAILED")], width=33)
    assert cut == f"{12 * '漢'}…  FAILED"
    assert columns_of(cut) == 33


def test_long_facts_take_lines_on_a_terminal_and_ids_stay_whole(
    monkeypatch: pytest.MonkeyPatch, terminal: Terminal
) -> None:
    monkeypatch.setattr("sys.stdout", terminal)
    monkeypatch.setenv("COLUMNS", "80")
    run_id = "wr_" + 64 * "0"

    print_facts([("Workflow", 255 * "n"), ("Property long one", run_id)], wraps=True)

    lines = terminal.sent.splitlines()
    assert [line.strip() for line in lines[1:5]] == [*(3 * [61 * "n"]), 11 * "n"]
    assert lines[0] == f"Workflow           {61 * 'n'}"
    assert lines[5] == f"Property long one  {run_id}"


def test_a_paragraph_breaks_what_is_longer_than_a_line(monkeypatch: pytest.MonkeyPatch, terminal: Terminal) -> None:
    monkeypatch.setattr("sys.stdout", terminal)
    monkeypatch.setenv("COLUMNS", "20")

    print_paragraph(f"one two {15 * '漢'} three")

    assert terminal.sent.splitlines() == ["one two", 10 * "漢", 5 * "漢" + " three"]


def test_a_pipe_gets_every_name_whole() -> None:
    assert 255 * "n" in render(("JOB", "TYPE"), [(255 * "n", "pythonshell")])[1]


def test_a_very_long_name_widens_only_its_own_row_in_a_pipe() -> None:
    lines = render(("JOB", "TYPE"), [("ingest", "glueetl"), (255 * "n", "pythonshell"), (67 * "x", "glueetl")])

    assert lines[0] == f"JOB{64 * ' '}  TYPE"
    assert lines[1] == f"ingest{61 * ' '}  glueetl"
    assert lines[2] == f"{255 * 'n'}  pythonshell"
    assert lines[3] == f"{67 * 'x'}  glueetl"


def test_a_cell_stays_in_its_line() -> None:
    lines = render(("RUN", "DETAIL"), [("a", "one\ntwo\x1b[2J\tthree")])

    assert lines[1] == r"a    one two\x1b[2J three"


def test_states_are_coloured_without_moving_the_columns() -> None:
    plain = render(("STATE", "JOB"), [("FAILED", "x"), ("RUNNING", "y")])
    coloured = render(("STATE", "JOB"), [("FAILED", "x"), ("RUNNING", "y")], in_colour=True)

    assert coloured == [f"\x1b[1m{plain[0]}\x1b[0m", "\x1b[31mFAILED \x1b[0m  x", "\x1b[36mRUNNING\x1b[0m  y"]


def test_json_holds_no_control_character(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"name": "\x1b\x9b€"})

    printed = capsys.readouterr().out
    assert printed.isascii()
    assert "\x1b" not in printed
    assert json.loads(printed) == {"name": "\x1b\x9b€"}


def test_facts_are_aligned(capsys: pytest.CaptureFixture[str]) -> None:
    print_facts([("Run", "jr_1"), ("Directory", "/a\nb")])

    assert capsys.readouterr().out == "Run        jr_1\nDirectory  /a b\n"
