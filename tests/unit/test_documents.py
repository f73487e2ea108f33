"""What the program has, the documents name: actions, states, commands, exit codes, script variables."""

import ast
import re
import subprocess
from pathlib import Path
from typing import Final

import pytest
from prometheus_client.metrics import MetricWrapperBase

from orchestrator.executors import world
from orchestrator.faces.cli import cli
from orchestrator.faces.cli.exit_codes import ExitCode
from orchestrator.faces.metrics import Metrics
from orchestrator.model import arguments
from orchestrator.model.states import JobRunState
from orchestrator.wire.shapes import REQUESTS
from tests.support import cli_reference

ROOT: Final = Path(__file__).resolve().parents[2]
README: Final = (ROOT / "README.md").read_text()
SCRIPTS: Final = (ROOT / "docs" / "scripts.md").read_text()
JOBS: Final = (ROOT / "docs" / "jobs.md").read_text()
MOVING: Final = (ROOT / "docs" / "moving.md").read_text()
OPERATING: Final = (ROOT / "docs" / "operating.md").read_text()
SECURITY: Final = (ROOT / "docs" / "security.md").read_text()
FAULTS: Final = {
    cells[1]: cells[2:5]
    for line in (ROOT / "docs" / "faults.md").read_text().splitlines()
    if re.match(r"\| F\d+ ", line) and len(cells := [cell.strip() for cell in line.split("|")]) == 6
}
MAX_ARCHITECTURE_LINES: Final = 150


@pytest.mark.parametrize("action", sorted(REQUESTS))
def test_the_guide_names_every_action(action: str) -> None:
    assert re.search(rf"\b{action}\b", MOVING.partition("### Actions")[2])


@pytest.mark.parametrize("state", sorted(JobRunState))
def test_the_guide_names_every_state(state: str) -> None:
    assert re.search(rf"\b{state}\b", JOBS)


@pytest.mark.parametrize("command", sorted(cli.commands or cli.list_commands(None)))  # type: ignore[arg-type]
def test_the_readme_names_every_command(command: str) -> None:
    assert re.search(rf"`{command}\b", README)


def test_the_page_of_the_command_line_is_what_the_commands_say() -> None:
    assert cli_reference.TARGET.read_text() == cli_reference.reference(), "`make cli-docs` writes it anew"


@pytest.mark.parametrize("code", sorted(ExitCode))
def test_the_operating_page_names_every_exit_code(code: int) -> None:
    assert re.search(rf"\b{int(code)}\b", OPERATING)


def test_the_scripts_page_names_every_variable_that_a_script_gets() -> None:
    source = Path(world.__file__).read_text()

    for name in re.findall(r'"((?:ORCH|AWS|PYTHON)[A-Z_]*|PATH|HOME|USER|LOGNAME|SHELL|LANG|TMPDIR)"', source):
        assert f"`{name}" in SCRIPTS or f"/`{name}" in SCRIPTS, name


def test_the_scripts_page_names_every_special_argument() -> None:
    names = [value for name, value in vars(arguments).items() if name.isupper() and str(value).startswith("--")]

    assert [name for name in names if name not in SCRIPTS] == []


def security_rows() -> dict[str, str]:
    """Return the rows of the table of threats, by their numbers."""
    return dict(re.findall(r"^\| (S\d+) (\|.*\|)$", SECURITY, re.MULTILINE))


def test_the_security_page_has_every_threat_once_and_in_order() -> None:
    assert re.findall(r"^\| (S\d+) \|", SECURITY, re.MULTILINE) == [f"S{number}" for number in range(1, 29)]


@pytest.mark.parametrize("row", [f"S{number}" for number in range(1, 29)])
def test_every_threat_names_tests_that_exist(row: str) -> None:
    threat, rule, shown_by = security_rows()[row].strip("| ").split(" | ")
    named = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", shown_by)

    assert threat
    assert rule
    assert named
    assert " ".join(f"`{path}::{name}`" for path, name in named) == shown_by
    for path, name in named:
        assert re.search(rf"^ *(async )?def {name}\(", (ROOT / path).read_text(), re.MULTILINE), f"{path}::{name}"


def test_the_security_page_says_what_is_no_boundary() -> None:
    assert "No boundary: it may do what its user may" in security_rows()["S17"]
    assert "a malicious script is not kept out of anything that user may do" in README.replace("\n", " ")


def test_the_table_of_faults_is_whole() -> None:
    assert list(FAULTS) == [f"F{number}" for number in range(1, 45)]
    assert {number for number, cells in FAULTS.items() if not all(cells)} == set()


@pytest.mark.parametrize("number", FAULTS)
def test_each_test_that_shows_a_fault_exists(number: str) -> None:
    *_, shown_by = FAULTS[number]
    named = re.findall(r"`([^`]*)`", shown_by)
    assert " ".join(f"`{name}`" for name in named) == shown_by
    for file, _, name in (one.partition("::") for one in named):
        body = ast.parse((ROOT / file).read_text()).body
        defined = {one.name for one in body if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)}
        assigned = {ast.unparse(target) for one in body if isinstance(one, ast.Assign) for target in one.targets}
        assert name in defined | assigned, f"{file} has no {name}"


def test_the_architecture_stays_short() -> None:
    assert len((ROOT / "ARCHITECTURE.md").read_text().splitlines()) <= MAX_ARCHITECTURE_LINES


def test_every_link_between_documents_leads_somewhere() -> None:
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page}: {target}"


def test_no_tracked_file_names_a_package_index_or_a_place_of_one_machine() -> None:
    hosts = [
        f"{name}[.]{end}" for name, end in (("pypi", "org"), ("pythonhosted", "org"), ("npmjs", ""), ("debian", "org"))
    ]
    places = [f"/{top}/[a-z.]+" for top in ("home", "root")]
    patterns = "|".join([*hosts, *places])
    found = subprocess.run(
        ["git", "grep", "-nIE", patterns],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert found.stdout == ""


def test_the_metrics_page_has_a_row_for_each_metric_and_names_no_other() -> None:
    page = (ROOT / "docs" / "metrics.md").read_text()
    table = page.partition("<!-- metrics -->")[2].partition("<!-- /metrics -->")[0].strip().splitlines()[2:]
    told = []
    for one in Metrics().registry._collector_to_names:
        assert isinstance(one, MetricWrapperBase)
        name = f"{one._name}_total" if one._type == "counter" else one._name
        labels = ", ".join(f"`{label}`" for label in one._labelnames)
        told.append(f"| `{name}` | {one._type} | {labels} | {one._documentation} |")
    assert table == told
    named = set(re.findall(r"orchestrator_[a-z_]+", page))
    assert named <= {row.split("`")[1] for row in told}
