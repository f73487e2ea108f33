"""Prefect's GlueJobBlock starts the job in CLIENT_REQUEST and waits for its end, as a flow's code would."""

import asyncio
import json
import os
from pathlib import Path
from typing import Any

from prefect_aws import AwsCredentials  # type: ignore[import-not-found]  # in the clients' environment only
from prefect_aws.glue_job import GlueJobBlock  # type: ignore[import-not-found]  # as above

REQUEST = json.loads(os.environ["CLIENT_REQUEST"])


async def run() -> dict[str, Any]:
    """Start the job, wait, and tell how the run ended."""
    credentials = AwsCredentials(aws_access_key_id="x", aws_secret_access_key="x", region_name="us-east-1")
    block = GlueJobBlock(
        job_name=REQUEST["job"],
        arguments=REQUEST["arguments"],
        aws_credentials=credentials,
        job_watch_poll_interval=0.1,
    )
    run = await block.trigger()
    run.client = run.client or credentials.get_boto3_session().client("glue")  # Prefect leaves it out.
    answer: dict[str, Any] = {"run": run.job_id, "error": None}
    try:
        await asyncio.to_thread(run.wait_for_completion)
    except RuntimeError as error:
        answer["error"] = str(error)
    return {**answer, "state": await run.fetch_result()}


def main() -> None:
    """Write down what Prefect learned."""
    Path(os.environ["CLIENT_ANSWER"]).write_text(json.dumps(asyncio.run(run())))


if __name__ == "__main__":
    main()
