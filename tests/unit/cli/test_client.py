"""A call is answered or explained, is done once however often it is sent, and waits no longer than it says."""

import json
import socket
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler

import pytest

from orchestrator.faces.cli.client import AbandonedError, Client
from orchestrator.faces.cli.errors import CommandError, RefusedError, UnreachableError
from orchestrator.faces.cli.exit_codes import ExitCode
from tests.unit.cli.stand_in import StandIn, a_run, refuse

Connect = Callable[..., Client]


def drop(handler: BaseHTTPRequestHandler) -> bool:
    """Close the connection in place of an answer."""
    handler.close_connection = True
    handler.connection.shutdown(socket.SHUT_RDWR)
    return True


def answer(status: int, body: bytes) -> "Answering":
    """Return what answers one request with `status` and `body`."""
    return Answering(status, body)


class Answering:
    """One answer, given in place of the stand-in's own."""

    def __init__(self, status: int, body: bytes) -> None:
        """Keep it."""
        self.status, self.body = status, body

    def __call__(self, handler: BaseHTTPRequestHandler) -> bool:
        """Give it."""
        handler.send_response(self.status)
        handler.send_header("Content-Length", str(len(self.body)))
        handler.end_headers()
        handler.wfile.write(self.body)
        return True


def test_an_action_goes_out_as_aws_json(daemon: StandIn, connect: Connect) -> None:
    daemon.actions["GetJob"] = lambda members: (200, {"Job": {"Name": members["JobName"]}})

    assert connect(daemon.url).act("GetJob", {"JobName": "ä"}) == {"Job": {"Name": "ä"}}

    ((_, headers, _),) = daemon.asked
    assert headers["content-type"] == "application/x-amz-json-1.1"
    assert headers["x-amz-target"] == "AWSGlue.GetJob"


def test_calls_share_a_connection(daemon: StandIn, connect: Connect) -> None:
    client = connect(daemon.url)

    for _ in range(3):
        client.runs()

    assert daemon.connections == 1


@pytest.mark.parametrize("trouble", [drop, Answering(500, b"{}"), Answering(503, b"busy")])
def test_a_call_that_fails_on_the_way_is_sent_again_as_the_same_call(
    daemon: StandIn, trouble: Answering, connect: Connect
) -> None:
    daemon.actions["StartJobRun"] = lambda _: (200, {"JobRunId": "jr_1"})
    daemon.before += [trouble, trouble]

    assert connect(daemon.url).act("StartJobRun", {"JobName": "x"}) == {"JobRunId": "jr_1"}

    invocations = [headers["amz-sdk-invocation-id"] for _, headers, _ in daemon.asked]
    assert len(invocations) == 3
    assert len(set(invocations)) == 1


def test_two_calls_are_two_calls(daemon: StandIn, connect: Connect) -> None:
    daemon.actions["StartJobRun"] = lambda _: (200, {"JobRunId": "jr_1"})
    client = connect(daemon.url)

    client.act("StartJobRun", {"JobName": "x"})
    client.act("StartJobRun", {"JobName": "x"})

    assert len({headers["amz-sdk-invocation-id"] for _, headers, _ in daemon.asked}) == 2


def test_an_error_of_the_daemon_that_lasts_is_told(daemon: StandIn, connect: Connect) -> None:
    daemon.actions["GetJob"] = refuse(500, "InternalServiceException", "it broke")

    with pytest.raises(RefusedError, match="InternalServiceException: it broke") as refused:
        connect(daemon.url, patience_s=0.3).act("GetJob", {})

    assert refused.value.exit_code == ExitCode.INTERNAL
    assert len(daemon.asked) > 1


@pytest.mark.parametrize(
    ("status", "name", "code"),
    [
        (400, "EntityNotFoundException", ExitCode.NOT_FOUND),
        (400, "com.amazonaws.glue#EntityNotFoundException", ExitCode.NOT_FOUND),
        (400, "InvalidInputException", ExitCode.REFUSED),
        (400, "ConcurrentRunsExceededException", ExitCode.TRY_LATER),
        (400, "ResourceNumberLimitExceededException", ExitCode.REFUSED),
        (400, "OperationTimeoutException", ExitCode.TRY_LATER),
        (403, "AccessDeniedException", ExitCode.NOT_PERMITTED),
        (403, "SomethingNew", ExitCode.NOT_PERMITTED),
        (404, "SomethingNew", ExitCode.NOT_FOUND),
        (400, "SomethingNew", ExitCode.REFUSED),
        (501, "SomethingNew", ExitCode.INTERNAL),
    ],
)
def test_a_refusal_has_the_exit_code_of_its_name(
    daemon: StandIn, status: int, name: str, code: ExitCode, connect: Connect
) -> None:
    daemon.actions["GetJob"] = refuse(status, name, "no")

    with pytest.raises(RefusedError) as refused:
        connect(daemon.url).act("GetJob", {})

    assert refused.value.exit_code == code
    assert refused.value.message == f"{name.rpartition('#')[2]}: no"
    assert len(daemon.asked) == 1


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"error": 1}', b"\xff"])
def test_another_programs_refusal_is_called_that(daemon: StandIn, body: bytes, connect: Connect) -> None:
    daemon.before.append(answer(404, body))

    with pytest.raises(CommandError, match="is not an orchestrator") as foreign:
        connect(daemon.url).runs()

    assert foreign.value.exit_code == ExitCode.FOREIGN_ANSWER


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"\xff"])
def test_another_programs_answer_is_called_that(daemon: StandIn, body: bytes, connect: Connect) -> None:
    daemon.before.append(answer(200, body))

    with pytest.raises(CommandError, match="is not an orchestrator"):
        connect(daemon.url).act("GetJob", {})


def test_a_log_without_an_offset_is_another_programs(daemon: StandIn, connect: Connect) -> None:
    daemon.before.append(answer(200, b"hello"))

    with pytest.raises(CommandError, match="is not an orchestrator"):
        connect(daemon.url).log("jr_1", "stdout", offset=0)


def test_nobody_there_is_told_with_the_address_and_its_origin(free_port: int, connect: Connect) -> None:
    url = f"http://127.0.0.1:{free_port}"

    with pytest.raises(UnreachableError, match=f"no daemon answers at {url} \\(from a test\\)") as unreachable:
        connect(url, patience_s=0.2).runs()

    assert unreachable.value.exit_code == ExitCode.UNREACHABLE


def test_whether_a_daemon_is_up_is_asked_once(daemon: StandIn, free_port: int, connect: Connect) -> None:
    assert connect(daemon.url).is_up()
    began = time.monotonic()
    assert not connect(f"http://127.0.0.1:{free_port}", patience_s=30).is_up()
    assert time.monotonic() - began < 5


def test_something_that_drops_connections_is_neither_up_nor_absent(daemon: StandIn, connect: Connect) -> None:
    daemon.before.append(drop)

    with pytest.raises(UnreachableError):
        connect(daemon.url).is_up()


@pytest.mark.parametrize("url", ["ftp://here", "here:4583", "http://", "http://here:many", ""])
def test_an_address_that_is_none_is_refused(url: str, connect: Connect) -> None:
    with pytest.raises(CommandError, match="is not an http address") as refused:
        connect(url)

    assert refused.value.exit_code == ExitCode.USAGE


def test_an_address_may_have_a_path(daemon: StandIn, connect: Connect) -> None:
    daemon.before.append(answer(200, json.dumps({"runs": []}).encode()))

    connect(daemon.url + "/behind/a/proxy/").runs()

    assert daemon.asked[0][0] == "/behind/a/proxy/runs?limit=50"


def test_a_run_is_waited_for_by_one_request(daemon: StandIn, connect: Connect) -> None:
    run = daemon.add(a_run(state="RUNNING"))
    threading.Timer(0.1, daemon.move, (run, "SUCCEEDED")).start()

    details = connect(daemon.url).run(run["id"], seen_state="RUNNING", wait_s=10)

    assert details["run"]["state"] == "SUCCEEDED"
    assert len(daemon.asked) == 1


def test_another_thread_can_end_a_wait(daemon: StandIn, connect: Connect) -> None:
    run = daemon.add(a_run(state="RUNNING"))
    client = connect(daemon.url)
    ended: list[type[BaseException]] = []

    def wait() -> None:
        try:
            client.run(run["id"], seen_state="RUNNING", wait_s=10)
        except AbandonedError as error:
            ended.append(type(error))

    thread = threading.Thread(target=wait)
    thread.start()
    with daemon.changed:
        pass
    while not daemon.asked:
        time.sleep(0.01)
    client.abandon()
    thread.join(timeout=5)

    assert ended == [AbandonedError]
    with pytest.raises(AbandonedError):
        client.runs()
