"""A daemon that a command runs for itself answers, ends with the command, and explains itself if it does not start."""

import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import psutil
import pytest

from orchestrator.faces.cli.brief_daemon import brief_daemon
from orchestrator.faces.cli.client import Client
from orchestrator.faces.cli.errors import CommandError
from orchestrator.faces.cli.exit_codes import ExitCode

Connect = Callable[..., Client]

ANSWERS: Final = """
import http.server, os, sys
options = dict(option.split("=") for option in sys.argv[3:] if "=" in option)
open(options["--state-dir"], "w").write(f"{os.getpid()} {os.getpgrp()} " + " ".join(sys.argv[1:]))
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
http.server.HTTPServer(("127.0.0.1", int(options["--port"])), Handler).serve_forever()
"""


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Return a function that puts a Python program in the place of `python -m orchestrator`."""

    def put(text: str) -> None:
        script, start = tmp_path / "program.py", tmp_path / "program"
        script.write_text(text)
        start.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {shlex.quote(str(script))} "$@"\n')
        start.chmod(0o700)
        monkeypatch.setattr(sys, "executable", str(start))

    return put


def test_it_answers_and_ends_with_the_command(
    program: Callable[[str], None], tmp_path: Path, free_port: int, connect: Connect
) -> None:
    program(ANSWERS)
    client = connect(f"http://127.0.0.1:{free_port}")
    started = tmp_path / "started"

    with brief_daemon(client, [f"--port={free_port}", f"--state-dir={started}"]):
        assert client.is_up()
        pid, group, *options = started.read_text().split()
        daemon = psutil.Process(int(pid))
        assert daemon.is_running()

    assert options == ["-m", "orchestrator", f"--port={free_port}", f"--state-dir={started}", "serve", "--with-parent"]
    assert group == pid  # so that Ctrl-C in a terminal is not for it
    assert not daemon.is_running()


def test_it_ends_when_the_command_fails(
    program: Callable[[str], None], tmp_path: Path, free_port: int, connect: Connect
) -> None:
    program(ANSWERS)
    client = connect(f"http://127.0.0.1:{free_port}")
    started = tmp_path / "started"

    with (
        pytest.raises(ZeroDivisionError),
        brief_daemon(client, [f"--port={free_port}", f"--state-dir={started}"]),
    ):
        raise ZeroDivisionError

    assert not psutil.pid_exists(int(started.read_text().split()[0]))


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (69, ExitCode.UNREACHABLE),
        (75, ExitCode.TRY_LATER),
        (78, ExitCode.CONFIGURATION),
        (1, ExitCode.INTERNAL),
        (-9, ExitCode.INTERNAL),
    ],
)
def test_a_daemon_that_does_not_start_says_why(
    program: Callable[[str], None], free_port: int, connect: Connect, code: int, told: ExitCode
) -> None:
    end = f"sys.exit({code})" if code >= 0 else f"os.kill(os.getpid(), {-code})"
    program(f"import os, sys\nprint('the state directory is held by pid 12', file=sys.stderr, flush=True)\n{end}")

    with (
        pytest.raises(CommandError, match="did not start:\nthe state directory is held by pid 12") as failed,
        brief_daemon(connect(f"http://127.0.0.1:{free_port}"), []),
    ):
        raise AssertionError

    assert failed.value.exit_code == told


def test_a_daemon_that_ends_in_silence_is_said_to(
    program: Callable[[str], None], free_port: int, connect: Connect
) -> None:
    program("raise SystemExit(3)")

    with (
        pytest.raises(CommandError, match="it said nothing"),
        brief_daemon(connect(f"http://127.0.0.1:{free_port}"), []),
    ):
        raise AssertionError


def test_it_says_nothing_to_the_service_manager_of_the_command(
    program: Callable[[str], None],
    tmp_path: Path,
    free_port: int,
    connect: Connect,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("NOTIFY_SOCKET", "WATCHDOG_USEC", "INVOCATION_ID", "LISTEN_FDS", "KEPT"):
        monkeypatch.setenv(name, "1")
    told = 'os.environ.get("KEPT"), [name for name in os.environ if name.startswith(("NOT", "WAT", "INV", "LIS"))]'
    program(
        ANSWERS.replace(
            'open(options["--state-dir"], "w")',
            f'print({told}, file=open(options["--state-dir"], "w")); open("/dev/null", "w")',
        )
    )
    started = tmp_path / "started"

    with brief_daemon(connect(f"http://127.0.0.1:{free_port}"), [f"--port={free_port}", f"--state-dir={started}"]):
        assert started.read_text() == "1 []\n"
