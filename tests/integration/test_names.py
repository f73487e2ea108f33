"""A name never becomes a path: runs lie where their generated ids say, and nothing is read or written elsewhere."""

import json
from pathlib import Path
from typing import Final

import pytest

from tests.support import runs, wire
from tests.support.daemon import Daemon

HOSTILE: Final = [
    "..",
    "../../outside",
    "/etc/passwd",
    "a/../../../b",
    "./.",
    "~root",
    "a\\..\\b",
    "%2e%2e%2fx",
    "x\ty",
]


def places(daemon: Daemon) -> set[Path]:
    """Return all that is on the disk around the daemon, but for what belongs to runs and the database."""
    mine = (daemon.state_dir / "runs", *daemon.state_dir.glob("state.db*"))
    return {path for path in daemon.root.rglob("*") if not any(path.is_relative_to(one) for one in mine)}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_job_of_any_name_runs_in_a_directory_of_its_runs_id(daemon: Daemon, tmp_path: Path, name: str) -> None:
    script = tmp_path / "script.py"
    script.write_text("open('written', 'w').close()\n")
    command = {"Name": "pythonshell", "ScriptLocation": str(script), "PythonVersion": "3"}
    before = places(daemon)

    assert daemon.call("CreateJob", {"Name": name, "Role": "r", "Command": command}) == {"Name": name}
    run = runs.finish(daemon, name)

    assert run["JobRunState"] == "SUCCEEDED"
    told = json.loads(daemon.get(f"/runs/{run['Id']}")[1])
    directory = Path(told["directory"])
    digits = run["Id"].removeprefix("jr_")
    assert directory.relative_to(daemon.state_dir / "runs").parts[-1].startswith(f"jr_{digits}")
    assert (directory / "work" / "written").exists()
    assert places(daemon) == before


@pytest.mark.parametrize("name", ["a\0b", "a\nb", ""])
def test_a_name_that_glue_has_not_is_refused(daemon: Daemon, name: str) -> None:
    command = {"Name": "pythonshell", "ScriptLocation": "x.py"}
    answer = daemon.call("CreateJob", {"Name": name, "Role": "r", "Command": command})
    assert answer["__type"] == "InvalidInputException"


ESCAPES: Final = [
    "..",
    "../..",
    "%2e%2e",
    "..%2f..%2fstate.db",
    "%2e%2e%2f%2e%2e%2fstate.db",
    "jr_%00",
    "%2fetc%2fpasswd",
]


@pytest.mark.parametrize("place", ESCAPES)
@pytest.mark.parametrize("path", ["/runs/{}/log/stdout", "/runs/{}", "/runs/{}/explain"])
def test_no_route_reads_what_is_no_run(daemon: Daemon, place: str, path: str) -> None:
    answer = wire.exchange(daemon.port, wire.request(b"", method="GET", path=path.format(place)))
    assert answer.status == 404
    assert set(answer.members) == {"__type", "Message"}


@pytest.mark.parametrize("stream", ["..%2fending.json", "../claim", "stdout.log", "stdout%00", "claim"])
def test_no_route_reads_what_is_no_log(daemon: Daemon, stream: str) -> None:
    job = daemon.job(f"logs-{stream.encode().hex()}", "pass\n")
    run = runs.finish(daemon, job)
    answer = wire.exchange(daemon.port, wire.request(b"", method="GET", path=f"/runs/{run['Id']}/log/{stream}"))
    assert answer.status in {400, 404}
    assert set(answer.members) == {"__type", "Message"}
