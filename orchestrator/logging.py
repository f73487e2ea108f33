"""The daemon's own log: structlog to stderr, JSON unless a person is looking.

An event is one line, whatever text is in it, and says no secret. A terminal gets no control characters but our own.
"""

import io
import logging
import sys
from collections.abc import MutableMapping
from typing import Any, Literal, TextIO

import structlog

from orchestrator.model.plain_text import harmless
from orchestrator.model.redaction import Redaction

_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


def configure(
    level: Literal["debug", "info", "warning", "error"],
    style: Literal["auto", "json", "console"],
    redaction: Redaction,
) -> None:
    """Send our own events and the libraries' records to stderr, one line each, with their secrets hidden."""
    is_console = style == "console" or (style == "auto" and sys.stderr.isatty())
    cleaning = _Cleaning(redaction, is_console=is_console)
    last: Any = (
        structlog.dev.ConsoleRenderer(exception_formatter=cleaning.write_traceback)
        if is_console
        else structlog.processors.JSONRenderer(ensure_ascii=True)
    )
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    tail: list[Any] = [cleaning, last] if is_console else [structlog.processors.format_exc_info, cleaning, last]
    structlog.configure(
        processors=[*shared, *tail],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *tail],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(_LEVELS[level], logging.WARNING))  # libraries speak up only when something is wrong


class _Cleaning:
    """Hides secrets, and spells out what would command a terminal; the JSON renderer spells it out itself."""

    def __init__(self, redaction: Redaction, *, is_console: bool) -> None:
        self._redaction = redaction
        self._is_console = is_console

    def __call__(self, logger: object, name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        del logger, name
        for key, value in event.items():
            event[key] = self._cleaned(value)
        return event

    def _cleaned(self, value: Any) -> Any:
        """Return a value of an event cleaned, however deep its text lies: as the message in a change of state does."""
        if isinstance(value, str):
            return self._clean(value, keep="")
        if isinstance(value, dict):
            return {key: self._cleaned(inner) for key, inner in value.items()}
        if isinstance(value, list | tuple):
            return [self._cleaned(inner) for inner in value]
        return value

    def write_traceback(self, stream: TextIO, trace: Any) -> None:
        """Write a traceback for people: it has many lines, and its messages are other people's text."""
        written = io.StringIO()
        structlog.dev.plain_traceback(written, trace)
        stream.write(self._clean(written.getvalue(), keep="\n\t"))

    def _clean(self, text: str, *, keep: str) -> str:
        hidden = self._redaction.text(text)
        return harmless(hidden, keep=keep) if self._is_console else hidden
