"""A schedule fires at the instants that Glue's documentation and a wall calendar give; what it cannot mean is refused.

The instants were read off a calendar. tests/properties/test_schedule.py holds the same against plain counting.
"""

import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from orchestrator.model import schedule
from orchestrator.model.errors import InvalidInputError
from orchestrator.model.schedule import MAX_LENGTH, due_tick, parse

MINUTE_MS = 60_000
NOW = "2026-11-22 12:00"  # a Sunday


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1000


def shown(tick: int | None) -> str | None:
    return None if tick is None else f"{datetime.fromtimestamp(tick // 1000, UTC):%Y-%m-%d %H:%M}"


def firings(fields: str, after: str = NOW, count: int = 3) -> list[str | None]:
    return [shown(tick) for tick in parse(f"cron({fields})").upcoming(ms(after), count)]


def sentence(text: str) -> str:
    with pytest.raises(InvalidInputError) as caught:
        parse(text)
    return str(caught.value)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("15 12 * * ? *", ["2026-11-22 12:15", "2026-11-23 12:15", "2026-11-24 12:15"]),
        ("15 12 ? * * *", ["2026-11-22 12:15", "2026-11-23 12:15", "2026-11-24 12:15"]),
        ("* * * * ? *", ["2026-11-22 12:01", "2026-11-22 12:02", "2026-11-22 12:03"]),
        ("05 09 01 01 ? *", ["2027-01-01 09:05", "2028-01-01 09:05", "2029-01-01 09:05"]),
        # Lists, ranges and steps.
        ("40,10,10 12 * * ? *", ["2026-11-22 12:10", "2026-11-22 12:40", "2026-11-23 12:10"]),
        ("50-52 12 * * ? *", ["2026-11-22 12:50", "2026-11-22 12:51", "2026-11-22 12:52"]),
        ("5/25 12 * * ? *", ["2026-11-22 12:05", "2026-11-22 12:30", "2026-11-22 12:55"]),
        ("*/25 12 * * ? *", ["2026-11-22 12:25", "2026-11-22 12:50", "2026-11-23 12:00"]),
        ("10-40/20 12 * * ? *", ["2026-11-22 12:10", "2026-11-22 12:30", "2026-11-23 12:10"]),
        ("59/15 12 * * ? *", ["2026-11-22 12:59", "2026-11-23 12:59", "2026-11-24 12:59"]),  # not :14, :29 and :44
        ("0 9-9 * * ? *", ["2026-11-23 09:00", "2026-11-24 09:00", "2026-11-25 09:00"]),  # not every hour
        ("0,30/15 12 * * ? *", ["2026-11-22 12:30", "2026-11-22 12:45", "2026-11-23 12:00"]),
        ("0 0 10/10 * ? *", ["2026-11-30 00:00", "2026-12-10 00:00", "2026-12-20 00:00"]),
        # Ranges over the seam.
        ("0 22-2/3 * * ? *", ["2026-11-22 22:00", "2026-11-23 01:00", "2026-11-23 22:00"]),
        ("58-1 23 * * ? *", ["2026-11-22 23:00", "2026-11-22 23:01", "2026-11-22 23:58"]),
        ("0 0 30-2 * ? *", ["2026-11-30 00:00", "2026-12-01 00:00", "2026-12-02 00:00"]),
        ("0 0 1 NOV-FEB ? *", ["2026-12-01 00:00", "2027-01-01 00:00", "2027-02-01 00:00"]),
        ("0 0 1 NOV-FEB/2 ? *", ["2027-01-01 00:00", "2027-11-01 00:00", "2028-01-01 00:00"]),
        ("0 0 ? * FRI-MON *", ["2026-11-23 00:00", "2026-11-27 00:00", "2026-11-28 00:00"]),
        # Names and numbers of days: 1 is Sunday.
        ("0 0 ? * 1 *", ["2026-11-29 00:00", "2026-12-06 00:00", "2026-12-13 00:00"]),
        ("0 0 ? * 7 *", ["2026-11-28 00:00", "2026-12-05 00:00", "2026-12-12 00:00"]),
        ("0 0 ? * mon,Wed,FRI *", ["2026-11-23 00:00", "2026-11-25 00:00", "2026-11-27 00:00"]),
        ("0 0 ? * 2/2 *", ["2026-11-23 00:00", "2026-11-25 00:00", "2026-11-27 00:00"]),
        ("0 0 ? * */3 *", ["2026-11-25 00:00", "2026-11-28 00:00", "2026-11-29 00:00"]),
        ("0 0 1 jan,Mar,12 ? *", ["2026-12-01 00:00", "2027-01-01 00:00", "2027-03-01 00:00"]),
        # Ends of months.
        ("0 0 31 * ? *", ["2026-12-31 00:00", "2027-01-31 00:00", "2027-03-31 00:00"]),
        ("0 2 L * ? *", ["2026-11-30 02:00", "2026-12-31 02:00", "2027-01-31 02:00"]),
        ("0 2 L 2 ? *", ["2027-02-28 02:00", "2028-02-29 02:00", "2029-02-28 02:00"]),
        ("0 2 L-3 * ? *", ["2026-11-27 02:00", "2026-12-28 02:00", "2027-01-28 02:00"]),
        ("0 2 l-1 2 ? *", ["2027-02-27 02:00", "2028-02-28 02:00", "2029-02-27 02:00"]),
        ("0 2 L-30 * ? *", ["2026-12-01 02:00", "2027-01-01 02:00", "2027-03-01 02:00"]),
        ("0 2 L-28 2 ? *", ["2028-02-01 02:00", "2032-02-01 02:00", "2036-02-01 02:00"]),
        ("0 2 LW * ? 2027", ["2027-01-29 02:00", "2027-02-26 02:00", "2027-03-31 02:00"]),  # Sun 31, Sun 28, Wed 31
        # The weekday nearest to a day, never in another month.
        ("0 2 15W * ? *", ["2026-12-15 02:00", "2027-01-15 02:00", "2027-02-15 02:00"]),
        ("0 2 15w 5,8 ? *", ["2027-05-14 02:00", "2027-08-16 02:00", "2028-05-15 02:00"]),  # Sat, Sun, Mon
        ("0 2 1W 5,8 ? *", ["2027-05-03 02:00", "2027-08-02 02:00", "2028-05-01 02:00"]),  # Sat, Sun, Mon
        ("0 2 31W * ? *", ["2026-12-31 02:00", "2027-01-29 02:00", "2027-03-31 02:00"]),  # Thu, Sun, no 31st, Wed
        ("0 2 29W 2 ? *", ["2028-02-29 02:00", "2032-02-27 02:00", "2036-02-29 02:00"]),  # Tue, Sun, Fri
        # Weekdays of a month.
        ("0 2 ? * L *", ["2026-11-28 02:00", "2026-12-05 02:00", "2026-12-12 02:00"]),
        ("0 2 ? * 6L *", ["2026-11-27 02:00", "2026-12-25 02:00", "2027-01-29 02:00"]),
        ("0 2 ? * sunl *", ["2026-11-29 02:00", "2026-12-27 02:00", "2027-01-31 02:00"]),
        ("15 12 ? * 6#3 *", ["2026-12-18 12:15", "2027-01-15 12:15", "2027-02-19 12:15"]),
        ("15 12 ? * Fri#5 *", ["2027-01-29 12:15", "2027-04-30 12:15", "2027-07-30 12:15"]),
        ("0 0 ? 2 SUN#5 2080/1", ["2088-02-29 00:00", "2128-02-29 00:00", "2156-02-29 00:00"]),  # 40 years without
        # Years, to the last; the leap day.
        ("0 0 29 2 ? *", ["2028-02-29 00:00", "2032-02-29 00:00", "2036-02-29 00:00"]),
        ("0 0 29 2 ? 2096/4", ["2096-02-29 00:00", "2104-02-29 00:00", "2108-02-29 00:00"]),  # 2100 has none
        ("59 23 31 12 ? *", ["2026-12-31 23:59", "2027-12-31 23:59", "2028-12-31 23:59"]),
        ("0 0 1 1 ? 1970,2026,2099-2101", ["2099-01-01 00:00", "2100-01-01 00:00", "2101-01-01 00:00"]),
        ("0 0 1 1 ? 2000-2199/90", ["2090-01-01 00:00", "2180-01-01 00:00"]),
        ("59 23 31 12 ? 2199", ["2199-12-31 23:59"]),
        ("0 0 1 1 ? 2020", []),
    ],
)
def test_it_fires_when_the_calendar_says_so(fields: str, expected: list[str]) -> None:
    assert firings(fields) == expected


def test_summer_time_moves_nothing() -> None:
    europe = firings("30 2 * * ? *", "2027-03-27 12:00")
    assert europe == ["2027-03-28 02:30", "2027-03-29 02:30", "2027-03-30 02:30"]
    america = firings("0/30 1 * * ? *", "2027-11-07 00:00")
    assert america == ["2027-11-07 01:00", "2027-11-07 01:30", "2027-11-08 01:00"]


def test_an_instant_is_not_after_itself_but_until_itself() -> None:
    daily = parse("cron(15 12 * * ? *)")
    tick = ms("2026-11-22 12:15")
    assert shown(daily.next_after(tick - 1)) == "2026-11-22 12:15"
    assert shown(daily.next_after(tick)) == "2026-11-23 12:15"
    assert shown(daily.latest_until(tick)) == "2026-11-22 12:15"
    assert shown(daily.latest_until(tick + 59_999)) == "2026-11-22 12:15"
    assert shown(daily.latest_until(tick - 1)) == "2026-11-21 12:15"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("0 0 31 * ? *", "2026-10-31 00:00"),
        ("0 0 L 2 ? *", "2026-02-28 00:00"),
        ("0 0 29 2 ? *", "2024-02-29 00:00"),
        ("0 0 31W 2-5 ? *", "2026-05-29 00:00"),  # Sunday the 31st
        ("0 0 31W 2,4,8,11 ? *", "2026-08-31 00:00"),  # November has no 31st
        ("0 0 L-30 * ? *", "2026-10-01 00:00"),
        ("0 0 LW 2-6 ? 2025/2", "2025-06-30 00:00"),
        ("0 0 ? 2 6#5 *", "2008-02-29 00:00"),
        ("0 0 ? 2 6#5 1970-1983,2027", "1980-02-29 00:00"),
        ("0 0 1 1 ? 2000-2019/3,2199", "2018-01-01 00:00"),
        ("0 0 1 1 ? 1970", "1970-01-01 00:00"),
        ("0 0 1 1 ? 2027", None),
    ],
)
def test_looking_back_finds_the_last(fields: str, expected: str | None) -> None:
    assert shown(parse(f"cron({fields})").latest_until(ms(NOW))) == expected


def test_there_is_nothing_outside_of_glues_years() -> None:
    always = parse("cron(* * * * ? *)")
    assert [shown(always.next_after(at)) for at in (-(10**18), -1)] == ["1970-01-01 00:00"] * 2
    assert [always.latest_until(at) for at in (-(10**18), -1)] == [None, None]
    assert always.latest_until(0) == 0
    last = ms("2199-12-31 23:59")
    assert [always.next_after(at) for at in (last, last + MINUTE_MS, 10**18)] == [None] * 3
    assert [always.latest_until(at) for at in (last, last + MINUTE_MS, 10**18)] == [last] * 3


def test_upcoming_ends_with_the_last_firing() -> None:
    one = parse("cron(0 0 1 1 ? 2027-2028)")
    assert one.upcoming(ms(NOW), 0) == []
    assert [shown(tick) for tick in one.upcoming(ms(NOW), 9)] == ["2027-01-01 00:00", "2028-01-01 00:00"]


def test_a_schedule_keeps_its_text_and_is_equal_by_it() -> None:
    text = "cron( 15  12 * * ? * )"
    assert parse(text).text == text
    assert parse(text) == parse(text) != parse("cron(15 12 * * ? *)")
    assert len({parse(text), parse(text)}) == 1


def test_threads_may_ask_one_schedule_at_once() -> None:
    one = parse("cron(0 0 29W 2 ? *)")
    asked = [ms(f"{year}-06-01") for year in range(1990, 2090)] * 2
    alone = [one.next_after(at) for at in asked]
    usual_s = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)  # between threads, so that they do meet
    try:
        with ThreadPoolExecutor(8) as threads:
            assert list(threads.map(one.next_after, asked)) == alone
    finally:
        sys.setswitchinterval(usual_s)


@pytest.mark.parametrize(
    ("fields", "is_frequent"),
    [
        ("0/5 * * * ? *", False),
        ("0/4 * * * ? *", True),
        ("0,4 12 * * ? *", True),
        ("0,5 12 * * ? *", False),
        ("0 * * * ? *", False),
        ("0/59 * * * ? *", True),  # :59 and :00
        ("0,55 * * * ? *", False),
        ("0,56 9,11 * * ? *", False),
        ("0,56 9,10 * * ? *", True),
        # Over midnight: only if the next day fires as well.
        ("0,56 0,23 * * ? *", True),
        ("0,56 0,12 * * ? *", False),
        ("0,56 0,23 15,17 * ? *", False),
        ("0,56 0,23 15,16 * ? *", True),
        ("0,56 0,23 1,31 1 ? *", False),
        ("0,56 0,23 1,31 1-2 ? *", True),
        ("0,56 0,23 1,31 1,12 ? 2027", False),
        ("0,56 0,23 1,31 1,12 ? 2027-2028", True),
        ("0,56 0,23 29,30 2 ? 2028", False),
        ("0,56 0,23 L * ? *", False),
        ("0,56 0,23 ? * 7,1 *", True),
        ("0,56 0,23 ? * 1,3 *", False),
        ("0,56 0,23 ? * 6#3 *", False),
    ],
)
def test_frequent_is_what_fires_twice_in_five_minutes(fields: str, *, is_frequent: bool) -> None:
    assert parse(f"cron({fields})").is_frequent is is_frequent


MINUTES = "allowed 0-59 and , - * /."
MONTH_DAYS = "allowed 1-31 and , - * ? /, or L, L-3, LW or 3W alone."
WEEKDAYS = "allowed 1-7, SUN-SAT and , - * ? /, or L, 6L or 6#3 alone."
YEARS = "allowed 1970-2199 and , - * /."


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("61 0 * * ? *", f"minutes: '61' is not a value, {MINUTES}"),
        ("-1 0 * * ? *", f"minutes: '-1' is not a value, {MINUTES}"),
        ("? 0 * * ? *", f"minutes: '?' is not a value, {MINUTES}"),
        ("1,,2 0 * * ? *", f"minutes: '1,,2' has an empty item, {MINUTES}"),
        ("1, 0 * * ? *", f"minutes: '1,' has an empty item, {MINUTES}"),
        ("0/0 0 * * ? *", f"minutes: '0/0' has a step that is not between 1 and 59, {MINUTES}"),
        ("0/60 0 * * ? *", f"minutes: '0/60' has a step that is not between 1 and 59, {MINUTES}"),
        ("/5 0 * * ? *", f"minutes: '/5' is not a value, {MINUTES}"),
        ("0/ 0 * * ? *", f"minutes: '0/' is not a value, {MINUTES}"),
        ("0/5/5 0 * * ? *", f"minutes: '0/5/5' is not a value, {MINUTES}"),
        ("1-2-3 0 * * ? *", f"minutes: '1-2-3' is not a value, {MINUTES}"),
        ("1- 0 * * ? *", f"minutes: '1-' is not a value, {MINUTES}"),
        ("1-60 0 * * ? *", f"minutes: '60' is not a value, {MINUTES}"),
        ("*-5 0 * * ? *", f"minutes: '*-5' is not a value, {MINUTES}"),
        ("1_0 0 * * ? *", f"minutes: '1_0' is not a value, {MINUTES}"),
        ("L 0 * * ? *", f"minutes: 'L' is not a value, {MINUTES}"),
        ("h 0 * * ? *", f"minutes: 'h' is not a value, {MINUTES}"),
        ("0.5 0 * * ? *", f"minutes: '0.5' is not a value, {MINUTES}"),
        ("\N{ARABIC-INDIC DIGIT THREE} 0 * * ? *", rf"minutes: '\u0663' is not a value, {MINUTES}"),
        ("0\0 0 * * ? *", rf"minutes: '0\x00' is not a value, {MINUTES}"),
        ("\ud800 0 * * ? *", rf"minutes: '\ud800' is not a value, {MINUTES}"),
        (f"{'1' * 400} 0 * * ? *", f"minutes: '{'1' * 80}' is not a value, {MINUTES}"),
        ("0 24 * * ? *", "hours: '24' is not a value, allowed 0-23 and , - * /."),
        ("0 */24 * * ? *", "hours: '*/24' has a step that is not between 1 and 23, allowed 0-23 and , - * /."),
        ("0 0 0 * ? *", f"day-of-month: '0' is not a value, {MONTH_DAYS}"),
        ("0 0 32 * ? *", f"day-of-month: '32' is not a value, {MONTH_DAYS}"),
        ("0 0 MON * ? *", f"day-of-month: 'MON' is not a value, {MONTH_DAYS}"),
        ("0 0 ?,1 * ? *", f"day-of-month: '?' is not a value, {MONTH_DAYS}"),
        ("0 0 1,L * ? *", f"day-of-month: 'L' is not a value, {MONTH_DAYS}"),
        ("0 0 1-L * ? *", f"day-of-month: 'L' is not a value, {MONTH_DAYS}"),
        ("0 0 1W,15W * ? *", f"day-of-month: '1W' is not a value, {MONTH_DAYS}"),
        ("0 0 W * ? *", f"day-of-month: 'W' is not a value, {MONTH_DAYS}"),
        ("0 0 W3 * ? *", f"day-of-month: 'W3' is not a value, {MONTH_DAYS}"),
        ("0 0 32W * ? *", f"day-of-month: '32' is not a value, {MONTH_DAYS}"),
        ("0 0 L-3W * ? *", f"day-of-month: 'L' is not a value, {MONTH_DAYS}"),
        ("0 0 L-0 * ? *", f"day-of-month: 'L-0' is not a day of any month, {MONTH_DAYS}"),
        ("0 0 L-31 * ? *", f"day-of-month: 'L-31' is not a day of any month, {MONTH_DAYS}"),
        ("0 0 1 13 ? *", "month: '13' is not a value, allowed 1-12, JAN-DEC and , - * /."),
        ("0 0 1 0 ? *", "month: '0' is not a value, allowed 1-12, JAN-DEC and , - * /."),
        ("0 0 1 JANUARY ? *", "month: 'JANUARY' is not a value, allowed 1-12, JAN-DEC and , - * /."),
        ("0 0 1 MON ? *", "month: 'MON' is not a value, allowed 1-12, JAN-DEC and , - * /."),
        ("0 0 ? * 0 *", f"day-of-week: '0' is not a value, {WEEKDAYS}"),
        ("0 0 ? * 8 *", f"day-of-week: '8' is not a value, {WEEKDAYS}"),
        ("0 0 ? * JAN *", f"day-of-week: 'JAN' is not a value, {WEEKDAYS}"),
        ("0 0 ? * 1/8 *", f"day-of-week: '1/8' has a step that is not between 1 and 7, {WEEKDAYS}"),
        ("0 0 ? * 6#0 *", f"day-of-week: '6#0' is not a value, {WEEKDAYS}"),
        ("0 0 ? * 6#6 *", f"day-of-week: '6#6' is not a value, {WEEKDAYS}"),
        ("0 0 ? * 0#1 *", f"day-of-week: '0' is not a value, {WEEKDAYS}"),
        ("0 0 ? * 3#1,6#3 *", f"day-of-week: '3#1' is not a value, {WEEKDAYS}"),
        ("0 0 ? * 2L,6L *", f"day-of-week: '2L' is not a value, {WEEKDAYS}"),
        ("0 0 ? * 0L *", f"day-of-week: '0' is not a value, {WEEKDAYS}"),
        ("0 0 ? * L-3 *", f"day-of-week: 'L' is not a value, {WEEKDAYS}"),
        ("0 0 ? * LW *", f"day-of-week: 'LW' is not a value, {WEEKDAYS}"),
        ("0 0 ? * \N{LATIN SMALL LETTER LONG S}unL *", rf"day-of-week: '\u017funL' is not a value, {WEEKDAYS}"),
        ("0 0 1 1 ? 1969", f"year: '1969' is not a value, {YEARS}"),
        ("0 0 1 1 ? 2200", f"year: '2200' is not a value, {YEARS}"),
        ("0 0 1 1 ? 27", f"year: '27' is not a value, {YEARS}"),
        ("0 0 1 1 ? ?", f"year: '?' is not a value, {YEARS}"),
        ("0 0 1 1 ? 2028-2027", f"year: '2028-2027' ends before it begins, {YEARS}"),
        ("0 0 1 1 ? *)", f"year: '*)' is not a value, {YEARS}"),
    ],
)
def test_a_refusal_names_the_field_and_what_is_allowed(fields: str, expected: str) -> None:
    assert sentence(f"cron({fields})") == f"Schedule: {expected}"


@pytest.mark.parametrize("days", ["? * ?", "* * *", "1 * 2", "* * MON", "L * L"])
def test_exactly_one_of_the_day_fields_is_a_question_mark(days: str) -> None:
    expected = (
        "Schedule: exactly one of day-of-month and day-of-week must be ?; if one has a value or *, the other is ?."
    )
    assert sentence(f"cron(0 0 {days} *)") == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "rate(5 minutes)",
        "at(2027-01-01T00:00:00)",
        "@daily",
        "0 12 * * ? *",
        "CRON(0 12 * * ? *)",
        "cron (0 12 * * ? *)",
        " cron(0 12 * * ? *)",
        "cron(0 12 * * ? *) ",
        "cron(0 12 * * ? *)\n",
        "cron(0 12 * * ? *) or so",
        "cron(0 12 * * ? *",
        "cron(",
    ],
)
def test_other_forms_are_refused(text: str) -> None:
    expected = (
        "Schedule: it must have the form cron(Minutes Hours Day-of-month Month Day-of-week Year); "
        "Glue knows no others, such as rate(...)."
    )
    assert sentence(text) == expected


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("cron()", 0),
        ("cron(0 12 * * ?)", 5),
        ("cron(0 0 12 * * ? *)", 7),
        ("cron(0\t12\n* * ? *)", 4),
        ("cron(0\N{NO-BREAK SPACE}12 * * ? *)", 5),
        ("cron(1, 2 12 * * ? *)", 7),
    ],
)
def test_there_are_six_fields_parted_by_spaces(text: str, count: int) -> None:
    assert sentence(text) == (
        f"Schedule: it has {count} fields, allowed are the six of "
        "cron(Minutes Hours Day-of-month Month Day-of-week Year)."
    )


def test_long_texts_are_not_read() -> None:
    longest = f"cron(0 0 * * ? *{' ' * (MAX_LENGTH - 17)})"
    assert parse(longest).text == longest
    assert sentence(longest + ")") == "Schedule: it has 513 characters, allowed 512."
    assert sentence("cron(" + "1," * 10**6) == "Schedule: it has 2000005 characters, allowed 512."


@pytest.mark.parametrize(
    "fields",
    [
        "0 0 30 2 ? *",
        "0 0 31 2,4,6,9,11 ? *",
        "0 0 29 2 ? 2027",
        "0 0 29 2 ? 1971/2",
        "0 0 29 2 ? 2100",
        "0 0 30W 2 ? *",
        "0 0 31W 4 ? *",
        "0 0 L-30 4 ? *",
        "0 0 L-28 2 ? 2027",
        "0 0 ? 2 6#5 2027-2031",
    ],
)
def test_what_could_never_fire_is_refused(fields: str) -> None:
    _, _, day, month, weekday, year = fields.split()
    assert sentence(f"cron({fields})") == (
        f"Schedule: day-of-month '{day}' and day-of-week '{weekday}' never come in month '{month}' of year '{year}', "
        "so it could never fire."
    )


TICK = ms("2026-11-22 12:15")
DAY_MS = 86_400_000


@pytest.mark.parametrize(
    ("now_ms", "active_since_ms", "catches_up", "expected"),
    [
        (TICK, TICK - DAY_MS, False, TICK),
        (TICK - 1, TICK - DAY_MS - 1, False, None),  # the one before, a day late
        (TICK - 1, TICK - DAY_MS - 1, True, TICK - DAY_MS),
        (TICK + 59_999, TICK - DAY_MS, False, TICK),
        (TICK + 60_000, TICK - DAY_MS, False, None),
        (TICK + 60_000, TICK - DAY_MS, True, TICK),
        (TICK + 10 * DAY_MS + 1, TICK - DAY_MS, True, TICK + 10 * DAY_MS),  # one for all that were missed
        (TICK + 1, TICK - 1, False, TICK),
        (TICK + 1, TICK, False, None),  # activated at the very instant: the next one is the first
        (TICK + 500, TICK + 200, False, None),
        (TICK + 500, TICK + 200, True, None),
        (TICK + 500, TICK + 500, True, None),
        (TICK + 500, TICK + 501, False, TICK),  # the clock was set back after the activation
        (TICK + 90_000, TICK + DAY_MS, False, None),
        (TICK + 90_000, TICK + DAY_MS, True, None),  # and what passed before it is not caught up
        (-1, 0, True, None),
    ],
)
def test_what_is_due(now_ms: int, active_since_ms: int, *, catches_up: bool, expected: int | None) -> None:
    daily = parse("cron(15 12 * * ? *)")
    due = due_tick(daily, now_ms=now_ms, active_since_ms=active_since_ms, catches_up=catches_up)
    assert due == expected


def test_nothing_is_due_before_the_first_firing_and_only_the_last_one_after_all() -> None:
    one = parse("cron(0 0 1 1 ? 2027)")
    first = ms("2027-01-01")
    assert due_tick(one, now_ms=first - 1, active_since_ms=0, catches_up=True) is None
    assert due_tick(one, now_ms=first + 400 * DAY_MS, active_since_ms=0, catches_up=True) == first
    assert schedule.LATE_MS == MINUTE_MS
