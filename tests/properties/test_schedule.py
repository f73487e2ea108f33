"""A schedule fires when plain counting of days and minutes says so: never more, never less, in either direction.

The counting here knows nothing of croniter: every expression is written together with the sets that it means.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import islice, pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from orchestrator.model import schedule
from orchestrator.model.errors import InvalidInputError
from orchestrator.model.schedule import Schedule, due_tick

MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
WEEKDAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]
END_MS = int(datetime(2200, 1, 1, tzinfo=UTC).timestamp()) * 1000
MINUTE_MS = 60_000
COUNT = 25


@dataclass(frozen=True)
class Written:
    """An expression and what it means."""

    text: str
    minutes: Sequence[int]
    hours: Sequence[int]
    is_day: Callable[[date], bool]
    months: set[int]
    years: set[int]

    def fires_on(self, day: date) -> bool:
        return day.year in self.years and day.month in self.months and self.is_day(day)

    def ticks(self, days: Sequence[date]) -> Iterator[int]:
        """Yield the instants of these days in the order of the days."""
        is_backwards = days[0] > days[-1]
        for day in filter(self.fires_on, days):
            start_s = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
            of_day = [(start_s + hour * 3600 + minute * 60) * 1000 for hour in self.hours for minute in self.minutes]
            yield from reversed(of_day) if is_backwards else of_day


def window(first: date, length: int) -> list[date]:
    """Return the days from `first` on, as far as Glue's years go."""
    days = (date.fromordinal(first.toordinal() + n) for n in range(length))
    return [day for day in days if 1970 <= day.year <= 2199]


def length_of(day: date) -> int:
    """Count the days of the day's month by walking into the next one."""
    return next(n for n in range(28, 32) if (day.replace(day=1) + timedelta(days=n)).month != day.month)


def workdays_of(day: date) -> list[int]:
    return [n for n in range(1, length_of(day) + 1) if day.replace(day=n).weekday() < 5]


def glue_weekday(day: date) -> int:
    return day.isoweekday() % 7 + 1


def walk(first: int, last: int, low: int, high: int) -> list[int]:
    """Walk from `first` to `last`, over the seam if need be."""
    walked = [first]
    while walked[-1] != last:
        walked.append(low if walked[-1] == high else walked[-1] + 1)
    return walked


def spelled(low: int, high: int, names: Sequence[str] = ()) -> st.SearchStrategy[tuple[str, int]]:
    """Draw a value, as a number or as a name in any case."""

    def spell(value: int, form: int) -> tuple[str, int]:
        texts = [str(value), f"{value:02}"]
        if names:
            texts += [names[value - 1], names[value - 1].lower(), names[value - 1].title()]
        return texts[form % len(texts)], value

    return st.builds(spell, st.integers(low, high), st.integers(0, 9))


@st.composite
def an_item(
    draw: st.DrawFn, low: int, high: int, names: Sequence[str], *, wraps: bool, max_step: int
) -> tuple[str, set[int]]:
    first, first_value = draw(spelled(low, high, names))
    last, last_value = draw(spelled(low, high, names))
    assume(wraps or first_value <= last_value)
    step = draw(st.integers(1, max_step))
    form = draw(st.sampled_from(["one", "one", "all", "range", "from", "every", "stepped"]))
    text, values = {
        "one": (first, [first_value]),
        "all": ("*", list(range(low, high + 1))),
        "range": (f"{first}-{last}", walk(first_value, last_value, low, high)),
        "from": (f"{first}/{step}", list(range(first_value, high + 1))[::step]),
        "every": (f"*/{step}", list(range(low, high + 1))[::step]),
        "stepped": (f"{first}-{last}/{step}", walk(first_value, last_value, low, high)[::step]),
    }[form]
    return text, set(values)


@st.composite
def a_field(
    draw: st.DrawFn, low: int, high: int, names: Sequence[str] = (), *, wraps: bool = True, max_step: int | None = None
) -> tuple[str, set[int]]:
    item = an_item(low, high, names, wraps=wraps, max_step=max_step or high)
    items = draw(st.lists(item, min_size=1, max_size=3))
    return ",".join(text for text, _ in items), set().union(*(values for _, values in items))


@st.composite
def a_month_day(draw: st.DrawFn) -> tuple[str, Callable[[date], bool]]:
    form = draw(st.sampled_from(["listed", "listed", "L", "l", "LW", "W", "L-"]))
    if form == "listed":
        text, values = draw(a_field(1, 31))
        return text, lambda day: day.day in values
    if form in {"L", "l"}:
        return form, lambda day: day.day == length_of(day)
    if form == "LW":
        return form, lambda day: day.day == max(workdays_of(day))
    if form == "W":
        wanted = draw(st.integers(1, 31))
        return (
            f"{wanted}W",
            lambda day: (
                wanted <= length_of(day) and day.day == min(workdays_of(day), key=lambda one: abs(one - wanted))
            ),
        )
    back = draw(st.integers(1, 30))
    return f"L-{back}", lambda day: day.day == length_of(day) - back


@st.composite
def a_weekday(draw: st.DrawFn) -> tuple[str, Callable[[date], bool]]:
    form = draw(st.sampled_from(["listed", "listed", "L", "last", "nth"]))
    if form == "listed":
        text, values = draw(a_field(1, 7, WEEKDAYS))
        return text, lambda day: glue_weekday(day) in values
    if form == "L":
        return form, lambda day: glue_weekday(day) == 7
    text, value = draw(spelled(1, 7, WEEKDAYS))
    if form == "last":
        return f"{text}L", lambda day: glue_weekday(day) == value and day.day + 7 > length_of(day)
    nth = draw(st.integers(1, 5))
    return f"{text}#{nth}", lambda day: glue_weekday(day) == value and (day.day + 6) // 7 == nth


@st.composite
def expressions(draw: st.DrawFn) -> Written:
    minutes, minute_values = draw(a_field(0, 59))
    hours, hour_values = draw(a_field(0, 23))
    months, month_values = draw(st.one_of(st.just(("*", set(range(1, 13)))), a_field(1, 12, MONTHS)))
    every_year = st.just(("*", set(range(1970, 2200))))
    years, year_values = draw(st.one_of(every_year, a_field(1970, 2199, wraps=False, max_step=20)))
    if draw(st.booleans()):
        day, is_day = draw(a_month_day())
        days = f"{day} {months} ?"
    else:
        day, is_day = draw(a_weekday())
        days = f"? {months} {day}"
    text = f"cron({minutes} {hours} {days} {years})"
    return Written(text, sorted(minute_values), sorted(hour_values), is_day, month_values, year_values)


FIRST_DAYS = st.one_of(
    st.dates(date(1970, 1, 1), date(2199, 12, 31)),
    st.sampled_from([date(1970, 1, 1), date(1999, 6, 1), date(2026, 11, 22), date(2099, 1, 1), date(2199, 1, 1)]),
)
MOMENTS = st.one_of(st.integers(-1, END_MS), st.integers(0, END_MS // MINUTE_MS).map(lambda minute: minute * MINUTE_MS))


def parsed(written: Written) -> Schedule | None:
    """Parse, or say by None that it can never fire."""
    try:
        return schedule.parse(written.text)
    except InvalidInputError as error:
        if "could never fire" not in str(error):
            raise
        return None


@given(written=expressions(), first=FIRST_DAYS)
def test_the_firings_are_those_that_counting_finds(written: Written, first: date) -> None:
    days = window(first, 800)
    expected = list(islice(written.ticks(days), COUNT))
    one = parsed(written)
    if one is None:
        assert expected == []
        return
    start = int(datetime(first.year, first.month, first.day, tzinfo=UTC).timestamp()) * 1000
    last = start + len(days) * 86_400_000
    assert [tick for tick in one.upcoming(start - 1, COUNT) if tick < last] == expected


@given(written=expressions(), first=FIRST_DAYS)
def test_looking_back_finds_the_same_firings(written: Written, first: date) -> None:
    days = window(first, 800)
    expected = list(islice(written.ticks(days[::-1]), COUNT))
    one = parsed(written)
    assume(one is not None)
    assert one is not None
    start = int(datetime(first.year, first.month, first.day, tzinfo=UTC).timestamp()) * 1000
    found: list[int] = []
    before = start + len(days) * 86_400_000
    while len(found) < COUNT and (tick := one.latest_until(before - 1)) is not None and tick >= start:
        found.append(tick)
        before = tick
    assert found == expected


@given(written=expressions(), now=MOMENTS)
def test_next_and_latest_are_inverse_to_each_other(written: Written, now: int) -> None:
    one = parsed(written)
    assume(one is not None)
    assert one is not None
    later, earlier = one.next_after(now), one.latest_until(now)
    if later is not None:
        assert later > now
        assert one.latest_until(later) == later
        assert one.latest_until(later - 1) == earlier
    if earlier is not None:
        assert earlier <= now
        assert one.next_after(earlier - 1) == earlier
        assert one.next_after(earlier) == later
    assert later is not None or earlier is not None


@given(
    written=expressions(),
    now=MOMENTS,
    since=st.integers(-(10**7), 10**7),
    late=st.integers(0, 10**6),
    catch=st.booleans(),
)
def test_what_is_due_is_a_firing_since_the_activation(
    written: Written,
    now: int,
    since: int,
    late: int,
    catch: bool,  # noqa: FBT001 (hypothesis passes it by name)
) -> None:
    one = parsed(written)
    assume(one is not None)
    assert one is not None
    now = (one.next_after(now) or now) + late
    due = due_tick(one, now_ms=now, active_since_ms=now + since, catches_up=catch)
    latest = one.latest_until(now)
    may_be_late = catch and since <= 0  # the clock was not set back behind the activation
    is_due = latest is not None and (since > 0 or latest > now + since) and (may_be_late or now - latest < MINUTE_MS)
    assert due == (latest if is_due else None)


EDGES = st.lists(st.sampled_from([0, 1, 2, 3, 4, 5, 30, 55, 56, 57, 58, 59]), min_size=1, max_size=3, unique=True)
EDGE_DAYS = st.lists(st.sampled_from([1, 2, 15, 17, 27, 28, 29, 30, 31]), min_size=1, max_size=3, unique=True)


@given(
    minutes=EDGES,
    hours=st.lists(st.sampled_from([0, 1, 12, 22, 23]), min_size=1, max_size=3, unique=True),
    days=st.one_of(
        EDGE_DAYS.map(lambda days: (",".join(map(str, days)), "?", lambda day: day.day in days)),
        st.lists(st.integers(1, 7), min_size=1, max_size=2, unique=True).map(
            lambda days: ("?", ",".join(map(str, days)), lambda day: glue_weekday(day) in days)
        ),
        st.just(("L", "?", lambda day: day.day == length_of(day))),
    ),
    months=st.lists(st.integers(1, 12), min_size=1, max_size=3, unique=True),
    years=st.lists(st.integers(2027, 2030), min_size=1, max_size=2, unique=True),
)
def test_frequent_means_that_two_firings_are_less_than_five_minutes_apart(
    minutes: list[int],
    hours: list[int],
    days: tuple[str, str, Callable[[date], bool]],
    months: list[int],
    years: list[int],
) -> None:
    month_day, weekday, is_day = days
    fields = [",".join(map(str, values)) for values in (minutes, hours, months, years)]
    text = f"cron({fields[0]} {fields[1]} {month_day} {fields[2]} {weekday} {fields[3]})"
    written = Written(text, sorted(minutes), sorted(hours), is_day, set(months), set(years))
    one = parsed(written)
    assume(one is not None)
    assert one is not None
    ticks = written.ticks(window(date(2027, 1, 1), 4 * 366))
    assert one.is_frequent == any(later - earlier < 5 * MINUTE_MS for earlier, later in pairwise(ticks)), text


def half_hours_of_workdays(now: datetime) -> bool:
    return now.minute in {0, 30} and 8 <= now.hour <= 18 and now.weekday() < 5


def two_on_the_last_of_the_month(now: datetime) -> bool:
    return (now.hour, now.minute) == (2, 0) and (now + timedelta(days=1)).day == 1


def third_fridays(now: datetime) -> bool:
    return (
        (now.hour, now.minute) == (12, 15) and now.weekday() == 4 and 15 <= now.day <= 21 and now.year in {2027, 2028}
    )


@pytest.mark.parametrize(
    ("text", "fires", "count"),
    [
        ("cron(0/30 8-18 ? * MON-FRI *)", half_hours_of_workdays, 6292),
        ("cron(0 2 L * ? *)", two_on_the_last_of_the_month, 13),
        ("cron(15 12 ? * 6#3 2027-2028)", third_fridays, 13),
    ],
)
def test_four_hundred_days_are_as_counted_minute_by_minute(
    text: str, fires: Callable[[datetime], bool], count: int
) -> None:
    start = datetime(2027, 12, 1, tzinfo=UTC)  # 400 days with 2028-02-29 in them
    expected = [
        int(now.timestamp()) * 1000 for now in (start + timedelta(minutes=n) for n in range(400 * 1440)) if fires(now)
    ]
    start_ms = int(start.timestamp()) * 1000
    one = schedule.parse(text)
    assert one.upcoming(start_ms - 1, len(expected)) == expected
    assert len(expected) == count
