"""Argument maps become argv by fixed rules, and what no process could be given is refused at the call."""

import argparse

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.model import arguments
from orchestrator.model.arguments import MAX_TOKEN_BYTES, MAX_TOTAL_BYTES
from orchestrator.model.errors import InvalidInputError

KEYS = st.sampled_from(["--a", "--b", "--c", "--d", "plain"])
MAPS = st.dictionaries(KEYS, st.text(max_size=3))


@given(defaults=MAPS, overrides=MAPS, fixed=MAPS)
def test_each_key_takes_its_value_from_the_strongest_map_that_has_it(
    defaults: dict[str, str], overrides: dict[str, str], fixed: dict[str, str]
) -> None:
    merged = arguments.merge(defaults, overrides, fixed)
    assert set(merged) == {*defaults, *overrides, *fixed}
    for key, value in merged.items():
        strongest = next(source for source in (fixed, overrides, defaults) if key in source)
        assert value == strongest[key]


def test_keys_keep_the_order_in_which_they_first_appear() -> None:
    assert list(arguments.merge({"--b": "", "--a": ""}, {"--c": "", "--b": ""}, {"--d": "", "--a": ""})) == [
        "--b", "--a", "--c", "--d",
    ]  # fmt: skip


def test_absent_maps_are_empty_ones() -> None:
    assert arguments.merge(None, None, None) == {}


@pytest.mark.parametrize(
    ("merged", "argv"),
    [
        ({"--day": "2013-01-01"}, ["--day", "2013-01-01"]),
        ({"--day": "-1"}, ["--day=-1"]),
        ({"--day": "--x"}, ["--day=--x"]),
        ({"--day": "-"}, ["--day=-"]),
        ({"--dry-run": ""}, ["--dry-run"]),
        ({"--text": "a b\n$HOME;'\""}, ["--text", "a b\n$HOME;'\""]),
        ({"plain": "x", "-s": "y"}, []),
        ({"--JOB_NAME": "forged", "--JOB_ID": "x", "--JOB_RUN_ID": "y", "--orchestrator-python": "z"}, []),
        ({"--": "x"}, ["--", "x"]),
    ],
)
def test_a_map_is_spelled_as_argv(merged: dict[str, str], argv: list[str]) -> None:
    assert arguments.to_argv([], merged) == argv


def test_what_is_injected_comes_first() -> None:
    assert arguments.to_argv([("--JOB_NAME", "-etl"), ("--TempDir", "/t")], {"--a": "1"}) == [
        "--JOB_NAME=-etl", "--TempDir", "/t", "--a", "1",
    ]  # fmt: skip


@given(value=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=8))
def test_argparse_reads_every_value_back(value: str) -> None:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--value")
    assert parser.parse_args(arguments.to_argv([], {"--value": value})).value == value


def test_keys_without_two_dashes_are_named_as_ignored() -> None:
    assert arguments.ignored_keys({"--a": "", "b": "", "-c": ""}) == ["b", "-c"]


@pytest.mark.parametrize(
    ("pairs", "sentence"),
    [
        ({"--a": "x\0"}, "Arguments: the argument '--a' contains a NUL character, which no process can be given."),
        ({"--a\0": "x"}, r"Arguments: the argument '--a\0' contains a NUL character, which no process can be given."),
        ({"--a": "\ud800"}, "Arguments: an argument contains a lone surrogate, which has no UTF-8 form."),
        ({"--\ud800": "x"}, "Arguments: an argument contains a lone surrogate, which has no UTF-8 form."),
        (
            {"--a": "x" * (MAX_TOKEN_BYTES + 1)},
            "Arguments: the argument '--a' needs a token of 131072 bytes; Linux takes 131071 at most.",
        ),
        (
            {"--a": "-" * (MAX_TOKEN_BYTES - 3)},
            "Arguments: the argument '--a' needs a token of 131072 bytes; Linux takes 131071 at most.",
        ),
        (
            {f"--{number}": "x" * 100_000 for number in range(3)},
            "Request size limit exceeded: Arguments has 300009 bytes in all, 266240 is the limit.",
        ),
    ],
)
def test_what_no_process_can_be_given_is_refused(pairs: dict[str, str], sentence: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        arguments.check_map(pairs, "Arguments")
    assert str(refused.value) == sentence


def test_bytes_are_counted_not_characters() -> None:
    with pytest.raises(InvalidInputError, match="131074 bytes"):
        arguments.check_map({"--a": "ä" * 65_537}, "Arguments")


def test_what_is_exactly_at_the_limits_is_accepted() -> None:
    arguments.check_map({"--a": "x" * MAX_TOKEN_BYTES}, "Arguments")
    arguments.check_map({"--a": "-" * (MAX_TOKEN_BYTES - 4)}, "Arguments")
    half = MAX_TOTAL_BYTES // 3 - 3
    arguments.check_map({f"--{n}": "x" * half for n in range(3)} | {"": "x" * (MAX_TOTAL_BYTES % 3)}, "Arguments")
    arguments.check_map(None, "Arguments")


def test_a_long_key_is_shown_by_its_beginning() -> None:
    with pytest.raises(InvalidInputError) as refused:
        arguments.check_map({"--" + "k" * 500: "\0"}, "Arguments")
    assert "'--" + "k" * 78 + "'" in str(refused.value)


@pytest.mark.parametrize(
    ("merged", "sentence"),
    [
        (
            {"--job-bookmark-option": "on"},
            (
                "--job-bookmark-option is 'on', which is not one of "
                "job-bookmark-enable, job-bookmark-disable, job-bookmark-pause."
            ),
        ),
        (
            {"--job-bookmark-from": "jr_a"},
            "--job-bookmark-from may only be given with --job-bookmark-option job-bookmark-pause.",
        ),
        (
            {"--job-bookmark-option": "job-bookmark-enable", "--job-bookmark-from": "a", "--job-bookmark-to": "b"},
            (
                "--job-bookmark-from and --job-bookmark-to may only be given with "
                "--job-bookmark-option job-bookmark-pause."
            ),
        ),
        (
            {"--job-bookmark-option": "job-bookmark-pause", "--job-bookmark-to": "b"},
            "--job-bookmark-from and --job-bookmark-to belong together; only --job-bookmark-to was given.",
        ),
        (
            {"--customer-driver-env-vars": 'CUSTOMER_A="x'},
            "--customer-driver-env-vars: a quotation mark is not closed.",
        ),
    ],
)
def test_a_merged_map_that_contradicts_itself_is_refused(merged: dict[str, str], sentence: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        arguments.check_merged(merged)
    assert str(refused.value) == sentence


@pytest.mark.parametrize("option", [*arguments.BOOKMARK_OPTIONS, ""])
def test_every_bookmark_option_and_none_is_accepted(option: str) -> None:
    arguments.check_merged({"--job-bookmark-option": option})


def test_a_paused_window_is_accepted() -> None:
    arguments.check_merged(
        {"--job-bookmark-option": "job-bookmark-pause", "--job-bookmark-from": "a", "--job-bookmark-to": "b"}
    )


def test_bookmarks_are_off_unless_asked_for() -> None:
    assert arguments.bookmark_option({}) == arguments.BOOKMARK_DISABLE
    assert arguments.bookmark_option({"--job-bookmark-option": ""}) == arguments.BOOKMARK_DISABLE


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("CUSTOMER_A=1", {"CUSTOMER_A": "1"}),
        ("CUSTOMER_A=1,CUSTOMER_B=2", {"CUSTOMER_A": "1", "CUSTOMER_B": "2"}),
        ('CUSTOMER_A="x,y",CUSTOMER_B=2', {"CUSTOMER_A": "x,y", "CUSTOMER_B": "2"}),
        ("CUSTOMER_A=a=b", {"CUSTOMER_A": "a=b"}),
        (" CUSTOMER_A =1", {"CUSTOMER_A": "1"}),
        ("PATH=/evil,LD_PRELOAD=x,customer_a=1", {}),
        ("CUSTOMER_A", {}),
        ("", {}),
    ],
)
def test_customer_variables_are_read(text: str, pairs: dict[str, str]) -> None:
    assert arguments.customer_environment(text) == pairs
