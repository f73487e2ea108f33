"""The live screen looks again as soon as the daemon tells of a change, and asks nobody for longer than it is shown."""

import os
import select
import threading
import time
from http.server import BaseHTTPRequestHandler

from orchestrator.faces.cli.client import Client
from orchestrator.faces.cli.live_screen import _Listener
from tests.unit.cli.stand_in import StandIn


def test_an_event_rings_at_once_and_the_end_is_not_waited_for(daemon: StandIn, client: Client) -> None:
    ready, released = threading.Event(), threading.Event()

    def stream(handler: BaseHTTPRequestHandler) -> bool:
        handler.send_response(200)
        handler.send_header("Content-Type", "text/event-stream")
        handler.end_headers()
        handler.wfile.write(b": still here\n\n")
        ready.wait(10)
        handler.wfile.write(b"event: run\ndata: {}\n\n")
        released.wait(20)
        return True

    daemon.before.append(stream)
    bell, rope = os.pipe2(os.O_NONBLOCK)
    listener = _Listener(client, rope)
    try:
        listener.start()
        assert select.select([bell], [], [], 0.2) == ([], [], []), "a comment is no change"
        ready.set()
        assert select.select([bell], [], [], 10)[0] == [bell]
        began = time.monotonic()
        listener.end()
        assert time.monotonic() - began < 5
        assert [path for path, *_ in daemon.asked] == ["/events"]
    finally:
        released.set()
        os.close(bell)
        os.close(rope)


def test_a_daemon_that_tells_of_no_changes_is_asked_again_later(daemon: StandIn, client: Client) -> None:
    bell, rope = os.pipe2(os.O_NONBLOCK)
    listener = _Listener(client, rope)
    try:
        listener.start()
        assert select.select([bell], [], [], 0.2) == ([], [], [])
    finally:
        listener.end()
        os.close(bell)
        os.close(rope)
    assert {path for path, *_ in daemon.asked} == {"/events"}
