"""Every write and every spawn of the daemon, and every step of its spawn server and of the shim, is a point to kill it at.

The registry that the crash tests are made from is held to the code, and each point is seen to be reached.
"""

import ast
import http.client
import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from orchestrator.store.room import KEPT_PAGES
from tests.support.chain_calls import conditional, is_quiet, leave_free_pages, on_demand, rewrite
from tests.support.crash_points import DAEMON_POINTS, PHASES, RESTORE_POINTS, SERVER_POINTS, SHIM_POINTS, WRITES
from tests.support.crashing import Markers, a_daemon, check_nothing_left, kill, reached, shim_of
from tests.support.daemon import ROOT, Daemon
from tests.support.waiting import until

_PACKAGE: Final = ROOT / "orchestrator"
_SHIM: Final = _PACKAGE / "executors" / "local" / "shim.py"
_FORKING: Final = _SHIM.with_name("forking.py")
_DATABASE: Final = _PACKAGE / "store" / "database.py"


def test_every_write_is_named_by_a_literal_and_is_in_the_registry() -> None:
    assert {name for file in _modules() for name in _names_of_writes(file)} == set(WRITES)


def test_every_write_passes_each_phase() -> None:
    in_database = [node for call in _calls(_DATABASE, "reach") for node in call.args]
    assert [ast.unparse(node) for node in in_database] == [f"f'{{item.name}}.{phase}'" for phase in PHASES]


def test_every_other_point_is_a_literal_and_is_in_the_registry() -> None:
    files = [file for file in _modules() if file not in (_DATABASE, _FORKING)]
    found = [_literal(call.args[0]) for file in files for call in _calls(file, "reach")]
    others = [point for point in DAEMON_POINTS if point.partition(".")[0] not in WRITES]
    assert sorted(found) == sorted([*others, *RESTORE_POINTS])


def test_every_step_of_the_shim_is_in_the_registry() -> None:
    assert sorted(_literal(call.args[0]) for call in _calls(_SHIM, "reach")) == sorted(SHIM_POINTS)


def test_every_step_of_the_spawn_server_is_in_the_registry() -> None:
    assert sorted(_literal(call.args[0]) for call in _calls(_FORKING, "reach")) == sorted(SERVER_POINTS)


def test_a_point_in_the_shim_follows_each_of_its_lasting_effects() -> None:
    """A step that is added without a point would be a step at which nobody ever killed it."""
    effects = {"link", "fork", "rename", "fsync", "posix_fallocate", "kill_tree", "sync_directory", "notify"}
    for function in [node for node in ast.walk(_tree(_SHIM)) if isinstance(node, ast.FunctionDef)]:
        calls = [(node.lineno, _name_of(node)) for node in ast.walk(function) if isinstance(node, ast.Call)]
        points = [line for line, name in calls if name == "reach"]
        for line, name in calls:
            if name in effects and function.name not in {"write_whole", "sync_directory", "kill_tree", "set_aside"}:
                is_refusal = function.name == "main" and name == "notify"
                assert is_refusal or any(point > line for point in points), f"{function.name}, line {line}: {name}"


@pytest.mark.timeout(120)
def test_every_point_is_reached(tmp_path: Path) -> None:
    log = tmp_path / "reached"
    markers = Markers(tmp_path / "markers")
    sleeper = markers.script("import time; time.sleep(60)")
    with a_daemon(
        tmp_path,
        crash_log=log,
        runs__stop_grace_s=0.5,
        capacity__dpus=10,
        triggers__catch_up="one",
        retries__first_delay_s=0.1,
        notices=json.dumps({"kept": {"file": str(tmp_path / "kept")}}),
    ) as daemon:
        client = daemon
        quick = client.job("quick", markers.script(moves_bookmark=True), DefaultArguments=_BOOKMARK)
        long = client.job("long", sleeper, ExecutionProperty={"MaxConcurrentRuns": 9})

        first = _started(client.call("StartJobRun", {"JobName": quick}))
        assert client.ended(quick, first)["JobRunState"] == "SUCCEEDED"
        again = _started(client.call("StartJobRun", {"JobName": quick, "JobRunId": first}))
        assert client.ended(quick, again)["JobRunState"] == "SUCCEEDED"
        assert "JobBookmarkEntry" in client.call("ResetJobBookmark", {"JobName": quick})
        by_hand = {"JobName": quick, "JobBookmark": "x"}
        assert "JobBookmarkEntry" in client.call("Orchestrator.SetJobBookmark", by_hand)
        assert client.call("Orchestrator.ReadFiles", {"DryRun": True})["Changes"] == []

        running = _started(client.call("StartJobRun", {"JobName": long}))
        markers.wait_for("start", run_id=running)
        queued = _started(client.call("StartJobRun", {"JobName": long}))
        assert "Waiting for 10 DPU" in client.run(long, queued)["StateDetail"]
        for run_id in (queued, running):
            client.call("BatchStopJobRun", {"JobName": long, "JobRunIds": [run_id]})
            assert client.ended(long, run_id)["JobRunState"] == "STOPPED"

        hopeless = _started(
            client.call("StartJobRun", {"JobName": quick, "Arguments": {"--extra-py-files": "/nowhere.zip"}})
        )
        assert "/nowhere.zip" in client.ended(quick, hopeless)["ErrorMessage"]

        assert client.get("/readyz")[0] == http.client.OK
        patient = _started(client.call("StartJobRun", {"JobName": long, "JobRunQueuingEnabled": True}))
        markers.wait_for("start", run_id=patient)
        until(lambda: "keep_samples.committed" in reached(log), what="a look at what it uses")
        kill(shim_of(daemon, patient).pid)
        assert client.ended(long, patient)["JobRunState"] == "FAILED"

        update = {"Role": "r", "Command": {"Name": "pythonshell", "ScriptLocation": "x.py"}}
        assert client.call("UpdateJob", {"JobName": long, "JobUpdate": update}) == {"JobName": long}
        assert client.call("DeleteJob", {"JobName": long}) == {"JobName": long}

        (daemon.jobs_dir / "filed").mkdir()
        (daemon.jobs_dir / "filed" / "x.py").touch()
        (daemon.jobs_dir / "filed" / "job.toml").write_text(
            '[Command]\nName = "pythonshell"\nScriptLocation = "x.py"\n'
        )
        kill(daemon.pid, signal.SIGHUP)
        until(lambda: "Job" in daemon.call("GetJob", {"JobName": "filed"}), what="the job of the file")
        _orchestrate(daemon, markers)
        check_nothing_left(daemon, markers)
        until(lambda: "return_pages.committed" in reached(log), what="the last of what happens in the background")
    assert reached(log) == {*DAEMON_POINTS, *SERVER_POINTS, *SHIM_POINTS}


def _orchestrate(daemon: Daemon, markers: Markers) -> None:
    """Reach what is around triggers and workflows, and what the clock brings about."""

    def call(action: str, **members: object) -> dict[str, Any]:
        answer = daemon.call(action, members)
        assert "__type" not in answer, answer
        return answer

    job = daemon.job("failing", markers.script("sys.exit(1)"), MaxRetries=1)
    slow = daemon.job("slow", markers.script("import time; time.sleep(60)"), ExecutionProperty={"MaxConcurrentRuns": 9})
    arn = f"arn:aws:glue:us-east-1:123456789012:job/{job}"
    call("TagResource", ResourceArn=arn, TagsToAdd={"k": "v"})
    call("UntagResource", ResourceArn=arn, TagsToRemove=["k"])

    on_demand(call, "root", job)
    call("StartTrigger", Name="root")
    until(lambda: is_quiet(daemon), what="the end of the retry")
    conditional(call, "then", [job], {slow: "SUCCEEDED"})
    call("StopTrigger", Name="then")
    call("UpdateTrigger", Name="root", TriggerUpdate={"Actions": [{"JobName": job}], "Description": "d"})
    call("DeleteTrigger", Name="then")

    call("CreateWorkflow", Name="w")
    call("UpdateWorkflow", Name="w", Description="d")
    on_demand(call, "first", slow, WorkflowName="w")
    run_id = call("StartWorkflowRun", Name="w")["RunId"]
    call("PutWorkflowRunProperties", Name="w", RunId=run_id, RunProperties={"k": "v"})
    call("StopWorkflowRun", Name="w", RunId=run_id)
    until(lambda: is_quiet(daemon), what="the end of the workflow run")
    graph = call("GetWorkflowRun", Name="w", RunId=run_id, IncludeGraph=True)["Run"]["Graph"]
    node = next(node["UniqueId"] for node in graph["Nodes"] if node["Type"] == "JOB")
    resumed = call("ResumeWorkflowRun", Name="w", RunId=run_id, NodeIds=[node])["RunId"]
    call("StopWorkflowRun", Name="w", RunId=resumed)
    until(lambda: is_quiet(daemon), what="the end of the workflow run")
    call("DeleteWorkflow", Name="w")

    late = _started(call("StartJobRun", JobName=slow, NotificationProperty={"NotifyDelayAfter": 1}))
    markers.wait_for("start", run_id=late)
    action = [{"JobName": job}]
    call(
        "CreateTrigger",
        Name="timed",
        Type="SCHEDULED",
        Schedule="cron(0 * * * ? *)",
        StartOnCreation=True,
        Actions=action,
    )
    daemon.kill()
    rewrite(daemon, "UPDATE job_run SET started_on_ms = started_on_ms - 60000 WHERE completed_on_ms IS NULL")
    rewrite(daemon, "UPDATE job_run SET launched_on_ms = launched_on_ms - 60000 WHERE completed_on_ms IS NULL")
    rewrite(daemon, "UPDATE job_trigger SET active_since_ms = 0 WHERE name = 'timed'")
    daemon.start()
    until(lambda: '"Glue Job Run Status"' in daemon.log(), what="the event of the late run")
    call("BatchStopJobRun", JobName=slow, JobRunIds=[late])
    until(lambda: len(markers.all("start")) and is_quiet(daemon), what="the end of all")

    daemon.kill()
    family = "WHERE base_id = (SELECT base_id FROM job_run WHERE seq = 1)"
    rewrite(daemon, f"UPDATE job_run SET started_on_ms = 0, completed_on_ms = 1 {family}")  # noqa: S608
    leave_free_pages(daemon, 2 * KEPT_PAGES)
    daemon.start()
    until(lambda: '"history_retired"' in daemon.log(), what="the end of the old runs")


_BOOKMARK: Final = {"--job-bookmark-option": "job-bookmark-enable"}


def _started(answer: dict[str, str]) -> str:
    assert "JobRunId" in answer, json.dumps(answer)
    return answer["JobRunId"]


def _modules() -> list[Path]:
    return [file for file in sorted(_PACKAGE.rglob("*.py")) if file != _SHIM]


def _tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text())


def _calls(file: Path, name: str) -> list[ast.Call]:
    """Return the calls of a function or method, in the order of their lines."""
    calls = [node for node in ast.walk(_tree(file)) if isinstance(node, ast.Call) and _name_of(node) == name]
    return sorted(calls, key=lambda call: call.lineno)


def _name_of(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def _names_of_writes(file: Path) -> Iterator[str]:
    """Yield how a module names its writes; a name that is handed through must be a literal where it comes from."""
    for function in ast.walk(_tree(file)):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        for call in ast.walk(function):
            if isinstance(call, ast.Call) and _is_write(call):
                name = call.args[0]
                if isinstance(name, ast.Name):
                    position = [argument.arg for argument in function.args.args].index(name.id) - 1  # without self
                    yield from (_literal(caller.args[position]) for caller in _callers(file, function.name))
                else:
                    yield _literal(name)


def _callers(file: Path, name: str) -> list[ast.Call]:
    found = _calls(file, name)
    assert found, f"nobody calls {name}"
    return found


def _is_write(call: ast.Call) -> bool:
    """Say whether a call is a database's `write`, however the database is called: no file's takes two arguments."""
    if not isinstance(call.func, ast.Attribute) or call.func.attr != "write":
        return False
    owner = ast.unparse(call.func.value)
    return owner != "os" and (len(call.args) > 1 or owner.endswith("database"))


def _literal(node: ast.expr) -> str:
    assert isinstance(node, ast.Constant), f"{ast.unparse(node)} (line {node.lineno}) is no literal"
    assert isinstance(node.value, str)
    return node.value
