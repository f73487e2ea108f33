"""One page of the guide, followed as a reader would: in a fresh directory, block by block."""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Self

import psutil

from orchestrator.settings_sources import load
from tests.guide.host import Host
from tests.support import processes
from tests.support.daemon import AS_ROOT, free_port
from tests.support.guide_blocks import Block, is_as_expected
from tests.support.waiting import until

_PORT: Final = "4583"
_WITHIN_S: Final = 60
_SETTINGS: Final = Path("config/orchestrator.toml")


class Page:
    """A directory, the variables that a reader's shell has by now, and the daemon, where one was started.

    The default port may be taken on the machine of the tests: where a page says 4583, a free one is said.
    """

    def __init__(self, root: Path) -> None:
        """Keep everything below `root`."""
        self.place = root / "etl"
        self.place.mkdir()
        self._root = root
        self._exported = root / "exported"
        self._exported.touch()
        self._port = str(free_port())
        self._daemon: subprocess.Popen[bytes] | None = None
        self._printed = ""
        self._host = Host()

    def follow(self, block: Block) -> None:
        """Do what a block says.

        Raises:
            AssertionError: it failed, or printed something else than the page shows.
        """
        text = block.text.replace(_PORT, self._port)
        if block.is_as_root and block.is_file:
            self._host.write(Path(block.title or ""), text)
        elif block.is_as_root and block.is_run:
            code, self._printed = self._host.run(text)
            assert code == 0, f"it ended with {code}:\n{self._printed}"
        elif block.is_file:
            self._write(Path(block.title or ""), text)
        elif block.is_daemon:
            self._serve(text)
        elif block.is_run:
            self._printed = self._run(text, block.language)
        elif block.is_output:
            assert is_as_expected(text, self._printed), f"it printed this instead:\n{self._printed}"

    def _write(self, title: Path, text: str) -> None:
        path = self.place / title
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        if text.startswith("#!"):
            path.chmod(0o755)
        if title == _SETTINGS:
            with contextlib.chdir(self.place):
                load(None, {})

    def _run(self, text: str, language: str) -> str:
        script = self._root / "block"
        script.write_text(text)
        read = f". {self._exported}\n"
        kept = f"trap 'code=$?; export -p >{self._exported}; exit $code' EXIT\nset -ea\n"
        begun = f"{read}exec python {script}\n" if language == "python" else f"{read}{kept}{text}"
        with tempfile.TemporaryFile() as output:
            process = self._start(begun, output.fileno())
            code: int | str = f"nothing within {_WITHIN_S} s"
            with contextlib.suppress(subprocess.TimeoutExpired):
                code = process.wait(timeout=_WITHIN_S)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            output.seek(0)
            printed = output.read().decode(errors="replace")
        assert code == 0, f"it ended with {code}:\n{printed}"
        return printed

    def _serve(self, text: str) -> None:
        self._end_daemon()
        with (self._root / "daemon.log").open("ab") as log:
            self._daemon = self._start(f". {self._exported}\nexec {text}", log.fileno())
        until(self._is_serving, within_s=_WITHIN_S, what="the daemon")

    def _is_serving(self) -> bool:
        assert self._daemon is not None
        assert self._daemon.poll() is None, (self._root / "daemon.log").read_text()
        answered = subprocess.run(
            ["orchestrator", "jobs", "-o", "json"],
            env={**self._environment(), "AWS_ENDPOINT_URL_GLUE": f"http://127.0.0.1:{self._port}"},
            cwd=self.place,
            capture_output=True,
            check=False,
            timeout=_WITHIN_S,
        )
        # 77: it answers, and wants a signature, which only the reader's shell can give.
        return answered.returncode in {0, 77}

    def _start(self, script: str, output: int) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            ["sh", "-c", script],
            env=self._environment(),
            cwd=self.place,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )

    def _environment(self) -> dict[str, str]:
        return {
            "PATH": f"{sys.prefix}/bin:/usr/local/bin:/usr/bin:/bin",
            "HOME": str(self._root),
            "LANG": "C.UTF-8",
            "TZ": "UTC",
            "ORCHESTRATOR_PORT": self._port,
            **AS_ROOT,
        }

    def _end_daemon(self) -> None:
        if self._daemon is not None:
            if self._daemon.poll() is None:
                self._daemon.terminate()
            assert self._daemon.wait(timeout=_WITHIN_S) == 0, (self._root / "daemon.log").read_text()
            self._daemon = None

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the daemon and every process of its runs."""
        try:
            self._host.close()
            self._end_daemon()
        finally:
            if self._daemon is not None:
                self._daemon.kill()
                self._daemon.wait()
            for process in processes.below(self._root):
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()


@contextlib.contextmanager
def opened() -> Iterator[Page]:
    """Lend a page in a directory with a short name: the daemon's socket is below it."""
    with tempfile.TemporaryDirectory(prefix="guide-") as root, Page(Path(root).resolve()) as page:
        yield page
