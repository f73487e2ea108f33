"""From errors to the answers of CloudWatch Logs, which spells `message` in lower case."""

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from orchestrator.model.errors import InvalidInputError, RequestError
from orchestrator.model.log_errors import LogNotFoundError, LogParameterError
from orchestrator.wire import errors
from orchestrator.wire.errors import WireError
from orchestrator.wire.text import without_surrogates

NAMES: Final[Mapping[type[RequestError], str]] = MappingProxyType(
    {
        InvalidInputError: "InvalidParameterException",
        LogParameterError: "InvalidParameterException",
        LogNotFoundError: "ResourceNotFoundException",
    }
)
"""What the log API names otherwise than Glue; the protocol's own errors have the same names in both."""
_RENAMED: Final[Mapping[str, str]] = MappingProxyType({"InternalServiceException": "ServiceUnavailableException"})


def to_wire(error: BaseException) -> WireError:
    """Return the answer to a call of the log API that ended in `error`."""
    name = next((NAMES[ancestor] for ancestor in type(error).__mro__ if ancestor in NAMES), None)
    if name is not None:
        return _answer(400, name, str(error))
    glue = errors.to_wire(error)
    return _answer(glue.status, _RENAMED.get(glue.name, glue.name), json.loads(glue.body)["Message"])


def _answer(status: int, name: str, sentence: str) -> WireError:
    body = json.dumps({"__type": name, "message": sentence}, ensure_ascii=False)
    return WireError(status=status, name=name, body=without_surrogates(body).encode())
