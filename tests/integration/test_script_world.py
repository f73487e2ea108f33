"""A script's world is the documented one, whatever surrounds the daemon: arguments, environment, descriptors, signals."""

import json
import os
import pwd
import shlex
import subprocess
import sys
import uuid
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from orchestrator.executors.world import SCRIPT_PACKAGE
from tests.support import runs
from tests.support.daemon import Daemon, running_daemon
from tests.support.waiting import until

# What surrounds the daemon and must not reach a script, beside settings that must.
ENVIRONMENT: Final = {
    "SECRET_OF_THE_DAEMON": "x",
    "AWS_SECRET_ACCESS_KEY": "x",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONWARNINGS": "error",
    "VIRTUAL_ENV": "/nowhere",
    "LC_ALL": "C",
    "NOTIFY_SOCKET": "/nowhere/notify",
    "WATCHDOG_USEC": "30000000",
    "WATCHDOG_PID": "1",
    "INVOCATION_ID": "0123456789abcdef0123456789abcdef",
    "LISTEN_FDS": "1",
    "LISTEN_PID": "1",
    "LISTEN_FDNAMES": "api",
    "TMPDIR": "/tmp",  # noqa: S108 - the one that must not be passed on
    "ORCHESTRATOR_REGION": "eu-central-1",
    "ORCHESTRATOR_CAPACITY__MAX_PROCESSES": "30",
    "ORCHESTRATOR_ENVIRONMENT": '{"EVERY_SCRIPT": "has this"}',
}
DOCUMENTED: Final = {
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "LANG",
    "TMPDIR",
    "PYTHONUNBUFFERED",
    "PYTHONPATH",
    "AWS_ENDPOINT_URL_GLUE",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "ORCH_JOB_NAME",
    "ORCH_JOB_ID",
    "ORCH_JOB_RUN_ID",
    "ORCH_JOB_ATTEMPT",
    "ORCH_BOOKMARK_OPTION",
    "ORCH_BOOKMARK_FILE",
}

TELL: Final = """
import json, os, sys
descriptors = []
for number in range(3, 1024):
    try:
        os.fstat(number)
    except OSError:
        continue
    descriptors.append(number)
with open("/proc/self/environ", "rb") as file:
    environment = dict(pair.decode().split("=", 1) for pair in file.read().split(b"\\0") if pair)
print(json.dumps({
    "argv": sys.argv, "cwd": os.getcwd(), "descriptors": descriptors, "environment": environment,
    "executable": sys.executable, "prefix": sys.prefix, "stdin": os.readlink("/proc/self/fd/0"),
    "read": sys.stdin.read(), "group": os.getpgid(0) == os.getpid(), "locale": sys.stdout.encoding,
    "threads": len(os.listdir("/proc/self/task")), "terminal": os.isatty(1),
}))
"""


def told(daemon: Daemon, job: str, **arguments: str) -> Any:
    return runs.printed(daemon, runs.succeed(daemon, job, Arguments=arguments))


@pytest.fixture(scope="module")
def job(daemon: Daemon) -> str:
    """Return a job whose script tells its world."""
    return daemon.job("world", TELL, ExecutionProperty={"MaxConcurrentRuns": 20})


@pytest.fixture(scope="module")
def run(daemon: Daemon, job: str) -> dict[str, Any]:
    """Return a run of it."""
    return runs.succeed(daemon, job)


@pytest.fixture(scope="module")
def world(daemon: Daemon, run: dict[str, Any]) -> dict[str, Any]:
    """Return the world that the run was in."""
    found: dict[str, Any] = runs.printed(daemon, run)
    return found


# Descriptors, directory, signals.


def test_stdin_is_dev_null(world: dict[str, Any]) -> None:
    assert (world["stdin"], world["read"]) == ("/dev/null", "")


def test_no_descriptor_from_three_up_is_open(world: dict[str, Any]) -> None:
    assert world["descriptors"] == []


def test_a_script_works_in_the_work_directory_of_its_run(
    daemon: Daemon, run: dict[str, Any], world: dict[str, Any]
) -> None:
    assert world["cwd"] == str(runs.directory(daemon, run["Id"]) / "work")


def test_a_script_leads_a_process_group_of_its_own_and_has_no_terminal(world: dict[str, Any]) -> None:
    assert (world["group"], world["terminal"]) == (True, False)


def test_files_that_a_script_makes_are_readable_by_others_as_usual(daemon: Daemon) -> None:
    run = runs.succeed(daemon, daemon.job("umask", "#!/bin/sh\numask\n", suffix=".sh"))
    assert runs.output(daemon, run["Id"]) == "0022\n"


def test_no_signal_is_ignored_or_blocked(daemon: Daemon) -> None:
    job = daemon.job("signals", "#!/bin/sh\nexec cat /proc/self/status\n", suffix=".sh")
    status = runs.output(daemon, runs.succeed(daemon, job)["Id"])
    masks = dict(line.split(":\t") for line in status.splitlines() if line.startswith("Sig"))
    of_libc = 1 << 31 | 1 << 32  # signals 32 and 33 are glibc's own: nobody can set them, whoever left them ignored
    found = {name: int(masks[name], 16) & ~of_libc for name in ("SigBlk", "SigIgn", "SigCgt")}
    assert found == {"SigBlk": 0, "SigIgn": 0, "SigCgt": 0}


def test_a_reader_that_goes_ends_a_writer_in_a_pipe(daemon: Daemon) -> None:
    job = daemon.job("pipe", "#!/bin/sh\nyes | head -n 1\n", suffix=".sh")  # for ever, were SIGPIPE ignored
    run = runs.succeed(daemon, job)
    assert (runs.output(daemon, run["Id"]), runs.output(daemon, run["Id"], "stderr")) == ("y\n", "")


# Environment.


def test_the_environment_is_exactly_the_documented_one(world: dict[str, Any]) -> None:
    assert set(world["environment"]) == DOCUMENTED | {"EVERY_SCRIPT"}


def test_the_environment_says_which_run_it_is(run: dict[str, Any], job: str, world: dict[str, Any]) -> None:
    environment = world["environment"]
    assert environment["ORCH_JOB_NAME"] == job
    assert environment["ORCH_JOB_RUN_ID"] == run["Id"]
    assert environment["ORCH_JOB_ATTEMPT"] == "0"
    assert environment["ORCH_JOB_ID"].startswith("j_")
    assert environment["ORCH_BOOKMARK_OPTION"] == "job-bookmark-disable"


def test_the_environment_is_that_of_the_daemons_user_in_utf8(world: dict[str, Any]) -> None:
    user = pwd.getpwuid(os.geteuid())
    environment = world["environment"]
    assert (environment["HOME"], environment["USER"], environment["LOGNAME"]) == (
        user.pw_dir,
        user.pw_name,
        user.pw_name,
    )
    assert (environment["LANG"], world["locale"]) == ("C.UTF-8", "utf-8")


def test_the_settings_add_to_the_environment_of_every_script(world: dict[str, Any]) -> None:
    assert world["environment"]["EVERY_SCRIPT"] == "has this"


def test_the_region_is_the_settings_one(world: dict[str, Any]) -> None:
    assert (world["environment"]["AWS_REGION"], world["environment"]["AWS_DEFAULT_REGION"]) == ("eu-central-1",) * 2


def test_a_script_reaches_the_daemon_at_the_endpoint_that_it_is_given(daemon: Daemon) -> None:
    script = """
import json, os, urllib.request
body = json.dumps({"JobName": os.environ["ORCH_JOB_NAME"], "RunId": os.environ["ORCH_JOB_RUN_ID"]}).encode()
headers = {"X-Amz-Target": "AWSGlue.GetJobRun", "Content-Type": "application/x-amz-json-1.1"}
request = urllib.request.Request(os.environ["AWS_ENDPOINT_URL_GLUE"], body, headers)
while True:
    run = json.load(urllib.request.urlopen(request))["JobRun"]
    if run["JobRunState"] == "RUNNING":
        print(run["Id"])
        break
"""
    run = runs.succeed(daemon, daemon.job("calls_back", script))
    assert runs.output(daemon, run["Id"]) == f"{run['Id']}\n"


def test_customer_variables_reach_the_script_and_others_do_not(daemon: Daemon, job: str) -> None:
    seen = told(
        daemon, job, **{"--customer-driver-env-vars": 'CUSTOMER_A=1,CUSTOMER_B="x,y",PATH=/evil,ORCH_JOB_NAME=x'}
    )
    added = set(seen["environment"]) - DOCUMENTED - {"EVERY_SCRIPT"}
    assert added == {"CUSTOMER_A", "CUSTOMER_B"}
    assert (seen["environment"]["CUSTOMER_A"], seen["environment"]["CUSTOMER_B"]) == ("1", "x,y")
    assert seen["environment"]["ORCH_JOB_NAME"] == job


def test_customer_variables_with_an_open_quotation_are_refused_at_the_call(daemon: Daemon, job: str) -> None:
    assert runs.refused_start(daemon, job, Arguments={"--customer-driver-env-vars": 'CUSTOMER_A="1'}) == (
        "InvalidInputException",
        "--customer-driver-env-vars: a quotation mark is not closed.",
    )


# The live log.


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_the_first_line_can_be_read_while_the_script_still_runs(daemon: Daemon, tmp_path: Path, stream: str) -> None:
    script = f"import sys\nprint('first line', file=sys.{stream})\n" + runs.WAIT_FOR_GATE.replace(
        'print("begun", flush=True)', ""
    )
    job = daemon.job(f"live_{stream}", script)
    with runs.gated_run(daemon, job, tmp_path / "gate") as run_id:
        until(lambda: runs.output(daemon, run_id, stream) == "first line\n", what="the first line")
        assert daemon.run(job, run_id)["JobRunState"] == "RUNNING"


# Arguments.


def test_what_every_script_is_told_comes_first(run: dict[str, Any], job: str, world: dict[str, Any]) -> None:
    argv = world["argv"]
    assert argv[1::2] == ["--JOB_NAME", "--JOB_ID", "--JOB_RUN_ID", "--TempDir"]
    assert argv[2::2] == [job, world["environment"]["ORCH_JOB_ID"], run["Id"], world["environment"]["TMPDIR"]]


def test_the_job_id_is_the_same_for_every_run_of_the_job(daemon: Daemon, job: str, world: dict[str, Any]) -> None:
    assert told(daemon, job)["environment"]["ORCH_JOB_ID"] == world["environment"]["ORCH_JOB_ID"]


@pytest.mark.parametrize(
    ("arguments", "tokens"),
    [
        ({"--k": "v"}, ["--k", "v"]),
        ({"--k": ""}, ["--k"]),
        ({"--k": "-5"}, ["--k=-5"]),
        ({"--k": "--x"}, ["--k=--x"]),
        ({"--k": "a=b c"}, ["--k", "a=b c"]),
        ({"k": "v", "-k": "v", "": "v"}, []),
        ({"--JOB_NAME": "mine", "--JOB_RUN_ID": "mine", "--JOB_ID": "mine"}, []),
        ({"--enable-metrics": "true", "--conf": "a=b"}, ["--enable-metrics", "true", "--conf", "a=b"]),
    ],
)
def test_an_argument_is_spelled_so(daemon: Daemon, job: str, arguments: dict[str, str], tokens: list[str]) -> None:
    assert told(daemon, job, **arguments)["argv"][9:] == tokens


def test_the_temporary_directory_is_there_and_the_runs_own(
    daemon: Daemon, run: dict[str, Any], world: dict[str, Any]
) -> None:
    temporary = runs.directory(daemon, run["Id"]) / "tmp"
    assert temporary.is_dir()
    assert world["environment"]["TMPDIR"] == str(temporary)


def test_a_temporary_directory_that_is_given_is_passed_on(daemon: Daemon, job: str) -> None:
    argv = told(daemon, job, **{"--TempDir": "s3://bucket/tmp"})["argv"]
    assert argv.count("--TempDir") == 1
    assert argv[argv.index("--TempDir") + 1] == "s3://bucket/tmp"


def test_resolved_options_work_in_a_real_run(daemon: Daemon) -> None:
    script = """
import json, sys
from awsglue.utils import getResolvedOptions
print(json.dumps(getResolvedOptions(sys.argv, ["JOB_NAME", "day", "TempDir"])))
"""
    run = runs.succeed(daemon, daemon.job("resolved", script), Arguments={"--day": "2013-01-01"})
    seen = runs.printed(daemon, run)
    assert (seen["JOB_NAME"], seen["day"], seen["JOB_RUN_ID"]) == ("resolved", "2013-01-01", run["Id"])
    assert seen["TempDir"] == str(runs.directory(daemon, run["Id"]) / "tmp")


# Where the script is.


def test_a_runs_script_location_replaces_the_jobs(daemon: Daemon, job: str, tmp_path: Path) -> None:
    script = tmp_path / "other.py"
    script.write_text("print('other')\n")
    run = runs.succeed(daemon, job, Arguments={"--scriptLocation": str(script)})
    assert runs.output(daemon, run["Id"]) == "other\n"


def test_a_relative_location_is_from_the_jobs_directory(daemon: Daemon, job: str) -> None:
    (daemon.jobs_dir / "relative.py").write_text("print('relative')\n")
    run = runs.succeed(daemon, job, Arguments={"--scriptLocation": "relative.py"})
    assert runs.output(daemon, run["Id"]) == "relative\n"


def test_a_location_may_be_a_file_address(daemon: Daemon, job: str, tmp_path: Path) -> None:
    script = tmp_path / "with space.py"
    script.write_text("print('address')\n")
    run = runs.succeed(daemon, job, Arguments={"--scriptLocation": f"file://{tmp_path}/with%20space.py"})
    assert runs.output(daemon, run["Id"]) == "address\n"


def test_a_location_that_is_not_on_this_machine_fails_the_run_and_says_so(daemon: Daemon, job: str) -> None:
    run = runs.finish(daemon, job, Arguments={"--scriptLocation": "gs://bucket/script.py"})
    assert (run["JobRunState"], run["ErrorMessage"]) == (
        "FAILED",
        "The script location gs://bucket/script.py is not on this machine; give a path or a file:// address",
    )


def test_a_zip_file_with_a_main_module_is_a_script(daemon: Daemon, job: str, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "app.zip", "w") as archive:
        archive.writestr("__main__.py", "print('zipped')\n")
    run = runs.succeed(daemon, job, Arguments={"--scriptLocation": str(tmp_path / "app.zip")})
    assert runs.output(daemon, run["Id"]) == "zipped\n"


def test_a_shell_script_is_a_script(daemon: Daemon) -> None:
    job = daemon.job("shell", '#!/bin/sh\necho "$ORCH_JOB_NAME $9 ${10}"\n', suffix=".sh")
    run = runs.succeed(daemon, job, Arguments={"--a": "b c"})
    assert runs.output(daemon, run["Id"]) == "shell --a b c\n"


def test_any_executable_is_a_script(daemon: Daemon, job: str) -> None:
    run = runs.succeed(daemon, job, Arguments={"--scriptLocation": "/bin/echo"})
    assert runs.output(daemon, run["Id"]).startswith(f"--JOB_NAME {job} --JOB_ID j_")


# Libraries.

USE_LIBRARY: Final = "import library\nprint(library.WHO)\n"


def test_a_module_beside_extra_py_files_can_be_imported(daemon: Daemon, tmp_path: Path) -> None:
    (tmp_path / "library.py").write_text("WHO = 'a module'\n")
    job = daemon.job("extra_module", USE_LIBRARY)
    run = runs.succeed(daemon, job, Arguments={"--extra-py-files": str(tmp_path / "library.py")})
    assert runs.output(daemon, run["Id"]) == "a module\n"


def test_the_modules_of_archives_can_be_imported_the_first_named_first(daemon: Daemon, tmp_path: Path) -> None:
    for name, files in {"one.zip": ["library.py"], "two.whl": ["library.py", "second.py"]}.items():
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            for file in files:
                archive.writestr(file, f"WHO = '{name}'\n")
    job = daemon.job("extra_archives", USE_LIBRARY + "import second\nprint(second.WHO)\n")
    run = runs.succeed(daemon, job, Arguments={"--extra-py-files": f"{tmp_path}/one.zip, {tmp_path}/two.whl"})
    assert runs.output(daemon, run["Id"]) == "one.zip\ntwo.whl\n"


def test_a_library_that_is_missing_fails_the_run_and_is_named(daemon: Daemon, job: str, tmp_path: Path) -> None:
    run = runs.finish(daemon, job, Arguments={"--extra-py-files": str(tmp_path / "none.zip")})
    assert (run["JobRunState"], run["ErrorMessage"]) == (
        "FAILED",
        f"--extra-py-files: [Errno 2] No such file or directory: '{tmp_path}/none.zip'",
    )


def test_what_every_script_can_import_is_on_its_path(world: dict[str, Any]) -> None:
    assert world["environment"]["PYTHONPATH"] == str(SCRIPT_PACKAGE)


# Interpreters.


def interpreter(folder: Path, name: str) -> str:
    """Make an interpreter that tells its name to the script."""
    path = folder / name
    path.write_text(f'#!/bin/sh\nINTERPRETER={name} exec {shlex.quote(sys.executable)} "$@"\n')
    path.chmod(0o755)
    return str(path)


@pytest.fixture(scope="module")
def virtual_environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a virtual environment with an `awsglue` of its own."""
    home = tmp_path_factory.mktemp("venv") / "home"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(home)], check=True)
    (packages,) = home.glob("lib/python3*/site-packages")
    (packages / "awsglue").mkdir()
    (packages / "awsglue" / "__init__.py").write_text("WHO = 'installed'\n")
    return home


@pytest.fixture(scope="module")
def with_pythons(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """Lend a daemon whose settings name interpreters."""
    folder = tmp_path_factory.mktemp("pythons")
    on_path = interpreter(folder, "on-the-path")
    settings = {
        "ORCHESTRATOR_PYTHON": interpreter(folder, "of-the-settings"),
        "ORCHESTRATOR_PYTHONS": json.dumps({"3.9": interpreter(folder, "of-3.9"), "2": Path(on_path).name}),
        "PATH": f"{folder}:/usr/bin:/bin",
    }
    with running_daemon(tmp_path_factory.mktemp("daemon"), settings) as running:
        yield running


WHICH: Final = "import os\nprint(os.environ.get('INTERPRETER'))\n"


def which(daemon: Daemon, version: str | None, **arguments: str) -> str:
    name = f"which_{uuid.uuid4()}"
    script = daemon.root / f"{name}.py"
    script.write_text(WHICH)
    command = {"Name": "pythonshell", "ScriptLocation": str(script)}
    if version is not None:
        command["PythonVersion"] = version
    daemon.call("CreateJob", {"Name": name, "Role": "r", "Command": command})
    return runs.output(daemon, runs.succeed(daemon, name, Arguments=arguments)["Id"]).strip()


@pytest.mark.parametrize(
    ("version", "name"), [(None, "of-the-settings"), ("3", "of-the-settings"), ("3.9", "of-3.9"), ("2", "on-the-path")]
)
def test_the_settings_choose_the_interpreter(with_pythons: Daemon, version: str | None, name: str) -> None:
    assert which(with_pythons, version) == name


def test_a_job_may_name_its_own_interpreter(with_pythons: Daemon, tmp_path: Path) -> None:
    assert which(with_pythons, "3.9", **{"--orchestrator-python": interpreter(tmp_path, "of-the-job")}) == "of-the-job"


def test_without_a_setting_the_daemons_own_interpreter_is_taken(world: dict[str, Any]) -> None:
    assert world["executable"] == sys.executable


def test_python_2_without_an_interpreter_for_it_fails_the_run_and_says_so(daemon: Daemon) -> None:
    script = daemon.root / "two.py"
    script.write_text("pass\n")
    command = {"Name": "pythonshell", "ScriptLocation": str(script), "PythonVersion": "2"}
    daemon.call("CreateJob", {"Name": "two", "Role": "r", "Command": command})
    run = runs.finish(daemon, "two")
    assert run["ErrorMessage"] == (
        'The job asks for PythonVersion 2, and no interpreter is configured for it ([pythons] "2")'
    )


def test_a_job_may_name_its_own_virtual_environment(daemon: Daemon, job: str, virtual_environment: Path) -> None:
    seen = told(daemon, job, **{"--orchestrator-python": str(virtual_environment)})
    assert seen["prefix"] == str(virtual_environment)
    assert seen["environment"]["VIRTUAL_ENV"] == str(virtual_environment)
    assert seen["environment"]["PATH"].startswith(f"{virtual_environment}/bin:")


def test_the_interpreters_argument_is_not_passed_on(daemon: Daemon, job: str, virtual_environment: Path) -> None:
    argv = told(daemon, job, **{"--orchestrator-python": str(virtual_environment)})["argv"]
    assert "--orchestrator-python" not in argv


def test_an_awsglue_that_the_virtual_environment_has_wins(daemon: Daemon, virtual_environment: Path) -> None:
    job = daemon.job("real_awsglue", "import awsglue\nprint(getattr(awsglue, 'WHO', 'ours'))\n")
    installed = runs.succeed(daemon, job, Arguments={"--orchestrator-python": str(virtual_environment)})
    assert runs.output(daemon, installed["Id"]) == "installed\n"
    assert runs.output(daemon, runs.succeed(daemon, job)["Id"]) == "ours\n"
