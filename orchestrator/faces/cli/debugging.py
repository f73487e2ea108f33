"""A run that waits for a debugger: asking for it, and telling how to attach once it says where it listens."""

import json
import re
from typing import Any, Final

import click

from orchestrator.faces.cli.client import Client
from orchestrator.faces.cli.following import LONG_POLL_S
from orchestrator.faces.cli.lookup import find_run

ARGUMENT: Final = "--orchestrator-debug"
_WAITS: Final = re.compile(rb"^orchestrator: waits for a debugger at (127\.0\.0\.1):([0-9]{1,5})\r?\n", re.MULTILINE)


def with_debugger(client: Client, tokens: tuple[str, ...], *, retry: str | None, port: int) -> tuple[str, ...]:
    """Return the arguments, as they are typed, of a run that is to wait for a debugger at `port`, 0 for any.

    Those of the run that is to be repeated are its own, where none are given.
    """
    if not tokens and retry is not None:
        run = find_run(client, retry)["run"]
        asked: dict[str, Any] = client.act("GetJobRun", {"JobName": run["job_name"], "RunId": run["id"]})
        arguments: dict[str, str] = asked["JobRun"].get("Arguments", {})
        tokens = tuple(f"{key}={value}" for key, value in arguments.items() if key.startswith("--") and key != ARGUMENT)
    return (*tokens, f"{ARGUMENT}={port}")


def await_debugger(client: Client, run_id: str) -> tuple[str, int] | None:
    """Wait until the run's script waits for a debugger, and return where; None if it ends without."""
    data, offset = b"", 0
    while True:
        part = client.log(run_id, "stderr", offset=offset, wait_s=LONG_POLL_S)
        data, offset = (data + part.data)[-65_536:], part.next_offset
        match = _WAITS.search(data)
        if match is not None:
            return match[1].decode(), int(match[2])
        if part.is_last:
            return None


def tell_how_to_attach(place: tuple[str, int]) -> None:
    """Print, for people, how a debugger is attached."""
    host, port = place
    configuration = {
        "name": "orchestrator",
        "type": "debugpy",
        "request": "attach",
        "connect": {"host": host, "port": port},
        "justMyCode": True,
    }
    click.echo(f"orchestrator: the script waits for a debugger at {host}:{port}", err=True)
    click.echo("orchestrator: in VS Code, this belongs in the configurations of .vscode/launch.json:", err=True)
    click.echo(json.dumps(configuration, indent=4), err=True)
