"""Whatever is sent, it is answered, soon, with what Glue's model knows, and it costs the daemon nothing for good."""

from pathlib import Path
from typing import Final

import pytest

from tests.fuzz import campaign
from tests.support.daemon import Daemon
from tests.support.runs import succeed

SEED: Final = 1
SLOWEST_S: Final = 5


@pytest.mark.timeout(300)
@pytest.mark.parametrize("count", [1_500, pytest.param(10_000, marks=pytest.mark.soak)])
def test_no_request_breaks_the_daemon(count: int, tmp_path: Path) -> None:
    daemon = Daemon(tmp_path)
    campaign.job_files(daemon)
    with daemon:
        report = campaign.run(campaign.scene(daemon), count=count, seed=SEED)

        assert report.complaints == []
        assert report.sent == count
        assert report.slowest_s < SLOWEST_S
        assert report.growth_bytes < campaign.MAX_GROWTH_BYTES
        assert '"level": "error"' not in daemon.log()
        succeed(daemon, daemon.job("afterwards", "print('well')"))
