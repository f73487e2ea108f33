"""One daemon for each module of tests: what they share is the daemon, never a job."""

from collections.abc import Iterator

import pytest

from tests.support.daemon import Daemon, running_daemon


@pytest.fixture(scope="module")
def daemon(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """Lend a running daemon, with the settings that the module's `ENVIRONMENT` adds."""
    environment = getattr(request.module, "ENVIRONMENT", None)
    with running_daemon(tmp_path_factory.mktemp("daemon"), environment) as running:
        yield running
