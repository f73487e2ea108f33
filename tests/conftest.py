"""What holds for every test: the event loop it runs on, the markers its folder gives it, and what a skip means."""

import os
import signal
from collections.abc import Generator
from pathlib import Path
from typing import Final

import pytest
from hypothesis import settings

_HERE: Final = Path(__file__).parent
_NO_SKIP: Final = os.environ.get("ORCHESTRATOR_TESTS_NO_SKIP") == "1"
_MARKER_OF_FOLDER: Final = {
    "benchmarks": "benchmark",
    "browser": "browser",
    "conformance": "conformance",
    "guide": "guide",
    "packaging": "packaging",
    "testing": "packaging",
}

# A slow machine is not a wrong answer; pytest-timeout bounds what hangs.
settings.register_profile("orchestrator", deadline=None)
settings.load_profile("orchestrator")

# Under nohup, or behind an &, a process ignores what the processes that tests start are to heed, and so would they.
for _number, _usual in (
    (signal.SIGHUP, signal.SIG_DFL),
    (signal.SIGINT, signal.default_int_handler),
    (signal.SIGQUIT, signal.SIG_DFL),
):
    if signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, _usual)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Pin anyio's tests to asyncio: aiosqlite runs on nothing else."""
    return "asyncio"


@pytest.hookimpl(tryfirst=True)  # before pytest applies -m
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give the tests of some folders the marker that selects them, and let those that take minutes begin first."""
    for item in items:
        if item.path.is_relative_to(_HERE):
            marker = _MARKER_OF_FOLDER.get(item.path.relative_to(_HERE).parts[0])
            if marker is not None:
                item.add_marker(marker)
    items.sort(key=lambda item: item.get_closest_marker("soak") is None)  # else one worker ends long after the others


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail a skipped test under ORCHESTRATOR_TESTS_NO_SKIP=1; an expected failure is no skip."""
    report = yield
    if _NO_SKIP and report.skipped and not hasattr(report, "wasxfail"):
        _fail(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Fail a skipped module under ORCHESTRATOR_TESTS_NO_SKIP=1."""
    report = yield
    if _NO_SKIP and report.skipped:
        _fail(report)
    return report


def _fail(report: pytest.TestReport | pytest.CollectReport) -> None:
    reason = report.longrepr[-1] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    report.outcome = "failed"
    report.longrepr = f"{reason} (a skip is a failure under ORCHESTRATOR_TESTS_NO_SKIP=1)"
