"""Whatever stands in a claim or an ending, reading it says what became of the run, and the run can be ended by that."""

import fcntl
import json
import math
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrator.executors.interface import Ended, Lost, Revoked, Sighting
from orchestrator.executors.local.run_directory import Held, RunDirectory, boot_id
from orchestrator.model.states import TERMINAL, JobRunState
from orchestrator.store import job_runs
from orchestrator.supervisor import settlement
from tests.support.records import NOW_MS, ending_fields, opened, run_id, some_means, stored_run

_OFTEN: Final = settings(
    max_examples=1000,
    # The directory is the same for all examples; each overwrites the file that it reads.
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
_MAX_PID: Final = 1 << 22
"""What Linux never gives a larger number than."""
_BOOKMARK: Final = {"base_version": 0, "text": "x", "problem": None}

_any_text: Final = st.text(st.characters(exclude_categories=()), max_size=8)  # with NUL and lone surrogates
_any_number: Final = st.integers(-(1 << 70), 1 << 70) | st.floats()
_nasty: Final[st.SearchStrategy[Any]] = st.sampled_from(
    [None, True, False, 0, -1, 2**22 + 1, 2**31, 2**63, 10**400, 1.5, math.inf, math.nan, "", "\0", "\ud800", [], {}]
)
_any_json: Final = st.recursive(
    st.none() | st.booleans() | _any_number | _any_text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_any_text, inner, max_size=3),
    max_leaves=6,
)


def _changed(fields: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Return files of ours of which some members say something else, or nothing."""
    names = st.sampled_from(sorted(fields))
    changes = st.dictionaries(names, _nasty, max_size=1) | st.dictionaries(names, _any_json, max_size=2)
    return st.tuples(changes, st.sets(names, max_size=1) | st.just(set())).map(
        lambda drawn: {key: value for key, value in {**fields, **drawn[0]}.items() if key not in drawn[1]}
    )


def _contents(*files: dict[str, Any]) -> st.SearchStrategy[bytes]:
    """Return all kinds of contents, most of them nearly a file of ours."""
    whole = st.one_of(*map(_changed, files))
    as_json = st.one_of(whole, whole, whole, _any_json).map(lambda value: json.dumps(value).encode())
    torn = st.tuples(as_json, st.integers(0, 400)).map(lambda drawn: drawn[0][: drawn[1]])
    deep = st.integers(1, 60_000).flatmap(lambda depth: st.sampled_from([b"[" * depth, b'{"v":' * depth]))
    return st.one_of(as_json, as_json, as_json, torn, deep, st.binary(max_size=40))


_endings: Final = _contents(
    ending_fields(),
    ending_fields(bookmark=_BOOKMARK),
    ending_fields(killed_for_memory={"limit_bytes": 1}, exit_code=None, exit_signal=9),
    ending_fields(exit_code=1, stderr_tail="Traceback (most recent call last):\n  x\nValueError: x"),
    ending_fields(reason="not_started", problem="x"),
    ending_fields(bookmark={**_BOOKMARK, "problem": "x"}),
) | st.one_of(
    _changed(_BOOKMARK).map(lambda bookmark: ending_fields(bookmark=bookmark)),
    _changed({"limit_bytes": 1}).map(lambda killed: ending_fields(killed_for_memory=killed, exit_signal=9)),
).map(lambda fields: json.dumps(fields).encode())
_claims: Final = _contents({"v": 1, "by": "shim", "run_id": "x", "pid": 7, "boot_id": boot_id()}, {"by": "revoked"})


@pytest.fixture
def directory(tmp_path: Path) -> RunDirectory:
    """Return a run's directory with a claim that nobody holds."""
    found = RunDirectory(tmp_path / "runs", run_id(1))
    found.create()
    (found.path / "claim").write_text(json.dumps({"by": "shim", "pid": 7, "boot_id": boot_id()}))
    return found


@pytest.fixture
def store(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """Lend a store with one run; what an example does to it is taken back."""
    with closing(opened(tmp_path / "state.db")) as connection:
        stored_run(connection, 1)
        yield connection


@_OFTEN
@given(content=_endings)
def test_a_run_ends_whatever_its_ending_file_says(
    content: bytes, directory: RunDirectory, store: sqlite3.Connection
) -> None:
    (directory.path / "ending.json").write_bytes(content)
    seen = directory.look()
    assert isinstance(seen, Ended | Lost)
    assert _settled(store, seen) in (TERMINAL if _says_success(content) else TERMINAL - {JobRunState.SUCCEEDED})


def _settled(store: sqlite3.Connection, seen: Sighting) -> JobRunState:
    """End the stored run by what was seen; return its state as it would be committed."""
    store.execute("BEGIN")
    try:
        if isinstance(seen, Ended):
            settlement.settle_ended(store, run_id(1), seen.ending, means=some_means(), at_ms=NOW_MS)
        else:
            settlement.settle_lost(store, run_id(1), "its shim died", means=some_means(), at_ms=NOW_MS)
        return job_runs.get_by_id(store, run_id(1)).state
    finally:
        store.execute("ROLLBACK")


def _says_success(content: bytes) -> bool:
    """Say whether a file is a JSON object whose script ended by itself with 0."""
    try:
        fields = json.loads(content)
    except (ValueError, RecursionError):
        return False
    expected = {"reason": "exited", "exit_code": 0, "exit_signal": None}
    return isinstance(fields, dict) and {key: fields.get(key, "") for key in expected} == expected


@_OFTEN
@given(content=_claims)
def test_a_claim_that_nobody_holds_is_a_dead_shims_or_was_revoked(content: bytes, directory: RunDirectory) -> None:
    (directory.path / "claim").write_bytes(content)
    assert isinstance(directory.look(), Lost | Revoked)


@_OFTEN
@given(content=_claims)
def test_a_claim_that_somebody_holds_names_what_can_be_a_process_or_is_lost(
    content: bytes, directory: RunDirectory
) -> None:
    (directory.path / "claim").write_bytes(content)
    holder = os.open(directory.path / "claim", os.O_RDWR)
    try:
        fcntl.flock(holder, fcntl.LOCK_EX)
        seen = directory.look()
    finally:
        os.close(holder)
    match seen:
        case Held(pid):
            assert type(pid) is int
            assert 0 < pid <= _MAX_PID
        case _:
            assert isinstance(seen, Lost)
