"""Airflow's GlueJobHook outside a DAG: the job is created or updated as CLIENT_REQUEST says, run, and waited for."""

import asyncio
import json
import os
from pathlib import Path

from airflow.providers.amazon.aws.hooks.glue import GlueJobHook  # type: ignore[import-not-found]  # clients only


def start() -> tuple[GlueJobHook, str, str]:
    """Start a run, with a hook of its own: it takes the job's definition out of what it is given."""
    request = json.loads(os.environ["CLIENT_REQUEST"])
    hook = GlueJobHook(**request["members"], job_poll_interval=0.1)
    return hook, hook.job_name, hook.initialize_job(request["arguments"])["JobRunId"]


def main() -> None:
    """Start two runs of the job, and wait for one in each way."""
    hook, job, first = start()
    waited = hook.job_completion(job, first)
    hook, job, second = start()
    awaited = asyncio.run(hook.async_job_completion(job, second))
    answer = {"runs": [first, second], "waited": waited, "awaited": awaited}
    Path(os.environ["CLIENT_ANSWER"]).write_text(json.dumps(answer))


if __name__ == "__main__":
    main()
