"""`run --debug`: a script that waits for a debugger on loopback, stops where it is told to, and goes on to its end."""

import json
import os
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import psutil
import pytest

from tests.support import command, runs
from tests.support.daemon import Daemon, free_port, running_daemon
from tests.support.dap import Debugger
from tests.support.venvs import Venv
from tests.support.waiting import until

pytest.importorskip("debugpy")

ARGUMENT: Final = "--orchestrator-debug"
ALLOWED: Final = {"ORCHESTRATOR_RUNS__ALLOW_DEBUG": "true"}
SCRIPT: Final = """
import json, sys
secret = 6 * 7
print(json.dumps([sys.argv[1:], __name__, sys.path[0]]))  # line 4
print("done")
"""
WAITS: Final = re.compile(r"^orchestrator: waits for a debugger at 127\.0\.0\.1:(\d+)$", re.MULTILINE)


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with running_daemon(tmp_path_factory.mktemp("daemon"), ALLOWED) as running:
        yield running


def port_of(daemon: Daemon, run_id: str) -> int:
    """Return where the run waits for its debugger."""

    def look() -> int:
        match = WAITS.search(runs.output(daemon, run_id, "stderr"))
        return int(match[1]) if match else 0

    return until(look, within_s=30, what="a script that waits for a debugger")


def test_a_breakpoint_is_met_and_the_script_goes_on_as_it_would(daemon: Daemon) -> None:
    job = daemon.job("stops", SCRIPT)
    run_id = runs.start(daemon, job, Arguments={ARGUMENT: "0", "--day": "1"}, Timeout=1)
    port = port_of(daemon, run_id)
    assert runs.output(daemon, run_id) == ""
    with Debugger(port) as debugger:
        stopped = debugger.attach(str(daemon.root / "stops.py"), 4)
        assert debugger.evaluate(stopped, "secret") == "42"
        assert runs.output(daemon, run_id) == ""
        debugger.go_on(stopped)
    run = daemon.ended(job, run_id)
    assert run["JobRunState"] == "SUCCEEDED"
    printed, done = runs.output(daemon, run_id).splitlines()
    argv, name, path = json.loads(printed)
    assert (runs.arguments_of(argv), name, path, done) == ({"--day": "1"}, "__main__", str(daemon.root), "done")


def test_it_listens_on_loopback_alone_and_nothing_of_it_is_left(daemon: Daemon) -> None:
    job = daemon.job("alone", SCRIPT)
    port = free_port()
    run_id = runs.start(daemon, job, Arguments={ARGUMENT: str(port)})
    assert port_of(daemon, run_id) == port
    connections = psutil.net_connections("tcp")
    listening = [(one.pid, *one.laddr) for one in connections if one.status == psutil.CONN_LISTEN]
    assert {host for _, host, at in listening if at == port} == {"127.0.0.1"}
    shim = psutil.Process(json.loads((runs.directory(daemon, run_id) / "claim").read_text())["pid"])
    of_run = {one.pid for one in (shim, *shim.children(recursive=True))}
    assert {host for pid, host, _ in listening if pid in of_run} == {"127.0.0.1"}
    daemon.call("BatchStopJobRun", {"JobName": job, "JobRunIds": [run_id]})
    assert daemon.ended(job, run_id)["JobRunState"] == "STOPPED"
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5)


def test_a_debugger_that_goes_lets_the_script_go_on(daemon: Daemon) -> None:
    job = daemon.job("again", SCRIPT)
    run_id = runs.start(daemon, job, Arguments={ARGUMENT: "0"})
    port = port_of(daemon, run_id)
    with Debugger(port) as first:
        stopped = first.attach(str(daemon.root / "again.py"), 4)
        assert first.evaluate(stopped, "secret") == "42"
        first.send("disconnect", terminateDebuggee=False)
        first.answer("disconnect")
    assert daemon.ended(job, run_id)["JobRunState"] == "SUCCEEDED"


def test_one_that_fails_is_not_retried_by_itself(daemon: Daemon) -> None:
    job = daemon.job("fails", "raise SystemExit(3)\n", MaxRetries=1)
    run_id = runs.start(daemon, job, Arguments={ARGUMENT: "0"})
    with Debugger(port_of(daemon, run_id)) as debugger:
        debugger.send("initialize", adapterID="tests")
        debugger.answer("initialize")
        debugger.send("attach", justMyCode=True)
        debugger.event("initialized")
        debugger.send("configurationDone")
        debugger.event("terminated")
    daemon.ended(job, run_id)
    assert runs.details(daemon, run_id)["run"]["retry_due_ms"] is None
    assert len(daemon.call("GetJobRuns", {"JobName": job})["JobRuns"]) == 1


def test_an_interpreter_without_debugpy_is_told(daemon: Daemon, tmp_path: Path) -> None:
    python = str(Venv(tmp_path).root)
    job = daemon.job("lacks", SCRIPT, DefaultArguments={"--orchestrator-python": python})
    run = runs.finish(daemon, job, Arguments={ARGUMENT: "0"})
    assert run["JobRunState"] == "FAILED"
    assert f"the interpreter {python}/bin/python has no debugpy" in run["ErrorMessage"]


def test_only_python_scripts_can_be_debugged_and_only_a_call_may_ask_for_it(daemon: Daemon) -> None:
    shell = daemon.job("shell", "#!/bin/sh\n", suffix=".sh")
    run = runs.finish(daemon, shell, Arguments={ARGUMENT: "0"})
    assert run["ErrorMessage"] == "The run is to wait for a debugger, and its script is no Python script"
    members = {"Name": "own", "Role": "r", "Command": {"Name": "pythonshell"}}
    for member in ("DefaultArguments", "NonOverridableArguments"):
        refusal = runs.refused(daemon, "CreateJob", **members, **{member: {ARGUMENT: "0"}})
        assert refusal[1] == f"{member}: {ARGUMENT} may only be given in the call that starts a run."
    for port in ("x", "70000", "-1", ""):
        assert "is no port" in runs.refused_start(daemon, shell, Arguments={ARGUMENT: port})[1]


def test_it_is_off_unless_the_settings_allow_it(tmp_path: Path) -> None:
    with running_daemon(tmp_path) as daemon:
        job = daemon.job("refused", SCRIPT)
        done = command.call(tmp_path, "run", job, "--debug", "--endpoint-url", daemon.endpoint_url)
        assert done.returncode == 1
        assert "not allowed ([runs] allow_debug = true allows it)" in done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only a daemon of root refuses what would be root's")
def test_no_script_of_roots_waits_for_a_debugger_unless_root_is_allowed(tmp_path: Path) -> None:
    with running_daemon(tmp_path, {**ALLOWED, "ORCHESTRATOR_RUNS__ALLOW_ROOT": "false"}) as daemon:
        run = runs.finish(daemon, daemon.job("roots", SCRIPT), Arguments={ARGUMENT: "0"})
        assert run["ErrorMessage"].startswith("The run would be root's")


def test_the_command_tells_how_to_attach_and_ends_as_the_run_does(daemon: Daemon, tmp_path: Path) -> None:
    job = daemon.job("told", SCRIPT)
    with command.begin(
        tmp_path, "run", job, "--debug", "--endpoint-url", daemon.endpoint_url, "--", "--day", "2"
    ) as process:
        assert process.stderr is not None
        lines: list[str] = []
        while not lines or lines[-1] != "}\n":
            lines.append(process.stderr.readline())
            assert lines[-1], lines
        snippet = json.loads("".join(lines[lines.index("{\n") :]))
        assert (snippet["type"], snippet["request"]) == ("debugpy", "attach")
        place = snippet["connect"]
        assert f"orchestrator: the script waits for a debugger at {place['host']}:{place['port']}\n" in lines
        with Debugger(place["port"]) as debugger:
            debugger.go_on(debugger.attach(str(daemon.root / "told.py"), 4))
        out, _ = process.communicate(timeout=30)
        assert process.returncode == 0
        argv, *_ = json.loads(out.splitlines()[0])
        assert runs.arguments_of(argv) == {"--day": "2"}


def test_a_run_can_be_repeated_with_a_debugger(daemon: Daemon, tmp_path: Path) -> None:
    job = daemon.job("repeated", SCRIPT)
    run = runs.succeed(daemon, job, Arguments={"--day": "3"})
    retry = ("run", job, "--debug", "--retry", run["Id"], "--endpoint-url", daemon.endpoint_url)
    with command.begin(tmp_path, *retry) as process:
        attempts = until(lambda: daemon.call("GetJobRuns", {"JobName": job})["JobRuns"][:-1], what="the second run")
        port_of(daemon, attempts[0]["Id"])
        daemon.call("BatchStopJobRun", {"JobName": job, "JobRunIds": [attempts[0]["Id"]]})
        process.communicate(timeout=30)
    assert attempts[0]["Arguments"] == {"--day": "3", ARGUMENT: "0"}
