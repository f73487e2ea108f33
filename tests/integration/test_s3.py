"""Scripts and libraries at s3://bucket/key run from a mapped directory, or are fetched: whole, or not at all."""

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support import runs
from tests.support.daemon import Daemon, free_port, running_daemon
from tests.support.s3_server import CREDENTIALS, S3Server, serving
from tests.support.waiting import until

pytest.importorskip("boto3")

MAPPED: Final = "mapped.bucket-1"
SCRIPT: Final = "import helper, os\nprint(helper.WORD)\nopen(os.environ['ONCE'], 'a').write('x')\n"


@pytest.fixture(scope="module")
def s3() -> Iterator[S3Server]:
    with serving() as server:
        yield server


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bucket")
    (path / "etl").mkdir()
    (path / "etl" / "daily.py").write_text("import helper\nprint('mapped', helper.WORD)\n")
    (path / "libs").mkdir()
    (path / "libs" / "helper.py").write_text("WORD = 'help'\n")
    return path


def settings(s3: S3Server, folder: Path, once: Path) -> dict[str, str]:
    return {
        **CREDENTIALS,
        "ORCHESTRATOR_S3": json.dumps({MAPPED: str(folder)}),
        "ORCHESTRATOR_S3_ENDPOINT_URL": s3.endpoint_url,
        "ORCHESTRATOR_ENVIRONMENT": json.dumps({"ONCE": str(once)}),
    }


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("once") / "count"


@pytest.fixture(scope="module")
def daemon(s3: S3Server, folder: Path, once: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with running_daemon(tmp_path_factory.mktemp("daemon"), settings(s3, folder, once)) as running:
        yield running


def job_at(daemon: Daemon, name: str, location: str, **members: Any) -> str:
    command = {"Name": "pythonshell", "ScriptLocation": location, "PythonVersion": "3"}
    answer = daemon.call("CreateJob", {"Name": name, "Role": "r", "Command": command, **members})
    assert answer == {"Name": name}
    return name


def failure(daemon: Daemon, location: str, **arguments: str) -> str:
    """Return why a run with this script fails."""
    job = job_at(daemon, f"fails{len(daemon.call('ListJobs', {'MaxResults': 1000})['JobNames'])}", location)
    run = runs.finish(
        daemon, job, Arguments={f"--{name.replace('_', '-')}": value for name, value in arguments.items()}
    )
    assert run["JobRunState"] == "FAILED"
    return str(run["ErrorMessage"])


def test_a_mapped_bucket_is_a_directory(daemon: Daemon) -> None:
    libraries = f"s3://{MAPPED}/libs/helper.py"
    job = job_at(daemon, "mapped", f"s3://{MAPPED}/etl/daily.py", DefaultArguments={"--extra-py-files": libraries})
    assert runs.output(daemon, runs.succeed(daemon, job)["Id"]) == "mapped help\n"


def test_the_argument_for_the_script_may_be_an_address(daemon: Daemon) -> None:
    job = job_at(daemon, "argument", "nowhere.py")
    arguments = {"--scriptLocation": f"s3://{MAPPED}/etl/daily.py", "--extra-py-files": f"s3://{MAPPED}/libs/"}
    assert runs.output(daemon, runs.succeed(daemon, job, Arguments=arguments)["Id"]) == "mapped help\n"


def test_nothing_outside_of_the_directory_is_used(daemon: Daemon, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "outside.py").write_text("print('escaped')\n")
    (folder / "link.py").symlink_to(tmp_path / "outside.py")
    (folder / "linked").symlink_to(tmp_path)
    for key in ("../outside.py", "etl/../../outside.py", "link.py", "linked/outside.py"):
        assert failure(daemon, f"s3://{MAPPED}/{key}") == (
            f"The script location s3://{MAPPED}/{key} leads out of the directory {folder}"
        )
    for key in ("/etc/passwd", "./etl/daily.py", "etl/../etl/daily.py"):
        assert failure(daemon, f"s3://{MAPPED}/{key}") == (
            f"The script location s3://{MAPPED}/{key} is not taken: keys may not begin with / nor have . or .. as a part"
        )
    library = f"s3://{MAPPED}/linked/outside.py"
    assert failure(daemon, f"s3://{MAPPED}/etl/daily.py", extra_py_files=library) == (
        f"The --extra-py-files {library} leads out of the directory {folder}"
    )


def test_what_is_missing_in_the_directory_fails_the_run(daemon: Daemon, folder: Path) -> None:
    for_library = failure(daemon, f"s3://{MAPPED}/etl/daily.py", extra_py_files=f"s3://{MAPPED}/gone.py")
    for told in (for_library, failure(daemon, f"s3://{MAPPED}/gone.py")):
        assert str(folder / "gone.py") in told
        assert f"s3://{MAPPED}/gone.py" in told


def test_an_address_without_a_key_is_told(daemon: Daemon) -> None:
    assert failure(daemon, "s3://bucket/") == (
        "The script location s3://bucket/ names no object; it must be s3://bucket/key"
    )


def test_other_buckets_are_fetched(daemon: Daemon, s3: S3Server, once: Path) -> None:
    once.unlink(missing_ok=True)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("packed.py", "WORD = 'zip'\n")
    s3.objects |= {
        "/other/etl/a b+ü.py": (SCRIPT + "import packed\nprint(packed.WORD)\n").encode(),
        "/other/helper.py": b"WORD = 'fetched'\n",
        "/third/packed.zip": packed.getvalue(),
    }
    libraries = "s3://other/helper.py, s3://third/packed.zip"
    job = job_at(daemon, "fetched", "s3://other/etl/a b+ü.py", DefaultArguments={"--extra-py-files": libraries})
    run = runs.succeed(daemon, job)
    assert runs.output(daemon, run["Id"]) == "fetched\nzip\n"
    assert once.read_text() == "x"
    assert (runs.directory(daemon, run["Id"]) / "s3" / "other" / "helper.py").exists()


def test_a_program_that_is_fetched_can_be_executed(daemon: Daemon, s3: S3Server) -> None:
    s3.objects["/other/program"] = b"#!/bin/sh\necho program\n"
    job = job_at(daemon, "program", "s3://other/program")
    assert runs.output(daemon, runs.succeed(daemon, job)["Id"]) == "program\n"


def test_an_object_that_cannot_be_had_fails_the_run_and_says_why(daemon: Daemon, s3: S3Server) -> None:
    s3.objects |= {
        "/other/denied.py": b"",
        "/other/cut.py": b"print('half')\n" * 1000,
        "/other/script.py": b"print(1)\n",
    }
    begin = "The script location s3://other/{} cannot be fetched from " + s3.endpoint_url + ": "
    missing = failure(daemon, "s3://other/gone.py")
    assert missing.startswith(begin.format("gone.py"))
    assert "NoSuchKey" in missing
    assert "AccessDenied" in failure(daemon, "s3://other/denied.py")
    assert failure(daemon, "s3://other/cut.py").startswith(begin.format("cut.py"))
    library = failure(daemon, "s3://other/script.py", extra_py_files="s3://other/none.zip")
    assert library.startswith("The --extra-py-files s3://other/none.zip cannot be fetched")
    assert "is a directory" in failure(daemon, "s3://other/script.py", extra_py_files="s3://other/libs/")
    assert "leads out of" in failure(daemon, "s3://../x.py")


def test_an_endpoint_that_nobody_serves_fails_the_run(tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    with running_daemon(tmp_path, {**CREDENTIALS, "ORCHESTRATOR_S3_ENDPOINT_URL": url}) as daemon:
        assert "Could not connect to the endpoint URL" in failure(daemon, "s3://other/script.py")


def test_a_daemon_without_credentials_says_so(tmp_path: Path, s3: S3Server) -> None:
    environment = {"AWS_EC2_METADATA_DISABLED": "true", "ORCHESTRATOR_S3_ENDPOINT_URL": s3.endpoint_url}
    with running_daemon(tmp_path, environment) as daemon:
        assert "Unable to locate credentials" in failure(daemon, "s3://other/script.py")


def test_without_an_endpoint_other_buckets_are_told(tmp_path: Path, folder: Path) -> None:
    with running_daemon(tmp_path, {"ORCHESTRATOR_S3": json.dumps({MAPPED: str(folder)})}) as daemon:
        assert failure(daemon, "s3://other/script.py") == (
            "The script location s3://other/script.py is not on this machine: no directory is set for its bucket "
            '([s3] "other"), and no s3_endpoint_url to fetch it from'
        )


def test_a_run_that_is_stopped_while_it_is_fetched_never_starts(tmp_path: Path, folder: Path) -> None:
    once = tmp_path / "count"
    with serving() as s3, Daemon(tmp_path / "daemon", settings(s3, folder, once)) as daemon:
        s3.objects |= {"/other/slow.py": SCRIPT.encode(), "/other/helper.py": b"WORD = 'fetched'\n"}
        job = job_at(
            daemon, "slow", "s3://other/slow.py", DefaultArguments={"--extra-py-files": "s3://other/helper.py"}
        )
        run_id = runs.start(daemon, job)
        assert s3.half_sent.wait(20)
        daemon.call("BatchStopJobRun", {"JobName": job, "JobRunIds": [run_id]})
        assert daemon.ended(job, run_id)["JobRunState"] == "STOPPED"  # while the endpoint is still silent
        s3.may_go_on.set()
        directory = runs.directory(daemon, run_id)
        assert json.loads((directory / "claim").read_text())["by"] == "revoked"
        assert not (directory / "spec.json").exists()  # no shim was even asked
        assert not once.exists()


def test_a_daemon_that_is_told_to_end_does_not_wait_for_a_silent_endpoint(tmp_path: Path, folder: Path) -> None:
    once = tmp_path / "count"
    with serving() as s3, Daemon(tmp_path / "daemon", settings(s3, folder, once)) as daemon:
        s3.objects["/other/slow.py"] = b"print('whole')\n" + b"#" * 300_000
        job = job_at(daemon, "slow", "s3://other/slow.py")
        run_id = runs.start(daemon, job)
        assert s3.half_sent.wait(20)
        assert daemon.process is not None
        daemon.process.terminate()
        assert daemon.process.wait(10) == 0  # less than any of the fetch's time limits
        s3.may_go_on.set()
        daemon.start()
        assert daemon.ended(job, run_id)["JobRunState"] == "SUCCEEDED"


def test_runs_that_wait_for_the_network_hold_up_no_other(tmp_path: Path, folder: Path) -> None:
    environment = {"ORCHESTRATOR_CAPACITY__DPUS": "1000", "ORCHESTRATOR_CAPACITY__MAX_PROCESSES": "100"}
    with serving() as s3, Daemon(tmp_path, settings(s3, folder, tmp_path / "count") | environment) as daemon:
        s3.objects["/other/slow.py"] = b"print(1)\n"
        slow = job_at(daemon, "slow", "s3://other/slow.py", ExecutionProperty={"MaxConcurrentRuns": 60})
        waiting = [runs.start(daemon, slow) for _ in range(50)]  # more than there are threads
        until(lambda: len(s3.asked) >= 8, what="fetches under way")
        runs.succeed(daemon, daemon.job("quick", "pass\n"), within_s=10)
        s3.may_go_on.set()
        assert {daemon.ended(slow, run_id)["JobRunState"] for run_id in waiting} == {"SUCCEEDED"}


def test_a_daemon_that_is_killed_in_the_middle_fetches_again(tmp_path: Path, folder: Path) -> None:
    once = tmp_path / "count"
    with serving() as s3, Daemon(tmp_path / "daemon", settings(s3, folder, once)) as daemon:
        s3.objects |= {
            "/other/slow.py": SCRIPT.encode() + b"#" * 300_000 + b"\nprint('whole')\n",
            "/other/helper.py": b"WORD = 'fetched'\n",
        }
        job = job_at(
            daemon, "slow", "s3://other/slow.py", DefaultArguments={"--extra-py-files": "s3://other/helper.py"}
        )
        run_id = runs.start(daemon, job)
        assert s3.half_sent.wait(20)
        assert daemon.get("/healthz")[0] == 200  # the loop does not wait for the fetch
        assert daemon.run(job, run_id)["JobRunState"] == "STARTING"
        daemon.kill()
        s3.may_go_on.set()
        assert not once.exists()
        daemon.start()
        assert daemon.ended(job, run_id)["JobRunState"] == "SUCCEEDED"
        assert runs.output(daemon, run_id) == "fetched\nwhole\n"
        assert once.read_text() == "x"
        assert s3.asked.count("/other/slow.py") == 2
