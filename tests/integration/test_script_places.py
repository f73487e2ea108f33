"""What is executed lies where the settings allow, and nobody else could have changed it."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import runs
from tests.support.daemon import Daemon, running_daemon


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    root = tmp_path_factory.mktemp("daemon")
    allowed = root / "allowed"
    allowed.mkdir()
    (root / "also").symlink_to(allowed)  # a root may be given by a link
    with running_daemon(root, {"ORCHESTRATOR_RUNS__SCRIPT_ROOTS": f'["{root / "also"}"]'}) as running:
        yield running


def job_of(daemon: Daemon, name: str, script: Path) -> str:
    command = {"Name": "pythonshell", "ScriptLocation": str(script)}
    assert daemon.call("CreateJob", {"Name": name, "Role": "r", "Command": command}) == {"Name": name}
    return name


def failure(daemon: Daemon, name: str, script: Path) -> str:
    run = runs.finish(daemon, job_of(daemon, name, script))
    assert run["JobRunState"] == "FAILED"
    message: str = run["ErrorMessage"]
    return message


def test_a_script_in_a_root_runs(daemon: Daemon) -> None:
    script = daemon.root / "allowed" / "deep" / "script.py"
    script.parent.mkdir()
    script.write_text("print('ran')", encoding="ascii")
    assert runs.output(daemon, runs.succeed(daemon, job_of(daemon, "inside", script))["Id"]) == "ran\n"


@pytest.mark.parametrize("way", ["plain", "link", "dots", "sibling"])
def test_one_elsewhere_does_not_however_it_is_named(daemon: Daemon, way: str) -> None:
    outside = daemon.root / ("allowed-not" if way == "sibling" else "outside")
    outside.mkdir(exist_ok=True)
    script = outside / "script.py"
    script.write_text("print('ran')", encoding="ascii")
    link = daemon.root / "allowed" / f"{way}.py"
    link.symlink_to(script)
    named = {"plain": script, "link": link, "dots": daemon.root / "allowed" / ".." / "outside" / "script.py"}
    assert failure(daemon, way, named.get(way, script)) == (
        "The script could not be started: "
        f"{script} is in none of the directories that scripts may be in (script_roots): {str(named.get(way, script))!r}"
    )


def test_a_script_that_everybody_may_write_to_is_not_executed(daemon: Daemon) -> None:
    script = daemon.root / "allowed" / "open.py"
    script.write_text("print('ran')", encoding="ascii")
    script.chmod(0o666)
    assert failure(daemon, "open", script) == f"The script could not be started: everybody may write to it: '{script}'"


@pytest.mark.parametrize("start", ["cold", "warm"])
def test_what_was_looked_at_is_what_is_executed_whatever_becomes_of_a_link(daemon: Daemon, start: str) -> None:
    script = daemon.root / "allowed" / f"behind-{start}.py"
    script.write_text("import sys; print(sys.argv[0], __file__)", encoding="ascii")
    link = daemon.root / f"link-{start}.py"
    link.symlink_to(script)
    job = job_of(daemon, f"behind-{start}", link)
    preload = {"--orchestrator-preload": ""} if start == "warm" else {}
    run = runs.succeed(daemon, job, Arguments=preload)
    assert runs.output(daemon, run["Id"]) == f"{script} {script}\n"


def test_a_script_is_not_executed_where_everybody_could_put_another(daemon: Daemon) -> None:
    folder = daemon.root / "allowed" / "shared"
    script = folder / "deep" / "script.py"
    script.parent.mkdir(parents=True)
    script.write_text("print('ran')", encoding="ascii")
    folder.chmod(0o777)
    expected = f"The script could not be started: everybody may write to {folder}: {str(script)!r}"
    assert failure(daemon, "shared", script) == expected
    folder.chmod(0o1777)  # in such a directory only owners remove
    run = runs.succeed(daemon, "shared")
    assert runs.output(daemon, run["Id"]) == "ran\n"


@pytest.mark.parametrize("how", ["link", "open"])
def test_what_a_directory_begins_with_is_looked_at_too(daemon: Daemon, how: str) -> None:
    folder = daemon.root / "allowed" / f"folder-{how}"
    folder.mkdir()
    outside = daemon.root / f"outside-{how}.py"
    outside.write_text("print('ran')", encoding="ascii")
    main = folder / "__main__.py"
    if how == "link":
        main.symlink_to(outside)
    else:
        main.write_text("print('ran')", encoding="ascii")
        main.chmod(0o666)
    problem = {
        "link": f"{outside} is in none of the directories that scripts may be in (script_roots)",
        "open": "everybody may write to it",
    }[how]
    assert failure(daemon, folder.name, folder) == f"The script could not be started: {problem}: {str(folder)!r}"


def test_a_fifo_is_not_waited_for(daemon: Daemon) -> None:
    script = daemon.root / "allowed" / "fifo.py"
    os.mkfifo(script, 0o600)
    expected = f"The script could not be started: it is neither a file nor a directory: '{script}'"
    assert failure(daemon, "fifo", script) == expected


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_root_executes_what_is_another_users_where_the_settings_name_the_place(daemon: Daemon) -> None:
    script = daemon.root / "allowed" / "given.py"
    script.write_text("print('ran')", encoding="ascii")
    os.chown(script, 65534, 65534)
    assert runs.output(daemon, runs.succeed(daemon, job_of(daemon, "given", script))["Id"]) == "ran\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_root_does_not_execute_what_is_another_users(tmp_path: Path) -> None:
    with running_daemon(tmp_path) as daemon:
        job = daemon.job("given", "print('ran')")
        os.chown(tmp_path / "given.py", 65534, 65534)
        run = runs.finish(daemon, job)
        assert run["JobRunState"] == "FAILED"
        assert run["ErrorMessage"] == (
            "The script could not be started: it belongs to user 65534, who would become user 0 by it: "
            f"'{tmp_path / 'given.py'}'"
        )


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
@pytest.mark.parametrize(
    ("uid", "gid", "mode", "problem"),
    [
        (65534, 0, 0o755, "{folder} belongs to user 65534, who could put another file there"),
        (0, 65534, 0o775, "group 65534 may write to {folder}, and could put another file there"),
        (0, 0, 0o777, "everybody may write to {folder}"),
    ],
    ids=["another's", "a group's", "everybody's"],
)
def test_root_executes_nothing_where_others_could_put_another_file(
    tmp_path: Path, uid: int, gid: int, mode: int, problem: str
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    script = folder / "script.py"
    script.write_text("print('ran')", encoding="ascii")
    os.chown(folder, uid, gid)
    folder.chmod(mode)
    with running_daemon(tmp_path) as daemon:
        expected = f"The script could not be started: {problem.format(folder=folder)}: {str(script)!r}"
        assert failure(daemon, "placed", script) == expected
