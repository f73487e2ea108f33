"""Who may not come in is answered with an error of Glue's shape, before anything behind the gate is asked."""

import json
from typing import Any, Final

import pytest
from starlette.types import Message, Receive, Scope, Send

from orchestrator.faces.doors import Doors, Limits
from orchestrator.faces.gate import Gate
from orchestrator.wire.errors import AccessDeniedError, BusyError

LIMIT_BYTES: Final = 2000


class Inside:
    """What is behind the gate: reads the body, and remembers that it was asked."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body", False):
                break
        self.bodies.append(body)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"in"})


class Answer:
    """What came back."""

    def __init__(self, messages: list[Message]) -> None:
        self.status = messages[0]["status"]
        self.headers = dict(messages[0]["headers"])
        self.body: bytes = messages[1]["body"]

    @property
    def error(self) -> tuple[int, str, str]:
        fields = json.loads(self.body)
        return self.status, fields["__type"], fields["Message"]


async def asked(
    gate: Gate,
    *,
    headers: dict[str, str] | None = None,
    chunks: tuple[bytes, ...] = (b"{}",),
    state: dict[str, Any] | None = None,
    path: str = "/",
    method: str = "POST",
) -> Answer:
    sent: list[Message] = []
    chunk = iter(range(len(chunks)))

    async def receive() -> Message:
        number = next(chunk)
        return {"type": "http.request", "body": chunks[number], "more_body": number + 1 < len(chunks)}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "state": {"refusal": None} if state is None else state,
        "headers": [(k.lower().encode(), v.encode()) for k, v in (headers or {"Host": "127.0.0.1:4583"}).items()],
    }
    await gate(scope, receive, send)
    return Answer(sent)


@pytest.fixture
def inside() -> Inside:
    return Inside()


def a_gate(inside: Inside, **changes: Any) -> Gate:
    limits = Limits(max_connections=1, header_timeout_s=1, body_timeout_s=1, idle_timeout_s=1)
    doors = Doors(limits, is_peer_checked=True)
    standard = {"doors": doors, "hosts": (), "max_body_bytes": LIMIT_BYTES, "keys": {}, "now_ms": lambda: 0}
    return Gate(inside, **{**standard, **changes})


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.0.0.1:4583", "localhost:4583", "LOCALHOST", "[::1]:4583", "[::1]", "glue.example:80"]
)
async def test_a_host_that_is_served_comes_in(inside: Inside, host: str) -> None:
    answer = await asked(a_gate(inside, hosts=("Glue.Example",)), headers={"Host": host})
    assert (answer.status, answer.body) == (200, b"in")
    assert inside.bodies == [b"{}"]


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost.", "", "::1", "127.0.0.1:port", "192.0.2.1"]
)
async def test_any_other_host_is_refused(inside: Inside, host: str) -> None:
    answer = await asked(a_gate(inside), headers={"Host": host})
    assert answer.error[:2] == (403, "AccessDeniedException")
    assert inside.bodies == []


async def test_no_host_at_all_is_refused(inside: Inside) -> None:
    answer = await asked(a_gate(inside), headers={"Accept": "*/*"})
    assert answer.error == (403, "AccessDeniedException", "The header Host is missing.")


@pytest.mark.parametrize("origin", ["http://127.0.0.1:4583", "null", "https://evil.example"])
async def test_a_web_page_is_refused_whatever_its_origin(inside: Inside, origin: str) -> None:
    answer = await asked(a_gate(inside), headers={"Host": "127.0.0.1", "Origin": origin})
    assert answer.error[:2] == (403, "AccessDeniedException")
    assert inside.bodies == []


@pytest.mark.parametrize("state", [{"refusal": AccessDeniedError.peer()}, {}], ids=["a stranger", "not looked at"])
async def test_a_peer_that_is_not_the_owner_is_answered_and_not_dropped(inside: Inside, state: dict[str, Any]) -> None:
    answer = await asked(a_gate(inside), state=state)
    message = "Only the user that runs this orchestrator, and root, may call it."
    assert answer.error == (403, "AccessDeniedException", message)
    assert inside.bodies == []


async def test_a_connection_for_which_there_is_no_room_is_told_so(inside: Inside) -> None:
    answer = await asked(a_gate(inside), state={"refusal": BusyError.connections(8)})
    message = "The orchestrator has 8 connections, which is all it takes; try again."
    assert answer.error == (503, "ServiceUnavailableException", message)
    assert inside.bodies == []


@pytest.mark.parametrize("length", [str(LIMIT_BYTES + 1), "9" * 50, "-1", "abc", "1e3", "", "\u0661"])
async def test_a_length_that_is_too_much_or_none_is_refused_before_the_body_is_read(
    inside: Inside, length: str
) -> None:
    answer = await asked(a_gate(inside), headers={"Host": "localhost", "Content-Length": length}, chunks=())
    assert answer.status == 413
    assert answer.headers[b"connection"] == b"close"
    assert inside.bodies == []


async def test_a_body_that_does_not_say_its_length_is_counted(inside: Inside) -> None:
    answer = await asked(a_gate(inside), chunks=(b"x" * LIMIT_BYTES, b"x"))
    assert answer.status == 413
    assert inside.bodies == []


async def test_a_body_exactly_at_the_limit_comes_in(inside: Inside) -> None:
    answer = await asked(
        a_gate(inside), headers={"Host": "localhost", "Content-Length": str(LIMIT_BYTES)}, chunks=(b"x" * 1999, b"x")
    )
    assert answer.status == 200
    assert [len(body) for body in inside.bodies] == [LIMIT_BYTES]


async def test_a_closing_daemon_asks_to_try_again(inside: Inside) -> None:
    gate = a_gate(inside)
    gate.is_closing = True
    answer = await asked(gate)
    assert answer.status == 503
    assert answer.headers[b"connection"] == b"close"
    assert inside.bodies == []


async def test_an_answer_says_what_it_is(inside: Inside) -> None:
    answer = await asked(a_gate(inside), state={})
    assert answer.headers[b"content-type"] == b"application/x-amz-json-1.1"
    assert answer.headers[b"content-length"] == str(len(answer.body)).encode()


async def test_anything_but_http_is_nothing(inside: Inside) -> None:
    async def never(*_: object) -> Any:
        pytest.fail("nobody is asked")

    await a_gate(inside)({"type": "websocket"}, never, never)


@pytest.mark.parametrize("origin", ["http://127.0.0.1:4583", "https://127.0.0.1:4583"])
async def test_our_own_page_may_make_its_calls(inside: Inside, origin: str) -> None:
    headers = {"Host": "127.0.0.1:4583", "Origin": origin}
    assert (await asked(a_gate(inside), headers=headers, path="/console/call")).status == 200


@pytest.mark.parametrize("path", ["/", "/runs", "/console/static/js/app.js"])
async def test_our_own_page_may_read(inside: Inside, path: str) -> None:
    headers = {"Host": "127.0.0.1:4583", "Origin": "http://127.0.0.1:4583"}
    assert (await asked(a_gate(inside), headers=headers, path=path, method="GET")).status == 200
    headers["Origin"] = "http://127.0.0.1:4584"
    assert (await asked(a_gate(inside), headers=headers, path=path, method="GET")).status == 403


@pytest.mark.parametrize(
    ("path", "origin"),
    [
        ("/", "http://127.0.0.1:4583"),
        ("/runs", "http://127.0.0.1:4583"),
        ("/console/call/", "http://127.0.0.1:4583"),
        ("/console/call", "http://127.0.0.1:4584"),
        ("/console/call", "http://localhost:4583"),
        ("/console/call", "null"),
        ("/console/call", "http://127.0.0.1:4583.evil.example"),
        ("/console/call", "ftp://127.0.0.1:4583"),
    ],
)
async def test_no_other_page_and_no_other_route_has_an_origin(inside: Inside, path: str, origin: str) -> None:
    answer = await asked(a_gate(inside), headers={"Host": "127.0.0.1:4583", "Origin": origin}, path=path)
    assert answer.error[:2] == (403, "AccessDeniedException")
    assert inside.bodies == []


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
@pytest.mark.parametrize("path", ["/events", "/runs", "/console/static/js/main.js", "/"])
async def test_what_a_browser_asks_for_another_page_is_refused_without_an_origin_too(
    inside: Inside, site: str, path: str
) -> None:
    headers = {"Host": "127.0.0.1:4583", "Sec-Fetch-Site": site, "Sec-Fetch-Mode": "no-cors"}
    assert (await asked(a_gate(inside), headers=headers, path=path, method="GET")).status == 403
    assert inside.bodies == []


async def test_who_follows_a_link_to_the_console_comes_in(inside: Inside) -> None:
    headers = {"Host": "127.0.0.1:4583", "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert (await asked(a_gate(inside), headers=headers, path="/", method="GET")).status == 200
    assert (await asked(a_gate(inside), headers=headers, path="/runs", method="GET")).status == 403
