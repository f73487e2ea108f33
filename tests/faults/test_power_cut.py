"""A power cut loses nothing that was acknowledged, and starts nothing twice.

The state is on a file system of its own, which is cut off under load and mounted again with what had been flushed; all
processes die with it. The scripts write down on another disk what they do: that is the witness.

A flush that is under way in the instant of the cut may succeed and have flushed nothing: the kernel, asked to forget a
file system, lets it (seen with fdatasync alone, in one of ten cuts on a busy machine). Of a machine without power, no
answer would get out that late. So what is heard or done from the cut on counts as never heard, or as perhaps done.
"""

import contextlib
import http.client
import random
import shutil
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import pytest

from orchestrator.model.states import TERMINAL
from tests.support.crashing import Marker, Markers, a_daemon, is_ended, with_history
from tests.support.daemon import ROOT
from tests.support.disks import PowerCut
from tests.support.waiting import until

_CUTS: Final = 12
_CLIENTS: Final = 3
_CALLS: Final = 6
"""How many runs each client starts between two cuts, at most."""
_SCRIPT: Final = """\
#!/bin/sh
echo "$ORCH_JOB_RUN_ID $$ start" >> {markers}
sleep {seconds}
echo "$ORCH_JOB_RUN_ID" > "$ORCH_BOOKMARK_FILE.new" && mv "$ORCH_BOOKMARK_FILE.new" "$ORCH_BOOKMARK_FILE"
echo "$ORCH_JOB_RUN_ID $$ end" >> {markers}
"""
_MANY: Final[dict[str, Any]] = {"ExecutionProperty": {"MaxConcurrentRuns": 500}}
_ONE: Final[dict[str, Any]] = {
    "DefaultArguments": {"--job-bookmark-option": "job-bookmark-enable"},
    "JobRunQueuingEnabled": True,
}


class Scene:
    """A daemon on a disk that loses its power, and what its clients were told."""

    def __init__(self, root: Path, disk: PowerCut, code: Path, seed: int) -> None:
        """Run the program of `code`."""
        self.daemon = a_daemon(root, capacity__max_processes=6)
        self.daemon.state_dir = disk.path / "state"
        self.daemon.environment["PYTHONPATH"] = str(code)
        self.markers = Markers(root / "markers")
        self.wrongs: list[str] = []
        self._disk = disk
        self._chance = random.Random(seed)
        self._acknowledged: dict[str, str] = {}  # run id: job
        self._ended: dict[str, str] = {}  # run id: state
        self._unanswered: list[tuple[str, str]] = []  # job, invocation id
        self._is_cut = threading.Event()
        self._late: Counter[Marker] = Counter()  # what scripts have written down from a cut on

    def begin(self) -> None:
        """Start the first daemon and make the jobs."""
        self.daemon.start()
        for name, members in (("plain", _MANY), ("linear", _ONE)):
            script = _SCRIPT.format(markers=self.markers.path, seconds=0.05)
            self.daemon.job(name, script, suffix=".sh", **members)

    def cut(self) -> None:
        """Cut the power at some moment under load, and come back; note what is wrong then."""
        over = threading.Event()
        seeds = [self._chance.random() for _ in range(_CLIENTS)]
        with ThreadPoolExecutor(_CLIENTS) as clients:
            working = [clients.submit(self._send, random.Random(seed), over) for seed in seeds]
            self._wait_for_the_moment()
            self._is_cut.set()
            in_time = Counter(self.markers.all())
            self._disk.cut()
            over.set()
            self.daemon.kill()
            self.daemon.end_runs()
            for one in working:
                one.result(timeout=60)
        self._late += Counter(self.markers.all()) - in_time
        self._is_cut.clear()
        self._disk.come_back()
        self.daemon.start()
        self._call_again()
        self._check()

    def finish(self) -> None:
        """Wait for all ends; note what is wrong at last."""
        for run_id in self._acknowledged:
            if run_id not in self._ended:
                until(lambda run_id=run_id: is_ended(self.daemon, run_id), within_s=60, what="an end")  # type: ignore[misc]
        self._check()
        for run_id, state in self._ended.items():
            ends = Counter(self.markers.all("end", run_id=run_id))
            if state == "SUCCEEDED" and (not ends or (ends - self._late).total() > 1):
                self.wrongs.append(f"{run_id} SUCCEEDED with the ends {ends}")
        succeeded = Counter(self._acknowledged[run_id] for run_id, state in self._ended.items() if state == "SUCCEEDED")
        assert succeeded["plain"] > _CLIENTS, "there was work between the cuts"
        entry = self.daemon.call("GetJobBookmark", {"JobName": "linear"})["JobBookmarkEntry"]
        if entry["Version"] != succeeded["linear"]:
            self.wrongs.append(f"{succeeded['linear']} runs have moved the bookmark to {entry['Version']}")

    def _wait_for_the_moment(self) -> None:
        """Wait for some moment, or for one at which much is under way: a script has just started, or ended."""
        time.sleep(self._chance.uniform(0.05, 0.5))
        phase = self._chance.choice(["", "start", "end"])
        if phase:
            seen = len(self.markers.all(phase))
            deadline = time.monotonic() + 1
            while len(self.markers.all(phase)) == seen and time.monotonic() < deadline:
                pass

    def _send(self, chance: random.Random, over: threading.Event) -> None:
        for _ in range(_CALLS):
            job, invocation = chance.choice(["plain", "plain", "linear"]), str(uuid.uuid4())
            try:
                self._call(job, invocation)
            except (OSError, http.client.HTTPException, ValueError):
                self._unanswered.append((job, invocation))
            if over.wait(chance.uniform(0, 0.2)):
                return

    def _call_again(self) -> None:
        """Send the calls again that nobody answered; note those that are refused now."""
        unanswered, self._unanswered = self._unanswered, []
        for job, invocation in unanswered:
            self._call(job, invocation)
        self.wrongs += [f"{invocation} of {job} is refused" for job, invocation in self._unanswered]

    def _call(self, job: str, invocation: str) -> None:
        answer = self.daemon.call("StartJobRun", {"JobName": job}, {"amz-sdk-invocation-id": invocation})
        if "JobRunId" in answer and not self._is_cut.is_set():
            self._acknowledged[answer["JobRunId"]] = job
        else:
            self._unanswered.append((job, invocation))

    def _check(self) -> None:
        starts = Counter(one.run_id for one in (Counter(self.markers.all("start")) - self._late).elements())
        self.wrongs += [f"{run_id} started {count} times" for run_id, count in starts.items() if count > 1]
        for run_id in self._acknowledged:
            status, _, _ = self.daemon.get(f"/runs/{run_id}")
            if status != http.client.OK:
                self.wrongs.append(f"{run_id} was acknowledged and is gone")
                continue
            state = with_history(self.daemon, run_id)[0]["state"]
            if self._ended.get(run_id, state) != state:
                self.wrongs.append(f"{run_id} had ended as {self._ended[run_id]} and is {state}")
            if state in TERMINAL:
                self._ended[run_id] = state


@contextlib.contextmanager
def scene_of(root: Path, code: Path, seed: int) -> Iterator[Scene]:
    """Lend a scene; nothing is left of it."""
    with PowerCut(root) as disk:
        scene = Scene(root, disk, code, seed)
        try:
            scene.begin()
            yield scene
        finally:
            print(scene.daemon.log())  # noqa: T201 - pytest shows it where a test fails
            scene.daemon.kill()
            scene.daemon.end_runs()


@pytest.mark.crash_full
@pytest.mark.timeout(240)
@pytest.mark.parametrize("seed", [1, 2])
def test_nothing_acknowledged_is_lost_and_nothing_starts_twice_over_power_cuts(tmp_path: Path, seed: int) -> None:
    with scene_of(tmp_path, ROOT, seed) as scene:
        for _ in range(_CUTS):
            scene.cut()
            assert scene.wrongs == []
        scene.finish()
        assert scene.wrongs == []


_MUTANTS: Final = {
    "a shim that flushes nothing": ("executors/local/shim.py", "LIBC = ", "os.fsync = lambda _: None\nLIBC = "),
    "a database that flushes nothing": ("store/database.py", "synchronous = FULL", "synchronous = OFF"),
}


@pytest.mark.crash_full
@pytest.mark.timeout(240)
@pytest.mark.parametrize(("file", "old", "new"), _MUTANTS.values(), ids=_MUTANTS)
def test_a_program_that_flushes_less_is_found_out(tmp_path: Path, file: str, old: str, new: str) -> None:
    code = tmp_path / "mutant"
    shutil.copytree(ROOT / "orchestrator", code / "orchestrator", ignore=shutil.ignore_patterns("__pycache__"))
    source = code / "orchestrator" / file
    assert old in source.read_text()
    source.write_text(source.read_text().replace(old, new, 1))
    with scene_of(tmp_path, code, seed=1) as scene:
        for _ in range(3 * _CUTS):
            scene.cut()
            if scene.wrongs:
                return
    pytest.fail("the power cuts would not have found it")
