"""What templates are made of: refused for what a fork would break, made anew when what they imported has changed, shared."""

import os
import shlex
import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import psutil
import pytest

from orchestrator.executors.local import trial
from orchestrator.executors.world import Runtime
from tests.support import runs, twins
from tests.support.daemon import Daemon, running_daemon
from tests.support.processes import is_alive
from tests.support.venvs import Venv
from tests.support.waiting import until

COLD: Final = "import os\nprint(open(f'/proc/{os.getppid()}/stat').read().rpartition(')')[2].split()[1])\n"
"""A script that prints whose child its shim is."""


@pytest.fixture(scope="module")
def venv(tmp_path_factory: pytest.TempPathFactory) -> Venv:
    """Lend an environment."""
    return Venv(tmp_path_factory.mktemp("venv"))


REFUSED: Final = {
    "a_thread": (
        "import threading, time\nthreading.Thread(target=time.sleep, args=(600,), daemon=True, name='mine').start()",
        "left Python threads (mine) behind, which a fork would break",
    ),
    "a_bare_thread": (
        "import _thread, time\n_thread.start_new_thread(time.sleep, (600,))",
        "left Python threads behind, which a fork would break",
    ),
    "a_socket": ("import socket\nkept = socket.socket()", "left an open socket (socket:"),
    "a_socket_pair": ("import socket\nkept = socket.socketpair()", "left an open socket (socket:"),
    "a_file": ("kept = open('/etc/passwd')", "left an open file descriptor (/etc/passwd)"),
    "a_pipe": ("import os\nkept = os.pipe()", "left an open file descriptor (pipe:"),
    "an_event_loop": ("import asyncio\nkept = asyncio.new_event_loop()", "left an open "),
    "a_child": ("import subprocess\nsubprocess.Popen(['sleep', '600'])", "left child processes behind"),
    "a_pool": (
        "import multiprocessing\nkept = multiprocessing.get_context('fork').Pool(1)",
        "left Python threads (",
    ),
    "an_import_error": (
        "import no_such_module",
        "cannot be imported: ModuleNotFoundError: No module named 'no_such_module'",
    ),
    "an_error": ("1 / 0", "cannot be imported: ZeroDivisionError: division by zero"),
    "a_syntax_error": ("def f(:", "cannot be imported: SyntaxError: "),
    "an_exit": ("import sys\nsys.exit(3)", "cannot be imported: SystemExit: 3"),
    "an_abrupt_exit": (
        "import os\nprint('last words', flush=True)\nos._exit(3)",
        "the interpreter ended before it was ready: last words",
    ),
    "a_crash": ("import ctypes\nctypes.string_at(0)", "the interpreter ended before it was ready"),
}
HARMLESS: Final = {
    "prints": "print('hello')",
    "prints_much": "import sys\nfor _ in range(100): print('x' * 1000)",
    "closes_stdin": "import sys\nsys.stdin.close()",
    "registers_atexit": "import atexit\natexit.register(print, 'at the end of the script')",
    "sets_handlers": "import signal\nsignal.signal(signal.SIGUSR1, lambda *_: print('of the module'))\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)",
    "multiprocesses": "import multiprocessing, multiprocessing.managers, concurrent.futures.process",
    "configures_logging": "import logging\nlogging.basicConfig(level=logging.INFO)",
    "seeds": "import random\nrandom.seed(1)",
    "ended_thread": "import threading\nthread = threading.Thread(target=int); thread.start(); thread.join()",
    "changes_directory": "import os\nos.chdir('/tmp')",
    "changes_umask": "import os\nos.umask(0o77)",
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_module_that_leaves_what_a_fork_breaks_is_refused_with_the_reason(venv: Venv, name: str) -> None:
    text, reason = REFUSED[name]
    module = venv.module(name, text)
    refusal = trial.refusal(venv.runtime(module))
    assert refusal is not None
    assert reason in refusal
    if "left" in reason:
        assert refusal.startswith(f"{module} left ")
    assert trial.refusal(venv.runtime()) is None


def test_a_pool_that_makes_new_workers_for_ever_ends_with_its_template(
    daemon: Daemon, venv: Venv, tmp_path: Path
) -> None:
    note = tmp_path / "pid"
    module = venv.module(
        "has_pool", f"{REFUSED['a_pool'][0]}\nimport os\nopen({str(note)!r}, 'w').write(str(os.getpid()))"
    )
    runs.succeed(daemon, job_of(daemon, venv, "has_pool", COLD, module))
    until(lambda: lines_of(daemon, "template_refused", module), what="the refusal in the log")
    session = int(note.read_text())

    def of_session() -> list[int]:
        with suppress(ProcessLookupError):
            return [pid for pid in psutil.pids() if os.getsid(pid) == session and is_alive(pid)]
        return [session]  # one went while they were looked at

    until(lambda: not of_session(), what="the end of the template and of its workers")


def test_a_check_leaves_nothing_of_what_a_refused_module_has_started(venv: Venv, tmp_path: Path) -> None:
    note = tmp_path / "pid"
    text = f"""
import subprocess
child = subprocess.Popen(["sleep", "600"], start_new_session=True)
open({str(note)!r}, "w").write(str(child.pid))
"""
    refusal = trial.refusal(venv.runtime(venv.module("starts_apart", text)))
    assert refusal is not None
    assert "left child processes behind" in refusal
    until(lambda: not is_alive(int(note.read_text())), what="its end")


@pytest.mark.parametrize("name", HARMLESS)
def test_a_module_that_leaves_nothing_is_preloaded(venv: Venv, name: str) -> None:
    assert trial.refusal(venv.runtime(venv.module(name, HARMLESS[name]))) is None


def test_a_module_that_never_ends_its_import_is_told_of_and_ended_with_what_it_started(
    venv: Venv, tmp_path: Path
) -> None:
    note = tmp_path / "pids"
    text = f"""
import os, subprocess, time
child = subprocess.Popen(["sleep", "600"])
open({str(note)!r}, "w").write(f"{{os.getpid()}} {{child.pid}}")
time.sleep(600)
"""
    module = venv.module("hangs", text)
    refusal = trial.refusal(venv.runtime(module), within_s=10)
    assert refusal == "its imports did not end within 10 s"
    for pid in map(int, note.read_text().split()):
        until(lambda pid=pid: not is_alive(pid), what="its end")  # type: ignore[misc]


@pytest.mark.parametrize("is_killed", [False, True], ids=["refused", "killed"])
def test_what_a_refused_or_killed_template_started_is_ended_with_it(
    daemon: Daemon, venv: Venv, tmp_path: Path, *, is_killed: bool
) -> None:
    note = tmp_path / "pids"
    text = f"""
import os, subprocess, time
child = subprocess.Popen(["sh", "-c", "sleep 600 & wait"], start_new_session={not is_killed})
while not (started := open(f"/proc/{{child.pid}}/task/{{child.pid}}/children").read()):
    time.sleep(0.01)
open({str(note)!r} + "~", "w").write(f"{{child.pid}} {{started}} {{os.getpid()}}")
os.rename({str(note)!r} + "~", {str(note)!r})
time.sleep({600 if is_killed else 0})
"""
    name = "starts_and_hangs" if is_killed else "starts"
    module = venv.module(name, text)
    job = job_of(daemon, venv, name, COLD, module)
    runs.succeed(daemon, job)
    until(note.exists, what="the processes that the module starts")
    *started, template = map(int, note.read_text().split())
    if is_killed:
        os.kill(template, signal.SIGKILL)
    until(lambda: lines_of(daemon, "template_refused", module), what="the refusal in the log")
    assert len(started) == 2
    until(lambda: not any(map(is_alive, started)), what="their end")


@pytest.mark.parametrize("python", ["/no/such/python", "/etc/passwd"])
def test_an_interpreter_that_is_none_is_told(python: str) -> None:
    refusal = trial.refusal(Runtime(python, (), ()))
    assert refusal is not None
    assert refusal.startswith(f"{python} cannot be executed: ")


def test_an_interpreter_that_is_too_old_is_told(tmp_path: Path) -> None:
    """A stand-in, where none is installed: the version is told from within."""
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.version_info = (3, 9, 1, 'final', 0)\n")
    refusal = trial.refusal(Runtime(sys.executable, (), (("PYTHONPATH", str(tmp_path)),)))
    assert refusal == "Python 3.9 is too old; 3.10 is the oldest"


def test_another_program_instead_of_an_interpreter_is_told() -> None:
    assert trial.refusal(Runtime("/bin/true", (), ())) == "the interpreter ended before it was ready"


@pytest.mark.parametrize("modules", [("numpy",), ("pyarrow",), ("pyarrow.compute", "pyarrow.parquet")])
def test_libraries_with_native_threads_that_survive_a_fork_are_preloaded(modules: tuple[str, ...]) -> None:
    for module in modules:
        pytest.importorskip(module)
    assert trial.refusal(Runtime(sys.executable, modules, ())) is None


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """Lend a daemon that was started with an open descriptor of somebody else's."""
    reading, writing = os.pipe()
    os.set_inheritable(reading, True)
    try:
        with running_daemon(tmp_path_factory.mktemp("daemon"), twins.ENVIRONMENT) as running:
            yield running
    finally:
        os.close(reading)
        os.close(writing)


def job_of(daemon: Daemon, venv: Venv, name: str, script: str, preload: str, **members: Any) -> str:
    """Create a warm job of an environment."""
    arguments = {"--orchestrator-python": str(venv.root), twins.PRELOAD: preload}
    return daemon.job(
        f"of_{name}", script, DefaultArguments=arguments, ExecutionProperty={"MaxConcurrentRuns": 20}, **members
    )


def ready(daemon: Daemon, job: str, preload: str) -> int:
    """Return the pid of the job's template when it is ready."""
    return twins.wait_for_template(daemon, job, preload)


def lines_of(daemon: Daemon, *words: str) -> list[str]:
    """Return the lines of the daemon's log that have all the words."""
    return [line for line in daemon.log().splitlines() if all(word in line for word in words)]


def told(daemon: Daemon, job: str) -> str:
    return runs.output(daemon, runs.succeed(daemon, job)["Id"])


def test_a_refused_job_runs_cold_and_the_log_says_why(daemon: Daemon, venv: Venv) -> None:
    module = venv.module("refused_thread", REFUSED["a_thread"][0])
    job = job_of(daemon, venv, "refused", COLD, module)
    runs.succeed(daemon, job)
    until(lambda: "refused_thread left Python threads (mine) behind" in daemon.log(), what="the reason in the log")
    parent = int(told(daemon, job))
    assert psutil.Process(parent).cmdline()[-1] != module


def test_a_template_that_dies_of_an_import_is_told_of_and_not_tried_again_at_once(daemon: Daemon, venv: Venv) -> None:
    module = venv.module("dies", REFUSED["an_abrupt_exit"][0])
    job = job_of(daemon, venv, "dies", COLD, module)
    runs.succeed(daemon, job)
    until(lambda: lines_of(daemon, "template_refused", module), what="the refusal in the log")
    assert "ended before it was ready" in lines_of(daemon, "template_refused", module)[0]
    for _ in range(3):
        runs.succeed(daemon, job)
    assert len(lines_of(daemon, '"line": "last words"', module)) == 1


def test_an_interpreter_that_is_missing_fails_the_run_as_it_would_without_a_preload(daemon: Daemon) -> None:
    job = daemon.job("missing", "", DefaultArguments={"--orchestrator-python": "/no/such/python"})
    cold, warm = (runs.finish(daemon, job, Arguments=more) for more in ({}, {twins.PRELOAD: ""}))
    assert (cold["JobRunState"], "'/no/such/python'" in cold["ErrorMessage"]) == ("FAILED", True)
    assert warm["ErrorMessage"] == cold["ErrorMessage"]


def test_what_an_interpreters_launcher_sets_holds_for_its_scripts(daemon: Daemon, tmp_path: Path) -> None:
    launcher = tmp_path / "python"
    launcher.write_text(
        f'#!/bin/sh\nexport FROM_LAUNCHER=yes HOME=/elsewhere\nexec {shlex.quote(sys.executable)} "$@"\n'
    )
    launcher.chmod(0o755)
    script = "import os\nprint(os.environ.get('FROM_LAUNCHER'), os.environ['HOME'], os.environ['ORCH_JOB_NAME'])"
    job = daemon.job("launched", script, DefaultArguments={"--orchestrator-python": str(launcher)})
    cold = runs.output(daemon, runs.succeed(daemon, job)["Id"])
    twins.wait_for_template(daemon, job, "")
    warm = runs.output(daemon, runs.succeed(daemon, job, Arguments={twins.PRELOAD: ""})["Id"])
    assert cold == warm
    assert warm.split() == ["yes", "/elsewhere", "launched"]


def test_what_a_module_printed_is_in_the_daemons_log_and_not_in_the_runs(daemon: Daemon, venv: Venv) -> None:
    module = venv.module("speaks", "print('words of a module')")
    job = job_of(daemon, venv, "speaks", f"import {module}\nprint('script')", module)
    ready(daemon, job, module)
    assert told(daemon, job) == "script\n"
    assert "words of a module" in daemon.log()


def test_what_a_module_left_unprinted_is_not_printed_by_each_script(venv: Venv, tmp_path: Path) -> None:
    module = venv.module("buffered", "print('words of a module', end='')")
    environment = {**twins.ENVIRONMENT, "ORCHESTRATOR_ENVIRONMENT": '{"PYTHONUNBUFFERED": ""}'}
    with running_daemon(tmp_path, environment) as daemon:
        job = job_of(daemon, venv, "buffered", f"import {module}\nprint('script')", module)
        ready(daemon, job, module)
        assert told(daemon, job) == "script\n"


def test_what_modules_registered_happens_at_the_scripts_end(daemon: Daemon, venv: Venv) -> None:
    module = venv.module("registered", HARMLESS["registers_atexit"] + "\n" + HARMLESS["sets_handlers"])
    script = f"""
import {module}, os, signal
os.kill(os.getpid(), signal.SIGUSR1)
print(signal.getsignal(signal.SIGTERM) is signal.SIG_IGN)
"""
    job = job_of(daemon, venv, "registered", script, module)
    ready(daemon, job, module)
    assert told(daemon, job) == "of the module\nTrue\nat the end of the script\n"


def test_what_modules_changed_is_changed_for_the_script(daemon: Daemon, venv: Venv) -> None:
    module = venv.module(
        "changed",
        """
        import gc, os
        gc.disable()
        os.environ["LEFT"] = "by a module"
        os.environ["LANG"] = "C"
        os.environ.pop("SHELL")
        """,
    )
    script = f"""
import {module}, gc, os
print(os.environ["LEFT"], os.environ["LANG"], os.environ.get("SHELL"), os.environ["ORCH_JOB_NAME"], gc.isenabled())
print(os.popen("echo $LEFT $LANG").read())
print(b"LEFT" in open("/proc/self/environ", "rb").read(), b"SHELL" in open("/proc/self/environ", "rb").read())
"""
    job = job_of(daemon, venv, "changed", script, module)
    cold = runs.output(
        daemon,
        runs.succeed(
            daemon, daemon.job("changed_cold", script, DefaultArguments={"--orchestrator-python": str(venv.root)})
        )["Id"],
    )
    ready(daemon, job, module)
    assert cold.startswith("by a module C None changed_cold False\n")
    assert told(daemon, job) == cold.replace("changed_cold", "of_changed")


def test_a_changed_module_makes_the_template_anew(daemon: Daemon, venv: Venv) -> None:
    module = venv.module("changes", "value = 1")
    job = job_of(daemon, venv, "changes", f"import {module}\nprint({module}.value)\n{COLD}", module)
    first = ready(daemon, job, module)
    assert told(daemon, job) == f"1\n{first}\n"
    venv.module("changes", "value = 'two'")
    assert told(daemon, job).splitlines()[0] == "two", "the run that finds the change starts cold"
    until(lambda: len(lines_of(daemon, "template_ready", module)) == 2, what="a template that is made anew")
    assert len(lines_of(daemon, "template_stale", module)) == 1
    second = twins.templates(daemon)[module].pid
    assert second != first
    assert told(daemon, job) == f"two\n{second}\n"


def test_each_of_many_modules_is_looked_at_for_a_change(daemon: Daemon, venv: Venv) -> None:
    text = """
import sys, types
for number in range(1000):
    module = sys.modules[f"many_{number}"] = types.ModuleType(f"many_{number}")
    module.__file__ = f"/no/such/{number}.py"
import many_last
"""
    (venv.modules / "many_last.py").write_text("value = 1")
    module = venv.module("many", text)
    job = job_of(daemon, venv, "many", "import many_last\nprint(many_last.value)", module)
    ready(daemon, job, module)
    assert told(daemon, job) == "1\n"
    (venv.modules / "many_last.py").write_text("value = 'two'")
    assert told(daemon, job) == "two\n"


def test_an_installed_package_makes_the_template_anew(daemon: Daemon, venv: Venv) -> None:
    module = venv.module("wants", "try:\n    import added\nexcept ImportError:\n    added = None")
    job = job_of(daemon, venv, "wants", f"import {module}\nprint({module}.added is not None)", module)
    ready(daemon, job, module)
    assert told(daemon, job) == "False\n"
    (venv.packages / "added.py").write_text("")
    assert told(daemon, job) == "True\n"


def test_a_first_import_that_is_kept_compiled_makes_nothing_stale(daemon: Daemon, venv: Venv) -> None:
    module = venv.module("compiled", "")
    (venv.packages / "late.py").write_text("")
    package = venv.packages / "late_package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    job = job_of(daemon, venv, "compiled", f"import late, late_package\n{COLD}", module)
    shutil.rmtree(venv.packages / "__pycache__", ignore_errors=True)
    template = ready(daemon, job, module)
    for folder in (venv.packages, package):
        shutil.rmtree(folder / "__pycache__", ignore_errors=True)
    for _ in range(3):
        assert told(daemon, job) == f"{template}\n"
    assert (venv.packages / "__pycache__").is_dir()
    assert (package / "__pycache__").is_dir()


def test_jobs_with_one_runtime_share_its_template_and_another_list_has_another(daemon: Daemon, venv: Venv) -> None:
    module, other = venv.module("shared_one", "value = 1"), venv.module("shared_two", "value = 1")
    jobs = [job_of(daemon, venv, f"shared_{number}", COLD, module) for number in range(2)]
    template = ready(daemon, jobs[0], module)
    assert [told(daemon, job) for job in jobs] == [f"{template}\n"] * 2
    third = job_of(daemon, venv, "shared_3", COLD, f"{module},{other}")
    another = ready(daemon, third, f"{module},{other}")
    assert told(daemon, third) == f"{another}\n"
    assert another != template


def test_a_name_that_is_no_module_is_refused_at_the_call(daemon: Daemon) -> None:
    job = daemon.job("refused_at_the_call", "")
    sentence = "--orchestrator-preload: 'a-b' is not the name of a Python module."
    for arguments in ({twins.PRELOAD: "a-b"}, {twins.PRELOAD: "json, a-b"}):
        assert runs.refused_start(daemon, job, Arguments=arguments) == ("InvalidInputException", sentence)


def test_a_runtime_that_the_settings_do_not_name_fails_the_run(daemon: Daemon) -> None:
    run = runs.finish(daemon, daemon.job("unknown", ""), Arguments={"--orchestrator-runtime": "nobody"})
    message = "--orchestrator-runtime: there is no runtime 'nobody' in the settings ([runtimes.nobody])"
    assert (run["JobRunState"], run["ErrorMessage"]) == ("FAILED", message)


def test_runtimes_of_the_settings_are_made_with_the_daemon_and_shared(venv: Venv, tmp_path: Path) -> None:
    module = venv.module("of_settings", "value = 5")
    shared = f'{{"analytics": {{"python": "{venv.root}", "preload": ["{module}"]}}}}'
    with running_daemon(tmp_path, {**twins.ENVIRONMENT, "ORCHESTRATOR_RUNTIMES": shared}) as daemon:
        until(lambda: "template_ready" in daemon.log(), what="a template before any run")
        template = twins.templates(daemon)[module].pid
        named = daemon.job("named", COLD, DefaultArguments={"--orchestrator-runtime": "analytics"})
        same = job_of(daemon, venv, "same", COLD, module)
        assert [told(daemon, job) for job in (named, same, named)] == [f"{template}\n"] * 3


def test_what_is_preloaded_is_shared_with_the_runs_and_kept_so(daemon: Daemon, venv: Venv) -> None:
    module = venv.module("large", "value = {number: str(number) * 20 for number in range(300_000)}")
    script = f"""
import gc, json, {module}
used = sum(len(word) for word in {module}.value.values())
gc.collect()
lines = [line.split() for line in open("/proc/self/smaps_rollup").readlines()[1:]]
sizes = {{line[0]: int(line[1]) * 1024 for line in lines}}
print(json.dumps([gc.get_freeze_count(), sizes["Private_Dirty:"], sizes["Rss:"]]))
"""
    job = job_of(daemon, venv, "large", script, module)
    template = ready(daemon, job, module)
    resident = psutil.Process(template).memory_info().rss
    frozen, private, _ = runs.printed(daemon, runs.succeed(daemon, job))
    assert frozen > 0
    assert resident > 50_000_000
    # Reading an object writes to it, to its count of references: what the script has walked over is its own by then.
    touch = job_of(daemon, venv, "large_untouched", script.replace("used =", "used = 0 #"), module)
    _, untouched, _ = runs.printed(daemon, runs.succeed(daemon, touch))
    assert untouched < resident / 4, (untouched, private, resident)
