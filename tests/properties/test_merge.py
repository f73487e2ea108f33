"""The merge of argument maps has laws: it has a neutral element, is associative, and its strongest map always wins."""

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.model.arguments import CUSTOMER_ENV, customer_environment, merge, to_argv

KEYS = st.sampled_from(["--a", "--b", "--c", "plain"])
MAPS = st.dictionaries(KEYS, st.text(max_size=3))


@given(one=MAPS)
def test_an_empty_map_changes_nothing(one: dict[str, str]) -> None:
    assert merge(one, {}, {}) == merge({}, one, {}) == merge({}, {}, one) == merge(one, None, None) == one


@given(one=MAPS, other=MAPS, third=MAPS)
def test_it_does_not_matter_which_two_are_merged_first(
    one: dict[str, str], other: dict[str, str], third: dict[str, str]
) -> None:
    assert (
        merge(merge(one, other, None), third, None)
        == merge(one, merge(other, third, None), None)
        == merge(one, other, third)
    )


@given(one=MAPS)
def test_merging_a_map_with_itself_changes_nothing(one: dict[str, str]) -> None:
    merged = merge(one, one, one)
    assert merged == one
    assert list(merged) == list(one)


@given(defaults=MAPS, overrides=MAPS, fixed=MAPS)
def test_a_merge_changes_none_of_its_maps(
    defaults: dict[str, str], overrides: dict[str, str], fixed: dict[str, str]
) -> None:
    before = [dict(one) for one in (defaults, overrides, fixed)]
    merge(defaults, overrides, fixed)["--new"] = "x"
    assert [defaults, overrides, fixed] == before


@given(merged=MAPS)
def test_argv_tells_as_many_keys_as_the_map_passes(merged: dict[str, str]) -> None:
    tokens = to_argv([], merged)
    passed = [key for key in merged if key.startswith("--")]
    expected = sum(2 if merged[key] and not merged[key].startswith("-") else 1 for key in passed)
    assert len(tokens) == expected


@given(pairs=st.dictionaries(st.from_regex(r"CUSTOMER_[A-Z]{1,3}", fullmatch=True), st.text("abc,= '", max_size=5)))
def test_quoted_customer_variables_are_read_back(pairs: dict[str, str]) -> None:
    text = ",".join(f'{key}="{value}"' for key, value in pairs.items())
    assert customer_environment(text) == pairs, CUSTOMER_ENV
