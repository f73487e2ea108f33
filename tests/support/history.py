"""A history of many runs, made quickly: a few are taken the real way through the store, and their rows are copied.

So each row is what the real path writes, whatever the schema is; only keys, ids and times differ from copy to copy.
"""

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from orchestrator.model.ids import BASE_BYTES
from orchestrator.model.records import Invocation, JobRun, RunFigures
from orchestrator.store import job_runs
from orchestrator.supervisor import settlement
from tests.support.chain_scene import Scene
from tests.support.records import an_ending

JOBS: Final = ("daily", "hourly", "flaky", "first", "second")
RARE: Final = "rare"
"""A job with few runs among all the others."""
RARE_RUNS: Final = 10
INTERVAL_MS: Final = 25_000
"""How far apart the runs are: 1,000,000 of them are most of a year."""
_CHUNK: Final = 20_000
_TABLES: Final = {
    "chain": "chain_key",
    "job_run": "seq",
    "job_run_transition": "job_run_seq",
    "job_run_predecessor": "job_run_seq",
    "event": "seq",
    "firing": "firing_key",
}
"""The tables that a run has rows in, and what their rows are in order of. None refers to a later one."""
_NUMBERED: Final = {
    "chain": ("chain", "chain_key"),
    "run": ("job_run", "seq"),
    "launch": ("job_run", "launch_seq"),
    "event": ("event", "seq"),
    "firing": ("firing", "firing_key"),
}
"""What is numbered over all runs, and where."""
_PRAGMAS: Final = ("journal_mode = OFF", "synchronous = OFF", "foreign_keys = OFF", "cache_size = -400000")
_Row = tuple[Any, ...]
_Way = Callable[[], None]


@dataclass(frozen=True, slots=True)
class _Rows:
    """The rows of one table that belong to a scenario, and which of their columns differ in a copy."""

    table: str
    rows: Sequence[_Row]
    keys: Sequence[tuple[int, str]]  # column, and what it numbers
    times: Sequence[int]
    bases: Sequence[int]
    invocations: Sequence[int]


@dataclass(frozen=True, slots=True)
class _Template:
    """Something that happened once, as the rows that it left."""

    tables: Sequence[_Rows]
    first: Mapping[str, int]  # the first number of each kind
    counts: Mapping[str, int]
    runs: int
    at_ms: int


class History:
    """A database in which a few runs went the real way, and what is copied from it."""

    def __init__(self, path: Path, *, seed: int = 0) -> None:
        """Make the database at `path`, where nothing is."""
        self._scene = Scene(path)
        self._store = self._scene.store
        self._random = random.Random(seed)
        for pragma in _PRAGMAS:
            self._store.execute(f"PRAGMA {pragma}")
        self._scene.job(*JOBS, RARE, max_concurrent_runs=1_000_000, timeout_min=60)
        self._scene.job("flaky again", max_retries=1)
        self._scene.trigger("root", "first")
        self._scene.trigger("then", "second", when={"first": "SUCCEEDED"})
        self._begin_ms = self._scene.at_ms
        self._store.execute("BEGIN")
        self._common = [
            *[self._template(lambda: self._run("daily"))] * 8,
            *[self._template(lambda: self._run("hourly"))] * 6,
            self._template(lambda: self._run("hourly", fails=True)),
            self._template(self._retried),
            *[self._template(self._chained)] * 2,
        ]
        self._rare = self._template(lambda: self._run(RARE))
        self._queued = self._template(self._wait)

    def fill(self, runs: int, *, queued: int = 0) -> None:
        """Add about `runs` ended runs, a few of them of the rare job, and then `queued` that wait, and close."""
        with closing(self._store):
            self._copy(self._common_and_rare(runs))
            self._copy([self._queued] * queued)
            self._store.execute("COMMIT")

    def _common_and_rare(self, runs: int) -> Iterator[_Template]:
        every = max(runs // RARE_RUNS, 1)
        next_rare = every // 2
        made = 0
        while made < runs:
            template = self._rare if made >= next_rare else self._random.choice(self._common)
            next_rare += every if made >= next_rare else 0
            made += template.runs
            yield template

    def _run(self, job: str, *, fails: bool = False) -> None:
        self._end(self._accept(job), fails=fails)

    def _retried(self) -> None:
        self._run("flaky again", fails=True)
        (failed,) = job_runs.list_retry_due(self._store, limit=1)
        again = self._scene.retry(failed)
        assert again is not None
        self._end(again)

    def _chained(self) -> None:
        (first,) = self._scene.fire("root", self._invocation())
        self._end(first)
        (second,) = [run for run in self._scene.runs() if run.completed_on_ms is None]
        self._end(second)

    def _wait(self) -> None:
        self._accept("daily")

    def _accept(self, job: str) -> JobRun:
        return self._scene.start(job, invocation=self._invocation())

    def _invocation(self) -> Invocation:
        return Invocation(id_digest=self._random.randbytes(16), request_digest=self._random.randbytes(16))

    def _end(self, run: JobRun, *, fails: bool = False) -> None:
        scene = self._scene
        scene.at_ms += 31
        scene.launch(run)
        scene.at_ms += 41_234
        code = int(fails)
        figures = RunFigures(
            exit_code=code,
            wall_ms=41_203,
            cpu_ms=38_111,
            peak_process_rss_bytes=182_345_728,
            peak_tree_rss_bytes=190_345_216,
        )
        ending = an_ending(exit_code=code, figures=figures, stderr_tail="ValueError: no such column: price\n" * code)
        settlement.settle_ended(self._store, run.id, ending, means=scene.means, at_ms=scene.at_ms)

    def _template(self, way: _Way) -> _Template:
        """Let something happen, and take the rows that it left."""
        before = {table: self._highest(table, key) for table, key in _TABLES.items()}
        self._scene.at_ms += INTERVAL_MS
        at_ms = self._scene.at_ms
        way()
        found = [self._rows(table, key, before[table]) for table, key in _TABLES.items()]
        numbers: dict[str, list[int]] = {}
        for one in found:
            for column, kind in one.keys:
                numbers.setdefault(kind, []).extend(row[column] for row in one.rows if row[column] is not None)
        first = {kind: min(values) for kind, values in numbers.items() if values}
        counts = {kind: max(values) - first[kind] + 1 for kind, values in numbers.items() if values}
        return _Template(found, first, counts, counts["run"], at_ms)

    def _highest(self, table: str, key: str) -> int:
        return int(self._store.execute(f"SELECT coalesce(max({key}), 0) FROM {table}").fetchone()[0])  # noqa: S608

    def _rows(self, table: str, key: str, after: int) -> _Rows:
        found = self._store.execute(f"SELECT * FROM {table} WHERE {key} > {after} ORDER BY {key}")  # noqa: S608
        names = [column[0] for column in found.description]
        kinds = [(place, _kind(table, name)) for place, name in enumerate(names)]
        return _Rows(
            table=table,
            rows=[tuple(row) for row in found],
            keys=[(place, kind) for place, kind in kinds if kind is not None],
            times=[place for place, name in enumerate(names) if name.endswith(("_on_ms", "at_ms", "due_ms"))],
            bases=[place for place, name in enumerate(names) if name == "base_id"],
            invocations=[place for place, name in enumerate(names) if name == "invocation_id"],
        )

    def _copy(self, templates: Iterable[_Template]) -> None:
        """Write one copy of each of `templates`, in their order."""
        last = {kind: self._highest(table, column) for kind, (table, column) in _NUMBERED.items()}
        pending: dict[str, list[_Row]] = {table: [] for table in _TABLES}
        for template in templates:
            self._scene.at_ms += INTERVAL_MS
            by = {kind: last[kind] + 1 - first for kind, first in template.first.items()}
            self._add_copy(pending, template, by, self._scene.at_ms - template.at_ms)
            for kind, count in template.counts.items():
                last[kind] += count
            if len(pending["job_run"]) >= _CHUNK:
                self._write(pending)
        self._write(pending)

    def _add_copy(
        self, pending: Mapping[str, list[_Row]], template: _Template, by: Mapping[str, int], later_ms: int
    ) -> None:
        bases: dict[bytes, bytes] = {}
        for one in template.tables:
            for row in one.rows:
                new = list(row)
                for column, kind in one.keys:
                    new[column] = None if row[column] is None else row[column] + by[kind]
                for column in one.times:
                    new[column] = None if row[column] is None else row[column] + later_ms
                for column in one.invocations:
                    new[column] = None if row[column] is None else self._random.randbytes(16)
                for column in one.bases:
                    new[column] = bases.setdefault(row[column], self._random.randbytes(BASE_BYTES))
                pending[one.table].append(tuple(new))

    def _write(self, pending: Mapping[str, list[_Row]]) -> None:
        for table, rows in pending.items():
            if rows:
                places = ",".join("?" * len(rows[0]))
                self._store.executemany(f"INSERT INTO {table} VALUES ({places})", rows)  # noqa: S608
                rows.clear()


def _kind(table: str, column: str) -> str | None:
    """Return what a column numbers, if it does."""
    if column == "job_run_seq":
        return "run"
    if column == "chain_key":
        return "chain"
    return next((kind for kind, place in _NUMBERED.items() if place == (table, column)), None)
