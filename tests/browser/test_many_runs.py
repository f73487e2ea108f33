"""Thousands of runs stay smooth: few rows are drawn, and scrolling to the oldest is one long way without a stop."""

import contextlib
import json
from collections.abc import Iterator
from typing import Any, Final

import psutil
import pytest

from tests.support import runs
from tests.support.browser import go, wait_for_truth
from tests.support.daemon import Daemon
from tests.support.history import History
from tests.support.waiting import until

RUNS = 5000
_SCROLL = """
async () => {
  const gaps = []; let last = performance.now(); let most = 0;
  while (gaps.length < 200) {
    scrollBy(0, 400);
    await new Promise((resolve) => requestAnimationFrame(resolve));
    const now = performance.now(); gaps.push(now - last); last = now;
    most = Math.max(most, document.querySelectorAll("tr[data-row]").length);
  }
  gaps.sort((a, b) => a - b);
  return { most, p50: gaps[Math.floor(gaps.length / 2)], frames: gaps.length, longest: gaps.at(-1) };
}
"""
_PLAIN: Final = (
    "<table>" + "<tr><td>a row<td>of a table<td>that is all there<td>from the beginning</tr>" * 4000 + "</table>"
)


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """Lend a daemon with 5,000 runs stored."""
    # The runs of the history ended long ago.
    daemon = Daemon(tmp_path_factory.mktemp("full"), {"ORCHESTRATOR_RETENTION__DAYS": "0"})
    daemon.state_dir.mkdir(mode=0o700)
    History(daemon.state_dir / "state.db").fill(RUNS)
    (daemon.state_dir / "state.db").chmod(0o600)
    with daemon:
        yield daemon


def test_five_thousand_runs_are_scrolled_through(page: Any, full: Daemon) -> None:
    go(page, full)
    page.wait_for_selector("tr[data-row]")
    _, seen = _scrolled(page)
    assert seen["most"] <= 120, seen
    until(lambda: _all_are_read(page), within_s=60, what="all runs")
    told = page.locator(".head .quiet").inner_text()
    assert int(told.split(" ")[0].replace(",", "")) >= RUNS, told
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    wait_for_truth(page, f"[...document.querySelectorAll('tr[data-row]')].at(-1).ariaRowIndex > {RUNS}")
    page.evaluate("scrollTo(0, 0)")
    used_ms, seen = _scrolled(page)
    page.goto("about:blank")
    page.set_content(_PLAIN)
    plain_ms, _ = _scrolled(page)
    # CPU, beside a table that only has to be shown: how long a frame takes depends on what else the machine does.
    assert used_ms < 4 * plain_ms, (used_ms, plain_ms, seen)


@pytest.mark.parametrize("width", [390, 800, 1000])
def test_a_long_list_leaves_names_room_on_narrow_pages(page: Any, full: Daemon, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 844})
    go(page, full)
    page.locator("tr.spacer").first.wait_for(state="attached")  # there are more rows than are drawn
    seen = page.evaluate("document.querySelector('td.c-job').clientWidth")
    table = page.evaluate("document.querySelector('table.runs').clientWidth")
    assert seen > table / 6, (seen, table)


def test_what_one_reads_stays_where_it_is_when_a_run_comes(page: Any, full: Daemon) -> None:
    job = full.job("comes in above", "")
    go(page, full)
    page.wait_for_selector("tr[data-row]")
    page.mouse.move(600, 500)
    page.mouse.wheel(0, 900)
    wait_for_truth(page, "scrollY >= 900")
    under = "document.elementFromPoint(600, 500).closest('tr').querySelector('a').id"
    wait_for_truth(page, f"{under} !== ''")
    before, rows = page.evaluate(under), page.locator(".head .quiet").inner_text()
    runs.succeed(full, job)
    until(lambda: page.locator(".head .quiet").inner_text() != rows, what="another run in the list")
    wait_for_truth(page, f"{under} === {json.dumps(before)}")
    assert page.evaluate(
        f"""async () => {{
              for (let frame = 0; frame < 30; frame += 1) {{
                await new Promise((resolve) => requestAnimationFrame(resolve));
                if ({under} !== {json.dumps(before)}) return false;
              }}
              return true;
            }}"""
    ), "it stays there"


def _all_are_read(page: Any) -> bool:
    """Scroll to the end of what is known; say whether there is no more."""
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    return "more below" not in page.locator(".head .quiet").inner_text()


def _scrolled(page: Any) -> tuple[float, dict[str, Any]]:
    """Scroll on for 200 frames; return how much of the CPU chromium's processes used for one, in ms, and what was seen."""
    before_s = _cpu_s()
    seen = page.evaluate(_SCROLL)
    return (_cpu_s() - before_s) * 1000 / seen["frames"], seen


def _cpu_s() -> float:
    """Return what chromium has used so far."""
    used_s = 0.0
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if "chrom" in process.name():
                times = process.cpu_times()
                used_s += times.user + times.system
    return used_s


def test_a_rare_run_is_found_among_them(page: Any, full: Daemon) -> None:
    rare = len(json.loads(full.get("/runs?job=rare&limit=1000")[1])["runs"])
    go(page, full, "#/runs?job=rare")
    wait_for_truth(page, f"document.querySelectorAll('tr[data-row]').length === {rare}")
    assert 0 < rare < 20


def test_a_thousand_bars_are_drawn_and_moved(page: Any, full: Daemon) -> None:
    go(page, full)
    started = page.evaluate(
        "fetch('/runs?limit=1&job=hourly').then((r) => r.json()).then((a) => a.runs[0].started_on_ms)"
    )
    since, until = started - 1000 * 25_000, started + 60_000
    go(page, full, f"#/timeline?since={since}&until={until}")
    wait_for_truth(page, "document.querySelectorAll('a.bar').length > 900")
    took_ms = page.evaluate(
        """async () => {
             const begun = performance.now();
             document.querySelector('[aria-label="Closer"]').click();
             await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
             return performance.now() - begun;
           }"""
    )
    assert took_ms < 5000, "so that it is no hang, on a machine that does other things as well"
