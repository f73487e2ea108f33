"""A run's --additional-python-modules are installed once for each set, with uv and with pip, and kept for the next run."""

import json
import os
import pwd
import shutil
import subprocess
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import psutil
import pytest

from tests.support import command, disks, packages, processes, runs
from tests.support.daemon import Daemon, running_daemon
from tests.support.venvs import Venv
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(180)  # installers take their time where others work as well

MODULES: Final = "--additional-python-modules"
WITHIN_S: Final = 90
OPTION: Final = "--python-modules-installer-option"
TELL: Final = """
import json, sys, importlib.metadata as metadata
versions = {}
for name in sys.argv[sys.argv.index("--tell") + 1].split(","):
    versions[name] = metadata.version(name)
print(json.dumps({"versions": versions, "prefix": sys.prefix}))
"""


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("index")
    for version in ("1.0", "1.5", "2.0"):
        packages.wheel(folder, "low", version)
    packages.wheel(folder, "high", "1.0", requires=["low"])
    return folder


def settings(index: Path, installer: str = "uv", **more: str) -> dict[str, str]:
    return {
        "ORCHESTRATOR_ENVIRONMENTS__INSTALLER": str(packages.uv()) if installer == "uv" else installer,
        "ORCHESTRATOR_ENVIRONMENTS__FIND_LINKS": json.dumps([str(index)]),
        "ORCHESTRATOR_ENVIRONMENTS__OFFLINE": "true",
        "ORCHESTRATOR_ENVIRONMENTS__ENVIRONMENT": json.dumps({"PIP_CONFIG_FILE": os.devnull, "UV_NO_CONFIG": "1"}),
        **{f"ORCHESTRATOR_{name}": value for name, value in more.items()},
    }


# pip takes ten times as long as uv, and its turn comes with the long tests.
@pytest.fixture(scope="module", params=[pytest.param("pip", marks=pytest.mark.packaging), "uv"])
def daemon(request: pytest.FixtureRequest, index: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    root = tmp_path_factory.mktemp(request.param)
    more = {"S3": json.dumps({"wheels": str(index)})}
    with running_daemon(root, settings(index, request.param, **more)) as running:
        running.job("tell", TELL)
        yield running


def environments(daemon: Daemon) -> dict[str, dict[str, Any]]:
    """Return what `ready.json` says of each environment there is."""
    found = (daemon.state_dir / "environments").glob("*/ready.json")
    return {path.parent.name: json.loads(path.read_text()) for path in found}


def told(daemon: Daemon, modules: str, tell: str, **arguments: str) -> dict[str, str]:
    """Return the versions that a run has of the packages `tell`."""
    run = runs.succeed(daemon, "tell", within_s=WITHIN_S, Arguments={MODULES: modules, "--tell": tell, **arguments})
    versions: dict[str, str] = runs.printed(daemon, run)["versions"]
    return versions


def test_what_a_run_names_is_there_for_it(daemon: Daemon) -> None:
    assert told(daemon, "low==1.0, high", "low,high") == {"low": "1.0", "high": "1.0"}
    assert told(daemon, "low>=1,<2", "low") == {"low": "1.5"}


def test_they_are_installed_once_for_each_set(daemon: Daemon) -> None:
    before = environments(daemon)
    for modules in ("low==2.0,high==1.0", " high==1.0 , low==2.0 "):
        assert told(daemon, modules, "low") == {"low": "2.0"}
    assert len(environments(daemon).keys() - before.keys()) == 1
    assert told(daemon, "low==2.0,high==1.0", "low", **{OPTION: "--no-deps"}) == {"low": "2.0"}
    assert len(environments(daemon).keys() - before.keys()) == 2


def test_they_come_on_top_of_what_the_interpreter_has(daemon: Daemon, index: Path, tmp_path: Path) -> None:
    base = Venv(tmp_path)
    with zipfile.ZipFile(packages.wheel(tmp_path, "base", "3.0")) as archive:
        archive.extractall(base.packages)
    with zipfile.ZipFile(index / "low-1.0-py3-none-any.whl") as archive:
        archive.extractall(base.packages)
    python = {"--orchestrator-python": str(base.root)}
    assert told(daemon, "high", "base,low,high", **python) == {"base": "3.0", "low": "1.0", "high": "1.0"}
    assert told(daemon, "high,low>1.0", "base,low", **python) == {"base": "3.0", "low": "2.0"}
    shutil.rmtree(base.packages / "low-1.0.dist-info")
    assert told(daemon, "high", "low", **python) == {"low": "2.0"}  # which the interpreter has no longer


def test_a_wheel_may_lie_on_this_machine_or_in_a_bucket(daemon: Daemon, index: Path) -> None:
    packages.wheel(index, "boxed", "1.0")
    packages.wheel(daemon.jobs_dir, "local", "1.0")
    modules = "s3://wheels/boxed-1.0-py3-none-any.whl, ./local-1.0-py3-none-any.whl"
    assert told(daemon, modules, "boxed,local") == {"boxed": "1.0", "local": "1.0"}
    before = environments(daemon)
    assert told(daemon, modules, "boxed,local") == {"boxed": "1.0", "local": "1.0"}
    assert environments(daemon) == before
    packages.wheel(daemon.jobs_dir, "local", "1.0", {"other.py": ""})
    told(daemon, modules, "boxed,local")
    assert len(environments(daemon)) == len(before) + 1  # its name is the same, and it is not


def test_a_file_may_list_them(daemon: Daemon) -> None:
    (daemon.jobs_dir / "requirements.txt").write_text("# ours\nhigh  # with what it needs\nlow==1.5\n")
    listed = {OPTION: "-r"}
    assert told(daemon, "requirements.txt", "low,high", **listed) == {"low": "1.5", "high": "1.0"}
    (daemon.jobs_dir / "requirements.txt").write_text("low==1.0\n")
    assert told(daemon, "requirements.txt", "low", **listed) == {"low": "1.0"}
    (daemon.jobs_dir / "requirements.txt").write_text("low\n--index-url http://127.0.0.1:1/\n")
    run = runs.finish(
        daemon, "tell", within_s=WITHIN_S, Arguments={MODULES: "requirements.txt", "--tell": "low", **listed}
    )
    assert "'--index-url http://127.0.0.1:1/' would be an option" in run["ErrorMessage"]


def test_what_no_index_has_fails_the_run_with_what_the_installer_says(daemon: Daemon, index: Path) -> None:
    name = f"late_{daemon.root.name}"
    run = runs.finish(daemon, "tell", within_s=WITHIN_S, Arguments={MODULES: f"{name}==7", "--tell": name})
    assert run["JobRunState"] == "FAILED"
    assert run["ErrorMessage"].startswith("The modules could not be installed: ")
    assert "late" in run["ErrorMessage"]
    assert "late" in runs.output(daemon, run["Id"], "stderr")
    packages.wheel(index, name, "7")
    assert told(daemon, f"{name}==7", name) == {name: "7"}  # that it failed is not kept


def test_options_that_are_not_known_are_refused_at_the_call(daemon: Daemon) -> None:
    smuggled = runs.refused_start(daemon, "tell", Arguments={MODULES: "low, --target=/tmp/elsewhere"})
    assert smuggled[0] == "InvalidInputException"
    assert "'--target=/tmp/elsewhere' would be an option" in smuggled[1]
    unknown = runs.refused_start(daemon, "tell", Arguments={MODULES: "low", OPTION: "--target /tmp/elsewhere"})
    assert "'--target' is not one of" in unknown[1]


def test_a_warm_start_has_them_too(daemon: Daemon) -> None:
    job = daemon.job("warm", "import sys, low\nprint(low.VERSION, 'low' in sys.argv)\n")
    arguments = {MODULES: "low==1.5", "--orchestrator-preload": "low"}

    def is_warm() -> bool:
        run = runs.succeed(daemon, job, within_s=WITHIN_S, Arguments=arguments)
        assert runs.output(daemon, run["Id"]) == "1.5 False\n"
        return "template_ready" in daemon.log()

    until(is_warm, within_s=30, what="a template of the environment")
    assert "template_refused" not in daemon.log()
    runs.succeed(daemon, job, within_s=WITHIN_S, Arguments=arguments)


def test_a_shell_script_finds_them_by_its_path(daemon: Daemon) -> None:
    job = daemon.job("shell", "#!/bin/sh\npython -c 'import low; print(low.VERSION)'\n", suffix=".sh")
    run = runs.succeed(daemon, job, within_s=WITHIN_S, Arguments={MODULES: "low==1.0"})
    assert runs.output(daemon, run["Id"]) == "1.0\n"


def test_two_runs_at_once_wait_for_one_making(tmp_path: Path, index: Path) -> None:
    slow = packages.SlowPackage(index, tmp_path, "slowly")
    with running_daemon(tmp_path / "daemon", settings(index, "uv")) as daemon:
        job = daemon.job("tell", TELL, ExecutionProperty={"MaxConcurrentRuns": 2})
        both = [runs.start(daemon, job, Arguments={MODULES: "slowly", "--tell": "slowly"}) for _ in range(2)]
        until(
            lambda: all(_waiting(daemon, run_id) for run_id in both),
            within_s=WITHIN_S,
            what="runs that wait for their modules",
        )
        assert {daemon.run(job, run_id)["JobRunState"] for run_id in both} == {"STARTING"}
        until(lambda: slow.builders, within_s=WITHIN_S, what="a build")
        slow.gate.touch()
        assert {daemon.ended(job, run_id, within_s=WITHIN_S)["JobRunState"] for run_id in both} == {"SUCCEEDED"}
        assert daemon.log().count("environment_making") == 1
        assert len(environments(daemon)) == 1


def _waiting(daemon: Daemon, run_id: str) -> dict[str, Any] | None:
    run = daemon.run("tell", run_id)
    return run if run.get("StateDetail") == "Its modules are being installed" else None


@pytest.mark.parametrize("installer", ["pip", "uv"])
def test_a_daemon_that_is_killed_amid_a_making_makes_it_again(tmp_path: Path, index: Path, installer: str) -> None:
    slow = packages.SlowPackage(index, tmp_path, f"killed_{installer}")
    with running_daemon(tmp_path / "daemon", settings(index, installer)) as daemon:
        job = daemon.job("tell", TELL)
        run_id = runs.start(daemon, job, Arguments={MODULES: slow.name, "--tell": slow.name})
        until(lambda: slow.builders, within_s=WITHIN_S, what="a build")
        daemon.kill()
        until(lambda: not any(map(processes.is_alive, slow.builders)), within_s=WITHIN_S, what="the end of the build")
        assert environments(daemon) == {}
        slow.gate.touch()
        daemon.start()
        assert daemon.ended(job, run_id, within_s=WITHIN_S)["JobRunState"] == "SUCCEEDED"
        (ready,) = environments(daemon).items()
        folder = daemon.state_dir / "environments" / ready[0]
        assert {path.name for path in folder.iterdir()} == {"lock", "log", "ready.json", "uses", ready[1]["name"]}
        assert not list((folder / "uses").iterdir())


def test_a_stop_ends_the_making_unless_another_run_waits_for_it(tmp_path: Path, index: Path) -> None:
    slow = packages.SlowPackage(index, tmp_path, "stopped")
    with running_daemon(tmp_path / "daemon", settings(index)) as daemon:
        job = daemon.job("tell", TELL, ExecutionProperty={"MaxConcurrentRuns": 3})
        arguments = {MODULES: "stopped", "--tell": "stopped"}
        first, second = (runs.start(daemon, job, Arguments=arguments) for _ in range(2))
        until(lambda: slow.builders and _waiting(daemon, second), within_s=WITHIN_S, what="a build")
        builder = slow.builders[-1]
        daemon.call("BatchStopJobRun", {"JobName": job, "JobRunIds": [first]})
        assert daemon.ended(job, first, within_s=WITHIN_S)["JobRunState"] == "STOPPED"
        assert processes.is_alive(builder)
        daemon.call("BatchStopJobRun", {"JobName": job, "JobRunIds": [second]})
        assert daemon.ended(job, second, within_s=WITHIN_S)["JobRunState"] == "STOPPED"
        until(lambda: not processes.is_alive(builder), within_s=WITHIN_S, what="the end of the build")
        third = runs.start(daemon, job, Arguments=arguments)
        slow.gate.touch()
        assert daemon.ended(job, third, within_s=WITHIN_S)["JobRunState"] == "SUCCEEDED"


def test_a_making_has_its_time(tmp_path: Path, index: Path) -> None:
    slow = packages.SlowPackage(index, tmp_path, "endless")
    with running_daemon(tmp_path / "daemon", settings(index, ENVIRONMENTS__TIMEOUT_S="3")) as daemon:
        run = runs.finish(
            daemon, daemon.job("tell", TELL), within_s=WITHIN_S, Arguments={MODULES: "endless", "--tell": "endless"}
        )
        assert run["JobRunState"] == "FAILED"
        expected = "The modules were not installed within 3 s ([environments] timeout_s)"
        assert run["ErrorMessage"].startswith(expected)
        assert not any(map(processes.is_alive, slow.builders))
        assert "ExecutionTime" not in run or run["ExecutionTime"] == 0


def test_a_maker_that_is_killed_fails_its_run_and_the_next_makes_it(tmp_path: Path, index: Path) -> None:
    slow = packages.SlowPackage(index, tmp_path, "shot")
    with running_daemon(tmp_path / "daemon", settings(index)) as daemon:
        job = daemon.job("tell", TELL)
        run_id = runs.start(daemon, job, Arguments={MODULES: "shot", "--tell": "shot"})
        until(lambda: slow.builders, within_s=WITHIN_S, what="a build")
        (maker,) = [
            one
            for one in psutil.process_iter()
            if "environment_maker.py" in " ".join(_line(one)) and one.ppid() == daemon.pid
        ]
        maker.kill()
        run = daemon.ended(job, run_id, within_s=WITHIN_S)
        assert run["ErrorMessage"] == "The modules could not be installed: the process that installs them was killed"
        until(lambda: not any(map(processes.is_alive, slow.builders)), within_s=WITHIN_S, what="the end of the build")
        assert environments(daemon) == {}
        slow.gate.touch()
        runs.succeed(daemon, job, within_s=WITHIN_S, Arguments={MODULES: "shot", "--tell": "shot"})


def _line(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def test_those_that_were_not_used_for_longest_go_and_none_that_a_run_uses(tmp_path: Path, index: Path) -> None:
    with running_daemon(tmp_path / "daemon", settings(index, ENVIRONMENTS__MAX_COUNT="1")) as daemon:
        tell, gate = daemon.job("tell", TELL), tmp_path / "gate"
        job = daemon.job("waits", f"import low, sys\n{runs.WAIT_FOR_GATE}\nimport high\n")
        modules = {MODULES: "high,low==1.0"}
        runs.succeed(daemon, tell, within_s=WITHIN_S, Arguments={**modules, "--tell": "low"})
        with runs.gated_run(daemon, job, gate, Arguments=modules) as live:
            (used,) = environments(daemon)
            daemon.kill()  # the next daemon knows of the use by the run alone
            os.utime(daemon.state_dir / "environments" / used / "uses" / live, (1, 1))
            daemon.start()
            for version in ("1.5", "2.0"):
                runs.succeed(daemon, tell, within_s=WITHIN_S, Arguments={MODULES: f"low=={version}", "--tell": "low"})
                assert used in environments(daemon)
        assert daemon.run(job, live)["JobRunState"] == "SUCCEEDED"
        runs.succeed(daemon, tell, within_s=WITHIN_S, Arguments={MODULES: "low", "--tell": "low"})
        assert used not in environments(daemon)  # its end was seen, though not by the daemon that had lent it
        assert len(environments(daemon)) == 1


def test_a_disk_without_room_fails_the_run_and_leaves_no_half_environment(tmp_path: Path, index: Path) -> None:
    packages.wheel(index, "large", "1.0", {"large.py": f"DATA = {'x' * 1000!r}\n", "large.bin": "y" * 20_000_000})
    with (
        disks.small_disk(tmp_path, what="modules on a full disk") as disk,
        running_daemon(disk / "daemon", settings(index)) as daemon,
    ):
        job = daemon.job("tell", TELL)
        run = runs.finish(daemon, job, within_s=WITHIN_S, Arguments={MODULES: "large", "--tell": "large"})
        assert run["JobRunState"] == "FAILED"
        assert "No space left on device" in run["ErrorMessage"]
        assert environments(daemon) == {}
        runs.succeed(daemon, job, within_s=WITHIN_S, Arguments={MODULES: "low", "--tell": "low"})


def test_the_installer_gets_nothing_of_the_daemons_own_and_tells_no_password(tmp_path: Path, index: Path) -> None:
    slow = packages.SlowPackage(index, tmp_path, "nosy")
    extra = {"ENVIRONMENTS__EXTRA_INDEX_URLS": json.dumps(["http://user:hidden@127.0.0.1:1/simple"])}
    secret = {**settings(index, **extra), "AWS_SECRET_ACCESS_KEY": "of-the-daemon"}
    with running_daemon(tmp_path / "daemon", secret) as daemon:
        run_id = runs.start(daemon, daemon.job("tell", TELL), Arguments={MODULES: "nosy", "--tell": "nosy"})
        until(lambda: slow.builders, within_s=WITHIN_S, what="a build")
        environment = psutil.Process(slow.builders[-1]).environ()
        assert "AWS_SECRET_ACCESS_KEY" not in environment
        assert not [name for name in environment if name.startswith(("ORCHESTRATOR_", "ORCH_"))]
        assert environment["PATH"].endswith(":/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
        lines = [" ".join(_line(one)) for one in psutil.process_iter()]
        assert not [line for line in lines if "hidden" in line]
        slow.gate.with_suffix(".new").write_text("fail")
        slow.gate.with_suffix(".new").rename(slow.gate)
        built = daemon.ended("tell", run_id, within_s=WITHIN_S)  # what it builds tells what no installer would
        assert "packages come from http://***@127.0.0.1:1/simple" in runs.output(daemon, run_id, "stderr")
        arguments = {MODULES: "absent @ http://user:hidden@127.0.0.1:1/absent-1.0-py3-none-any.whl", "--tell": "x"}
        absent = runs.finish(daemon, "tell", within_s=WITHIN_S, Arguments=arguments)
        assert "127.0.0.1:1" in absent["ErrorMessage"]
        for run in (built, absent):
            assert "hidden" not in run["ErrorMessage"] + runs.output(daemon, run["Id"], "stderr")
        assert "hidden" not in daemon.log()


def test_where_they_are_switched_off_the_argument_is_only_passed_on(tmp_path: Path, index: Path) -> None:
    with running_daemon(tmp_path / "daemon", settings(index, ENVIRONMENTS__ENABLED="false")) as daemon:
        job = daemon.job("argv", runs.PRINT_ARGV)
        run = runs.succeed(daemon, job, within_s=WITHIN_S, Arguments={MODULES: "no-such-module"})
        assert runs.arguments_of(runs.printed(daemon, run)) == {MODULES: "no-such-module"}
        assert not (daemon.state_dir / "environments").exists()


def orchestrator(daemon: Daemon, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return command.call(daemon.root, *arguments, "--state-dir", str(daemon.state_dir))


def test_what_a_making_has_left_is_told_and_cleared_away_and_so_is_what_nobody_uses(
    tmp_path: Path, index: Path
) -> None:
    with running_daemon(tmp_path / "daemon", settings(index)) as daemon:
        job, tell = daemon.job("waits", f"import low\n{runs.WAIT_FOR_GATE}"), daemon.job("tell", TELL)
        runs.succeed(daemon, tell, within_s=WITHIN_S, Arguments={MODULES: "low==2.0", "--tell": "low"})
        with runs.gated_run(daemon, job, tmp_path / "gate", Arguments={MODULES: "low==2.0"}):
            (used,) = environments(daemon)
            runs.succeed(daemon, tell, within_s=WITHIN_S, Arguments={MODULES: "low==1.0", "--tell": "low"})
            (unused,) = environments(daemon).keys() - {used}
            root = daemon.state_dir / "environments"
            left = [root / used / ("a" * 16) / "lib", root / ".removed.0123456789abcdef"]
            for path in left:
                path.mkdir(parents=True)
            doctor = json.loads(orchestrator(daemon, "doctor", "-o", "json").stdout)
            (finding,) = [one for one in doctor if one["check"] == "environments"]
            assert (finding["verdict"], finding["told"].partition(";")[2]) == ("warn", " 2 are remains")
            daemon.terminate()
            assert orchestrator(daemon, "gc").returncode == 0
            assert not any(path.exists() for path in left)
            assert set(environments(daemon)) == {used, unused}
            assert f"{root / unused}\n" in orchestrator(daemon, "gc", "--environments").stdout
            assert set(environments(daemon)) == {used}
            daemon.start()


def test_mistakes_in_job_files_are_found_before_anything_starts(tmp_path: Path) -> None:
    arguments = {
        "one": "low, -r other.txt",
        "two": "./absent-1.0-py3-none-any.whl",
        "three": "low",
        "four": "low,low>1",
    }
    for name, modules in arguments.items():
        folder = tmp_path / "jobs" / name
        folder.mkdir(parents=True)
        (folder / "script.py").touch()
        option = '"--python-modules-installer-option" = "--target x"' if name == "three" else ""
        (folder / "job.toml").write_text(
            '[Command]\nName = "pythonshell"\nScriptLocation = "script.py"\n[DefaultArguments]\n'
            f'"{MODULES}" = "{modules}"\n{option}\n'
        )
    found = command.call(tmp_path, "check", "--jobs-dir", str(tmp_path / "jobs")).stdout.splitlines()
    assert [(line.split(":")[0].split("/")[-2], line.split(":")[1]) for line in found] == [
        ("one", "5"),
        ("three", "6"),
        ("two", "5"),
    ]
    assert "'-r other.txt' would be an option" in found[0]
    assert "'--target' is not one of" in found[1]
    assert "absent-1.0-py3-none-any.whl: no such file" in found[2]


@pytest.mark.skipif(os.geteuid() != 0, reason="NOT TESTED: another user's modules. Only root can become another user")
def test_another_users_are_installed_by_that_user_who_cannot_change_them_afterwards(index: Path) -> None:
    account = pwd.getpwnam("nobody")
    root = Path(tempfile.mkdtemp(prefix="orchestrator-"))
    try:
        root.chmod(0o755)
        wheels = root / "wheels"
        shutil.copytree(index, wheels)
        wheels.chmod(0o755)
        slow = packages.SlowPackage(wheels, root, "theirs")
        more = {"RUNS__ALLOW_ROOT": "false", "PYTHON": "/usr/bin/python3"}
        with running_daemon(root / "daemon", settings(wheels, **more)) as daemon:
            script = (
                "import os, sys, theirs\n"
                "folder = os.path.dirname(theirs.__file__)\n"
                "print(os.getuid(), theirs.VERSION, os.access(theirs.__file__, os.W_OK), os.access(folder, os.W_OK))\n"
            )
            job = daemon.job("users", script, NonOverridableArguments={"--orchestrator-run-as": "nobody"})
            daemon.root.chmod(0o755)
            run_id = runs.start(daemon, job, Arguments={MODULES: "theirs"})
            until(lambda: slow.builders, within_s=WITHIN_S, what="a build")
            builder = psutil.Process(slow.builders[-1])
            assert set(builder.uids()) == {account.pw_uid}
            assert set(builder.gids()) == {account.pw_gid}
            slow.gate.touch()
            run = daemon.ended(job, run_id, within_s=WITHIN_S)
            assert run["JobRunState"] == "SUCCEEDED", (run, runs.output(daemon, run_id, "stderr"))
            assert runs.output(daemon, run_id) == f"{account.pw_uid} 1.0 False False\n"
            (digest,) = environments(daemon)
            owners = {path.lstat().st_uid for path in (daemon.state_dir / "environments" / digest).rglob("*")}
            assert owners == {0}
            refused = runs.finish(daemon, daemon.job("roots", "pass"), within_s=WITHIN_S, Arguments={MODULES: "theirs"})
            assert refused["ErrorMessage"].startswith("The run would be root's")
            assert set(environments(daemon)) == {digest}
    finally:
        shutil.rmtree(root)
