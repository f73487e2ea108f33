"""The AWS query protocol, as far as two canned actions need it: forms in, XML out.

Source: https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html and
https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetRole.html
"""

import hashlib
import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl, quote
from xml.sax.saxutils import escape

from orchestrator.model.errors import RequestError
from orchestrator.wire.logs_arns import ACCOUNT
from orchestrator.wire.text import shown, without_surrogates

FORM: Final = "application/x-www-form-urlencoded"
CONTENT_TYPE: Final = "text/xml"
_MAX_FIELDS: Final = 100
_STS: Final = "https://sts.amazonaws.com/doc/2011-06-15/"
_IAM: Final = "https://iam.amazonaws.com/doc/2010-05-08/"
_ROLE_NAME: Final = re.compile(r"[0-9A-Za-z_+=,.@-]{1,64}")
_NOT_XML: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_POLICY: Final = (
    '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"glue.amazonaws.com"},'
    '"Action":"sts:AssumeRole"}]}'
)


class InvalidActionError(RequestError):
    """The form asks for an action that is not one of the two."""

    def __init__(self, action: str) -> None:
        """Name the action."""
        super().__init__(f"The action {shown(action)} is not valid for this endpoint.")
        self.action = action


class QueryParameterError(RequestError):
    """A parameter of the form breaks a rule; the sentence names it."""


def fields_in(content_type: str | None, body: bytes) -> Mapping[str, str] | None:
    """Return the fields of a form that asks for an action; None where the body is anything else."""
    if (content_type or "").partition(";")[0].strip().lower() != FORM:
        return None
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=_MAX_FIELDS)
    except ValueError:
        return None
    fields = dict(pairs)
    return fields if "Action" in fields else None


def caller_identity(request_id: str) -> bytes:
    """Return the answer of GetCallerIdentity: the same caller always, whoever signs."""
    members = {"Arn": f"arn:aws:iam::{ACCOUNT}:user/local", "UserId": "AIDALOCALLOCALLOCALL1", "Account": ACCOUNT}
    return _response("GetCallerIdentity", _STS, _elements(members), request_id)


def role(fields: Mapping[str, str], request_id: str) -> bytes:
    """Return the answer of GetRole: every role that has a name exists.

    Raises:
        QueryParameterError: the name is missing, or no role can have it.
    """
    name = fields.get("RoleName")
    if name is None or not _ROLE_NAME.fullmatch(name):
        found = "null" if name is None else f"'{shown(name)}'"
        raise QueryParameterError(
            f"1 validation error detected: Value {found} at 'roleName' failed to satisfy constraint: "
            r"Member must satisfy regular expression pattern: [\w+=,.@-]+"
        )
    members = {
        "Path": "/",
        "RoleName": name,
        "RoleId": "AROA" + hashlib.sha256(name.encode()).hexdigest()[:17].upper(),
        "Arn": f"arn:aws:iam::{ACCOUNT}:role/{name}",
        "CreateDate": "2017-01-01T00:00:00Z",
        "AssumeRolePolicyDocument": quote(_POLICY, safe=""),
        "MaxSessionDuration": "3600",
    }
    return _response("GetRole", _IAM, f"<Role>{_elements(members)}</Role>", request_id)


def failure(error: RequestError, request_id: str) -> bytes:
    """Return the answer to a call that ended in `error`."""
    code = "InvalidAction" if isinstance(error, InvalidActionError) else "ValidationError"
    told = _elements({"Type": "Sender", "Code": code, "Message": str(error)})
    rest = _elements({"RequestId": request_id})
    return f'<ErrorResponse xmlns="{_IAM}"><Error>{told}</Error>{rest}</ErrorResponse>'.encode()


def _response(action: str, namespace: str, result: str, request_id: str) -> bytes:
    metadata = _elements({"RequestId": request_id})
    return (
        f'<{action}Response xmlns="{namespace}"><{action}Result>{result}</{action}Result>'
        f"<ResponseMetadata>{metadata}</ResponseMetadata></{action}Response>"
    ).encode()


def _elements(members: Mapping[str, str]) -> str:
    return "".join(f"<{name}>{_text(value)}</{name}>" for name, value in members.items())


def _text(value: str) -> str:
    return escape(_NOT_XML.sub("\ufffd", without_surrogates(value)))
