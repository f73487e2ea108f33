"""What the image starts works as a user of its own under tini, survives its daemon, and ends when it is told to.

Docker itself is not asked: the steps are replayed on this machine's system and Python (image.py).
"""

import json
import signal
import time
from collections.abc import Iterator
from typing import Final

import pytest

from tests.packaging.builds import WITHIN_S
from tests.packaging.dockerfile import context, environment, last, stages
from tests.packaging.image import UID, Container, Image, replayed
from tests.support import own_network
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(400)
STATE: Final = "/var/lib/orchestrator"
KEYS: Final = (
    "[default]\naws_access_key_id = LOCALKEY\naws_secret_access_key = a-secret-of-forty-characters-0123456789\n"
)
# An orphan outlives its parent, and is the shim's to end.
SLOW: Final = """
import os, subprocess, time
subprocess.run(["sh", "-c", "sleep 300 & exec true"])
print("began", flush=True)
while not os.path.exists("/tmp/go"):
    time.sleep(0.05)
open("/tmp/ran", "a").write("once\\n")
"""


def test_every_file_that_is_copied_is_there_and_reaches_the_build() -> None:
    reaching = context()
    for _, steps in stages():
        for step in steps:
            if step.keyword == "COPY" and not step.text.startswith("--from="):
                for name in step.text.split()[:-1]:
                    assert [one for one in reaching if one == name or one.startswith(f"{name}/")], name
    assert not [name for name in reaching if name.startswith(("tests/", ".", "requirements-dev"))]


def test_the_image_says_who_it_is_and_where_its_state_is() -> None:
    assert last("USER").text == "orchestrator"
    assert last("VOLUME").text == environment()["ORCHESTRATOR_STATE_DIR"] == STATE
    assert last("ENTRYPOINT").argv == ["/usr/bin/tini", "--"]
    from_pinned = [steps[0].text.split()[0] for _, steps in stages()]
    assert from_pinned == ["python:3.13-slim-bookworm", "base", "base"]


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    with replayed(tmp_path_factory.mktemp("image")) as built:
        for name, script in {"hello": "import sys\nprint('hello from', sys.executable)\n", "slow": SLOW}.items():
            job = '[Command]\nName = "pythonshell"\nScriptLocation = "script.py"\n'
            built.write(f"srv/orchestrator/jobs/{name}/job.toml", job)
            built.write(f"srv/orchestrator/jobs/{name}/script.py", script)
        yield built


@pytest.fixture
def container(image: Image) -> Iterator[Container]:
    image.inside("sh", "-c", f"rm -rf {image.root('final')}{STATE}/* {image.root('final')}/tmp/*")  # noqa: S108 - the container's own
    with image.container() as running:
        running.await_health()
        yield running


def slow_run(container: Container) -> str:
    """Start a run of `slow`; return its id once its script has begun."""
    run_id = container.execute("orchestrator", "start", "slow").stdout.split()[-1]
    until(lambda: "began" in container.execute("orchestrator", "logs", run_id).stdout, what="the script's beginning")
    return run_id


def state_of(container: Container, run_id: str) -> str:
    shown = container.execute("orchestrator", "show", run_id, "-o", "json")
    return str(json.loads(shown.stdout)["run"]["state"]) if shown.returncode == 0 else "?"


def test_jobs_run_as_the_user_of_the_image_in_the_python_of_the_scripts(container: Container) -> None:
    ran = container.execute("orchestrator", "run", "hello")

    daemon = container.daemon()
    assert daemon is not None
    assert ran.returncode == 0, ran.stderr
    assert "hello from " in ran.stdout
    assert "/opt/orchestrator" not in ran.stdout
    assert container.first.name() == "tini"
    assert {uid for one in container.processes() for uid in one.uids()} == {UID}
    until(lambda: not container.zombies(), what="that all are reaped")


def test_sigterm_ends_the_container_promptly_with_all_that_is_in_it(container: Container, image: Image) -> None:
    run_id = slow_run(container)
    processes = container.processes()
    began = time.monotonic()

    code = container.end(signal.SIGTERM)

    assert code == 0, container.maker.stdout
    assert time.monotonic() - began < 10  # after which Docker kills
    assert not [one for one in processes if one.is_running()]
    with image.container() as next_one:
        next_one.await_health()
        until(lambda: state_of(next_one, run_id) == "FAILED", what="that the run is FAILED")
        assert "Traceback" not in next_one.execute("orchestrator", "show", run_id).stdout


def test_runs_outlive_the_daemon_which_is_started_again(container: Container) -> None:
    run_id = slow_run(container)
    first = container.daemon()
    assert first is not None

    for number in (signal.SIGKILL, signal.SIGTERM):
        before = container.daemon()
        assert before is not None
        before.send_signal(number)
        until(lambda old=before: container.daemon() not in (None, old), what="another daemon")  # type: ignore[misc]
        container.await_health()
        assert state_of(container, run_id) == "RUNNING"

    container.execute("touch", "/tmp/go")  # noqa: S108 - the container's own
    until(lambda: state_of(container, run_id) == "SUCCEEDED", what="the end of the run")
    assert container.execute("cat", "/tmp/ran").stdout == "once\n"  # noqa: S108
    until(lambda: not container.zombies(), what="that tini has reaped all")
    assert "sleep" not in {one.name() for one in container.processes()}


def test_sighup_reads_the_job_files_again(container: Container, image: Image) -> None:
    image.write("srv/orchestrator/jobs/late/job.toml", '[Command]\nName = "pythonshell"\nScriptLocation = "s.py"\n')
    image.write("srv/orchestrator/jobs/late/s.py", "print('late')\n")

    container.first.send_signal(signal.SIGHUP)

    until(lambda: "late" in container.execute("orchestrator", "jobs").stdout, what="the new job")


def test_a_setting_that_cannot_be_used_ends_the_container_with_78(image: Image) -> None:
    with image.container({"ORCHESTRATOR_HOST": "0.0.0.0"}) as refused:  # noqa: S104 - which is the mistake
        assert refused.maker.wait(WITHIN_S) == 78
        assert refused.maker.stdout is not None
        assert "0.0.0.0 is no loopback address" in refused.maker.stdout.read()


def test_a_published_port_is_served_to_those_with_a_key_only(image: Image) -> None:
    image.write("run/secrets/keys", KEYS, owner=UID, mode="400")
    settings = {
        "ORCHESTRATOR_HOST": "0.0.0.0",  # noqa: S104 - what publishing needs
        "ORCHESTRATOR_ACCESS__ALLOW_REMOTE": "true",
        "ORCHESTRATOR_ACCESS__KEYS_FILE": "/run/secrets/keys",
        "ORCHESTRATOR_ACCESS__HOSTS": json.dumps([own_network.ADDRESS]),
    }
    keys = ["AWS_ACCESS_KEY_ID=LOCALKEY", "AWS_SECRET_ACCESS_KEY=a-secret-of-forty-characters-0123456789"]
    with image.container(settings) as published:
        published.await_health()
        outside = ["orchestrator", "--endpoint-url", f"http://{own_network.ADDRESS}:4583", "jobs"]

        assert published.execute(*outside).returncode == 77
        assert "hello" in published.execute("env", *keys, *outside).stdout


def test_another_user_without_a_name_will_do(image: Image) -> None:
    state = f"{image.root('final')}/var/tmp/state"  # noqa: S108 - the container's own
    image.inside("install", "-d", "-o", "12345", "-g", "12345", "-m", "700", state)
    with image.container({"ORCHESTRATOR_STATE_DIR": "/var/tmp/state"}, uid=12_345) as other:  # noqa: S108
        other.await_health()

        assert other.execute("orchestrator", "run", "hello").returncode == 0
