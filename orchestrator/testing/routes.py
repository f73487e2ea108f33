"""The daemon's plain routes, as far as tests need them (docs/http.md)."""

import http.client
import json
from typing import Any, Final
from urllib.parse import quote, urlsplit

from orchestrator.testing.daemon import DaemonError

_TIMEOUT_S: Final = 10.0
_LONGEST_WAIT_S: Final = 30.0


def failed_runs(endpoint_url: str, since_ms: int, most: int) -> list[dict[str, Any]]:
    """Return the newest `most` runs that were accepted at `since_ms` or later (epoch milliseconds) and failed, the newest first.

    Raises:
        DaemonError: the daemon does not answer.
    """
    body, _ = _get(endpoint_url, f"/runs?state=FAILED,TIMEOUT,ERROR&since_ms={since_ms}&limit={most}")
    runs: list[dict[str, Any]] = json.loads(body)["runs"]
    return runs


def await_change(endpoint_url: str, run_id: str, state: str, within_s: float) -> None:
    """Return when the run has another state than `state`, or after `within_s` seconds, or earlier.

    Raises:
        DaemonError: there is no such run, or the daemon does not answer.
    """
    wait_s = min(within_s, _LONGEST_WAIT_S)
    path = f"/runs/{quote(run_id, safe='')}?seen_state={quote(state)}&wait_s={wait_s:.3f}"
    _get(endpoint_url, path, timeout_s=wait_s + _TIMEOUT_S)


def log_of(endpoint_url: str, run_id: str, stream: str) -> bytes:
    """Return all that a run has written to `stream` so far.

    Raises:
        DaemonError: there is no such run, or the daemon does not answer.
    """
    parts: list[bytes] = []
    offset = 0
    while True:
        body, headers = _get(endpoint_url, f"/runs/{quote(run_id, safe='')}/log/{stream}?offset={offset}")
        if not body:
            return b"".join(parts)
        parts.append(body)
        offset = int(headers["x-log-next-offset"])


def _get(endpoint_url: str, path: str, timeout_s: float = _TIMEOUT_S) -> "tuple[bytes, http.client.HTTPMessage]":
    address = urlsplit(endpoint_url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=timeout_s)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        body = response.read()
    except (OSError, http.client.HTTPException) as error:
        raise DaemonError(f"the daemon at {endpoint_url} does not answer: {error}") from error
    finally:
        connection.close()
    if response.status != http.client.OK:
        raise DaemonError(f"GET {path}: {response.status} {body.decode('utf-8', 'replace')[:500]}")
    return body, response.headers
