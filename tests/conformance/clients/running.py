"""Foreign clients as processes, in the environment that `make clients` makes beside the one that the tests run in.

A client is a small program. It finds what to do in the variable CLIENT_REQUEST (JSON), the daemon in the variables of
the AWS SDKs, and writes what it learned (JSON) into the file that CLIENT_ANSWER names.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support.daemon import Daemon
from tests.support.waiting import until

HERE: Final = Path(__file__).parent
ENVIRONMENT: Final = Path(f"{sys.prefix}-clients")
PYTHON: Final = ENVIRONMENT / "bin" / "python"
SITE_PACKAGES: Final = (
    ENVIRONMENT / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
)
WITHIN_S: Final = 120

needs_python: Final = pytest.mark.skipif(
    not (ENVIRONMENT / ".has-python").exists(),
    reason=f"{ENVIRONMENT.name} is not there: `make clients` installs Airflow, Dagster and Prefect",
)
needs_javascript: Final = pytest.mark.skipif(
    not (ENVIRONMENT / ".has-javascript").exists(),
    reason=f"{ENVIRONMENT.name} has no JavaScript: `make test-deps clients` installs npm and the AWS SDK",
)


class Client:
    """A client that has been started; its output, and what it answers, go into files below `home`."""

    def __init__(self, command: list[str], home: Path, variables: Mapping[str, str], request: Any) -> None:
        """Start `command`; the home directory outlives it and may serve another client."""
        self._answer = home / f"answer-{uuid.uuid4()}.json"
        self._output = self._answer.with_suffix(".log")
        environment = {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "HOME": str(home),
            "LANG": "C.UTF-8",
            **variables,
            "CLIENT_REQUEST": json.dumps(request),
            "CLIENT_ANSWER": str(self._answer),
        }
        with self._output.open("wb") as output:
            self.process = subprocess.Popen(
                command,
                env=environment,
                cwd=home,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def output(self) -> str:
        """Return what it has written so far to stdout and stderr."""
        return self._output.read_text(errors="replace")

    def await_output(self, text: str, within_s: float = WITHIN_S) -> None:
        """Wait until it has written `text`; raise if it ends without."""

        def look() -> bool:
            has_ended = self.process.poll() is not None
            said = self.output()
            assert text in said or not has_ended, f"the client ended without {text!r}:\n{said}"
            return text in said

        until(look, within_s=within_s, what=f"{text!r} in the client's output")

    def answer(self, within_s: float = WITHIN_S) -> Any:
        """Wait until it ends, which must be well, and return what it learned."""
        status = self.process.wait(timeout=within_s)
        assert status == 0, f"the client ended with {status}:\n{self.output()}"
        return json.loads(self._answer.read_text())

    def end(self) -> None:
        """Kill what is left of it."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(timeout=20)


def sdk_variables(daemon: Daemon) -> dict[str, str]:
    """Return what tells every AWS SDK to call the daemon, for whichever service."""
    return {
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL": daemon.endpoint_url,
    }


@contextlib.contextmanager
def running(command: list[str], home: Path, variables: Mapping[str, str], request: Any) -> Iterator[Client]:
    """Lend a client that runs; nothing of it is left on leaving."""
    client = Client(command, home, variables, request)
    try:
        yield client
    finally:
        client.end()
