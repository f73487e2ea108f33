"""W8: how long the console takes from the address to its rows, with 10,000 runs stored, beside a page with one line.

Rows are seen before the page is at work: what follows events and hears keys comes behind them.
"""

import importlib.util
import shutil
from statistics import median
from typing import Any, Final

from tests.benchmarks.bench import Bench
from tests.benchmarks.contender import hold
from tests.benchmarks.figures import Goal, Quantity
from tests.benchmarks.history import prepared, why_not

NAME: Final = "W8"
_RUNS: Final = 10_000
_LOADS: Final = 7
_CONSOLE: Final = "console"
_KNOWN: Final = "console, files known"
_BARE: Final = "bare page"
_AT_WORK: Final = "console, at work"
_WATCH: Final = """
(() => {
  const drawn = (name) => requestAnimationFrame(() => setTimeout(() => { window[name] ??= performance.now(); }));
  addEventListener("DOMContentLoaded", () => drawn("bareOnMs"));
  const look = () => {
    if (document.querySelector("tr[data-row]")) drawn("rowsOnMs");
    if (document.querySelector("#over > *")) { seen.disconnect(); drawn("atWorkOnMs"); }
  };
  const seen = new MutationObserver(look);
  seen.observe(document, { childList: true, subtree: true });
})();
"""
"""Takes down when the first rows were drawn, and the page proper, in ms since the navigation began."""


def measure(bench: Bench, number: int) -> None:
    """Load both pages in turn, each time in a browser that knows nothing of them, and once more knowing the files."""
    reason = why_not() or _missing()
    if reason is not None:
        bench.leave_out(NAME, reason)
        return
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - only where it is installed

    took_ms: dict[str, list[float]] = {_CONSOLE: [], _AT_WORK: [], _KNOWN: [], _BARE: []}
    with prepared(bench, _RUNS) as one:
        one.start()
        bench.household.know(one.pid)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
            for _ in range(_LOADS):
                context = browser.new_context()
                context.add_init_script(_WATCH)
                page = context.new_page()
                took_ms[_BARE].append(_loaded_ms(page, f"{one.endpoint_url}/healthz", "bareOnMs"))
                took_ms[_CONSOLE].append(_loaded_ms(page, one.endpoint_url, "rowsOnMs"))
                took_ms[_AT_WORK].append(_marked_ms(page, "atWorkOnMs"))
                took_ms[_KNOWN].append(_loaded_ms(page, one.endpoint_url, "rowsOnMs"))
                context.close()
            browser.close()
    for name, values in took_ms.items():
        bench.note(NAME, number, name, drawn_ms=median(values[1:]))  # the first one warms the daemon and the browser


def _loaded_ms(page: Any, address: str, mark: str) -> float:
    """Go to `address`; return when what `mark` stands for was drawn, in ms since the navigation began."""
    page.goto(address)
    return _marked_ms(page, mark)


def _marked_ms(page: Any, mark: str) -> float:
    """Return when what `mark` stands for was drawn on the page that is shown."""
    found = page.evaluate(
        f"""async () => {{
              for (let turn = 0; window.{mark} === undefined && turn < 600; turn += 1)
                await new Promise((resolve) => setTimeout(resolve, 10));
              return window.{mark} ?? null;
            }}"""
    )
    hold(found is not None, f"{page.url} was drawn within six seconds")
    return float(found)


def _missing() -> str | None:
    if importlib.util.find_spec("playwright") is None:
        return "not installed (make browser)"
    return None if shutil.which("chromium") else "chromium is not installed (make test-deps)"


GOALS: Final = (
    Goal(
        work=NAME,
        name="console, first view with 10,000 runs stored, ms",
        of=Quantity(_CONSOLE, "drawn ms"),
        better="less",
        target=300,
    ),
    Goal(work=NAME, name="console, at work, ms", of=Quantity(_AT_WORK, "drawn ms"), better="less"),
    Goal(work=NAME, name="console, its files known, ms", of=Quantity(_KNOWN, "drawn ms"), better="less"),
    Goal(
        work=NAME,
        name="console ÷ bare page, first view",
        of=Quantity(_CONSOLE, "drawn ms"),
        over=Quantity(_BARE, "drawn ms"),
        better="less",
    ),
)
