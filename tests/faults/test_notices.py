"""A full disk keeps notices waiting; it neither loses nor doubles one."""

import json
from pathlib import Path

from tests.support import disks, runs
from tests.support.chain_calls import rows
from tests.support.crashing import a_daemon
from tests.support.receiver import Receiver, status, when
from tests.support.waiting import until


def test_a_file_on_a_full_disk_gets_its_notices_when_there_is_room(tmp_path: Path) -> None:
    with disks.small_disk(tmp_path) as disk:
        kept = disk / "kept"
        with a_daemon(tmp_path / "daemon", notices=json.dumps({"kept": {"file": str(kept)}})) as daemon:
            job = daemon.job("j", "print()")
            ids = [runs.succeed(daemon, job)["Id"]]
            until(lambda: kept.exists() and kept.read_bytes().endswith(b"\n"), what="the first notice")
            whole = kept.read_bytes()
            with disks.full(disk):
                kept.write_bytes(
                    whole + b"x" * (4096 - len(whole) - 1) + b"\n"
                )  # the last block of the file is full, too
                ids += [runs.succeed(daemon, job)["Id"] for _ in range(2)]
                until(lambda: "No space left" in daemon.log(), what="a try that fails")
            until(lambda: len(kept.read_bytes().splitlines()) == 4, what="the others")
            lines = kept.read_bytes().splitlines()
            assert [json.loads(line)["detail"]["jobRunId"] for line in (lines[0], *lines[2:])] == ids


def test_what_is_taken_while_the_stores_disk_is_full_is_not_sent_again(tmp_path: Path) -> None:
    """The place cannot be moved; that is tried until it can, and nothing is sent meanwhile."""
    with disks.small_disk(tmp_path) as disk, Receiver() as receiver:
        held = Path(tmp_path, "held")
        daemon = a_daemon(tmp_path / "daemon", notices=json.dumps({"hook": {"webhook": receiver.url}}))
        daemon.state_dir = disk / "state"
        with daemon:
            job = daemon.job("j", "print()")
            receiver.then(when(held.exists, status(200)))
            runs.succeed(daemon, job)
            receiver.wait_for(1)
            with disks.full(disk):
                held.touch()
                until(lambda: daemon.log().count('"outlet_not_moved"') >= 2, what="places that cannot be moved")
            until(lambda: rows(daemon, "SELECT place FROM outlet") == [(1,)], what="the place behind the event")
            runs.succeed(daemon, job)
            receiver.wait_for(2)
    assert len(set(receiver.ids)) == len(receiver.ids) == 2
