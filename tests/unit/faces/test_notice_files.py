"""A file of notices has whole lines, is its user's alone, and is no way to write to something else."""

import json
import os
import stat
from pathlib import Path
from typing import Final

import pytest

from orchestrator.faces.notices.file import FileOutlet
from orchestrator.model.errors import NoticeError
from orchestrator.model.notices import Wanted
from orchestrator.operations.send_notices import Notice
from tests.support import disks, other_user

ONE: Final = Notice("1", b'{"id":"1"}')
TWO: Final = Notice("2", b'{"id":"2"}')


async def send(path: Path, *notices: Notice) -> None:
    await FileOutlet("o", Wanted(), path).send(notices, at_ms=0)


async def refusal(path: Path) -> str:
    with pytest.raises(NoticeError) as refused:
        await send(path, ONE)
    return str(refused.value)


async def test_each_notice_is_a_line_of_a_file_that_is_its_users_alone(tmp_path: Path) -> None:
    path = tmp_path / "notices"
    before = os.umask(0)
    try:
        await send(path, ONE, TWO)
        await send(path, ONE)
    finally:
        os.umask(before)
    assert [json.loads(line)["id"] for line in path.read_bytes().splitlines()] == ["1", "2", "1"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_a_file_that_was_renamed_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "notices"
    await send(path, ONE)
    path.rename(tmp_path / "notices.1")
    await send(path, TWO)
    assert (tmp_path / "notices.1").read_bytes() == b'{"id":"1"}\n'
    assert path.read_bytes() == b'{"id":"2"}\n'


async def test_a_line_that_a_kill_has_cut_off_spoils_no_other(tmp_path: Path) -> None:
    path = tmp_path / "notices"
    path.write_bytes(b'{"id":"0"}\n{"id":')
    await send(path, ONE)
    assert path.read_bytes() == b'{"id":"0"}\n{"id":\n{"id":"1"}\n'


async def test_what_is_no_regular_file_is_refused_and_not_touched(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_bytes(b"mine\n")
    (tmp_path / "link").symlink_to(target)
    (tmp_path / "dangling").symlink_to(tmp_path / "new")
    os.mkfifo(tmp_path / "pipe")
    assert "symbolic links" in await refusal(tmp_path / "link")
    assert "symbolic links" in await refusal(tmp_path / "dangling")
    assert "no regular file" in await refusal(tmp_path / "pipe")
    assert "no regular file" in await refusal(Path("/dev/null"))
    assert "Is a directory" in await refusal(tmp_path)
    assert "No such file" in await refusal(tmp_path / "nowhere" / "notices")
    assert target.read_bytes() == b"mine\n"
    assert not (tmp_path / "new").exists()


async def test_a_file_of_somebody_else_is_refused(tmp_path: Path) -> None:
    other_user.require()
    path = tmp_path / "notices"
    path.touch()
    os.chown(path, other_user.UID, -1)
    assert "of the daemon's user" in await refusal(path)
    assert path.read_bytes() == b""


async def test_on_a_full_disk_no_part_of_a_line_stays(tmp_path: Path) -> None:
    with disks.small_disk(tmp_path, what="notices on a full disk") as disk:
        path = disk / "notices"
        await send(path, ONE)
        with disks.full(disk):
            large = Notice("3", b'"' + b"x" * 8192 + b'"')
            with pytest.raises(NoticeError, match="No space left"):
                await send(path, large, large)
            assert path.read_bytes() == b'{"id":"1"}\n'
        await send(path, TWO)
        assert path.read_bytes() == b'{"id":"1"}\n{"id":"2"}\n'
