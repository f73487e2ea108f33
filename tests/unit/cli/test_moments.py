"""Times are taken as people write them; what is none is refused with examples."""

from datetime import UTC, datetime

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.faces.cli.moments import MOMENT, moment_of

NOW_MS = 1_793_000_000_000


@pytest.mark.parametrize(
    ("text", "ago_s"),
    [("10m", 600), ("2h", 7200), ("1d12h", 129_600), ("1w", 604_800), ("90s", 90), ("1.5h", 5400), (" 1h 30m ", 5400)],
)
def test_a_length_of_time_is_how_long_ago(text: str, ago_s: int) -> None:
    assert moment_of(text, now_ms=NOW_MS) == NOW_MS - ago_s * 1000


def test_no_time_is_before_1970() -> None:
    assert moment_of("999999w", now_ms=NOW_MS) == 0


@pytest.mark.parametrize(
    ("text", "at_ms"),
    [
        ("2026-11-28T14:05:00Z", 1_795_874_700_000),
        ("2026-11-28T14:05+01:00", 1_795_871_100_000),
        ("2026-11-28 14:05:00.250+00:00", 1_795_874_700_250),
    ],
)
def test_a_time_with_an_offset_is_that_time(text: str, at_ms: int) -> None:
    assert moment_of(text, now_ms=NOW_MS) == at_ms


def test_a_time_without_an_offset_is_local(monkeypatch: pytest.MonkeyPatch) -> None:
    local = datetime.fromtimestamp(NOW_MS / 1000, UTC).astimezone()

    assert moment_of(local.strftime("%Y-%m-%dT%H:%M:%S"), now_ms=NOW_MS) == NOW_MS // 1000 * 1000
    assert moment_of(local.strftime("%H:%M:%S"), now_ms=NOW_MS) == NOW_MS // 1000 * 1000
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    assert moment_of(local.strftime("%Y-%m-%d"), now_ms=NOW_MS) == round(midnight.timestamp() * 1000)


@pytest.mark.parametrize("text", ["", "yesterday", "10", "-10m", "10 minutes", "25:00", "2026-13-01", "0001-01-01"])
def test_what_is_no_time_is_refused(text: str) -> None:
    assert moment_of(text, now_ms=NOW_MS) is None
    with pytest.raises(click.BadParameter, match="is no time: 10m, 2h, 3d"):
        MOMENT.convert(text, None, None)


@given(st.text(max_size=40))
def test_any_text_is_a_time_or_none(text: str) -> None:
    found = moment_of(text, now_ms=NOW_MS)

    assert found is None or found >= 0
