"""A Dagster asset that PipesGlueClient materializes, as CLIENT_REQUEST says; SIGINT interrupts it as Ctrl-C would."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import boto3
from dagster import (  # type: ignore[import-not-found]  # in the clients' environment only
    AssetExecutionContext,
    PipesEnvContextInjector,
    PipesTempFileMessageReader,
    asset,
    materialize,
)
from dagster_aws.pipes import (  # type: ignore[import-not-found]  # as above
    PipesCloudWatchMessageReader,
    PipesGlueClient,
)

REQUEST = json.loads(os.environ["CLIENT_REQUEST"])
READERS = {"file": PipesTempFileMessageReader, "logs": PipesCloudWatchMessageReader}


@asset  # type: ignore[untyped-decorator]  # as above
def flights(context: AssetExecutionContext, pipes: PipesGlueClient) -> Any:
    """Run the job."""
    parameters = {"JobName": REQUEST["job"], "Arguments": REQUEST["arguments"]}
    return pipes.run(
        context=context, start_job_run_params=parameters, extras={"asked": "by Dagster"}
    ).get_materialize_result()


def main() -> None:
    """Materialize the asset, and tell what Dagster knows of it."""
    pipes = PipesGlueClient(
        context_injector=PipesEnvContextInjector(),
        message_reader=READERS[REQUEST["reader"]](),
        client=boto3.client("glue"),
    )
    result = materialize([flights], resources={"pipes": pipes}, raise_on_error=False)
    told = [event.materialization for event in result.get_asset_materialization_events()]
    answer = {
        "success": result.success,
        "metadata": {key: value.value for one in told for key, value in one.metadata.items()},
        "failures": [event.step_failure_data.error.to_string() for event in result.get_step_failure_events()],
    }
    Path(os.environ["CLIENT_ANSWER"]).write_text(json.dumps(answer))
    sys.stdout.flush()
    os._exit(0)  # Its thread that follows the log has no end.


if __name__ == "__main__":
    main()
