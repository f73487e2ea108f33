"""The socket in the state directory: for the daemon's user alone, the same API, and what the command line takes first."""

import contextlib
import http.client
import json
import signal
import socket
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from orchestrator.faces import unix_socket
from tests.support import command, other_user, wire
from tests.support.daemon import Daemon, running_daemon
from tests.support.waiting import until


def path_of(daemon: Daemon) -> Path:
    return daemon.state_dir / "api.sock"


def asked(path: Path, data: bytes) -> wire.Answer:
    """Send bytes to a socket and read the answer to them."""
    with unix_socket.connect(path, wire.TIMEOUT_S) as connection:
        connection.sendall(data)
        return wire.read_answer(connection)


def test_it_is_the_daemons_users_alone(daemon: Daemon) -> None:
    assert path_of(daemon).is_socket()
    assert path_of(daemon).stat().st_mode & 0o777 == 0o600
    assert daemon.state_dir.stat().st_mode & 0o777 == 0o700


def test_the_whole_api_is_there(daemon: Daemon) -> None:
    job = daemon.job("there", "pass\n")
    answer = asked(path_of(daemon), wire.request(json.dumps({"JobName": job}).encode(), target="AWSGlue.StartJobRun"))
    assert answer.status == 200
    run = asked(path_of(daemon), wire.request(b"", method="GET", path=f"/runs/{answer.members['JobRunId']}"))
    assert run.members["run"]["job_name"] == job


def test_who_is_refused_may_finish_the_request_first(daemon: Daemon) -> None:
    """A connection that is closed on the head alone breaks under the body, and the answer is never seen."""
    head, _, body = wire.request(b"{}", Origin="http://evil.example").rpartition(b"{")
    with unix_socket.connect(path_of(daemon), wire.TIMEOUT_S) as connection:
        connection.sendall(head)
        connection.settimeout(0.2)
        with pytest.raises(TimeoutError):  # it waits for the rest
            connection.recv(1)
        connection.settimeout(wire.TIMEOUT_S)
        connection.sendall(b"{" + body)
        assert wire.read_answer(connection).status == 403


@pytest.mark.parametrize("headers", [{"host": "example.com"}, {"origin": "http://localhost"}], ids=["host", "origin"])
def test_the_gate_is_the_same(daemon: Daemon, headers: Mapping[str, Any]) -> None:
    answer = asked(path_of(daemon), wire.request(**headers))
    assert (answer.status, answer.members["__type"]) == (403, "AccessDeniedException")


def jobs(daemon: Daemon, home: Path, *options: str, more: Mapping[str, str] | None = None) -> Any:
    """Ask for the jobs with the command line; return them, or what it said and its exit code."""
    done = command.call(home, "--state-dir", str(daemon.state_dir), *options, "jobs", "-o", "json", more=more)
    return json.loads(done.stdout) if done.returncode == 0 else (done.returncode, done.stderr)


def test_the_command_line_takes_it_where_no_endpoint_is_named(daemon: Daemon, tmp_path: Path) -> None:
    daemon.job("named", "pass\n")
    nowhere = {"ORCHESTRATOR_PORT": "1"}
    assert "named" in [job["Name"] for job in jobs(daemon, tmp_path, more=nowhere)]


@pytest.mark.parametrize(
    ("options", "more"),
    [
        (["--endpoint-url", "http://127.0.0.1:1"], {}),
        (["--port", "1"], {}),
        ([], {"AWS_ENDPOINT_URL_GLUE": "http://127.0.0.1:1"}),
        ([], {"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}),
    ],
    ids=["option", "port", "variable", "general variable"],
)
def test_an_endpoint_that_is_named_wins(
    daemon: Daemon, tmp_path: Path, options: list[str], more: dict[str, str]
) -> None:
    code, told = jobs(daemon, tmp_path, *options, more=more)
    assert code == 69
    assert "http://127.0.0.1:1 " in told


def test_a_run_goes_over_it(daemon: Daemon, tmp_path: Path) -> None:
    job = daemon.job("says", "print('said')\n")
    options = ["--state-dir", str(daemon.state_dir)]
    done = command.call(tmp_path, *options, "run", job, more={"ORCHESTRATOR_PORT": "1"})
    assert (done.returncode, done.stdout) == (0, "said\n")


def test_it_goes_with_its_daemon_and_a_dead_ones_is_replaced(tmp_path: Path) -> None:
    with running_daemon(tmp_path) as daemon:
        daemon.job("kept", "pass\n")
        daemon.kill(signal.SIGKILL)
        assert path_of(daemon).is_socket()
        code, told = jobs(daemon, tmp_path, more={"ORCHESTRATOR_PORT": str(daemon.port)})
        assert (code, f"http://127.0.0.1:{daemon.port} " in told) == (69, True)

        daemon.start()
        assert [job["Name"] for job in jobs(daemon, tmp_path)] == ["kept"]
        assert daemon.terminate() == 0
        assert not path_of(daemon).exists()


def test_whatever_else_is_there_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "api.sock"
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("untouched")
    path.symlink_to(elsewhere)
    with unix_socket.bound(path):
        assert path.is_socket()
        assert unix_socket.is_listened_at(path)
    assert not unix_socket.is_listened_at(path)
    assert elsewhere.read_text() == "untouched"


def test_a_state_directory_with_a_long_path_has_one_too(tmp_path: Path) -> None:
    root = tmp_path / ("long" * 30) / ("longer" * 20)
    with running_daemon(root) as daemon:
        assert len(str(path_of(daemon))) > 250
        assert jobs(daemon, tmp_path, more={"ORCHESTRATOR_PORT": "1"}) == []


def test_a_daemon_that_can_have_none_serves_tcp(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir(mode=0o700)
    (tmp_path / "state" / "api.sock").mkdir()
    with running_daemon(tmp_path) as daemon:
        assert "unix_socket_unavailable" in daemon.log()
        assert jobs(daemon, tmp_path, more={"ORCHESTRATOR_PORT": str(daemon.port)}) == []


# Other users, at every door.

CALL: Final = """
import http.client, json, socket, sys
family, address = int(sys.argv[1]), json.loads(sys.argv[2])
connection = http.client.HTTPConnection("localhost")
connection.sock = socket.socket(family)
connection.sock.settimeout(10)
connection.sock.connect(tuple(address) if isinstance(address, list) else address)
connection.request("POST", "/", "{}", {"X-Amz-Target": "AWSGlue.ListJobs", "Content-Type": "application/x-amz-json-1.1"})
response = connection.getresponse()
print(json.dumps([response.status, json.loads(response.read())["__type"]]))
"""


@pytest.fixture(scope="module")
def on_ipv6(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """Lend a daemon that listens at ::1."""
    with contextlib.closing(Stopping(tmp_path_factory.mktemp("ipv6"), {"ORCHESTRATOR_HOST": "::1"})) as daemon:
        daemon.start(wait=False)
        until(lambda: unix_socket.is_listened_at(path_of(daemon)), what="a daemon on ::1")
        yield daemon


class Stopping(Daemon):
    """A daemon whose own way to wait, which is IPv4's, is not used."""

    def close(self) -> None:
        self.kill()


def answered(family: int, address: Any) -> list[Any]:
    told: list[Any] = json.loads(other_user.run(CALL, str(int(family)), json.dumps(address)).stdout)
    return told


REFUSED: Final = [403, "AccessDeniedException"]


def test_another_user_is_refused_at_ipv4(daemon: Daemon) -> None:
    other_user.require()
    assert answered(socket.AF_INET, ["127.0.0.1", daemon.port]) == REFUSED


def test_another_user_is_refused_at_ipv6_and_its_own_user_is_not(on_ipv6: Daemon) -> None:
    other_user.require()
    assert answered(socket.AF_INET6, ["::1", on_ipv6.port]) == REFUSED
    connection = http.client.HTTPConnection("::1", on_ipv6.port, timeout=10)
    with contextlib.closing(connection):
        connection.request("GET", "/healthz")
        assert connection.getresponse().status == 200


def test_another_user_is_refused_at_the_unix_socket_even_if_its_modes_are_opened() -> None:
    other_user.require()
    # In a directory of its own: pytest closes its own to others whenever a session begins.
    with tempfile.TemporaryDirectory() as folder, running_daemon(Path(folder)) as daemon:
        path = path_of(daemon)
        for parent in (Path(folder), path.parent):
            parent.chmod(0o711)
        path.chmod(0o666)

        assert answered(socket.AF_UNIX, str(path)) == REFUSED

        path.chmod(0o600)
        with pytest.raises(Exception, match="non-zero exit status"):  # not even a connection
            answered(socket.AF_UNIX, str(path))


LOOK: Final = """
import http.client, json, sys
found = []
for method, path in (("GET", "/healthz"), ("GET", "/readyz"), ("GET", "/metrics"), ("POST", "/metrics"), ("GET", "/runs")):
    connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=10)
    connection.request(method, path)
    found.append(connection.getresponse().status)
    connection.close()
print(json.dumps(found))
"""


@pytest.mark.parametrize("keys", [False, True])
def test_probes_may_be_opened_to_other_users_and_nothing_else_is(tmp_path: Path, *, keys: bool) -> None:
    other_user.require()
    settings = {"ORCHESTRATOR_ACCESS__OPEN_PROBES": "true"}
    if keys:
        file = tmp_path / "keys"
        file.write_text(
            "[default]\naws_access_key_id = AKIDEXAMPLE\naws_secret_access_key = wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY\n"
        )
        file.chmod(0o600)
        settings["ORCHESTRATOR_ACCESS__KEYS_FILE"] = str(file)
    with contextlib.closing(Stopping(tmp_path / "daemon", settings)) as daemon:
        daemon.start(wait=False)
        until(lambda: unix_socket.is_listened_at(path_of(daemon)), what="a daemon")
        assert json.loads(other_user.run(LOOK, str(daemon.port)).stdout) == [200, 200, 200, 403, 403]
