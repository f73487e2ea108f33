"""The console's page calls with a token that stands in that page only; nobody else's page can."""

import gzip
import http.client
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from orchestrator.faces.console.routes import ACTIONS
from tests.support import runs
from tests.support.daemon import Daemon, running_daemon


def token_of(daemon: Daemon) -> str:
    status, body, headers = daemon.get("/")
    assert (status, headers["content-type"]) == (200, "text/html; charset=utf-8")
    match = re.search(r'name="token"\s+content="([0-9a-f]{64})"', body.decode())
    assert match, body
    return match[1]


def call(
    daemon: Daemon, action: str, members: Mapping[str, Any], changes: Mapping[str, str | None] | None = None
) -> tuple[int, dict[str, Any]]:
    """Call as the page does, but for `changes` of its headers."""
    origin = f"http://127.0.0.1:{daemon.port}"
    headers = {
        "Content-Type": "application/x-amz-json-1.1",
        "X-Amz-Target": f"AWSGlue.{action}",
        "Origin": origin,
        "Sec-Fetch-Site": "same-origin",
        "X-Console-Token": token_of(daemon),
        **(changes or {}),
    }
    connection = http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=20)
    try:
        sent = {name: value for name, value in headers.items() if value is not None}
        connection.request("POST", "/console/call", json.dumps(members), sent)
        response = connection.getresponse()
        answer: dict[str, Any] = json.loads(response.read())
        return response.status, answer
    finally:
        connection.close()


def test_the_page_starts_and_stops_runs(daemon: Daemon, tmp_path: Path) -> None:
    job = daemon.job("by page", runs.WAIT_FOR_GATE)
    status, answer = call(daemon, "StartJobRun", {"JobName": job, "Arguments": {"--gate": str(tmp_path / "never")}})
    assert status == 200
    runs.in_state(daemon, job, answer["JobRunId"], "RUNNING")
    status, answer = call(daemon, "BatchStopJobRun", {"JobName": job, "JobRunIds": [answer["JobRunId"]]})
    assert (status, len(answer["SuccessfulSubmissions"])) == (200, 1)
    assert daemon.ended(job, answer["SuccessfulSubmissions"][0]["JobRunId"])["JobRunState"] == "STOPPED"


@pytest.mark.parametrize(
    "changes",
    [
        {"X-Console-Token": None},
        {"X-Console-Token": "0" * 64},
        {"X-Console-Token": "é"},
        {"Origin": None},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
    ],
)
def test_whoever_is_not_the_page_is_refused_and_starts_nothing(daemon: Daemon, changes: dict[str, str | None]) -> None:
    before = runs.counts(daemon)
    status, answer = call(daemon, "StartJobRun", {"JobName": "by page"}, changes)
    assert (status, answer["__type"]) == (403, "AccessDeniedException")
    assert runs.counts(daemon) == before


def test_a_form_cannot_call(daemon: Daemon) -> None:
    status, answer = call(daemon, "StartJobRun", {"JobName": "by page"}, {"Content-Type": "text/plain"})
    assert (status, answer["__type"]) == (415, "UnsupportedMediaTypeException")


def test_only_what_the_page_needs_may_be_called(daemon: Daemon) -> None:
    status, answer = call(daemon, "DeleteJob", {"JobName": "by page"})
    assert (status, answer["__type"]) == (403, "AccessDeniedException")
    assert answer["Message"] == "DeleteJob is not for the console."
    assert call(daemon, "Unheard", {})[1]["__type"] == "UnknownOperationException"
    assert "DeleteJob" not in ACTIONS


def test_the_page_can_become_nobody_elses(daemon: Daemon) -> None:
    _, _, headers = daemon.get("/")
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["cache-control"] == "no-store"  # the token stands in it
    assert (headers["x-content-type-options"], headers["referrer-policy"]) == ("nosniff", "no-referrer")
    assert not [name for name in headers if name.startswith("access-control")]


def newest_runs_of(daemon: Daemon) -> dict[str, Any]:
    page = daemon.get("/")[1].decode()
    match = re.search(r'<script type="application/json" id="newest-runs">\s*(.*?)\s*</script>', page)
    assert match, page
    runs_told: dict[str, Any] = json.loads(match[1])
    return runs_told


def test_the_newest_runs_come_with_the_page_as_they_are_told_elsewhere(daemon: Daemon) -> None:
    job = daemon.job("</script><b>", "raise ValueError('token=hunter2 <!--')\n")
    runs.finish(daemon, job, Arguments={"--password": "hunter2", "--html": "</script><!--"})
    sent, asked = newest_runs_of(daemon), json.loads(daemon.get("/runs?limit=60")[1])
    assert sent.pop("now_ms") <= asked.pop("now_ms")
    assert asked["runs"][0].pop("arguments")["--html"] == "</script><!--"
    assert sent["runs"][0] == asked["runs"][0]
    assert sent["runs"][0]["job_name"] == job
    page = daemon.get("/")[1]
    assert b"hunter2" not in page
    assert b"</script><b>" not in page


def test_the_page_stays_small_whatever_the_runs_are_given(daemon: Daemon) -> None:
    job = daemon.job("laden", "pass\n", ExecutionProperty={"MaxConcurrentRuns": 9})
    for _ in range(3):
        runs.start(daemon, job, Arguments={"--x": "<" * 100_000})
    page = daemon.get("/")[1]
    assert len(page) < 60_000
    assert len(newest_runs_of(daemon)["runs"]) <= 30


@pytest.mark.parametrize(
    "path",
    [
        "/console/static/none.js",
        "/console/static/",
        "/console/static/index.html",
        "/console/static/../routes.py",
        "/console/static/%2e%2e/routes.py",
        "/console/static//etc/passwd",
    ],
)
def test_no_other_file_is_sent(daemon: Daemon, path: str) -> None:
    assert daemon.get(path)[0] == 404


def test_a_daemon_has_a_token_of_its_own(tmp_path: Path) -> None:
    with running_daemon(tmp_path) as daemon:
        first = token_of(daemon)
        daemon.kill()
        daemon.start()
        assert token_of(daemon) != first
        status, answer = call(daemon, "StartJobRun", {"JobName": "x"}, {"X-Console-Token": first})
        assert (status, answer["Message"]) == (403, "The token is not this daemon's; load the page anew.")


def test_a_console_that_may_only_look_has_no_token_and_takes_no_call(tmp_path: Path) -> None:
    with running_daemon(tmp_path, {"ORCHESTRATOR_CONSOLE__READ_ONLY": "true"}) as daemon:
        page = daemon.get("/")[1].decode()
        assert re.search(r'name="token"\s+content=""', page)
        assert re.search(r'name="read-only"\s+content="true"', page)
        connection = http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=20)
        origin = f"http://127.0.0.1:{daemon.port}"
        connection.request("POST", "/console/call", "{}", {"Origin": origin, "X-Amz-Target": "AWSGlue.StartJobRun"})
        response = connection.getresponse()
        assert (response.status, json.loads(response.read())["__type"]) == (403, "AccessDeniedException")
        connection.close()
        assert daemon.get("/runs")[0] == 200


def test_without_a_console_there_is_no_page(tmp_path: Path) -> None:
    with running_daemon(tmp_path, {"ORCHESTRATOR_CONSOLE__ENABLED": "false"}) as daemon:
        assert daemon.get("/")[0] == 404
        assert daemon.get("/runs")[0] == 200


def test_files_come_packed_and_only_when_they_have_changed(daemon: Daemon) -> None:
    page = daemon.get("/")[1].decode()
    path = re.search(r'"(/console/[0-9a-f]{16}/[^"]+\.css)"', page)
    assert path, page
    connection = http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=20)
    connection.request("GET", path[1], headers={"Accept-Encoding": "gzip"})
    response = connection.getresponse()
    packed, tag = response.read(), response.headers["etag"]
    assert response.headers["content-encoding"] == "gzip"
    assert gzip.decompress(packed) == daemon.get(path[1])[1]
    connection.request("GET", path[1], headers={"If-None-Match": tag})
    response = connection.getresponse()
    assert (response.status, response.read()) == (304, b"")
    connection.close()
