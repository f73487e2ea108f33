"""Ids of runs and jobs, in Glue's forms.

A retry of a run shares its base: `jr_<64 hex>` is the first attempt, `jr_<64 hex>_attempt_<n>` the n-th retry.
"""

import hashlib
import re
from dataclasses import dataclass
from typing import Final

BASE_BYTES: Final = 32
_JOB_RUN_ID: Final = re.compile(r"jr_([0-9a-f]{64})(?:_attempt_([1-9][0-9]{0,8}))?")


@dataclass(frozen=True, slots=True, order=True)
class JobRunId:
    """The identity of one attempt: its family's base (32 bytes) and the attempt's number, 0 for the first."""

    base: bytes
    attempt: int = 0

    def __str__(self) -> str:
        """Return Glue's form."""
        suffix = f"_attempt_{self.attempt}" if self.attempt else ""
        return f"jr_{self.base.hex()}{suffix}"

    def retry(self, attempt: int) -> "JobRunId":
        """Return the id of another attempt of the same family."""
        return JobRunId(self.base, attempt)


def parse_job_run_id(text: str) -> JobRunId | None:
    """Return the id that `text` spells, or None where it has not the form of one (so no run can have it)."""
    match = _JOB_RUN_ID.fullmatch(text)
    if match is None:
        return None
    return JobRunId(bytes.fromhex(match[1]), int(match[2] or 0))


def job_id(name: str, created_on_ms: int) -> str:
    """Return the `j_…` id that scripts get as `--JOB_ID`: the same for all runs of one job, another after a re-creation."""
    return "j_" + hashlib.sha256(f"{created_on_ms}:{name}".encode()).hexdigest()
