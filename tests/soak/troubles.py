"""What goes wrong meanwhile: processes of every kind are killed, the disk fills, the clock jumps, files are read again."""

import contextlib
import os
import random
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Final

import psutil

from tests.soak.record import Record
from tests.soak.stage import Stage

_OFFSETS_S: Final = (-7200, -60, -1, 0, 0, 1, 45, 3600, 100_000)


class Troubles:
    """Makes one trouble after the other until it is told to stop."""

    def __init__(self, stage: Stage, record: Record, seed: int) -> None:
        """Trouble `stage`."""
        self._stage = stage
        self._record = record
        self._chance = random.Random(f"{seed} troubles")
        self.spares_daemon = threading.Event()
        """Set near the end: the last daemon shall have lived for long, so that what it leaks is seen."""
        self._ways: list[tuple[Callable[[threading.Event], None], int]] = [
            (self._kill_daemon, 24),
            (self._kill_spawn_server, 12),
            (self._kill_template, 8),
            (self._kill_shim, 12),
            (self._kill_script, 12),
            (self._kill_grandchild, 6),
            (self._kill_waiting_shim, 4),
            (self._reload, 8),
            (self._set_clock, 12),
        ]
        self._ways += [(self._fill_disk, 12)] if stage.has_disk else []

    def run(self, stop: threading.Event, pause_s: float) -> None:
        """Do so."""
        ways, weights = zip(*self._ways, strict=True)
        while not stop.wait(self._chance.uniform(0.3 * pause_s, 1.7 * pause_s)):
            self._chance.choices(ways, weights)[0](stop)
            self._stage.revive()

    def _kill_daemon(self, stop: threading.Event) -> None:
        if self.spares_daemon.is_set():
            return
        number = self._chance.choice([*[signal.SIGKILL] * 6, signal.SIGTERM])
        with self._stage.held():
            self._stage.kill(number)
            stop.wait(self._chance.choice([0, 0.2, self._chance.uniform(0, 3)]))

    def _kill_spawn_server(self, _: threading.Event) -> None:
        self._kill_one("spawn server", [one for one, argv in self._children() if argv[-1].endswith("spawn_server.py")])

    def _kill_template(self, _: threading.Event) -> None:
        self._kill_one("template", [one for one, argv in self._children() if "--template" in argv])

    def _kill_shim(self, _: threading.Event) -> None:
        found = [one for one, argv in self._all() if _is_shim(argv) and self._is_run(argv[-1])]
        self._kill_one("shim", found)

    def _kill_waiting_shim(self, _: threading.Event) -> None:
        found = [one for one, argv in self._children(recursive=True) if _is_shim(argv) and not self._is_run(argv[-1])]
        self._kill_one("waiting shim", found)

    def _kill_script(self, _: threading.Event) -> None:
        self._kill_one("script", self._noted("start"))

    def _kill_grandchild(self, _: threading.Event) -> None:
        self._kill_one("grandchild", self._noted("child"))

    def _reload(self, _: threading.Event) -> None:
        self._stage.write_job_file()
        self._record.happened("SIGHUP")
        with self._stage.held(), contextlib.suppress(ProcessLookupError):
            self._stage.revive()  # what begins to start does not heed it yet
            os.kill(self._stage.daemon.pid, signal.SIGHUP)

    def _fill_disk(self, stop: threading.Event) -> None:
        self._record.happened("full disk")
        self._stage.fill()
        try:
            stop.wait(self._chance.uniform(0.3, 1.5))
            if self._chance.random() < 0.3:
                self._kill_shim(stop)
            if self._chance.random() < 0.3:
                self._kill_daemon(stop)
            stop.wait(self._chance.uniform(0.1, 1))
        finally:
            self._stage.empty()

    def _set_clock(self, _: threading.Event) -> None:
        offset_s = self._chance.choice(_OFFSETS_S)
        self._record.happened("clock jump", offset_s)
        self._stage.set_clock(offset_s)

    def _kill_one(self, what: str, found: list[psutil.Process]) -> None:
        """Kill one of these, which is still the process that was found: psutil compares when it began."""
        if not found:
            return
        one = self._chance.choice(found)
        with contextlib.suppress(psutil.NoSuchProcess):
            if one.is_running():
                self._record.killed(what, one.pid)
                one.kill()

    def _all(self) -> Iterator[tuple[psutil.Process, list[str]]]:
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.NoSuchProcess):
                yield process, process.cmdline()

    def _children(self, *, recursive: bool = False) -> Iterator[tuple[psutil.Process, list[str]]]:
        with contextlib.suppress(psutil.NoSuchProcess):
            for process in psutil.Process(self._stage.daemon.pid).children(recursive=recursive):
                with contextlib.suppress(psutil.NoSuchProcess):
                    argv = process.cmdline()
                    if argv:
                        yield process, argv

    def _is_run(self, path: str) -> bool:
        return path.startswith(str(self._stage.disk))

    def _noted(self, phase: str) -> list[psutil.Process]:
        """Return the live processes that scripts noted lately."""
        effects = self._stage.root / "effects"
        lines = effects.read_text().splitlines()[-100:] if effects.exists() else []
        found = []
        for line in lines:
            run_id, pid, _, what, *words = line.split()
            if what == phase:
                with contextlib.suppress(psutil.Error):
                    process = psutil.Process(int(words[0] if words else pid))
                    if process.environ().get("ORCH_JOB_RUN_ID") == run_id:
                        found.append(process)
        return found


def _is_shim(argv: list[str]) -> bool:
    return any(word.endswith("/shim.py") for word in argv)
