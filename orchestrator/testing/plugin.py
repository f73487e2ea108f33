"""The pytest plugin: fixtures of a private daemon and of a boto3 client on it, and what failed tests tell of it.

Loaded by every pytest where this package is installed; it must cost nothing there (a test measures it).
"""

from collections.abc import Generator, Iterator
from typing import Any, Final

import pytest

from orchestrator.testing import options
from orchestrator.testing.daemon import DaemonError, GlueDaemon, private_daemon
from orchestrator.testing.report import Witness

_WITNESS: Final = pytest.StashKey[Witness]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the ini options."""
    options.declare(parser)


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker, and look at the scope before a fixture is made with it."""
    config.addinivalue_line(
        "markers",
        f"{options.MARKER}(*, jobs_dir, triggers_file, settings): what the fixture glue's daemon has, over the ini options "
        "(orchestrator)",
    )
    options.scope(config)
    config.stash[_WITNESS] = Witness()


def _scope(fixture_name: str, config: pytest.Config) -> Any:
    del fixture_name
    return options.scope(config)


@pytest.fixture(scope=_scope)
def glue_daemon(request: pytest.FixtureRequest) -> Iterator[GlueDaemon]:
    """Lend a private daemon (orchestrator.testing.GlueDaemon), one for each test or, by orchestrator_scope, for several."""
    daemons = request.config.stash[_WITNESS].daemons
    try:
        asked = options.options_of(request.node, request.config)
        with private_daemon(asked.jobs_dir, triggers_file=asked.triggers_file, settings=asked.settings) as daemon:
            daemons.append(daemon)
            try:
                yield daemon
            finally:
                daemons.remove(daemon)
    except (DaemonError, ValueError, pytest.UsageError) as error:
        raise pytest.fail.Exception(str(error), pytrace=False) from None


@pytest.fixture
def glue(glue_daemon: GlueDaemon) -> Any:
    """Lend a boto3 Glue client on a private daemon."""
    try:
        return glue_daemon.client()
    except ModuleNotFoundError as error:
        raise pytest.fail.Exception(str(error), pytrace=False) from None


@pytest.fixture
def glue_endpoint_url(glue_daemon: GlueDaemon) -> str:
    """Lend the address of a private daemon, `http://127.0.0.1:<port>`."""
    return glue_daemon.endpoint_url


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Remember when the test began, for what it may have to tell; refuse a marker that its daemon cannot heed."""
    item.config.stash[_WITNESS].begin()
    if problem := options.unheeded(item):
        pytest.fail(problem, pytrace=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add to the report of a failure what the daemons say, while they are there."""
    report = yield
    if report.failed:
        report.sections.extend(item.config.stash[_WITNESS].sections())
    return report
