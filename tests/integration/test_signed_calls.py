"""Where the settings name keys, each call over TCP must be signed with one; only then may other machines be served."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from orchestrator.faces import sigv4, unix_socket
from tests.support import command, other_user, own_network, runs, wire
from tests.support.daemon import Daemon, free_port
from tests.support.waiting import until

KEY_ID: Final = "AKIDFIRST"
SECRET: Final = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
SECOND: Final = "b3RoZXIta2V5LW9mLXRoZS1zYW1lLWZpbGU+"
KEYS: Final = f"""[default]
aws_access_key_id = {KEY_ID}
aws_secret_access_key = {SECRET}
[second]
aws_access_key_id = AKIDSECOND
aws_secret_access_key = {SECOND}
"""
EVERYWHERE: Final = "0.0.0.0"  # noqa: S104 - in a network of its own, or refused
MISSING: Final = (403, "MissingAuthenticationTokenException")


class KeyedDaemon(Daemon):
    """A daemon that wants signatures; the tests' plain calls go over its Unix socket."""

    @property
    def socket_path(self) -> Path:
        """Where it needs none."""
        return self.state_dir / "api.sock"

    def is_serving(self) -> bool:
        """Say whether it answers."""
        assert self.process is not None
        assert self.process.poll() is None, self.log()
        return unix_socket.is_listened_at(self.socket_path)

    def plain(self, data: bytes) -> wire.Answer:
        """Send bytes over the Unix socket; return the answer."""
        with unix_socket.connect(self.socket_path, wire.TIMEOUT_S) as connection:
            connection.sendall(data)
            return wire.read_answer(connection)

    def call(self, action: str, members: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Call an action over the Unix socket."""
        del headers
        return self.plain(wire.request(json.dumps(members).encode(), target=f"AWSGlue.{action}")).members


def keys_in(folder: Path, text: str = KEYS) -> Path:
    path = folder / "keys"
    path.write_text(text)
    path.chmod(0o600)
    return path


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KeyedDaemon]:
    """Lend a daemon that has keys, and logs all it can."""
    root = tmp_path_factory.mktemp("keyed")
    environment = {"ORCHESTRATOR_ACCESS__KEYS_FILE": str(keys_in(root)), "ORCHESTRATOR_LOG_LEVEL": "debug"}
    with KeyedDaemon(root, environment) as daemon:
        yield daemon
        assert SECRET not in daemon.log()
        assert KEY_ID not in daemon.log()
        assert "Signature=" not in daemon.log()


def client_of(daemon: Daemon, service: str = "glue", *, key_id: str = KEY_ID, secret: str = SECRET) -> Any:
    return boto3.client(
        service,
        endpoint_url=daemon.endpoint_url,
        region_name="eu-central-1",
        aws_access_key_id=key_id,
        aws_secret_access_key=secret,
        config=Config(retries={"total_max_attempts": 1}),
    )


def refusal(client: Any) -> tuple[int, str]:
    with pytest.raises(ClientError) as refused:
        client.list_jobs()
    response = refused.value.response
    return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"]


def test_an_sdk_with_one_of_the_keys_is_served(keyed: KeyedDaemon) -> None:
    job = keyed.job("served", "pass\n")
    run_id = client_of(keyed).start_job_run(JobName=job, Arguments={"--ä": "ö"})["JobRunId"]
    assert client_of(keyed, key_id="AKIDSECOND", secret=SECOND).get_job_run(JobName=job, RunId=run_id)
    assert client_of(keyed, "logs").describe_log_groups()["logGroups"]
    assert client_of(keyed, "sts").get_caller_identity()["Account"]
    assert client_of(keyed, "iam").get_role(RoleName="r")["Role"]
    keyed.ended(job, run_id)


def test_an_sdk_with_another_key_or_secret_is_refused(keyed: KeyedDaemon) -> None:
    assert refusal(client_of(keyed, key_id="AKIDSTRANGER")) == (403, "UnrecognizedClientException")
    assert refusal(client_of(keyed, secret=SECOND)) == (403, "InvalidSignatureException")


@pytest.mark.parametrize("name", ["X-Amz-Target", "X-Amz-Date", "body"])
def test_a_request_that_is_changed_on_its_way_is_refused(keyed: KeyedDaemon, name: str) -> None:
    client = client_of(keyed)

    def tamper(request: Any, **_: object) -> None:
        if name == "body":
            request.body = b'{"MaxResults": 1}'
            request.headers["Content-Length"] = str(len(request.body))
        else:
            request.headers[name] = {"X-Amz-Target": "AWSGlue.GetJobs", "X-Amz-Date": "20150830T123600Z"}[name]

    client.meta.events.register("before-send.glue.ListJobs", tamper)
    assert refusal(client) == (403, "InvalidSignatureException")


@pytest.mark.parametrize(
    "data",
    [
        wire.request(),
        wire.request(b"", method="GET", path="/healthz"),
        wire.request(b"", method="GET", path="/runs"),
        wire.request(b"Action=GetCallerIdentity", content_type="application/x-www-form-urlencoded", target=None),
        wire.request(path="/no/such/path"),
    ],
    ids=["action", "health", "plain route", "form", "no route"],
)
def test_whatever_is_not_signed_is_refused_over_tcp_and_served_over_the_unix_socket(
    keyed: KeyedDaemon, data: bytes
) -> None:
    answer = wire.exchange(keyed.port, data)
    assert (answer.status, answer.members["__type"]) == MISSING
    assert keyed.plain(data).status in {200, 404}


def test_the_gate_comes_before_the_signature(keyed: KeyedDaemon) -> None:
    answer = wire.exchange(keyed.port, wire.request(origin="http://localhost"))
    assert answer.members["__type"] == "AccessDeniedException"
    too_large = wire.exchange(keyed.port, wire.request(content_length=str(10**9)))
    assert too_large.members["__type"] == "RequestEntityTooLargeException"


CALLS_BACK: Final = """
import os, boto3
print(boto3.client("glue").get_job(JobName="back")["Job"]["Name"], os.environ["AWS_ACCESS_KEY_ID"])
"""


def test_a_script_can_call_back(keyed: KeyedDaemon) -> None:
    job = keyed.job("back", CALLS_BACK)
    run_id = runs.start(keyed, job)
    assert keyed.ended(job, run_id)["JobRunState"] == "SUCCEEDED"
    log = keyed.plain(wire.request(b"", method="GET", path=f"/runs/{run_id}/log/stdout"))
    assert log.body == f"back {KEY_ID}\n".encode()


def listed(keyed: KeyedDaemon, home: Path, **more: str) -> tuple[int, str]:
    arguments = ["--endpoint-url", keyed.endpoint_url, "runs", "--state", "FAILED", "-n", "3", "-o", "json"]
    done = command.call(home, *arguments, more=more)
    return done.returncode, done.stdout + done.stderr


def test_the_command_line_signs_where_it_has_a_key_and_says_so_where_it_has_none(
    keyed: KeyedDaemon, tmp_path: Path
) -> None:
    key = {"AWS_ACCESS_KEY_ID": KEY_ID, "AWS_SECRET_ACCESS_KEY": SECRET}
    assert listed(keyed, tmp_path, **key) == (0, "[]\n")
    code, told = listed(keyed, tmp_path)
    assert code == 77
    assert "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY must be a key of its keys_file" in told


def test_a_daemon_whose_keys_cannot_be_read_does_not_start(tmp_path: Path) -> None:
    more = {"ORCHESTRATOR_ACCESS__KEYS_FILE": "nothing"}
    for words in (["--state-dir", "state", "--port", "0", "serve"], ["check"]):
        done = command.call(tmp_path, *words, more=more)
        assert done.returncode == 78
        assert f"the file of access keys ({tmp_path}/nothing): No such file" in done.stdout + done.stderr


def test_a_daemon_tells_what_is_wrong_with_its_keys_and_hides_nothing_of_it(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.touch(mode=0o600)
    more = {"ORCHESTRATOR_ACCESS__KEYS_FILE": str(keys)}
    done = command.call(tmp_path, "--state-dir", "state", "--port", "0", "serve", more=more)
    assert (done.returncode, f"({keys}): there is no key in it" in done.stderr) == (78, True), done.stderr


def test_a_daemon_that_a_command_runs_for_itself_is_called_without_a_key(tmp_path: Path) -> None:
    folder = tmp_path / "jobs" / "brief"
    folder.mkdir(parents=True)
    (folder / "script.py").write_text("print('said')\n")
    (folder / "job.toml").write_text('Role = "r"\n[Command]\nName = "pythonshell"\nScriptLocation = "script.py"\n')
    more = {"ORCHESTRATOR_ACCESS__KEYS_FILE": str(keys_in(tmp_path)), "ORCHESTRATOR_PORT": str(free_port())}
    done = command.call(tmp_path, "--state-dir", str(tmp_path / "state"), "run", "brief", more=more)
    assert (done.returncode, done.stdout) == (0, "said\n")


# Other machines.


def test_an_address_that_others_reach_is_refused_without_permission(tmp_path: Path) -> None:
    more = {"ORCHESTRATOR_ACCESS__KEYS_FILE": str(keys_in(tmp_path))}
    done = command.call(tmp_path, "--state-dir", "state", "--host", EVERYWHERE, "--port", "0", "serve", more=more)
    assert done.returncode == 78
    assert f"{EVERYWHERE} is no loopback address" in done.stderr
    assert "set keys_file and allow_remote = true in [access]" in done.stderr
    assert not (tmp_path / "state").exists()


@pytest.fixture(scope="module")
def remote(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KeyedDaemon]:
    """Lend a daemon that other machines may call, in a network of its own."""
    if os.geteuid() != 0:
        pytest.skip("NOT TESTED: calls of other machines. Only root can make a network")
    root = tmp_path_factory.mktemp("remote")
    environment = {
        "ORCHESTRATOR_ACCESS__KEYS_FILE": str(keys_in(root)),
        "ORCHESTRATOR_ACCESS__ALLOW_REMOTE": "true",
        "ORCHESTRATOR_ACCESS__HOSTS": json.dumps([own_network.ADDRESS]),
        "ORCHESTRATOR_HOST": EVERYWHERE,
    }
    with RemoteDaemon(root, environment) as daemon:
        yield daemon


class RemoteDaemon(KeyedDaemon):
    """A keyed daemon in a network of its own."""

    def start(self, environment: Mapping[str, str] | None = None, *, wait: bool = True) -> None:
        """Start it there."""
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, own_network.__file__, sys.executable, "-m", "orchestrator", "serve"),
                    *("--state-dir", str(self.state_dir), "--jobs-dir", str(self.jobs_dir), "--port", str(self.port)),
                ],
                env={**command.environment(self.root), **self.environment, **(environment or {})},
                cwd=self.root,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        if wait:
            until(self.is_serving, what="a daemon in a network of its own")

    def asked_inside(self, address: str, data: bytes, *, uid: int = 0) -> tuple[int, str | None]:
        """Send bytes from a process in the same network; return the answer's status, and its name if it is an error."""
        python = next(path for path in ("/usr/bin/python3", "/bin/python3", sys.executable) if Path(path).exists())
        done = subprocess.run(
            [
                *(sys.executable, own_network.__file__, "-p", str(self.pid), "-u", str(uid)),
                *(python, "-I", "-c", SEND, address, str(self.port)),
            ],
            input=data,
            env={"PATH": "/usr/bin:/bin"},
            cwd="/",
            capture_output=True,
            check=True,
            timeout=20,
        )
        head, _, body = done.stdout.partition(b"\r\n\r\n")
        return int(head.split()[1]), json.loads(body).get("__type")


SEND: Final = """
import socket, sys
address = sys.argv[1]
with socket.create_connection((address, int(sys.argv[2])), timeout=10, source_address=(address, 0)) as connection:
    connection.sendall(sys.stdin.buffer.read())
    while part := connection.recv(65536):
        sys.stdout.buffer.write(part)
"""


def asking(host: str, *, is_signed: bool) -> bytes:
    """Spell a call that ends its connection."""
    at = datetime.now(UTC).strftime(sigv4.DATE_FORMAT)
    signed = [("host", host), ("x-amz-date", at), ("x-amz-target", "AWSGlue.ListJobs")]
    request = sigv4.Request(method="POST", path="/", query="", headers=signed, body=b"{}")
    key = sigv4.AccessKey(id=KEY_ID, secret=SECRET)
    told = sigv4.authorization(request, key=key, region="us-east-1", service="glue", at=at) if is_signed else None
    return wire.request(host=host, x_amz_date=at, authorization=told, connection="close")


REMOTE: Final = own_network.ADDRESS


@pytest.mark.parametrize("uid", [0, other_user.UID])
def test_another_machine_is_told_by_its_signature(remote: RemoteDaemon, uid: int) -> None:
    """Its address is not the loopback's, so it is no question whose process it is."""
    assert remote.asked_inside(REMOTE, asking(REMOTE, is_signed=True), uid=uid) == (200, None)
    assert remote.asked_inside(REMOTE, asking(REMOTE, is_signed=False), uid=uid) == MISSING


def test_over_loopback_both_rules_hold(remote: RemoteDaemon) -> None:
    here = "127.0.0.1"
    assert remote.asked_inside(here, asking(here, is_signed=True)) == (200, None)
    assert remote.asked_inside(here, asking(here, is_signed=False)) == MISSING
    denied = (403, "AccessDeniedException")
    assert remote.asked_inside(here, asking(here, is_signed=True), uid=other_user.UID) == denied


def test_a_host_that_is_not_in_the_list_is_refused_from_there_too(remote: RemoteDaemon) -> None:
    denied = (403, "AccessDeniedException")
    assert remote.asked_inside(REMOTE, asking("glue.example.com", is_signed=True)) == denied


def test_scripts_find_a_daemon_that_listens_everywhere(remote: RemoteDaemon) -> None:
    job = remote.job("back", CALLS_BACK)
    run_id = runs.start(remote, job)
    assert remote.ended(job, run_id)["JobRunState"] == "SUCCEEDED"
