"""Every mistake in a job's file is found before anything starts, with the file and the line that has it."""

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


def test_an_address_stays_an_address(jobs_dir: Path) -> None:
    text = RIGHT.replace('"script.py"', '"s3://bucket/script.py"')
    assert loaded(jobs_dir, text).command.script_location == "s3://bucket/script.py"


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
    ((line, message),) = problems(jobs_dir, b'Description = "\xff"\n')
    assert line is None
    assert "utf-8" in message


def test_a_file_that_cannot_be_read_is_told(jobs_dir: Path) -> None:
    (jobs_dir / "etl" / "job.toml").mkdir(parents=True)
    _, found = job_files.load(settings_of(jobs_dir))
    assert [problem.message for problem in found] == [f"[Errno 21] Is a directory: '{jobs_dir}/etl/job.toml'"]


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
