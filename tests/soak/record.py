"""What the soak itself did, written down as it does it: every call before it is sent, and what was answered; every kill."""

import itertools
import json
import threading
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.soak.history import UNKNOWN, Call, Kill


class Record:
    """A file of lines, and counts for the summary. Any thread may write."""

    def __init__(self, path: Path) -> None:
        """Keep it at `path`."""
        self._file = path.open("a", encoding="utf-8", buffering=1)
        self._path = path
        self._lock = threading.Lock()
        self._numbers = itertools.count()
        self.counts: Counter[str] = Counter()

    def close(self) -> None:
        """Write no more."""
        self._file.close()

    def asked(self, client: str, action: str, members: Mapping[str, Any]) -> int:
        """Write down a call that is about to be made; return its number."""
        number = next(self._numbers)
        self._write(kind="asked", call=number, client=client, action=action, members=members)
        return number

    def answered(self, number: int, outcome: str, answer: Mapping[str, Any], action: str) -> None:
        """Write down what came of a call."""
        self._write(kind="answered", call=number, outcome=outcome, answer=answer)
        self.count(f"{action} {outcome}")

    def saw(self, run_id: str, state: str) -> None:
        """Write down in which state a client was shown a run."""
        self._write(kind="seen", run_id=run_id, state=state)

    def killed(self, what: str, pid: int) -> None:
        """Write down a kill; before it is done, so that none is missing."""
        self._write(kind="killed", what=what, pid=pid)
        self.count(f"kill {what}")

    def happened(self, what: str, detail: object = "") -> None:
        """Write down any other trouble."""
        self._write(kind="happened", what=what, detail=str(detail))
        self.count(what)

    def count(self, what: str) -> None:
        """Count something for the summary."""
        with self._lock:
            self.counts[what] += 1

    def read(self) -> tuple[list[Call], list[Kill], list[tuple[str, str]]]:
        """Return calls, kills, and what was seen of runs."""
        calls: dict[int, dict[str, Any]] = {}
        kills, seen = [], []
        for line in self._path.read_text(encoding="utf-8").splitlines():
            entry = json.loads(line)
            entry.pop("at_s")
            number = entry.pop("call", -1)
            match entry.pop("kind"):
                case "asked":
                    calls[number] = {"outcome": UNKNOWN, "answer": {}, **entry}
                case "answered":
                    calls[number].update(entry)
                case "killed":
                    kills.append(Kill(entry["what"], entry["pid"]))
                case "seen":
                    seen.append((entry["run_id"], entry["state"]))
        return [Call(**call) for call in calls.values()], kills, seen

    def _write(self, **entry: Any) -> None:
        line = json.dumps({"at_s": round(time.monotonic(), 3), **entry}) + "\n"
        with self._lock:
            self._file.write(line)
