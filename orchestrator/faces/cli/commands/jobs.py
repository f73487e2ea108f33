"""`orchestrator jobs`: list jobs."""

from contextlib import suppress
from typing import Any

import click

from orchestrator.faces.cli.client import Client
from orchestrator.faces.cli.errors import CommandError
from orchestrator.faces.cli.session import Session, endpoint_options
from orchestrator.faces.cli.tables import JSON, output_option, print_json, print_table
from orchestrator.model.redaction import Redaction


@click.command("jobs")
@endpoint_options
@output_option
@click.pass_context
def command(context: click.Context, /, *, output: str) -> None:
    """List the jobs that the daemon knows."""
    session = context.ensure_object(Session)
    jobs = _jobs(session.client())
    if output == JSON:
        redaction = Redaction(_further_words(session))
        print_json([_without_secrets(job, redaction) for job in jobs])
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


def _further_words(session: Session) -> list[str]:
    """Return those of the settings here, for the daemon tells jobs as they are; none where there are no settings to read."""
    with suppress(CommandError):
        return list(session.settings().access.redact)
    return []


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
