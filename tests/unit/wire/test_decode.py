"""What is not one JSON object of the request's types is refused at once, with what and where."""

import time

import pytest

from orchestrator.model.errors import InvalidInputError
from orchestrator.wire.decode import MAX_DEPTH, decode, from_members
from orchestrator.wire.errors import SerializationError
from orchestrator.wire.shapes import CreateJobRequest, GetJobsRequest, StartJobRunRequest

MIB = 1 << 20


def refusal(body: bytes) -> str:
    """Return the sentence with which the body is refused."""
    with pytest.raises(SerializationError) as refused:
        decode(body, StartJobRunRequest)
    return str(refused.value)


def test_a_request_arrives_under_our_names() -> None:
    request = decode(b'{"JobName": "a b", "Arguments": {"--k": "v"}, "MaxCapacity": 2}', StartJobRunRequest)

    assert request == StartJobRunRequest(job_name="a b", arguments={"--k": "v"}, max_capacity=2.0)


def test_an_empty_body_is_an_empty_object() -> None:
    assert decode(b"", GetJobsRequest) == GetJobsRequest()


def test_an_absent_required_member_of_an_empty_body_is_named() -> None:
    with pytest.raises(InvalidInputError, match="Value null at 'jobName'"):
        decode(b"", StartJobRunRequest)


def test_members_of_newer_clients_are_ignored() -> None:
    assert decode(b'{"JobName": "a", "New": {"X": [1]}}', StartJobRunRequest) == StartJobRunRequest(job_name="a")


def test_a_member_that_is_null_is_absent() -> None:
    assert decode(b'{"JobName": "a", "Timeout": null}', StartJobRunRequest).timeout is None


def test_our_own_names_are_not_accepted_from_outside() -> None:
    with pytest.raises(InvalidInputError, match="Value null at 'jobName'"):
        decode(b'{"job_name": "a"}', StartJobRunRequest)


def test_a_table_of_a_job_file_is_held_to_the_same_rules() -> None:
    members = {"Name": "a", "Role": "r", "Command": {"Name": "pythonshell"}, "MaxCapacity": float("nan")}

    with pytest.raises(SerializationError, match=r"'MaxCapacity' must be a number, not the number nan"):
        from_members(members, CreateJobRequest)


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b" ", "not JSON: Expecting value: line 1 column 2"),
        (b"{", "not JSON: Expecting property name enclosed in double quotes: line 1 column 2"),
        (b"{} x", "not JSON: Extra data: line 1 column 4"),
        (b"{}{}", "not JSON: Extra data: line 1 column 3"),
        (b'{"x": 01}', "not JSON: Expecting ',' delimiter: line 1 column 8"),
        (b'{"x": "\0"}', "not JSON: Invalid control character at: line 1 column 8"),
        (b"[]", "JSON, but not an object"),
        (b"null", "JSON, but not an object"),
        (b'"{}"', "JSON, but not an object"),
        (b"\xef\xbb\xbf{}", "byte order mark"),
        ('{"JobName": "a"}'.encode("utf-16"), "not UTF-8: invalid start byte at byte 0"),
        (b'{"JobName": "\xff"}', "not UTF-8: invalid start byte at byte 13"),
        (b'{"JobName": "\xed\xa0\x80"}', "not UTF-8: invalid continuation byte at byte 13"),
        (b'{\n "MaxCapacity": NaN}', "a value that is not JSON: NaN at line 2 column 17"),
        (b'{"NaN": "NaN", "x": [-Infinity]}', "a value that is not JSON: -Infinity at line 1 column 22"),
        (b'{"MaxCapacity": Infinity}', "a value that is not JSON: Infinity at line 1 column 17"),
        (b'{"MaxCapacity": -1e999}', "a number that no double can hold: -1e999 at line 1 column 17"),
        (b'{"Timeout": ' + b"7" * 5000 + b"}", "a number of 5000 digits: 7777"),
        (b'{"JobName": "a", "JobName": "b"}', "the member 'JobName' more than once"),
        (b'{"JobName": "a", "Arguments": {"x\\n": "", "x\\n": ""}}', "the member 'x\\u000a' more than once"),
        (b'{"JobName": "\\ud800"}', "The text of 'JobName' has a lone surrogate"),
        (b'{"Arguments": {"\\uDFFF": ""}}', "The member name '\\udfff' has a lone surrogate"),
        (b'{"x": ["\\ud83d\\ude00", {"y": "\\udead"}]}', "The text of 'x[1].y' has a lone surrogate"),
    ],
)
def test_what_is_not_a_json_object_of_utf8_is_refused_with_what_and_where(body: bytes, sentence: str) -> None:
    assert sentence in refusal(body)


def test_a_pair_of_surrogates_is_a_character() -> None:
    assert decode(b'{"JobName": "\\ud83d\\ude00 \\\\ud800"}', StartJobRunRequest).job_name == "\U0001f600 \\ud800"


@pytest.mark.parametrize("opening", ["[", '{"a":'])
@pytest.mark.parametrize("levels", [MAX_DEPTH + 1, 100_000])
def test_a_nesting_bomb_is_refused_before_it_is_parsed(opening: str, levels: int) -> None:
    assert "nested deeper than 64 levels" in refusal(opening.encode() * levels)


def test_brackets_that_do_not_nest_are_no_bomb() -> None:
    body = b'{"JobName": "[[[", "x": [' + b"[{}]," * 100 + b'"' + b"[" * 100 + b'\\"{"]}'

    assert decode(body, StartJobRunRequest).job_name == "[[["


def test_the_deepest_request_that_is_accepted_has_64_levels() -> None:
    inner = MAX_DEPTH - 1

    assert decode(b'{"JobName": "a", "x": ' + b"[" * inner + b"]" * inner + b"}", StartJobRunRequest).job_name == "a"


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b'{"x": "' + b'\\"' * (MIB // 2), id="a string that never ends"),
        pytest.param(b'{"x": "' + b'\\"' * 100_000 + b"[" * (MIB // 2), id="brackets in a string that never ends"),
        pytest.param(b'{"x": [0.' + b"1" * (MIB // 2) + b"," + b"1" * (MIB // 2) + b".0]}", id="two long numbers"),
        pytest.param(b'{"x": [' + b"1," * (MIB // 2) + b"NaN]}", id="NaN at the end"),
        pytest.param(b"{" + b",".join(b'"%d":1' % n for n in range(90_000)) + b',"5":1}', id="a name twice"),
        pytest.param(
            b'{"Arguments": {' + b",".join(b'"%d":1' % n for n in range(90_000)) + b"}}", id="many wrong values"
        ),
    ],
)
def test_the_worst_bodies_of_a_mebibyte_are_refused_in_linear_time(body: bytes) -> None:
    began = time.process_time()

    assert len(refusal(body)) < 1_000
    assert time.process_time() - began < 5  # quadratic takes minutes; linear well under a second
