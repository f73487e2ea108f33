"""Waiting shims are few, are asked one run at a time, and nobody waits for one that does nothing."""

import asyncio
import os
import socket
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from orchestrator.executors.local import spares
from orchestrator.executors.local.spares import Shim, Spares
from tests.support.waiting import until_async

SERVER = object()


class Scene:
    """Spares, and processes that stand for shims: they do nothing."""

    def __init__(self) -> None:
        self.unbegun: list[tuple[str, int]] = []
        self.listened = 0
        self.on_listen: Callable[[], object] = lambda: None
        self.spares = Spares(lambda run_id, pid: self.unbegun.append((run_id, pid)), self._listen)
        self._processes: list[subprocess.Popen[bytes]] = []
        self._theirs: list[socket.socket] = []

    def _listen(self) -> None:
        self.listened += 1
        self.on_listen()

    def shim(self, server: object = SERVER) -> Shim:
        """Return one that has no run."""
        process = subprocess.Popen(["sleep", "60"])
        self._processes.append(process)
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        theirs.setblocking(False)
        self._theirs.append(theirs)
        return Shim(process.pid, os.pidfd_open(process.pid), ours, server)

    def asked(self, index: int) -> bytes | None:
        """Return what the n-th one was asked, `b""` where it was let go, None where it waits."""
        try:
            return self._theirs[index].recv(4096)
        except BlockingIOError:
            return None

    def kill(self, index: int) -> None:
        """End one."""
        self._processes[index].kill()

    def close(self) -> None:
        """End all."""
        self.spares.close()
        for process in self._processes:
            process.kill()
            process.wait()
        for theirs in self._theirs:
            theirs.close()


@pytest.fixture
async def scene() -> Any:
    """Lend a scene, and close it."""
    one = Scene()
    yield one
    one.close()


@pytest.fixture
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make waiting shims go at once."""
    monkeypatch.setattr(spares, "IDLE_S", -1.0)


async def test_the_last_that_came_is_asked_and_no_other(scene: Scene) -> None:
    for _ in range(2):
        scene.spares.keep(scene.shim())
    assert scene.spares.ask(SERVER, "run", b"request")
    assert (scene.asked(0), scene.asked(1)) == (None, b"request")


async def test_one_that_was_asked_is_not_asked_again(scene: Scene) -> None:
    scene.spares.keep(scene.shim())
    assert scene.spares.ask(SERVER, "run", b"request")
    assert not scene.spares.ask(SERVER, "other", b"request")


async def test_those_of_another_server_are_not_asked(scene: Scene) -> None:
    scene.spares.keep(scene.shim(server=object()))
    assert not scene.spares.ask(SERVER, "run", b"request")


async def test_one_that_begins_is_given_away_for_its_own_run_only(scene: Scene) -> None:
    shim = scene.shim()
    scene.spares.keep(shim)
    scene.spares.ask(SERVER, "run", b"request")
    assert scene.spares.begun("other", shim.pid) is None
    assert scene.spares.begun("run", shim.pid + 1) is None
    assert scene.spares.begun("run", shim.pid) is shim
    assert not scene.spares
    shim.dismiss()


async def test_no_more_wait_than_are_of_use(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spares, "MAX_SPARES", 1)
    for _ in range(2):
        scene.spares.keep(scene.shim())
    assert (scene.asked(0), scene.asked(1)) == (None, b"")


async def test_one_that_ends_before_it_begins_is_told_of_after_all_that_it_said(scene: Scene) -> None:
    scene.spares.keep(scene.shim())
    scene.spares.ask(SERVER, "run", b"request")
    scene.kill(0)
    await until_async(lambda: bool(scene.unbegun), what="the news of its end")
    assert [run_id for run_id, _ in scene.unbegun] == ["run"]
    assert scene.listened == 1
    assert not scene.spares


async def test_one_whose_beginning_was_unheard_when_it_ended_is_not_told_of(scene: Scene) -> None:
    shim = scene.shim()
    scene.spares.keep(shim)
    scene.spares.ask(SERVER, "run", b"request")
    begun = []
    scene.on_listen = lambda: begun.append(scene.spares.begun("run", shim.pid))
    scene.kill(0)
    await until_async(lambda: bool(begun), what="its last words")
    assert begun == [shim]
    assert scene.unbegun == []
    shim.dismiss()


async def test_one_that_ends_while_it_waits_is_forgotten(scene: Scene) -> None:
    scene.spares.keep(scene.shim())
    scene.kill(0)
    await until_async(lambda: not scene.spares, what="that it is forgotten")
    assert scene.unbegun == []
    assert not scene.spares.ask(SERVER, "run", b"request")


async def test_one_that_does_not_begin_in_time_is_given_up(scene: Scene) -> None:
    shim = scene.shim()
    scene.spares.keep(shim)
    scene.spares.ask(SERVER, "run", b"request")
    scene.spares.look_around(patience_s=60)
    assert scene.unbegun == []
    scene.spares.look_around(patience_s=-1)
    assert scene.unbegun == [("run", shim.pid)]
    assert [scene.asked(0), scene.asked(0)] == [b"request", b""], "it may serve the run yet, and ends then"


@pytest.mark.usefixtures("impatience")
async def test_one_that_has_had_nothing_to_do_for_long_is_let_go(scene: Scene) -> None:
    scene.spares.keep(scene.shim())
    scene.spares.look_around(patience_s=60)
    assert scene.asked(0) == b""
    assert not scene.spares


async def test_those_of_a_server_are_let_go_but_for_the_one_that_was_asked(scene: Scene) -> None:
    for _ in range(2):
        scene.spares.keep(scene.shim())
    scene.spares.ask(SERVER, "run", b"request")
    scene.spares.let_go(SERVER)
    assert (scene.asked(0), scene.asked(1), scene.asked(1)) == (b"", b"request", None)


async def test_a_shim_that_serves_one_run_only_is_not_kept(scene: Scene) -> None:
    shim = scene.shim()
    assert shim.requests is not None
    shim.requests.close()
    shim.requests = None
    scene.spares.keep(shim)
    await asyncio.sleep(0)
    assert not scene.spares
