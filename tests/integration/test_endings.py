"""However a script ends, the run says how and why; what it used is kept; and nothing it left behind lives on."""

import json
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import psutil
import pytest

from orchestrator.executors.local.executing import SHIM
from tests.support import processes, runs
from tests.support.daemon import ROOT, Daemon, running_daemon
from tests.support.waiting import until

LOG_LIMIT: Final = 1024 * 1024
MIB: Final = 1024 * 1024
ENVIRONMENT: Final = {
    "ORCHESTRATOR_CAPACITY__MAX_PROCESSES": "30",
    "ORCHESTRATOR_RUNS__STOP_GRACE_S": "2",
    "ORCHESTRATOR_RUNS__LOG_LIMIT_BYTES": str(LOG_LIMIT),
}


def ended(daemon: Daemon, script: str, *, suffix: str = ".py", **members: Any) -> dict[str, Any]:
    return runs.finish(daemon, daemon.job(f"ending_{uuid.uuid4()}", script, suffix=suffix), **members)


def figures(daemon: Daemon, run: dict[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = runs.details(daemon, run["Id"])["run"]
    return told


# Exit codes, signals, exceptions.


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        ("import sys\nsys.exit(3)\n", "Command failed with exit code 3"),
        ("import sys\nsys.exit('some text')\n", "Command failed with exit code 1"),
        ("import os\nos._exit(255)\n", "Command failed with exit code 255"),
        ("import os\nos.kill(os.getpid(), 11)\n", "Command failed with exit code 139 (SIGSEGV)"),
        ("import os\nos.abort()\n", "Command failed with exit code 134 (SIGABRT)"),
        ("import os\nos.kill(os.getpid(), 15)\n", "Command failed with exit code 143 (SIGTERM)"),
        (
            "import os\nos.kill(os.getpid(), 9)\n",
            "Command failed with exit code 137 (SIGKILL, which the orchestrator did not send)",
        ),
        ("import os\nos.kill(os.getpid(), 40)\n", "Command failed with exit code 168 (signal 40)"),
        ("raise ValueError('bad day')\n", "ValueError: bad day"),
        ("raise ValueError\n", "ValueError"),
        ("raise ValueError('größer 🚀')\n", "ValueError: größer 🚀"),
        ("raise ValueError('line one\\nline two\\n  line three')\n", "ValueError: line one\nline two\n  line three"),
        (
            "try:\n    1 / 0\nexcept Exception as error:\n    raise RuntimeError('later') from error\n",
            "RuntimeError: later",
        ),
        (
            "try:\n    1 / 0\nexcept Exception:\n    raise RuntimeError('while handling')\n",
            "RuntimeError: while handling",
        ),
        ("import json\njson.loads('{')\n", None),
        ("class Mine(Exception): pass\nraise Mine('own')\n", "Mine: own"),
        ("import nowhere\n", "ModuleNotFoundError: No module named 'nowhere'"),
        ("from awsglue.utils import getResolvedOptions\nimport sys\ngetResolvedOptions(sys.argv, ['a'])\n", None),
        ("import awsglue.context\n", None),
        ("import sys\nprint('Traceback (most recent call last):', file=sys.stderr)\nsys.exit(4)\n", None),
    ],
)
def test_a_script_that_fails_says_why(daemon: Daemon, script: str, sentence: str | None) -> None:
    run = ended(daemon, script)
    assert run["JobRunState"] == "FAILED"
    assert run["ErrorMessage"]
    if sentence is not None:
        assert run["ErrorMessage"] == sentence


@pytest.mark.parametrize(
    ("script", "beginning"),
    [
        ("def f(:\n", "SyntaxError: "),
        ("if True:\npass\n", "IndentationError: "),
        ("import json\njson.loads('{')\n", "json.decoder.JSONDecodeError: Expecting property name"),
        (
            "from awsglue.utils import getResolvedOptions\nimport sys\ngetResolvedOptions(sys.argv, ['a', 'b'])\n",
            "awsglue.utils.GlueArgumentError: the following arguments are required: --a, --b",
        ),
        ("raise ValueError('x' * 10_000)\n", f"ValueError: {'x' * 3_988}"),
    ],
)
def test_an_exception_is_told_with_its_type(daemon: Daemon, script: str, beginning: str) -> None:
    run = ended(daemon, script)
    assert run["ErrorMessage"].startswith(beginning)


def test_an_exception_that_was_handled_is_no_failure(daemon: Daemon) -> None:
    script = "import traceback\ntry:\n    1 / 0\nexcept Exception:\n    traceback.print_exc()\n"
    run = ended(daemon, script)
    assert run["JobRunState"] == "SUCCEEDED"
    assert "ErrorMessage" not in run


def test_much_output_before_the_exception_does_not_hide_it(daemon: Daemon) -> None:
    script = (
        "import sys\nfor n in range(100_000):\n    print('noise', n, file=sys.stderr)\nraise ValueError('at last')\n"
    )
    assert ended(daemon, script)["ErrorMessage"] == "ValueError: at last"


def test_the_exit_code_and_the_signal_are_kept(daemon: Daemon) -> None:
    by_code = figures(daemon, ended(daemon, "raise SystemExit(7)\n"))
    by_signal = figures(daemon, ended(daemon, "import os\nos.kill(os.getpid(), 11)\n"))
    success = figures(daemon, ended(daemon, "pass\n"))
    assert [(one["exit_code"], one["exit_signal"]) for one in (by_code, by_signal, success)] == [
        (7, None),
        (None, 11),
        (0, None),
    ]


# What cannot be started.


def test_a_script_that_is_missing_fails_the_run_with_the_errnos_text(daemon: Daemon) -> None:
    job = daemon.job("missing", "pass\n")
    (daemon.root / "missing.py").unlink()
    assert runs.finish(daemon, job)["ErrorMessage"] == (
        f"The script could not be started: [Errno 2] No such file or directory: '{daemon.root}/missing.py'"
    )


def test_a_script_that_may_not_be_executed_fails_the_run_with_the_errnos_text(daemon: Daemon) -> None:
    job = daemon.job("forbidden", "#!/bin/sh\n", suffix=".sh")
    (daemon.root / "forbidden.sh").chmod(0o600)
    run = runs.finish(daemon, job)
    assert (run["JobRunState"], run["ErrorMessage"]) == (
        "FAILED",
        f"The script could not be started: [Errno 13] Permission denied: '{daemon.root}/forbidden.sh'",
    )


def test_a_shebang_that_names_nothing_fails_the_run_with_the_errnos_text(daemon: Daemon) -> None:
    run = ended(daemon, "#!/no/such/interpreter\n", suffix=".sh")
    text = "The script could not be started: [Errno 2] No such file or directory: '/no/such/interpreter'"
    assert run["ErrorMessage"] == text


def test_a_file_that_is_no_program_fails_the_run_with_the_errnos_text(daemon: Daemon) -> None:
    run = ended(daemon, "no shebang, no magic number\n", suffix=".bin")
    assert run["ErrorMessage"].startswith("The script could not be started: [Errno 8] Exec format error: ")


def test_an_interpreter_that_is_missing_fails_the_run_with_the_errnos_text(daemon: Daemon) -> None:
    run = ended(daemon, "pass\n", Arguments={"--orchestrator-python": "/no/such/python"})
    assert run["ErrorMessage"] == (
        "The script could not be started: [Errno 2] No such file or directory: '/no/such/python'"
    )


def test_arguments_too_long_for_this_machine_fail_the_run_with_the_errnos_text(tmp_path: Path) -> None:
    with running_daemon(tmp_path) as daemon:
        # The kernel gives argv and environment a quarter of the stack's limit: less than Glue allows, here.
        psutil.Process(daemon.pid).rlimit(psutil.RLIMIT_STACK, (MIB, MIB))
        run = ended(daemon, "pass\n", Arguments={f"--{number}": "x" * 66_000 for number in range(4)})
    assert run["JobRunState"] == "FAILED"
    assert run["ErrorMessage"].startswith("The script could not be started: [Errno 7] Argument list too long: ")


def test_a_job_without_a_script_fails_its_run_and_says_so(daemon: Daemon) -> None:
    daemon.call("CreateJob", {"Name": "no_script", "Role": "r", "Command": {"Name": "pythonshell"}})
    run = runs.finish(daemon, "no_script")
    assert (run["JobRunState"], run["ErrorMessage"]) == ("FAILED", "The script location is empty")


def test_a_run_that_never_started_used_nothing(daemon: Daemon) -> None:
    run = ended(daemon, "no program\n", suffix=".bin")
    used = figures(daemon, run)
    assert run["ExecutionTime"] == 0
    assert (used["exit_code"], used["exit_signal"], used["cpu_ms"]) == (None, None, None)


# Stop.


def test_a_script_may_clean_up_when_it_is_stopped(daemon: Daemon, tmp_path: Path) -> None:
    script = f"""
import signal, sys, time
def end(*_):
    open({str(tmp_path / "clean")!r}, "w").close()
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
print("ready")
time.sleep(600)
"""
    job = daemon.job("cleans_up", script)
    run_id = runs.start(daemon, job)
    until(lambda: runs.output(daemon, run_id), what="the script's first line")
    daemon.call("BatchStopJobRun", {"JobName": job, "JobRunIds": [run_id]})
    run = daemon.ended(job, run_id)
    assert (run["JobRunState"], run["ErrorMessage"]) == ("STOPPED", "Job run stopped by request")
    assert (tmp_path / "clean").exists()


def test_a_script_that_ignores_the_stop_is_killed_after_the_grace_time(daemon: Daemon) -> None:
    script = "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('ready')\ntime.sleep(600)\n"
    job = daemon.job("ignores", script)
    run_id = runs.start(daemon, job)
    until(lambda: runs.output(daemon, run_id), what="the script's first line")
    daemon.call("BatchStopJobRun", {"JobName": job, "JobRunIds": [run_id]})
    run = daemon.ended(job, run_id)
    told = runs.details(daemon, run_id)
    stopping, stopped = (step["at_ms"] for step in told["history"][-2:])
    assert run["JobRunState"] == "STOPPED"
    assert told["run"]["exit_signal"] == signal.SIGKILL
    assert 2000 <= stopped - stopping < 6600


def test_a_shim_that_is_terminated_by_a_stranger_fails_its_run_and_says_so(daemon: Daemon, tmp_path: Path) -> None:
    job = daemon.job("terminated", runs.WAIT_FOR_GATE)
    run_id = runs.start(daemon, job, Arguments={"--gate": str(tmp_path / "never")})
    runs.in_state(daemon, job, run_id, "RUNNING")
    os.kill(shim_of(daemon, run_id), signal.SIGTERM)
    run = daemon.ended(job, run_id)
    assert (run["JobRunState"], run["ErrorMessage"]) == (
        "FAILED",
        "The run was terminated from outside: its shim got a SIGTERM that no stop request explains",
    )


def test_a_shim_that_is_killed_fails_its_run_and_takes_the_script_with_it(daemon: Daemon, tmp_path: Path) -> None:
    script = "import os\nprint(os.getpid())\n" + runs.WAIT_FOR_GATE.replace('print("begun", flush=True)', "")
    job = daemon.job("shim_killed", script)
    run_id = runs.start(daemon, job, Arguments={"--gate": str(tmp_path / "never")})
    script_pid = int(until(lambda: runs.output(daemon, run_id), what="the script's pid"))
    os.kill(shim_of(daemon, run_id), signal.SIGKILL)
    run = daemon.ended(job, run_id)
    assert (run["JobRunState"], run["ErrorMessage"]) == (
        "FAILED",
        "How the script ended is unknown: its shim died",
    )
    assert not processes.is_alive(script_pid)


def shim_of(daemon: Daemon, run_id: str) -> int:
    claim = json.loads((runs.directory(daemon, run_id) / "claim").read_text())
    return int(claim["pid"])


# Timeout. It is counted in minutes, so one daemon here has short minutes.


@pytest.fixture(scope="module")
def with_short_minutes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """Lend a daemon whose minutes have 0.3 s; everything else about it is as ever."""
    folder = tmp_path_factory.mktemp("minutes")
    (folder / "sitecustomize.py").write_text(
        "import sys\n"
        "if 'serve' in sys.orig_argv:\n"
        "    import orchestrator.supervisor.launching as launching\n"
        "    launching._S_PER_MIN = 0.3\n"
    )
    environment = {"PYTHONPATH": f"{folder}{os.pathsep}{ROOT}", "ORCHESTRATOR_RUNS__STOP_GRACE_S": "0.3"}
    with running_daemon(tmp_path_factory.mktemp("daemon"), environment) as running:
        yield running


@pytest.mark.parametrize(
    "script",
    ["import time\ntime.sleep(600)\n", "import signal, time\nsignal.signal(15, signal.SIG_IGN)\ntime.sleep(600)\n"],
    ids=["ends when asked", "ignores SIGTERM"],
)
def test_a_run_that_takes_longer_than_its_timeout_ends_as_timed_out(with_short_minutes: Daemon, script: str) -> None:
    run = ended(with_short_minutes, script, Timeout=2)
    assert (run["JobRunState"], run["ErrorMessage"], run["Timeout"]) == (
        "TIMEOUT",
        "JobRun timed out after 2 minutes",
        2,
    )


def test_the_jobs_timeout_holds_where_the_run_has_none(with_short_minutes: Daemon) -> None:
    job = with_short_minutes.job("of_job", "import time\ntime.sleep(600)\n", Timeout=1)
    assert runs.finish(with_short_minutes, job)["ErrorMessage"] == "JobRun timed out after 1 minutes"


def test_a_timeout_holds_while_the_daemon_is_down(with_short_minutes: Daemon) -> None:
    daemon = with_short_minutes
    job = daemon.job("down", "import time\ntime.sleep(600)\n", Timeout=20)  # six seconds
    run_id = runs.start(daemon, job)
    runs.in_state(daemon, job, run_id, "RUNNING")
    ending = runs.directory(daemon, run_id) / "ending.json"
    daemon.kill()
    until(ending.exists, what="the ending, without a daemon")
    daemon.start()
    assert daemon.ended(job, run_id)["JobRunState"] == "TIMEOUT"


# The shim alone: what it promises needs no daemon.


def shim_ending(folder: Path, script: str, **spec: Any) -> dict[str, Any]:
    """Run the shim on a run directory made by hand; return the ending that it sealed."""
    run_id = f"jr_{uuid.uuid4().hex * 2}"
    directory = folder / "runs" / "aa" / run_id
    directory.mkdir(parents=True)
    (folder / "script.py").write_text(script)
    fields = {
        "v": 1,
        "run_id": run_id,
        "script": str(folder / "script.py"),
        "argv": [sys.executable, str(folder / "script.py")],
        "environment": {"PATH": "/usr/bin:/bin", "PYTHONUNBUFFERED": "1"},
        "work": str(directory / "work"),
        "timeout_s": None,
        "stop_grace_s": 0.3,
        "log_limit_bytes": LOG_LIMIT,
        "open_files_limit": 1024,
        "bookmark": {"version": 0, "text": None, "to_text": None, "is_written": False},
        **spec,
    }
    (directory / "spec.json").write_text(json.dumps(fields))
    with_notify_fd = ["/bin/sh", "-c", 'exec "$@" 3>/dev/null', "sh"]
    subprocess.run([*with_notify_fd, sys.executable, "-I", "-S", str(SHIM), str(directory)], check=True, timeout=30)
    ending: dict[str, Any] = json.loads((directory / "ending.json").read_text())
    return ending


def test_the_shim_times_a_script_out_by_itself(tmp_path: Path) -> None:
    ending = shim_ending(tmp_path, "import time\ntime.sleep(600)\n", timeout_s=0.5)
    assert (ending["reason"], ending["exit_signal"]) == ("timed_out", signal.SIGTERM)
    assert 500 <= ending["wall_ms"] < 5000


def test_the_shim_kills_what_outlives_the_timeout_and_its_grace(tmp_path: Path) -> None:
    script = "import signal, time\nsignal.signal(15, signal.SIG_IGN)\ntime.sleep(600)\n"
    ending = shim_ending(tmp_path, script, timeout_s=4)  # by then it ignores the signal
    assert (ending["reason"], ending["exit_signal"]) == ("timed_out", signal.SIGKILL)
    assert 4300 <= ending["wall_ms"] < 8500


def test_a_script_that_ends_in_time_is_not_timed_out(tmp_path: Path) -> None:
    assert shim_ending(tmp_path, "pass\n", timeout_s=30)["reason"] == "exited"


# Logs.


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_log_is_kept_up_to_its_limit_and_the_script_is_never_held_up(daemon: Daemon, stream: str) -> None:
    script = f"import sys\nchunk = b'x' * 1_000_000\nfor _ in range(200):\n    sys.{stream}.buffer.write(chunk)\n"
    run = ended(daemon, script)
    log = (runs.directory(daemon, run["Id"]) / f"{stream}.log").read_bytes()
    marker = b"\n[orchestrator] the log limit of 1048576 bytes is reached; the rest is not kept\n"
    assert run["JobRunState"] == "SUCCEEDED"
    assert log == b"x" * LOG_LIMIT + marker
    assert figures(daemon, run)["wall_ms"] < 10_000


def test_a_log_that_passes_its_limit_on_a_pipes_boundary_has_the_marker(tmp_path: Path) -> None:
    shim_ending(tmp_path, "import os\nfor _ in range(17):\n    os.write(1, b'x' * 65536)\n")
    [log] = (tmp_path / "runs").rglob("stdout.log")
    assert log.read_bytes().startswith(b"x" * LOG_LIMIT + b"\n[orchestrator] the log limit")


def test_a_log_of_exactly_its_limit_has_no_marker(daemon: Daemon) -> None:
    run = ended(daemon, f"import sys\nsys.stdout.write('x' * {LOG_LIMIT})\n")
    assert runs.output(daemon, run["Id"]) == "x" * LOG_LIMIT


def test_both_logs_are_kept_apart_byte_for_byte(daemon: Daemon) -> None:
    script = (
        "import sys\nsys.stdout.buffer.write(bytes(range(256)))\nsys.stderr.buffer.write(bytes(reversed(range(256))))\n"
    )
    run = ended(daemon, script)
    folder = runs.directory(daemon, run["Id"])
    assert (folder / "stdout.log").read_bytes() == bytes(range(256))
    assert (folder / "stderr.log").read_bytes() == bytes(reversed(range(256)))


# Processes.


def test_a_grandchild_that_holds_stdout_neither_holds_up_the_run_nor_outlives_it(daemon: Daemon) -> None:
    script = "import subprocess\nprint(subprocess.Popen(['sleep', '600']).pid)\n"
    run = ended(daemon, script)
    assert run["JobRunState"] == "SUCCEEDED"
    assert not psutil.pid_exists(int(runs.output(daemon, run["Id"])))


def test_a_grandchild_that_ignores_everything_does_not_outlive_the_run(daemon: Daemon) -> None:
    script = """
import os, signal, time
reading, writing = os.pipe()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        os.write(writing, str(os.getpid()).encode())
        os.closerange(0, 100)
        time.sleep(600)
    os._exit(0)
print(os.read(reading, 100).decode())
"""
    run = ended(daemon, script)
    assert run["JobRunState"] == "SUCCEEDED"
    assert not psutil.pid_exists(int(runs.output(daemon, run["Id"])))


def test_many_children_at_once_are_all_gone_at_the_end(daemon: Daemon) -> None:
    script = "import subprocess\nfor _ in range(60):\n    print(subprocess.Popen(['sleep', '600']).pid)\n"
    run = ended(daemon, script)
    assert not [pid for pid in map(int, runs.output(daemon, run["Id"]).split()) if psutil.pid_exists(pid)]


# Figures.


def test_wall_and_cpu_time_are_the_scripts(daemon: Daemon) -> None:
    script = """
import time
end = time.process_time() + 0.5
while time.process_time() < end:
    pass
time.sleep(0.7)
"""
    used = figures(daemon, ended(daemon, script))
    assert 1200 <= used["wall_ms"] < 6000
    assert 500 <= used["cpu_ms"] < 1200


def test_the_peak_of_a_process_is_its_memory(daemon: Daemon) -> None:
    used = figures(daemon, ended(daemon, f"held = b'x' * (200 * {MIB})\n"))
    assert 200 * MIB <= used["peak_process_rss_bytes"] < 260 * MIB
    assert used["peak_tree_rss_bytes"] >= used["peak_process_rss_bytes"]


def test_the_peak_of_a_tree_is_that_of_all_its_processes_together(daemon: Daemon, tmp_path: Path) -> None:
    script = f"""
import os, time
children = []
told, tell = os.pipe()
for _ in range(3):
    pid = os.fork()
    if pid == 0:
        held = b"x" * (80 * {MIB})
        os.write(tell, b"x")
        time.sleep(600)
    children.append(pid)
for _ in children:
    os.read(told, 1)
time.sleep(4)  # some samples of the shim
for pid in children:
    os.kill(pid, 9)
    os.waitpid(pid, 0)
"""
    used = figures(daemon, ended(daemon, script))
    assert 80 * MIB <= used["peak_process_rss_bytes"] < 130 * MIB
    assert 240 * MIB < used["peak_tree_rss_bytes"] < 400 * MIB
