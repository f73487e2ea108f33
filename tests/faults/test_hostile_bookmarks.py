"""What stands in the bookmark's place is read once, bounded, and never waited for; it moves the bookmark or says why not.

Links, pipes, directories, sockets and what is too large or no text: test_bookmarks.py in tests/integration.
"""

import os
from collections.abc import Iterator
from typing import Any, Final

import pytest

from tests.support import runs
from tests.support.daemon import Daemon, running_daemon

_ENABLE: Final = {"--job-bookmark-option": "job-bookmark-enable"}
_BEGIN: Final = """
import os, stat, sys
path = os.environ["ORCH_BOOKMARK_FILE"]
def put(text):
    with open(path + ".new", "w") as file:
        file.write(text)
    os.rename(path + ".new", path)
"""


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """Lend a daemon."""
    with running_daemon(tmp_path_factory.mktemp("daemon")) as running:
        yield running


def _finish(daemon: Daemon, name: str, do: str) -> tuple[str, dict[str, Any]]:
    job = daemon.job(name, _BEGIN + do, DefaultArguments=_ENABLE)
    return job, runs.finish(daemon, job)


def _bookmark(daemon: Daemon, job: str) -> str | None:
    entry = daemon.call("GetJobBookmark", {"JobName": job}).get("JobBookmarkEntry")
    return None if entry is None else str(entry["JobBookmark"])


@pytest.mark.parametrize(
    ("name", "do", "reason"),
    [
        ("endless_device", "os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 5))", "it is not a regular file"),
        ("terminal", "os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(5, 0))", "it cannot be read: "),
        ("dead_device", "os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(250, 250))", "it cannot be read: "),
        ("loop", "os.symlink(path, path)", "it is a symbolic link"),
        ("terabyte", "open(path, 'w').close(); os.truncate(path, 1 << 40)", "it is larger than 65536 bytes"),
        ("held_pipe", "os.mkfifo(path); os.open(path, os.O_RDWR)", "it is not a regular file"),
    ],
)
def test_what_is_no_bookmark_fails_the_run_at_once_and_says_why(
    daemon: Daemon, name: str, do: str, reason: str
) -> None:
    if os.geteuid() != 0:
        pytest.skip("NOT TESTED: devices in the place of a bookmark. Only root can make them")
    job, run = _finish(daemon, name, do)
    assert run["JobRunState"] == "FAILED"
    assert run["ErrorMessage"].startswith(f"The bookmark was not accepted: {reason}"), run
    assert _bookmark(daemon, job) is None


def test_a_script_that_is_killed_in_the_midst_of_its_bookmark_moves_nothing(daemon: Daemon) -> None:
    do = "if not os.path.exists(path): put('whole'); sys.exit()\n"
    do += "file = open(path, 'w'); file.write('to'); file.flush(); os.kill(os.getpid(), 9)\n"
    job, first = _finish(daemon, "torn", do)
    assert (first["JobRunState"], _bookmark(daemon, job)) == ("SUCCEEDED", "whole")
    second = runs.finish(daemon, job)
    assert (second["JobRunState"], _bookmark(daemon, job)) == ("FAILED", "whole")


def test_a_bookmark_that_has_another_name_too_is_taken_and_the_other_stays(daemon: Daemon) -> None:
    other = daemon.root / "other"
    other.write_text("text of the other")
    job, run = _finish(
        daemon, "hard_link", f"if '--again' in sys.argv: put('new')\nelse: os.link({str(other)!r}, path)"
    )
    assert run["JobRunState"] == "SUCCEEDED", run
    assert _bookmark(daemon, job) == "text of the other"
    assert other.read_text() == "text of the other"
    again = runs.succeed(
        daemon, job, Arguments={"--again": "x"}
    )  # the run's own file now: nobody writes through a link
    assert again["JobRunState"] == "SUCCEEDED"
    assert other.read_text() == "text of the other"
