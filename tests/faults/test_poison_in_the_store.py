"""What no call would have let in, put into the store by hand, fails the run that has it, and no other.

That it is refused at the door is held by test_http.py, test_start_job_run.py and test_jobs.py in tests/integration.
"""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from tests.support.chain_calls import is_quiet
from tests.support.chain_calls import runs as stored_runs
from tests.support.crashing import Lives, check_nothing_left, check_truthful
from tests.support.waiting import until

_POISON: Final = {
    "a NUL in a value": json.dumps({"--a": "x\0y"}),
    "a NUL in a key": json.dumps({"--a\0b": "x"}),
    "half a surrogate pair": json.dumps({"--a": "\ud800"}),
    "half a surrogate pair in a key": json.dumps({"--\udc00": "x"}),
    "a value that the kernel does not take": json.dumps({"--a": "x" * 200_000}),
    "more than the kernel takes together": json.dumps({f"--{number}": "x" * 100_000 for number in range(40)}),
    "an option that nobody knows": json.dumps({"--job-bookmark-option": "\0"}),
}


def test_a_run_with_arguments_that_no_process_can_be_given_fails_alone(tmp_path: Path) -> None:
    with Lives(tmp_path, capacity__dpus=10) as lives:
        go = tmp_path / "go"
        script = lives.markers.script(f"import time\nwhile not os.path.exists({str(go)!r}): time.sleep(0.01)")
        job = lives.client.job("job", script, ExecutionProperty={"MaxConcurrentRuns": 100})
        first = lives.client.start(job)
        lives.markers.wait_for("start", run_id=first)
        run_ids = {name: lives.client.start(job) for name in [*_POISON, "well"]}  # they wait for the first one's slot
        lives.daemon.kill()
        with closing(sqlite3.connect(lives.daemon.state_dir / "state.db", isolation_level=None)) as store:
            for name, text in _POISON.items():
                base = bytes.fromhex(run_ids[name].removeprefix("jr_"))
                changed = store.execute("UPDATE job_run SET arguments = ? WHERE base_id = ?", (text, base))
                assert changed.rowcount == 1
        lives.revive()
        go.touch()
        until(lambda: is_quiet(lives.daemon), what="the end of all runs")
        ended = {run["id"]: run["state"] for run in stored_runs(lives.daemon)}
        states = {name: ended[run_id] for name, run_id in run_ids.items()}
        assert states == {**dict.fromkeys(_POISON, "FAILED"), "well": "SUCCEEDED"}
        assert {one.run_id for one in lives.markers.all()} == {first, run_ids["well"]}
        assert len(lives.daemon.call("GetJobRuns", {"JobName": job})["JobRuns"]) == len(run_ids) + 1
        check_nothing_left(lives.daemon, lives.markers)


def test_jobs_whose_script_or_name_no_process_can_be_given_fail_their_runs_alone(tmp_path: Path) -> None:
    with Lives(tmp_path) as lives:
        jobs = [lives.client.job(f"job{number}", lives.markers.script()) for number in range(4)]
        lives.daemon.kill()
        with closing(sqlite3.connect(lives.daemon.state_dir / "state.db", isolation_level=None)) as store:
            for job, bad in zip(jobs[1:3], ("/no/such\0script.py", "/no/\ud800.py"), strict=True):
                definition, key = store.execute(
                    "SELECT definition, v.version_key FROM job_version AS v JOIN job USING (job_key) WHERE name = ?",
                    (job,),
                ).fetchone()
                fields = json.loads(definition)
                fields["command"]["script_location"] = bad
                store.execute("UPDATE job_version SET definition = ? WHERE version_key = ?", (json.dumps(fields), key))
            store.execute("UPDATE job SET name = 'long' || hex(zeroblob(100000)) WHERE name = ?", (jobs[3],))
            [(jobs[3],)] = store.execute("SELECT name FROM job WHERE name LIKE 'long%'").fetchall()
        lives.revive()
        for job in jobs[1:3]:
            run_id = lives.client.start(job)
            lives.wait_for_end(run_id)
            assert check_truthful(lives.daemon, run_id)["state"] == "FAILED"
        well = lives.client.start(jobs[0])
        lives.wait_for_end(well)
        assert check_truthful(lives.daemon, well)["state"] == "SUCCEEDED"
        assert lives.daemon.call("ListJobs", {})["JobNames"]
