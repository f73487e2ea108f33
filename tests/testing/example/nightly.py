"""The code under test: it drives Glue as it would in production, with whatever client it is given."""

from typing import Any


def start_import(glue: Any, day: str) -> str:
    """Start the import of a day; return the run's id."""
    run_id: str = glue.start_job_run(JobName="import_day", Arguments={"--day": day})["JobRunId"]
    return run_id
