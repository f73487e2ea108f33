"""A page whose daemon is gone says so, and goes on with the next one; it can still do something there."""

from pathlib import Path
from typing import Any

from tests.support import runs
from tests.support.browser import go, run_address
from tests.support.daemon import running_daemon


def test_a_page_outlives_its_daemon(page: Any, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    with running_daemon(tmp_path / "daemon", {"ORCHESTRATOR_RUNS__STOP_GRACE_S": "0.3"}) as daemon:
        job = daemon.job("survives", runs.WAIT_FOR_GATE)
        run_id = runs.start(daemon, job, Arguments={"--gate": str(gate)})
        runs.in_state(daemon, job, run_id, "RUNNING")
        go(page, daemon)
        row = page.locator("tr", has=page.locator(f"#run-{run_id}"))
        row.locator(".state", has_text="Running").wait_for()
        daemon.kill()
        page.get_by_text("Not connected to the daemon.").wait_for()
        assert row.count() == 1, "what was known is still shown"
        gate.touch()  # it ends while nobody looks
        daemon.start()
        page.get_by_text("Not connected to the daemon.").wait_for(state="detached")
        row.locator(".state", has_text="Succeeded").wait_for()
        later = runs.start(daemon, job, Arguments={"--gate": str(gate)})
        page.locator(f"#run-{later}").wait_for()


def test_an_action_after_a_restart_takes_the_new_daemons_token(page: Any, tmp_path: Path) -> None:
    with running_daemon(tmp_path / "daemon", {"ORCHESTRATOR_RUNS__STOP_GRACE_S": "0.3"}) as daemon:
        job = daemon.job("stopped later", runs.WAIT_FOR_GATE)
        run_id = runs.start(daemon, job, Arguments={"--gate": str(tmp_path / "never")})
        runs.in_state(daemon, job, run_id, "RUNNING")
        go(page, daemon, run_address(run_id))
        daemon.kill()
        page.get_by_text("Not connected to the daemon.").wait_for()
        daemon.start()
        page.wait_for_selector(".connection.open")
        page.get_by_role("button", name="Stop", exact=True).click()
        page.get_by_role("button", name="Stop it").click()
        page.locator(".title-row .state", has_text="Stopped").wait_for()
