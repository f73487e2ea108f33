"""A daemon for foreign clients, one for each module."""

from collections.abc import Iterator

import pytest

from tests.support.daemon import Daemon, running_daemon


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """Lend a running daemon."""
    settings = {"ORCHESTRATOR_CAPACITY__MAX_PROCESSES": "30", "ORCHESTRATOR_RUNS__STOP_GRACE_S": "0.3"}
    with running_daemon(tmp_path_factory.mktemp("daemon"), settings) as running:
        yield running
