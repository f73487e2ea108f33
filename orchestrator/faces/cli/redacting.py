"""Hiding secrets in what Glue's own actions tell, for those tell all."""

from contextlib import suppress

from orchestrator.faces.cli.errors import CommandError
from orchestrator.faces.cli.session import Session


def further_words(session: Session) -> list[str]:
    """Return those of the settings here, for the daemon tells all as it is; none where there are no settings to read."""
    with suppress(CommandError):
        return list(session.settings().access.redact)
    return []
