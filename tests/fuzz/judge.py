"""What is wrong with an answer, if anything is."""

import json
from collections.abc import Iterator
from typing import Any, Final
from xml.etree import ElementTree as ET

from tests.fuzz.requests import Request
from tests.support.wire import Answer

_OK: Final = 200
_FAULT: Final = 500


def complaints(request: Request, answer: Answer) -> Iterator[str]:
    """Yield what the answer to a request should not be."""
    if answer.status >= _FAULT:
        yield f"it is a {answer.status}: {answer.body[:300]!r}"
        return
    if answer.status == _OK:
        if request.is_refused:
            yield f"it was accepted: {answer.body[:300]!r}"
        elif request.method == "POST" and "json" in answer.headers["content-type"]:
            yield from _not_an_object(answer.body)
        return
    error = _error(answer)
    if error is None:
        yield f"it is a {answer.status} of no known form: {answer.body[:300]!r}"
        return
    name, sentence = error
    if name not in request.errors:
        yield f"the model of {request.action} knows no {name}: {sentence}"
    if not sentence:
        yield f"{name} says nothing"
    if request.member is not None and not _names(sentence, request.member):
        yield f"it does not name {request.member}: {sentence}"
    if request.is_allowed and (name == "SerializationException" or "validation error" in sentence):
        yield f"the model allows what was refused: {name}: {sentence}"


def _error(answer: Answer) -> tuple[str, str] | None:
    """Return name and sentence."""
    if "xml" in answer.headers["content-type"]:
        root = ET.fromstring(answer.body)  # noqa: S314 - our own daemon's
        found = {element.tag.rpartition("}")[2]: element.text or "" for element in root.iter()}
        return found.get("Code", ""), found.get("Message", "")
    try:
        members: Any = json.loads(answer.body)
    except ValueError:
        return None
    if not isinstance(members, dict) or "__type" not in members:
        return None
    return str(members["__type"]), str(members.get("Message", members.get("message", "")))


def _not_an_object(body: bytes) -> Iterator[str]:
    try:
        members = json.loads(body)
    except ValueError as error:
        yield f"the answer is not JSON ({error}): {body[:300]!r}"
        return
    if not isinstance(members, dict):
        yield f"the answer is no object: {body[:300]!r}"


def _names(sentence: str, member: str) -> bool:
    """Say whether a sentence names a member, in the request's spelling or in that of AWS."""
    return member in sentence or member[:1].lower() + member[1:] in sentence
