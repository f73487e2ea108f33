"""Gathers the history from the clients' record, the scripts' log, the store (read only) and /proc; no line of the program."""

import contextlib
import json
import os
import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import psutil

from tests.soak.history import Bookmark, Effect, Firing, History, Remains, Run, Step, WorkflowRun
from tests.soak.record import Record
from tests.soak.stage import ACTIONS, CONDITIONALS, JOBS, Stage
from tests.support.waiting import until

_STATES: Final = ("WAITING", "STARTING", "RUNNING", "STOPPING", "STOPPED", "SUCCEEDED", "FAILED", "TIMEOUT", "ERROR")
_EVENTS: Final = (
    *("ADMITTED", "LAUNCHED", "LAUNCH_FAILED", "STOP_REQUESTED", "FORBIDDEN"),
    *("SUCCEEDED", "FAILED", "TIMED_OUT", "LOST", "JOB_MISSING"),
)
_FDS_OF_SHIM: Final = 2
"""Of one that waits for its next run: a pidfd and a socket."""
_FDS_OF_SERVER: Final = 4
"""Of the spawn server and of a template: a pidfd, two sockets, a pipe."""
_FDS_OF_DAEMON: Final = 21
"""Of an idle one itself: three standard streams, the clock's file, lock, event loop, five sockets, SQLite's ten."""


@contextlib.contextmanager
def store(stage: Stage) -> Iterator[sqlite3.Connection]:
    """Lend the store, to read."""
    uri = f"{(stage.daemon.state_dir / 'state.db').as_uri()}?mode=ro"
    with contextlib.closing(sqlite3.connect(uri, uri=True, timeout=30)) as connection:
        connection.row_factory = sqlite3.Row
        yield connection


def live(stage: Stage) -> list[str]:
    """Return what has not ended: runs, retries, workflow runs."""
    with store(stage) as connection:
        runs = connection.execute(
            "SELECT lower(hex(base_id)) || ' ' || attempt || ' ' || state FROM job_run"
            " WHERE completed_on_ms IS NULL OR retry_due_ms IS NOT NULL"
        )
        workflow_runs = connection.execute(
            "SELECT workflow_name || ' ' || status FROM workflow_run WHERE completed_on_ms IS NULL"
        )
        return [str(row[0]) for row in [*runs, *workflow_runs]]


def gather(stage: Stage, record: Record, remains: Remains) -> History:
    """Return the history."""
    calls, kills, seen = record.read()
    with store(stage) as connection:
        return History(
            calls=calls,
            effects=effects(stage),
            kills=kills,
            seen=seen,
            jobs=[job for job, _ in JOBS.values()],
            conditionals=CONDITIONALS,
            actions=ACTIONS,
            runs=_runs(connection, stage),
            bookmarks=_bookmarks(connection),
            firings=_firings(connection),
            workflow_runs=_workflow_runs(connection),
            remains=remains,
        )


def effects(stage: Stage) -> list[Effect]:
    """Return the lines that scripts wrote."""
    file = stage.root / "effects"
    lines = [line.split() for line in file.read_text().splitlines()] if file.exists() else []
    return [Effect(run_id, int(pid), phase, tuple(words), float(at_s)) for run_id, pid, at_s, phase, *words in lines]


def _run_id(base: bytes, attempt: int) -> str:
    return f"jr_{base.hex()}" + (f"_attempt_{attempt}" if attempt else "")


def _runs(connection: sqlite3.Connection, stage: Stage) -> list[Run]:
    steps: dict[int, list[Step]] = defaultdict(list)
    for row in connection.execute("SELECT * FROM job_run_transition ORDER BY job_run_seq, number"):
        event = None if row["event"] is None else _EVENTS[row["event"] - 1]
        steps[row["job_run_seq"]].append(Step(row["number"], event, _STATES[row["state"] - 1]))
    found = []
    for row in connection.execute("SELECT r.*, j.name FROM job_run AS r JOIN job AS j USING (job_key) ORDER BY seq"):
        run_id = _run_id(row["base_id"], row["attempt"])
        found.append(
            Run(
                id=run_id,
                base=row["base_id"].hex(),
                attempt=row["attempt"],
                job=row["name"],
                state=row["state"],
                steps=steps[row["seq"]],
                arguments=json.loads(row["arguments"] or "{}"),
                previous_attempt=row["previous_attempt"],
                retry_number=row["retry_number"],
                is_retry_due=row["retry_due_ms"] is not None,
                is_completed=row["completed_on_ms"] is not None,
                trigger=row["trigger_name"],
                chain=row["chain_key"],
                error_message=row["error_message"] or "",
                exit_code=row["exit_code"],
                shim_pid=_shim_pid(stage, run_id) if row["state"] == "FAILED" else None,
            )
        )
    return found


def _shim_pid(stage: Stage, run_id: str) -> int | None:
    """Return who claimed a run, as its claim says."""
    claim = stage.daemon.state_dir / "runs" / run_id[3:5] / run_id / "claim"
    with contextlib.suppress(OSError, ValueError, KeyError):
        return int(json.loads(claim.read_text())["pid"])
    return None


def _bookmarks(connection: sqlite3.Connection) -> list[Bookmark]:
    rows = connection.execute("SELECT b.*, j.name FROM bookmark AS b JOIN job AS j USING (job_key)")
    return [
        Bookmark(
            job=row["name"], version=row["version"], cause=row["cause"], text=row["bookmark"], run_id=row["run_id"]
        )
        for row in rows
    ]


def _firings(connection: sqlite3.Connection) -> list[Firing]:
    rows = connection.execute("SELECT * FROM firing ORDER BY firing_key")
    return [Firing(trigger=row["trigger_name"], chain=row["chain_key"], tick_ms=row["tick_ms"]) for row in rows]


def _workflow_runs(connection: sqlite3.Connection) -> list[WorkflowRun]:
    rows = connection.execute("SELECT * FROM workflow_run ORDER BY chain_key")
    return [
        WorkflowRun(
            id=f"wr_{row['base_id'].hex()}",
            status=row["status"],
            chain=row["chain_key"],
            ticket=json.loads(row["properties"]).get("ticket"),
        )
        for row in rows
    ]


def remains(stage: Stage, probe_state: str) -> Remains:
    """Return what is left of a daemon that has nothing to do."""
    with contextlib.suppress(TimeoutError):
        until(lambda: not _strangers(stage) and not _zombies(stage), within_s=10, what="nothing left")
    seen = (0, 0)

    def are_few() -> bool:
        nonlocal seen
        seen = _descriptors(stage), _allowed_descriptors(stage)
        return seen[0] <= seen[1]

    with contextlib.suppress(TimeoutError):
        until(are_few, within_s=10, what="few descriptors")
    return Remains(
        processes=_strangers(stage),
        zombies=_zombies(stage),
        descriptors=seen[0],
        allowed_descriptors=seen[1],
        probe_state=probe_state,
        store_problems=_store_problems(stage),
        unexpected_ends=stage.unexpected,
    )


def descriptor_names(stage: Stage) -> list[str]:
    """Return what the daemon's descriptors lead to."""
    folder = Path("/proc", str(stage.daemon.pid), "fd")
    names = []
    for one in folder.iterdir():
        with contextlib.suppress(FileNotFoundError):
            names.append(str(one.readlink()))
    return sorted(names)


def _descriptors(stage: Stage) -> int:
    return len(descriptor_names(stage))


def _allowed_descriptors(stage: Stage) -> int:
    allowed = _FDS_OF_DAEMON
    for process in psutil.Process(stage.daemon.pid).children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            allowed += _FDS_OF_SHIM if process.cmdline()[-1].endswith("/shim.py") else _FDS_OF_SERVER
    return allowed


def _zombies(stage: Stage) -> list[str]:
    found = []
    for process in psutil.Process(stage.daemon.pid).children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            if process.status() == psutil.STATUS_ZOMBIE:
                found.append(str(process))
    return found


def _strangers(stage: Stage) -> list[str]:
    """Return what is alive of any run: by its mark, by its place, by the pids that scripts wrote down."""
    written = effects(stage)
    noted = {one.pid: one.at_s for one in written}
    noted |= {int(one.words[0]): one.at_s for one in written if one.phase == "child"}
    place = str(stage.disk)
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.pid in (stage.daemon.pid, os.getpid()) or process.status() == psutil.STATUS_ZOMBIE:
                continue
            environment: dict[str, Any] = process.environ()
            is_marked = environment.get("ORCH_BOOKMARK_FILE", "").startswith(place)
            is_noted = process.create_time() <= noted.get(process.pid, 0) + 1  # later ones only have the same number
            if is_marked or is_noted or any(word.startswith(place) for word in process.cmdline()):
                found.append(f"{process.pid}: {process.cmdline()}")
    return found


def _store_problems(stage: Stage) -> list[str]:
    with store(stage) as connection:
        found = [str(row[0]) for row in connection.execute("PRAGMA integrity_check") if row[0] != "ok"]
        found += [f"a foreign key of {row[0]} leads nowhere" for row in connection.execute("PRAGMA foreign_key_check")]
    return found
