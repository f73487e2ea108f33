"""A script gets exactly the argv and the environment that are documented, whatever the daemon itself runs in."""

import os
import pwd
from pathlib import Path
from typing import Any

import pytest

from orchestrator.executors import users, world
from orchestrator.executors.interface import GivenBookmark, LaunchSpec
from orchestrator.executors.modules import EnvironmentSettings, Wanted
from orchestrator.executors.world import DEBUGGED, SCRIPT_PACKAGE, WorldSettings
from orchestrator.model.errors import LaunchError
from tests.support.records import run_id

RUN = run_id(7, 2)


@pytest.fixture
def jobs_dir(tmp_path: Path) -> Path:
    path = tmp_path / "jobs"
    path.mkdir()
    return path


def built(
    jobs_dir: Path, location: str = "script.py", *, bookmark: GivenBookmark | None = None, **changes: Any
) -> world.World:
    settings = {
        name: changes.pop(name)
        for name in ("pythons", "environment", "own_environment", "run_as", "is_debug_allowed", "environments")
        if name in changes
    }
    modules = changes.pop("modules", None)
    spec = LaunchSpec(
        run_id=RUN,
        job_id="j_1",
        job_name="etl",
        script_location=location,
        python_version=changes.pop("python_version", None),
        arguments=changes.pop("arguments", {}),
        bookmark_option="job-bookmark-disable",
        bookmark=bookmark or GivenBookmark(version=0, text=None),
        timeout_s=None,
        dpu=10,
    )
    assert not changes
    surroundings = WorldSettings(
        jobs_dir=jobs_dir,
        python="/usr/bin/python-default",
        path="/usr/bin:/bin",
        endpoint_url="http://127.0.0.1:4583",
        region="eu-central-1",
        is_root_allowed=True,
        **settings,
    )
    return world.build(spec, surroundings, Path("/runs/one"), modules)


def test_a_python_script_is_run_by_the_interpreter_with_our_arguments_first(jobs_dir: Path) -> None:
    made = built(jobs_dir, arguments={"--day": "-1", "--dry": ""})
    script = jobs_dir / "script.py"
    assert made.script == script
    assert made.argv == [
        "/usr/bin/python-default", str(script),
        "--JOB_NAME", "etl", "--JOB_ID", "j_1", "--JOB_RUN_ID", str(RUN), "--TempDir", "/runs/one/tmp",
        "--day=-1", "--dry",
    ]  # fmt: skip


@pytest.mark.parametrize("suffix", [".py", ".pyz", ".zip", ".egg", ".whl"])
def test_what_python_can_run_is_run_by_python(jobs_dir: Path, suffix: str) -> None:
    assert built(jobs_dir, f"script{suffix}").argv[0] == "/usr/bin/python-default"


def test_a_directory_is_run_by_python(jobs_dir: Path) -> None:
    (jobs_dir / "package").mkdir()
    assert built(jobs_dir, "package").argv[:2] == ["/usr/bin/python-default", str(jobs_dir / "package")]


@pytest.mark.parametrize("name", ["script.sh", "script", "script.PY"])
def test_anything_else_is_executed_itself(jobs_dir: Path, name: str) -> None:
    assert built(jobs_dir, name).argv[0] == str(jobs_dir / name)


def test_the_environment_is_the_documented_one_and_nothing_else(
    jobs_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_OF_THE_DAEMON", "x")
    user = pwd.getpwuid(os.geteuid())
    assert built(jobs_dir).environment == {
        "PATH": "/usr/bin:/bin",
        "HOME": user.pw_dir,
        "USER": user.pw_name,
        "LOGNAME": user.pw_name,
        "SHELL": "/bin/sh",
        "LANG": "C.UTF-8",
        "TMPDIR": "/runs/one/tmp",
        "PYTHONUNBUFFERED": "1",
        "PYTHONPATH": str(SCRIPT_PACKAGE),
        "AWS_ENDPOINT_URL_GLUE": "http://127.0.0.1:4583",
        "AWS_REGION": "eu-central-1",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "ORCH_JOB_NAME": "etl",
        "ORCH_JOB_ID": "j_1",
        "ORCH_JOB_RUN_ID": str(RUN),
        "ORCH_JOB_ATTEMPT": "2",
        "ORCH_BOOKMARK_OPTION": "job-bookmark-disable",
        "ORCH_BOOKMARK_FILE": "/runs/one/bookmark/state",
    }


def test_a_user_without_an_account_gets_a_world_too(jobs_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container that was started with `--user 4711`."""

    def unknown(uid: int) -> None:
        raise KeyError(f"getpwuid(): uid not found: {uid}")

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    monkeypatch.setattr(users, "_ourselves", users._ourselves.__wrapped__)  # which is asked once in a daemon's life
    environment = built(jobs_dir).environment
    assert environment["HOME"] == "/"
    assert environment["USER"] == environment["LOGNAME"] == str(os.geteuid())


def test_configured_variables_are_added_but_cannot_break_what_runs_rest_on(jobs_dir: Path) -> None:
    environment = built(
        jobs_dir, environment={"LANG": "de", "MINE": "1", "ORCH_JOB_RUN_ID": "forged", "PYTHONPATH": "x"}
    ).environment
    assert (environment["LANG"], environment["MINE"]) == ("de", "1")
    assert environment["ORCH_JOB_RUN_ID"] == str(RUN)
    assert environment["PYTHONPATH"] == str(SCRIPT_PACKAGE)


def test_what_our_own_users_scripts_get_is_weaker_than_what_the_settings_give_all(jobs_dir: Path) -> None:
    made = built(jobs_dir, own_environment={"AWS_ACCESS_KEY_ID": "key", "TZ": "own"}, environment={"TZ": "all"})
    assert (made.environment["AWS_ACCESS_KEY_ID"], made.environment["TZ"]) == ("key", "all")


def test_another_users_script_gets_no_key_to_call_us_with(jobs_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = users.User(name="etl", home="/", uid=os.geteuid() + 1, gid=1, groups=())
    monkeypatch.setattr(users, "for_run", lambda run_as, *, is_root_allowed: other)
    made = built(jobs_dir, run_as="etl", own_environment={"AWS_ACCESS_KEY_ID": "key"})
    assert made.user == other
    assert "AWS_ACCESS_KEY_ID" not in made.environment


def test_customer_variables_are_set(jobs_dir: Path) -> None:
    made = built(jobs_dir, arguments={"--customer-driver-env-vars": 'CUSTOMER_A="x,y",PATH=/evil'})
    assert made.environment["CUSTOMER_A"] == "x,y"
    assert made.environment["PATH"] == "/usr/bin:/bin"


def test_a_temporary_directory_that_the_run_names_is_its_own(jobs_dir: Path) -> None:
    made = built(jobs_dir, arguments={"--TempDir": "s3://bucket/tmp"})
    assert made.argv[-2:] == ["--TempDir", "s3://bucket/tmp"]
    assert made.argv.count("--TempDir") == 1


def test_a_paused_window_has_its_upper_end_in_a_file(jobs_dir: Path) -> None:
    given = GivenBookmark(version=3, text="a", to_text="b")
    assert built(jobs_dir, bookmark=given).environment["ORCH_BOOKMARK_TO_FILE"] == "/runs/one/bookmark/to"


@pytest.mark.parametrize(
    ("location", "path"),
    [
        ("etl/script.py", "{jobs}/etl/script.py"),
        ("/srv/script.py", "/srv/script.py"),
        ("file:///srv/with%20space.py", "/srv/with space.py"),
        ("FILE:/srv/script.py", "/srv/script.py"),
        ("~/script.py", str(Path.home() / "script.py")),
        ("a:b.py", "{jobs}/a:b.py"),
        ("ä/[x].py", "{jobs}/ä/[x].py"),
    ],
)
def test_a_location_is_a_path_here(jobs_dir: Path, location: str, path: str) -> None:
    assert str(built(jobs_dir, location).script) == path.format(jobs=jobs_dir)


@pytest.mark.parametrize(
    ("location", "sentence"),
    [
        ("", "The script location is empty"),
        (
            "https://host/script.py",
            "The script location https://host/script.py is not on this machine; give a path or a file:// address",
        ),
        ("s3://bucket", "The script location s3://bucket names no object; it must be s3://bucket/key"),
        (
            "s3://[bucket/script.py",
            (
                "The script location s3://[bucket/script.py is not on this machine: no directory is set for its bucket "
                '([s3] "[bucket"), and no s3_endpoint_url to fetch it from'
            ),
        ),
        ("file://[x/script.py", "The script location file://[x/script.py is not an address: Invalid IPv6 URL"),
        ("~nobody-here/script.py", "The script location ~nobody-here/script.py: Could not determine home directory."),
    ],
)
def test_a_location_that_leads_nowhere_fails_the_launch_with_a_sentence(
    jobs_dir: Path, location: str, sentence: str
) -> None:
    with pytest.raises(LaunchError) as refused:
        built(jobs_dir, location)
    assert str(refused.value) == sentence


def test_the_argument_for_the_script_goes_before_the_jobs_script(jobs_dir: Path) -> None:
    made = built(jobs_dir, arguments={"--scriptLocation": "/srv/other.py"})
    assert made.script == Path("/srv/other.py")


def test_a_python_version_has_its_configured_interpreter(jobs_dir: Path) -> None:
    pythons = {"3.9": "/opt/py39", "3": "/opt/py3"}
    assert built(jobs_dir, python_version="3.9", pythons=pythons).argv[0] == "/opt/py39"
    assert built(jobs_dir, python_version="3", pythons=pythons).argv[0] == "/opt/py3"
    assert built(jobs_dir, python_version="3.10", pythons=pythons).argv[0] == "/usr/bin/python-default"
    assert built(jobs_dir, python_version="2", pythons={"2": "/opt/py2"}).argv[0] == "/opt/py2"


def test_python_2_needs_an_interpreter_of_its_own(jobs_dir: Path) -> None:
    with pytest.raises(
        LaunchError, match=r'asks for PythonVersion 2, and no interpreter is configured for it \(\[pythons\] "2"\)'
    ):
        built(jobs_dir, python_version="2")


def test_a_job_may_name_its_virtual_environment(jobs_dir: Path) -> None:
    home = jobs_dir / "venv"
    home.mkdir()
    made = built(jobs_dir, arguments={"--orchestrator-python": "venv"}, python_version="2")
    assert made.argv[0] == str(home / "bin" / "python")
    assert made.environment["VIRTUAL_ENV"] == str(home)
    assert made.environment["PATH"] == f"{home}/bin:/usr/bin:/bin"
    assert "--orchestrator-python" not in made.argv


def test_a_job_may_name_its_interpreter(jobs_dir: Path) -> None:
    made = built(jobs_dir, arguments={"--orchestrator-python": "/opt/py"})
    assert made.argv[0] == "/opt/py"
    assert "VIRTUAL_ENV" not in made.environment


def test_a_virtual_environment_serves_shell_scripts_too(jobs_dir: Path) -> None:
    (jobs_dir / "venv").mkdir()
    made = built(jobs_dir, "script.sh", arguments={"--orchestrator-python": "venv"})
    assert made.argv[0] == str(jobs_dir / "script.sh")
    assert made.environment["VIRTUAL_ENV"] == str(jobs_dir / "venv")


def test_extra_files_are_on_the_path_before_ours(jobs_dir: Path) -> None:
    for name in ("lib.zip", "lib.whl", "one/module.py", "one/other.py"):
        (jobs_dir / name).parent.mkdir(exist_ok=True)
        (jobs_dir / name).touch()
    (jobs_dir / "package").mkdir()
    files = "lib.zip, lib.whl,one/module.py,one/other.py,package,,"
    made = built(jobs_dir, arguments={"--extra-py-files": files})
    names = ("lib.zip", "lib.whl", "one", "package")
    assert made.environment["PYTHONPATH"].split(":") == [*(str(jobs_dir / name) for name in names), str(SCRIPT_PACKAGE)]


def test_an_extra_file_that_is_not_there_fails_the_launch(jobs_dir: Path) -> None:
    with pytest.raises(
        LaunchError, match=r"--extra-py-files: \[Errno 2\] No such file or directory: '.*/jobs/gone\.zip'"
    ):
        built(jobs_dir, arguments={"--extra-py-files": "gone.zip"})


def test_modules_are_wanted_for_the_interpreter_that_the_job_has(jobs_dir: Path) -> None:
    given = {"--additional-python-modules": "low==1, ./x.whl", "--python-modules-installer-option": "--pre"}
    made = built(jobs_dir, arguments=given, python_version="3.9", pythons={"3.9": "/opt/py39"})
    assert made.modules == Wanted(
        python="/opt/py39",
        requirements=("low==1", str(jobs_dir / "x.whl")),
        files=(jobs_dir / "x.whl",),
        options=("--pre",),
        are_lists=False,
    )
    assert built(jobs_dir).modules is None
    assert built(jobs_dir, arguments=given, environments=EnvironmentSettings(is_enabled=False)).modules is None


def test_with_its_modules_a_script_is_run_by_the_interpreter_of_their_environment(jobs_dir: Path) -> None:
    home = jobs_dir / "made"
    home.mkdir()
    given = {"--additional-python-modules": "low", "--orchestrator-preload": ""}
    made = built(jobs_dir, arguments=given, modules=home)
    assert made.argv[0] == str(home / "bin" / "python")
    assert made.environment["VIRTUAL_ENV"] == str(home)
    assert made.runtime is not None
    assert made.runtime.python == str(home / "bin" / "python")
    assert built(jobs_dir, "script.sh", arguments=given, modules=home).environment["PATH"].startswith(f"{home}/bin:")


def test_modules_at_an_address_wait_for_the_network_and_those_from_an_index_do_not(jobs_dir: Path) -> None:
    with pytest.raises(LaunchError, match=r"^The --additional-python-modules s3://b/x\.whl is not on this machine"):
        built(jobs_dir, arguments={"--additional-python-modules": "s3://b/x.whl"})


def test_what_was_stored_before_there_were_rules_fails_its_launch(jobs_dir: Path) -> None:
    for arguments in ({"--additional-python-modules": "-r x"}, {"--orchestrator-debug": "x"}):
        with pytest.raises(LaunchError, match=r"would be an option|is no port"):
            built(jobs_dir, arguments=arguments)


def test_a_debugged_script_is_run_by_the_one_that_waits_and_never_from_a_template(jobs_dir: Path) -> None:
    given = {"--orchestrator-debug": "5678", "--orchestrator-preload": "json"}
    made = built(jobs_dir, arguments=given, is_debug_allowed=True)
    before = ["/usr/bin/python-default", "-X", "frozen_modules=off", str(DEBUGGED), "5678", str(jobs_dir / "script.py")]
    assert made.argv[:6] == before
    assert "--orchestrator-debug" not in made.argv
    assert made.runtime is None
    with pytest.raises(LaunchError, match=r"allow_debug = true"):
        built(jobs_dir, arguments=given)
    with pytest.raises(LaunchError, match=r"no Python script"):
        built(jobs_dir, "script.sh", arguments=given, is_debug_allowed=True)
