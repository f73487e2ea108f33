"""Whatever is sent to the port, the answer is an error of Glue's shape, at once, and nothing is stored."""

import contextlib
import http.client
import json
import select
import socket
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support import other_user, runs, wire
from tests.support.daemon import Daemon
from tests.support.waiting import until

MIB: Final = 1024 * 1024
SERIALIZATION: Final = "SerializationException"


@pytest.fixture(scope="module", autouse=True)
def job(daemon: Daemon) -> str:
    """Return a job that bad requests might start."""
    return daemon.job("target", "pass\n", ExecutionProperty={"MaxConcurrentRuns": 50})


@pytest.fixture
def nothing_stored(daemon: Daemon) -> Iterator[None]:
    """Hold that the test stores neither a job nor a run, and that the daemon serves on without a fault of its own."""
    before = runs.counts(daemon)
    yield
    assert runs.counts(daemon) == before
    assert "request_failed" not in daemon.log()


def refusal(answer: wire.Answer) -> tuple[int, str, str]:
    assert answer.headers["content-type"] == wire.JSON_1_1
    assert set(answer.members) == {"__type", "Message"}
    assert answer.members["Message"]
    return answer.status, answer.members["__type"], answer.members["Message"]


def refused(daemon: Daemon, data: bytes) -> tuple[int, str]:
    """Send bytes; return status and name of the error that must answer them."""
    return refusal(wire.exchange(daemon.port, data))[:2]


def start_body(extra: str) -> bytes:
    """Spell a StartJobRun of the job with more to it."""
    return f'{{"JobName": "target", {extra}}}'.encode()


BAD_BODIES: Final[dict[str, bytes]] = {
    "not JSON": b"{",
    "text": b"hello",
    "an array": b"[]",
    "a string": b'"target"',
    "a number": b"1",
    "null": b"null",
    "two values": b'{"JobName": "target"} {}',
    "a comma too many": b'{"JobName": "target",}',
    "single quotes": b"{'JobName': 'target'}",
    "bad UTF-8": b'{"JobName": "target", "Arguments": {"--v": "\xff\xfe"}}',
    "a truncated character": b'{"JobName": "target\xc3"}',
    "an encoded surrogate": b'{"JobName": "target", "Arguments": {"--v": "\xed\xa0\x80"}}',
    "UTF-16": '{"JobName": "target"}'.encode("utf-16"),
    "a byte order mark": b'\xef\xbb\xbf{"JobName": "target"}',
    "a raw NUL": b'{"JobName": "tar\x00get"}',
    "NULs only": bytes(100),
    "a raw line break": b'{"JobName": "target\n"}',
    "a lone surrogate in a value": start_body('"Arguments": {"--v": "\\ud800"}'),
    "a lone surrogate in a key": start_body('"Arguments": {"--\\udc00": "v"}'),
    "swapped surrogates": start_body('"Arguments": {"--v": "\\udc00\\ud800"}'),
    "NaN": start_body('"MaxCapacity": NaN'),
    "Infinity": start_body('"MaxCapacity": Infinity'),
    "-Infinity": start_body('"MaxCapacity": -Infinity'),
    "a number that no double holds": start_body('"MaxCapacity": 1e999'),
    "5,000 digits": start_body(f'"Timeout": {"9" * 5000}'),
    "5,000 digits elsewhere": start_body(f'"Unknown": {"9" * 5000}'),
    "500,000 digits": start_body(f'"Timeout": {"9" * 500_000}'),
    "5,000 digits behind a point": start_body(f'"MaxCapacity": 1{"0" * 5000}.5'),
    "64 bits": start_body('"Timeout": 9223372036854775808'),
    "arrays in arrays": b"[" * 100_000,
    "arrays in a member": start_body(f'"Unknown": {"[" * 5000}{"]" * 5000}'),
    "objects in objects": b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
    "objects never closed": b'{"a":' * 100_000,
    "a name that is a number": b'{"JobName": 1}',
    "a name that is a list": b'{"JobName": ["target"]}',
    "a name that is an object": b'{"JobName": {"a": "target"}}',
    "a name that is true": b'{"JobName": true}',
    "arguments that are a list": start_body('"Arguments": ["--v"]'),
    "arguments that are text": start_body('"Arguments": "--v"'),
    "an argument that is a number": start_body('"Arguments": {"--v": 1}'),
    "a timeout that is text": start_body('"Timeout": "5"'),
    "a timeout with a fraction": start_body('"Timeout": 5.5'),
    "a timeout that is true": start_body('"Timeout": true'),
    "a flag that is a number": start_body('"JobRunQueuingEnabled": 1'),
    "a member twice": b'{"JobName": "target", "JobName": "other"}',
}


@pytest.mark.usefixtures("nothing_stored")
@pytest.mark.parametrize("body", BAD_BODIES.values(), ids=BAD_BODIES.keys())
def test_a_body_that_is_no_request_is_refused(daemon: Daemon, body: bytes) -> None:
    data = wire.request(body, target="AWSGlue.StartJobRun")
    assert refused(daemon, data) == (400, SERIALIZATION)


BROKEN_RULES: Final[dict[str, bytes]] = {
    "no name": b"{}",
    "an empty body": b"",
    "a name that is null": b'{"JobName": null}',
    "an empty name": b'{"JobName": ""}',
    "a NUL in the name": b'{"JobName": "tar\\u0000get"}',
    "a NUL in an argument": start_body('"Arguments": {"--v": "a\\u0000"}'),
    "a timeout of zero": start_body('"Timeout": 0'),
    "a timeout below zero": start_body('"Timeout": -1'),
    "a capacity below zero": start_body('"MaxCapacity": -1.0'),
    "a capacity of almost nothing": start_body('"MaxCapacity": 1e-320'),
    "a token above Linux's limit": start_body(f'"Arguments": {{"--v": "{"x" * 131_072}"}}'),
    "an execution class that is none": start_body('"ExecutionClass": "FAST"'),
}


@pytest.mark.usefixtures("nothing_stored")
@pytest.mark.parametrize("body", BROKEN_RULES.values(), ids=BROKEN_RULES.keys())
def test_a_request_that_breaks_a_rule_is_refused(daemon: Daemon, body: bytes) -> None:
    data = wire.request(body, target="AWSGlue.StartJobRun")
    assert refused(daemon, data) == (400, "InvalidInputException")


# Size.


@pytest.mark.usefixtures("nothing_stored")
@pytest.mark.parametrize("size", [MIB + 1, 5 * MIB, 40 * MIB])
def test_a_body_above_one_mebibyte_is_refused(daemon: Daemon, size: int) -> None:
    data = wire.request(b"x" * size, target="AWSGlue.StartJobRun")
    assert refused(daemon, data) == (413, "RequestEntityTooLargeException")


@pytest.mark.usefixtures("nothing_stored")
def test_a_length_above_one_mebibyte_is_refused_before_the_body_comes(daemon: Daemon) -> None:
    data = wire.request(target="AWSGlue.StartJobRun", content_length=str(10**15))
    assert refused(daemon, data) == (413, "RequestEntityTooLargeException")


def chunked(*chunks: bytes) -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"


@pytest.mark.usefixtures("nothing_stored")
def test_a_body_without_a_length_is_refused_as_soon_as_it_is_too_large(daemon: Daemon) -> None:
    head = wire.request(b"", target="AWSGlue.StartJobRun", content_length=None, transfer_encoding="chunked")
    data = head + chunked(*[b"x" * 100_000] * 11)
    assert refused(daemon, data) == (413, "RequestEntityTooLargeException")


def test_a_body_in_chunks_is_read(daemon: Daemon) -> None:
    head = wire.request(b"", target="AWSGlue.GetJob", content_length=None, transfer_encoding="chunked")
    answer = wire.exchange(daemon.port, head + chunked(b'{"JobN', b'ame": "target"}'))
    assert (answer.status, answer.members["Job"]["Name"]) == (200, "target")


def test_a_body_of_exactly_one_mebibyte_is_read(daemon: Daemon) -> None:
    body = b'{"JobName": "target"}'.ljust(MIB)
    assert wire.exchange(daemon.port, wire.request(body, target="AWSGlue.GetJob")).status == 200


@pytest.mark.usefixtures("nothing_stored")
@pytest.mark.parametrize("count", [1, 20])
def test_headers_above_sixteen_kibibytes_are_refused(daemon: Daemon, count: int) -> None:
    more: dict[str, Any] = {f"x_{number}": "x" * (20_000 // count) for number in range(count)}
    refusals = {(431, "RequestHeaderFieldsTooLargeException"), (400, SERIALIZATION)}  # whole at once, or in pieces
    assert refused(daemon, wire.request(**more)) in refusals


@pytest.mark.usefixtures("nothing_stored")
def test_headers_that_never_end_are_refused(daemon: Daemon) -> None:
    endless = b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Endless: " + b"x" * 100_000
    assert refused(daemon, endless) == (400, SERIALIZATION)


HEADS: Final = {
    "a long line": b"POST /?" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    "many short headers": b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\n" + b"a:\r\n" * 4_000 + b"\r\n",
    "trailers": (
        b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-amz-json-1.1\r\n"
        b"X-Amz-Target: AWSGlue.ListJobs\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n"
        b"X-T: " + b"t" * 20_000 + b"\r\n\r\n"
    ),
}


@pytest.mark.usefixtures("nothing_stored")
@pytest.mark.parametrize("what", HEADS)
def test_sixteen_kibibytes_are_the_whole_head_and_all_trailers(daemon: Daemon, what: str) -> None:
    refusals = {(431, "RequestHeaderFieldsTooLargeException"), (400, SERIALIZATION)}  # whole at once, or in pieces
    assert refused(daemon, HEADS[what]) in refusals


# Headers.


@pytest.mark.usefixtures("nothing_stored")
@pytest.mark.parametrize("name", [b"X-Amz-Target", b"content-type", b"Authorization", b"amz-sdk-invocation-id"])
def test_a_header_by_which_a_call_is_understood_comes_once(daemon: Daemon, name: bytes) -> None:
    double = b"\r\n" + name + b": a\r\n" + name + b": b\r\n"
    assert refused(daemon, wire.request(start_body('"Timeout": 5')).replace(b"\r\n", double, 1)) == (400, SERIALIZATION)


@pytest.mark.usefixtures("nothing_stored")
@pytest.mark.parametrize(
    "host", ["example.com", "127.0.0.1.example.com", "10.0.0.1", "localhost.evil:80", "", "127.0.0.2", "[::1"]
)
def test_a_host_that_is_not_this_one_is_refused(daemon: Daemon, host: str) -> None:
    assert refused(daemon, wire.request(host=host)) == (403, "AccessDeniedException")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:4583", "localhost", "LOCALHOST:1", "[::1]", "[::1]:80"])
def test_every_name_of_this_machines_loopback_is_served(daemon: Daemon, host: str) -> None:
    assert wire.exchange(daemon.port, wire.request(host=host)).status == 200


@pytest.mark.usefixtures("nothing_stored")
@pytest.mark.parametrize("origin", ["http://example.com", "null", "http://127.0.0.1:4583"])
def test_any_origin_is_refused(daemon: Daemon, origin: str) -> None:
    assert refused(daemon, wire.request(origin=origin)) == (403, "AccessDeniedException")


@pytest.mark.usefixtures("nothing_stored")
@pytest.mark.parametrize("origin", ["http://example.com"])
def test_no_pre_flight_is_answered_with_a_permission(daemon: Daemon, origin: str) -> None:
    answer = wire.exchange(daemon.port, wire.request(b"", method="OPTIONS", origin=origin))
    assert refusal(answer)[0] == 403
    assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.usefixtures("nothing_stored")
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "ODD"])
def test_another_method_is_no_call(daemon: Daemon, method: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=10)
    path = "/calls" if method in {"GET", "HEAD"} else "/"  # where the console is
    with contextlib.closing(connection):
        connection.request(method, path)
        response = connection.getresponse()
        body = response.read()
    assert response.status == 404
    if method != "HEAD":
        assert json.loads(body) == {
            "__type": "UnknownOperationException",
            "Message": f"{method} {path} is not an API call; the API is POST /.",
        }


@pytest.mark.usefixtures("nothing_stored")
@pytest.mark.parametrize("path", ["/other", "/../etc/passwd", "//", "/%00", "/runs", "/healthz"])
def test_another_path_is_no_call(daemon: Daemon, path: str) -> None:
    assert refused(daemon, wire.request(path=path)) == (404, "UnknownOperationException")


@pytest.mark.usefixtures("nothing_stored")
@pytest.mark.parametrize(
    "kind",
    [None, "", "application/json", "text/plain", "application/x-www-form-urlencoded", "application/x-amz-json-1.0"],
)
def test_another_content_type_is_refused(daemon: Daemon, kind: str | None) -> None:
    assert refused(daemon, wire.request(content_type=kind)) == (415, "UnsupportedMediaTypeException")


def test_a_character_set_behind_the_content_type_is_fine(daemon: Daemon) -> None:
    assert wire.exchange(daemon.port, wire.request(content_type=f"{wire.JSON_1_1}; charset=utf-8")).status == 200


@pytest.mark.usefixtures("nothing_stored")
@pytest.mark.parametrize(
    ("target", "sentence"),
    [
        (None, "The header X-Amz-Target is missing; it names the operation, as in AWSGlue.StartJobRun."),
        ("AWSGlue.CreateCrawler", "Unknown operation: CreateCrawler"),
        ("AWSGlue.startjobrun", "Unknown operation: startjobrun"),
        ("AWSGlue.", "Unknown operation: "),
        ("DynamoDB_20120810.ListTables", "Unknown operation: DynamoDB_20120810.ListTables"),
        ("ListJobs", "Unknown operation: ListJobs"),
    ],
)
def test_an_operation_that_is_none_of_ours_is_refused_by_name(
    daemon: Daemon, target: str | None, sentence: str
) -> None:
    answer = wire.exchange(daemon.port, wire.request(target=target))
    assert refusal(answer) == (400, "UnknownOperationException", sentence)


# Broken HTTP.


@pytest.mark.usefixtures("nothing_stored")
@pytest.mark.parametrize(
    "data",
    [
        b"GARBAGE\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),
        b"POST / HTTP/1.1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: abc\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nBad Header\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: odd\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}X\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: 127.0.0.1\r\n\r\n",
        b"POST / HTTP/2.0\r\nHost: 127.0.0.1\r\n\r\n",
        b"GET /\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"CONNECT 127.0.0.1:80 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    ],
    ids=[
        *("words", "TLS", "no host", "length in words", "length below zero", "two lengths", "no colon", "odd encoding"),
        *("two encodings", "length and encoding", "encoding and length", "a chunk of another size", "two hosts"),
        *("HTTP/2.0", "HTTP/0.9", "an HTTP/2 preface", "a tunnel"),
    ],
)
def test_what_is_no_http_is_refused_in_glues_shape_too(daemon: Daemon, data: bytes) -> None:
    status, name = refused(daemon, data)
    assert 400 <= status < 500 or status == 501
    assert name == SERIALIZATION


@pytest.mark.usefixtures("nothing_stored")
def test_half_a_request_and_a_closed_connection_are_nothing(daemon: Daemon) -> None:
    whole = wire.request(b'{"JobName": "target"}', target="AWSGlue.StartJobRun")
    for size in (1, 20, len(whole) - 10, len(whole) - 1):
        with wire.connect(daemon.port) as connection:
            connection.sendall(whole[:size])
    assert daemon.get("/healthz")[0] == 200


@pytest.mark.usefixtures("nothing_stored")
def test_a_client_that_stops_in_the_middle_holds_up_nobody(daemon: Daemon) -> None:
    whole = wire.request(b'{"JobName": "target"}', target="AWSGlue.StartJobRun")
    with contextlib.ExitStack() as stack:
        for _ in range(50):
            stack.enter_context(wire.connect(daemon.port)).sendall(whole[:-1])
        assert wire.exchange(daemon.port, wire.request()).status == 200


def test_a_client_that_sends_byte_by_byte_is_answered(daemon: Daemon) -> None:
    with wire.connect(daemon.port) as connection:
        for byte in wire.request(b'{"JobName": "target"}', target="AWSGlue.GetJob"):
            connection.sendall(bytes([byte]))
        assert wire.read_answer(connection).status == 200


def test_a_client_that_drops_in_the_middle_of_its_call_has_started_one_run_or_none(daemon: Daemon, job: str) -> None:
    before = len(listed(daemon, job))
    ids = [str(uuid.uuid4()) for _ in range(20)]
    for invocation in ids:
        with wire.connect(daemon.port) as connection:
            body = b'{"JobName": "target"}'
            connection.sendall(wire.request(body, target="AWSGlue.StartJobRun", amz_sdk_invocation_id=invocation))
    again = [runs.start(daemon, job, {"amz-sdk-invocation-id": invocation}) for invocation in ids]
    assert len(listed(daemon, job)) == before + 20
    assert {daemon.ended(job, run_id)["JobRunState"] for run_id in again} == {"SUCCEEDED"}


def listed(daemon: Daemon, job: str) -> list[Any]:
    found: list[Any] = daemon.call("GetJobRuns", {"JobName": job})["JobRuns"]
    return found


def test_a_client_that_resets_its_connection_does_no_harm(daemon: Daemon) -> None:
    for _ in range(20):
        connection = wire.connect(daemon.port)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        connection.sendall(wire.request())
        connection.close()
    assert daemon.get("/healthz")[0] == 200
    assert "Traceback" not in daemon.log()


# Connections.


def test_a_connection_serves_one_call_after_another(daemon: Daemon) -> None:
    with wire.connect(daemon.port) as connection:
        for _ in range(10):
            connection.sendall(wire.request())
            answer = wire.read_answer(connection)
            assert (answer.status, answer.headers.get("connection", "keep-alive")) == (200, "keep-alive")


def test_calls_that_are_sent_all_at_once_are_answered_in_order(daemon: Daemon) -> None:
    actions = ["AWSGlue.ListJobs", "AWSGlue.GetJobs", "AWSGlue.Odd", "AWSGlue.ListJobs"]
    with wire.connect(daemon.port) as connection:
        connection.sendall(b"".join(wire.request(target=action) for action in actions))
        with contextlib.closing(connection.makefile("rb")) as file:
            bodies = [read_from(file) for _ in actions]
    assert [min(body) for body in bodies] == ["JobNames", "Jobs", "Message", "JobNames"]


def read_from(file: Any) -> dict[str, Any]:
    length = 0
    while line := file.readline().strip():
        if line.lower().startswith(b"content-length:"):
            length = int(line.partition(b":")[2])
    members: dict[str, Any] = json.loads(file.read(length))
    return members


START: Final = wire.request(b'{"JobName": "target"}', target="AWSGlue.StartJobRun")
CHUNKED: Final = wire.request(b"", target="AWSGlue.StartJobRun", content_length=None, transfer_encoding="chunked")


@pytest.mark.parametrize("broken", [b"GARBAGE\r\n\r\n", CHUNKED + b"2\r\n{}X"], ids=["no head", "half a body"])
def test_what_is_broken_behind_calls_is_refused_behind_their_answers(daemon: Daemon, job: str, broken: bytes) -> None:
    before = len(listed(daemon, job))
    with wire.connect(daemon.port) as connection:
        connection.sendall(START * 3 + broken)
        with contextlib.closing(connection.makefile("rb")) as file:
            bodies = [read_from(file) for _ in range(4)]
            assert file.read() == b""
    assert [min(body) for body in bodies] == ["JobRunId", "JobRunId", "JobRunId", "Message"]
    assert len(listed(daemon, job)) == before + 3


@pytest.mark.usefixtures("nothing_stored")
def test_a_body_that_breaks_off_its_framing_begins_no_call(daemon: Daemon) -> None:
    with wire.connect(daemon.port) as connection:
        connection.sendall(CHUNKED + b'a\r\n{"JobName"\r\n')
        connection.sendall(b"no chunk\r\n")
        assert refusal(wire.read_answer(connection))[:2] == (400, SERIALIZATION)


def test_an_upgrade_is_passed_over_and_its_call_answered(daemon: Daemon) -> None:
    asking: dict[str, Any] = {"connection": "Upgrade, HTTP2-Settings", "upgrade": "h2c", "target": "AWSGlue.GetJob"}
    body = b'{"JobName": "target"}'
    chunks = wire.request(b"", content_length=None, transfer_encoding="chunked", **asking) + chunked(body[:5], body[5:])
    for data in (wire.request(body, **asking), chunks):
        for cut in (len(data), len(data) - 9):  # the body whole in the first packet, and not
            with wire.connect(daemon.port) as connection:
                connection.sendall(data[:cut])
                connection.sendall(data[cut:])
                answer = wire.read_answer(connection)
            assert (answer.status, answer.members["Job"]["Name"]) == (200, "target")
            assert answer.headers["connection"] == "close"


def test_what_follows_an_upgrade_is_no_part_of_its_body(daemon: Daemon) -> None:
    asking: dict[str, Any] = {"connection": "Upgrade", "upgrade": "h2c", "target": "AWSGlue.GetJob"}
    following = wire.request(b"}", target="AWSGlue.GetJob")
    with wire.connect(daemon.port) as connection:
        connection.sendall(wire.request(b'{"JobName": "target"}', **asking) + following)
        answer = wire.read_answer(connection)
    assert (answer.status, answer.members["Job"]["Name"]) == (200, "target")


def test_who_reads_no_answers_is_not_read_from_for_ever(daemon: Daemon) -> None:
    """Else one connection could fill the daemon's memory with requests that wait for their turn."""
    requests = wire.request(b'{"JobName": "target"}', target="AWSGlue.GetJob") * 200
    sent = 0
    with wire.connect(daemon.port) as connection:
        connection.setblocking(False)
        while select.select([], [connection], [], 2)[1]:
            sent += connection.send(requests)
            assert sent < 24 * MIB
    assert daemon.get("/healthz")[0] == 200


def test_trailers_say_nothing(daemon: Daemon) -> None:
    head = wire.request(b"", target="AWSGlue.ListJobs", content_length=None, transfer_encoding="chunked")
    data = head + b"2\r\n{}\r\n0\r\nOrigin: http://example.com\r\nX-Amz-Target: AWSGlue.Odd\r\n\r\n"
    assert wire.exchange(daemon.port, data).status == 200


@pytest.mark.usefixtures("nothing_stored")
@pytest.mark.parametrize("endless", [b"2;" + b"x" * MIB, b"0\r\nX: " + b"x" * MIB], ids=["chunk", "trailer"])
def test_what_never_ends_around_a_body_is_refused(daemon: Daemon, endless: bytes) -> None:
    assert refused(daemon, CHUNKED + endless) == (400, SERIALIZATION)


@pytest.mark.usefixtures("nothing_stored")
def test_headers_that_never_end_are_refused_on_a_used_connection_too(daemon: Daemon) -> None:
    with wire.connect(daemon.port) as connection:
        connection.sendall(wire.request())
        assert wire.read_answer(connection).status == 200
        with contextlib.suppress(ConnectionError):
            connection.sendall(b"POST / HTTP/1.1\r\nX: ")
            for _ in range(20):
                connection.sendall(b"x" * 1000)
        assert refusal(wire.read_answer(connection))[:2] == (400, SERIALIZATION)


def test_who_asks_before_it_sends_a_body_is_told_to_go_on(daemon: Daemon) -> None:
    data = wire.request(b"{}", expect="100-continue")
    with wire.connect(daemon.port) as connection, contextlib.closing(connection.makefile("rb")) as file:
        connection.sendall(data[:-2])
        assert (file.readline(), file.readline()) == (b"HTTP/1.1 100 Continue\r\n", b"\r\n")
        connection.sendall(data[-2:])
        assert "JobNames" in read_from(file)


def test_a_call_in_the_old_way_is_answered_and_its_connection_closed(daemon: Daemon) -> None:
    with wire.connect(daemon.port) as connection, contextlib.closing(connection.makefile("rb")) as file:
        connection.sendall(wire.request().replace(b"HTTP/1.1", b"HTTP/1.0"))
        assert "JobNames" in read_from(file)
        assert file.read() == b""


def test_a_refused_call_leaves_its_connection_usable(daemon: Daemon) -> None:
    with wire.connect(daemon.port) as connection:
        connection.sendall(wire.request(b"{"))
        assert wire.read_answer(connection).status == 400
        connection.sendall(wire.request())
        assert wire.read_answer(connection).status == 200


def test_many_clients_at_once_are_all_answered(daemon: Daemon) -> None:
    statuses: list[int] = []

    def call() -> None:
        statuses.append(wire.exchange(daemon.port, wire.request()).status)

    threads = [threading.Thread(target=call) for _ in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 100


def test_every_answer_has_the_headers_that_aws_sends(daemon: Daemon) -> None:
    for body in (b"{}", b"{"):
        headers = wire.exchange(daemon.port, wire.request(body)).headers
        assert headers["content-type"] == wire.JSON_1_1
        assert str(uuid.UUID(headers["x-amzn-requestid"])) == headers["x-amzn-requestid"]
        assert headers["date"].endswith(" GMT")
        assert "server" not in headers


def test_the_health_is_told_to_who_asks(daemon: Daemon) -> None:
    status, body, _ = daemon.get("/healthz")
    assert (status, json.loads(body)["status"]) == (200, "ok")


# Who may call.

CALL: Final = """
import http.client, json, sys
connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=10)
headers = {"X-Amz-Target": "AWSGlue.StartJobRun", "Content-Type": "application/x-amz-json-1.1"}
connection.request("POST", "/", '{"JobName": "target"}', headers)
response = connection.getresponse()
print(json.dumps([response.status, json.loads(response.read())]))
"""


@pytest.fixture
def _other_user() -> None:
    other_user.require()


@pytest.mark.usefixtures("_other_user", "nothing_stored")
def test_another_user_is_refused_with_an_error_that_no_sdk_sends_again(daemon: Daemon) -> None:
    status, answer = json.loads(other_user.run(CALL, str(daemon.port)).stdout)
    assert (status, answer) == (
        403,
        {
            "__type": "AccessDeniedException",
            "Message": "Only the user that runs this orchestrator, and root, may call it.",
        },
    )


SAY_NOTHING: Final = """
import socket, sys
with socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=6) as connection:
    print(connection.recv(1))
"""


@pytest.mark.usefixtures("_other_user", "nothing_stored")
def test_another_users_silent_connection_holds_no_place(daemon: Daemon) -> None:
    assert other_user.run(SAY_NOTHING, str(daemon.port)).stdout == "b''\n"


SEND_AND_CLOSE: Final = """
import socket, sys
body = b'{"JobName": "target"}'
head = (b"POST / HTTP/1.1\\r\\nHost: 127.0.0.1\\r\\nX-Amz-Target: AWSGlue.StartJobRun\\r\\n"
        b"Content-Type: application/x-amz-json-1.1\\r\\nContent-Length: %d\\r\\n\\r\\n" % len(body))
for _ in range(200):
    connection = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
    connection.sendall(head + body)
    connection.close()
"""


@pytest.mark.usefixtures("_other_user", "nothing_stored")
def test_another_user_who_sends_and_closes_is_not_taken_for_root(daemon: Daemon) -> None:
    other_user.run(SEND_AND_CLOSE, str(daemon.port))
    until(lambda: not open_connections(daemon), what="the end of all connections")


def open_connections(daemon: Daemon) -> list[str]:
    """Return the lines of the kernel's table that are established connections to the daemon."""
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    port = f":{daemon.port:04X}"
    return [line for line in lines if line.split()[1].endswith(port) and line.split()[3] in {"01", "08"}]
