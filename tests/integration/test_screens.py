"""What a person sees on a terminal, of any size: a real daemon, a real terminal, and the screen that comes of it."""

import re
import signal
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest

from orchestrator.faces.cli.exit_codes import ExitCode
from tests.support import command, runs
from tests.support.daemon import Daemon
from tests.support.screen import ScreenOf
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(120)  # several commands each, and every one is a process of its own
ENVIRONMENT: Final = {"ORCHESTRATOR_CAPACITY__DPUS": "20"}
TALK: Final = """
import pathlib, sys, time
gate = pathlib.Path(sys.argv[sys.argv.index("--gate") + 1])
number = 0
print("begun", flush=True)
while not gate.exists():
    time.sleep(0.02)
print("\\x1b[2Jended [red]so[/red]", flush=True)
"""
HOSTILE: Final = "job \x9b2J\u202e[red]x[/red]"


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Daemon]:
    """Lend a daemon of the test's own, with 20 DPU."""
    with Daemon(tmp_path / "daemon", ENVIRONMENT) as daemon:
        yield daemon


def at(daemon: Daemon, **more: str) -> dict[str, str]:
    return {"AWS_ENDPOINT_URL_GLUE": daemon.endpoint_url, **more}


def start(daemon: Daemon, job: str, gate: Path, **members: object) -> str:
    answer = daemon.call("StartJobRun", {"JobName": job, "Arguments": {"--gate": str(gate)}, **members})
    assert "JobRunId" in answer, answer
    return str(answer["JobRunId"])


def fits(screen: ScreenOf) -> bool:
    return all(len(line) <= screen.screen.columns for line in screen.shown())


# top


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_top_shows_a_run_wait_run_and_end_without_being_asked(own: Daemon, tmp_path: Path, columns: int) -> None:
    job, gate = own.job("ingest", TALK, ExecutionProperty={"MaxConcurrentRuns": 9}), tmp_path / "gate"
    with ScreenOf(tmp_path, "top", columns=columns, more=at(own)) as screen:
        screen.wait_for(lambda text: "none is live" in text)
        for _ in range(3):
            start(own, job, gate, JobRunQueuingEnabled=True)
        text = screen.wait_for(lambda text: "2 RUNNING, 1 WAITING" in text)
        assert "20 of 20 DPU, 2 runs" in text
        assert "Queue  1 run, 10 DPU" in text
        assert len(re.findall(r"jr_[0-9a-f]{8}", text)) == 3
        assert ("MEMORY" in text) == (columns >= 60)
        assert ("Waiting for 10 DPU" in text) == (columns == 200)
        assert screen.colours_of("WAITING") == {"cyan"}
        gate.touch()
        screen.wait_for(lambda text: "none is live" in text)
        assert fits(screen)
        screen.press("q")
        assert screen.ended() == 0
        assert screen.sent.count(b"\x1b[?1049h") == screen.sent.count(b"\x1b[?1049l") == 1
        assert screen.sent.rstrip().endswith(b"\x1b[?25h") or b"\x1b[?25h" in screen.sent[-40:]


def test_top_is_drawn_anew_when_the_window_changes(own: Daemon, tmp_path: Path) -> None:
    job, gate = own.job("ingest", TALK), tmp_path / "gate"
    start(own, job, gate)
    with ScreenOf(tmp_path, "top", columns=200, more=at(own)) as screen:
        screen.wait_for(lambda text: "DETAIL" in text and "RUNNING" in text)
        screen.resize(45, 12)
        screen.wait_for(lambda text: "DETAIL" not in text and "ingest  RUNNING" in text and "q ends" in text)
        assert screen.shown()[-1] == "q ends"
        screen.resize(120, 30)
        screen.wait_for(lambda text: "DETAIL" in text)
        assert screen.shown()[-1] == "q ends"
    gate.touch()


def test_top_tells_that_nobody_answers_and_goes_on_when_somebody_does(own: Daemon, tmp_path: Path) -> None:
    with ScreenOf(tmp_path, "top", columns=120, more=at(own)) as screen:
        screen.wait_for(lambda text: "q ends" in text)
        own.kill()
        screen.wait_for(lambda text: "no daemon answers" in text and "trying again" in text)
        assert "Slots" in screen.text()
        own.start()
        screen.wait_for(lambda text: "q ends" in text)
        screen.press("\x03")
        assert screen.ended() == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_gives_the_terminal_back(own: Daemon, tmp_path: Path, number: signal.Signals) -> None:
    with ScreenOf(tmp_path, "top", more=at(own)) as screen:
        screen.wait_for(lambda text: "q ends" in text)
        screen.process.send_signal(number)
        assert screen.ended() == 0
        assert screen.sent.count(b"\x1b[?1049l") == 1
        assert b"Traceback" not in screen.sent


@pytest.mark.parametrize("more", [{"TERM": "dumb"}, {"NO_COLOR": "1"}])
def test_top_once_is_plain_where_that_is_wanted(own: Daemon, tmp_path: Path, more: dict[str, str]) -> None:
    words = ["top"] if "TERM" in more else ["top", "--once"]
    with ScreenOf(tmp_path, *words, more=at(own, **more)) as screen:
        assert screen.ended() == 0
        assert "none is live" in screen.text()
        assert b"\x1b" not in screen.sent


def test_top_is_live_without_colours_too(own: Daemon, tmp_path: Path) -> None:
    job, gate = own.job("ingest", TALK), tmp_path / "gate"
    with ScreenOf(tmp_path, "top", more=at(own, NO_COLOR="1")) as screen:
        screen.wait_for(lambda text: "q ends" in text)
        start(own, job, gate)
        screen.wait_for(lambda text: "ingest  RUNNING" in text)
        assert screen.colours_of("RUNNING") == {"default"}
        assert not re.search(rb"\x1b\[[0-9;]*m", screen.sent)
    gate.touch()


def test_top_without_a_terminal_is_one_look(own: Daemon, tmp_path: Path) -> None:
    done = command.call(tmp_path, "top", more=at(own))
    assert (done.returncode, done.stderr) == (0, "")
    assert "\x1b" not in done.stdout
    assert "Slots  0 of 20 DPU" in done.stdout


def test_top_of_no_daemon_is_an_error(tmp_path: Path) -> None:
    with ScreenOf(tmp_path, "top", more={"AWS_ENDPOINT_URL_GLUE": "http://127.0.0.1:1"}) as screen:
        assert screen.ended() == ExitCode.UNREACHABLE
        assert b"\x1b[?1049h" not in screen.sent


# run


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_a_run_is_followed_with_a_line_at_the_foot(own: Daemon, tmp_path: Path, columns: int) -> None:
    job, gate = own.job("talks", TALK), tmp_path / "gate"
    with ScreenOf(tmp_path, "run", job, "--", "--gate", str(gate), columns=columns, more=at(own)) as screen:
        screen.wait_for(lambda text: re.search(r"begun\nRUNNING  0:0[1-9]", text))
        assert screen.colours_of("RUNNING") == {"cyan"}
        gate.touch()
        assert screen.ended() == 0
        text = screen.text()
        assert "begun\n\\x1b[2Jended [red]so[/red]\n" in text
        assert "RUNNING" not in text
        assert "SUCCEEDED" in text.replace("\n", "")
        assert fits(screen)


def test_what_a_run_uses_is_told_while_it_runs(own: Daemon, tmp_path: Path) -> None:
    job, gate = own.job("busy", TALK), tmp_path / "gate"
    with ScreenOf(tmp_path, "run", job, "--", "--gate", str(gate), more=at(own)) as followed:
        followed.wait_for(lambda text: re.search(r"RUNNING  0:\d\d  CPU \d+%  \d+\.\d MiB", text))
        with ScreenOf(tmp_path, "top", columns=120, more=at(own)) as top:
            top.wait_for(lambda text: re.search(r"busy +RUNNING +0:\d\d +\d+% +\d+\.\d MiB +10", text))
        gate.touch()
        assert followed.ended() == 0


def test_ctrl_c_leaves_the_run_and_tells_how_to_go_on(own: Daemon, tmp_path: Path) -> None:
    job, gate = own.job("left", TALK), tmp_path / "gate"
    with ScreenOf(tmp_path, "run", job, "--", "--gate", str(gate), columns=200, more=at(own)) as screen:
        screen.wait_for(lambda text: "begun" in text and "RUNNING" in text)
        screen.press("\x03")
        assert screen.ended() == ExitCode.INTERRUPTED
        assert re.search(r"jr_[0-9a-f]{64} goes on", screen.text())
        assert "Traceback" not in screen.text()
    (run,) = own.call("GetJobRuns", {"JobName": job})["JobRuns"]
    assert run["JobRunState"] == "RUNNING"
    gate.touch()


def test_a_log_is_followed_from_its_last_lines_on(own: Daemon, tmp_path: Path) -> None:
    script = "for number in range(50): print('line', number)\n" + TALK
    job, gate = own.job("long", script), tmp_path / "gate"
    start(own, job, gate)
    with ScreenOf(tmp_path, "logs", "-f", "-n", "2", "@last", more=at(own)) as screen:
        first = screen.wait_for(lambda text: "begun" in text)
        gate.touch()
        assert screen.ended() == 0
        assert "line 0" not in first
        assert screen.text().endswith("begun\n\\x1b[2Jended [red]so[/red]")


def test_a_log_is_read_since_a_time(own: Daemon, tmp_path: Path) -> None:
    job, gate = own.job("timed", TALK), tmp_path / "gate"
    run_id = start(own, job, gate)
    until(lambda: own.get(f"/runs/{run_id}/log/stdout")[1] == b"begun\n", what="the first line")
    between = time.time() + 0.1
    until(lambda: time.time() > between + 1.1, what="the next second, which is as finely as times are kept")
    gate.touch()
    own.ended(job, run_id)

    def read(*words: str) -> str:
        done = command.call(tmp_path, "logs", "@last", *words, more=at(own))
        assert done.returncode == 0, done.stderr
        return done.stdout

    since = datetime.fromtimestamp(between, UTC).isoformat()
    assert read("--since", since) == "\x1b[2Jended [red]so[/red]\n"
    assert read("--since", "1h") == "begun\n\x1b[2Jended [red]so[/red]\n"
    assert read("--since", "1h", "-n", "1") == "\x1b[2Jended [red]so[/red]\n"
    assert read("--since", "1h", "--stderr") == ""
    assert read("-n", "0") == ""


# stop


@pytest.mark.parametrize(
    ("answer", "code", "state"), [("y\r", 0, "STOPPED"), ("n\r", 130, "RUNNING"), ("\x03", 130, "RUNNING")]
)
def test_stopping_all_runs_of_a_job_is_asked_first(
    own: Daemon, tmp_path: Path, answer: str, code: int, state: str
) -> None:
    job = own.job("many", TALK, ExecutionProperty={"MaxConcurrentRuns": 9})
    ids = [start(own, job, tmp_path / "never") for _ in range(2)]
    for run_id in ids:
        runs.in_state(own, job, run_id, "RUNNING")
    with ScreenOf(tmp_path, "stop", "--job", job, columns=120, more=at(own)) as screen:
        screen.wait_for(lambda text: "Stop all 2 live runs of job many? [y/N]:" in text)
        screen.press(answer)
        assert screen.ended() == code
    for run_id in ids:
        ended = own.ended(job, run_id) if state == "STOPPED" else own.run(job, run_id)
        assert ended["JobRunState"] == state


def test_stopping_is_not_asked_for_a_pipe_or_where_yes_is_said(own: Daemon, tmp_path: Path) -> None:
    job = own.job("many", TALK, ExecutionProperty={"MaxConcurrentRuns": 9})
    first = start(own, job, tmp_path / "never")
    assert command.call(tmp_path, "stop", "--job", job, more=at(own)).returncode == 0
    assert own.ended(job, first)["JobRunState"] == "STOPPED"
    second = start(own, job, tmp_path / "never")
    with ScreenOf(tmp_path, "stop", "--job", job, "--yes", more=at(own)) as screen:
        assert screen.ended() == 0
    assert own.ended(job, second)["JobRunState"] == "STOPPED"


# apply


def test_a_dry_run_shows_a_diff_in_colours_and_apply_takes_it_in(own: Daemon, tmp_path: Path) -> None:
    folder = own.jobs_dir / "daily"
    folder.mkdir()
    (folder / "x.py").write_text("print('x')\n")
    text = '[Command]\nName = "pythonshell"\nScriptLocation = "x.py"\n[DefaultArguments]\n"--password" = "%s"\n"--n" = "%s"\n'
    (folder / "job.toml").write_text(text % ("one", "1"))
    assert command.call(tmp_path, "apply", "--dry-run", more=at(own)).returncode == 3
    assert command.call(tmp_path, "apply", more=at(own)).stdout == "job daily: added\n"
    assert command.call(tmp_path, "apply", "--dry-run", more=at(own)).returncode == 0

    (folder / "job.toml").write_text(text % ("two", "2"))
    with ScreenOf(tmp_path, "apply", "--dry-run", more=at(own)) as screen:
        assert screen.ended() == 3
        assert "--- daemon: job/daily" in screen.text()
        assert screen.colours_of('+    "--n": "2"') == {"green"}
        assert screen.colours_of('-    "--n": "1"') == {"red"}
        assert '+    "--password": "*** (another one)"' in screen.text()
        assert "two" not in screen.text()
    piped = command.call(tmp_path, "apply", "--dry-run", more=at(own))
    assert "\x1b" not in piped.stdout

    (folder / "job.toml").write_text("[Command]\nName = 1\n")
    broken = command.call(tmp_path, "apply", more=at(own))
    assert broken.returncode == ExitCode.CONFIGURATION
    assert f"{folder / 'job.toml'}:" in broken.stderr
    assert "Job" in own.call("GetJob", {"JobName": "daily"})


# bookmark


def test_a_bookmark_is_set_compared_and_reset(own: Daemon, tmp_path: Path) -> None:
    job = own.job("marks", "print('x')\n")

    def say(*words: str) -> str:
        done = command.call(tmp_path, "bookmark", *words, more=at(own))
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "Version      1" in say("set", job, '{"to": 1}')
    assert "Version      2" in say("set", job, '{"to": 2}')
    assert '-  "to": 1' in say("diff", job)
    assert "Version      3" in say("reset", job)
    assert [line.split()[3] for line in say("history", job).splitlines()[1:]] == ["reset", "set", "set"]
    late = command.call(tmp_path, "bookmark", "set", job, "x", "--version", "1", more=at(own))
    assert late.returncode == ExitCode.REFUSED
    assert "has version 3 by now, not 1" in late.stderr


# what others have written


def test_names_and_logs_do_not_command_the_screen(own: Daemon, tmp_path: Path) -> None:
    path = own.root / "x.py"
    path.write_text(TALK)
    told = {"Command": {"Name": "pythonshell", "ScriptLocation": str(path)}, "Role": "r"}
    assert own.call("CreateJob", {"Name": HOSTILE, **told}) == {"Name": HOSTILE}
    trigger = {"Name": HOSTILE, "Type": "SCHEDULED", "Schedule": "cron(0 3 * * ? *)", "StartOnCreation": True}
    assert own.call("CreateTrigger", {**trigger, "Actions": [{"JobName": HOSTILE}]}) == {"Name": HOSTILE}
    start(own, HOSTILE, tmp_path / "never")
    with ScreenOf(tmp_path, "top", columns=200, more=at(own)) as screen:
        text = screen.wait_for(lambda text: "RUNNING" in text and "NEXT" in text)
        assert text.count(r"job \x9b2J\u202e[red]x[/red]") == 3
        assert "\x9b" not in screen.sent.decode()


# rich


@pytest.mark.parametrize(
    "words",
    [["runs"], ["top"], ["top", "--once"], ["runs", "-o", "json"], ["top", "-o", "jsonl"], ["runs", "-o", "id"]],
)
def test_a_pipe_and_a_program_never_load_what_is_for_terminals(own: Daemon, tmp_path: Path, words: list[str]) -> None:
    done = command.call(tmp_path, *words, more=at(own, PYTHONPROFILEIMPORTTIME="1"))
    assert done.returncode == 0
    assert "orchestrator.faces.cli" in done.stderr
    assert not re.search(r"\b(rich\.\w|pygments|markdown_it)", done.stderr)


def test_the_daemon_never_loads_what_is_for_terminals(tmp_path: Path) -> None:
    with Daemon(tmp_path, {"PYTHONPROFILEIMPORTTIME": "1"}) as daemon:
        daemon.terminate()
        assert "orchestrator.app" in daemon.log()
        assert not re.search(r"\b(rich\.\w|pygments|markdown_it)", daemon.log())
