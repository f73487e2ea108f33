"""A daemon that is killed while it keeps what runs use, or proves that it can write: no run notices, and all is whole."""

import contextlib
import http.client
from pathlib import Path

import pytest

from tests.support.chain_calls import rows
from tests.support.crash_points import LOOKING_WRITES, points_of
from tests.support.crashing import Lives, check_nothing_left, check_ran_once, check_truthful
from tests.support.waiting import until


@pytest.mark.parametrize("point", points_of(*LOOKING_WRITES))
def test_a_kill_while_somebody_looks_harms_no_run_and_the_next_daemon_looks_on(point: str, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    with Lives(tmp_path, [point]) as lives:
        lives.client.job(
            "long", lives.markers.script(f"import time\nwhile not os.path.exists({str(gate)!r}): time.sleep(0.01)")
        )
        run_id = lives.client.start("long")
        lives.markers.wait_for("start", run_id=run_id)

        def has_died_there() -> bool:
            with contextlib.suppress(OSError, http.client.HTTPException):
                lives.daemon.get("/readyz")
            return point in lives.reached()

        until(has_died_there, what=f"a death at {point}")
        lives.revive()
        before = len(rows(lives.daemon, "SELECT * FROM sample"))
        until(lambda: len(rows(lives.daemon, "SELECT * FROM sample")) > before + 1, what="samples of the next daemon")
        assert lives.daemon.get("/readyz")[0] == http.client.OK
        gate.touch()
        lives.wait_for_end(run_id)
        run = check_truthful(lives.daemon, run_id)
        assert run["state"] == "SUCCEEDED"
        check_ran_once(lives.markers, run)
        check_nothing_left(lives.daemon, lives.markers)
        assert lives.deaths == 1
        assert rows(lives.daemon, "SELECT * FROM tag") == []
        used = rows(lives.daemon, "SELECT cpu_ms FROM sample ORDER BY after_ms")
        assert used == sorted(used)
