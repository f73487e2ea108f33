"""One browser for all tests, a daemon for each module, a page for each test."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.browser import a_browser, a_page
from tests.support.daemon import Daemon, running_daemon

SETTINGS = {"ORCHESTRATOR_RUNS__STOP_GRACE_S": "0.3"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give a browser time: it shares few processors with the daemons of other tests."""
    for item in items:
        if item.get_closest_marker("browser") is not None and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(180))


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Lend the browser."""
    with a_browser() as running:
        yield running


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """Lend a page of 1280 × 800 in light colours."""
    with a_page(browser) as one:
        yield one


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """Lend a running daemon."""
    with running_daemon(tmp_path_factory.mktemp("daemon"), SETTINGS) as running:
        yield running
