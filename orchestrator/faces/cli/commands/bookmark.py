"""`orchestrator bookmark`: see how far a job has come, how it came there, and put it somewhere else."""

import sys
from pathlib import Path
from typing import Any, Final, TypedDict

import click

from orchestrator.faces.cli.client import Client
from orchestrator.faces.cli.completing import job_names, run_ids
from orchestrator.faces.cli.differences import print_difference, readable
from orchestrator.faces.cli.errors import CommandError, RefusedError
from orchestrator.faces.cli.exit_codes import ExitCode
from orchestrator.faces.cli.lookup import find_run, short_ids
from orchestrator.faces.cli.names import is_missing, no_such
from orchestrator.faces.cli.output import output_option, output_option_without_ids, print_for_programs
from orchestrator.faces.cli.session import Session, endpoint_options
from orchestrator.faces.cli.tables import print_facts, print_table
from orchestrator.faces.cli.text import moment

_BY_NAME: Final = click.argument("job", shell_complete=job_names)
_NO_BOOKMARK_HINT: Final = (
    "A run with --job-bookmark-option job-bookmark-enable leaves one when it SUCCEEDS; "
    "`orchestrator bookmark set JOB TEXT` makes one."
)
_MOST_BYTES: Final = 64 * 1024


class Entry(TypedDict):
    """A version of a bookmark as the daemon tells it; secrets in its text are hidden."""

    version: int
    run: int
    attempt: int
    run_id: str | None
    cause: str
    at_ms: int
    bookmark: str


class _Group(click.Group):
    """`bookmark JOB` means `bookmark show JOB`."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Take what is no command for a job."""
        if args and args[0] not in self.commands and not args[0].startswith("-"):
            return "show", show, args
        return super().resolve_command(ctx, args)


@click.group("bookmark", cls=_Group)
def command() -> None:
    """See, reset or set how far a job has come.

    `bookmark JOB` means `bookmark show JOB`.
    """


@command.command("show")
@_BY_NAME
@endpoint_options
@output_option
@click.pass_context
def show(context: click.Context, /, *, job: str, output: str) -> None:
    """Print the bookmark of JOB."""
    client = context.ensure_object(Session).client()
    try:
        answer = client.act("GetJobBookmark", {"JobName": job})
    except RefusedError as error:
        raise (_no_bookmark(client, job) if is_missing(error) else error) from None
    _print(answer, output)


command.add_command(click.Command("get", params=show.params, callback=show.callback, help="Mean `show`.", hidden=True))


@command.command("history")
@_BY_NAME
@click.option(
    "-n", "--limit", type=click.IntRange(1, 100), metavar="N", default=20, show_default=True, help="At most this many."
)
@endpoint_options
@output_option
@click.pass_context
def history(context: click.Context, /, *, job: str, limit: int, output: str) -> None:
    """List the versions of JOB's bookmark, the newest first, and what made each of them.

    A run's commit, a reset, a rewind to where a run had left it, or somebody who set it.
    """
    entries = _entries(context.ensure_object(Session).client(), job)[:limit]
    if print_for_programs(output, entries, ids=(str(entry["version"]) for entry in entries)):
        return
    short = short_ids(entry["run_id"] for entry in entries if entry["run_id"])
    print_table(
        ("VERSION", "AT", "CAUSE", "RUN", "BOOKMARK"),
        (
            (
                str(entry["version"]),
                moment(entry["at_ms"]),
                entry["cause"],
                short[entry["run_id"]] if entry["run_id"] else "-",
                entry["bookmark"],
            )
            for entry in entries
        ),
    )


@command.command("diff")
@_BY_NAME
@click.argument("before", type=click.IntRange(min=0), required=False, metavar="[VERSION")
@click.argument("after", type=click.IntRange(min=0), required=False, metavar="[VERSION]]")
@endpoint_options
@output_option_without_ids
@click.pass_context
def diff(context: click.Context, /, *, job: str, before: int | None, after: int | None, output: str) -> None:
    """Print what differs between two versions of JOB's bookmark.

    Without versions, between the last two; with one, between it and the last. JSON is compared member by member.
    """
    entries = _entries(context.ensure_object(Session).client(), job)
    last = entries[0]["version"]
    newer = last if after is None else after
    older = newer - 1 if before is None else before
    texts = [_version(entries, job, older), _version(entries, job, newer)]
    told = [{"version": number, "bookmark": text} for number, text in zip((older, newer), texts, strict=True)]
    if print_for_programs(output, {"before": told[0], "after": told[1]}):
        return
    names = (f"version {older}", f"version {newer}")
    if not print_difference(*(readable(text) for text in texts), name_before=names[0], name_after=names[1]):
        click.echo(f"versions {older} and {newer} hold the same")


@command.command("reset")
@_BY_NAME
@click.option(
    "--run-id",
    metavar="RUN",
    help="Rewind to where this run left it, instead of to the beginning.",
    shell_complete=run_ids,
)
@endpoint_options
@output_option
@click.pass_context
def reset(context: click.Context, /, *, job: str, run_id: str | None, output: str) -> None:
    """Reset the bookmark of JOB: its next run starts from the beginning, or from where a run left it."""
    client = context.ensure_object(Session).client()
    members = {"JobName": job} | ({} if run_id is None else {"RunId": find_run(client, run_id)["run"]["id"]})
    try:
        answer = client.act("ResetJobBookmark", members)
    except RefusedError as error:
        raise (_no_bookmark(client, job) if is_missing(error) and run_id is None else error) from None
    _print(answer, output)


@command.command("set")
@_BY_NAME
@click.argument("text", metavar="TEXT|@FILE")
@click.option(
    "--version",
    type=click.IntRange(min=0),
    metavar="N",
    help="Only if this is still the version of the bookmark; 0: there is none.",
)
@endpoint_options
@output_option
@click.pass_context
def set_(context: click.Context, /, *, job: str, text: str, version: int | None, output: str) -> None:
    """Make TEXT, or what is in FILE, the bookmark of JOB, as a new version; @- reads the standard input.

    Nothing is lost: earlier versions stay in the history, and where a run moves the bookmark meanwhile, nothing is set.
    A run that is under way has read the version before, so its own commit will fail.
    """
    bookmark = _content(text)
    client = context.ensure_object(Session).client()
    if version is None:
        version = _current_version(client, job)
    members = {"JobName": job, "JobBookmark": bookmark, "Version": version}
    try:
        answer = client.act("Orchestrator.SetJobBookmark", members)
    except RefusedError as error:
        raise (no_such(client, "job", job) if is_missing(error) else error) from None
    _print(answer, output)


def _entries(client: Client, job: str) -> list[Entry]:
    try:
        entries: list[Entry] = client.look_up("bookmark", query={"name": job})["entries"]
    except RefusedError as error:
        raise (no_such(client, "job", job) if is_missing(error) else error) from None
    if not entries:
        raise _no_bookmark(client, job)
    return entries


def _no_bookmark(client: Client, job: str) -> CommandError:
    """Return why there is no bookmark: no such job, or none of its runs left one."""
    try:
        client.act("GetJob", {"JobName": job})
    except RefusedError as error:
        return no_such(client, "job", job) if is_missing(error) else error
    return CommandError(f"job {job} has no bookmark yet", ExitCode.NOT_FOUND, hint=_NO_BOOKMARK_HINT)


def _version(entries: list[Entry], job: str, number: int) -> str:
    """Return the text of a version; version 0 is what was there before the first."""
    if number == 0:
        return ""
    found = next((entry["bookmark"] for entry in entries if entry["version"] == number), None)
    if found is None:
        known = f"those from {entries[-1]['version']} to {entries[0]['version']} are known"
        raise CommandError(f"the bookmark of job {job} has no version {number}; {known}", ExitCode.NOT_FOUND)
    return found


def _current_version(client: Client, job: str) -> int:
    try:
        return int(client.act("GetJobBookmark", {"JobName": job})["JobBookmarkEntry"]["Version"])
    except RefusedError as error:
        if not is_missing(error):
            raise
        return 0  # no bookmark yet; or no such job, which the daemon will say


def _content(text: str) -> str:
    if not text.startswith("@"):
        return text
    path = text[1:]
    try:
        content = sys.stdin.buffer.read(_MOST_BYTES + 1) if path == "-" else Path(path).read_bytes()
        return content.decode()
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}", ExitCode.USAGE) from None
    except UnicodeDecodeError:
        raise CommandError(f"{path} is not UTF-8 text, which a bookmark is", ExitCode.USAGE) from None


def _print(answer: dict[str, Any], output: str) -> None:
    entry = answer["JobBookmarkEntry"]
    if print_for_programs(output, answer, ids=[str(entry.get("Version"))]):
        return
    names = ("JobName", "Version", "Run", "Attempt", "RunId", "PreviousRunId", "JobBookmark")
    print_facts((name, str(entry[name])) for name in names if entry.get(name) is not None)
