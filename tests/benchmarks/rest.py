"""Calls of the heavy peers' own HTTP interfaces."""

import contextlib
import http.client
import json
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from tests.benchmarks.household import BenchmarkError

_TIMEOUT_S: Final = 60
_LOOK_S: Final = 0.05


def call(port: int, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Any:
    """Call; return the answer's JSON.

    Raises:
        BenchmarkError: it was refused, with the status.
        OSError: nobody listens.
    """
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT_S)) as connection:
        data = None if body is None else json.dumps(body)
        connection.request(method, path, data, {"Content-Type": "application/json", **(headers or {})})
        response = connection.getresponse()
        said = response.read()
        if response.status >= 300:
            message = f"{method} {path} answered {response.status}: {said[:500].decode(errors='replace')}"
            raise BenchmarkError(message)
        return json.loads(said)


def patiently(ask: Callable[[], Any], what: str, within_s: float = 120) -> Any:
    """Return the first answer of `ask` that is something, from a server that may not be there yet.

    Raises:
        BenchmarkError: there is none in time.
    """
    until_s, problem = time.monotonic() + within_s, ""
    while time.monotonic() < until_s:
        try:
            answer = ask()
        except (BenchmarkError, OSError, http.client.HTTPException) as error:
            problem = str(error)
        else:
            if answer:
                return answer
        time.sleep(_LOOK_S)
    message = f"{what}: not within {within_s} s; {problem}"
    raise BenchmarkError(message)
