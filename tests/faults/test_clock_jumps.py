"""A wall clock that is set back by an hour and forward by a day fires nothing twice, and ends nothing before its time."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support import runs
from tests.support.crashing import Lives, check_nothing_left, check_ran_once, check_truthful
from tests.support.fake_clock import FakeClock
from tests.support.waiting import until

_NOON: Final = datetime(2030, 1, 15, 12, tzinfo=UTC)
_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)


class Scene:
    """A daemon whose wall clock can be set."""

    def __init__(self, lives: Lives, clock: FakeClock) -> None:
        """Begin with a job for whatever is started."""
        self.lives = lives
        self._clock = clock
        self.job("probe", "")
        self.fires("bell", "cron(0 0 1 1 ? 2099)", "probe")

    def job(self, name: str, body: str, **members: Any) -> str:
        """Create a job of which many may run at once."""
        many = {"ExecutionProperty": {"MaxConcurrentRuns": 50}}
        return self.lives.client.job(name, self.lives.markers.script(body), **many, **members)

    def fires(self, name: str, schedule: str, job: str) -> None:
        """Create a schedule."""
        trigger = {"Name": name, "Type": "SCHEDULED", "Schedule": schedule, "StartOnCreation": True}
        assert self.lives.client.call("CreateTrigger", **trigger, Actions=[{"JobName": job}]) == {"Name": name}

    def jump_to(self, moment: datetime) -> None:
        """Set the clock to just behind a whole minute, and wait until the daemon has looked at it."""
        before = len(self.started("probe"))
        self.fires(f"probe_{before}", f"cron({moment.minute} {moment.hour} {moment.day} * ? *)", "probe")
        self._clock.set((moment + timedelta(seconds=1)).timestamp())
        for action in ("StopTrigger", "StartTrigger"):  # otherwise it may take half a minute
            assert self.lives.client.call(action, Name="bell") == {"Name": "bell"}
        until(lambda: len(self.started("probe")) > before, what="a look at the clock")

    def started(self, job: str) -> list[datetime]:
        """Return when the runs of a job were started, by the clock that was set, the first one first."""
        found = self.lives.daemon.call("GetJobRuns", {"JobName": job})["JobRuns"]
        return [
            datetime.fromtimestamp(run["StartedOn"], UTC).replace(second=0, microsecond=0) for run in reversed(found)
        ]


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    """Lend a scene in the morning."""
    clock = FakeClock(tmp_path / "clock", (_NOON - 3 * _HOUR / 2).timestamp())
    settings: dict[str, Any] = {"retries__first_delay_s": 60, "retries__longest_delay_s": 60, "retention__days": 0}
    with Lives(tmp_path, environment=clock.environment, **settings) as lives:
        yield Scene(lives, clock)


@pytest.mark.crash_full
@pytest.mark.timeout(150)
def test_a_clock_that_jumps_fires_nothing_twice_and_times_nothing_out(scene: Scene, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    scene.job("hourly", "")
    scene.fires("hourly", "cron(0 * * * ? *)", "hourly")
    long = scene.job("long", f"import time\nwhile not os.path.exists({str(gate)!r}): time.sleep(0.01)", Timeout=3)
    failing = scene.job("failing", "sys.exit(os.environ['ORCH_JOB_ATTEMPT'] == '0')", MaxRetries=1)
    scene.jump_to(_NOON)
    assert scene.started("hourly") == [_NOON]
    live, failed = scene.lives.client.start(long), scene.lives.client.start(failing)
    scene.lives.wait_for_end(failed)
    runs.in_state(scene.lives.daemon, long, live, "RUNNING")

    scene.jump_to(_NOON - _HOUR + timedelta(minutes=2))
    until(lambda: len(scene.started("failing")) == 2, what="the retry, which is further off than any pause")
    scene.lives.daemon.kill()
    scene.lives.revive()
    scene.jump_to(_NOON)  # it comes again
    scene.jump_to(_NOON + _DAY + timedelta(minutes=31))
    scene.jump_to(_NOON + _DAY + _HOUR)

    assert scene.started("hourly") == [_NOON, _NOON + _DAY + _HOUR], "each instant once, and none that was jumped over"
    assert len(scene.started("failing")) == 2
    assert scene.lives.daemon.run(long, live)["JobRunState"] == "RUNNING"
    gate.touch()
    scene.lives.wait_for_end(live)
    run = check_truthful(scene.lives.daemon, live)
    assert run["state"] == "SUCCEEDED", "three minutes of the script are not over because the clock says so"
    check_ran_once(scene.lives.markers, run)
    check_nothing_left(scene.lives.daemon, scene.lives.markers)


@pytest.mark.crash_full
@pytest.mark.timeout(150)
def test_a_timeout_comes_after_its_minutes_whatever_the_clock_says(scene: Scene) -> None:
    long = scene.job("long", "import time; time.sleep(600)", Timeout=1)
    live = scene.lives.client.start(long)
    scene.lives.markers.wait_for("start", run_id=live)
    began = time.monotonic()
    scene.jump_to(_NOON - _HOUR)
    until(lambda: "CompletedOn" in scene.lives.daemon.run(long, live), within_s=90, what="the time-out")
    assert 55 < time.monotonic() - began < 90
    assert check_truthful(scene.lives.daemon, live)["state"] == "TIMEOUT"
    check_nothing_left(scene.lives.daemon, scene.lives.markers)
