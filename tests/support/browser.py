"""Debian's chromium over a daemon's console: one browser for a test run, a page with nothing kept for each test.

A page that complains (an error in its console, an exception, something that its policy forbids) fails its test.
"""

import contextlib
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support.daemon import ROOT, Daemon
from tests.support.waiting import until

WITHIN_MS: Final = 20_000
_AXE: Final = ROOT / "build" / "page" / "node_modules" / "axe-core" / "axe.min.js"
_EXPECTED: Final = re.compile(r"Failed to load resource|ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED_ENCODING")
"""What chromium says where a daemon is killed or refuses, which tests do on purpose."""


class Complaints(list[str]):
    """What a page complained about."""

    def watch(self, page: Any) -> None:
        """Take down what `page` complains about."""
        page.on("pageerror", lambda error: self.append(f"exception: {error}"))
        page.on("console", self._heard)

    def _heard(self, message: Any) -> None:
        if message.type == "error" and not _EXPECTED.search(message.text):
            self.append(f"console: {message.text}")


@contextlib.contextmanager
def a_browser() -> Iterator[Any]:
    """Lend chromium; skip where it, or what drives it, is missing."""
    driver = pytest.importorskip("playwright.sync_api", reason="playwright is missing (make browser)")
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("chromium is missing (make test-deps)")
    with driver.sync_playwright() as playwright:
        # As root chromium has no sandbox of its own; what it is shown is ours.
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextlib.contextmanager
def a_page(
    browser: Any, *, width: int = 1280, height: int = 800, theme: str = "light", **options: Any
) -> Iterator[Any]:
    """Lend a page in a context of its own.

    Raises:
        AssertionError: the page complained about something.
    """
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=theme, **options)
    context.set_default_timeout(WITHIN_MS)
    page = context.new_page()
    complaints = Complaints()
    complaints.watch(page)
    try:
        yield page
    finally:
        context.close()
    assert complaints == []


def go(page: Any, daemon: Daemon, where: str = "") -> None:
    """Show a view of the console; when this returns it is drawn and follows the daemon."""
    page.goto(f"{daemon.endpoint_url}/{where}")
    page.wait_for_selector("h1")
    page.wait_for_selector(".connection.open")


def wait_for_truth(page: Any, expression: str) -> None:
    """Wait until `expression` is true on the page; its own way to wait would evaluate text, which the page forbids."""
    until(lambda: page.evaluate(expression), within_s=WITHIN_MS / 1000, what=expression)


def run_address(run_id: str) -> str:
    """Return where the console shows a run."""
    return f"#/run/{run_id}"


def findings(page: Any) -> list[str]:
    """Return what axe-core finds that is serious or critical, each with where it is."""
    if not _AXE.exists():
        pytest.skip("axe-core is missing (make browser)")
    page.evaluate(_AXE.read_text(encoding="utf-8"))
    result = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{one['id']}: {node['target']} {node.get('failureSummary', '')[:300]}"
        for one in result["violations"]
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"][:5]
    ]


def overflow_px(page: Any) -> int:
    """Return by how much the page is wider than what shows it."""
    by: int = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return by


def keep_shot(page: Any, name: str, tmp_path: Path) -> Path:
    """Keep a screenshot in the directory that ORCHESTRATOR_TESTS_SHOTS names, or else in `tmp_path`; return its file."""
    directory = Path(os.environ.get("ORCHESTRATOR_TESTS_SHOTS") or tmp_path)
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{name}.png"
    page.screenshot(path=path, animations="disabled")
    return path
