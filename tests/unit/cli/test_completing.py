"""A shell is offered what the daemon knows, at once or not at all, and never what it would obey."""

import threading
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import click
import pytest

from orchestrator.faces.cli.completing import ANSWERS_WITHIN_S, job_names
from orchestrator.faces.cli.session import Session
from tests.support import command
from tests.unit.cli.stand_in import StandIn, a_run

if TYPE_CHECKING:
    from orchestrator.settings import Settings

pytestmark = pytest.mark.timeout(120)  # a process for each question, as a shell has it
HOSTILE: Final = ["a b", "$(reboot)", "x;reboot", "`reboot`", "line\nbreak", "\x1b[2J", "ü", "'", '"', "*", "~root", ""]


def offered(url: str, tmp_path: Path, *words: str, more: dict[str, str] | None = None) -> tuple[list[str], str]:
    """Return what bash is offered behind the last of the words, and what else was said."""
    environment = {
        "_ORCHESTRATOR_COMPLETE": "bash_complete",
        "COMP_WORDS": " ".join(["orchestrator", *words]),
        "COMP_CWORD": str(len(words)),
        "AWS_ENDPOINT_URL_GLUE": url,
    }
    done = command.call(tmp_path, more={**environment, **(more or {})})
    assert done.returncode == 0
    return [line.partition(",")[2] for line in done.stdout.splitlines() if line], done.stderr


def test_commands_and_options_are_offered_without_a_daemon(tmp_path: Path, free_port: int) -> None:
    nobody = f"http://127.0.0.1:{free_port}"
    assert offered(nobody, tmp_path, "tri") == (["triggers", "trigger"], "")
    assert offered(nobody, tmp_path, "runs", "--si") == (["--since"], "")
    assert offered(nobody, tmp_path, "runs", "--state", "FAILED,ST") == (
        ["FAILED,STARTING", "FAILED,STOPPING", "FAILED,STOPPED"],
        "",
    )


def test_names_are_offered_where_they_are_wanted(daemon: StandIn, tmp_path: Path) -> None:
    daemon.actions["ListJobs"] = lambda members: (
        (200, {"JobNames": ["report"]}) if "NextToken" in members else (200, {"JobNames": ["ingest"], "NextToken": "t"})
    )
    daemon.actions["ListTriggers"] = lambda _: (200, {"TriggerNames": ["nightly"]})
    daemon.actions["ListWorkflows"] = lambda _: (200, {"Workflows": ["etl"]})

    assert offered(daemon.url, tmp_path, "run", "") == (["ingest", "report"], "")
    assert offered(daemon.url, tmp_path, "stop", "--job", "re") == (["report"], "")
    assert offered(daemon.url, tmp_path, "bookmark", "set", "in") == (["ingest"], "")
    assert offered(daemon.url, tmp_path, "trigger", "stop", "n") == (["nightly"], "")
    assert offered(daemon.url, tmp_path, "runs", "--trigger", "") == (["nightly"], "")
    assert offered(daemon.url, tmp_path, "workflow", "show", "") == (["etl"], "")


def test_ids_of_runs_are_offered_as_they_were_begun(daemon: StandIn, tmp_path: Path) -> None:
    daemon.add(a_run("4f2a", state="RUNNING"))
    daemon.add(a_run("5abc"))

    assert offered(daemon.url, tmp_path, "show", "") == (["jr_5abc0000", "jr_4f2a0000", "@last"], "")
    assert offered(daemon.url, tmp_path, "show", "jr_4") == (["jr_4f2a0000"], "")
    assert offered(daemon.url, tmp_path, "logs", "4f") == (["4f2a0000"], "")
    assert offered(daemon.url, tmp_path, "logs", "4f2a00000000") == (["4f2a00000000"], "")
    assert offered(daemon.url, tmp_path, "show", "@") == (["@last"], "")
    assert offered(daemon.url, tmp_path, "stop", "") == (["jr_4f2a0000", "@last"], "")


def test_what_a_shell_would_obey_is_not_offered(daemon: StandIn, tmp_path: Path) -> None:
    daemon.actions["ListJobs"] = lambda _: (200, {"JobNames": [*HOSTILE, "good-1.x_y"]})

    assert offered(daemon.url, tmp_path, "run", "") == (["good-1.x_y"], "")


def test_a_daemon_that_is_slow_is_not_waited_for(daemon: StandIn, tmp_path: Path) -> None:
    released = threading.Event()

    def hold(_: BaseHTTPRequestHandler) -> bool:
        return released.wait(20)

    daemon.before += [hold]
    began = time.monotonic()
    try:
        assert offered(daemon.url, tmp_path, "run", "") == ([], "")
        assert time.monotonic() - began < 5
    finally:
        released.set()


def test_the_daemon_has_its_time_however_long_the_settings_take(daemon: StandIn, tmp_path: Path) -> None:
    class Slow(Session):
        def settings(self) -> "Settings":
            time.sleep(2 * ANSWERS_WITHIN_S)  # as their import takes on a busy machine
            return super().settings()

    daemon.actions["ListJobs"] = lambda _: (200, {"JobNames": ["ingest"]})
    config = tmp_path / "my.toml"
    config.write_text(f'port = {urlsplit(daemon.url).port}\nstate_dir = "{tmp_path}"\n')
    parameter = click.Argument(["job"])
    context = click.Context(click.Command("run", params=[parameter]), obj=Slow(config=config))

    assert [one.value for one in job_names(context, parameter, "")] == ["ingest"]


@pytest.mark.parametrize("port", ["free", "no number"])
def test_nothing_is_said_where_nobody_answers(tmp_path: Path, free_port: int, port: str) -> None:
    url = f"http://127.0.0.1:{free_port if port == 'free' else port}"
    assert offered(url, tmp_path, "run", "") == ([], "")


def test_nothing_is_said_of_broken_settings(tmp_path: Path) -> None:
    config = tmp_path / "broken.toml"
    config.write_text("port = 'many'\n")
    more = {"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true", "ORCHESTRATOR_CONFIG": str(config)}
    assert offered("", tmp_path, "run", "", more=more) == ([], "")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_each_shell_is_printed(tmp_path: Path, shell: str) -> None:
    done = command.call(tmp_path, "completion", shell)
    assert done.returncode == 0
    assert f"_ORCHESTRATOR_COMPLETE={shell}_complete" in done.stdout
