"""What is said of several rounds is true of each: ratios are taken within a round, and nothing is made up."""

from typing import Final

import pytest

from tests.benchmarks.figures import (
    Goal,
    Quantity,
    Row,
    Sample,
    Spread,
    compare,
    in_turn,
    quantile,
    spell,
    spell_target,
    spreads,
)

OURS: Final = Quantity("ours", "runs/s")
THEIRS: Final = Quantity("xargs", "runs/s")


def sample(contender: str, number: int, value: float, measure: str = "runs/s", work: str = "W1") -> Sample:
    return Sample(work=work, round=number, contender=contender, measure=measure, value=value)


def goal(over: Quantity | None = THEIRS, target: float | None = None, **changes: str) -> Goal:
    return Goal(work="W1", name="a row", of=OURS, over=over, target=target, **changes)  # type: ignore[arg-type]


def rounds(*samples: Sample, over: Quantity | None = THEIRS) -> tuple[float, ...] | None:
    (row,) = compare([goal(over)], samples)
    return None if row.spread is None else row.spread.rounds


def test_a_ratio_is_taken_within_its_round() -> None:
    samples = [sample("ours", 1, 50), sample("ours", 2, 10), sample("xargs", 1, 100), sample("xargs", 2, 40)]

    assert rounds(*samples) == (0.5, 0.25)


def test_a_round_in_which_one_side_is_missing_gives_no_ratio() -> None:
    assert rounds(sample("ours", 1, 50), sample("ours", 2, 10), sample("xargs", 2, 40)) == (0.25,)


def test_nothing_is_divided_by_nothing() -> None:
    assert rounds(sample("ours", 1, 50), sample("xargs", 1, 0)) is None


def test_a_peer_that_is_not_there_gives_no_figure() -> None:
    assert rounds(sample("ours", 1, 50)) is None


def test_other_works_and_other_measures_do_not_count() -> None:
    others = [sample("xargs", 1, 7, work="W7"), sample("xargs", 1, 9, measure="CPU ms/run")]

    assert rounds(sample("ours", 1, 50), sample("xargs", 1, 100), *others) == (0.5,)


def test_a_row_without_a_divisor_is_the_quantity_itself() -> None:
    assert rounds(sample("ours", 2, 5), sample("ours", 1, 3), over=None) == (3, 5)


def test_a_spread_has_a_middle_and_two_ends() -> None:
    spread = Spread(rounds=(0.9, 0.2, 0.4))

    assert (spread.middle, spread.lowest, spread.highest) == (0.4, 0.2, 0.9)


@pytest.mark.parametrize(
    ("better", "target", "is_reached"),
    [("more", 2, True), ("more", 2.1, False), ("less", 2, True), ("less", 1.9, False), ("more", None, None)],
)
def test_the_median_is_held_against_the_target(better: str, target: float | None, *, is_reached: bool | None) -> None:
    row = Row(goal=goal(target=target, better=better), spread=Spread(rounds=(1, 2, 30)))

    assert row.is_reached is is_reached


def test_what_was_not_measured_has_reached_nothing() -> None:
    assert Row(goal=goal(target=1), spread=None).is_reached is None


def test_figures_stand_in_the_order_in_which_they_were_first_seen() -> None:
    samples = [sample("xargs", 1, 1), sample("ours", 1, 2), sample("xargs", 2, 3)]

    assert {key[1]: spread.rounds for key, spread in spreads(samples).items()} == {"xargs": (1, 3), "ours": (2,)}
    assert [key[1] for key in spreads(samples)] == ["xargs", "ours"]


def test_everybody_is_first_once() -> None:
    things = ["a", "b", "c"]

    assert [in_turn(things, turn)[0] for turn in range(4)] == ["a", "b", "c", "a"]
    assert all(sorted(in_turn(things, turn)) == things for turn in range(4))
    assert in_turn([], 3) == []


@pytest.mark.parametrize(("share", "value"), [(0.5, 51), (0.99, 100), (0, 1), (1, 100)])
def test_quantiles(share: float, value: float) -> None:
    assert quantile([*range(100, 0, -1)], share) == value


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (12345.6, "12,346"), (123.4, "123"), (12.34, "12.3"), (1.234, "1.23"), (0.0123, "0.0123")],
)
def test_a_figure_has_the_digits_that_count(value: float, text: str) -> None:
    assert spell(value) == text


def test_a_target_is_read_as_it_is_meant() -> None:
    assert spell_target(goal(target=3000)) == "≥ 3,000"
    assert spell_target(goal(target=1.3, better="less")) == "≤ 1.3"
    assert not spell_target(goal())
