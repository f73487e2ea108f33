"""Write what a version of the program leaves behind: `python -m tests.golden.make CODE NAME`, from the project's root.

CODE is a clone of this repository at the version's commit; its own daemon runs, with this interpreter. See README.md.
"""

import json
import shutil
import sqlite3
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from tests.support.crashing import run_directory
from tests.support.daemon import Daemon
from tests.support.waiting import until

HERE: Final = Path(__file__).parent
SCRIPT: Final = """\
import os, sys, time
from awsglue.utils import getResolvedOptions
options = getResolvedOptions(sys.argv, ["gate", "code"])
with open(os.environ["ORCH_BOOKMARK_FILE"] + ".new", "w") as file:
    file.write(os.environ["ORCH_JOB_RUN_ID"])
os.rename(file.name, os.environ["ORCH_BOOKMARK_FILE"])
print("begun", flush=True)
while options["gate"] != "none" and not os.path.exists(options["gate"]):
    time.sleep(0.01)
sys.exit(int(options["code"]))
"""
_BOOKMARKED: Final = {"--job-bookmark-option": "job-bookmark-enable"}
_FILES: Final = ("claim", "ending.json", "stdout.log", "stdout.times", "bookmark/state")
_KEPT: Final = {"succeeded": _FILES, "ended_unseen": _FILES, "live": ("spec.json",)}
"""Which files of which runs are worth keeping: the shim of the live one will be started anew."""
_UNSPAWNED: Final = """\
try:
    from orchestrator.executors.local import spawning
except ImportError:
    pass
else:
    spawning.Spawner.spawn = lambda *_: False
"""
"""No spawn server is asked, so every shim is executed, and its spec is in a file."""
_AS_EVER: Final = """\
import os
os.environ.pop("ORCHESTRATOR_RUNS__ALLOW_ROOT", None)
"""
"""What older versions take for a mistake: to them, scripts are root's where the daemon is."""


def main(code: Path, name: str) -> None:
    """Have the daemon of `code` leave a state directory, and keep it as tests/golden/`name`."""
    target = HERE / name
    shutil.rmtree(target, ignore_errors=True)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "patch").mkdir()
        settings = (code / "config" / "orchestrator.toml").read_text()
        (root / "patch" / "sitecustomize.py").write_text(_UNSPAWNED + ("" if "allow_root" in settings else _AS_EVER))
        environment = {"PYTHONPATH": f"{root / 'patch'}:{code}", "ORCHESTRATOR_CAPACITY__DPUS": "10"}
        if "retries" in settings:
            environment["ORCHESTRATOR_RETRIES__FIRST_DELAY_S"] = "60"  # so that they are still to be made
        with Daemon(root, environment) as daemon:
            made = _make(daemon)
            _keep(daemon, code, target, made)
    shutil.copy(code / "orchestrator" / "executors" / "local" / "shim.py", target / "shim.txt")


def _make(daemon: Daemon) -> dict[str, Any]:
    """Bring about all that is worth keeping; return the names of it, and what the daemon told of it at last."""
    gate = str(daemon.root / "gate")
    daemon.job(
        "etl",
        SCRIPT,
        DefaultArguments={"--gate": "none", "--code": "0", **_BOOKMARKED},
        ExecutionProperty={"MaxConcurrentRuns": 4},
    )
    daemon.job("other", SCRIPT, DefaultArguments={"--gate": "none", "--code": "3"}, MaxRetries=1, AllocatedCapacity=2)
    runs = {
        "succeeded": daemon.call("StartJobRun", {"JobName": "etl"}, {"amz-sdk-invocation-id": "golden"})["JobRunId"]
    }
    daemon.ended("etl", runs["succeeded"])
    runs["failed"] = _start(daemon, "other")
    daemon.ended("other", runs["failed"])
    runs["stopped"] = _start(daemon, "etl", gate)
    until(lambda: daemon.run("etl", runs["stopped"])["JobRunState"] == "RUNNING", what="a run that is RUNNING")
    daemon.call("BatchStopJobRun", {"JobName": "etl", "JobRunIds": [runs["stopped"]]})
    daemon.ended("etl", runs["stopped"])
    has_chains = "__type" not in daemon.call("GetTriggers", {})
    if has_chains:
        _make_chains(daemon)
    ended = json.loads(daemon.get("/runs?limit=1000")[1])["runs"]
    told = {
        "GetJob": [daemon.call("GetJob", {"JobName": name})["Job"] for name in ("etl", "other")],
        "GetJobRun": [daemon.run(run["job_name"], run["id"]) for run in ended],
        "GetJobBookmark": daemon.call("GetJobBookmark", {"JobName": "etl"})["JobBookmarkEntry"],
        "GetTriggers": daemon.call("GetTriggers", {})["Triggers"] if has_chains else [],
        "GetWorkflowRuns": daemon.call("GetWorkflowRuns", {"Name": "flow"})["Runs"] if has_chains else [],
        "history": {run["id"]: json.loads(daemon.get(f"/runs/{run['id']}")[1])["history"] for run in ended},
    }
    runs["ended_unseen"] = _start(daemon, "etl", str(daemon.root / "another"), AllocatedCapacity=2)
    runs["live"] = _start(daemon, "etl", gate, AllocatedCapacity=8)
    for name in ("ended_unseen", "live"):
        until(lambda name=name: daemon.run("etl", runs[name])["JobRunState"] == "RUNNING", what="RUNNING")  # type: ignore[misc]
    runs["queued"] = _start(daemon, "etl")
    runs["waiting"] = _start(daemon, "etl", JobRunQueuingEnabled=True)
    daemon.kill()
    (daemon.root / "another").touch()
    until((run_directory(daemon, runs["ended_unseen"]) / "ending.json").exists, what="an ending")
    return {"runs": runs, "told": told}


def _start(daemon: Daemon, job: str, gate: str = "none", **members: Any) -> str:
    more = {"--code": "5"} if "another" in gate else {}
    if gate == "none" and job == "etl":
        more["--job-bookmark-option"] = "job-bookmark-disable"
    return str(
        daemon.call("StartJobRun", {"JobName": job, "Arguments": {"--gate": gate, **more}, **members})["JobRunId"]
    )


def _make_chains(daemon: Daemon) -> None:
    flow = {"WorkflowName": "flow"}
    daemon.call("CreateWorkflow", {"Name": "flow", "DefaultRunProperties": {"day": "monday"}, "Tags": {"team": "etl"}})
    action = [{"JobName": "etl"}]
    condition = {"LogicalOperator": "EQUALS", "JobName": "etl", "State": "SUCCEEDED"}
    triggers: list[dict[str, Any]] = [
        {"Name": "root", "Type": "ON_DEMAND", "Actions": action, **flow},
        {"Name": "hand", "Type": "ON_DEMAND", "Actions": action},
        {"Name": "nightly", "Type": "SCHEDULED", "Schedule": "cron(15 3 1 1 ? 2099)", "Actions": action},
        {
            "Name": "then",
            "Type": "CONDITIONAL",
            "Actions": [{"JobName": "other"}],
            "Predicate": {"Conditions": [condition]},
        },
    ]
    for trigger in triggers:
        on_creation = {"StartOnCreation": True} if trigger["Type"] != "ON_DEMAND" else {}
        assert daemon.call("CreateTrigger", {**trigger, **on_creation}) == {"Name": trigger["Name"]}
    run_id = daemon.call("StartWorkflowRun", {"Name": "flow"})["RunId"]
    of_run = {"Name": "flow", "RunId": run_id}
    until(lambda: daemon.call("GetWorkflowRun", of_run)["Run"]["Status"] == "COMPLETED", what="the workflow run")
    daemon.call("StartTrigger", {"Name": "hand"})

    def is_quiet() -> bool:
        runs = json.loads(daemon.get("/runs?limit=1000")[1])["runs"]
        following = [run for run in runs if run["job_name"] == "other" and run["state"] == "FAILED"]
        return len(following) == 2 and not [run for run in runs if run["completed_on_ms"] is None]

    until(is_quiet, what="the chain")


def _keep(daemon: Daemon, code: Path, target: Path, made: dict[str, Any]) -> None:
    places = {str(daemon.root): "@ROOT@", str(code): "@CODE@", sys.executable: "@PYTHON@", str(Path.home()): "@ROOT@"}
    virtual = str(Path(sys.executable).parent)
    places[virtual] = "@BIN@"

    def write(path: Path, text: str) -> None:
        for place, name in places.items():
            text = text.replace(place, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    with closing(sqlite3.connect(daemon.state_dir / "state.db")) as store:
        numbers = [
            f"PRAGMA {name} = {store.execute(f'PRAGMA {name}').fetchone()[0]};"
            for name in ("application_id", "user_version")
        ]
        write(target / "state.sql", "\n".join([*store.iterdump(), *numbers, ""]))
    for name, files in _KEPT.items():
        directory = run_directory(daemon, made["runs"][name])
        for file in files:
            if (directory / file).exists():
                write(target / (directory / file).relative_to(daemon.state_dir), (directory / file).read_text())
    made["made_on_ms"] = time.time_ns() // 1_000_000
    write(target / "made.json", json.dumps(made, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), sys.argv[2])
