"""A wall clock that a test sets, for a daemon and all that it starts; what nobody can set goes on as it does (libfaketime)."""

import time
from pathlib import Path
from typing import Final

import pytest

_LIBRARIES: Final = ("/usr/lib", "/usr/lib64", "/usr/local/lib")


class FakeClock:
    """A clock of its own for processes with its environment."""

    def __init__(self, path: Path, now_s: float) -> None:
        """Keep its offset in the file `path`, and begin at `now_s`; skip the test where the library is missing."""
        found = [library for folder in _LIBRARIES for library in Path(folder).glob("**/faketime/libfaketime.so.1")]
        if not found:
            pytest.skip("NOT TESTED: a clock that jumps. libfaketime is missing (make test-deps)")
        self._path = path
        self.environment = {
            "LD_PRELOAD": str(found[0]),
            "FAKETIME_TIMESTAMP_FILE": str(path),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }
        self.set(now_s)

    def set(self, now_s: float) -> None:
        """Set it, as an administrator would."""
        beside = self._path.with_suffix(".new")
        beside.write_text(f"{now_s - time.time():+.3f}")
        beside.rename(self._path)
