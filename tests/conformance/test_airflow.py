"""Airflow's Glue hook, operator and sensor drive real runs: whole DAGs, run by Airflow itself against the daemon."""

import json
import signal
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Final

import pytest

from tests.conformance.clients.running import HERE, PYTHON, WITHIN_S, Client, needs_python, running
from tests.support import processes, runs
from tests.support.daemon import Daemon, running_daemon
from tests.support.waiting import until

pytestmark = [needs_python, pytest.mark.timeout(180)]

WRITE_ARGV: Final = """
import json, sys
arguments = dict(zip(sys.argv[1::2], sys.argv[2::2]))
with open(arguments["--out"], "a") as out:
    print(json.dumps(arguments), file=out)
"""
"""A script that adds its arguments, as a line, to the file that `--out` names."""

WRITE_AND_WAIT: Final = f"{WRITE_ARGV}{runs.WAIT_FOR_GATE}"
WRITE_AND_FAIL: Final = f"{WRITE_ARGV}\nraise ValueError('no such flight')\n"
SPEAK: Final = f"""
{WRITE_ARGV}
import os, time
print("first line", flush=True)
print("a warning", file=sys.stderr, flush=True)
while not os.path.exists(arguments["--gate"]):
    time.sleep(0.01)
print("last line")
"""


class Airflow:
    """An installation of Airflow with its database, whose AWS connection is the daemon."""

    def __init__(self, home: Path, daemon: Daemon) -> None:
        """Make the database."""
        self.home = home
        self.daemon = daemon
        extra = {"region_name": "us-east-1", "endpoint_url": daemon.endpoint_url}
        self.variables = {
            "AIRFLOW_HOME": str(home),
            "AIRFLOW_CONN_AWS_DEFAULT": json.dumps(
                {"conn_type": "aws", "login": "airflow", "password": "airflow", "extra": extra}
            ),
            "AIRFLOW__CORE__DAGS_FOLDER": str(HERE / "airflow"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        }
        with self._running(["-m", "airflow", "db", "migrate"], {}) as migration:
            assert migration.process.wait(timeout=WITHIN_S) == 0, migration.output()

    def dag(self, name: str, tasks: dict[str, Any]) -> AbstractContextManager[Client]:
        """Lend the run of a DAG of these tasks."""
        return self._running([str(HERE / "airflow" / "dag.py")], {"dag": name, "tasks": tasks})

    def hook(self, request: dict[str, Any]) -> AbstractContextManager[Client]:
        """Lend a program that uses the hook."""
        return self._running([str(HERE / "airflow" / "hook.py")], request)

    def _running(self, arguments: list[str], request: dict[str, Any]) -> AbstractContextManager[Client]:
        return running([str(PYTHON), *arguments], self.home, self.variables, request)


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the directory that is the bucket `scripts` to the daemon."""
    return tmp_path_factory.mktemp("bucket")


@pytest.fixture(scope="module")
def daemon(bucket: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """Lend a daemon that has a bucket: Airflow's operator gives no other script location to a job that it creates."""
    settings = {"ORCHESTRATOR_S3__SCRIPTS": str(bucket), "ORCHESTRATOR_RUNS__STOP_GRACE_S": "0.3"}
    with running_daemon(tmp_path_factory.mktemp("daemon"), settings) as running_one:
        yield running_one


@pytest.fixture(scope="module")
def airflow(daemon: Daemon, tmp_path_factory: pytest.TempPathFactory) -> Airflow:
    """Return an installation of Airflow."""
    return Airflow(tmp_path_factory.mktemp("airflow"), daemon)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Return the file that scripts write their arguments to."""
    return tmp_path / "out"


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Path]:
    """Return the file that scripts wait for; it is there at the end in any case."""
    path = tmp_path / "gate"
    yield path
    path.touch()


def operator(job: str, out: Path, *, arguments: dict[str, str] | None = None, **members: Any) -> dict[str, Any]:
    """Return an operator's members; it looks often."""
    return {
        "class": "GlueJobOperator",
        "job_name": job,
        "script_args": {"--out": str(out), **(arguments or {})},
        "job_poll_interval": 0.1,
        **({"waiter_delay": 1, "waiter_max_attempts": 60} if members.get("deferrable") else {}),
        **members,
    }


def written(out: Path) -> list[dict[str, str]]:
    """Return the arguments of every script that began, without those that every script gets."""
    lines = out.read_text().splitlines() if out.exists() else []
    return [{key: value for key, value in json.loads(line).items() if key not in runs.INJECTED} for line in lines]


def the_run(daemon: Daemon, job: str) -> dict[str, Any]:
    """Return the job's one run."""
    (run,) = daemon.call("GetJobRuns", {"JobName": job})["JobRuns"]
    assert isinstance(run, dict)
    return run


def let_go_when_running(daemon: Daemon, job: str, gate: Path) -> None:
    """Open the gate of a job's one run, once its script has begun."""

    def has_begun() -> bool:
        found = daemon.call("GetJobRuns", {"JobName": job})["JobRuns"]
        return bool(found) and found[0]["JobRunState"] == "RUNNING"

    until(has_begun, within_s=WITHIN_S, what=f"a running run of {job}")
    gate.touch()


def test_an_operator_creates_its_job_and_a_sensor_sees_the_runs_end(
    airflow: Airflow, daemon: Daemon, bucket: Path, out: Path
) -> None:
    (bucket / "etl").mkdir()
    (bucket / "etl" / "created.py").write_text(WRITE_ARGV)
    start = operator(
        "created_by_airflow",
        out,
        arguments={"--who": "{{ dag.dag_id }}"},
        script_location="s3://scripts/etl/created.py",
        s3_bucket="scripts",
        iam_role_name="glue",
        create_job_kwargs={"GlueVersion": "4.0", "NumberOfWorkers": 2, "WorkerType": "G.1X"},
    )
    run_id = "{{ ti.xcom_pull('start') }}"
    watch = {"class": "GlueJobSensor", "job_name": "created_by_airflow", "run_id": run_id, "poke_interval": 1}
    with airflow.dag("creates", {"start": start, "watch": watch}) as client:
        answer = client.answer()
    assert (answer["dag"], answer["tasks"]) == ("success", {"start": ["success", 1], "watch": ["success", 1]})
    run = the_run(daemon, "created_by_airflow")
    assert (run["Id"], run["JobRunState"]) == (answer["results"]["start"], "SUCCEEDED")
    assert written(out) == [{"--out": str(out), "--who": "creates"}]
    job = daemon.call("GetJob", {"JobName": "created_by_airflow"})["Job"]
    assert job["Command"] == {"Name": "glueetl", "ScriptLocation": "s3://scripts/etl/created.py"}
    assert (job["WorkerType"], job["NumberOfWorkers"], job["Role"].endswith(":role/glue")) == ("G.1X", 2, True)


def test_an_operator_fails_with_its_script(airflow: Airflow, daemon: Daemon, out: Path) -> None:
    job = daemon.job("airflow_fails", WRITE_AND_FAIL)
    with airflow.dag("fails", {"start": operator(job, out)}) as client:
        answer = client.answer()
        output = client.output()
    run = the_run(daemon, job)
    assert (answer["dag"], answer["tasks"], answer["results"]) == ("failed", {"start": ["failed", 1]}, {})
    assert (run["JobRunState"], run["ErrorMessage"]) == ("FAILED", "ValueError: no such flight")
    assert f"Exiting Job {run['Id']} Run State: FAILED" in output
    assert len(written(out)) == 1


@pytest.mark.parametrize("deferrable", [False, True])
def test_a_verbose_operator_shows_what_the_script_wrote(
    airflow: Airflow, daemon: Daemon, out: Path, gate: Path, *, deferrable: bool
) -> None:
    job = daemon.job(f"airflow_speaks_{deferrable}", SPEAK)
    start = operator(job, out, arguments={"--gate": str(gate)}, verbose=True, deferrable=deferrable)
    with airflow.dag(f"speaks_{deferrable}", {"start": start}) as client:
        client.await_output("first line")
        assert not gate.exists()  # it came while the script was running
        gate.touch()
        answer = client.answer()
        output = client.output()
    assert (answer["dag"], the_run(daemon, job)["JobRunState"]) == ("success", "SUCCEEDED")
    groups = the_run(daemon, job)["LogGroupName"]
    assert f"Glue Job Run {groups}/output Logs:" in output
    assert f"Glue Job Run {groups}/error Logs:" in output
    assert "a warning" in output
    assert "last line" in output


def test_an_operator_that_is_killed_stops_its_run(airflow: Airflow, daemon: Daemon, out: Path, gate: Path) -> None:
    job = daemon.job("airflow_killed", f"import os\nprint(os.getpid(), flush=True)\n{WRITE_AND_WAIT}")
    start = operator(job, out, arguments={"--gate": str(gate)}, stop_job_run_on_kill=True)
    with airflow.dag("killed", {"start": start}) as client:
        # Airflow can only stop a run whose id it knows: it says so in its log.
        client.await_output("current run state with status RUNNING")
        until(lambda: written(out), what="the script's beginning")
        client.process.send_signal(signal.SIGTERM)
        answer = client.answer()
        output = client.output()
    run = the_run(daemon, job)
    assert (answer["tasks"], run["JobRunState"]) == ({"start": ["failed", 1]}, "STOPPED")
    assert f"Stopping AWS Glue Job: {job}. Run Id: {run['Id']}" in output
    assert not gate.exists()
    assert not processes.is_alive(int(runs.output(daemon, run["Id"]).split()[0]))


def test_deferred_tasks_wait_in_the_triggers_own_loop(airflow: Airflow, daemon: Daemon, out: Path, gate: Path) -> None:
    job = daemon.job("airflow_defers", WRITE_AND_WAIT)
    start = operator(job, out, arguments={"--gate": str(gate)}, deferrable=True)
    watch = {"class": "GlueJobSensor", "job_name": job, "deferrable": True, "poke_interval": 1}
    run_id = "{{ ti.xcom_pull('start') }}"
    with airflow.dag("defers", {"start": start, "watch": {**watch, "run_id": run_id}}) as client:
        let_go_when_running(daemon, job, gate)
        answer = client.answer()
        output = client.output()
    run = the_run(daemon, job)
    assert (answer["dag"], answer["tasks"]) == ("success", {"start": ["success", 1], "watch": ["success", 1]})
    assert (run["Id"], run["JobRunState"]) == (answer["results"]["start"], "SUCCEEDED")
    assert output.count("Pausing task as DEFERRED") == 2
    (arguments,) = written(out)
    assert arguments["--gate"] == str(gate)


def test_a_deferred_operator_fails_with_its_script(airflow: Airflow, daemon: Daemon, out: Path) -> None:
    job = daemon.job("airflow_defers_failure", WRITE_AND_FAIL)
    with airflow.dag("defers_failure", {"start": operator(job, out, deferrable=True)}) as client:
        answer = client.answer()
        output = client.output()
    assert (answer["dag"], answer["tasks"]) == ("failed", {"start": ["failed", 1]})
    assert "AWS Glue job failed" in output
    assert "ValueError: no such flight" in output
    assert the_run(daemon, job)["JobRunState"] == "FAILED"
    assert len(written(out)) == 1


@pytest.mark.parametrize(
    ("giving_up", "resumption"),
    [
        # The run's id is in Airflow's own store.
        ({"execution_timeout": 25}, "Reconnecting to existing job"),
        # The run is found among the job's runs, by an argument that names the task.
        ({"deferrable": True, "waiter_max_attempts": 6}, "Found Glue job_run_id by task UUID"),
    ],
    ids=["synchronous", "deferrable"],
)
def test_a_retry_resumes_the_run_that_is_still_going_on(
    airflow: Airflow, daemon: Daemon, out: Path, gate: Path, *, giving_up: dict[str, Any], resumption: str
) -> None:
    name = f"resumes_{'_'.join(giving_up)}"
    job = daemon.job(f"airflow_{name}", WRITE_AND_WAIT)
    start = operator(
        job, out, arguments={"--gate": str(gate)}, resume_glue_job_on_retry=True, retries=1, retry_delay=0, **giving_up
    )
    with airflow.dag(name, {"start": start}) as client:
        client.await_output(resumption)
        gate.touch()
        answer = client.answer()
    assert (answer["dag"], answer["tasks"]) == ("success", {"start": ["success", 2]})
    assert the_run(daemon, job)["JobRunState"] == "SUCCEEDED"
    assert len(written(out)) == 1


def test_the_hook_creates_a_job_with_a_role_by_name(
    airflow: Airflow, daemon: Daemon, out: Path, tmp_path: Path
) -> None:
    script = tmp_path / "hooked.py"
    script.write_text(WRITE_ARGV)
    members = {
        "job_name": "hooked",
        "desc": "by the hook",
        "iam_role_name": "glue",
        "num_of_dpus": 1,
        "concurrent_run_limit": 2,
        "create_job_kwargs": {"Command": {"Name": "pythonshell", "ScriptLocation": str(script), "PythonVersion": "3"}},
    }
    request = {"members": members, "arguments": {"--out": str(out)}}
    with airflow.hook(request) as client:
        answer = client.answer()
    assert [answer[key]["JobRunState"] for key in ("waited", "awaited")] == ["SUCCEEDED", "SUCCEEDED"]
    assert [answer[key]["JobRunId"] for key in ("waited", "awaited")] == answer["runs"]
    assert len(set(answer["runs"])) == 2
    assert written(out) == [{"--out": str(out)}] * 2
    assert daemon.call("GetJob", {"JobName": "hooked"})["Job"]["Role"].endswith(":role/glue")


def test_the_hook_updates_a_job_and_its_tags(airflow: Airflow, daemon: Daemon, out: Path) -> None:
    job = daemon.job("hook_updates", WRITE_ARGV, Tags={"old": "1", "kept": "1"})
    command = daemon.call("GetJob", {"JobName": job})["Job"]["Command"]
    members = {
        "job_name": job,
        "desc": "updated",
        "iam_role_arn": "arn:aws:iam::123456789012:role/other",
        "num_of_dpus": 1,
        "update_config": True,
        "create_job_kwargs": {"Command": command, "Tags": {"kept": "1", "new": "2"}},
    }
    with airflow.hook({"members": members, "arguments": {"--out": str(out)}}) as client:
        client.answer()
    updated = daemon.call("GetJob", {"JobName": job})["Job"]
    assert (updated["Description"], updated["Role"]) == ("updated", members["iam_role_arn"])
    tags = daemon.call("GetTags", {"ResourceArn": f"arn:aws:glue:us-east-1:123456789012:job/{job}"})["Tags"]
    assert tags == {"kept": "1", "new": "2"}
    assert len(written(out)) == 2
