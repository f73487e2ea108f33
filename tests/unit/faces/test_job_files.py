"""Every mistake in a job's file is found before anything starts, with the file and the line that has it."""

import os
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from orchestrator.faces import job_files
from orchestrator.faces.job_files import Problem
from orchestrator.model.records import JobDefinition
from orchestrator.settings import Settings

RIGHT: Final = """\
Description = "Takes flights in"
Timeout = 5

[Command]
Name = "pythonshell"
ScriptLocation = "script.py"

[DefaultArguments]
"--day" = "1"
"""


@pytest.fixture
def jobs_dir(tmp_path: Path) -> Path:
    path = tmp_path / "jobs"
    path.mkdir()
    return path


def settings_of(jobs_dir: Path, **changes: Any) -> Settings:
    return Settings(jobs_dir=jobs_dir, state_dir=jobs_dir / "state", python=sys.executable, **changes)


def write(jobs_dir: Path, text: str | bytes, name: str = "etl") -> Path:
    path = jobs_dir / name / "job.toml"
    path.parent.mkdir()
    (path.parent / "script.py").write_text("print(1)\n")
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def problems(jobs_dir: Path, text: str | bytes) -> list[tuple[int | None, str]]:
    """Return what is wrong with a file of that text, by line."""
    path = write(jobs_dir, text)
    jobs, found = job_files.load(settings_of(jobs_dir))
    assert jobs == {}
    assert {problem.file for problem in found} == {path}
    return [(problem.line, problem.message) for problem in found]


def loaded(jobs_dir: Path, text: str) -> JobDefinition:
    write(jobs_dir, text)
    jobs, found = job_files.load(settings_of(jobs_dir))
    assert found == []
    return jobs["etl"].definition


def test_a_file_defines_the_job_of_its_directorys_name(jobs_dir: Path) -> None:
    path = write(jobs_dir, RIGHT)
    jobs, found = job_files.load(settings_of(jobs_dir))
    assert found == []
    assert list(jobs) == ["etl"]
    assert jobs["etl"].source == str(path)
    definition = jobs["etl"].definition
    assert (definition.role, definition.description, definition.timeout_min) == (
        job_files.DEFAULT_ROLE,
        "Takes flights in",
        5,
    )
    assert definition.default_arguments == {"--day": "1"}


def test_a_script_is_beside_its_file(jobs_dir: Path) -> None:
    assert loaded(jobs_dir, RIGHT).command.script_location == str(jobs_dir / "etl" / "script.py")


def test_an_absolute_script_stays_where_it_is(jobs_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "other.py").touch()
    text = RIGHT.replace('"script.py"', f'"{tmp_path}/other.py"')
    assert loaded(jobs_dir, text).command.script_location == str(tmp_path / "other.py")


def test_an_address_stays_an_address(jobs_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "other.py").touch()
    text = RIGHT.replace('"script.py"', f'"file://{tmp_path}/other.py"')
    assert loaded(jobs_dir, text).command.script_location == f"file://{tmp_path}/other.py"


def test_a_script_may_be_in_the_users_home(jobs_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "x.py").touch()
    text = RIGHT.replace('"script.py"', '"~/x.py"')
    assert loaded(jobs_dir, text).command.script_location == f"{tmp_path}/x.py"


def test_a_file_may_name_its_role_but_not_its_job(jobs_dir: Path) -> None:
    definition = loaded(jobs_dir, 'Role = "mine"\n' + RIGHT)
    assert definition.role == "mine"


def test_a_directory_without_a_file_is_no_job(jobs_dir: Path) -> None:
    (jobs_dir / "data").mkdir()
    (jobs_dir / "demo.py").touch()
    assert job_files.load(settings_of(jobs_dir)) == ({}, [])


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("Timeout = 5\nDescription = \n", 2),
        ("Timeout = 5\n[Command\n", 2),
        ("Timeout = 5\nTimeout = 6\n", 2),
        ('Description = "a\n', 1),
    ],
)
def test_a_file_that_is_not_toml_is_told_with_its_line(jobs_dir: Path, text: str, line: int) -> None:
    assert [number for number, _ in problems(jobs_dir, text)] == [line]


def test_a_file_that_is_not_utf_8_is_told(jobs_dir: Path) -> None:
    ((line, message),) = problems(jobs_dir, b'Timeout = 5\nDescription = "\xff"\n')
    assert line == 2
    assert "utf-8" in message


def test_a_file_that_cannot_be_read_is_told(jobs_dir: Path) -> None:
    (jobs_dir / "etl" / "job.toml").mkdir(parents=True)
    _, found = job_files.load(settings_of(jobs_dir))
    assert [problem.message for problem in found] == [f"[Errno 21] Is a directory: '{jobs_dir}/etl/job.toml'"]


def test_a_file_that_would_never_end_is_told_at_once(jobs_dir: Path) -> None:
    (jobs_dir / "etl").mkdir()
    os.mkfifo(jobs_dir / "etl" / "job.toml")
    _, found = job_files.load(settings_of(jobs_dir))
    assert [problem.message for problem in found] == [f"[Errno 22] Not a regular file: '{jobs_dir}/etl/job.toml'"]


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("nowhere.toml", "it is a symbolic link that leads nowhere"),
        ("job.toml", "[Errno 40] Too many levels of symbolic links: '{path}'"),
    ],
)
def test_a_link_that_leads_to_no_file_is_told(jobs_dir: Path, target: str, told: str) -> None:
    path = jobs_dir / "etl" / "job.toml"
    path.parent.mkdir()
    path.symlink_to(target)
    for found in (job_files.load(settings_of(jobs_dir))[1], job_files.check(settings_of(jobs_dir))):
        assert [(problem.file, problem.message) for problem in found] == [(path, told.format(path=path))]


@pytest.mark.parametrize("value", [9999 * "[", 9999 * "9"], ids=["nested", "digits"])
def test_a_value_beyond_the_parser_is_told(jobs_dir: Path, value: str) -> None:
    assert len(problems(jobs_dir, f"Timeout = {value}\n")) == 1


def test_every_mistake_of_a_file_is_told_with_its_own_line(jobs_dir: Path) -> None:
    text = """\
Name = "other"
Description = 5
MaxRetries = 11
Timeout = 99999
MaxCapacity = 3.0
TimeOut = 5
ExecutionProperty = { MaxConcurrentRuns = 0 }
GlueVersion = ""

[Command]
Name = "pythonshell"
ScriptLocation = "gone.py"
PythonVersion = "2"
Runtime = 5

[DefaultArguments]
"--number" = 1
"--another" = 2
bare = "1"
"--job-bookmark-option" = "on"
"--extra-py-files" = "gone.zip,s3://b/x.zip"
"--customer-driver-env-vars" = 'CUSTOMER_A="1'

[NonOverridableArguments]
"--nul" = "\\u0000"
"--orchestrator-python" = "no/venv"
"""
    told = sorted(problems(jobs_dir, text), key=lambda problem: problem[0] or 0)
    assert [line for line, _ in told] == [1, 2, 3, 4, 5, 6, 7, 8, 12, 13, 14, 17, 18, 19, 20, 21, 21, 22, 25, 26], told


def test_a_mistake_of_the_command_hides_no_other(jobs_dir: Path) -> None:
    text = RIGHT.replace("Timeout = 5", "Timeout = 0\nMaxRetries = -1").replace("pythonshell", "sparkle")
    assert sorted(line or 0 for line, _ in problems(jobs_dir, text.replace("script.py", "gone.py"))) == [2, 3, 6, 7]


def test_a_job_without_a_command_is_told_beside_what_else_is_wrong(jobs_dir: Path) -> None:
    told = problems(jobs_dir, "MaxRetries = 11\n")
    assert [line for line, _ in told] == [None, 1]
    assert "command" in told[0][1]


def test_unknown_members_are_all_told(jobs_dir: Path) -> None:
    text = RIGHT.replace('Name = "pythonshell"', 'Name = "pythonshell"\nPyhtonVersion = "3"').replace(
        "Timeout", "TimeOut"
    )
    assert problems(jobs_dir, text) == [
        (2, "TimeOut: there is no such member"),
        (6, "Command.PyhtonVersion: there is no such member"),
    ]


def test_the_keys_of_a_map_are_nobodys_mistake(jobs_dir: Path) -> None:
    assert loaded(jobs_dir, RIGHT + '"--Anything" = "x"\n').default_arguments == {"--day": "1", "--Anything": "x"}


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("Timeout = 5", "Timeout = 0", 2),
        ("Timeout = 5", 'Timeout = "5"', 2),
        ("Timeout = 5", "Timeout = 99999", 2),
        ("Timeout = 5", "MaxRetries = 99", 2),
        ("Timeout = 5", "MaxCapacity = 3.0", 2),
        ("Timeout = 5", "MaxCapacity = inf", 2),
        ("Timeout = 5", "WorkerType = 'G.1X'", 2),
        ("Timeout = 5", "Timeout = 2024-01-01", 2),
        ('Name = "pythonshell"', 'Name = "sparkle"', 5),
        ('Name = "pythonshell"', "Name = 5", 5),
        ('"script.py"', '"gone.py"', 6),
        ('ScriptLocation = "script.py"', "", 4),
        ('"--day" = "1"', '"--day" = 1', 9),
        ('"--day" = "1"', 'day = "1"', 9),
        ('"--day" = "1"', '"--job-bookmark-option" = "on"', 9),
        ('"--day" = "1"', '"--orchestrator-python" = "no/venv"', 9),
        ('"script.py"', '"s3://bucket/script.py"', 6),
        ('"script.py"', '"file:///no/such/script.py"', 6),
        ('"script.py"', '"~nobody-of-this-name/script.py"', 6),
        ('Name = "pythonshell"', 'Name = "pythonshell"\nPythonVersion = "2"', 6),
        ('"--day" = "1"', '"--extra-py-files" = "script.py"', 9),
        ('"--day" = "1"', '"--scriptLocation" = "gone.py"', 9),
        ('"--day" = "1"', f'"--extra-py-files" = "{9999 * "x"}"', 9),
        ('"--day" = "1"', f'"--orchestrator-python" = "{9999 * "x"}"', 9),
        ('"script.py"', f'"{1000 * "x"}.py"', 6),
        ('"--day" = "1"', '"--job-bookmark-to" = "1"', 9),
        ("Timeout = 5", 'Name = "other"', 2),
        ("Timeout = 5", "Name = 5", 2),
        ("Timeout = 5", "Connections.Connections = [5]", 2),
        ("Timeout = 5", "ExecutionProperty.MaxConcurrentRuns = 0", 2),
        ("Timeout = 5", "ExecutionProperty = { MaxConcurrentRuns = 0 }", 2),
    ],
)
def test_a_mistake_is_told_with_its_line(jobs_dir: Path, old: str, new: str, line: int) -> None:
    text = RIGHT.replace(old, new)
    assert text != RIGHT
    assert [number for number, _ in problems(jobs_dir, text)] == [line], new


def test_a_script_that_is_neither_python_nor_executable_is_told(jobs_dir: Path) -> None:
    path = write(jobs_dir, RIGHT.replace("script.py", "script.sh"))
    script = path.parent / "script.sh"
    script.write_text("#!/bin/sh\n")
    _, found = job_files.load(settings_of(jobs_dir))
    message = f"Command.ScriptLocation: {script}: neither a Python script nor executable"
    assert found == [Problem(file=path, line=6, message=message)]
    script.chmod(0o755)
    assert job_files.load(settings_of(jobs_dir))[1] == []


@pytest.mark.parametrize(
    ("first_line", "told"),
    [
        ("#!/bin/sh -e", None),
        ("#! /usr/bin/env sh", None),
        ("#!/usr/bin/env -S A=1 sh -e", None),
        ("#!/no/such/interpreter", "'/no/such/interpreter'"),
        ("#!/bin/sh\r", r"'/bin/sh\r'"),
        ("#!/usr/bin/env no-such-program", "'no-such-program'"),
    ],
)
def test_a_script_whose_interpreter_is_missing_is_told(jobs_dir: Path, first_line: str, told: str | None) -> None:
    path = write(jobs_dir, RIGHT.replace("script.py", "script.sh"))
    script = path.parent / "script.sh"
    script.write_text(f"{first_line}\n", newline="")
    script.chmod(0o755)
    _, found = job_files.load(settings_of(jobs_dir))
    assert [problem.line for problem in found] == ([] if told is None else [6])
    assert told is None or told in found[0].message


def test_a_script_that_is_elsewhere_does_not_hide_its_version(jobs_dir: Path) -> None:
    text = RIGHT.replace('"script.py"', '"s3://bucket/script.py"\nPythonVersion = "2"')
    assert [line for line, _ in problems(jobs_dir, text)] == [6, 7]


def test_an_interpreter_for_python_2_makes_the_version_right(jobs_dir: Path) -> None:
    write(jobs_dir, RIGHT.replace("ScriptLocation", 'PythonVersion = "2"\nScriptLocation'))
    assert job_files.load(settings_of(jobs_dir, pythons={"2": sys.executable}))[1] == []


def test_a_demand_above_the_slots_is_told(jobs_dir: Path) -> None:
    path = write(jobs_dir, "MaxCapacity = 10\n" + RIGHT)
    _, found = job_files.load(settings_of(jobs_dir, capacity={"dpus": 5}))
    assert [(problem.file, problem.line) for problem in found] == [(path, 1)]
    assert "The run needs 10 DPU, and this orchestrator lends 5 at most" in found[0].message


def test_one_jobs_mistake_is_not_anothers(jobs_dir: Path) -> None:
    write(jobs_dir, "Timeout = \n", name="broken")
    write(jobs_dir, RIGHT)
    jobs, found = job_files.load(settings_of(jobs_dir))
    assert list(jobs) == ["etl"]
    assert len(found) == 1


def test_a_check_finds_what_the_settings_point_at_too(jobs_dir: Path) -> None:
    path = write(jobs_dir, "Timeout = \n")
    found = job_files.check(settings_of(jobs_dir, pythons={"2": "/no/python2"}))
    assert [(problem.file, problem.line) for problem in found] == [(path, 1), (Path("settings"), None)]
    assert found[1].message == 'pythons."2": /no/python2 is not an executable file'


def test_a_missing_jobs_directory_is_told(tmp_path: Path) -> None:
    found = job_files.check(settings_of(tmp_path / "gone"))
    assert [problem.message for problem in found] == ["the jobs directory does not exist"]


def test_a_right_file_has_no_problem(jobs_dir: Path) -> None:
    write(jobs_dir, RIGHT)
    assert job_files.check(settings_of(jobs_dir)) == []


@pytest.mark.parametrize(
    ("key", "told"),
    [
        ("script.py", None),
        ("gone.py", "gone.py: no such file"),
        ("../script.py", "leads out of the directory"),
    ],
)
def test_a_script_in_a_mapped_bucket_is_looked_at(jobs_dir: Path, key: str, told: str | None) -> None:
    write(jobs_dir, RIGHT.replace("script.py", f"s3://bucket/{key}"))
    _, found = job_files.load(settings_of(jobs_dir, s3={"bucket": jobs_dir / "etl"}))
    assert [problem.line for problem in found] == ([] if told is None else [6])
    assert told is None or told in found[0].message


def test_a_bucket_that_leads_nowhere_is_told(jobs_dir: Path) -> None:
    text = RIGHT.replace("script.py", "s3://bucket/script.py") + '"--extra-py-files" = "s3://libs/a.zip"\n'
    told = dict(problems(jobs_dir, text))
    assert '([s3] "bucket"), and no s3_endpoint_url' in told[6]
    assert '([s3] "libs"), and no s3_endpoint_url' in told[10]


def test_what_is_fetched_is_not_looked_at(jobs_dir: Path) -> None:
    pytest.importorskip("boto3")
    write(jobs_dir, RIGHT.replace("script.py", "s3://bucket/script.py") + '"--extra-py-files" = "s3://libs/a.zip"\n')
    assert job_files.load(settings_of(jobs_dir, s3_endpoint_url="http://127.0.0.1:9000"))[1] == []


# What is ours and not Glue's.


def ours(keys: str, arguments: str = "") -> str:
    """Return a right file with our keys."""
    return keys + "\n" + RIGHT + arguments


def test_our_keys_are_arguments_by_another_name(jobs_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "python").symlink_to(sys.executable)
    text = ours('preload = ["json", "concurrent.futures"]\npython = "../../python"')
    definition = loaded(jobs_dir, text)
    assert definition.default_arguments == {
        "--day": "1",
        "--orchestrator-preload": "json,concurrent.futures",
        "--orchestrator-python": f"{jobs_dir}/etl/../../python",
    }


def test_an_empty_preload_is_a_warm_start_of_the_bare_interpreter(jobs_dir: Path) -> None:
    text = RIGHT.partition("[DefaultArguments]")[0]
    assert loaded(jobs_dir, f"preload = []\n{text}").default_arguments == {"--orchestrator-preload": ""}


def test_a_user_is_named_where_no_run_may_name_another(jobs_dir: Path) -> None:
    write(jobs_dir, ours('run_as = "nobody"'))
    jobs, found = job_files.load(settings_of(jobs_dir))
    assert found == []
    assert jobs["etl"].definition.non_overridable_arguments == {"--orchestrator-run-as": "nobody"}


def test_a_runtime_is_named(jobs_dir: Path) -> None:
    write(jobs_dir, ours('runtime = "analytics"'))
    jobs, found = job_files.load(settings_of(jobs_dir, runtimes={"analytics": {"preload": ["json"]}}))
    assert found == []
    arguments = jobs["etl"].definition.default_arguments
    assert arguments is not None
    assert arguments["--orchestrator-runtime"] == "analytics"


@pytest.mark.parametrize(
    ("keys", "arguments", "told"),
    [
        (
            'preload = "json"',
            "",
            [(1, 'preload: it is a list of modules, such as ["pandas"]; an empty one imports nothing')],
        ),
        (
            "preload = [1]",
            "",
            [(1, 'preload: it is a list of modules, such as ["pandas"]; an empty one imports nothing')],
        ),
        (
            'preload = [""]',
            "",
            [(1, 'preload: it is a list of modules, such as ["pandas"]; an empty one imports nothing')],
        ),
        ('preload = ["a-b"]', "", [(1, "preload: --orchestrator-preload: 'a-b' is not the name of a Python module.")]),
        ('preload = ["a,b"]', "", [(1, "preload: 'a,b' is not the name of a Python module")]),
        ("python = 3", "", [(1, "python: it is an interpreter, or the directory of a virtual environment")]),
        ('python = ".venv"', "", [(1, "python: {etl}/.venv is not an executable file")]),
        (
            'python = "s3://b/k"',
            "",
            [
                (
                    1,
                    "python: The --orchestrator-python s3://b/k is not on this machine; give a path or a file:// address",
                )
            ],
        ),
        ("runtime = []", "", [(1, "runtime: it is the name of a runtime in the settings ([runtimes])")]),
        ('runtime = "x"', "", [(1, "runtime: there is no runtime 'x' in the settings ([runtimes.x])")]),
        (
            'runtime = "x"\npreload = []',
            "",
            [(1, "runtime: the runtime says what preload would say as well; give one of them")],
        ),
        (
            "preload = []",
            '"--orchestrator-preload" = "json"',
            [(1, "preload: DefaultArguments has --orchestrator-preload as well; give one of them")],
        ),
        (
            'python = "x"',
            '[NonOverridableArguments]\n"--orchestrator-python" = "y"',
            [
                (1, "python: NonOverridableArguments has --orchestrator-python as well; give one of them"),
                (12, "NonOverridableArguments: --orchestrator-python: {jobs}/y is not an executable file"),
            ],
        ),
        ("run_as = 0", "", [(1, "run_as: it is the name of a user of this machine")]),
        ('run_as = "no-such-user"', "", [(1, "run_as: There is no user 'no-such-user' on this machine")]),
        (
            'run_as = "root"',
            '[NonOverridableArguments]\n"--orchestrator-run-as" = "nobody"',
            [(1, "run_as: NonOverridableArguments has --orchestrator-run-as as well; give one of them")],
        ),
        ('Preload = ["json"]', "", [(1, "Preload: there is no such member")]),
        ("preloads = []", "", [(1, "preloads: there is no such member")]),
    ],
)
def test_a_mistake_in_our_keys_is_told_with_its_line(
    jobs_dir: Path, keys: str, arguments: str, told: list[tuple[int, str]]
) -> None:
    named = [(line, message.format(etl=jobs_dir / "etl", jobs=jobs_dir)) for line, message in told]
    assert problems(jobs_dir, ours(keys, arguments)) == named


def test_a_check_makes_the_templates_and_tells_what_refuses_them(jobs_dir: Path) -> None:
    path = write(jobs_dir, "\n" + ours('preload = ["json", "no_such_module"]'))
    write(jobs_dir, ours('preload = ["json"]'), name="good")
    shared = {
        "bad": {"preload": ["no_such_module"]},
        "gone": {"python": "/no/python"},
        "good": {},
        "far": {"python": "s3://b"},
    }
    found = job_files.check(settings_of(jobs_dir, runtimes=shared))
    assert job_files.load(settings_of(jobs_dir))[1] == [], "loading imports nothing"
    cold = "its runs would start cold: "
    missing = f"{cold}no_such_module cannot be imported: ModuleNotFoundError: No module named 'no_such_module'"
    assert [(problem.file, problem.line, problem.message) for problem in found] == [
        (path, 2, f"preload: {missing}"),
        (Path("settings"), None, f"runtimes.bad: {missing}"),
        (Path("settings"), None, f"runtimes.gone: {cold}/no/python cannot be executed: No such file or directory"),
        (
            Path("settings"),
            None,
            "runtimes.far: The --orchestrator-python s3://b is not on this machine; give a path or a file:// address",
        ),
    ]


def test_a_check_tells_of_a_refused_argument_where_it_is(jobs_dir: Path) -> None:
    write(jobs_dir, ours("", '"--orchestrator-preload" = "no_such_module"'))
    (found,) = job_files.check(settings_of(jobs_dir))
    assert found.line == 11
    assert found.message.startswith(
        "DefaultArguments: --orchestrator-preload: its runs would start cold: no_such_module"
    )
