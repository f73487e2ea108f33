"""`orchestrator apply`: let the daemon read the files of jobs and triggers anew, or see what that would change."""

import json
from itertools import zip_longest
from typing import Any, Final, TypedDict

import click

from orchestrator.faces.cli.differences import print_difference
from orchestrator.faces.cli.exit_codes import ExitCode
from orchestrator.faces.cli.output import output_option, print_for_programs
from orchestrator.faces.cli.redacting import further_words
from orchestrator.faces.cli.session import Session, endpoint_options
from orchestrator.faces.cli.text import in_one_line
from orchestrator.model.redaction import Redaction

_SAID: Final = {"ADDED": "added", "CHANGED": "changed", "GONE": "in no file any more, so it belongs to the API"}
_WOULD_BE_SAID: Final = {"ADDED": "new", "CHANGED": "changed", "GONE": "in no file any more"}
_ARGUMENTS: Final = {"Arguments", "DefaultArguments", "NonOverridableArguments"}


class _Change(TypedDict):
    Kind: str
    Name: str
    Change: str
    Before: dict[str, Any] | None
    After: dict[str, Any]


@click.command("apply")
@click.option(
    "--dry-run", is_flag=True, help="Only show what would change, as a diff; exits with 3 if something would."
)
@endpoint_options
@output_option
@click.pass_context
def command(context: click.Context, /, *, dry_run: bool, output: str) -> None:
    """Let the daemon read job and trigger files anew.

    It does what SIGHUP does, and this tells what that changed. What has a mistake stays as it was, is told as FILE:LINE: MESSAGE, and makes the exit code 78. A job or trigger whose
    file is gone stays too, and then belongs to the API. The files are those of the daemon, where it runs. Secrets are
    hidden.
    """
    session = context.ensure_object(Session)
    answer = session.client().act("Orchestrator.ReadFiles", {"DryRun": dry_run})
    redaction = Redaction(further_words(session))
    changes = [_without_secrets(change, redaction) for change in answer["Changes"]]
    if not print_for_programs(output, {**answer, "Changes": changes}, ids=(change["Name"] for change in changes)):
        _print(changes, dry_run=dry_run, places=f"{answer['JobsDir']} and {answer['TriggersFile']}")
    for problem in answer["Problems"]:
        line = f":{problem['Line']}" if problem.get("Line") is not None else ""
        click.echo(in_one_line(f"{problem['File']}{line}: {problem['Message']}"), err=True)
    if answer["Problems"]:
        click.echo("What has a mistake stays as it was.", err=True)
        context.exit(ExitCode.CONFIGURATION)
    if dry_run and changes:
        context.exit(ExitCode.WOULD_CHANGE)


def _print(changes: list[_Change], *, dry_run: bool, places: str) -> None:
    said = _WOULD_BE_SAID if dry_run else _SAID
    for change in changes:
        kind = change["Kind"].lower()
        click.echo(in_one_line(f"{kind} {change['Name']}: {said[change['Change']]}"))
        if dry_run:
            before, after = (_text(change[side]) for side in ("Before", "After"))
            name = f"{kind}/{change['Name']}"
            print_difference(before, after, name_before=f"daemon: {name}", name_after=f"files: {name}")
    if not changes:
        click.echo(in_one_line(f"nothing {'would change' if dry_run else 'changed'}: read {places}"))


def _text(members: dict[str, Any] | None) -> str:
    return "" if members is None else json.dumps(members, indent=2, sort_keys=True, ensure_ascii=False)


def _without_secrets(change: _Change, redaction: Redaction) -> _Change:
    before, after = change.get("Before"), change["After"]
    return {**change, "Before": _hidden(before, redaction), "After": _hidden(after, redaction, than=before)}


def _hidden(value: Any, redaction: Redaction, *, than: Any = None) -> Any:
    """Return a definition with its secrets hidden; one that is another `than` at its place before is told as that."""
    if isinstance(value, list):
        places = than[: len(value)] if isinstance(than, list) else []
        return [_hidden(one, redaction, than=other) for one, other in zip_longest(value, places)]
    if not isinstance(value, dict):
        return value
    others = than if isinstance(than, dict) else {}
    return {
        name: _arguments(inner, redaction, others.get(name) or {})
        if name in _ARGUMENTS and isinstance(inner, dict)
        else _hidden(inner, redaction, than=others.get(name))
        for name, inner in value.items()
    }


def _arguments(arguments: dict[str, str], redaction: Redaction, before: dict[str, str]) -> dict[str, str]:
    shown, was = redaction.arguments(arguments), redaction.arguments(before)
    return {
        name: f"{text} (another one)" if was.get(name) == text and before[name] != arguments[name] else text
        for name, text in shown.items()
    }
