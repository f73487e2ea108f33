"""What live runs used, sample by sample; thinned as they come (model/sampling.py)."""

from typing import Final

from orchestrator.model.sampling import Sample, step_ms, unchecked_from_ms
from orchestrator.store.database import Transaction

SELECT_OF_RUN: Final = """
SELECT after_ms, cpu_ms, rss_bytes, processes FROM sample WHERE job_run_seq = :seq ORDER BY after_ms
"""
SELECT_NEWEST: Final = """
SELECT after_ms, cpu_ms, rss_bytes, processes FROM sample WHERE job_run_seq = :seq ORDER BY after_ms DESC LIMIT 1
"""
SELECT_LAST: Final = """
SELECT after_ms, cpu_ms, rss_bytes, processes FROM sample WHERE job_run_seq = :seq ORDER BY after_ms DESC LIMIT :limit
"""
# All but the first of each step.
THIN: Final = """
DELETE FROM sample WHERE job_run_seq = :seq AND after_ms >= :from_ms AND EXISTS (
    SELECT 1 FROM sample AS s WHERE s.job_run_seq = :seq
    AND s.after_ms >= sample.after_ms / :step_ms * :step_ms AND s.after_ms < sample.after_ms)
"""
# A run that is gone by now has none.
INSERT: Final = """
INSERT INTO sample (job_run_seq, after_ms, cpu_ms, rss_bytes, processes)
SELECT seq, :after_ms, :cpu_ms, :rss_bytes, :processes FROM job_run WHERE seq = :seq
"""


def keep(tx: Transaction, seq: int, sample: Sample) -> None:
    """Add the newest sample of a run, and let go of those that are not needed beside it: never more than `MOST` are kept.

    Neither its processor time nor its instant is before the last one's: what processes used that have ended cannot always
    be seen, and a clock may have been set back between two daemons.
    """
    previous = _newest(tx, seq)
    after_ms, cpu_ms = sample.after_ms, sample.cpu_ms
    if previous is not None:
        after_ms, cpu_ms = max(after_ms, previous.after_ms + 1), max(cpu_ms, previous.cpu_ms)
    from_ms = unchecked_from_ms(None if previous is None else previous.after_ms, after_ms)
    tx.execute(THIN, {"seq": seq, "from_ms": from_ms, "step_ms": step_ms(after_ms)})
    values = {
        "seq": seq,
        "after_ms": after_ms,
        "cpu_ms": cpu_ms,
        "rss_bytes": sample.rss_bytes,
        "processes": sample.processes,
    }
    tx.execute(INSERT, values)


def list_of_run(tx: Transaction, seq: int) -> list[Sample]:
    """Return the samples of a run, the first one first."""
    return [Sample(**row) for row in tx.execute(SELECT_OF_RUN, {"seq": seq})]


def list_last(tx: Transaction, seq: int, *, limit: int) -> list[Sample]:
    """Return the last samples of a run, up to `limit`, the oldest of them first."""
    return [Sample(**row) for row in tx.execute(SELECT_LAST, {"seq": seq, "limit": limit})][::-1]


def _newest(tx: Transaction, seq: int) -> Sample | None:
    row = tx.execute(SELECT_NEWEST, {"seq": seq}).fetchone()
    return None if row is None else Sample(**row)
