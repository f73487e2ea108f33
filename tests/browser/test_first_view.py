"""The newest runs are seen before the page has come; nothing moves when it takes their place."""

from typing import Any

import pytest

from tests.support import runs
from tests.support.browser import go, wait_for_truth
from tests.support.daemon import Daemon
from tests.support.waiting import until

_SEEN = """
[...document.querySelectorAll("h1, .head p, .filters *, .runs th, tr[data-row] *, .bar nav a")]
  .filter((one) => one.getClientRects().length > 0 && one.getBoundingClientRect().top < innerHeight)
  .map((one) => {
    const { left, top, width, height } = one.getBoundingClientRect();
    const text = one.childElementCount === 0 ? one.textContent : "";
    return [one.tagName, text.replace(/\\d+ s$/, "… s"), ...[left, top, width, height].map(Math.round)];
  })
"""
"""What is seen, and where; a figure that grows may be a second older in one of two looks."""


@pytest.fixture
def held(page: Any) -> list[Any]:
    """Hold the page's main module, and lend where the asking for it is seen, and may go on."""
    asked: list[Any] = []

    def hold(route: Any) -> None:
        asked.append(route)

    page.route("**/js/main.js", hold)
    return asked


@pytest.fixture(scope="module")
def filled(daemon: Daemon) -> Daemon:
    """Lend a daemon with more runs than a window shows, of two kinds."""
    one, other = daemon.job("goes well", ""), daemon.job("does not", "raise SystemExit(3)")
    for _ in range(12):
        started = [runs.start(daemon, job) for job in (one, other)]
        for job, run_id in zip((one, other), started, strict=True):
            daemon.ended(job, run_id)
    return daemon


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (800, 600), (390, 844)])
def test_nothing_moves_when_the_page_takes_the_place_of_what_was_seen_first(
    page: Any, held: list[Any], filled: Daemon, width: int, height: int
) -> None:
    page.set_viewport_size({"width": width, "height": height})
    page.goto(filled.endpoint_url)
    page.locator("tr[data-row]").first.wait_for()
    first = page.evaluate(_SEEN)
    assert page.evaluate("document.querySelector('table.runs').getBoundingClientRect().bottom >= innerHeight")
    assert len(first) > 100
    let_go(held)
    page.locator(".connection.open").wait_for()
    assert page.evaluate(_SEEN) == first


@pytest.mark.parametrize("address", ["#/jobs", "#/runs?state=FAILED", "#/run/jr_1"])
def test_where_something_else_is_wanted_the_newest_runs_are_not_shown(
    page: Any, held: list[Any], filled: Daemon, address: str
) -> None:
    page.goto(f"{filled.endpoint_url}/{address}")
    until(lambda: held, what="the asking for the page, which comes when all that is shown first is")
    assert page.evaluate("document.getElementById('main').childElementCount") == 0


def test_what_is_seen_first_has_the_theme_that_was_chosen(page: Any, filled: Daemon) -> None:
    go(page, filled)
    page.get_by_role("button", name="Theme").click()
    chosen = page.evaluate("document.documentElement.dataset.theme")
    assert chosen in {"light", "dark"}
    page.route("**/js/main.js", lambda _: None)
    page.reload()
    page.locator("tr[data-row]").first.wait_for()
    assert page.evaluate("document.documentElement.dataset.theme") == chosen


def test_a_link_of_what_is_seen_first_leads_where_it_says(page: Any, held: list[Any], filled: Daemon) -> None:
    page.goto(filled.endpoint_url)
    page.locator("tr[data-row] a").first.click()
    wait_for_truth(page, "location.hash.startsWith('#/run/jr_')")
    let_go(held)
    page.locator(".log").first.wait_for()


def test_a_page_that_nobody_sees_comes_all_the_same(page: Any, filled: Daemon) -> None:
    page.add_init_script("""
        Object.defineProperty(Document.prototype, "hidden", { get: () => true });
        window.requestAnimationFrame = () => 0;
    """)
    page.goto(filled.endpoint_url)
    page.locator("#over > *").first.wait_for(state="attached")


def test_a_page_of_which_the_rest_does_not_come_says_so(page: Any, filled: Daemon) -> None:
    page.route("**/js/main.js", lambda route: route.abort())
    page.goto(filled.endpoint_url)
    page.locator("#banner", has_text="The rest of the page did not come").wait_for()


def let_go(held: list[Any]) -> None:
    """Let the page's main module come."""
    for route in held:
        route.continue_()
