"""What a failed test shows beside its own output: the log of its daemon, and what its failed runs wrote to stderr."""

import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from orchestrator.testing.daemon import DaemonError, GlueDaemon

_LOG_LINES: Final = 100
_STDERR_LINES: Final = 40
_MOST_RUNS: Final = 10


@dataclass(slots=True)
class Witness:
    """Knows the daemons of this process that are alive, and when the test that runs now began."""

    daemons: list[GlueDaemon] = field(default_factory=list)
    _began_ms: int = 0
    _log_began: dict[str, int] = field(default_factory=dict)  # by endpoint: how much of the log is of earlier tests

    def begin(self) -> None:
        """Take note that a test begins."""
        self._began_ms = time.time_ns() // 1_000_000
        self._log_began = {}
        for daemon in self.daemons:
            with suppress(OSError):  # of a daemon whose guard was ended by somebody; its tests will find out
                self._log_began[daemon.endpoint_url] = daemon.log_path.stat().st_size

    def sections(self) -> Iterator[tuple[str, str]]:
        """Yield titles and texts: what has happened since the test began. Nothing that goes wrong here fails anything."""
        for daemon in self.daemons:
            yield f"orchestrator log of {daemon.endpoint_url}", self._log(daemon)
            yield from self._failed_runs(daemon)

    def _log(self, daemon: GlueDaemon) -> str:
        try:
            logged = daemon.log_path.read_bytes()[self._log_began.get(daemon.endpoint_url, 0) :]
        except OSError as error:
            return str(error)
        return _tail(logged.decode("utf-8", "replace"), _LOG_LINES)

    def _failed_runs(self, daemon: GlueDaemon) -> Iterator[tuple[str, str]]:
        from orchestrator.testing.routes import failed_runs  # noqa: PLC0415 - http.client takes long to import

        try:
            for run in reversed(failed_runs(daemon.endpoint_url, self._began_ms, _MOST_RUNS)):
                stderr = _tail(daemon.output(run["id"], "stderr"), _STDERR_LINES)
                title = f"orchestrator stderr of {run['job_name']} {run['id']}, {run['state']}"
                yield title, f"{stderr}\n{run['error_message'] or ''}".strip()
        except DaemonError as error:
            yield "orchestrator failed runs", str(error)


def _tail(text: str, count: int) -> str:
    lines = text.splitlines()
    left_out = [f"({len(lines) - count} lines before)"] if len(lines) > count else []
    return "\n".join([*left_out, *lines[-count:]])
