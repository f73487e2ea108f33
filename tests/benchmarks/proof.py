"""Scripts that prove that they ran: each adds one byte to a file, which costs 0.02 ms of a start's 9 ms, for everybody."""

import time
from pathlib import Path
from typing import Final

from tests.benchmarks.household import BenchmarkError

_LOOK_S: Final = 0.002
_STALLED_S: Final = 120


class CountedScript:
    """A Python script, and how often it has come to its end."""

    def __init__(self, directory: Path, first: str = "") -> None:
        """Write it; it begins with `first`."""
        self.path = directory / "script.py"
        self._marks = directory / "marks"
        self._marks.touch()
        leave = f"import os\nos.write(os.open({str(self._marks)!r}, os.O_WRONLY | os.O_APPEND), b'.')\n"
        self.path.write_text(f"{first}\n{leave}" if first else leave, encoding="utf-8")

    @property
    def count(self) -> int:
        """How often it has run."""
        return self._marks.stat().st_size

    def forget(self) -> None:
        """Count from zero again."""
        self._marks.write_bytes(b"")

    def wait_for(self, count: int) -> None:
        """Wait until it has run `count` times.

        Raises:
            BenchmarkError: nothing has happened for long.
        """
        seen, since_s = 0, time.monotonic()
        while (now := self.count) < count:
            if now != seen:
                seen, since_s = now, time.monotonic()
            elif time.monotonic() - since_s > _STALLED_S:
                message = f"the script has run {now} times of {count}, and nothing goes on"
                raise BenchmarkError(message)
            time.sleep(_LOOK_S)

    def check(self, count: int) -> None:
        """Hold that it ran exactly so often.

        Raises:
            BenchmarkError: it did not.
        """
        if self.count != count:
            message = f"the script ran {self.count} times instead of {count}"
            raise BenchmarkError(message)
