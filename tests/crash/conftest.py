"""The long crash tests fork their daemons: they have thousands of lives, of which most would be spent on imports."""

from collections.abc import Iterator

import pytest

from tests.support.daemon import CLEAN, Daemon
from tests.support.nursery import Nursery


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    """Lend the process that forks daemons."""
    one = Nursery(CLEAN)
    yield one
    one.close()


@pytest.fixture(autouse=True)
def _daemons_are_forked(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the daemons of a test of `crash_full` be forked. Those of the short tests are executed."""
    if request.node.get_closest_marker("crash_full"):
        monkeypatch.setattr(Daemon, "usual_popen", request.getfixturevalue("nursery").popen)
