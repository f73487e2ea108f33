"""A webhook is posted to as Standard Webhooks asks for, and only an answer of 2xx in time counts."""

import base64
import json
import re
import socket
import subprocess
import threading
import time
import tomllib
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import anyio
import pytest
import standardwebhooks
from pydantic import TypeAdapter

from orchestrator.faces.notices.webhook import WebhookOutlet
from orchestrator.model.errors import NoticeError, OutletGoneError
from orchestrator.model.notices import Wanted
from orchestrator.model.records import Event, EventKind
from orchestrator.model.states import JobRunState
from orchestrator.operations.send_notices import Notice
from orchestrator.settings_notices import Outlets, signing_keys
from orchestrator.wire.events import event_shape
from tests.support.daemon import ROOT
from tests.support.receiver import Behaviour, Receiver, drip, hang, raw, status
from tests.support.records import NOW_MS, a_run
from tests.support.waiting import until_async

SECRET: Final = f"whsec_{base64.b64encode(bytes(range(32))).decode()}"
OTHER: Final = f"whsec_{base64.b64encode(bytes(range(24))).decode()}"
NOTICE: Final = Notice("an-id", b'{"detail":{"message":"\\u20ac"}}')
OK: Final = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


def blocks(language: str) -> list[str]:
    """Return the blocks of a language in the page on notices."""
    return re.findall(
        rf"^```{language}\n(.*?)^```$", (ROOT / "docs" / "notices.md").read_text(), re.MULTILINE | re.DOTALL
    )


async def send(url: str, secrets: str = "", *, timeout_s: float = 5, at_ms: int | None = None) -> None:
    outlet = WebhookOutlet("o", Wanted(), url, signing_keys(secrets), timeout_s=timeout_s)
    await outlet.send([NOTICE], at_ms=int(time.time() * 1000) if at_ms is None else at_ms)


async def refusal(*answers: Behaviour, timeout_s: float = 5) -> str:
    with Receiver(*answers) as receiver:
        with pytest.raises(NoticeError) as refused:
            await send(receiver.url, timeout_s=timeout_s)
        assert len(receiver.received) == 1
    return str(refused.value)


@pytest.mark.parametrize("secrets", [SECRET, f"{OTHER} {SECRET}", f"{SECRET}\n{OTHER}\n"])
async def test_the_library_of_standard_webhooks_verifies_what_is_sent(secrets: str) -> None:
    with Receiver() as receiver:
        await send(receiver.url, secrets)
    (request,) = receiver.received
    assert standardwebhooks.Webhook(SECRET).verify(request.body, request.headers) == request.event
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        standardwebhooks.Webhook(SECRET).verify(request.body + b" ", request.headers)


async def test_the_code_of_the_page_takes_what_is_genuine_and_nothing_else() -> None:
    page: dict[str, Any] = {}
    exec(blocks("python")[0], page)  # noqa: S102 - it is ours
    is_genuine = page["is_genuine"]
    with Receiver() as receiver:
        await send(receiver.url, f"{OTHER} {SECRET}")
        await send(receiver.url, SECRET, at_ms=int(time.time() * 1000) - 301_000)
        await send(receiver.url, SECRET, at_ms=int(time.time() * 1000) + 302_000)
    now, old, early = receiver.received
    assert is_genuine(now.headers, now.body, SECRET)
    assert is_genuine(now.headers, now.body, OTHER)
    assert not is_genuine(old.headers, old.body, SECRET)
    assert not is_genuine(early.headers, early.body, SECRET)
    assert not is_genuine(now.headers, now.body + b" ", SECRET)
    assert not is_genuine({}, now.body, SECRET)
    assert not is_genuine({**now.headers, "webhook-id": "another"}, now.body, SECRET)
    a_second_before = str(int(now.headers["webhook-timestamp"]) - 1)
    assert not is_genuine({**now.headers, "webhook-timestamp": a_second_before}, now.body, SECRET)


def test_the_settings_and_the_event_of_the_page_are_real() -> None:
    outlets = TypeAdapter(Outlets).validate_python(tomllib.loads(blocks("toml")[0])["notices"])
    assert set(outlets) == {"ops", "pager", "journal"}
    shown = json.loads(blocks("json")[0])
    run = a_run(1, state=JobRunState.FAILED)
    real = event_shape(Event(seq=1, kind=EventKind.STATE_CHANGE, state=run.state, at_ms=NOW_MS, run=run), "us-east-1")
    assert (shown.keys(), shown["detail"].keys()) == (real.keys(), real["detail"].keys())
    assert shown["account"] == real["account"]


async def test_what_is_sent_is_one_post_with_its_id_its_time_and_json() -> None:
    with Receiver() as receiver:
        await send(receiver.url, SECRET, at_ms=1_614_265_330_999)
    (request,) = receiver.received
    assert (request.path, request.body) == ("/hook?a=b", NOTICE.body)
    assert request.headers.pop("user-agent").startswith("orchestrator/")
    assert re.fullmatch(r"v1,[A-Za-z0-9+/]{43}=", request.headers.pop("webhook-signature"))
    assert request.headers == {
        "host": f"localhost:{receiver.port}",
        "content-type": "application/json",
        "content-length": str(len(NOTICE.body)),
        "connection": "close",
        "webhook-id": "an-id",
        "webhook-timestamp": "1614265330",
    }


async def test_without_a_secret_it_is_not_signed() -> None:
    with Receiver() as receiver:
        await send(receiver.url)
    assert "webhook-signature" not in receiver.received[0].headers


@pytest.mark.parametrize("code", [200, 201, 202, 204, 299])
async def test_any_answer_of_2xx_is_taken(code: int) -> None:
    with Receiver(status(code)) as receiver:
        await send(receiver.url)


@pytest.mark.parametrize("code", [300, 304, 400, 401, 404, 408, 422, 425, 429, 500, 503])
async def test_any_other_answer_is_not(code: int) -> None:
    assert await refusal(status(code)) == f"the webhook answered {code}"


async def test_a_webhook_that_is_gone_says_so() -> None:
    with Receiver(status(410)) as receiver, pytest.raises(OutletGoneError, match="410"):
        await send(receiver.url)


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(code: int) -> None:
    with Receiver() as elsewhere:
        assert str(code) in await refusal(status(code, Location=elsewhere.url))
        assert elsewhere.received == []


@pytest.mark.parametrize("answer", [hang, drip(), drip(b"", b"H"), drip(b"HTTP/1.1 100 Continue\r\n\r\n")])
async def test_the_time_holds_as_a_whole(answer: Behaviour) -> None:
    began_s = time.monotonic()
    said = await refusal(answer, timeout_s=0.5)
    assert "within 0.5 s" in said or "no HTTP" in said
    assert time.monotonic() - began_s < 5


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (raw(b""), "the webhook has closed the connection without an answer"),
        (raw(b"HTTP/1.1 200 OK\r\nx: "), "the webhook has closed the connection without an answer"),
        (raw(b"220 mail.example ESMTP\r\n"), "the webhook's answer is no HTTP"),
        (raw(b"HTTP/1.1 101 X\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"), "the webhook's answer is no HTTP"),
        (raw(b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 20_000), "the head of the webhook's answer is too long"),
    ],
)
async def test_what_is_no_answer_is_told(answer: Behaviour, sentence: str) -> None:
    assert await refusal(answer) == sentence


@pytest.mark.parametrize(
    "answer",
    [
        raw(b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n" + OK),
        raw(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 1_000_000),
        raw(b"HTTP/1.1 200 OK\r\ncontent-length: 5000000000\r\n\r\nx"),
        raw(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nno chunk"),
        drip(b"HTTP/1.1 200 OK\r\n\r\n"),
    ],
)
async def test_once_it_has_answered_its_body_does_not_matter(answer: Behaviour) -> None:
    began_s = time.monotonic()
    with Receiver(answer) as receiver:
        await send(receiver.url, timeout_s=20)
    assert time.monotonic() - began_s < 5


async def test_a_port_where_nobody_listens_is_told() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]
    with pytest.raises(NoticeError, match=r"the webhook cannot be reached: Connection refused$"):
        await send(f"http://127.0.0.1:{port}/")


@pytest.mark.parametrize(
    ("host", "reason"), [("host.invalid", r"\w+"), (f"{'a' * 64}.invalid", "its host cannot be a name")]
)
async def test_a_name_that_nobody_has_is_told(host: str, reason: str) -> None:
    with pytest.raises(NoticeError, match=f"the webhook cannot be reached: {reason}"):
        await send(f"http://{host}/")


async def test_a_look_up_that_hangs_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody can interrupt it; not even the end of the process waits for its thread."""
    over, threads = threading.Event(), []

    def look_up(*_: object, **__: object) -> list[object]:
        threads.append(threading.current_thread())
        over.wait(20)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    with pytest.raises(NoticeError, match=r"within 0\.2 s"):
        await send("http://somewhere.example/", timeout_s=0.2)
    over.set()
    assert [thread.daemon for thread in threads] == [True]
    threads[0].join()


async def test_an_address_that_does_not_answer_leaves_time_for_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    """`localhost` is ::1 first on many machines, where a receiver may listen at 127.0.0.1 alone."""
    with Receiver() as receiver:
        found = [(0, 0, 0, "", (address, receiver.port)) for address in ("::1", "127.0.0.2", "127.0.0.1")]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
        await send(receiver.url)
    assert len(receiver.received) == 1


async def test_proxies_of_the_environment_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9/")
    with Receiver() as receiver:
        await send(receiver.url)
    assert len(receiver.received) == 1


async def test_a_send_that_is_cancelled_ends_at_once() -> None:
    with Receiver(hang) as receiver:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(send, receiver.url)
            await until_async(lambda: bool(receiver.received), what="a request")
            began_s = time.monotonic()
            tasks.cancel_scope.cancel()
        assert time.monotonic() - began_s < 1


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return a certificate for localhost that nobody has signed but itself, and its key."""
    folder = tmp_path_factory.mktemp("certificate")
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    names = ("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost")
    made = ("-newkey", "rsa:2048", "-nodes", "-days", "2", "-out", str(certificate), "-keyout", str(key))
    subprocess.run(["openssl", "req", "-x509", *made, *names], check=True, capture_output=True)
    return certificate, key


async def test_a_certificate_that_nobody_vouches_for_is_refused(certificate: tuple[Path, Path]) -> None:
    with Receiver(certificate=certificate) as receiver:
        with pytest.raises(NoticeError, match="the webhook's certificate is refused: self"):
            await send(receiver.url)
        assert receiver.received == []


async def test_one_that_is_vouched_for_is_taken_for_its_own_name_only(
    certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    with Receiver(certificate=certificate) as receiver:
        await send(receiver.url, SECRET)
        assert len(receiver.received) == 1
        with pytest.raises(NoticeError, match=r"the webhook's certificate is refused: .*127\.0\.0\.1"):
            await send(receiver.url.replace("localhost", "127.0.0.1"))
        assert len(receiver.received) == 1


async def test_https_to_who_speaks_http_is_told() -> None:
    with Receiver() as receiver, pytest.raises(NoticeError, match="the webhook"):
        await send(receiver.url.replace("http:", "https:"))
