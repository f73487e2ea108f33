"""Who follows the events sees every step, also what happened while it was away; who does not read is let go."""

import contextlib
import json
from pathlib import Path

from tests.support import runs
from tests.support.daemon import Daemon, running_daemon
from tests.support.event_stream import EventStream
from tests.support.waiting import until


def states_of(stream: EventStream, run_id: str) -> list[str]:
    """Return a run's steps by their events; None is the acceptance."""
    return [one.data["event"] for one in stream.events if one.name == "run" and one.data["run"]["id"] == run_id]


def test_a_follower_sees_every_step_in_its_order(daemon: Daemon) -> None:
    job = daemon.job("followed", "pass\n")
    with EventStream(daemon) as stream:
        ready = stream.wait_for("ready")
        run_id = runs.succeed(daemon, job)["Id"]
        until(lambda: len(states_of(stream, run_id)) == 3, what="three steps")
        assert states_of(stream, run_id) == [None, "LAUNCHED", "SUCCEEDED"]
        numbers = [one.id for one in stream.events]
        assert numbers == list(range(ready.id, ready.id + len(numbers)))
        last = stream.events[-1].data
        assert (last["run"]["state"], last["run"]["exit_code"]) == ("SUCCEEDED", 0)
        assert last["at_ms"] == runs.details(daemon, run_id)["history"][-1]["at_ms"]


def test_secrets_are_hidden_from_followers(daemon: Daemon) -> None:
    job = daemon.job("secretive", "raise ValueError('token=hunter2')\n")
    with EventStream(daemon) as stream:
        stream.wait_for("ready")
        run_id = runs.finish(daemon, job, Arguments={"--password": "hunter2"})["Id"]
        told = stream.wait_for("run", lambda data: data["run"]["id"] == run_id and data["run"]["error_message"])
        assert "token=***" in told.data["run"]["error_message"]
        assert "arguments" not in told.data["run"]


def test_a_changed_definition_is_told(daemon: Daemon) -> None:
    with EventStream(daemon) as stream:
        seq = stream.wait_for("ready").id
        daemon.job("defined", "pass\n")
        assert stream.wait_for("definitions").data == {"seq": seq + 1}


def test_who_comes_back_is_told_what_it_missed_and_nothing_twice(daemon: Daemon) -> None:
    job = daemon.job("missed", "pass\n")
    with EventStream(daemon) as stream:
        seen = stream.wait_for("ready").id
    run_id = runs.succeed(daemon, job)["Id"]
    with EventStream(daemon, last_event_id=seen) as stream, EventStream(daemon) as other:
        assert stream.wait_for("ready").id == seen
        other.wait_for("ready")
        until(lambda: len(states_of(stream, run_id)) == 3, what="three steps")
        next_id = runs.succeed(daemon, job)["Id"]
        until(lambda: len(states_of(stream, next_id)) == 3, what="three more")
        until(lambda: len(states_of(other, next_id)) == 3, what="three steps for who came anew")
        numbers = [one.id for one in stream.events]
        assert numbers == list(range(seen, seen + len(numbers)))
        assert states_of(other, run_id) == []


def test_who_is_alone_is_told_what_it_missed_though_nothing_more_happens(tmp_path: Path) -> None:
    with running_daemon(tmp_path) as daemon:
        with EventStream(daemon) as stream:
            seen = stream.wait_for("ready").id
            run_id = runs.succeed(daemon, daemon.job("missed", "pass\n"))["Id"]
            until(lambda: len(states_of(stream, run_id)) == 3, what="three steps")
        daemon.kill()
        daemon.start()
        for _ in range(3):  # the feed of the first is at rest when the second comes
            with EventStream(daemon, last_event_id=seen) as stream:
                until(lambda: len(states_of(stream, run_id)) == 3, what="three steps")


def test_a_number_that_is_not_ours_is_answered_with_a_reset(daemon: Daemon) -> None:
    with EventStream(daemon) as stream:
        last = stream.wait_for("ready").id
    with EventStream(daemon, last_event_id=last + 1_000_000) as stream:
        told = stream.wait_for("reset")
        assert told.id == last
    status, body, _ = daemon.get("/events?after=x")
    assert (status, json.loads(body)["__type"]) == (400, "InvalidInputException")


def test_a_restarted_daemon_goes_on_with_the_numbers(tmp_path: Path) -> None:
    with running_daemon(tmp_path) as daemon:
        job = daemon.job("kept", "pass\n")
        with EventStream(daemon) as stream:
            seen = stream.wait_for("ready").id
            daemon.kill()
            until(lambda: stream.has_ended, what="the end of the stream")
        daemon.start()
        run_id = runs.succeed(daemon, job)["Id"]
        with EventStream(daemon, last_event_id=seen) as stream:
            until(lambda: len(states_of(stream, run_id)) == 3, what="three steps")


def test_a_daemon_that_ends_ends_its_streams_at_once(tmp_path: Path) -> None:
    with running_daemon(tmp_path) as daemon:
        with EventStream(daemon) as stream:
            stream.wait_for("ready")
            assert daemon.terminate() == 0
            until(lambda: stream.has_ended, what="the end of the stream")
        assert "Traceback" not in daemon.log()
        assert "without completing" not in daemon.log()


def test_only_so_many_may_follow_and_who_goes_makes_room(tmp_path: Path) -> None:
    with running_daemon(tmp_path) as daemon, contextlib.ExitStack() as streams:
        followers = [streams.enter_context(EventStream(daemon)) for _ in range(64)]
        for one in followers:
            one.wait_for("ready")
        status, body, _ = daemon.get("/events")
        assert (status, json.loads(body)["__type"]) == (503, "ServiceUnavailableException")
        followers[0].close()

        def has_room() -> bool:
            with EventStream(daemon) as stream:
                return stream.status == 200

        until(has_room, what="room for another")
