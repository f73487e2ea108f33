"""A listing that is read page by page misses nothing and repeats nothing, whatever starts in between."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.store import job_runs, jobs
from orchestrator.store.database import Transaction
from orchestrator.wire.paging import decode_token, encode_token
from tests.support.records import a_definition, opened, stored_run

NAMES = st.text("abAB_-ä\U0001f600", min_size=1, max_size=4)


@contextmanager
def a_store() -> Iterator[Transaction]:
    with closing(opened(Path(":memory:"))) as store:
        yield store


@settings(deadline=None, max_examples=40)
@given(count=st.integers(0, 12), size=st.integers(1, 5), started=st.lists(st.integers(0, 2), max_size=6))
def test_runs_that_start_between_two_pages_shift_none(count: int, size: int, started: list[int]) -> None:
    with a_store() as store:
        first = [stored_run(store, number, job_name="other" if number % 3 == 2 else "etl") for number in range(count)]
        expected = [run.id for run in reversed(first) if run.job_name == "etl"]
        key = jobs.find_key(store, "etl") or 0
        seen, before, number = [], None, 100
        while page := job_runs.list_page_of_job(store, key, before_seq=before, limit=size):
            seen += [run.id for run in page]
            assert len(page) <= size
            before = decode_token(encode_token("job-runs", page[-1].seq, "etl"), "job-runs", int, "etl")
            for _ in range(started.pop() if started else 0):
                number += 1
                stored_run(store, number)
        assert seen == expected


@settings(deadline=None, max_examples=40)
@given(
    names=st.sets(NAMES, max_size=10),
    size=st.integers(1, 4),
    between=st.lists(st.tuples(NAMES, st.booleans()), max_size=8),
)
def test_jobs_that_come_and_go_between_two_pages_hide_none_that_stay(
    names: set[str], size: int, between: list[tuple[str, bool]]
) -> None:
    with a_store() as store:
        for name in names:
            jobs.create(store, name, a_definition(), source=None, at_ms=1)
        staying, seen, after = set(names), [], ""
        while page := jobs.list_page(store, after=after, limit=size):
            seen += [job.name for job in page]
            after = decode_token(encode_token("jobs", page[-1].name), "jobs", str) or ""
            if between:
                name, is_new = between.pop()
                job = jobs.find(store, name)
                if is_new and job is None:
                    jobs.create(store, name, a_definition(), source=None, at_ms=2)
                elif not is_new and job is not None:
                    jobs.delete(store, job, at_ms=2)
                    staying.discard(name)
        assert len(seen) == len(set(seen))
        assert seen == sorted(seen, key=str.encode)
        assert staying <= set(seen)
