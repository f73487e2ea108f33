"""A run is found by any start of its id that is its own, and told by one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.faces.cli.client import Client
from orchestrator.faces.cli.errors import CommandError
from orchestrator.faces.cli.exit_codes import ExitCode
from orchestrator.faces.cli.lookup import find_run, shortened
from tests.unit.cli.stand_in import StandIn, a_run

DIGITS = st.text("0123456789abcdef", min_size=64, max_size=64)


@pytest.mark.parametrize("text", ["jr_4", "4f2", "4f2a", "jr_4f2a" + 60 * "0", "4f2a" + 60 * "0"])
def test_any_start_of_an_id_that_only_one_run_has_is_enough(daemon: StandIn, client: Client, text: str) -> None:
    run = daemon.add(a_run("4f2a"))
    daemon.add(a_run("5f2a"))

    assert find_run(client, text)["run"]["id"] == run["id"]


@pytest.mark.parametrize(("text", "attempt"), [("4f2a", 0), ("jr_4f_attempt_1", 1), ("4_attempt_2", 2)])
def test_a_shortened_id_names_the_attempt_as_a_whole_one_does(
    daemon: StandIn, client: Client, text: str, attempt: int
) -> None:
    for number in range(3):
        daemon.add(a_run("4f2a", attempt=number))

    assert find_run(client, text)["run"]["attempt"] == attempt


def test_an_id_that_fits_several_runs_is_refused_with_the_candidates(daemon: StandIn, client: Client) -> None:
    one = daemon.add(a_run("4f2a", job_name="ingest"))
    other = daemon.add(a_run("4f3b", job_name="table\x1b"))

    with pytest.raises(CommandError, match="jr_4f fits 2 runs") as refused:
        find_run(client, "4f")

    assert refused.value.exit_code == ExitCode.NOT_FOUND
    assert refused.value.hint == (f"  {one['id']}  ingest  SUCCEEDED\n  {other['id']}  table\\x1b  SUCCEEDED")


@pytest.mark.parametrize("text", ["abc", "jr_" + 64 * "a", "4f_attempt_1"])
def test_an_id_that_no_run_has_is_not_found(daemon: StandIn, client: Client, text: str) -> None:
    daemon.add(a_run("4f2a"))

    with pytest.raises(CommandError, match=r"^(no run has an id that starts with|there is no run) jr_") as refused:
        find_run(client, text)

    assert refused.value.exit_code == ExitCode.NOT_FOUND


@pytest.mark.parametrize("text", ["", "jr_", "ingest", "jr_4G", "../healthz", "4f_attempt_0", 65 * "a", "4f\n"])
def test_what_is_no_id_is_refused_without_asking(daemon: StandIn, client: Client, text: str) -> None:
    with pytest.raises(CommandError, match="is not the id of a run") as refused:
        find_run(client, text)

    assert refused.value.exit_code == ExitCode.USAGE
    assert not daemon.asked


def test_ids_are_told_as_short_as_they_differ() -> None:
    runs = [a_run("aaaabbbbc"), a_run("aaaabbbbd"), a_run("aaaabbbbd", attempt=2)]

    assert list(shortened(runs).values()) == ["jr_aaaabbbbc", "jr_aaaabbbbd", "jr_aaaabbbbd_attempt_2"]


@given(st.lists(DIGITS, unique=True, max_size=20))
def test_no_two_runs_are_told_by_the_same_short_id(families: list[str]) -> None:
    runs = [a_run(digits) for digits in families]

    assert len(set(shortened(runs).values())) == len(runs)
    assert all(run_id.startswith(short) for run_id, short in shortened(runs).items())
