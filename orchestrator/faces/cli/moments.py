"""Times as people write them on a command line: how long ago, or when."""

import re
import time
from datetime import UTC, datetime
from datetime import time as time_of_day
from typing import Final

import click

_UNITS_MS: Final = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 7 * 86_400_000}
_PART: Final = re.compile(r"(\d{1,12}(?:\.\d{1,6})?)\s*(ms|s|m|h|d|w)\s*")
_AGO: Final = re.compile(rf"(?:{_PART.pattern})+")
_YEARS: Final = range(1970, 10_000)


class Moment(click.ParamType[int]):
    """A time, as milliseconds since 1970: `10m` or `1h30m` (that long ago), `14:05` (today), `2026-11-28T14:05[+01:00]`."""

    name = "time"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the time that the text means; without an offset it is a local one."""
        if isinstance(value, int):
            return value
        found = moment_of(str(value), now_ms=time.time_ns() // 1_000_000)
        if found is None:
            self.fail(f"{value!r} is no time: 10m, 2h, 3d (ago), 14:05 (today) or 2026-11-28T14:05 are.", param, ctx)
        return found


MOMENT: Final = Moment()


def moment_of(text: str, *, now_ms: int) -> int | None:
    """Return what `text` means, in milliseconds since 1970; None where it is no time."""
    trimmed = text.strip()
    if _AGO.fullmatch(trimmed):
        ago_ms = sum(float(number) * _UNITS_MS[unit] for number, unit in _PART.findall(trimmed))
        return max(0, now_ms - round(ago_ms))
    try:
        at = _spelled_out(trimmed, now_ms)
        return round(at.timestamp() * 1000) if at.year in _YEARS else None
    except (ValueError, OverflowError, OSError):
        return None


def _spelled_out(text: str, now_ms: int) -> datetime:
    if ":" in text[:3] or (":" in text and "-" not in text and "T" not in text):
        today = datetime.fromtimestamp(now_ms / 1000, UTC).astimezone().date()
        return datetime.combine(today, time_of_day.fromisoformat(text)).astimezone()
    at = datetime.fromisoformat(text)
    return at if at.tzinfo is not None else at.astimezone()
