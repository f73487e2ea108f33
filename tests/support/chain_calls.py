"""What tests ask of a daemon about chains: triggers and workflows in few words, and what became of them, by the store."""

import contextlib
import json
import sqlite3
from collections.abc import Callable, Mapping
from typing import Any

from tests.support.daemon import Daemon

Call = Callable[..., dict[str, Any]]
"""How an action is called: its name, and its members as keywords."""


def conditional(
    call: Call, name: str, actions: list[str], ends: Mapping[str, str], *, logical: str = "AND", **members: Any
) -> None:
    """Create a trigger that is active and starts `actions` when jobs have ended as `ends` says (job to state)."""
    conditions = [{"LogicalOperator": "EQUALS", "JobName": job, "State": state} for job, state in ends.items()]
    answer = call(
        "CreateTrigger",
        Name=name,
        Type="CONDITIONAL",
        StartOnCreation=True,
        Predicate={"Logical": logical, "Conditions": conditions},
        Actions=[{"JobName": one} for one in actions],
        **members,
    )
    assert answer == {"Name": name}, answer


def on_demand(call: Call, name: str, *actions: str, **members: Any) -> None:
    """Create a trigger that starts `actions` when it is started."""
    started = [{"JobName": one} for one in actions]
    answer = call("CreateTrigger", Name=name, Type="ON_DEMAND", Actions=started, **members)
    assert answer == {"Name": name}, answer


def rows(daemon: Daemon, statement: str) -> list[tuple[Any, ...]]:
    """Return what the store answers; it may be asked at any time."""
    uri = f"{(daemon.state_dir / 'state.db').as_uri()}?mode=ro"
    with contextlib.closing(sqlite3.connect(uri, uri=True, timeout=20)) as store:
        return store.execute(statement).fetchall()


def rewrite(daemon: Daemon, statement: str) -> None:
    """Change the store of a daemon that is down: as if it had been down for longer, say."""
    assert daemon.process is None or daemon.process.poll() is not None
    with contextlib.closing(sqlite3.connect(daemon.state_dir / "state.db", isolation_level=None)) as store:
        assert store.execute(statement).rowcount > 0, statement


def leave_free_pages(daemon: Daemon, count: int) -> None:
    """Leave free pages in the store of a daemon that is down, as if much had been deleted."""
    assert daemon.process is None or daemon.process.poll() is not None
    with contextlib.closing(sqlite3.connect(daemon.state_dir / "state.db", isolation_level=None)) as store:
        store.execute("CREATE TABLE filler (content BLOB)")
        store.execute("INSERT INTO filler VALUES (zeroblob(?))", (count * 4096,))
        store.execute("DROP TABLE filler")


def firings(daemon: Daemon) -> list[tuple[str, int]]:
    """Return trigger and chain of every firing, oldest first."""
    return rows(daemon, "SELECT trigger_name, chain_key FROM firing ORDER BY firing_key")


def is_quiet(daemon: Daemon) -> bool:
    """Say whether every run has ended, with no retry to come."""
    live = rows(daemon, "SELECT 1 FROM job_run WHERE completed_on_ms IS NULL OR retry_due_ms IS NOT NULL LIMIT 1")
    return not live


def runs(daemon: Daemon) -> list[dict[str, Any]]:
    """Return every run, by job and attempt: its id, how it ended, what started it, and what that saw."""
    found = rows(
        daemon,
        "SELECT j.name, r.attempt, r.state, r.trigger_name, r.chain_key, lower(hex(r.base_id)),"
        " (SELECT json_group_array(p.job_name || '/' || p.attempt) FROM job_run_predecessor AS p"
        "  WHERE p.job_run_seq = r.seq)"
        " FROM job_run AS r JOIN job AS j USING (job_key) ORDER BY j.name, r.chain_key, r.attempt",
    )
    return [
        {
            "job": job,
            "attempt": attempt,
            "state": state,
            "trigger": trigger,
            "chain": chain,
            "id": f"jr_{base}" + (f"_attempt_{attempt}" if attempt else ""),
            "predecessors": sorted(json.loads(predecessors)),
        }
        for job, attempt, state, trigger, chain, base, predecessors in found
    ]
