"""boto3 asks the daemon who it is and whether a role exists, and is answered; no other form gets in."""

import xml.etree.ElementTree as ET
from typing import Any

import pytest

from tests.support import wire
from tests.support.daemon import Daemon

FORM = "application/x-www-form-urlencoded"


def client(daemon: Daemon, service: str) -> Any:
    boto3 = pytest.importorskip("boto3")
    keys = {"aws_access_key_id": "x", "aws_secret_access_key": "x"}
    return boto3.client(service, endpoint_url=daemon.endpoint_url, region_name="us-east-1", **keys)


def posted(
    daemon: Daemon, body: bytes, *, target: str | None = None, host: str = "127.0.0.1", origin: str | None = None
) -> wire.Answer:
    sent = wire.request(body, target=target, content_type=FORM, host=host, origin=origin)
    return wire.exchange(daemon.port, sent)


def error_in(answer: wire.Answer) -> tuple[str | None, str | None]:
    assert answer.headers["content-type"] == "text/xml"
    error = ET.fromstring(answer.body)  # noqa: S314 - our own daemon's
    space = {"a": "https://iam.amazonaws.com/doc/2010-05-08/"}
    return error.findtext("a:Error/a:Code", None, space), error.findtext("a:Error/a:Message", None, space)


def test_the_caller_is_always_the_same(daemon: Daemon) -> None:
    answer = client(daemon, "sts").get_caller_identity()
    metadata = answer.pop("ResponseMetadata")
    assert answer == {
        "Account": "123456789012",
        "Arn": "arn:aws:iam::123456789012:user/local",
        "UserId": "AIDALOCALLOCALLOCALL1",
    }
    assert metadata["RequestId"]


def test_every_role_exists(daemon: Daemon) -> None:
    role = client(daemon, "iam").get_role(RoleName="Glue-Role_1")["Role"]
    assert role["Arn"] == "arn:aws:iam::123456789012:role/Glue-Role_1"
    assert {"Path", "RoleName", "RoleId", "CreateDate", "AssumeRolePolicyDocument"} <= set(role)
    assert role["AssumeRolePolicyDocument"]["Statement"][0]["Principal"] == {"Service": "glue.amazonaws.com"}


@pytest.mark.parametrize("name", ["a b", "", "x" * 65, "<b>&"])
def test_a_name_that_no_role_can_have_is_refused(daemon: Daemon, name: str) -> None:
    body = f"Action=GetRole&Version=2010-05-08&RoleName={name.replace('&', '%26')}".encode()
    answer = posted(daemon, body)
    code, sentence = error_in(answer)
    assert (answer.status, code) == (400, "ValidationError")
    assert f"Value '{name}' at 'roleName'" in (sentence or "")


def test_another_action_is_an_error_that_boto3_knows(daemon: Daemon) -> None:
    iam = client(daemon, "iam")
    with pytest.raises(iam.exceptions.ClientError) as caught:
        iam.list_users()
    assert caught.value.response["Error"]["Code"] == "InvalidAction"
    assert caught.value.response["Error"]["Message"] == "The action ListUsers is not valid for this endpoint."
    assert error_in(posted(daemon, b"Action=%00%ff&Version=1"))[0] == "InvalidAction"


@pytest.mark.parametrize(
    "body", [b"", b"a=b", b"RoleName=x", b"{}", b"\xff=Action", b"&".join([b"Action=GetRole"] * 101)]
)
def test_a_form_without_an_action_is_refused_as_before(daemon: Daemon, body: bytes) -> None:
    answer = posted(daemon, body, target="AWSGlue.ListJobs")
    assert (answer.status, answer.members["__type"]) == (415, "UnsupportedMediaTypeException")


def test_a_glue_call_does_not_get_in_as_a_form(daemon: Daemon) -> None:
    answer = posted(daemon, b"Action=StartJobRun&JobName=a", target="AWSGlue.StartJobRun")
    assert error_in(answer)[0] == "InvalidAction"


@pytest.mark.parametrize("header", [{"origin": "http://evil"}, {"host": "evil"}])
def test_the_gate_holds_for_forms(daemon: Daemon, header: dict[str, str]) -> None:
    assert posted(daemon, b"Action=GetCallerIdentity&Version=2011-06-15", **header).status == 403
