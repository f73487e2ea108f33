"""The command line does against a real daemon what its help says, and its exit codes can be relied on."""

import json
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support import command, processes, runs
from tests.support.daemon import Daemon, free_port
from tests.support.waiting import until

ENVIRONMENT: Final = {"ORCHESTRATOR_CAPACITY__MAX_PROCESSES": "30", "ORCHESTRATOR_RUNS__STOP_GRACE_S": "0.3"}
SPEAK: Final = "import sys\nprint('to stdout')\nprint('to stderr', file=sys.stderr)\n"
COMMIT: Final = "import orchestrator_bookmark as b\nb.put({'n': (b.get() or {'n': 0})['n'] + 1})\n"
ENABLE: Final = ("--", "--job-bookmark-option", "job-bookmark-enable")

Cli = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def cli(daemon: Daemon, tmp_path: Path) -> Cli:
    """Lend the command line, pointed at the daemon."""

    def call(*arguments: str, more: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        return command.call(tmp_path, *arguments, more={"AWS_ENDPOINT_URL_GLUE": daemon.endpoint_url, **(more or {})})

    return call


def parsed(done: subprocess.CompletedProcess[str], code: int = 0) -> Any:
    assert done.returncode == code, done
    return json.loads(done.stdout)


# run


def test_run_shows_both_logs_as_they_are_and_ends_with_zero_on_success(daemon: Daemon, cli: Cli) -> None:
    done = cli("run", daemon.job("speaks", SPEAK))
    assert (done.returncode, done.stdout) == (0, "to stdout\n")
    assert "to stderr\n" in done.stderr
    assert " SUCCEEDED (" in done.stderr


def test_run_ends_with_one_when_the_run_fails_and_says_why(daemon: Daemon, cli: Cli) -> None:
    done = cli("run", daemon.job("fails", "raise ValueError('bad day')\n"))
    assert done.returncode == 1
    assert " FAILED: ValueError: bad day (" in done.stderr


def test_run_shows_the_log_while_the_script_writes_it(daemon: Daemon, tmp_path: Path) -> None:
    job = daemon.job("live", runs.WAIT_FOR_GATE)
    gate = tmp_path / "gate"
    endpoint = {"AWS_ENDPOINT_URL_GLUE": daemon.endpoint_url}
    with command.begin(tmp_path, "run", job, "--", "--gate", str(gate), more=endpoint) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        assert process.poll() is None
        gate.touch()
        process.communicate(timeout=30)
    assert process.returncode == 0


def test_run_passes_arguments_in_every_spelling(daemon: Daemon, cli: Cli) -> None:
    done = cli("run", daemon.job("arguments", runs.PRINT_ARGV), "--", "--a", "1", "--b=2", "--c", "--d", "-5")
    argv = parsed(done)
    assert argv[8:] == ["--a", "1", "--b", "2", "--c", "--d=-5"]


def test_run_as_json_gives_the_run_alone_on_stdout(daemon: Daemon, cli: Cli) -> None:
    done = cli("run", "-o", "json", daemon.job("run_json", SPEAK))
    assert parsed(done)["state"] == "SUCCEEDED"
    assert "to stdout" in done.stderr


def test_a_run_goes_on_after_ctrl_c(daemon: Daemon, tmp_path: Path) -> None:
    job = daemon.job("interrupted", runs.WAIT_FOR_GATE)
    gate, endpoint = tmp_path / "gate", {"AWS_ENDPOINT_URL_GLUE": daemon.endpoint_url}
    with command.begin(tmp_path, "run", job, "--", "--gate", str(gate), more=endpoint) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    (run,) = daemon.call("GetJobRuns", {"JobName": job})["JobRuns"]
    assert f"{run['Id']} goes on" in err
    runs.in_state(daemon, job, run["Id"], "RUNNING")
    gate.touch()
    assert daemon.ended(job, run["Id"])["JobRunState"] == "SUCCEEDED"


def test_a_run_is_stopped_by_ctrl_c_if_that_was_asked_for(daemon: Daemon, tmp_path: Path) -> None:
    job = daemon.job("stop_on_interrupt", runs.WAIT_FOR_GATE)
    arguments = ("run", "--stop-on-interrupt", job, "--", "--gate", str(tmp_path / "never"))
    with command.begin(tmp_path, *arguments, more={"AWS_ENDPOINT_URL_GLUE": daemon.endpoint_url}) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    assert process.returncode == 130
    (run,) = daemon.call("GetJobRuns", {"JobName": job})["JobRuns"]
    assert run["JobRunState"] == "STOPPED"


def test_run_follows_its_run_over_a_restart_of_the_daemon(tmp_path: Path) -> None:
    with Daemon(tmp_path / "daemon") as daemon:
        job, gate = daemon.job("restarted", runs.WAIT_FOR_GATE + "print('end')\n"), tmp_path / "gate"
        endpoint = {"AWS_ENDPOINT_URL_GLUE": daemon.endpoint_url}
        with command.begin(tmp_path, "run", job, "--", "--gate", str(gate), more=endpoint) as process:
            assert process.stdout is not None
            process.stdout.readline()
            daemon.kill()
            daemon.start()
            gate.touch()
            out, _ = process.communicate(timeout=30)
        assert (process.returncode, out) == (0, "end\n")


# run without a daemon


def test_run_without_a_daemon_runs_one_for_the_duration_and_leaves_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "jobs" / "alone"
    folder.mkdir(parents=True)
    (folder / "script.py").write_text("print('alone')\n")
    (folder / "job.toml").write_text('[Command]\nName = "pythonshell"\nScriptLocation = "script.py"\n')
    options = ("--state-dir", str(tmp_path / "state"), "--port", str(free_port()), "--jobs-dir", str(tmp_path / "jobs"))
    done = command.call(tmp_path, "run", *options, "alone")
    assert (done.returncode, done.stdout) == (0, "alone\n"), done
    assert processes.below(tmp_path) == []


def test_run_with_an_endpoint_that_was_named_does_not_start_a_daemon_instead(tmp_path: Path) -> None:
    done = command.call(tmp_path, "run", "--endpoint-url", f"http://127.0.0.1:{free_port()}", "alone")
    assert done.returncode == 69
    assert not (tmp_path / ".local").exists()


def test_run_on_a_held_state_directory_and_another_port_says_who_holds_it(daemon: Daemon, tmp_path: Path) -> None:
    options = ("--state-dir", str(daemon.state_dir), "--port", str(free_port()), "--jobs-dir", str(daemon.jobs_dir))
    done = command.call(tmp_path, "run", *options, "anything")
    assert done.returncode == 75
    assert f"process {daemon.pid}" in done.stderr


# start, wait, stop


def test_start_prints_the_id_and_leaves_the_run_to_the_daemon(daemon: Daemon, cli: Cli, tmp_path: Path) -> None:
    job, gate = daemon.job("started", runs.WAIT_FOR_GATE), tmp_path / "gate"
    done = cli("start", job, "--", "--gate", str(gate))
    run_id = done.stdout.strip()
    assert (done.returncode, done.stderr) == (0, "")
    assert daemon.run(job, run_id)["JobRunState"] in {"STARTING", "RUNNING"}
    gate.touch()
    assert daemon.ended(job, run_id)["JobRunState"] == "SUCCEEDED"


def test_start_as_json_is_glues_answer(daemon: Daemon, cli: Cli) -> None:
    job = daemon.job("start_json", "pass\n")
    run_id = parsed(cli("start", "-o", "json", job))["JobRunId"]
    assert daemon.ended(job, run_id)["JobRunState"] == "SUCCEEDED"


def test_start_takes_what_a_run_may_have_of_its_own(daemon: Daemon, cli: Cli) -> None:
    job = daemon.job("own", "pass\n")
    run_id = cli("start", "--timeout", "7", "--max-capacity", "1", job).stdout.strip()
    run = daemon.ended(job, run_id)
    assert (run["Timeout"], run["MaxCapacity"]) == (7, 1.0)


def test_start_can_retry_a_run_by_a_short_id(daemon: Daemon, cli: Cli) -> None:
    job = daemon.job("retried", "pass\n")
    run_id = runs.succeed(daemon, job)["Id"]
    again = cli("start", "--retry", run_id[:20], job).stdout.strip()
    assert again == f"{run_id}_attempt_1"
    daemon.ended(job, again)


def test_wait_ends_with_zero_when_all_succeeded(daemon: Daemon, cli: Cli) -> None:
    job = daemon.job("waited", "pass\n", ExecutionProperty={"MaxConcurrentRuns": 2})
    done = cli("wait", runs.start(daemon, job), runs.start(daemon, job))
    assert (done.returncode, done.stdout.count(" SUCCEEDED ")) == (0, 2)


def test_wait_ends_with_one_when_one_did_not_succeed(daemon: Daemon, cli: Cli) -> None:
    good, bad = daemon.job("waited_good", "pass\n"), daemon.job("waited_bad", "raise SystemExit(1)\n")
    assert cli("wait", runs.start(daemon, good), runs.start(daemon, bad)).returncode == 1


def test_wait_ends_with_124_when_the_time_is_over(daemon: Daemon, cli: Cli, tmp_path: Path) -> None:
    job = daemon.job("waited_long", runs.WAIT_FOR_GATE)
    with runs.gated_run(daemon, job, tmp_path / "gate") as run_id:
        assert cli("wait", "--timeout", "0.3", run_id).returncode == 124
        assert daemon.run(job, run_id)["JobRunState"] == "RUNNING"


def test_stop_stops_by_short_ids(daemon: Daemon, cli: Cli, tmp_path: Path) -> None:
    job = daemon.job("stopped", runs.WAIT_FOR_GATE)
    run_id = runs.start(daemon, job, Arguments={"--gate": str(tmp_path / "never")})
    done = cli("stop", run_id[3:15])
    assert (done.returncode, done.stdout) == (0, f"{run_id} is being stopped\n")
    assert daemon.ended(job, run_id)["JobRunState"] == "STOPPED"


def test_stop_of_an_ended_run_is_refused(daemon: Daemon, cli: Cli) -> None:
    run_id = runs.succeed(daemon, daemon.job("stopped_late", "pass\n"))["Id"]
    done = cli("stop", run_id)
    assert done.returncode == 65
    assert f"{run_id} has ended already, as SUCCEEDED" in done.stderr
    assert "JobRunInTerminalStateException" not in done.stderr


# runs, show, logs


def test_runs_lists_the_newest_first_with_short_ids(daemon: Daemon, cli: Cli) -> None:
    job = daemon.job("listed", "pass\n")
    ids = [runs.succeed(daemon, job)["Id"] for _ in range(3)][::-1]
    lines = cli("runs", job).stdout.splitlines()
    assert lines[0].split() == ["RUN", "JOB", "STATE", "STARTED", "TOOK", "DPU", "DETAIL"]
    assert all(run_id.startswith(line.split()[0]) for run_id, line in zip(ids, lines[1:], strict=True))
    assert all(line.split()[1:3] == [job, "SUCCEEDED"] for line in lines[1:])


def test_runs_as_json_can_be_narrowed(daemon: Daemon, cli: Cli) -> None:
    job = daemon.job("narrowed", "import sys\nsys.exit('--fail' in sys.argv)\n")
    runs.succeed(daemon, job)
    failed = runs.finish(daemon, job, Arguments={"--fail": ""})["Id"]
    assert [run["id"] for run in parsed(cli("runs", "-o", "json", "--state", "FAILED", job))] == [failed]
    assert len(parsed(cli("runs", "-o", "json", "-n", "1", job))) == 1


def test_show_tells_everything_about_a_run(daemon: Daemon, cli: Cli) -> None:
    run = runs.finish(daemon, daemon.job("shown", "raise ValueError('why')\n"), Arguments={"--a": "b"})
    text = cli("show", run["Id"][:20]).stdout
    for told in (run["Id"], "FAILED", "ValueError: why", "Argument --a", "LAUNCHED", str(daemon.state_dir)):
        assert told in text


def test_show_as_json_has_run_history_and_directory(daemon: Daemon, cli: Cli) -> None:
    run_id = runs.succeed(daemon, daemon.job("shown_json", "pass\n"))["Id"]
    told = parsed(cli("show", "-o", "json", run_id))
    assert set(told) == {
        *("now_ms", "run", "workflow_run", "history", "attempts", "predecessors", "arguments", "samples", "ledger"),
        "directory",
    }
    assert [step["to_state"] for step in told["history"]] == ["STARTING", "RUNNING", "SUCCEEDED"]


def test_logs_prints_what_an_ended_run_wrote(daemon: Daemon, cli: Cli) -> None:
    run_id = runs.succeed(daemon, daemon.job("logged", SPEAK))["Id"]
    assert cli("logs", run_id).stdout == "to stdout\n"
    assert cli("logs", "--stderr", run_id).stdout == "to stderr\n"


def test_logs_prints_all_of_a_long_log(daemon: Daemon, cli: Cli) -> None:
    run_id = runs.succeed(daemon, daemon.job("logged_long", "print('x' * 3_500_000)\n"))["Id"]
    assert len(cli("logs", run_id).stdout) == 3_500_001


def test_logs_of_a_live_run_prints_what_there_is_and_ends(daemon: Daemon, cli: Cli, tmp_path: Path) -> None:
    job = daemon.job("logged_live", runs.WAIT_FOR_GATE)
    with runs.gated_run(daemon, job, tmp_path / "gate") as run_id:
        until(lambda: runs.output(daemon, run_id), what="the first line")
        assert cli("logs", run_id).stdout == "begun\n"


def test_logs_follows_a_live_run_to_its_end(daemon: Daemon, tmp_path: Path) -> None:
    job = daemon.job("logged_followed", runs.WAIT_FOR_GATE + "print('end')\n")
    with runs.gated_run(daemon, job, tmp_path / "gate") as run_id:
        endpoint = {"AWS_ENDPOINT_URL_GLUE": daemon.endpoint_url}
        with command.begin(tmp_path, "logs", "-f", run_id, more=endpoint) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "begun\n"
            (tmp_path / "gate").touch()
            out, _ = process.communicate(timeout=30)
    assert (process.returncode, out) == (0, "end\n")


# bookmark, jobs


def test_bookmark_can_be_seen_and_reset(daemon: Daemon, cli: Cli) -> None:
    job = daemon.job("bookmarked", COMMIT)
    first = parsed(cli("run", "-o", "json", job, *ENABLE))["id"]
    cli("run", job, *ENABLE)
    assert parsed(cli("bookmark", "get", "-o", "json", job))["JobBookmarkEntry"]["JobBookmark"] == '{"n": 2}'
    assert "Version" in cli("bookmark", "get", job).stdout
    rewound = parsed(cli("bookmark", "reset", "-o", "json", "--run-id", first[:20], job))["JobBookmarkEntry"]
    assert (rewound["Version"], rewound["JobBookmark"]) == (3, '{"n": 1}')
    whole = parsed(cli("bookmark", "reset", "-o", "json", job))["JobBookmarkEntry"]
    assert (whole["Version"], whole["Run"], whole["JobBookmark"]) == (4, 0, "{}")


def test_a_bookmark_that_is_not_there_is_not_found(daemon: Daemon, cli: Cli) -> None:
    assert cli("bookmark", "get", daemon.job("no_bookmark", "pass\n")).returncode == 66


def test_jobs_lists_every_job(daemon: Daemon, cli: Cli) -> None:
    job = daemon.job("in_the_list", "pass\n", MaxRetries=3)
    (line,) = [line for line in cli("jobs").stdout.splitlines() if line.startswith(f"{job} ")]
    assert line.split()[1:5] == ["pythonshell", "10", "1", "3"]
    assert job in [one["Name"] for one in parsed(cli("jobs", "-o", "json"))]


# check


def write_job(folder: Path, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "script.py").write_text("pass\n")
    (folder / "job.toml").write_text(text)
    return folder / "job.toml"


GOOD: Final = '[Command]\nName = "pythonshell"\nScriptLocation = "script.py"\n'


def test_check_of_good_files_ends_with_zero(tmp_path: Path) -> None:
    write_job(tmp_path / "jobs" / "good", GOOD)
    done = command.call(tmp_path, "check")
    assert (done.returncode, done.stdout) == (0, "1 jobs, no mistakes\n")


def test_check_finds_every_mistake_with_file_and_line(tmp_path: Path) -> None:
    bad = {
        "syntax": ("[Command\n", 1),
        "unknown": (f"Odd = 1\n{GOOD}", 1),
        "misspelled": (GOOD + "Odd = 1\n", 4),
        "range": (f"\nMaxRetries = 99\n{GOOD}", 2),
        "type": (f'Timeout = "5"\n{GOOD}', 1),
        "script": (GOOD.replace("script.py", "none.py"), 3),
        "window": (GOOD + '[DefaultArguments]\n"--job-bookmark-option" = "on"\n', 5),
    }
    paths = {name: write_job(tmp_path / "jobs" / name, text) for name, (text, _) in bad.items()}
    done = command.call(tmp_path, "check")
    assert done.returncode == 78
    found = [line.split(": ")[0] for line in done.stdout.splitlines()]
    assert sorted(found) == sorted(f"{paths[name]}:{line}" for name, (_, line) in bad.items())


def test_check_as_json_has_the_same(tmp_path: Path) -> None:
    path = write_job(tmp_path / "jobs" / "bad", f"Odd = 1\n{GOOD}")
    problems = parsed(command.call(tmp_path, "check", "-o", "json"), 78)
    assert [(problem["file"], problem["line"]) for problem in problems] == [(str(path), 1)]


def test_check_finds_mistakes_of_the_settings(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text("\n[capacity]\ndpus = -1\n")
    (tmp_path / "jobs").mkdir()
    done = command.call(tmp_path, "check", "--config", str(tmp_path / "settings.toml"))
    assert done.returncode == 78
    assert f"{tmp_path}/settings.toml:3: capacity.dpus: " in done.stdout + done.stderr


def test_check_finds_paths_that_are_empty(tmp_path: Path) -> None:
    (tmp_path / "jobs").mkdir()
    done = command.call(tmp_path, "check", "--jobs-dir", "", more={"ORCHESTRATOR_STATE_DIR": ""})
    assert done.returncode == 78
    told = "it is empty; name a path (. is the current directory)"
    assert done.stdout.splitlines() == [
        f"$ORCHESTRATOR_STATE_DIR: state_dir: {told}",
        f"--jobs-dir: jobs_dir: {told}",
    ]


def test_check_finds_what_the_settings_name_for_scripts_and_is_not_here(tmp_path: Path) -> None:
    (tmp_path / "jobs").mkdir()
    (tmp_path / "settings.toml").write_text('[runs]\nrun_as = "no-such-user"\nscript_roots = ["jobs", "none"]\n')
    done = command.call(tmp_path, "check", "--config", str(tmp_path / "settings.toml"))
    assert done.returncode == 78
    assert done.stdout.splitlines() == [
        "[runs] run_as: There is no user 'no-such-user' on this machine",
        f"[runs] script_roots: {tmp_path}/none is not a directory",
    ]


def test_check_finds_mistakes_of_jobs_beside_those_of_the_settings(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text('jobs_dir = "mine"\nport = "many"\n')
    path = write_job(tmp_path / "mine" / "bad", f"Odd = 1\n{GOOD}")
    more = {"ORCHESTRATOR_PROT": "5"}
    done = command.call(tmp_path, "check", "--config", str(tmp_path / "settings.toml"), more=more)
    assert done.returncode == 78
    places = [line.split(": ")[0] for line in done.stdout.splitlines()]
    assert places == ["$ORCHESTRATOR_PROT", f"{tmp_path}/settings.toml:2", f"{path}:1"]


# Where the daemon is, and what is wrong.


@pytest.mark.parametrize("variable", ["AWS_ENDPOINT_URL_GLUE", "AWS_ENDPOINT_URL"])
def test_the_endpoint_may_be_named_by_awss_variables(daemon: Daemon, tmp_path: Path, variable: str) -> None:
    assert command.call(tmp_path, "jobs", more={variable: daemon.endpoint_url}).returncode == 0


def test_the_endpoint_may_be_named_by_an_option_which_counts_more(daemon: Daemon, tmp_path: Path) -> None:
    wrong = {"AWS_ENDPOINT_URL_GLUE": f"http://127.0.0.1:{free_port()}"}
    assert command.call(tmp_path, "jobs", "--endpoint-url", daemon.endpoint_url, more=wrong).returncode == 0


def test_the_endpoint_may_be_that_of_the_settings(daemon: Daemon, tmp_path: Path) -> None:
    assert command.call(tmp_path, "jobs", more={"ORCHESTRATOR_PORT": str(daemon.port)}).returncode == 0


def test_where_no_daemon_answers_the_address_and_its_origin_are_told(tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    done = command.call(tmp_path, "runs", more={"AWS_ENDPOINT_URL_GLUE": url})
    assert done.returncode == 69
    assert f"no daemon answers at {url} (from AWS_ENDPOINT_URL_GLUE)" in done.stderr


def test_a_busy_job_is_to_be_tried_later(daemon: Daemon, cli: Cli, tmp_path: Path) -> None:
    job = daemon.job("busy", runs.WAIT_FOR_GATE)
    with runs.gated_run(daemon, job, tmp_path / "gate"):
        done = cli("start", job)
    assert done.returncode == 75
    assert "ConcurrentRunsExceededException: Concurrent runs exceeded for busy" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("start", "nobody"), 66),
        (("show", "jr_" + "0" * 64), 66),
        (("show", "jr_0123456789"), 66),
        (("show", "no id"), 2),
        (("odd",), 2),
        (("start",), 2),
        (("start", "--timeout", "99999", "endless"), 65),
    ],
)
def test_what_is_wrong_is_told_by_the_exit_code(
    daemon: Daemon, cli: Cli, arguments: tuple[str, ...], code: int
) -> None:
    daemon.call("CreateJob", {"Name": "endless", "Role": "r", "Command": {"Name": "pythonshell"}})
    done = cli(*arguments)
    assert done.returncode == code, done
    assert done.stderr
    assert "Traceback" not in done.stderr


def test_a_second_daemon_on_the_same_state_ends_with_75_and_names_the_first(daemon: Daemon, tmp_path: Path) -> None:
    done = command.call(tmp_path, "serve", "--state-dir", str(daemon.state_dir), "--port", "0")
    assert done.returncode == 75
    assert f"process {daemon.pid}" in done.stdout + done.stderr


def test_a_daemon_on_a_port_that_is_taken_ends_with_69(daemon: Daemon, tmp_path: Path) -> None:
    done = command.call(tmp_path, "serve", "--state-dir", str(tmp_path / "state"), "--port", str(daemon.port))
    assert done.returncode == 69


def test_a_daemon_on_a_directory_of_something_else_ends_with_78_and_leaves_it_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "lib"
    (path / "dpkg").mkdir(parents=True)
    path.chmod(0o755)
    done = command.call(tmp_path, "serve", "--state-dir", str(path), "--port", "0")
    assert done.returncode == 78
    assert f"{path} is not empty and holds no state of an orchestrator" in done.stdout + done.stderr
    assert (path.stat().st_mode & 0o777, list(path.iterdir())) == (0o755, [path / "dpkg"])


@pytest.mark.parametrize(
    ("arguments", "variables", "told"),
    [
        (("--config", "none.toml"), {}, "none.toml: no such file"),
        ((), {"ORCHESTRATOR_LOG_LEVEL": "loud"}, "$ORCHESTRATOR_LOG_LEVEL: log_level: "),
        ((), {"ORCHESTRATOR_PYTHONS": "{"}, "pythons"),
        ((), {"ORCHESTRATOR_STATE_DIR": ""}, "$ORCHESTRATOR_STATE_DIR: state_dir: it is empty"),
        (("--state-dir", ""), {}, "--state-dir: state_dir: it is empty"),
    ],
)
def test_settings_with_a_mistake_end_with_78_and_say_where_it_is(
    tmp_path: Path, arguments: tuple[str, ...], variables: dict[str, str], told: str
) -> None:
    done = command.call(tmp_path, *arguments, "serve", more=variables)
    assert done.returncode == 78
    assert told in done.stderr


def test_a_bare_command_serves_until_it_is_told_to_end(tmp_path: Path) -> None:
    port = free_port()
    options = ("--state-dir", str(tmp_path / "state"), "--port", str(port), "--jobs-dir", str(tmp_path))
    with command.begin(tmp_path, *options) as process:
        endpoint = ("--endpoint-url", f"http://127.0.0.1:{port}")
        until(lambda: command.call(tmp_path, "jobs", *endpoint).returncode == 0, what="the daemon")
        os.kill(process.pid, signal.SIGTERM)
        process.communicate(timeout=30)
    assert process.returncode == 0
