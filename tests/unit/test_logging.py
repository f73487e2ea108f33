"""An event of the log is one line that says no secret, and whatever is in it commands no terminal."""

import json
import logging
import re
from collections.abc import Iterator
from typing import Any, Final

import pytest
import structlog

from orchestrator.logging import configure
from orchestrator.model.redaction import Redaction

FORGED: Final = 'name\n{"event": "forged"}\r\x1b]52;c;cm0gLXJm\x07\x1b[2J\x9b31m\u202eeerf\u2028'
CONTROLS: Final = set(map(chr, [*range(32), 127, *range(0x80, 0xA0), 0x2028, 0x202E])) - {"\n"}


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def told(capsys: pytest.CaptureFixture[str], style: Any) -> str:
    """Log in every way there is; return what came out."""
    configure("debug", style, Redaction(["dsn"]))
    log = structlog.get_logger()
    log.info("plain", name=FORGED, nested={"name": FORGED}, day="1")
    log.info(FORGED)
    log.info("secrets", argument="--password=hunter2", url="http://u:hunter2@h", own="dsn=hunter2")
    try:
        int(FORGED + " token=hunter2")
    except ValueError:
        log.exception("failed")
        logging.getLogger("library").exception("a library: %s", FORGED)
    return capsys.readouterr().err


def test_json_is_one_object_per_line(capsys: pytest.CaptureFixture[str]) -> None:
    lines = told(capsys, "json").splitlines()

    events = [json.loads(line)["event"] for line in lines]
    assert events == ["plain", FORGED, "secrets", "failed", f"a library: {FORGED}"]
    assert json.loads(lines[0])["name"] == FORGED
    assert all(line.isascii() and line.isprintable() for line in lines)


def test_a_terminal_gets_no_control_characters_but_our_colours(capsys: pytest.CaptureFixture[str]) -> None:
    text = re.sub(r"\x1b\[\d+(;\d+)*m", "", told(capsys, "console"))

    assert not CONTROLS & set(text)
    assert "\\x1b]52" in text
    lines = text.splitlines()
    assert [line for line in lines if "plain" in line and "forged" in line]
    outside = lines[: next(place for place, line in enumerate(lines) if line.startswith("Traceback"))]
    assert len(outside) == 4  # the events; a traceback's message may have lines


@pytest.mark.parametrize("style", ["json", "console"])
def test_no_secret_is_told(capsys: pytest.CaptureFixture[str], style: str) -> None:
    text = told(capsys, style)

    assert "hunter2" not in text
    assert text.count("***") >= 4
