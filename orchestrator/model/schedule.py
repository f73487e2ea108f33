"""When a trigger fires: Glue's cron(Minutes Hours Day-of-month Month Day-of-week Year), in UTC.

The six fields are read and refused here; croniter, whose fields are others, searches the calendar. It is only asked in
forms in which its answer is right: numbers listed one by one, `l`, `15w`, `l5` and `5#3`. Left to us are

* years: its own end in 2099 (Glue's in 2199), and a list of all of them means "every year" to it;
* ranges: it takes 1-1 for the whole cycle, and steps over the seam of a wrapping range in a way of its own;
* `L-3`, which it does not know, and `31W` in a month of 30 days, where it takes the 30th.

Source: glue-semantics §6.5; https://docs.aws.amazon.com/glue/latest/dg/monitor-data-warehouse-schedule.html; Quartz's
CronExpression, whose dialect this is, where AWS is silent.
"""

import calendar
import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from orchestrator.model.errors import InvalidInputError

if TYPE_CHECKING:
    from croniter import croniter

MAX_LENGTH: Final = 512
MIN_INTERVAL_MIN: Final = 5  # Glue supports no shorter one
LATE_MS: Final = 60_000  # a firing as late as this was missed

_FIRST_YEAR: Final = 1970
_LAST_YEAR: Final = 2199
_END_S: Final = int(datetime(_LAST_YEAR + 1, 1, 1, tzinfo=UTC).timestamp())  # of the last year
_MINUTE_S: Final = 60
_MINUTE_MS: Final = 60_000
_DAY_S: Final = 86_400

_ITEM: Final = re.compile(r"(?:\*|(?P<first>\w+)(?:-(?P<last>\w+))?)(?P<step>/\d+)?", re.ASCII)
_FROM_THE_END: Final = re.compile(r"L-(\d+)", re.ASCII)
_NEAREST: Final = re.compile(r"(\d+)W", re.ASCII)
_NTH: Final = re.compile(r"(\w+)#([1-5])", re.ASCII)
_LAST: Final = re.compile(r"(\w+)L", re.ASCII)


@dataclass(frozen=True, slots=True)
class _Field:
    """One of the six, as it is written: its values, and the sentence that refuses others."""

    name: str
    low: int
    high: int
    allowed: str
    names: tuple[str, ...] = ()  # of the values from 1 on

    def refusal(self, text: str, why: str) -> InvalidInputError:
        shown = text[:80].encode("unicode_escape").decode()  # no NUL and no lone surrogate in an answer
        return InvalidInputError(f"Schedule: {self.name}: '{shown}' {why}, allowed {self.allowed}.")

    def number(self, text: str) -> int:
        """Read one number or name, in any case."""
        if _upper(text) in self.names:
            return self.names.index(_upper(text)) + 1
        if not (text.isascii() and text.isdecimal() and self.low <= int(text) <= self.high):
            raise self.refusal(text, "is not a value")
        return int(text)

    def values(self, text: str) -> tuple[int, ...]:
        """Read a list of numbers, ranges and steps; return what it holds, in order."""
        items = text.split(",")
        if "" in items:
            raise self.refusal(text, "has an empty item")
        return tuple(sorted({value for item in items for value in self._item(item)}))

    def _item(self, item: str) -> set[int]:
        """Read `*`, `a`, `a-b`, `a/n` (from a on), `*/n` or `a-b/n`. FRI-MON and 22-2 wrap, as in Quartz."""
        match = _ITEM.fullmatch(item)
        if match is None:
            raise self.refusal(item, "is not a value")
        first = self.number(match["first"]) if match["first"] else self.low
        last = first if match["first"] and not match["step"] else self.high
        last = self.number(match["last"]) if match["last"] else last
        step = int(match["step"][1:]) if match["step"] else 1
        if not 1 <= step <= self.high:  # Quartz's bound: 0/90 does not mean every 90 minutes
            raise self.refusal(item, f"has a step that is not between 1 and {self.high}")
        size = self.high - self.low + 1
        if last < first:
            if self.high == _LAST_YEAR:
                raise self.refusal(item, "ends before it begins")
            last += size
        return {self.low + (value - self.low) % size for value in range(first, last + 1, step)}


_MINUTES: Final = _Field("minutes", 0, 59, "0-59 and , - * /")
_HOURS: Final = _Field("hours", 0, 23, "0-23 and , - * /")
_MONTH_DAYS: Final = _Field("day-of-month", 1, 31, "1-31 and , - * ? /, or L, L-3, LW or 3W alone")
_MONTH_NAMES: Final = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_MONTHS: Final = _Field("month", 1, 12, "1-12, JAN-DEC and , - * /", _MONTH_NAMES)
_WEEKDAY_NAMES: Final = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_WEEKDAYS: Final = _Field("day-of-week", 1, 7, "1-7, SUN-SAT and , - * ? /, or L, 6L or 6#3 alone", _WEEKDAY_NAMES)
_YEARS: Final = _Field("year", _FIRST_YEAR, _LAST_YEAR, "1970-2199 and , - * /")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Days:
    """What the two day fields say together: the question to croniter, and what its answer must fit besides."""

    month_day: str = "*"
    weekday: str = "*"
    listed: tuple[int, ...] = ()  # of the month, if that is how they are given
    listed_weekdays: tuple[int, ...] = ()
    back: int | None = None  # the day lies so many before the month's last
    shortest: int = 28  # months with fewer days have no such day

    def fit(self, date: datetime) -> bool:
        length = calendar.monthrange(date.year, date.month)[1]
        return length >= self.shortest and self.back in (None, length - date.day)

    def may_adjoin(self, months: tuple[int, ...], years: tuple[int, ...]) -> bool:
        """Say whether some two firing days follow each other; what is not listed comes once a month, weeks apart."""
        lengths = {(year, month): calendar.monthrange(year, month)[1] for year in years for month in months}
        firing = {
            datetime(*month, day, tzinfo=UTC).toordinal()
            for month, length in lengths.items()
            for day in self.listed
            if day <= length
        }
        is_in_week = any(day % 7 + 1 in self.listed_weekdays for day in self.listed_weekdays)
        return is_in_week or any(day + 1 in firing for day in firing)


@dataclass(frozen=True, slots=True)
class Schedule:
    """A schedule that fires at least once in 1970-2199. Instants are epoch milliseconds, always whole minutes."""

    text: str  # as written: "cron(15 12 * * ? *)"
    _minutes: tuple[int, ...] = field(repr=False, compare=False)
    _hours: tuple[int, ...] = field(repr=False, compare=False)
    _days: _Days = field(repr=False, compare=False)
    _months: tuple[int, ...] = field(repr=False, compare=False)
    _years: tuple[int, ...] = field(repr=False, compare=False)
    _search: "croniter" = field(repr=False, compare=False)  # keeps its place in itself: copied for each question

    def next_after(self, ms: int) -> int | None:
        """Return the first instant after `ms`; None: there is none any more."""
        after_s = max(ms // _MINUTE_MS, -1) * _MINUTE_S
        while after_s < _END_S and (found_s := self._ask(after_s, backwards=False)) is not None:
            date = datetime.fromtimestamp(found_s, UTC)
            place = bisect_left(self._years, date.year)
            if place == len(self._years):
                break
            if self._years[place] != date.year:
                after_s = _start_of(self._years[place]) - _MINUTE_S
            elif not self._days.fit(date):
                after_s = found_s - found_s % _DAY_S + _DAY_S - _MINUTE_S
            else:
                return found_s * 1000
        return None

    def latest_until(self, ms: int) -> int | None:
        """Return the last instant that is not after `ms`; None: there was none since 1970."""
        before_s = min((ms // _MINUTE_MS + 1) * _MINUTE_S, _END_S)
        while before_s > 0 and (found_s := self._ask(before_s, backwards=True)) is not None:
            date = datetime.fromtimestamp(found_s, UTC)
            place = bisect_right(self._years, date.year) - 1
            if place < 0:
                break
            if self._years[place] != date.year:
                before_s = _start_of(self._years[place] + 1)
            elif not self._days.fit(date):
                before_s = found_s - found_s % _DAY_S
            else:
                return found_s * 1000
        return None

    def upcoming(self, ms: int, count: int) -> list[int]:
        """Return the next instants after `ms`, `count` at most."""
        found: list[int] = []
        while len(found) < count and (tick := self.next_after(found[-1] if found else ms)) is not None:
            found.append(tick)
        return found

    @property
    def is_frequent(self) -> bool:
        """Say whether some two firings are less than Glue's five minutes apart."""
        if any(later - earlier < MIN_INTERVAL_MIN for earlier, later in pairwise(self._minutes)):
            return True
        if self._minutes[0] + 60 - self._minutes[-1] >= MIN_INTERVAL_MIN:
            return False
        if any(later - earlier == 1 for earlier, later in pairwise(self._hours)):
            return True
        is_over_midnight = self._hours[0] == 0 and self._hours[-1] == 23
        return is_over_midnight and self._days.may_adjoin(self._months, self._years)

    def _ask(self, from_s: int, *, backwards: bool) -> int | None:
        """Ask croniter for the nearest whole minute before or after `from_s`, in any year."""
        from croniter import CroniterBadDateError  # noqa: PLC0415 - it was imported where this was read

        search = copy(self._search)
        try:
            return int((search.get_prev if backwards else search.get_next)(float, start_time=from_s))
        except CroniterBadDateError:
            return None


def parse(text: str) -> Schedule:
    """Read a schedule. Names are read in any case; fields are parted by spaces.

    Raises:
        InvalidInputError: it is no such expression (names the field and what is allowed), or it can never fire.
    """
    from croniter import croniter  # noqa: PLC0415 - it takes long to import, and most daemons have no schedule

    fields = _split(text)
    minutes, hours, months, years = (
        one.values(fields[place]) for one, place in ((_MINUTES, 0), (_HOURS, 1), (_MONTHS, 3), (_YEARS, 5))
    )
    days = _read_days(fields[2], fields[4])
    asked = (_listed(minutes, 60), _listed(hours, 24), days.month_day, _listed(months, 12), days.weekday)
    # It looks 50 years ahead; what comes most seldom, a fifth weekday in February, comes once in 40 (2088-2128).
    schedule = Schedule(text, minutes, hours, days, months, years, croniter(" ".join(asked), 0.0))
    if schedule.next_after(-1) is None:
        raise InvalidInputError(
            f"Schedule: day-of-month '{fields[2]}' and day-of-week '{fields[4]}' never come in month '{fields[3]}' "
            f"of year '{fields[5]}', so it could never fire."
        )
    return schedule


def due_tick(schedule: Schedule, *, now_ms: int, active_since_ms: int, catches_up: bool) -> int | None:
    """Return the instant that should have fired by now and may fire now: the latest since the activation.

    One that is a minute late or more was missed and counts only with `catches_up`: one firing for all that were
    missed. An activation in the future means that the clock was set back after it: it bounds nothing, and nothing is
    caught up. That no instant fires twice is the caller's to guard.
    """
    tick = schedule.latest_until(now_ms)
    if tick is None or tick <= active_since_ms <= now_ms:
        return None
    may_be_late = catches_up and active_since_ms <= now_ms
    return tick if may_be_late or now_ms - tick < LATE_MS else None


def _split(text: str) -> list[str]:
    form = "cron(Minutes Hours Day-of-month Month Day-of-week Year)"
    if len(text) > MAX_LENGTH:
        raise InvalidInputError(f"Schedule: it has {len(text)} characters, allowed {MAX_LENGTH}.")
    if not (text.startswith("cron(") and text.endswith(")")):
        raise InvalidInputError(f"Schedule: it must have the form {form}; Glue knows no others, such as rate(...).")
    fields = [one for one in text[len("cron(") : -1].split(" ") if one]
    if len(fields) != 6:
        raise InvalidInputError(f"Schedule: it has {len(fields)} fields, allowed are the six of {form}.")
    return fields


def _read_days(month_day: str, weekday: str) -> _Days:
    if (month_day == "?") == (weekday == "?"):
        raise InvalidInputError(
            "Schedule: exactly one of day-of-month and day-of-week must be ?; if one has a value or *, the other is ?."
        )
    return _read_weekdays(weekday) if month_day == "?" else _read_month_days(month_day)


def _read_month_days(text: str) -> _Days:
    """Read day-of-month. L-3 lies three days before the last (Quartz); 31W is not in months of 30 days, LW in all."""
    upper = _upper(text)
    if upper == "L":
        return _Days(month_day="l")
    if upper == "LW":
        return _Days(month_day="31w")  # croniter takes the last day for the 31st where a month has none
    if match := _NEAREST.fullmatch(upper):
        day = _MONTH_DAYS.number(match[1])
        return _Days(month_day=f"{day}w", shortest=day)
    if match := _FROM_THE_END.fullmatch(upper):
        back = int(match[1])
        if not 1 <= back <= 30:
            raise _MONTH_DAYS.refusal(text, "is not a day of any month")
        return _Days(month_day=_listed(range(max(28 - back, 1), 31 - back + 1), 31), back=back)
    days = _MONTH_DAYS.values(text)
    return _Days(month_day=_listed(days, 31), listed=days)


def _read_weekdays(text: str) -> _Days:
    """Read day-of-week: 1 is Sunday, which is croniter's 0. L alone is 7 (Quartz), 6L the month's last Friday."""
    upper = _upper(text)
    if match := _NTH.fullmatch(upper):
        return _Days(weekday=f"{_WEEKDAYS.number(match[1]) - 1}#{match[2]}")
    if match := _LAST.fullmatch(upper):
        return _Days(weekday=f"l{_WEEKDAYS.number(match[1]) - 1}")
    days = (7,) if upper == "L" else _WEEKDAYS.values(text)
    return _Days(weekday=_listed([day - 1 for day in days], 7), listed_weekdays=days)


def _upper(text: str) -> str:
    return text.upper() if text.isascii() else text  # U+017F would become an S


def _listed(values: Sequence[int], size: int) -> str:
    return "*" if len(values) == size else ",".join(str(value) for value in values)


def _start_of(year: int) -> int:
    return int(datetime(year, 1, 1, tzinfo=UTC).timestamp())
