"""`orchestrator jobs`: list jobs."""

from typing import Any

import click

from orchestrator.faces.cli.client import Client
from orchestrator.faces.cli.output import TABLE, output_option, print_for_programs
from orchestrator.faces.cli.redacting import further_words
from orchestrator.faces.cli.session import Session, endpoint_options
from orchestrator.faces.cli.tables import print_table
from orchestrator.model.redaction import Redaction


@click.command("jobs")
@endpoint_options
@output_option
@click.pass_context
def command(context: click.Context, /, *, output: str) -> None:
    """List the jobs that the daemon knows."""
    session = context.ensure_object(Session)
    jobs = _jobs(session.client())
    if output != TABLE:
        redaction = Redaction(further_words(session))
        safe = [_without_secrets(job, redaction) for job in jobs]
        print_for_programs(output, safe, ids=(job["Name"] for job in jobs))
        return
    columns = ("JOB", "TYPE", "DPU", "RUNS AT ONCE", "RETRIES", "SCRIPT")
    print_table(columns, (_told(job) for job in jobs))


def _jobs(client: Client) -> list[dict[str, Any]]:
    jobs: list[dict[str, Any]] = []
    token: str | None = None
    while True:
        answer = client.act("GetJobs", {} if token is None else {"NextToken": token})
        jobs += answer.get("Jobs", [])
        token = answer.get("NextToken")
        if not token:
            return jobs


def _without_secrets(job: dict[str, Any], redaction: Redaction) -> dict[str, Any]:
    members = ("DefaultArguments", "NonOverridableArguments")
    return {**job, **{name: redaction.arguments(job[name]) for name in members if job.get(name)}}


def _told(job: dict[str, Any]) -> tuple[str, ...]:
    command = job.get("Command", {})
    return (
        job["Name"],
        command.get("Name", "-"),
        f"{job['MaxCapacity']:g}" if "MaxCapacity" in job else "-",
        str(job.get("ExecutionProperty", {}).get("MaxConcurrentRuns", 1)),
        str(job.get("MaxRetries", 0)),
        command.get("ScriptLocation", "-"),
    )
