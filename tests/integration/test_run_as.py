"""A daemon of root runs scripts as the users that their jobs name, and nothing as root unless it is told to."""

import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import psutil
import pytest

from orchestrator.executors.local.leftovers import MARKER
from orchestrator.store.state_directory import hold
from tests.support import runs, s3_server
from tests.support.daemon import ROOT, Daemon, running_daemon
from tests.support.waiting import until

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")

USER: Final = "nobody"
TELL: Final = """#!/bin/sh
echo "$(id -u) $(id -g) $(id -G) $HOME $USER $LOGNAME"
echo "$(pwd -P) $TMPDIR"
touch here "$TMPDIR/there" && echo "can write"
cat "$ORCH_BOOKMARK_FILE" 2>/dev/null
echo "$1 $2 $*" | grep -q run-as && echo "was told its user"
echo "new" > "$ORCH_BOOKMARK_FILE.new" && mv "$ORCH_BOOKMARK_FILE.new" "$ORCH_BOOKMARK_FILE"
for file in ../claim ../spec.json ../stdout.log ../../../../state.db ../../../../daemon.lock; do
    cat "$file" >/dev/null 2>&1 && echo "can read $file"
    ( : >>"$file" ) 2>/dev/null && echo "can write $file"
done
ls .. >/dev/null 2>&1 && echo "can list"
mv ../bookmark ../other 2>/dev/null && echo "can replace"
kill -0 $PPID 2>/dev/null && echo "can signal its shim"
exit 0
"""
WAIT: Final = "#!/bin/sh\necho here\nsleep 1000 & wait\n"


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """Return a directory that other users can get to, unlike pytest's."""
    path = Path(tempfile.mkdtemp(prefix="orchestrator-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="module")
def daemon(folder: Path) -> Iterator[Daemon]:
    before = os.getgroups()
    os.setgroups([4711])  # as a login of root's may have
    try:
        with running_daemon(folder, {"ORCHESTRATOR_RUNS__ALLOW_ROOT": "false"}) as running:
            yield running
    finally:
        os.setgroups(before)


def job_of(daemon: Daemon, name: str, script: str, user: str = USER, **members: Any) -> str:
    arguments = {"--orchestrator-run-as": user}
    return daemon.job(name, script, suffix=".sh", NonOverridableArguments=arguments, **members)


def test_a_script_is_the_users_whom_its_job_names(daemon: Daemon) -> None:
    account = pwd.getpwnam(USER)
    job = job_of(daemon, "tells", TELL, DefaultArguments={"--job-bookmark-option": "job-bookmark-enable"})
    run = runs.succeed(daemon, job)
    directory = runs.directory(daemon, run["Id"])
    groups = " ".join(map(str, os.getgrouplist(USER, account.pw_gid)))
    assert runs.output(daemon, run["Id"]).splitlines() == [
        f"{account.pw_uid} {account.pw_gid} {groups} {account.pw_dir} {USER} {USER}",
        f"{directory / 'work'} {directory / 'tmp'}",
        "can write",
    ]
    assert daemon.call("GetJobBookmark", {"JobName": job})["JobBookmarkEntry"]["JobBookmark"] == "new\n"
    again = runs.succeed(daemon, job)
    assert "new" in runs.output(daemon, again["Id"]).splitlines()  # given to it, and committed again
    assert daemon.call("GetJobBookmark", {"JobName": job})["JobBookmarkEntry"]["Version"] == 2


def test_nothing_runs_as_root_unless_told_to(daemon: Daemon) -> None:
    expected = (
        "The run would be root's: name a user for the job (run_as in its job.toml) or for all jobs "
        "([runs] run_as in the settings), or allow it ([runs] allow_root = true)"
    )
    for job in (daemon.job("silent", "print()"), job_of(daemon, "root", TELL, "root")):
        run = runs.finish(daemon, job)
        assert (run["JobRunState"], run["ErrorMessage"]) == ("FAILED", expected)
    assert "root_runs_nothing" in daemon.log()


def test_the_settings_name_a_user_for_all_jobs(folder: Path) -> None:
    home = folder / "all"
    home.mkdir(mode=0o755)
    settings = {"ORCHESTRATOR_RUNS__ALLOW_ROOT": "false", "ORCHESTRATOR_RUNS__RUN_AS": USER}
    with running_daemon(home, settings) as daemon:
        job = daemon.job("silent", "#!/bin/sh\nid -un\n", suffix=".sh")
        assert runs.output(daemon, runs.succeed(daemon, job)["Id"]) == f"{USER}\n"


def test_what_was_fetched_for_it_the_user_can_read_and_not_change(folder: Path) -> None:
    root = folder / "fetching"
    root.mkdir(mode=0o755)
    with s3_server.serving() as s3:
        s3.objects["/etl/deep/daily.sh"] = (
            b"#!/bin/sh\nid -u\ntest -w $0 || echo read-only\ntest -w ${0%/*} || echo alone\n"
        )
        settings = {**s3_server.CREDENTIALS, "ORCHESTRATOR_S3_ENDPOINT_URL": s3.endpoint_url}
        with running_daemon(root, settings) as daemon:
            command = {"Name": "pythonshell", "ScriptLocation": "s3://etl/deep/daily.sh"}
            own = {"--orchestrator-run-as": USER}
            job = {"Name": "fetched", "Role": "r", "Command": command, "NonOverridableArguments": own}
            daemon.call("CreateJob", job)
            run = runs.succeed(daemon, "fetched")
            assert runs.output(daemon, run["Id"]).split() == [str(pwd.getpwnam(USER).pw_uid), "read-only", "alone"]


def test_a_user_who_does_not_exist_fails_the_run(daemon: Daemon) -> None:
    run = runs.finish(daemon, job_of(daemon, "unknown", TELL, "no-such-user"))
    assert (run["JobRunState"], run["ErrorMessage"]) == ("FAILED", "There is no user 'no-such-user' on this machine")


def test_neither_a_call_nor_a_default_may_choose_the_user(daemon: Daemon) -> None:
    key = "--orchestrator-run-as"
    job = job_of(daemon, "fixed", TELL)
    error, sentence = runs.refused_start(daemon, job, Arguments={key: "root"})
    expected = f"{key} may only be given in a job's NonOverridableArguments."
    assert (error, sentence) == ("InvalidInputException", f"Arguments: {expected}")
    members = {"Name": "default", "Role": "r", "Command": {"Name": "pythonshell"}, "DefaultArguments": {key: "root"}}
    refusal = runs.refused(daemon, "CreateJob", **members)
    assert refusal == ("InvalidInputException", f"DefaultArguments: {expected}")


def test_what_is_another_users_is_not_taken_as_a_bookmark(daemon: Daemon) -> None:
    """As if the script had linked to a file that it may not read."""
    script = '#!/bin/sh\necho here\nwhile [ ! -e "$TMPDIR/gate" ]; do sleep 0.01; done\n'
    job = job_of(daemon, "links", script, DefaultArguments={"--job-bookmark-option": "job-bookmark-enable"})
    run_id = runs.start(daemon, job)
    until(lambda: "here" in runs.output(daemon, run_id), within_s=20, what="the script")
    directory = runs.directory(daemon, run_id)
    (directory / "bookmark" / "state").write_text("root's own", encoding="ascii")
    (directory / "tmp" / "gate").touch()
    run = daemon.ended(job, run_id)
    expected = "The bookmark was not accepted: it belongs to another user"
    assert (run["JobRunState"], run["ErrorMessage"]) == ("FAILED", expected)


def test_a_stop_reaches_another_users_processes(daemon: Daemon) -> None:
    job = job_of(daemon, "stopped", WAIT)
    run_id = runs.start(daemon, job)
    until(lambda: "here" in runs.output(daemon, run_id), within_s=20, what="the script")
    daemon.call("BatchStopJobRun", {"JobName": job, "JobRunIds": [run_id]})
    assert daemon.ended(job, run_id)["JobRunState"] == "STOPPED"
    assert processes_of(run_id) == []


def test_a_script_dies_with_its_shim_whoever_it_is(daemon: Daemon) -> None:
    """A process that changes its user loses the wish to be killed with its parent; it has to be made again."""
    job = job_of(daemon, "orphan", "#!/bin/sh\necho $$\nexec env -i sleep 1000\n")  # no sweep could find it
    run_id = runs.start(daemon, job)
    until(lambda: runs.output(daemon, run_id).endswith("\n"), within_s=20, what="the script")
    script = psutil.Process(int(runs.output(daemon, run_id)))
    until(lambda: script.name() == "sleep", within_s=20, what="its last program")
    parent = script.parent()
    assert parent is not None
    parent.send_signal(signal.SIGKILL)
    assert daemon.ended(job, run_id)["JobRunState"] == "FAILED"
    until(lambda: not script.is_running(), within_s=20, what="the end of the script")


def processes_of(run_id: str) -> list[psutil.Process]:
    found = []
    for one in psutil.process_iter(["environ", "status"]):
        environment = one.info["environ"] or {}
        if environment.get("ORCH_JOB_RUN_ID") == run_id and one.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(one)
    return found


def test_the_rights_that_the_page_names_for_it_are_enough_to_clear_up(folder: Path) -> None:
    """What a run leaves behind is another user's: its directories, and its processes where its shim was killed."""
    page = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
    rights = re.findall(r"CAP_([A-Z_]+)", page.partition("run_as in job files:")[2].partition("\n\n")[0])
    confined = [
        "setpriv",
        f"--bounding-set=-all,{','.join(f'+{right.lower()}' for right in rights)}",
        "--inh-caps=-all",
    ]
    account = pwd.getpwnam(USER)
    run_id = f"jr_{'ab' * 32}"
    with hold(folder / "cleared") as held:
        place = held.runs / "ab" / run_id / "work" / "deep"
        place.mkdir(parents=True)
        for path in (place, place.parent):
            os.chown(path, account.pw_uid, account.pw_gid)
            path.chmod(0o1700)
        removes = f"from orchestrator.executors.local import leftovers, survey; from pathlib import Path; leftovers.sweep({run_id!r})"
        removes += f"; survey.discard(Path({str(held.runs)!r}), survey.parse_job_run_id({run_id!r}))"
        mark = {MARKER: run_id}
        with subprocess.Popen(
            ["/bin/sleep", "60"], user=account.pw_uid, group=account.pw_gid, extra_groups=[], env=mark
        ) as left:
            try:
                subprocess.run([*confined, sys.executable, "-c", removes], cwd=ROOT, check=True, timeout=30)
                assert left.wait(5) == -signal.SIGKILL
            finally:
                left.kill()
        assert not place.parents[1].exists()
