"""An id and its text are two forms of the same; what has not the form of an id is nobody's id."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.model.ids import BASE_BYTES, JobRunId, job_id, parse_job_run_id

BASES = st.binary(min_size=BASE_BYTES, max_size=BASE_BYTES)
ATTEMPTS = st.integers(0, 999_999_999)


@given(base=BASES, attempt=ATTEMPTS)
def test_an_id_is_read_back_from_its_text(base: bytes, attempt: int) -> None:
    assert parse_job_run_id(str(JobRunId(base, attempt))) == JobRunId(base, attempt)


@given(text=st.from_regex(r"jr_[0-9a-f]{64}(_attempt_[1-9][0-9]{0,8})?", fullmatch=True))
def test_a_text_is_written_back_as_it_was_read(text: str) -> None:
    assert str(parse_job_run_id(text)) == text


@given(text=st.text())
def test_any_other_text_is_no_id(text: str) -> None:
    assert parse_job_run_id(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "jr_" + "A" * 64,
        "jr_" + "a" * 63,
        "jr_" + "a" * 65,
        "jr_" + "a" * 64 + "_attempt_0",
        "jr_" + "a" * 64 + "_attempt_01",
        "jr_" + "a" * 64 + "_attempt_1000000000",
        "jr_" + "a" * 64 + "\n",
        "jr_" + "\N{ARABIC-INDIC DIGIT ONE}" * 64,
    ],
)
def test_what_only_looks_like_an_id_is_none(text: str) -> None:
    assert parse_job_run_id(text) is None


def test_the_first_attempt_has_no_suffix() -> None:
    assert str(JobRunId(bytes(32))) == "jr_" + "0" * 64


def test_a_retry_shares_its_familys_base() -> None:
    assert str(JobRunId(bytes(32)).retry(2)) == "jr_" + "0" * 64 + "_attempt_2"


def test_a_job_made_again_under_its_name_has_another_job_id() -> None:
    assert job_id("etl", 1) == job_id("etl", 1)
    assert len({job_id("etl", 1), job_id("etl", 2), job_id("other", 1)}) == 3
