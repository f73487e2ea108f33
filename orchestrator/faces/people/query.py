"""What the plain routes are asked, read and refused."""

import re
from collections.abc import Mapping
from typing import Final, TypeVar, cast, get_args

from starlette.requests import Request

from orchestrator.executors.interface import Stream
from orchestrator.model.errors import EntityNotFoundError, InvalidInputError
from orchestrator.model.ids import JobRunId, parse_job_run_id
from orchestrator.model.run_filter import RunOrder
from orchestrator.model.states import JobRunState

MAX_WAIT_S: Final = 60.0
MAX_MS: Final = 2**53  # what a browser can count to
_MAX_SHOWN: Final = 40
_SPELLINGS: Final[dict[type, re.Pattern[str]]] = {
    int: re.compile(r"[0-9]{1,20}"),
    float: re.compile(r"[0-9]{1,10}(\.[0-9]{1,20})?(e-[0-9]{1,3})?"),
}
_Number = TypeVar("_Number", int, float)


def run_id_of(request: Request) -> JobRunId:
    """Return the run that the path names.

    Raises:
        EntityNotFoundError: no run can have that id.
    """
    text = request.path_params["run_id"]
    run_id = parse_job_run_id(text)
    if run_id is None:
        raise EntityNotFoundError.run(text, "any job")
    return run_id


def stream_of(request: Request) -> Stream:
    """Return the stream that the path names.

    Raises:
        InvalidInputError: a run has no such stream.
    """
    stream = request.path_params["stream"]
    if stream not in get_args(Stream):
        sentence = f"'{stream[:_MAX_SHOWN]}' is no stream of a run; it is stdout or stderr."
        raise InvalidInputError(sentence)
    return cast("Stream", stream)


def number(query: Mapping[str, str], name: str, default: _Number, most: _Number, *, least: int = 0) -> _Number:
    """Return a number of the query, else `default`.

    Raises:
        InvalidInputError: it is none, or not between `least` and `most`.
    """
    text = query.get(name)
    if text is None:
        return default
    spelling = _SPELLINGS[type(most)]
    found = type(most)(text) if spelling.fullmatch(text) else most + 1
    if not least <= found <= most:
        sentence = f"{name} is '{text[:_MAX_SHOWN]}'; it must be a number between {least} and {most}."
        raise InvalidInputError(sentence)
    return found


def moment(query: Mapping[str, str], name: str) -> int | None:
    """Return a time of the query in ms since 1970, if it is there."""
    return number(query, name, 0, MAX_MS) if query.get(name) else None


def is_set(query: Mapping[str, str], name: str) -> bool:
    """Say whether a switch of the query is on: there, and neither empty nor 0."""
    return query.get(name, "") not in {"", "0"}


def states(query: Mapping[str, str]) -> frozenset[JobRunState]:
    """Return the states that the query names, whatever their case; empty where it names none.

    Raises:
        InvalidInputError: one of them is no state.
    """
    named = [name.strip().upper() for name in query.get("state", "").split(",") if name.strip()]
    unknown = next((name for name in named if name not in set(JobRunState)), None)
    if unknown is not None:
        sentence = f"state is '{unknown[:_MAX_SHOWN]}'; it must be one or more of {', '.join(JobRunState)}."
        raise InvalidInputError(sentence)
    return frozenset(JobRunState(name) for name in named)


def order(query: Mapping[str, str]) -> RunOrder:
    """Return the order that the query names.

    Raises:
        InvalidInputError: there is no such order.
    """
    text = query.get("order", "newest")
    if text not in get_args(RunOrder):
        sentence = f"order is '{text[:_MAX_SHOWN]}'; it must be one of {', '.join(get_args(RunOrder))}."
        raise InvalidInputError(sentence)
    return cast("RunOrder", text)
