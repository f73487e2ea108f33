"""What the fixtures, the marker and the ini options promise; and what a failed test tells."""

import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.testing.projects import WITHIN_S, Project

pytest.importorskip("boto3")
pytestmark = pytest.mark.timeout(2 * WITHIN_S + 30)

DAEMON_ONLY: Final = "def test_it(glue_daemon): assert glue_daemon.jobs_dir\n"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def test_the_plugin_imports_nothing_that_pytest_has_not_imported() -> None:
    program = (
        "import sys, pytest, subprocess, json, tempfile\n"
        "before = set(sys.modules)\n"
        "import orchestrator.testing.plugin\n"
        "print(*sorted(set(sys.modules) - before))\n"
    )

    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()

    assert [name for name in loaded if name.split(".")[0] != "orchestrator"] == []
    assert [name for name in loaded if not name.startswith("orchestrator.testing")] == ["orchestrator"]


def test_a_failed_test_shows_the_log_of_the_daemon_and_what_failed_runs_wrote(project: Project) -> None:
    project.job("bad", "import sys\nprint('it is the third line', file=sys.stderr)\nraise SystemExit(4)\n")
    project.job("good", "import sys\nprint('nothing to tell', file=sys.stderr)\n")
    project.write(
        "test_it.py",
        "def test_it(glue, glue_daemon):\n"
        "    for name in ('good', 'bad'):\n"
        "        run_id = glue.start_job_run(JobName=name)['JobRunId']\n"
        "        run = glue_daemon.wait_for_run(name, run_id)\n"
        "    assert run['JobRunState'] == 'SUCCEEDED'\n",
    )

    for more in ((), ("-n", "1")):
        code, output = project.test(*more)

        assert code == 1
        assert "orchestrator log of http://127.0.0.1:" in output
        assert '"event": "serving"' in output
        assert "orchestrator stderr of bad jr_" in output
        assert "it is the third line" in output
        assert "Command failed with exit code 4" in output
        assert "nothing to tell" not in output


def test_a_passed_test_shows_nothing(project: Project) -> None:
    project.write("test_it.py", DAEMON_ONLY)

    code, output = project.test("-rA")

    assert code == 0
    assert "orchestrator log" not in output


def test_of_a_shared_daemon_a_failed_test_shows_its_own_time_only(project: Project) -> None:
    project.job("bad", "import sys\nsys.exit(sys.argv[-1])\n")
    start = "    run_id = glue.start_job_run(JobName='bad', Arguments={{'--why': '{}'}})['JobRunId']\n"
    wait = "    glue_daemon.wait_for_run('bad', run_id)\n"
    project.write(
        "test_it.py",
        "seen = []\n"
        "def test_first(glue, glue_daemon):\n" + start.format("earlier") + wait + "    seen.append(glue_daemon)\n"
        "def test_second(glue, glue_daemon):\n" + start.format("later") + wait + "    assert seen == [glue_daemon]\n"
        "    assert False\n",
    )

    code, output = project.test("-o", "orchestrator_scope=session")

    assert code == 1
    assert "1 failed, 1 passed" in output
    assert "later" in output.partition("orchestrator stderr of bad")[2]
    assert "earlier" not in output
    assert '"serving"' not in output
    assert project.left() == []


def test_markers_say_jobs_triggers_and_settings_and_the_closest_wins(project: Project) -> None:
    (project.root / "pyproject.toml").write_text(
        '[tool.pytest.ini_options]\naddopts = ["--strict-markers"]\norchestrator_jobs_dir = "etl"\n'
        'orchestrator_triggers_file = "chains.toml"\n'
    )
    project.job("by_default", "")
    (project.root / "jobs").rename(project.root / "etl")
    project.job("by_marker", "")
    (project.root / "jobs").rename(project.root / "other")
    project.write("chains.toml", '[by_ini]\nType = "ON_DEMAND"\nActions = [{ JobName = "by_default" }]\n')
    project.write("none.toml", "")
    project.write(
        "test_it.py",
        "import pytest\n"
        "def names(glue): return glue.list_jobs()['JobNames'], glue.list_triggers()['TriggerNames']\n"
        "def test_ini(glue): assert names(glue) == (['by_default'], ['by_ini'])\n"
        "@pytest.mark.glue(jobs_dir='other', triggers_file='none.toml', settings={'region': 'eu-west-1'})\n"
        "class TestMarked:\n"
        "    def test_class(self, glue, glue_daemon):\n"
        "        assert names(glue) == (['by_marker'], [])\n"
        "        assert glue_daemon.region == glue.meta.region_name == 'eu-west-1'\n"
        "    @pytest.mark.glue(settings={'region': 'eu-west-2'})\n"
        "    def test_closer(self, glue, glue_daemon, glue_endpoint_url):\n"
        "        assert names(glue) == (['by_marker'], [])\n"
        "        assert glue_daemon.region == 'eu-west-2'\n"
        "        assert glue.meta.endpoint_url == glue_endpoint_url == glue_daemon.endpoint_url\n",
    )

    code, output = project.test()

    assert code == 0, output


def test_without_a_jobs_directory_there_are_the_jobs_that_the_test_makes(project: Project) -> None:
    script = project.write("hello.py", "print('hello')\n")
    command = f"{{'Name': 'pythonshell', 'ScriptLocation': {str(script)!r}, 'PythonVersion': '3'}}"
    project.write(
        "test_it.py",
        "def test_it(glue, glue_daemon):\n"
        f"    glue.create_job(Name='made', Role='r', Command={command})\n"
        "    run_id = glue.start_job_run(JobName='made')['JobRunId']\n"
        "    assert glue_daemon.wait_for_run('made', run_id)['JobRunState'] == 'SUCCEEDED'\n"
        "    assert glue_daemon.output(run_id) == 'hello\\n'\n"
        "    events = glue_daemon.client('logs').get_log_events(\n"
        "        logGroupName='/aws-glue/python-jobs/output', logStreamName=run_id)['events']\n"
        "    assert [event['message'] for event in events] == ['hello\\n']\n",
    )

    code, output = project.test()

    assert code == 0, output


@pytest.mark.parametrize(
    ("marker", "told"),
    [
        ("jobs_dir='nowhere'", "there is no jobs directory"),
        ("triggers_file='nowhere'", "there is no trigger file"),
        ("'jobs'", "takes jobs_dir=, triggers_file=, settings=; not 'jobs'"),
        ("jobs='jobs'", "takes jobs_dir=, triggers_file=, settings=; not jobs"),
        ("settings={'port': 4583}", "the setting port cannot be given to a private daemon: it is a free one"),
        ("settings={'log_level': 'error'}", "log_level of a private daemon must be debug or info"),
        ("settings={'capacity': {'dpu': 1}}", "capacity.dpu: Extra inputs are not permitted"),
        ("settings={'no_such': 1}", "there is no such setting"),
    ],
)
def test_what_cannot_be_asked_for_is_told_in_a_sentence(project: Project, marker: str, told: str) -> None:
    project.write("test_it.py", f"import pytest\n@pytest.mark.glue({marker})\n{DAEMON_ONLY}")

    code, output = project.test()

    assert code == 1
    assert told in output
    assert "Traceback" not in output
    assert "During handling" not in output
    assert "1 error" in output
    assert project.left() == []


def test_a_job_file_with_a_mistake_is_told_with_its_line(project: Project) -> None:
    project.write("jobs/bad/job.toml", '[Command]\nNam = "pythonshell"\n')
    project.write("test_it.py", DAEMON_ONLY)

    code, output = project.test()

    assert code == 1
    assert "the daemon's files have mistakes" in output
    assert "jobs/bad/job.toml:2:" in output


def test_a_marker_that_a_shared_daemon_cannot_heed_is_refused(project: Project) -> None:
    project.write(
        "test_it.py",
        "import pytest\n"
        "pytestmark = pytest.mark.glue(settings={'region': 'eu-west-1'})\n"
        "def test_heeded(glue_daemon): assert glue_daemon.region == 'eu-west-1'\n"
        "@pytest.mark.glue(settings={'region': 'eu-west-2'})\n"
        "def test_unheeded(glue_daemon): pass\n",
    )

    code, output = project.test("-o", "orchestrator_scope=module")

    assert code == 1
    assert "1 passed, 1 error" in output
    assert "orchestrator_scope is module, so the marker glue cannot stand on what is narrower than that" in output


def test_a_scope_that_there_is_not_is_told(project: Project) -> None:
    project.write("test_it.py", "def test_it(): pass\n")

    code, output = project.test("-o", "orchestrator_scope=galaxy")

    assert code == pytest.ExitCode.USAGE_ERROR
    assert "ERROR: orchestrator_scope is 'galaxy'; it must be one of function, class" in output


def test_without_boto3_a_test_that_needs_it_says_what_to_install(project: Project) -> None:
    project.write("conftest.py", "import sys\nsys.modules['boto3'] = None\n")
    project.write("test_it.py", "def test_client(glue): pass\ndef test_daemon(glue_daemon): assert glue_daemon.log()\n")

    code, output = project.test()

    assert code == 1
    assert "1 passed, 1 error" in output
    assert "boto3 is not installed" in output
    assert "pip install 'orchestrator[testing]'" in output


def test_a_wait_has_an_end(project: Project) -> None:
    project.job("long", "import signal\nsignal.pause()\n")
    project.write(
        "test_it.py",
        "import pytest\n"
        "def test_it(glue, glue_daemon):\n"
        "    run_id = glue.start_job_run(JobName='long')['JobRunId']\n"
        "    with pytest.raises(TimeoutError, match='is (STARTING|RUNNING) after 0.3 s'):\n"
        "        glue_daemon.wait_for_run('long', run_id, timeout_s=0.3)\n"
        "    with pytest.raises(glue.exceptions.EntityNotFoundException):\n"
        "        glue_daemon.wait_for_run('other', run_id)\n",
    )

    code, output = project.test()

    assert code == 0, output


def test_the_daemon_can_be_had_without_pytest(project: Project) -> None:
    program = (
        "from orchestrator.testing import private_daemon\n"
        "with private_daemon() as one, private_daemon(settings={'capacity': {'dpus': 5}}) as other:\n"
        "    assert one.endpoint_url != other.endpoint_url\n"
        "    assert one.client().list_jobs()['JobNames'] == other.client().list_jobs()['JobNames'] == []\n"
        "    state_dir = one.state_dir\n"
        "assert not state_dir.parent.exists()\n"
    )

    subprocess.run(
        [sys.executable, "-c", program], check=True, timeout=WITHIN_S, env={"TMPDIR": str(project.temporary)}
    )

    assert project.left() == []
