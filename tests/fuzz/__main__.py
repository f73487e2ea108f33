"""Send a daemon requests, good and bad, and complain. `python -m tests.fuzz --count 10000 --seed 1`."""

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from tests.fuzz import campaign
from tests.support.daemon import Daemon

_SHOWN: Final = 20


def main() -> int:
    """Do as the arguments say; return 1 if there is a complaint."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--count", type=int, default=10_000, help="how many requests")
    parser.add_argument("--seed", type=int, default=1, help="which requests")
    parser.add_argument("--first", type=int, default=0, help="the number of the first one, to send some of them again")
    options = parser.parse_args()
    began_s = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="fuzz-") as root:
        daemon = Daemon(Path(root))
        campaign.job_files(daemon)
        with daemon:
            stage = campaign.scene(daemon)
            report = campaign.run(stage, count=options.count, seed=options.seed, first=options.first)
    for complaint in report.complaints[:_SHOWN]:
        sys.stdout.write(f"{complaint}\n")
    sys.stdout.write(
        f"{report.sent:,} requests of seed {options.seed} in {time.monotonic() - began_s:.0f} s; "
        f"answers: {', '.join(f'{count:,} × {status}' for status, count in sorted(report.statuses.items()))}; "
        f"the slowest after {report.slowest_s:.2f} s; "
        f"memory {report.warm_bytes / 2**20:.1f} MiB after warm-up, {report.end_bytes / 2**20:.1f} MiB at the end; "
        f"{len(report.complaints)} complaints\n"
    )
    return 1 if report.complaints or report.growth_bytes > campaign.MAX_GROWTH_BYTES else 0


if __name__ == "__main__":
    sys.exit(main())
