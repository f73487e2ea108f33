"""The one error that a command ends with: a sentence, what to do next, and the exit code."""

import sys
from typing import IO, Any

import click

from orchestrator.faces.cli.exit_codes import ExitCode
from orchestrator.model.plain_text import harmless


class CommandError(click.ClickException):
    """A command cannot go on."""

    def __init__(self, message: str, exit_code: ExitCode, *, hint: str | None = None) -> None:
        """Keep the sentence, the code, and what somebody can do about it."""
        super().__init__(message)
        self.exit_code = int(exit_code)  # type: ignore[misc]  # click declares it for the class, and reads it here
        self.hint = hint

    def show(self, file: IO[Any] | None = None) -> None:
        """Write both lines to stderr."""
        stream = file or sys.stderr
        click.echo(f"orchestrator: {harmless(self.message)}", file=stream)
        if self.hint is not None:
            click.echo(harmless(self.hint), file=stream)


class UnreachableError(CommandError):
    """No daemon answers."""

    def __init__(self, url: str, origin: str, reason: object) -> None:
        """Name the address, where it comes from, and what the system said."""
        super().__init__(
            f"no daemon answers at {url} (from {origin}): {reason}",
            ExitCode.UNREACHABLE,
            hint="`orchestrator serve` starts one; --endpoint-url names another.",
        )


_EXIT_CODES = {
    "AccessDeniedException": ExitCode.NOT_PERMITTED,
    "ConcurrentRunsExceededException": ExitCode.TRY_LATER,
    "EntityNotFoundException": ExitCode.NOT_FOUND,
    "InternalServiceException": ExitCode.INTERNAL,
    "OperationTimeoutException": ExitCode.TRY_LATER,
}

_KEYS_HINT = (
    "This daemon wants signed requests: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY must be a key of its keys_file. "
    "Its own user needs none where no endpoint is named: --state-dir leads to its Unix socket."
)
_HINTS = {
    "AccessDeniedException": "A daemon lets in its own user and root only.",
    "ConcurrentRunsExceededException": "`orchestrator runs JOB` shows its runs; --queue lets the new one wait for them.",
    "EntityNotFoundException": "`orchestrator jobs`, `runs`, `triggers` and `workflow list` list what there is; `check` finds mistakes in files.",
    "IncompleteSignatureException": _KEYS_HINT,
    "InvalidSignatureException": _KEYS_HINT,
    "MissingAuthenticationTokenException": _KEYS_HINT,
    "UnrecognizedClientException": _KEYS_HINT,
    "InternalServiceException": "The daemon's log says what happened; `orchestrator doctor` looks at its store and its disk.",
    "OperationTimeoutException": "Its store was busy or its disk slow: try again, and ask `orchestrator doctor` if it stays so.",
    "ResourceNumberLimitExceededException": (
        "`orchestrator top` shows who holds the slots; --max-capacity asks for less, [capacity] in the settings lends more."
    ),
    "ServiceUnavailableException": "The daemon is ending, or has as many calls as it takes: try again in a moment.",
    "VersionMismatchException": "`orchestrator bookmark history JOB` shows what moved it; set it again if it still should be.",
    "UnknownOperationException": "Is the daemon older than this program?",
}


class RefusedError(CommandError):
    """The daemon answered with an error."""

    def __init__(self, status: int, name: str, message: str) -> None:
        """Keep Glue's name of the error beside its sentence; `status` decides where the name is unknown."""
        code = _EXIT_CODES.get(name)
        if code is None:
            code = {403: ExitCode.NOT_PERMITTED, 404: ExitCode.NOT_FOUND, 503: ExitCode.TRY_LATER}.get(status)
        if code is None:
            code = ExitCode.INTERNAL if status >= 500 else ExitCode.REFUSED
        super().__init__(f"{name}: {message}", code, hint=_HINTS.get(name))
        self.name = name
