"""What the plain routes are asked, read and refused."""

from collections.abc import Mapping
from typing import Final, TypeVar

from starlette.requests import Request

from orchestrator.model.errors import EntityNotFoundError, InvalidInputError
from orchestrator.model.ids import JobRunId, parse_job_run_id

MAX_WAIT_S: Final = 60.0
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


def number(query: Mapping[str, str], name: str, default: _Number, most: _Number) -> _Number:
    """Return a number of the query, else `default`.

    Raises:
        InvalidInputError: it is none, or not between 0 and `most`.
    """
    text = query.get(name)
    if text is None:
        return default
    try:
        found = type(most)(text)
    except ValueError:
        found = most + 1
    if not 0 <= found <= most:
        sentence = f"{name} is '{text[:40]}'; it must be a number between 0 and {most}."
        raise InvalidInputError(sentence)
    return found
