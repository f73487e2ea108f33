"""Notices reach webhooks, commands and files at least once and in their order, whoever fails meanwhile."""

import base64
import contextlib
import itertools
import json
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import psutil
import standardwebhooks

from orchestrator.faces.cli.exit_codes import ExitCode
from orchestrator.model.notices import GIVEN_UP_AFTER_MS, GIVEN_UP_AFTER_REFUSALS, GIVEN_UP_AFTER_TRIES
from tests.support import command, other_user, runs
from tests.support.chain_calls import rewrite, rows
from tests.support.daemon import Daemon
from tests.support.receiver import Receiver, hang, raw, status
from tests.support.waiting import until

SECRET: Final = f"whsec_{base64.b64encode(bytes(range(32))).decode()}"
QUICK: Final = "print('hello')\n"
FAILING: Final = "raise SystemExit(3)\n"
EX_CONFIG: Final = 78


def environment(**outlets: dict[str, Any]) -> dict[str, str]:
    return {
        "ORCHESTRATOR_NOTICES": json.dumps(outlets),
        "ORCHESTRATOR_LOG_FORMAT": "json",
        "ORCHESTRATOR_LOG_LEVEL": "debug",
    }


@contextlib.contextmanager
def told(root: Path, **outlets: dict[str, Any]) -> Iterator[Daemon]:
    """Lend a running daemon with these outlets; it has had no trouble that it did not name."""
    with Daemon(root, environment(**outlets)) as daemon:
        yield daemon
        assert "notice_trouble" not in daemon.log()
        assert "Traceback" not in daemon.log()


def lines(path: Path) -> list[dict[str, Any]]:
    """Return the events in a file of notices."""
    return [json.loads(line) for line in path.read_bytes().splitlines()] if path.exists() else []


def wait_for_lines(path: Path, count: int) -> list[dict[str, Any]]:
    until(lambda: len(lines(path)) >= count, what=f"{count} lines of {path}")
    return lines(path)


def wait_for_log(daemon: Daemon, event: str, count: int = 1) -> list[dict[str, Any]]:
    """Wait until the log has so many lines of an event; return them."""

    def look() -> list[dict[str, Any]] | None:
        found = [json.loads(line) for line in daemon.log().splitlines() if f'"event": "{event}"' in line]
        return found if len(found) >= count else None

    return until(look, what=f"{count} × {event}") or []


def run_ids(events: list[dict[str, Any]]) -> list[str]:
    return [event["detail"]["jobRunId"] for event in events]


def places(daemon: Daemon) -> dict[str, int]:
    return dict(rows(daemon, "SELECT name, place FROM outlet"))


def test_each_end_reaches_a_webhook_a_command_and_a_file(tmp_path: Path) -> None:
    kept, said = tmp_path / "kept.jsonl", tmp_path / "said.jsonl"
    handler = ["/bin/sh", "-c", f"cat >>{said}; echo >>{said}; echo thanks"]
    hook = {"secret": SECRET}
    with (
        Receiver() as receiver,
        told(
            tmp_path, hook={"webhook": receiver.url, **hook}, handler={"command": handler}, kept={"file": str(kept)}
        ) as daemon,
    ):
        first = runs.finish(daemon, daemon.job("good", QUICK))
        second = runs.finish(daemon, daemon.job("bad", FAILING))
        received = receiver.wait_for(2)
        events = [one.event for one in received]
        assert events == wait_for_lines(kept, 2) == wait_for_lines(said, 2)
        assert wait_for_log(daemon, "notice_command")[0]["output"] == "thanks\n"
    assert [(event["detail"]["jobRunId"], event["detail"]["state"]) for event in events] == [
        (first["Id"], "SUCCEEDED"),
        (second["Id"], "FAILED"),
    ]
    assert events[1]["detail"]["message"] == second["ErrorMessage"]
    assert events[1]["detail-type"] == "Glue Job State Change"
    for one in received:
        assert one.headers["webhook-id"] == one.event["id"]
        assert standardwebhooks.Webhook(SECRET).verify(one.body, one.headers) == one.event


def test_an_outlet_is_told_of_the_jobs_and_states_that_it_asks_for(tmp_path: Path) -> None:
    by_job, by_state = tmp_path / "by-job", tmp_path / "by-state"
    outlets = {
        "by-job": {"file": str(by_job), "jobs": ["bad*", "x"]},
        "by-state": {"file": str(by_state), "states": ["SUCCEEDED"]},
    }
    with told(tmp_path, **outlets) as daemon:
        bad, good = daemon.job("bad-one", FAILING), daemon.job("good", QUICK)
        ended = [runs.finish(daemon, job)["Id"] for job in (good, bad, good, bad)]
        assert run_ids(wait_for_lines(by_job, 2)) == [ended[1], ended[3]]
        assert run_ids(wait_for_lines(by_state, 2)) == [ended[0], ended[2]]
    assert run_ids(lines(by_job)) == [ended[1], ended[3]]


def test_what_fails_is_sent_again_in_order_and_with_the_same_id(tmp_path: Path) -> None:
    answers = (status(500), raw(b""), status(200), status(302, Location="/elsewhere"))
    with Receiver(*answers) as receiver, told(tmp_path, hook={"webhook": receiver.url, "timeout_s": 2}) as daemon:
        job = daemon.job("j", QUICK)
        ended = [runs.succeed(daemon, job)["Id"] for _ in range(3)]
        received = receiver.wait_for(6)
        assert [ended.index(one.event["detail"]["jobRunId"]) for one in received] == [0, 0, 0, 1, 1, 2]
        assert len(set(receiver.ids)) == 3
        assert len({one.body for one in received}) == 3
        assert [one["problem"] for one in wait_for_log(daemon, "notice_not_taken", 3)] == [
            "the webhook answered 500",
            "the webhook has closed the connection without an answer",
            "the webhook answered 302",
        ]
        assert [one["tries"] for one in wait_for_log(daemon, "notice_not_taken")] == [1, 2, 1]
        until(lambda: places(daemon)["hook"] == 3, what="the place behind the last event")


def test_a_pause_between_two_tries_outlives_the_daemon(tmp_path: Path) -> None:
    with Receiver(status(500)) as receiver, told(tmp_path, hook={"webhook": receiver.url}) as daemon:
        runs.succeed(daemon, daemon.job("j", QUICK))
        (failed,) = wait_for_log(daemon, "notice_not_taken")
        assert 1 < failed["retry_in_s"] < 3
        until(lambda: rows(daemon, "SELECT tries FROM outlet") == [(1,)], what="a failure on disk")
        daemon.kill()
        due_ms = time.time_ns() // 1_000_000 + 3_000
        rewrite(daemon, f"UPDATE outlet SET due_ms = {due_ms}")  # noqa: S608
        daemon.start()
        receiver.wait_for(2)
        assert time.time_ns() // 1_000_000 >= due_ms
        assert receiver.ids[0] == receiver.ids[1]
        wait_for_log(daemon, "notices_go_on")
        until(lambda: rows(daemon, "SELECT place, tries, due_ms FROM outlet") == [(1, 0, None)], what="all is well")


def test_one_outlet_that_hangs_holds_up_no_run_no_other_outlet_and_no_end_of_the_daemon(tmp_path: Path) -> None:
    kept, pids = tmp_path / "kept", tmp_path / "pids"
    handler = ["/bin/sh", "-c", f"sleep 600 & echo $$ $! >{pids}.new; mv {pids}.new {pids}; wait"]
    with Receiver(hang, hang) as receiver:
        hook = {"webhook": receiver.url, "timeout_s": 600}
        slow = {"command": handler, "timeout_s": 600}
        with told(tmp_path, hook=hook, handler=slow, kept={"file": str(kept)}) as daemon:
            job = daemon.job("j", QUICK)
            ended = [runs.succeed(daemon, job)["Id"] for _ in range(3)]
            assert run_ids(wait_for_lines(kept, 3)) == ended
            assert len(receiver.wait_for(1)) == 1
            until(pids.exists, what="the command")
            began_s = time.monotonic()
            assert daemon.terminate() == 0
            assert time.monotonic() - began_s < 5
            until(lambda: not any(map(psutil.pid_exists, map(int, pids.read_text().split()))), what="its end")
            assert places(daemon) == {"hook": 0, "handler": 0, "kept": 3}
            pids.unlink()
            daemon.start()
            receiver.wait_for(2)
            until(pids.exists, what="the command, again")
            assert daemon.terminate() == 0  # killed, it would leave the command to itself
    assert receiver.ids[0] == receiver.ids[1]
    assert run_ids(lines(kept)) == ended


def test_a_run_is_told_to_be_late_before_it_is_told_to_have_ended_whatever_fails(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    with (
        Receiver(status(503), status(503)) as receiver,
        told(tmp_path, hook={"webhook": receiver.url, "states": ["RUNNING", "SUCCEEDED"]}) as daemon,
    ):
        job = daemon.job("slow", runs.WAIT_FOR_GATE, NotificationProperty={"NotifyDelayAfter": 1})
        run_id = runs.start(daemon, job, Arguments={"--gate": str(gate)})
        runs.in_state(daemon, job, run_id, "RUNNING")
        daemon.kill()
        rewrite(daemon, "UPDATE job_run SET launched_on_ms = launched_on_ms - 60000")
        daemon.start()
        receiver.wait_for(1)
        gate.touch()
        daemon.ended(job, run_id)
        events = [one.event for one in receiver.wait_for(4)]
    assert [(one["detail-type"], one["detail"]["state"]) for one in events] == [
        *[("Glue Job Run Status", "RUNNING")] * 3,
        ("Glue Job State Change", "SUCCEEDED"),
    ]
    assert events[0]["detail"]["notificationCondition"] == {"NotifyDelayAfter": 1.0}


def test_an_outlet_begins_with_what_happens_from_then_on_and_one_that_is_gone_is_forgotten(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    with told(tmp_path, first={"file": str(first)}) as daemon:
        job = daemon.job("j", QUICK)
        ended = [runs.succeed(daemon, job)["Id"]]
        wait_for_lines(first, 1)
        daemon.terminate()
        daemon.environment.update(environment(second={"file": str(second)}))
        daemon.start()
        assert places(daemon) == {"second": 1}
        ended.append(runs.succeed(daemon, job)["Id"])
        assert run_ids(wait_for_lines(second, 1)) == ended[1:]
        daemon.terminate()
        daemon.environment.update(environment())
        daemon.start()
        assert places(daemon) == {}
    assert run_ids(lines(first)) == ended[:1]


def given_up_at_the_next_try(root: Path, code: int, *, tries: int, age_ms: int = 0) -> None:
    """Hold that an event is given up whose `tries` before the last have failed, and that the one behind it is taken."""
    with Receiver(status(code), status(code)) as receiver, told(root, hook={"webhook": receiver.url}) as daemon:
        job = daemon.job("j", QUICK)
        poison = runs.succeed(daemon, job)["Id"]
        wait_for_log(daemon, "notice_not_taken")
        daemon.kill()
        rewrite(daemon, f"UPDATE outlet SET tries = {tries - 1}, due_ms = NULL")  # noqa: S608
        rewrite(daemon, f"UPDATE event SET at_ms = at_ms - {age_ms}")  # noqa: S608
        daemon.start()
        (given_up,) = wait_for_log(daemon, "notice_given_up")
        assert (given_up["level"], given_up["outlet"], given_up["run_id"]) == ("error", "hook", poison)
        assert (given_up["tries"], given_up["problem"]) == (tries, f"the webhook answered {code}")
        other = runs.succeed(daemon, job)["Id"]
        assert run_ids([one.event for one in receiver.wait_for(3)]) == [poison, poison, other]
        if age_ms:
            wait_for_log(daemon, "notices_go_on")


def test_an_event_that_nobody_takes_is_given_up_after_a_day_and_the_next_goes_on(tmp_path: Path) -> None:
    given_up_at_the_next_try(tmp_path, 500, tries=GIVEN_UP_AFTER_TRIES, age_ms=GIVEN_UP_AFTER_MS)


def test_a_notice_that_a_webhook_cannot_take_is_given_up_soon_and_the_next_goes_on(tmp_path: Path) -> None:
    given_up_at_the_next_try(tmp_path, 422, tries=GIVEN_UP_AFTER_REFUSALS)


def test_a_webhook_that_is_gone_is_left_alone_until_the_daemon_starts_again(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    with (
        Receiver(status(410)) as receiver,
        told(tmp_path, hook={"webhook": receiver.url}, kept={"file": str(kept)}) as daemon,
    ):
        job = daemon.job("j", QUICK)
        ended = [runs.succeed(daemon, job)["Id"]]
        wait_for_log(daemon, "outlet_gone")
        ended.append(runs.succeed(daemon, job)["Id"])
        wait_for_lines(kept, 2)
        assert len(receiver.received) == 1
        daemon.terminate()
        daemon.start()
        assert run_ids([one.event for one in receiver.wait_for(3)]) == [ended[0], *ended]


def test_a_receiver_that_is_down_and_a_command_that_is_missing_get_all_when_they_are_there(tmp_path: Path) -> None:
    receiver, program, said = Receiver(), tmp_path / "handler", tmp_path / "said"
    with told(tmp_path, hook={"webhook": receiver.url}, handler={"command": [str(program)]}) as daemon:
        job = daemon.job("j", QUICK)
        ended = [runs.succeed(daemon, job)["Id"] for _ in range(2)]
        problems = {one["outlet"]: one["problem"] for one in wait_for_log(daemon, "notice_not_taken", 2)}
        assert problems["hook"] == "the webhook cannot be reached: Connection refused"
        assert problems["handler"].startswith(f"{program}: ")
        program.write_text(f"#!/bin/sh\ncat >>{said}\necho >>{said}\n")
        program.chmod(0o700)
        with receiver:
            assert run_ids([one.event for one in receiver.wait_for(2)]) == ended
        assert run_ids(wait_for_lines(said, 2)) == ended


def test_a_command_that_fails_or_takes_too_long_is_tried_again(tmp_path: Path) -> None:
    said = tmp_path / "said"
    script = f"echo x >>{said}; case $(wc -l <{said}) in 1) exit 9;; 2) kill -TERM $$;; 3) sleep 600;; esac"
    with told(tmp_path, handler={"command": ["/bin/sh", "-c", script], "timeout_s": 1}) as daemon:
        runs.succeed(daemon, daemon.job("j", QUICK))
        assert [one["problem"] for one in wait_for_log(daemon, "notice_not_taken", 3)] == [
            "the command ended with 9",
            "the command ended by signal 15",
            "the command was killed: it took longer than 1 s",
        ]
        until(lambda: places(daemon)["handler"] == 1, what="that it is taken")
    assert said.read_text() == "x\n" * 4


def test_a_command_gets_a_small_environment_and_nothing_of_the_daemons(tmp_path: Path) -> None:
    said = tmp_path / "said"
    with Daemon(
        tmp_path, environment(handler={"command": ["/bin/sh", "-c", f"env >{said}.new; mv {said}.new {said}"]})
    ) as daemon:
        daemon.environment["DAEMONS_OWN"] = "x"
        daemon.terminate()
        daemon.start()
        runs.succeed(daemon, daemon.job("j", QUICK))
        until(said.exists, what="the command")
    variables = {line.partition("=")[0] for line in said.read_text().splitlines()}
    assert variables - {"PWD", "OLDPWD", "SHLVL", "_"} == {"PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG"}


def test_a_daemon_of_root_executes_no_command_as_root_unless_told_to(tmp_path: Path) -> None:
    other_user.require()
    with (
        tempfile.TemporaryDirectory(prefix="orchestrator-") as folder,  # that others get to, unlike pytest's
        told(tmp_path, handler={"command": ["/bin/sh", "-c", f"id -un >{folder}/said"]}) as daemon,
    ):
        Path(folder).chmod(0o777)
        said = Path(folder, "said")
        daemon.terminate()
        daemon.environment["ORCHESTRATOR_RUNS__ALLOW_ROOT"] = "false"
        daemon.start()
        runs.finish(daemon, daemon.job("j", QUICK))
        assert "The run would be root's" in wait_for_log(daemon, "notice_not_taken")[0]["problem"]
        assert not said.exists()
        daemon.terminate()
        daemon.environment["ORCHESTRATOR_RUNS__RUN_AS"] = "nobody"
        daemon.start()
        until(lambda: said.exists() and said.read_text() == "nobody\n", what="the command")


def test_a_secret_of_a_webhook_is_shown_nowhere(tmp_path: Path) -> None:
    hidden = SECRET.removeprefix("whsec_")
    file = tmp_path / "hook"
    file.write_text(f"{SECRET}\n")
    file.chmod(0o600)
    settings = environment(one={"webhook": "", "secret": SECRET}, two={"webhook": "", "secret_file": str(file)})
    with Receiver(status(500)) as receiver:
        settings["ORCHESTRATOR_NOTICES"] = settings["ORCHESTRATOR_NOTICES"].replace('""', json.dumps(receiver.url))
        with Daemon(tmp_path, settings) as daemon:
            runs.succeed(daemon, daemon.job("j", "import os; print(dict(os.environ))\n"))
            for one in receiver.wait_for(3):
                standardwebhooks.Webhook(SECRET).verify(one.body, one.headers)
            copy = tmp_path / "copy.db"
            places_of = ("--state-dir", str(daemon.state_dir), "--port", str(daemon.port))
            said = [
                command.call(daemon.root, *call, *places_of, more=settings)
                for call in (["doctor"], ["check"], ["backup", str(copy)])
            ]
            assert [one.returncode for one in said[1:]] == [0, 0], said
            found = [daemon.log(), *(one.stdout + one.stderr for one in said)]
            stored = [path.read_bytes() for path in [copy, *daemon.state_dir.rglob("*")] if path.is_file()]
            argv = [" ".join(process.cmdline()) for process in psutil.process_iter() if process.pid == daemon.pid]
    assert not [one for one in [*found, *argv] if hidden in one]
    assert not [one for one in stored if hidden.encode() in one]


def test_a_secret_in_an_error_message_is_hidden(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    with told(tmp_path, kept={"file": str(kept)}) as daemon:
        run = runs.finish(daemon, daemon.job("j", "raise ValueError('no: password=hunter2 dsn=x')\n"))
        assert "hunter2" in run["ErrorMessage"]
        (event,) = wait_for_lines(kept, 1)
    assert "password=***" in event["detail"]["message"]


def test_mistakes_are_named_by_check_and_refuse_a_start(tmp_path: Path) -> None:
    open_to_all = tmp_path / "open"
    open_to_all.write_text(SECRET)
    open_to_all.chmod(0o644)
    (tmp_path / "config.toml").write_text(
        "[notices.one]\n"
        'webhook = "ftp://host/"\n'
        "[notices.two]\n"
        'file = "x"\n'
        'command = ["y"]\n'
        "[notices.three]\n"
        'webhook = "https://host/"\n'
        'secret = "whsec_short"\n'
        'states = ["DONE"]\n'
    )
    said = command.call(tmp_path, "check", "--config", "config.toml").stdout
    assert "config.toml:2: notices.one.webhook: a webhook is http://" in said
    assert "config.toml:3: notices.two: it must have exactly one of webhook, command and file" in said
    assert "config.toml:8: notices.three.secret: it must be whsec_" in said
    assert "config.toml:9: notices.three.states.0: " in said
    assert "whsec_short" not in said

    more = environment(
        one={"webhook": "https://host/", "secret_file": str(open_to_all)},
        two={"command": ["not-on-the-path"]},
        three={"file": str(tmp_path / "nowhere" / "x")},
    )
    checked = command.call(tmp_path, "check", more=more)
    assert checked.returncode == ExitCode.CONFIGURATION
    assert f"notices.one: its secrets in {open_to_all}: a file of secrets must be its owner's alone" in checked.stdout
    served = command.call(tmp_path, "serve", "--state-dir", "s", "--port", "0", more=more)
    assert (served.returncode, "must be its owner's alone" in served.stderr) == (EX_CONFIG, True)
    assert "notices.two.command: there is no program not-on-the-path" in checked.stdout
    assert "notices.three.file: its directory does not exist" in checked.stdout


def test_a_restored_database_tells_again_what_came_after_the_backup_and_nothing_before_it(tmp_path: Path) -> None:
    with Receiver() as receiver, told(tmp_path, hook={"webhook": receiver.url}) as daemon:
        gate = tmp_path / "gate"
        job = daemon.job("j", runs.WAIT_FOR_GATE, ExecutionProperty={"MaxConcurrentRuns": 2})
        with runs.gated_run(daemon, job, tmp_path / "first"):
            pass
        receiver.wait_for(1)
        until(lambda: places(daemon)["hook"] == 1, what="the place behind the first")
        with runs.gated_run(daemon, job, gate) as run_id:
            where = ("--state-dir", str(daemon.state_dir))
            assert command.call(tmp_path, "backup", str(tmp_path / "copy"), *where).returncode == 0
        receiver.wait_for(2)
        daemon.terminate()
        assert command.call(tmp_path, "restore", str(tmp_path / "copy"), *where).returncode == 0
        daemon.start()
        received = receiver.wait_for(3)
        assert daemon.ended(job, run_id)["JobRunState"] == "SUCCEEDED"
        until(lambda: places(daemon)["hook"] == 2, what="the place behind the second")
    assert run_ids([one.event for one in received])[1:] == [run_id, run_id]
    assert receiver.ids[1] == receiver.ids[2]
    assert len(receiver.received) == 3


def test_a_thousand_events_come_in_their_order(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    with Receiver() as receiver, told(tmp_path, hook={"webhook": receiver.url}, kept={"file": str(kept)}) as daemon:
        runs.succeed(daemon, daemon.job("j", QUICK))
        receiver.wait_for(1)
        until(lambda: places(daemon) == {"hook": 1, "kept": 1}, what="the places behind the first")
        daemon.kill()
        own = ("seq", "base_id", "launch_seq")
        names = ", ".join(row[1] for row in rows(daemon, "PRAGMA table_info(job_run)") if row[1] not in own)
        rewrite(
            daemon,
            f"INSERT INTO job_run (seq, base_id, launch_seq, {names})"  # noqa: S608
            " WITH RECURSIVE n (i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)"
            f" SELECT i, randomblob(32), i, {names} FROM n, job_run WHERE seq = 1",
        )
        rewrite(
            daemon,
            "INSERT INTO event (job_run_seq, kind, state, at_ms) SELECT r.seq, e.kind, e.state, e.at_ms FROM job_run AS r, event AS e WHERE r.seq > 1 ORDER BY r.seq",
        )
        daemon.start()
        ids = run_ids([one.event for one in receiver.wait_for(1000, within_s=60)])
        assert run_ids(wait_for_lines(kept, 1000)) == ids
        expected = [f"jr_{base}" for (base,) in rows(daemon, "SELECT lower(hex(base_id)) FROM job_run ORDER BY seq")]
    assert ids == expected
    assert all(before != after for before, after in itertools.pairwise(ids))


def test_sigterm_ends_a_daemon_while_a_name_is_looked_up(tmp_path: Path) -> None:
    with told(tmp_path, hook={"webhook": "http://host.invalid/", "timeout_s": 600}) as daemon:
        runs.succeed(daemon, daemon.job("j", QUICK))
        began_s = time.monotonic()
        assert daemon.kill(signal.SIGTERM) == 0
        assert time.monotonic() - began_s < 5
