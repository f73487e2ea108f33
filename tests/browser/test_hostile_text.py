"""Names, arguments, errors and logs that mean to be more than text stay text, and what hides in them is seen."""

import json
from typing import Any
from urllib.parse import quote

from tests.support import runs
from tests.support.browser import go, overflow_px, run_address
from tests.support.daemon import Daemon

EVIL = "</script><!--<img src=x onerror=alert(1)><script>alert(2)</script>"
OVERRIDE = "\u2039U+202E\u203a"
"""What is shown for the character that turns the direction of text."""
LOG = r"""
import sys
sys.stdout.buffer.write(b"<script>alert(3)</script>\n\x1b[31mred <b>bold</b>\x1b[0m\n")
sys.stdout.buffer.write(b"nul \x00 bell \x07 bad utf-8 \xff\xfe\n")
sys.stdout.buffer.write("gnp.\u202eexe\u2066\n".encode())
sys.stdout.buffer.write(b"\x1b]8;;javascript:alert(4)\x1b\\link\x1b]8;;\x1b\\\x1b[999999999999999m\x1b[38;5m end\n")
sys.stdout.flush()
raise ValueError("<svg onload=alert(5)>")
"""


def nothing_ran(page: Any) -> None:
    assert page.evaluate("window.alerted ?? 0") == 0
    assert page.locator("main img, main script, main b, main svg[onload], main a[href^='javascript']").count() == 0


def test_names_arguments_and_errors_stay_text(page: Any, daemon: Daemon) -> None:
    page.add_init_script("window.alert = () => { window.alerted = 1 + (window.alerted ?? 0) }")
    job = daemon.job(f"hostile {EVIL}", LOG)
    evil = f"{EVIL} \u202egnp"
    daemon.call("UpdateJob", {"JobName": job, "JobUpdate": _with_description(daemon, job, evil)})
    ended = runs.finish(daemon, job, Arguments={"--text": evil, "--<b>": "x"})
    assert ended["JobRunState"] == "FAILED"
    for where in ("", "#/jobs", f"#/job?name={quote(job)}", "#/timeline", run_address(ended["Id"])):
        go(page, daemon, where)
        nothing_ran(page)
    page.get_by_text("<svg onload=alert(5)>").first.wait_for()
    page.get_by_text(EVIL).first.wait_for()
    assert f"{OVERRIDE}gnp" in page.locator("aside").inner_text()


def test_logs_stay_text(page: Any, daemon: Daemon) -> None:
    page.add_init_script("window.alert = () => { window.alerted = 1 + (window.alerted ?? 0) }")
    job = daemon.job("hostile log", LOG)
    ended = runs.finish(daemon, job)
    go(page, daemon, run_address(ended["Id"]))  # it failed, so this is what it complained of
    page.locator(".log-line", has_text="ValueError: <svg onload=alert(5)>").wait_for()
    nothing_ran(page)
    page.get_by_role("button", name="stdout").click()
    page.locator(".log-line .fg1").wait_for()
    lines = [line.rstrip() for line in page.locator(".log-line").all_inner_texts()]
    assert lines == [
        "<script>alert(3)</script>",
        "red <b>bold</b>",
        "nul ␀ bell ␇ bad utf-8 \ufffd\ufffd",
        f"gnp.{OVERRIDE}exe\u2039U+2066\u203a",
        "link end",
    ]
    assert page.locator(".log-line .fg1").inner_text() == "red <b>bold</b>"
    nothing_ran(page)


def test_an_address_that_means_nothing_shows_nothing_bad(page: Any, daemon: Daemon) -> None:
    page.add_init_script("window.alert = () => { window.alerted = 1 + (window.alerted ?? 0) }")
    for where in (f"#/run/{EVIL}", f"#/{EVIL}", f"#/job?name={EVIL}", f"#/runs?text={EVIL}&state=X&since=abc"):
        page.goto("about:blank")
        page.goto(f"{daemon.endpoint_url}/{where}")
        page.wait_for_selector(".connection.open")
        page.wait_for_selector(".problem, .empty, h1")
        nothing_ran(page)


def test_a_name_of_255_letters_widens_nothing(page: Any, daemon: Daemon) -> None:
    daemon.job("a" * 200, "")  # as long as the name of its script may be
    for where, width in (("#/jobs", 1280), ("#/jobs", 390), (f"#/job?name={'a' * 200}", 390)):
        page.set_viewport_size({"width": width, "height": 800})
        go(page, daemon, where)
        assert overflow_px(page) == 0
    page.set_viewport_size({"width": 1280, "height": 800})
    go(page, daemon, "#/jobs")
    page.locator("table.list").wait_for()
    assert page.evaluate("document.querySelector('table.list').scrollWidth") <= 1280


def _with_description(daemon: Daemon, job: str, text: str) -> dict[str, Any]:
    found = daemon.call("GetJob", {"JobName": job})["Job"]
    kept = {key: found[key] for key in ("Role", "Command")}
    update: dict[str, Any] = json.loads(json.dumps({**kept, "Description": text}))
    return update
