"""P14: other local users and web pages cannot call, unless they are let in."""

import http.client
import json
import os
import shutil
import subprocess

import pytest

from tests.support.crashing import Lives

ASK = """\
exec 3<>/dev/tcp/127.0.0.1/{port}
printf 'POST / HTTP/1.1\\r\\nHost: 127.0.0.1\\r\\nX-Amz-Target: AWSGlue.ListJobs\\r\\nContent-Type: application/x-amz-json-1.1\\r\\nContent-Length: 2\\r\\nConnection: close\\r\\n\\r\\n{{}}' >&3
cat <&3
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user for a while")
def test_another_user_is_refused(lives: Lives) -> None:
    assert shutil.which("setpriv") is not None
    asked = ["bash", "-c", ASK.format(port=lives.daemon.port)]
    own = subprocess.run(asked, capture_output=True, text=True, timeout=20, check=True).stdout
    assert own.startswith("HTTP/1.1 200 ")
    other = subprocess.run(
        ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *asked],
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
    ).stdout
    assert other.startswith("HTTP/1.1 403 ")
    assert "AccessDeniedException" in other


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "http://evil.example"}, {"Origin": "null"}, {"Origin": "http://127.0.0.1"}, {"Host": "evil.example"}],
)
def test_a_web_page_is_refused(lives: Lives, headers: dict[str, str]) -> None:
    lives.client.job("job", lives.markers.script())
    connection = http.client.HTTPConnection("127.0.0.1", lives.daemon.port, timeout=20)
    standard = {"X-Amz-Target": "AWSGlue.StartJobRun", "Content-Type": "application/x-amz-json-1.1"}
    connection.request("POST", "/", json.dumps({"JobName": "job"}), {**standard, **headers})
    answer = connection.getresponse()
    assert answer.status == http.client.FORBIDDEN
    assert not any(name.lower().startswith("access-control") for name, _ in answer.getheaders())
    connection.close()
    assert lives.daemon.call("GetJobRuns", {"JobName": "job"})["JobRuns"] == []
