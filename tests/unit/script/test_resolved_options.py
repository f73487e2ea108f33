"""`getResolvedOptions` answers as Glue 6.0 does: one test for each observation in the behaviour table."""

from __future__ import annotations

import argparse

import pytest

from orchestrator.script.awsglue.utils import GlueArgumentError, getResolvedOptions

SCRIPT = "script.py"


def resolve(*arguments: str, options: tuple[str, ...] = (), allow_abbrev: bool = False) -> dict[str, object]:
    return getResolvedOptions([SCRIPT, *arguments], list(options), allow_abbrev)


@pytest.mark.parametrize(
    ("arguments", "value"),
    [
        (("--a", "1"), "1"),
        (("--a=1=2",), "1=2"),
        (("--a", "1", "--a", "2"), "2"),
        (("--a", "-5"), "-5"),
        (("--a=--x",), "--x"),
        (("--a=",), ""),
        (("--a", '{"b": [1, "two words"]}'), '{"b": [1, "two words"]}'),
        (("--other", "x", "stray", "--a", "1", "--flag"), "1"),
    ],
)
def test_a_requested_option_has_its_value(arguments: tuple[str, ...], value: str) -> None:
    assert resolve(*arguments, options=("a",))["a"] == value


def test_the_first_element_is_the_script_and_never_an_argument() -> None:
    with pytest.raises(GlueArgumentError):
        getResolvedOptions(["--a=1"], ["a"])


def test_missing_options_are_named_together() -> None:
    with pytest.raises(GlueArgumentError) as raised:
        resolve("--c", "3", options=("a", "b", "c"))

    assert str(raised.value) == "the following arguments are required: --a, --b"


def test_an_argument_error_can_be_caught_as_an_exception() -> None:
    assert GlueArgumentError.__bases__ == (Exception,)


@pytest.mark.parametrize("arguments", [("--a", "--x"), ("--a", "-x"), ("--a",), ("--a", "--b", "1")])
def test_an_option_without_a_value_is_refused(arguments: tuple[str, ...]) -> None:
    with pytest.raises(GlueArgumentError, match=r"^argument --a: expected one argument$"):
        resolve(*arguments, options=("a",))


def test_a_hyphen_in_a_name_becomes_an_underscore() -> None:
    resolved = resolve("--my-opt", "1", options=("my-opt",))

    assert resolved["my_opt"] == "1"
    assert "my-opt" not in resolved


def test_an_abbreviation_is_not_accepted() -> None:
    with pytest.raises(GlueArgumentError, match="required: --additional-path"):
        resolve("--additional-p", "1", options=("additional-path",))


def test_an_abbreviation_is_accepted_on_request() -> None:
    assert resolve("--additional-p", "1", options=("additional-path",), allow_abbrev=True)["additional_path"] == "1"


def test_with_abbreviations_an_unrequested_t_is_taken_as_the_temporary_directory() -> None:
    assert resolve("--T", "/t", allow_abbrev=True)["TempDir"] == "/t"


def test_without_abbreviations_an_unrequested_t_is_ignored() -> None:
    assert resolve("--T", "/t")["TempDir"] is None


def test_with_abbreviations_a_prefix_of_two_options_is_ambiguous() -> None:
    with pytest.raises(GlueArgumentError, match="ambiguous option: --JOB"):
        resolve("--JOB", "x", allow_abbrev=True)


@pytest.mark.parametrize(("flag", "allow_abbrev"), [("--help", False), ("--help", True), ("--h", True)])
def test_help_prints_usage_and_ends_the_script_with_success(
    flag: str, *, allow_abbrev: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as raised:
        resolve(flag, allow_abbrev=allow_abbrev)

    assert raised.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: {SCRIPT}")


def test_a_shortened_help_is_ignored_without_abbreviations() -> None:
    assert resolve("--h", "x", "--a", "1", options=("a",))["a"] == "1"


def test_the_job_name_is_an_ordinary_required_option() -> None:
    assert resolve("--JOB_NAME", "n", options=("JOB_NAME",))["JOB_NAME"] == "n"
    with pytest.raises(GlueArgumentError, match="required: --JOB_NAME"):
        resolve(options=("JOB_NAME",))
    assert "JOB_NAME" not in resolve("--JOB_NAME", "n")


@pytest.mark.parametrize(
    "name", ["JOB_ID", "JOB_RUN_ID", "SECURITY_CONFIGURATION", "encryption-type", "enable-data-lineage"]
)
def test_an_option_that_is_always_resolved_may_not_be_requested(name: str) -> None:
    with pytest.raises(argparse.ArgumentError, match=f"conflicting option string: --{name}"):
        resolve(f"--{name}", "x", options=(name,))


@pytest.mark.parametrize(
    "name", ["JOB_ID", "JOB_RUN_ID", "SECURITY_CONFIGURATION", "encryption-type", "enable-data-lineage"]
)
def test_an_option_that_is_always_resolved_needs_no_request(name: str) -> None:
    assert resolve(f"--{name}", "x")[name.replace("-", "_")] == "x"


@pytest.mark.parametrize("name", ["job-bookmark-option", "continuation-option", "job-bookmark-from", "job-bookmark-to"])
def test_a_reserved_option_may_not_be_requested(name: str) -> None:
    with pytest.raises(RuntimeError, match=f"^Using reserved arguments .*{name}"):
        resolve(options=("a", name))


@pytest.mark.parametrize("name", ["TempDir", "RedshiftTempDir"])
def test_a_temporary_directory_is_never_required(name: str) -> None:
    assert resolve(options=(name,))[name] is None


@pytest.mark.parametrize("name", ["TempDir", "RedshiftTempDir"])
def test_one_temporary_directory_stands_in_for_the_other(name: str) -> None:
    resolved = resolve(f"--{name}", "/t")

    assert (resolved["TempDir"], resolved["RedshiftTempDir"]) == ("/t", "/t")


def test_both_temporary_directories_keep_their_own_values() -> None:
    resolved = resolve("--TempDir", "/t", "--RedshiftTempDir", "/r", options=("TempDir",))

    assert (resolved["TempDir"], resolved["RedshiftTempDir"]) == ("/t", "/r")


@pytest.mark.parametrize("name", ["a", "TempDir"])
def test_the_same_option_twice_is_refused(name: str) -> None:
    with pytest.raises(argparse.ArgumentError, match="conflicting option string"):
        resolve(f"--{name}", "1", options=(name, name))


@pytest.mark.parametrize("option", ["job-bookmark-option", "continuation-option"])
def test_an_unknown_bookmark_option_is_refused(option: str) -> None:
    with pytest.raises(GlueArgumentError, match=f"argument --{option}: invalid choice: 'sometimes'"):
        resolve(f"--{option}", "sometimes")


def test_bookmarks_are_off_where_nothing_is_said() -> None:
    assert resolve()["job_bookmark_option"] == "job-bookmark-disable"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("continuation-enabled", "job-bookmark-enable"),
        ("continuation-readonly", "job-bookmark-pause"),
        ("continuation-ignore", "job-bookmark-disable"),
    ],
)
def test_the_older_continuation_option_is_translated(old: str, new: str) -> None:
    resolved = resolve("--continuation-option", old)

    assert resolved["job_bookmark_option"] == new
    assert "continuation_option" not in resolved


def test_the_bookmark_option_counts_where_both_are_given() -> None:
    resolved = resolve("--continuation-option", "continuation-enabled", "--job-bookmark-option", "job-bookmark-pause")

    assert resolved["job_bookmark_option"] == "job-bookmark-pause"


def test_a_paused_run_may_have_a_window() -> None:
    window = ("--job-bookmark-from", "jr_a", "--job-bookmark-to", "jr_b")
    resolved = resolve("--job-bookmark-option", "job-bookmark-pause", *window)

    assert (resolved["job_bookmark_from"], resolved["job_bookmark_to"]) == ("jr_a", "jr_b")


def test_a_paused_run_needs_no_window() -> None:
    assert resolve("--job-bookmark-option", "job-bookmark-pause")["job_bookmark_from"] is None


@pytest.mark.parametrize(("given", "missing"), [("from", "to"), ("to", "from")])
def test_half_a_window_is_refused(given: str, missing: str) -> None:
    with pytest.raises(RuntimeError, match=f"^Missing option or value for --job-bookmark-{missing}$"):
        resolve("--job-bookmark-option", "job-bookmark-pause", f"--job-bookmark-{given}", "jr_a")


@pytest.mark.parametrize("option", ["job-bookmark-enable", "job-bookmark-disable"])
def test_a_window_without_pause_is_refused(option: str) -> None:
    with pytest.raises(RuntimeError) as raised:
        resolve("--job-bookmark-option", option, "--job-bookmark-from", "jr_a", "--job-bookmark-to", "jr_b")

    assert str(raised.value) == "Invalid option(s)--job-bookmark-from --job-bookmark-to"


@pytest.mark.parametrize("end", ["from", "to"])
def test_half_a_window_without_pause_passes(end: str) -> None:
    assert resolve(f"--job-bookmark-{end}", "jr_a")[f"job_bookmark_{end}"] == "jr_a"


def test_these_keys_are_always_in_the_result() -> None:
    assert resolve("--a", "1", options=("a",)) == {
        "a": "1",
        "job_bookmark_option": "job-bookmark-disable",
        "job_bookmark_from": None,
        "job_bookmark_to": None,
        "JOB_ID": None,
        "JOB_RUN_ID": None,
        "SECURITY_CONFIGURATION": None,
        "encryption_type": None,
        "enable_data_lineage": None,
        "RedshiftTempDir": None,
        "TempDir": None,
    }
