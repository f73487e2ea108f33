"""An examination of the daemon and of the machine that it runs on: all looks, in order. It changes nothing."""

import re
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

from orchestrator.executors.local import checkup as machine
from orchestrator.faces import peer
from orchestrator.faces.unit import Unit, kills_runs, show, unit_in
from orchestrator.model.findings import Finding, Verdict
from orchestrator.operations import examine_store as store

_UNIT: Final = "orchestrator.service"
_PID: Final = re.compile(r"process ([0-9]+)")
_NS_PER_MS: Final = 1_000_000


def examine(state_dir: Path, *, is_up: Callable[[], bool], patience_s: float) -> Iterator[Finding]:
    """Look at everything. `is_up` asks whether a daemon answers; looks that may take long end after `patience_s`."""
    holder = store.holder(state_dir)
    match = _PID.fullmatch(holder or "")
    pid = int(match[1]) if match else None
    can_look = store.may_look_into(state_dir)
    yield from store.examine_directory(state_dir)
    yield from machine.check_kernel()
    yield _peers()
    yield machine.check_cgroup(pid)
    yield machine.check_time()
    yield from store.examine_database(state_dir, now_ms=time.time_ns() // _NS_PER_MS, within_s=patience_s)
    yield _daemon(holder, is_up)
    if pid is not None:
        yield machine.check_open_files(pid)
    yield _unit(machine.cgroups_of(pid) if pid is not None else "")
    if can_look:
        yield machine.check_processes(state_dir / "runs")
        yield machine.check_environments(state_dir / "environments")
        yield from store.compare_runs(state_dir, within_s=patience_s)


def _daemon(holder: str | None, is_up: Callable[[], bool]) -> Finding:
    answers = is_up()
    if holder is None and answers:
        remedy = "name it: --state-dir, --config; or --endpoint-url, --port"
        return Finding("daemon", Verdict.WARN, "one answers that does not use this state directory", remedy)
    if holder is None:
        return Finding("daemon", Verdict.OK, "none is up")
    if not answers:
        remedy = "look at its log; --endpoint-url says where it listens"
        return Finding("daemon", Verdict.FAIL, f"{holder} holds the state directory, and nothing answers", remedy)
    return Finding("daemon", Verdict.OK, f"{holder} answers")


def _unit(cgroups: str) -> Finding:
    found = unit_in(cgroups)
    properties = show(found or Unit(_UNIT))
    if found is None and properties.get("LoadState") != "loaded":
        return Finding("unit", Verdict.OK, "systemd does not run it")
    name = (found or Unit(_UNIT)).name
    if not properties:
        return Finding("unit", Verdict.WARN, f"systemd does not tell of {name}", f"systemctl show -p KillMode {name}")
    told = f"{name}: KillMode={properties.get('KillMode')}, LimitNOFILE={properties.get('LimitNOFILE')}"
    if kills_runs(properties):
        return Finding("unit", Verdict.FAIL, f"{told}: a restart of the daemon kills every run", "KillMode=process")
    return Finding("unit", Verdict.OK, told)


def _peers() -> Finding:
    """Look whether the kernel says whose a connection is, on one of our own."""
    try:
        with (
            closing(socket.create_server(("127.0.0.1", 0))) as server,
            closing(socket.create_connection(server.getsockname())) as client,
        ):
            uid = peer.uid_of(client.getsockname(), server.getsockname())
    except OSError as error:
        return Finding("peers", Verdict.FAIL, f"no connection over 127.0.0.1: {error.strerror or error}")
    if uid is not None and peer.may_enter(uid):
        return Finding("peers", Verdict.OK, "the kernel says whose a connection is (sock_diag)")
    remedy = 'CONFIG_INET_DIAG in the kernel; until then only [access] peer = "any" lets somebody in'
    return Finding("peers", Verdict.FAIL, "the kernel does not say whose a connection is (sock_diag)", remedy)
