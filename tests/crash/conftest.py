"""The crash tests fork their daemons: they have thousands of lives, of which most would be spent on imports.

Those of the promises and the faults, which crash daemons as well, are executed.
"""

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
def _daemons_are_forked(nursery: Nursery, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the daemons of a test be forked."""
    monkeypatch.setattr(Daemon, "usual_popen", nursery.popen)
