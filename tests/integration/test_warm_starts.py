"""A warm script cannot tell that it is one: the same text, executed and forked, sees, says and ends the same."""

import json
from collections.abc import Iterator
from typing import Any, Final

import pytest

from tests.support import twins
from tests.support.daemon import Daemon, running_daemon
from tests.support.twins import Twins

WORLD: Final = r"""
import sys
def told(thing):
    return str(thing).partition(" at 0x")[0]
modules = sorted(sys.modules)
main = sorted((name, told(value)) for name, value in vars(sys.modules["__main__"]).items()
              if name not in ("modules", "sys", "told", "__builtins__"))
names = dir()
import faulthandler, gc, json, locale, os, random, resource, signal, stat, tempfile, threading, time, uuid, warnings

def readable(path):
    with open(path, "rb") as file:
        return file.read().decode(errors="surrogateescape").split("\0")

def descriptor(number):
    status = os.fstat(number)
    return [stat.S_IFMT(status.st_mode), os.readlink(f"/proc/self/fd/{number}").partition(":")[0]]

def stream(file):
    return [type(file).__name__, file.name, file.mode, file.encoding, file.errors, file.line_buffering, file.write_through,
            file.isatty(), file.seekable(), file.newlines, type(file.buffer).__name__, file.fileno(), file.closed]

def status(*names):
    lines = dict(line.rstrip("\n").split(":\t", 1) for line in open("/proc/self/status"))
    return {name: lines[name].strip() for name in names}

own = os.getpid()
print(json.dumps({
    "argv": sys.argv,
    "orig_argv": sys.orig_argv,
    "path": sys.path,
    "path_hooks": [told(hook) for hook in sys.path_hooks],
    "meta_path": [told(finder) for finder in sys.meta_path],
    "flags": str(sys.flags),
    "xoptions": sys._xoptions,
    "warnoptions": sys.warnoptions,
    "filters": [str(one) for one in warnings.filters],
    "executable": [sys.executable, sys._base_executable, sys.prefix, sys.exec_prefix, sys.base_prefix],
    "implementation": [sys.version, sys.platlibdir, sys.pycache_prefix, sys.dont_write_bytecode],
    "interpreter": [sys.getrecursionlimit(), sys.getswitchinterval(), sys.gettrace() is None, sys.getprofile() is None,
                    sys.excepthook is sys.__excepthook__, sys.displayhook is sys.__displayhook__,
                    sys.unraisablehook is sys.__unraisablehook__, sys.breakpointhook is sys.__breakpointhook__,
                    sys.stdout is sys.__stdout__, sys.stderr is sys.__stderr__, sys.stdin is sys.__stdin__,
                    hasattr(sys, "ps1"), hasattr(sys, "last_value"), sys.tracebacklimit if hasattr(sys, "tracebacklimit") else 0,
                    sorted(vars(sys))],
    "builtins": sorted(vars(__builtins__)),
    "modules": modules,
    "main": main,
    "main_names": names,
    "is_main": [sys.modules["__main__"].__dict__ is globals(), __name__, __file__, told(__spec__), told(__loader__)],
    "handlers": {number: told(signal.getsignal(number)) for number in signal.valid_signals()},
    "signals": status("SigBlk", "SigIgn", "SigCgt", "ShdPnd", "Threads", "CoreDumping", "Seccomp", "NoNewPrivs", "Umask", "Groups"),
    "mask": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
    "timers": [signal.getitimer(timer) for timer in (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF)],
    "wakeup": signal.set_wakeup_fd(-1),
    "faulthandler": faulthandler.is_enabled(),
    "environ": dict(os.environ),
    "environ_bytes": len(os.environb),
    "kernel_environ": sorted(readable("/proc/self/environ")),
    "kernel_argv": readable("/proc/self/cmdline"),
    "comm": open("/proc/self/comm").read(),
    "exe": os.readlink("/proc/self/exe"),
    "cwd": [os.getcwd(), os.readlink("/proc/self/cwd"), os.readlink("/proc/self/root")],
    "umask": os.umask(0o22),
    "limits": {name: resource.getrlimit(getattr(resource, name)) for name in dir(resource) if name.startswith("RLIMIT_")},
    "descriptors": sorted(os.listdir("/proc/self/fd"))[:3] + [len(os.listdir("/proc/self/fd"))],
    "kinds": [descriptor(number) for number in (0, 1, 2)],
    "blocking": [os.get_blocking(number) for number in (0, 1, 2)],
    "inheritable": [os.get_inheritable(number) for number in (0, 1, 2)],
    "streams": [stream(sys.stdin), stream(sys.stdout), stream(sys.stderr)],
    "groups": [os.getpgid(0) == own, os.getsid(0) == os.getppid(), os.getppid() != 1, os.tcgetpgrp(0) if os.isatty(0) else 0],
    "user": [os.getuid(), os.geteuid(), os.getgid(), os.getegid(), os.getgroups()],
    "oom": open("/proc/self/oom_score_adj").read(),
    "nice": [os.nice(0), os.sched_getscheduler(0), sorted(os.sched_getaffinity(0))],
    "gc": [gc.isenabled(), gc.get_threshold(), gc.get_debug(), gc.callbacks, gc.garbage],
    "locale": [locale.getpreferredencoding(), locale.setlocale(locale.LC_ALL), locale.getlocale(), sys.getfilesystemencoding(),
               sys.getfilesystemencodeerrors(), sys.getdefaultencoding(), time.strftime("%A %B", time.gmtime(0)), time.tzname],
    "temporary": [tempfile.gettempdir(), tempfile.tempdir],
    "threads": [threading.active_count(), threading.current_thread() is threading.main_thread(), threading.main_thread().name,
                threading.get_native_id() == own, threading.main_thread().native_id == own,
                threading.main_thread().ident == threading.get_ident(), threading.stack_size(), threading.gettrace()],
    "children": open(f"/proc/self/task/{own}/children").read(),
    "little_time": [time.process_time() < 5, time.thread_time() < 5],
    "stdin": sys.stdin.read(),
    "coroutines": [sys.get_coroutine_origin_tracking_depth(), told(sys.get_asyncgen_hooks())],
}))
"""

EACH_ITS_OWN: Final = """
import json, os, random, sys, uuid, secrets, tempfile
numpy = [sys.modules["numpy"].random.random()] if "numpy.random" in sys.modules else []
print(json.dumps([random.random(), uuid.uuid4().hex, secrets.token_hex(), os.urandom(8).hex(), next(tempfile._get_candidate_names()), *numpy]))
"""

TAKES_ARGUMENTS: Final = """
import json, sys
from awsglue.utils import getResolvedOptions
print(json.dumps([sys.argv, sys.orig_argv, open("/proc/self/cmdline").read()]))
print(json.dumps(getResolvedOptions(sys.argv, ["JOB_NAME", "one"])))
"""

AWKWARD: Final = {
    "--one": "a b",
    "--two": "",
    "--three": "-5",
    "--four": "--x",
    "--five": "quote ' and \" and \\ and $HOME `id` ; | & * ?",
    "--six": "line\nbreak\ttab",
    "--seven": "ümläut 漢字 🦆",
    "--eight": "=",
    "--nine": "%s {}",
}


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """Lend a daemon that says when templates are ready."""
    with running_daemon(tmp_path_factory.mktemp("daemon"), twins.ENVIRONMENT) as running:
        yield running


@pytest.fixture(scope="module")
def empty(daemon: Daemon) -> Twins:
    """Lend twins whose template has imported nothing."""
    return Twins(daemon)


def seen_by(pair: tuple[twins.Seen, twins.Seen]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what the two printed."""
    for one in pair:
        assert (one.state, one.stderr) == ("SUCCEEDED", ""), one
    return json.loads(pair[0].stdout), json.loads(pair[1].stdout)


def test_the_whole_world_is_the_same(empty: Twins) -> None:
    cold, warm = seen_by(empty.both(WORLD))
    different = twins.differences(cold, warm)
    assert not different, json.dumps(different, indent=1)


def test_with_modules_preloaded_the_world_is_the_same_but_for_what_is_imported(daemon: Daemon) -> None:
    preloaded = Twins(daemon, "decimal,concurrent.futures,multiprocessing.pool,logging.handlers")
    cold, warm = seen_by(preloaded.both(WORLD))
    assert set(cold["modules"]) < set(warm["modules"])
    assert {"decimal", "multiprocessing.pool"} <= set(warm["modules"])
    del cold["modules"], warm["modules"]
    different = twins.differences(cold, warm)
    assert not different, json.dumps(different, indent=1)


def test_awkward_arguments_arrive_the_same(empty: Twins) -> None:
    cold, warm = empty.both(TAKES_ARGUMENTS, AWKWARD)
    assert cold.state == "SUCCEEDED", cold
    assert "漢字" in json.loads(cold.stdout.splitlines()[0])[2]
    assert warm == cold


@pytest.mark.parametrize("preload", ["", "random,uuid,secrets,tempfile", "numpy.random"])
def test_what_should_differ_between_runs_does(daemon: Daemon, empty: Twins, preload: str) -> None:
    if preload == "numpy.random":
        pytest.importorskip("numpy")
    of_preload = empty if preload == empty.preload else Twins(daemon, preload)
    first, second = of_preload.script(EACH_ITS_OWN), of_preload.script(EACH_ITS_OWN)
    ids = [of_preload.start(script, is_warm=True) for script in (first, second)]
    values = [json.loads(of_preload.ended(run_id, is_warm=True).stdout) for run_id in ids]
    assert not set(values[0]) & set(values[1])
