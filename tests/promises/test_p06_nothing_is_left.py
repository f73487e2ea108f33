"""P6: when a run has ended, none of its processes is alive."""

import pytest

from tests.support.crashing import Lives, alive_of, check_truthful

TREE = """\
import subprocess
def note_child(pid):
    note("child", f"pid={pid}")
def flee(*, environment):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            note_child(os.getpid())
            import signal
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            os.execve(sys.executable, [sys.executable, "-c", "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(1000)"], environment)
        os._exit(0)
    os.wait()
note_child(subprocess.Popen(["sleep", "1000"]).pid)
note_child(subprocess.Popen(["sleep", "1000"], start_new_session=True).pid)
flee(environment=dict(os.environ))
flee(environment={})
while open({markers!r}).read().count(os.environ["ORCH_JOB_RUN_ID"] + " ") < 5:  # its own start, and theirs
    time.sleep(0.01)
note("ready")
"""


@pytest.mark.parametrize("way", ["ends", "is stopped", "dies"])
def test_no_descendant_outlives_its_run(lives: Lives, way: str) -> None:
    """Children, other sessions, daemons that ignore SIGTERM, with and without the run's environment."""
    last = {"ends": "", "is stopped": "time.sleep(1000)", "dies": "os.kill(os.getpid(), 9)"}[way]
    job = lives.client.job(
        "job", lives.markers.script(TREE.replace("{markers!r}", repr(str(lives.markers.path))) + last)
    )
    run_id = lives.client.start(job)
    lives.markers.wait_for("ready", run_id=run_id)
    lives.markers.wait_for("child", run_id=run_id, count=4)
    if way == "is stopped":
        lives.client.stop(job, run_id)
    lives.wait_for_end(run_id)
    assert alive_of(lives.markers) == set()
    check_truthful(lives.daemon, run_id)
