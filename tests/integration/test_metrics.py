"""/metrics is what Prometheus takes, and tells what has happened."""

import http.client
import re
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import pytest
from prometheus_client import Metric
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from tests.integration.test_console_routes import call as call_as_page
from tests.integration.test_idle import STORED_RUNS, store_ended_runs
from tests.support import runs
from tests.support.daemon import Daemon, running_daemon
from tests.support.waiting import until

_OPENMETRICS: Final = "application/openmetrics-text; version=1.0.0"
_LABELS: Final = {"state", "outlet", "le", "version", "python", "sqlite"}
_MOST_SCRAPE_S: Final = 0.05


def told(daemon: Daemon) -> dict[str, float]:
    """Return what is told now, by the names and labels of the series as they are written."""
    status, body, headers = daemon.get("/metrics")
    assert (status, headers["content-type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    return dict(series(text_string_to_metric_families(body.decode())))


def series(families: Iterable[Metric]) -> Iterator[tuple[str, float]]:
    for family in families:
        for sample in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
            yield f"{sample.name}{{{labels}}}" if labels else sample.name, sample.value


def scraped_as(daemon: Daemon, accept: str) -> tuple[str, str]:
    """Return the text, and its type, that who accepts `accept` is given."""
    connection = http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=10)
    try:
        connection.request("GET", "/metrics", headers={"Accept": accept})
        answer = connection.getresponse()
        return answer.read().decode(), answer.headers["Content-Type"]
    finally:
        connection.close()


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    settings = {"ORCHESTRATOR_CAPACITY__DPUS": "1"}
    with running_daemon(tmp_path_factory.mktemp("daemon"), settings) as daemon:
        yield daemon


def test_what_has_happened_is_counted(daemon: Daemon, tmp_path: Path) -> None:
    before = told(daemon)
    one: dict[str, Any] = {"MaxCapacity": 1.0, "ExecutionProperty": {"MaxConcurrentRuns": 9}}
    prints = daemon.job("prints", "#!/bin/sh\nprintf 0123456789; printf 01234 >&2", suffix=".sh", **one)
    fails = daemon.job("fails", "#!/bin/sh\nexit 3", suffix=".sh", **one)
    waits = daemon.job("waits", runs.WAIT_FOR_GATE, **one)
    for job in (prints, prints, fails):
        runs.finish(daemon, job)
    with runs.gated_run(daemon, waits, tmp_path / "gate") as first:
        second = runs.start(daemon, waits, Arguments={"--gate": str(tmp_path / "gate")})
        live = until(
            lambda: now if (now := told(daemon))["orchestrator_run_processes"] == 1 else None, what="a run looked at"
        )
        assert live is not None
        assert live["orchestrator_runs{state=RUNNING}"] == 1
        assert live["orchestrator_runs{state=STARTING}"] == 1
        assert live["orchestrator_held_runs"] == live["orchestrator_queued_runs"] == 1
        assert live["orchestrator_held_dpus"] == live["orchestrator_held_dpus_limit"] == 1
        assert 1 <= live["orchestrator_queue_age_seconds"] < 30
        assert 2**20 < live["orchestrator_run_resident_bytes"] < 2**28
        daemon.call("BatchStopJobRun", {"JobName": waits, "JobRunIds": [second]})
        daemon.ended(waits, second)
    daemon.ended(waits, first)
    until(lambda: told(daemon)["orchestrator_held_runs"] == 0, what="free slots")
    after = told(daemon)
    gone = {name: after[name] - before[name] for name in after}
    assert gone["orchestrator_runs_ended_total{state=SUCCEEDED}"] == 3
    assert gone["orchestrator_runs_ended_total{state=FAILED}"] == 1
    assert gone["orchestrator_runs_ended_total{state=STOPPED}"] == 1
    assert gone["orchestrator_acknowledgement_seconds_count"] == 5
    assert gone["orchestrator_launch_seconds_count"] == gone["orchestrator_start_latency_seconds_count"] == 4
    assert 0 < gone["orchestrator_launch_seconds_sum"] < 20
    assert gone["orchestrator_log_bytes_total"] == 2 * 15 + len("begun\n")
    assert gone["orchestrator_commit_seconds_count"] > 10
    assert after["orchestrator_queued_runs"] == after["orchestrator_queue_age_seconds"] == 0
    assert after["orchestrator_held_runs"] == after["orchestrator_run_processes"] == 0
    assert after["orchestrator_store_bytes"] > 0
    assert after["orchestrator_disk_free_bytes"] > 0
    assert time.time() - 600 < after["orchestrator_start_time_seconds"] < time.time()


def test_ends_while_no_daemon_ran_are_counted_by_the_one_that_settles_them(tmp_path: Path) -> None:
    with running_daemon(tmp_path) as daemon:
        job = daemon.job("waits", runs.WAIT_FOR_GATE)
        runs.succeed(daemon, daemon.job("quick", "#!/bin/sh\n:", suffix=".sh"))
        with runs.gated_run(daemon, job, tmp_path / "gate") as run_id:
            daemon.kill()
            (tmp_path / "gate").touch()
            daemon.start()
            daemon.ended(job, run_id)
            assert told(daemon)["orchestrator_runs_ended_total{state=SUCCEEDED}"] == 1


def test_acknowledgements_are_counted_whoever_was_given_them(daemon: Daemon) -> None:
    job = daemon.job("page", "#!/bin/sh\n:", suffix=".sh", MaxCapacity=1.0)
    name = "orchestrator_acknowledgement_seconds_count"
    before = told(daemon)[name]
    by_page = call_as_page(daemon, "StartJobRun", {"JobName": job})
    assert by_page[0] == 200
    assert told(daemon)[name] == before + 1
    assert call_as_page(daemon, "StartJobRun", {"JobName": "nobody's"})[0] == 400
    assert call_as_page(daemon, "BatchStopJobRun", {"JobName": job, "JobRunIds": [by_page[1]["JobRunId"]]})[0] == 200
    assert told(daemon)[name] == before + 1
    daemon.ended(job, by_page[1]["JobRunId"])
    runs.succeed(daemon, job)
    assert told(daemon)[name] == before + 2


def test_two_who_scrape_at_once_count_no_end_twice(daemon: Daemon) -> None:
    job = daemon.job("many", "#!/bin/sh\n:", suffix=".sh", MaxCapacity=1.0)
    name = "orchestrator_runs_ended_total{state=SUCCEEDED}"
    before = told(daemon)[name]
    for _ in range(5):
        runs.succeed(daemon, job)
    with ThreadPoolExecutor(8) as scrapers:
        seen = list(scrapers.map(lambda _: told(daemon)[name], range(40)))
    assert max(seen) == told(daemon)[name] == before + 5


def test_both_formats_are_what_the_parsers_of_prometheus_take(daemon: Daemon) -> None:
    text, media_type = scraped_as(daemon, _OPENMETRICS)
    assert media_type.startswith("application/openmetrics-text")
    strict = list(openmetrics.text_string_to_metric_families(text))  # type: ignore[no-untyped-call]
    plain = list(text_string_to_metric_families(scraped_as(daemon, "")[0]))
    assert [family.name for family in strict] == [family.name for family in plain]


def test_names_and_help_are_as_prometheus_wants_them(daemon: Daemon) -> None:
    """What `promtool check metrics` complains about."""
    families = list(text_string_to_metric_families(daemon.get("/metrics")[1].decode()))
    names = [family.name for family in families]
    assert len(names) == len(set(names)) > 20
    for family in families:
        assert re.fullmatch(r"orchestrator(_[a-z]+)+", family.name)
        assert family.documentation.endswith(".") or family.name == "orchestrator_build_info"
        assert not re.search(r"_(ms|milliseconds|minutes|kib|mib|percent|gauge|counter|histogram)(_|$)", family.name)
        assert not family.name.endswith(("_total", "_count", "_sum", "_bucket"))
        written = {sample.name for sample in family.samples}
        if family.type == "counter":
            assert written == {f"{family.name}_total"}
        elif family.type == "gauge":
            assert written <= {family.name}
        else:
            assert (family.type, family.name.endswith("_seconds")) == ("histogram", True)
        assert {name for sample in family.samples for name in sample.labels} <= _LABELS


def test_a_scrape_is_quick_however_much_is_stored(tmp_path: Path) -> None:
    daemon = Daemon(tmp_path)
    store_ended_runs(daemon.state_dir, STORED_RUNS)
    with daemon:
        spent = []
        for _ in range(20):
            began_s = time.perf_counter()
            assert daemon.get("/metrics")[0] == 200
            spent.append(time.perf_counter() - began_s)
        assert min(spent) < _MOST_SCRAPE_S, [round(one * 1000) for one in spent]
