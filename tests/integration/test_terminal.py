"""Nothing that other people wrote commands a terminal: not a script's output, not a name, not an error's sentence.

On a real terminal, because what the command line writes depends on it.
"""

import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.support import command, runs
from tests.support.daemon import Daemon

# What a name may hold by Glue's pattern: C1 (CSI, OSC and DCS among them), DEL, and what turns text around.
IN_NAMES: Final = "\x7f\x85\x9b2J\x9d0;owned\x9c\x90q\u2028\u2029\u202eeerf\u2066x\u2069\u200f"
# What values, logs and messages may hold beside that: clear, title, clipboard (OSC 52), hyperlink, cursor report, bell.
IN_TEXTS: Final = (
    IN_NAMES + "\x1b[2J\x1b]0;owned\x07\x1b]52;c;cm0gLXJm\x07\x1b]8;;http://evil\x1b\\\x1b[6n\x08\x07\x00\x0e\x1bc"
)
FORBIDDEN: Final = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]"
)
OURS: Final = re.compile(r"\x1b\[\d+(;\d+)*m|\r[^\r\n]*\x1b\[K|\r\x1b\[K")
"""Colours, and the line that tells of progress."""

SCRIPT: Final = f"""
import sys
text = {IN_TEXTS!r}
sys.stdout.write("out" + text + "\\n")
sys.stdout.buffer.write(b"\\x9b2J\\xff\\n")
sys.stderr.write("err" + text + "\\n")
raise ValueError("raised" + text)
"""
JOB: Final = f"job {IN_NAMES}"
FLOW: Final = f"flow {IN_NAMES}"
TRIGGER: Final = f"trigger {IN_NAMES}"


@pytest.fixture(scope="module")
def run_id(daemon: Daemon) -> str:
    """Return a run of a workflow in which every name and text is of the worst kind."""
    path = daemon.root / "worst.py"
    path.write_text(SCRIPT)
    told = {"Command": {"Name": "pythonshell", "ScriptLocation": str(path), "PythonVersion": "3"}, "Role": "r"}
    assert daemon.call("CreateJob", {"Name": JOB, "Description": IN_NAMES, **told}) == {"Name": JOB}
    properties = {f"property{IN_NAMES}": f"value{IN_TEXTS}"}
    flow = {"Name": FLOW, "Description": IN_NAMES, "DefaultRunProperties": properties}
    assert daemon.call("CreateWorkflow", flow) == {"Name": FLOW}
    begins = {"Name": TRIGGER, "WorkflowName": FLOW, "Type": "ON_DEMAND", "Description": IN_NAMES}
    arguments = {f"--argument{IN_TEXTS}".replace("\0", ""): f"value{IN_TEXTS}".replace("\0", "")}
    actions = [{"JobName": JOB, "Arguments": arguments}]
    assert daemon.call("CreateTrigger", {**begins, "Actions": actions}) == {"Name": TRIGGER}
    daemon.call("StartWorkflowRun", {"Name": FLOW, "RunProperties": properties})
    found = str(daemon.call("GetJobRuns", {"JobName": JOB})["JobRuns"][0]["Id"])
    ended = daemon.ended(JOB, found)
    assert "raised" in ended["ErrorMessage"]
    return found


def on_terminal(daemon: Daemon, home: Path, *words: str, columns: int = 300) -> str:
    """Run a command on a terminal; return all that the terminal was sent."""
    environment = {"AWS_ENDPOINT_URL_GLUE": daemon.endpoint_url, "TERM": "xterm-256color", "COLUMNS": str(columns)}
    ours, theirs = pty.openpty()
    sent = b""
    with subprocess.Popen(
        [sys.executable, "-m", "orchestrator", *words],
        env=command.environment(home, environment),
        cwd=home,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        for part in parts(ours):
            sent += part
        assert process.wait(timeout=30) in {0, 1, 2, 65, 66}
    os.close(ours)
    return sent.decode()


def parts(terminal: int) -> Iterator[bytes]:
    while True:
        try:
            part = os.read(terminal, 65536)
        except OSError:  # Linux's way to say that nobody writes any more
            return
        if not part:
            return
        yield part


def obeyed(sent: str) -> list[str]:
    """Return what a terminal would obey, or be misled by, beside what is ours."""
    return FORBIDDEN.findall(OURS.sub("", sent.replace("\r\n", "\n")))


COMMANDS: Final[dict[str, list[str]]] = {
    "jobs": ["jobs"],
    "runs": ["runs"],
    "show": ["show", "RUN"],
    "explain": ["explain", "RUN"],
    "logs": ["logs", "RUN"],
    "run": ["run", JOB, "--", f"--x{IN_TEXTS}".replace("\0", ""), "v"],
    "wait": ["wait", "RUN"],
    "stop": ["stop", "RUN"],
    "triggers": ["triggers"],
    "trigger": ["trigger", "start", TRIGGER],
    "workflows": ["workflow", "list"],
    "workflow": ["workflow", "show", FLOW],
    "workflow start": ["workflow", "start", FLOW],
    "bookmark": ["bookmark", "get", JOB],
    "bookmark set": ["bookmark", "set", JOB, f"text{IN_TEXTS}".replace("\0", "")],
    "bookmark set again": ["bookmark", "set", JOB, IN_NAMES],
    "bookmark history": ["bookmark", "history", JOB],
    "bookmark diff": ["bookmark", "diff", JOB, "0"],
    "rerun": ["rerun", "RUN"],
    "top": ["top", "--once"],
    "stop all": ["stop", "--job", JOB, "--yes"],
    "runs of": ["runs", "--job", JOB, "--text", IN_NAMES],
    "no such job": ["start", f"none {IN_NAMES}"],
    "no such command": [f"odd{IN_NAMES}"],
    "JSON": ["show", "RUN", "-o", "json"],
}


@pytest.mark.parametrize("words", COMMANDS.values(), ids=COMMANDS.keys())
def test_a_terminal_is_sent_nothing_that_it_obeys(
    daemon: Daemon, run_id: str, tmp_path: Path, words: list[str]
) -> None:
    sent = on_terminal(daemon, tmp_path, *[run_id if word == "RUN" else word for word in words])
    assert obeyed(sent) == []
    assert (
        "\\x9b" in sent
        or "\\u009b" in sent
        or words[0] in {"start", "rerun", "stop", "top"}
        or words[1:] == ["start", FLOW]
    )


def test_the_log_is_whole_to_a_pipe_and_raw_to_who_asks_for_it(daemon: Daemon, run_id: str, tmp_path: Path) -> None:
    written = b"out" + IN_TEXTS.encode() + b"\n\x9b2J\xff\n"
    piped = subprocess.run(
        [sys.executable, "-m", "orchestrator", "--endpoint-url", daemon.endpoint_url, "logs", run_id],
        env=command.environment(tmp_path),
        capture_output=True,
        check=True,
        timeout=60,
    )
    assert piped.stdout == written
    _, log, _ = daemon.get(f"/runs/{run_id}/log/stdout")
    assert log == written


def test_raw_is_raw(daemon: Daemon, tmp_path: Path) -> None:
    job = daemon.job("colourful", "print('\\x1b[31mred\\x1b[0m')\n")
    run = runs.finish(daemon, job)
    assert on_terminal(daemon, tmp_path, "logs", run["Id"]) == "\\x1b[31mred\\x1b[0m\r\n"
    assert on_terminal(daemon, tmp_path, "logs", run["Id"], "--raw") == "\x1b[31mred\x1b[0m\r\n"


def test_a_log_is_served_as_bytes_that_no_browser_shows(daemon: Daemon, run_id: str) -> None:
    status, _, headers = daemon.get(f"/runs/{run_id}/log/stdout")
    assert (status, headers["content-type"]) == (200, "application/octet-stream")
    assert headers["x-content-type-options"] == "nosniff"


def test_what_the_doctor_finds_is_told_whole_however_narrow_the_terminal(daemon: Daemon, tmp_path: Path) -> None:
    told = on_terminal(daemon, tmp_path, "doctor", "--state-dir", str(tmp_path / "nowhere"), columns=60)
    assert f"{tmp_path / 'nowhere' / 'state.db'} is not there" in told.replace("\r\n", "\n")
    assert "…" not in told
