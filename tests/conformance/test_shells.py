"""A shell that has read our completion completes what is typed: real shells on real terminals, and a real daemon."""

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from tests.support import command
from tests.support.daemon import Daemon
from tests.support.screen import ScreenOf

pytestmark = pytest.mark.timeout(180)  # a process for each word that is completed
TRIES: Final = 4
"""A shell waits for the daemon for a third of a second, which may be too short while a machine does much else."""
WITHIN_S: Final = 5


class Shell(NamedTuple):
    """A shell, and the file of its user in which stands what docs/cli.md says."""

    name: str
    file: str
    text: str


SHELLS: Final = [
    Shell("bash", ".bashrc", "PS1='> '; eval \"$(orchestrator completion bash)\""),
    Shell("zsh", ".zshrc", "PS1='> '; autoload -Uz compinit; compinit -u; eval \"$(orchestrator completion zsh)\""),
    Shell(
        "fish",
        ".config/fish/config.fish",
        "set fish_greeting; function fish_prompt; echo -n '> '; end; orchestrator completion fish | source",
    ),
]


class Typist:
    """Somebody at a shell who types behind our name, presses tab and looks."""

    def __init__(self, screen: ScreenOf) -> None:
        """Begin once the shell has read its file."""
        self._screen = screen
        self._wait_for_prompt()

    def completes(self, typed: str, becomes: str) -> None:
        """See what is typed become something else."""
        self._see(typed, lambda text: f"> orchestrator {becomes}" in text.splitlines(), becomes)

    def shows(self, typed: str, *words: str) -> None:
        """See all of the words that could be next."""
        self._see(f"{typed}\t\t", lambda text: set(words) <= set(text.partition("\n")[2].split()), ", ".join(words))

    def _see(self, typed: str, condition: Callable[[str], bool], what: str) -> None:
        for tries_left in reversed(range(TRIES)):
            self._screen.press(f"orchestrator {typed}\t")
            try:
                self._screen.wait_for(condition, f"{what} after {typed}", within_s=WITHIN_S)
            except AssertionError:
                if not tries_left:
                    raise
            self._screen.press("\x15")
            self._screen.press("\x0c")
            self._wait_for_prompt()

    def _wait_for_prompt(self) -> None:
        self._screen.wait_for(lambda text: text == ">", "the prompt")


@pytest.fixture(params=SHELLS, ids=lambda shell: shell.name)
def typist(request: pytest.FixtureRequest, daemon: Daemon, tmp_path: Path) -> Iterator[Typist]:
    """Lend somebody at each shell, who has the daemon's address and our command."""
    shell: Shell = request.param
    if shutil.which(shell.name) is None:
        pytest.skip(f"NOT TESTED: completion by {shell.name}. It is not installed (make test-deps)")
    program = tmp_path / "bin" / "orchestrator"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m orchestrator "$@"\n')
    program.chmod(0o755)
    file = tmp_path / shell.file
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"{shell.text}\n")
    more = {"AWS_ENDPOINT_URL_GLUE": daemon.endpoint_url, "PATH": f"{program.parent}:/usr/local/bin:/usr/bin:/bin"}
    with ScreenOf(tmp_path, "-i", program=shell.name, columns=120, more=more) as screen:
        yield Typist(screen)


def test_commands_options_and_values_are_completed(typist: Typist) -> None:
    typist.completes("boo", "bookmark")
    typist.completes("runs --jo", "runs --job")
    typist.completes("runs --state FAILED,RU", "runs --state FAILED,RUNNING")
    typist.completes("runs --state=FAILED,RU", "runs --state=FAILED,RUNNING")
    typist.shows("trigger ", "start", "stop")


def test_names_of_jobs_are_completed(typist: Typist, daemon: Daemon) -> None:
    for name in ("ingest", "report", "pipe:one"):
        if daemon.call("GetJob", {"JobName": name}).get("Job") is None:
            daemon.job(name, "")
    typist.completes("run ing", "run ingest")
    typist.completes("runs --job=ing", "runs --job=ingest")
    typist.completes("run pipe:o", "run pipe:one")
    typist.shows("runs --job ", "ingest", "report")


def test_runs_are_completed(typist: Typist, daemon: Daemon) -> None:
    name = "runs-of-this"
    if daemon.call("GetJob", {"JobName": name}).get("Job") is None:
        daemon.job(name, "")
    run = daemon.call("StartJobRun", {"JobName": name})["JobRunId"]
    daemon.ended(name, run)
    short = run[: len("jr_") + 8]
    typist.completes(f"show {short[:-3]}", f"show {short}")
    typist.completes(f"logs {short[3:-3]}", f"logs {short[3:]}")
    typist.completes("show @la", "show @last")
    typist.shows("show ", short, "@last")


def test_the_daemon_of_the_state_directory_is_asked_where_no_address_is_named(daemon: Daemon, tmp_path: Path) -> None:
    if daemon.call("GetJob", {"JobName": "ingest"}).get("Job") is None:
        daemon.job("ingest", "")
    asked = {"_ORCHESTRATOR_COMPLETE": "zsh_complete", "COMP_WORDS": "orchestrator run ing", "COMP_CWORD": "2"}
    more = {**asked, "ORCHESTRATOR_STATE_DIR": str(daemon.state_dir)}
    offered = (command.call(tmp_path, more=more).stdout.split() for _ in range(TRIES))
    assert any("ingest" in words for words in offered)


def test_files_are_completed(typist: Typist, tmp_path: Path) -> None:
    (tmp_path / "settings.toml").touch()
    typist.completes(f"--config {tmp_path}/set", f"--config {tmp_path}/settings.toml")
