"""An answer arrives whole or not at all, because boto3 takes one that is cut short for an empty success.

Its caller would have a run without knowing the id, and would not call again. Cut before its first byte, it is sent again.
"""

from pathlib import Path
from typing import Final

from tests.support.crashing import Lives, check_truthful, is_dead
from tests.support.daemon import ROOT
from tests.support.waiting import until

_KILLED_AFTER_THE_FIRST_BYTES: Final = """
import asyncio.selector_events, os, signal
def write(self, data, original=asyncio.selector_events._SelectorSocketTransport.write):
    original(self, data)
    if data.startswith(b"HTTP/1.1 200") and os.path.exists({armed!r}):
        os.kill(os.getpid(), signal.SIGKILL)
asyncio.selector_events._SelectorSocketTransport.write = write
"""


def test_a_daemon_that_dies_amid_an_answer_has_sent_all_of_it(tmp_path: Path) -> None:
    armed = tmp_path / "armed"
    (tmp_path / "sitecustomize.py").write_text(_KILLED_AFTER_THE_FIRST_BYTES.format(armed=str(armed)))
    with Lives(tmp_path, environment={"PYTHONPATH": f"{tmp_path}:{ROOT}"}) as lives:
        job = lives.client.job("job", lives.markers.script())
        client = lives.daemon.client(retries={"mode": "legacy", "max_attempts": 1})
        armed.touch()
        answer = client.start_job_run(JobName=job)
        until(lambda: is_dead(lives.daemon), what="the daemon's death")
        armed.unlink()
        lives.revive()
        run_id = answer["JobRunId"]
        lives.wait_for_end(run_id)
        assert check_truthful(lives.daemon, run_id)["state"] == "SUCCEEDED"
        assert len(lives.markers.all("start")) == 1
