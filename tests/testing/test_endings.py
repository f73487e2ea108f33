"""However the tests end, no daemon, no run, no process of a run's and no directory outlives them."""

import os
import signal
import subprocess
from pathlib import Path

import psutil
import pytest

from tests.support.waiting import until
from tests.testing.projects import WITHIN_S, Project

pytest.importorskip("boto3")
pytestmark = pytest.mark.timeout(WITHIN_S + 30)

WAITS = """
import os, subprocess, sys
beside = "import signal; signal.pause()"
first = subprocess.Popen([sys.executable, "-c", beside, {root!r}], start_new_session=True)
second = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', sys.argv[1], sys.argv[2]], start_new_session=True)"
subprocess.run([sys.executable, "-c", second, beside, {root!r}], env={{}})  # an orphan, and without the run's mark
open({there!r}, "w").close()
first.wait()
"""
TEST = """
import os, pathlib, signal, time

def test_in_the_middle(glue, glue_daemon):
    run_id = glue.start_job_run(JobName="waits")["JobRunId"]
    there = pathlib.Path({there!r})
    give_up_at = time.monotonic() + 60
    while not there.exists():
        assert time.monotonic() < give_up_at, glue_daemon.output(run_id, "stderr")
        time.sleep(0.02)
    {ending}
"""
BLOCK = 'pathlib.Path(str(there) + ".test").touch(); signal.pause()'


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def stage(project: Project, ending: str) -> Path:
    """Write a job whose script has descendants of every kind, and a test that ends so while they live; return who says that."""
    there = project.temporary.parent / "there"
    project.job("waits", WAITS.format(root=str(project.root), there=str(there)))
    project.write("test_it.py", TEST.format(there=str(there), ending=ending))
    return Path(f"{there}.test")


@pytest.mark.parametrize("ending", ["assert False", "return", "os._exit(3)", "raise KeyboardInterrupt", "os.abort()"])
def test_nothing_is_left_however_a_test_ends(project: Project, ending: str) -> None:
    stage(project, ending)

    code, output = project.test("-p", "no:faulthandler")

    assert (code == 0) == (ending == "return"), output
    until(lambda: not project.left(), what="the end of all")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_nothing_is_left_when_pytest_is_killed(project: Project, number: int) -> None:
    there = stage(project, BLOCK)
    with project.begin(start_new_session=True) as tests:
        until(there.exists, within_s=WITHIN_S, what="the middle of the test")
        assert len(project.left()) >= 6  # guard, daemon, shim, script, and its two

        os.killpg(tests.pid, number)

        tests.wait(WITHIN_S)
        until(lambda: not project.left(), what="the end of all")


def test_nothing_is_left_when_pytest_is_killed_with_its_workers(project: Project) -> None:
    there = stage(project, BLOCK)
    with project.begin("-n", "2") as tests:
        until(there.exists, within_s=WITHIN_S, what="the middle of the test")

        tests.kill()

        tests.wait(WITHIN_S)
        until(lambda: not project.left(), what="the end of all")


def test_a_child_of_the_tests_that_holds_their_descriptors_keeps_nothing_alive(project: Project) -> None:
    there = stage(project, "os.fork() or signal.pause(); " + BLOCK)
    with project.begin(start_new_session=True) as tests:
        until(there.exists, within_s=WITHIN_S, what="the middle of the test")
        (child,) = [one for one in psutil.Process(tests.pid).children() if "guard.py" not in " ".join(one.cmdline())]
        try:
            tests.kill()
            tests.wait(WITHIN_S)

            until(lambda: not project.left(), what="the end of all")
            assert child.is_running()
        finally:
            child.kill()


def test_a_daemon_whose_guard_is_killed_ends_and_the_tests_say_so(project: Project) -> None:
    project.write(
        "test_it.py",
        "import os, signal\n"
        "from pathlib import Path\n"
        "def test_it(glue_daemon):\n"
        "    (guard,) = Path(f'/proc/self/task/{os.getpid()}/children').read_text().split()\n"
        "    os.kill(int(guard), signal.SIGKILL)\n",
    )

    code, output = project.test()

    assert code == 1, output
    assert "the guard of the private daemon ended with -9" in output
    until(lambda: not [one for one in project.left() if "Process" in one], what="the end of the daemon")
    subprocess.run(["rm", "-r", *map(str, project.temporary.glob("orchestrator-*"))], check=True)
