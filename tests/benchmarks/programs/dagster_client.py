"""Drives Dagster: submits runs to its queue as its own command line does, and awaits their last states."""

import os
import time

from asked import answer  # type: ignore[import-not-found]  # beside this file, where its interpreter looks

# isort: split
import dagster._cli.job as cli  # type: ignore[import-not-found]  # in the heavy peers' environment only
from dagster import DagsterInstance, DagsterRunStatus
from dagster.version import __version__  # type: ignore[import-not-found]  # as above

SUBMITTED: list[str] = []


def main() -> None:
    """Answer until there are no more requests."""
    jobs = cli.WorkspaceOpts(python_file=[os.environ["BENCH_JOBS"]])
    with (
        DagsterInstance.get() as instance,
        cli.get_workspace_from_cli_opts(instance, version=__version__, workspace_opts=jobs) as workspace,
    ):
        location = cli.get_code_location_from_workspace(workspace, None)
        repository = cli.get_remote_repository_from_code_location(location, None)
        job = cli.get_remote_job_from_remote_repo(repository, "script")

        def enqueue(count: int) -> dict[str, int]:
            for _ in range(count):
                run = cli._create_run(  # what `dagster job launch` does
                    instance=instance,
                    code_location=location,
                    remote_repo=repository,
                    remote_job=job,
                    run_config={},
                    tags={},
                    op_selection=None,
                    run_id=None,
                )
                instance.submit_run(run.run_id, workspace)
                SUBMITTED.append(run.run_id)
            return {"enqueued": count}

        def states() -> list[str]:
            """Wait until every run has ended; return their last states, and forget them."""
            while not all(instance.get_run_by_id(run_id).is_finished for run_id in SUBMITTED):
                time.sleep(0.02)
            found: list[DagsterRunStatus] = [instance.get_run_by_id(run_id).status for run_id in SUBMITTED]
            SUBMITTED.clear()
            return [status.value for status in found]

        answer({"enqueue": enqueue, "states": states})


main()
