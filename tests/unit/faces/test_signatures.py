"""A request is let in that one of our keys signed, lately and as it is; what botocore signs is the measure."""

import dataclasses
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import quote

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.faces import sigv4
from orchestrator.faces.signatures import check
from orchestrator.faces.sigv4 import AccessKey, Request, Scope
from orchestrator.model.errors import RequestError
from orchestrator.wire.errors import (
    IncompleteSignatureError,
    InvalidSignatureError,
    MissingSignatureError,
    UnrecognizedClientError,
)

KEY: Final = AccessKey(id="AKIDEXAMPLE", secret="wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
KEYS: Final = {KEY.id: KEY}
TARGET: Final = "AWSGlue.StartJobRun"


def test_the_signature_of_awss_own_example() -> None:
    """Source: get-vanilla of the suite that AWS publishes."""
    headers = [("host", "example.amazonaws.com"), ("x-amz-date", "20150830T123600Z")]
    request = Request(method="GET", path="/", query="", headers=headers, body=b"")
    scope = Scope(date="20150830", region="us-east-1", service="service")

    made = sigv4.signature(request, ["host", "x-amz-date"], secret=KEY.secret, scope=scope, at="20150830T123600Z")

    assert made == "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"


def signed(
    body: bytes = b'{"JobName": "a"}',
    *,
    method: str = "POST",
    url: str = "http://127.0.0.1:4583/",
    key: AccessKey = KEY,
    service: str = "glue",
    headers: dict[str, str] | None = None,
) -> Request:
    """Return a request as botocore signs it, now."""
    request = AWSRequest(method=method, url=url, data=body, headers=headers or {"X-Amz-Target": TARGET})
    SigV4Auth(Credentials(key.id, key.secret), service, "eu-central-1").add_auth(request)
    path, _, query = url.removeprefix("http://127.0.0.1:4583").partition("?")
    told = [(name.lower(), value) for name, value in request.headers.items()]
    return Request(method=method, path=path, query=query, headers=[*told, ("host", "127.0.0.1:4583")], body=body)


def now() -> datetime:
    return datetime.now(UTC)


def refused(request: Request, at: datetime | None = None) -> RequestError:
    with pytest.raises(RequestError) as refusal:
        check(request, KEYS, at or now())
    return refusal.value


WORDS: Final = st.text(st.characters(codec="ascii", categories=["L", "N", "P", "S"]), max_size=10)


@given(st.binary(max_size=100), st.lists(st.tuples(st.text(max_size=5), st.text(max_size=5)), max_size=4), WORDS)
def test_whatever_botocore_signs_is_let_in(body: bytes, pairs: list[tuple[str, str]], word: str) -> None:
    query = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in pairs)
    url = f"http://127.0.0.1:4583/runs/x{quote(word, safe='')}?{query}"
    check(signed(body, method="GET", url=url, headers={"X-Odd": f" {word}  {word} "}), KEYS, now())


@given(st.binary(max_size=100), WORDS)
def test_what_the_command_line_signs_is_what_botocore_signs(body: bytes, word: str) -> None:
    url = f"http://127.0.0.1:4583/runs/x{quote(word, safe='')}?b={quote(word, safe='')}&a=1"
    request = signed(body, url=url)
    told = dict(request.headers)
    mine = dataclasses.replace(request, headers=[one for one in request.headers if one[0] != "authorization"])

    ours = sigv4.authorization(mine, key=KEY, region="eu-central-1", service="glue", at=told["x-amz-date"])

    assert ours == told["authorization"]


@pytest.mark.parametrize("service", ["glue", "logs", "sts", "iam"])
def test_every_service_that_is_served_may_be_signed_for(service: str) -> None:
    check(signed(service=service), KEYS, now())


def with_header(request: Request, name: str, value: str | None) -> Request:
    kept = [one for one in request.headers if one[0] != name]
    return dataclasses.replace(request, headers=kept if value is None else [*kept, (name, value)])


def authorization(change: Callable[[str], str]) -> Callable[[Request], Request]:
    def changed(request: Request) -> Request:
        return with_header(request, "authorization", change(dict(request.headers)["authorization"]))

    return changed


def replaced(old: str, new: str) -> Callable[[Request], Request]:
    return authorization(lambda told: told.replace(old, new, 1))


TAMPERED: Final[dict[str, Callable[[Request], Request]]] = {
    "body": lambda request: dataclasses.replace(request, body=b'{"JobName": "b"}'),
    "no body": lambda request: dataclasses.replace(request, body=b""),
    "method": lambda request: dataclasses.replace(request, method="GET"),
    "path": lambda request: dataclasses.replace(request, path="/runs"),
    "query": lambda request: dataclasses.replace(request, query="a=1"),
    "target": lambda request: with_header(request, "x-amz-target", "AWSGlue.DeleteJob"),
    "a second target": lambda request: dataclasses.replace(
        request, headers=[("x-amz-target", "AWSGlue.DeleteJob"), *request.headers]
    ),
    "no target": lambda request: with_header(request, "x-amz-target", None),
    "host": lambda request: with_header(request, "host", "localhost:4583"),
    "region": replaced("eu-central-1", "us-east-1"),
    "service": replaced("/glue/", "/logs/"),
    "signature": authorization(lambda told: told[:-1] + ("0" if told[-1] != "0" else "1")),
    "a shorter signature": authorization(lambda told: told[:-1]),
    "a signature that is no text": authorization(lambda told: told[:-1] + "\xe9"),
    "order of the headers": replaced("host;x-amz-date", "x-amz-date;host"),
}


@pytest.mark.parametrize("change", TAMPERED.values(), ids=TAMPERED.keys())
def test_a_request_that_was_changed_after_it_was_signed_is_refused(change: Callable[[Request], Request]) -> None:
    error = refused(change(signed()))
    assert isinstance(error, InvalidSignatureError)
    assert "does not match the signature you provided" in str(error)


@pytest.mark.parametrize("name", ["host", "x-amz-date", "x-amz-target"])
def test_what_decides_must_be_signed(name: str) -> None:
    request = signed()
    headers = [one for one in request.headers if one[0] != "authorization"]
    at = dict(headers)["x-amz-date"]
    less = dataclasses.replace(request, headers=[one for one in headers if one[0] != name])
    told = sigv4.authorization(less, key=KEY, region="r", service="glue", at=at)

    error = refused(dataclasses.replace(request, headers=[*headers, ("authorization", told)]))

    assert isinstance(error, InvalidSignatureError)
    assert str(error) == f"'{name}' must be a 'SignedHeader' in the AWS Authorization."


@pytest.mark.parametrize("change", [replaced("/aws4_request", "/aws5_request"), replaced("/glue/", "/s3/")])
def test_a_signature_for_something_else_is_refused(change: Callable[[Request], Request]) -> None:
    assert "Credential should be scoped" in str(refused(change(signed())))


def test_a_signature_of_another_day_is_refused() -> None:
    request = signed()
    today = dict(request.headers)["x-amz-date"][:8]
    assert "Credential should be scoped" in str(refused(replaced(f"/{today}/", "/20150830/")(request)))


@pytest.mark.parametrize(
    ("later", "sentence"),
    [
        (timedelta(minutes=15, seconds=2), "Signature expired: "),
        (timedelta(days=365), "Signature expired: "),
        (-timedelta(minutes=15, seconds=2), "Signature not yet current: "),
    ],
)
def test_a_signature_of_another_time_is_refused(later: timedelta, sentence: str) -> None:
    error = refused(signed(), now() + later)
    assert isinstance(error, InvalidSignatureError)
    assert str(error).startswith(sentence)


@pytest.mark.parametrize("minutes", [-14, 14])
def test_clocks_may_differ_by_a_quarter_of_an_hour(minutes: int) -> None:
    check(signed(), KEYS, now() + timedelta(minutes=minutes))


def test_a_request_without_a_signature_is_refused() -> None:
    for request in (
        with_header(signed(), "authorization", None),
        dataclasses.replace(signed(), headers=[*signed().headers, *signed().headers]),
    ):
        assert isinstance(refused(request), MissingSignatureError)


INCOMPLETE: Final[dict[str, Callable[[Request], Request]]] = {
    "basic": lambda request: with_header(request, "authorization", "Basic dTpw"),
    "another algorithm": replaced("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256"),
    "nothing": authorization(lambda _: "AWS4-HMAC-SHA256 "),
    "no key": replaced("Credential=", "Nobody="),
    "half a scope": replaced("/eu-central-1", ""),
    "no headers": replaced("SignedHeaders=", "Headers="),
    "no signature": replaced("Signature=", "Sign="),
    "no date": lambda request: with_header(request, "x-amz-date", None),
    "an odd date": lambda request: with_header(request, "x-amz-date", dict(request.headers)["x-amz-date"][:-1]),
}


@pytest.mark.parametrize("change", INCOMPLETE.values(), ids=INCOMPLETE.keys())
def test_a_signature_that_lacks_something_is_refused(change: Callable[[Request], Request]) -> None:
    assert isinstance(refused(change(signed())), IncompleteSignatureError)


def test_a_key_that_is_none_of_ours_is_refused() -> None:
    stranger: Any = dataclasses.replace(KEY, id="AKIDSTRANGER")
    error = refused(signed(key=stranger))
    assert isinstance(error, UnrecognizedClientError)
    assert str(error) == "The security token included in the request is invalid."


def test_a_wrong_secret_is_refused() -> None:
    assert isinstance(refused(signed(key=dataclasses.replace(KEY, secret="x" * 40))), InvalidSignatureError)


def test_no_sentence_tells_of_a_key_or_a_signature() -> None:
    for change in [*TAMPERED.values(), *INCOMPLETE.values()]:
        request = change(signed())
        sentence = str(refused(request))
        given_away = [value for name, value in request.headers if name == "authorization"]
        assert not [part for told in given_away for part in told.split("=") if len(part) > 30 and part in sentence]
        assert KEY.id not in sentence
        assert KEY.secret not in sentence
    assert KEY.secret not in repr(KEY)
