"""What became of a run is read from its directory alone: the lock first, then the claim, then the ending.

Whatever stands there, a look never takes a dead shim for a live one, nor anything unknown for a success.
"""

import fcntl
import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest

from orchestrator.executors.interface import Ended, Lost, Revoked, Unclaimed
from orchestrator.executors.local.run_directory import Held, RunDirectory, boot_id
from orchestrator.model.endings import EndingReason
from tests.support.records import ending_fields, run_id

SHIM_DIED: Final = Lost("its shim died")


@pytest.fixture
def directory(tmp_path: Path) -> RunDirectory:
    made = RunDirectory(tmp_path / "runs", run_id(1))
    made.create()
    return made


def claim(directory: RunDirectory, **changes: Any) -> None:
    fields = {"v": 1, "by": "shim", "run_id": str(run_id(1)), "pid": 4711, "boot_id": boot_id(), **changes}
    (directory.path / "claim").write_text(json.dumps(fields))


def end(directory: RunDirectory, content: str | bytes | None = None) -> None:
    path = directory.path / "ending.json"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        path.write_text(json.dumps(ending_fields()) if content is None else content)


@contextmanager
def locked(directory: RunDirectory) -> Iterator[None]:
    """Hold the claim's lock as a live shim does."""
    descriptor = os.open(directory.path / "claim", os.O_RDWR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


def test_without_a_directory_nothing_can_have_run(tmp_path: Path) -> None:
    assert RunDirectory(tmp_path / "runs", run_id(1)).look() == Unclaimed()


def test_without_a_claim_nothing_can_have_run_whatever_else_is_there(directory: RunDirectory) -> None:
    end(directory)
    (directory.path / "claim.99").write_text("{}")
    assert directory.look() == Unclaimed()


def test_a_locked_claim_is_a_live_shims(directory: RunDirectory) -> None:
    claim(directory)
    with locked(directory):
        assert directory.look() == Held(4711)
        assert directory.is_held()


def test_a_shim_that_sealed_its_ending_lives_until_it_lets_go(directory: RunDirectory) -> None:
    claim(directory)
    end(directory)
    with locked(directory):
        assert directory.look() == Held(4711)
    assert isinstance(directory.look(), Ended)


def test_a_sealed_ending_behind_a_free_lock_is_the_end(directory: RunDirectory) -> None:
    claim(directory)
    end(directory)
    seen = directory.look()
    assert isinstance(seen, Ended)
    assert (seen.ending.reason, seen.ending.exit_code) == (EndingReason.EXITED, 0)


def test_an_ending_holds_after_a_restart_of_the_machine(directory: RunDirectory) -> None:
    claim(directory, boot_id="another")
    end(directory)
    assert isinstance(directory.look(), Ended)


def test_a_free_lock_without_an_ending_is_a_dead_shim(directory: RunDirectory) -> None:
    claim(directory)
    assert directory.look() == SHIM_DIED
    assert not directory.is_held()


def test_a_claim_of_another_boot_says_that_the_machine_was_restarted(directory: RunDirectory) -> None:
    claim(directory, boot_id="another")
    assert directory.look() == Lost("the host was restarted while the run was active")


@pytest.mark.parametrize(
    "content",
    [
        "", "{", "null", "[]", "5", '"exited"', "{}", '{"reason": "exited"}', "[" * 100_000, b"\xff\xfe",
        json.dumps(ending_fields(reason="prospered")),
        json.dumps(ending_fields(exit_code="0")),
        json.dumps(ending_fields())[:-5],
        json.dumps(ending_fields(stderr_tail="x" * 2_000_000)),
    ],
    ids=lambda content: repr(content[:20]),
)  # fmt: skip
def test_an_ending_that_is_not_a_shims_is_no_ending(directory: RunDirectory, content: str | bytes) -> None:
    claim(directory)
    end(directory, content)
    assert directory.look() == SHIM_DIED


def test_an_ending_is_never_read_through_a_link(directory: RunDirectory, tmp_path: Path) -> None:
    claim(directory)
    (tmp_path / "forged.json").write_text(json.dumps(ending_fields()))
    (directory.path / "ending.json").symlink_to(tmp_path / "forged.json")
    assert directory.look() == SHIM_DIED


def test_a_pipe_in_place_of_the_ending_blocks_nobody(directory: RunDirectory) -> None:
    claim(directory)
    os.mkfifo(directory.path / "ending.json")
    assert directory.look() == SHIM_DIED


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b"null"])
def test_a_torn_claim_is_a_dead_shims(directory: RunDirectory, content: bytes) -> None:
    (directory.path / "claim").write_bytes(content)
    assert directory.look() == SHIM_DIED


@pytest.mark.parametrize("content", [b"", b"{", b"{}", b'{"pid": "4711"}', b"[]"])
def test_a_torn_claim_that_somebody_holds_is_lost_and_not_a_strangers_pid(
    directory: RunDirectory, content: bytes
) -> None:
    (directory.path / "claim").write_bytes(content)
    with locked(directory):
        assert directory.look() == Lost("its claim cannot be read")


def test_a_torn_claim_does_not_hide_a_whole_ending(directory: RunDirectory) -> None:
    (directory.path / "claim").write_bytes(b"{")
    end(directory)
    assert isinstance(directory.look(), Ended)


def test_two_probes_never_take_each_other_for_a_shim(directory: RunDirectory) -> None:
    claim(directory)
    with directory._open_claim() as first:
        assert first is not None
        fcntl.flock(first, fcntl.LOCK_SH | fcntl.LOCK_NB)  # somebody else's look, under way
        assert directory.look() == SHIM_DIED
        assert not directory.is_held()


def test_many_probes_at_once_all_see_the_same(directory: RunDirectory) -> None:
    claim(directory)
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: directory.look(), range(200))) == {SHIM_DIED}


def test_a_revoked_claim_is_known_as_one(directory: RunDirectory) -> None:
    assert directory.revoke("it may not")
    assert directory.look() == Revoked("it may not")
    assert not directory.is_held()


def test_a_revoked_claim_whose_reason_is_no_text_has_none(directory: RunDirectory) -> None:
    for reason in ("7", '"\\ud800"', "null"):
        (directory.path / "claim").write_text(f'{{"by": "revoked", "reason": {reason}}}')
        assert directory.look() == Revoked()


def test_what_a_dead_shim_had_reserved_is_removed_and_nothing_else(directory: RunDirectory) -> None:
    for name in ("claim", "claim.12", "ending.12", "ending.json", "stdout.log", "ending.12.old"):
        (directory.path / name).touch()
    directory.drop_reserves()
    assert {path.name for path in directory.path.iterdir()} == {"claim", "ending.json", "stdout.log", "ending.12.old"}


def test_a_claim_is_revoked_even_where_there_is_no_directory_yet(tmp_path: Path) -> None:
    assert RunDirectory(tmp_path / "runs", run_id(1)).revoke("it may not")


@pytest.mark.parametrize("holder", ["shim", "revoked"])
def test_a_claim_that_somebody_has_is_not_revoked(directory: RunDirectory, holder: str) -> None:
    claim(directory, by=holder)
    before = (directory.path / "claim").read_bytes()
    assert not directory.revoke("it may not")
    assert (directory.path / "claim").read_bytes() == before


def test_a_claim_is_won_once_however_many_want_it(tmp_path: Path) -> None:
    def race(number: int) -> list[bool]:
        wanted = [RunDirectory(tmp_path / "runs", run_id(number)) for _ in range(2)]
        (tmp_path / f"mine.{number}").write_text("{}")
        wanted[0].create()

        def shim() -> bool:
            try:
                os.link(tmp_path / f"mine.{number}", wanted[0].path / "claim")
            except FileExistsError:
                return False
            return True

        return list(pool.map(lambda take: take(), [shim, partial(wanted[0].revoke, "it may not"), shim]))

    with ThreadPoolExecutor(3) as pool:
        assert {sum(race(number)) for number in range(100)} == {1}


def test_a_revocation_leaves_nothing_beside_the_claim(directory: RunDirectory) -> None:
    directory.revoke("it may not")
    directory.revoke("it may not")
    assert [path.name for path in directory.path.iterdir()] == ["claim"]


def test_a_disk_that_takes_nothing_says_so(directory: RunDirectory) -> None:
    directory.path.rmdir()
    directory.path.write_text("in the way")
    with pytest.raises(OSError, match="File exists"):
        directory.revoke("it may not")


def test_a_directory_is_found_by_its_runs_id_alone(tmp_path: Path) -> None:
    text = str(run_id(0xAB << 248, 3))
    assert RunDirectory(tmp_path, run_id(0xAB << 248, 3)).path == tmp_path / "ab" / text


def test_a_directory_is_its_users_alone(directory: RunDirectory) -> None:
    assert directory.path.stat().st_mode & 0o777 == 0o700


def test_a_spec_appears_whole_and_for_its_user_alone(directory: RunDirectory) -> None:
    directory.write_spec({"a": "ä"})
    directory.write_spec({"a": "ü"})
    assert json.loads((directory.path / "spec.json").read_text(encoding="utf-8")) == {"a": "ü"}
    assert [path.name for path in directory.path.iterdir()] == ["spec.json"]
    assert (directory.path / "spec.json").stat().st_mode & 0o777 == 0o600


def test_a_spec_that_cannot_be_written_leaves_no_half(directory: RunDirectory) -> None:
    with pytest.raises(TypeError):
        directory.write_spec({"a": object()})
    assert list(directory.path.iterdir()) == []


@pytest.mark.parametrize(
    ("offset", "limit", "data"), [(0, 100, b"0123456789"), (4, 3, b"456"), (9, 5, b"9"), (10, 5, b""), (99, 5, b"")]
)
def test_a_log_is_read_from_any_place(directory: RunDirectory, offset: int, limit: int, data: bytes) -> None:
    (directory.path / "stdout.log").write_bytes(b"0123456789")
    assert directory.logs.read("stdout", offset=offset, limit=limit) == data


def test_a_log_that_is_not_there_yet_is_empty(directory: RunDirectory) -> None:
    (directory.path / "stdout.log").write_bytes(b"0123456789")
    assert directory.logs.read("stderr", offset=0, limit=10) == b""


def test_a_log_is_never_read_through_a_link(directory: RunDirectory, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    (directory.path / "stdout.log").symlink_to(tmp_path / "secret")
    assert directory.logs.read("stdout", offset=0, limit=10) == b""


def test_a_directory_that_its_script_locked_is_opened_again(
    directory: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim(directory)
    look = RunDirectory._look
    directory.path.chmod(0)

    def as_its_owner_would(self: RunDirectory) -> object:  # root, who runs these tests too, is never refused
        if not self.path.stat().st_mode & 0o700:
            raise PermissionError(13, "Permission denied")
        return look(self)

    monkeypatch.setattr(RunDirectory, "_look", as_its_owner_would)

    assert directory.look() == Lost("its shim died")


def test_a_claim_that_nobody_may_read_is_lost_and_no_error(
    directory: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(self: RunDirectory) -> object:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(RunDirectory, "_look", refused)

    assert directory.look() == Lost("its claim cannot be read: Permission denied")
