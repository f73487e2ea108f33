"""Commands start fast, say how they are used, and take the places from before or after the command's name."""

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest
from click.testing import CliRunner

import orchestrator
from orchestrator.faces import cli as face
from orchestrator.faces.cli import cli
from orchestrator.faces.cli.exit_codes import ExitCode

if TYPE_CHECKING:
    from orchestrator.settings import Settings

COMMANDS = cli.list_commands(click.Context(cli))


class Served:
    """A way to run the daemon that only remembers what it was told."""

    def __init__(self) -> None:
        """Remember nothing yet."""
        self.told: list[tuple[Settings, bool]] = []

    def __call__(self, settings: "Settings", *, with_parent: bool) -> int:
        """Remember, and end as a daemon does that cannot have its state directory."""
        self.told.append((settings, with_parent))
        return ExitCode.TRY_LATER


def test_the_command_line_imports_nothing_heavy() -> None:
    heavy = [
        "aiosqlite",
        "anyio",
        "asyncio",
        "pydantic",
        "pydantic_settings",
        "rich",
        "sqlite3",
        "starlette",
        "uvicorn",
    ]
    program = (
        "import sys; from orchestrator.faces.cli import cli, main; "
        f"main(None, ['--help']); sys.exit(str([name for name in {heavy} if name in sys.modules]))"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False)

    assert ended.stderr.strip() == "[]"
    assert "Commands:" in ended.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name: str) -> None:
    result = CliRunner().invoke(cli, [name, "-h"])

    assert result.exit_code == 0
    assert result.stdout.startswith(f"Usage: orchestrator {name} ")


def test_an_unknown_command_is_a_usage_error() -> None:
    result = CliRunner().invoke(cli, ["fly"])

    assert result.exit_code == ExitCode.USAGE
    assert "No such command 'fly'" in result.stderr
    assert "Did you mean" not in result.stderr


@pytest.mark.parametrize(
    ("typed", "names"),
    [
        (["rn"], {"run", "runs"}),
        (["aply"], {"apply"}),
        (["workflow", "lst"], {"list"}),
        (["trigger", "strt"], {"start"}),
    ],
)
def test_a_mistyped_command_is_told_with_those_that_are_near(typed: list[str], names: set[str]) -> None:
    result = CliRunner().invoke(cli, typed)

    assert result.exit_code == ExitCode.USAGE
    question = result.stderr.partition("id you mean")[2]
    assert {name for name in question.replace(",", " ").replace("?", " ").split() if name.startswith("'")} == {
        f"'{name}'" for name in names
    }


def test_the_version_is_the_packages() -> None:
    assert orchestrator.__version__ in CliRunner().invoke(cli, ["--version"]).stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["--port", "5000", "--state-dir", "here"],
        ["--port", "5000", "--state-dir", "here", "serve"],
        ["serve", "--port", "5000", "--state-dir", "here"],
        ["--port", "4000", "serve", "--port", "5000", "--state-dir", "here"],
    ],
)
def test_serve_is_meant_without_a_command_and_takes_the_places_from_anywhere(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    serve = Served()

    code = face.main(serve, arguments)

    (settings, with_parent), *more = serve.told
    assert not more
    assert settings.port == 5000
    assert settings.state_dir == tmp_path / "here"
    assert not with_parent
    assert code == ExitCode.TRY_LATER


def test_serve_can_be_tied_to_its_parent() -> None:
    serve = Served()

    face.main(serve, ["serve", "--with-parent"])

    assert serve.told[0][1]


def test_a_mistake_in_the_settings_names_the_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "orchestrator.toml"
    config.write_text("port = 'many'\n")

    code = face.main(Served(), ["--config", str(config)])

    assert code == ExitCode.CONFIGURATION
    assert f"orchestrator: {config}:1: port" in capsys.readouterr().err


def test_an_interrupted_command_ends_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(settings: "Settings", *, with_parent: bool) -> int:
        raise KeyboardInterrupt

    assert face.main(interrupted, ["serve"]) == ExitCode.INTERRUPTED


def test_a_reader_who_leaves_ends_the_command_quietly() -> None:
    program = "import sys; from orchestrator.faces.cli import main; sys.exit(main(None, ['--help']))"
    reading, writing = os.pipe()
    os.close(reading)
    try:
        ended = subprocess.run(
            [sys.executable, "-c", program], stdout=writing, stderr=subprocess.PIPE, text=True, timeout=30, check=False
        )
    finally:
        os.close(writing)

    assert ended.returncode == ExitCode.PIPE_CLOSED
    assert ended.stderr == ""


def test_every_exit_code_is_explained() -> None:
    told = " ".join(CliRunner().invoke(cli, ["--help"], terminal_width=120).stdout.split())
    for code in ExitCode:
        assert code.told.endswith(".")
        assert f"{code.value} {code.told}" in told
