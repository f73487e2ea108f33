"""Running a script in a forked process as if its interpreter had been executed: the second half of a warm start.

What a script can see is made what it would be after an exec: arguments, paths, modules, environment, signals, random
state. What it prints, raises and leaves behind ends as it would end. Only the interpreter is not torn down at the end.

Loaded by spawn_server.py; standard library only. Source: CPython's Modules/main.c and Python/pylifecycle.c, 3.9 to 3.13.
"""

from __future__ import annotations

import atexit
import builtins
import contextlib
import gc
import os
import signal
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import ModuleType, TracebackType
    from typing import Any, NoReturn

EXIT_EXCEPTION = 1
EXIT_NOT_FLUSHED = 120
_AT_DEFAULT = (signal.SIG_DFL, None)  # None: not set from Python


class Execution:
    """What every run of a template needs to know of how the template was before it got to work."""

    def __init__(self, visible: set[str], set_title: Callable[[list[str], Mapping[str, str] | None], bool]) -> None:
        """Remember it. `visible` are the modules that scripts shall find imported."""
        self._visible = visible
        self._set_title = set_title
        handlers = {number: signal.getsignal(number) for number in signal.valid_signals()}
        self._handlers = {number: handler for number, handler in handlers.items() if handler not in _AT_DEFAULT}
        given = os.environ.get("PYTHONPATH", "").split(os.pathsep)
        self._path = [entry for entry in sys.path if entry not in given]

    def execute(self, spec: Mapping[str, Any], begin: Callable[[], None]) -> NoReturn:
        """Take the script's place and end with it. `begin` says that from here on it is the script that runs."""
        argv, environment = spec["argv"], spec["environment"]
        os.environ.clear()
        os.environ.update(environment)
        if not self._set_title(argv, environment):
            raise OSError(0, "the kernel refused the run's environment")
        for number, handler in self._handlers.items():
            signal.signal(number, handler)  # the shim has set them to their defaults
        script = argv[1]
        sys.argv[:] = argv[1:]
        sys.orig_argv[:] = argv
        sys.path[:] = self._search_path(environment)
        main = self._hide_ourselves(script)
        _renew()
        gc.enable()
        begin()
        _run(script, main)

    def _search_path(self, environment: Mapping[str, str]) -> list[str]:
        entries = [entry for entry in environment.get("PYTHONPATH", "").split(os.pathsep) if entry]
        return [*dict.fromkeys([*map(os.path.abspath, entries), *self._path])]

    def _hide_ourselves(self, script: str) -> ModuleType:
        """Leave only those modules imported that are after an exec, or were preloaded; return a new `__main__`."""
        for name in [name for name in sys.modules if name not in self._visible]:
            del sys.modules[name]
        loader = sys.modules["_frozen_importlib_external"].SourceFileLoader
        main = type(sys)("__main__")
        names = main.__dict__
        if sys.version_info < (3, 14):
            names["__annotations__"] = {}
        names.update(__loader__=loader("__main__", script), __builtins__=builtins, __file__=script, __cached__=None)
        sys.modules["__main__"] = main
        return main


def _renew() -> None:
    """Make new what preloaded modules took from the template and every process should have of its own."""
    renew: dict[str, Callable[[Any], object]] = {
        "random": lambda module: module.seed(),
        "numpy.random": lambda module: module.seed(),
        "tempfile": lambda module: setattr(module, "tempdir", None),
        "multiprocessing.process": _renew_multiprocessing,
    }
    for name, act in renew.items():
        module = sys.modules.get(name)
        if module is not None:
            act(module)


def _renew_multiprocessing(module: Any) -> None:
    module.ORIGINAL_DIR = os.getcwd()
    module.current_process()._config["authkey"] = module.AuthenticationString(os.urandom(32))  # noqa: SLF001


def _run(script: str, main: ModuleType) -> NoReturn:
    """Run the script, and then end as an interpreter does."""
    code = 0
    try:
        if os.path.isdir(script) or not script.endswith(".py"):  # a directory or an archive with a __main__ in it
            sys.path.insert(0, script)
            __import__("runpy")._run_module_as_main("__main__", False)  # noqa: SLF001
        else:
            sys.path.insert(0, os.path.dirname(os.path.realpath(script)))
            with open(script, "rb") as file:
                source = file.read()
            exec(compile(source, script, "exec", dont_inherit=True), main.__dict__)  # noqa: S102 - what we are for
    except BaseException as error:  # noqa: BLE001 - whatever the script raised
        code = _report(error, _without_ours(error.__traceback__))
    _leave(code, main)


def _without_ours(trace: TracebackType | None) -> TracebackType | None:
    while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
        trace = trace.tb_next
    return trace


def _report(error: BaseException, trace: TracebackType | None) -> int:
    """Say what ended the script, as the interpreter would; return the exit code, negative for a signal."""
    error.__traceback__ = trace
    if isinstance(error, SystemExit):
        return _code_of(error)
    sys.last_type, sys.last_value, sys.last_traceback = type(error), error, trace
    if sys.version_info >= (3, 12):
        sys.last_exc = error
    try:
        sys.excepthook(type(error), error, trace)
    except SystemExit as exit_error:
        return _code_of(exit_error)
    except BaseException as other:  # noqa: BLE001
        _say("Error in sys.excepthook:")
        sys.__excepthook__(type(other), other, _without_ours(other.__traceback__))
        _say("\nOriginal exception was:")
        sys.__excepthook__(type(error), error, trace)
    return -signal.SIGINT if isinstance(error, KeyboardInterrupt) else EXIT_EXCEPTION


def _code_of(error: SystemExit) -> int:
    code: object = error.code
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 0xFF
    with contextlib.suppress(Exception):
        sys.stdout.flush()
    with contextlib.suppress(Exception):
        _say(code)
    return EXIT_EXCEPTION


def _leave(code: int, main: ModuleType) -> NoReturn:
    """Do what scripts rely on at the end, and leave without tearing the interpreter down."""
    threading = sys.modules.get("threading")
    if threading is not None:
        with _complaining("Exception ignored in threading._shutdown"):
            threading._shutdown()  # noqa: SLF001 - waits for threads that are no daemons
    atexit._run_exitfuncs()  # noqa: SLF001
    is_flushed = _flush_output()
    _drop_globals(main)
    _flush_files()
    is_flushed &= _flush_output()
    if code < 0:
        signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code if is_flushed else EXIT_NOT_FLUSHED)


@contextlib.contextmanager
def _complaining(where: str) -> Any:
    try:
        yield
    except BaseException as error:  # noqa: BLE001
        _say(f"{where}:")
        sys.__excepthook__(type(error), error, _without_ours(error.__traceback__))


def _flush_output() -> bool:
    is_flushed = True
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None and not stream.closed:
                stream.flush()
        except Exception as error:  # noqa: BLE001 - a full disk, a script's own stream
            is_flushed = is_flushed and stream is sys.stderr
            if stream is sys.stdout:
                with contextlib.suppress(Exception):
                    _say(f"Exception ignored in: {stream!r}\n{type(error).__name__}: {error}")
    return is_flushed


def _say(line: object) -> None:
    sys.stderr.write(f"{line}\n")


def _drop_globals(main: ModuleType) -> None:
    """Let go of what the script holds: files are written out, and finalizers run, as at an interpreter's end."""
    for name in ("last_exc", "last_type", "last_value", "last_traceback"):
        if hasattr(sys, name):
            delattr(sys, name)
    names = main.__dict__
    for is_private in (True, False):
        for name in list(names):
            if name != "__builtins__" and (name.startswith("_") and not name.startswith("__")) == is_private:
                names[name] = None
    gc.collect()


def _flush_files() -> None:
    """Write out the files that imported modules still hold open."""
    base = sys.modules["io"].IOBase
    for thing in gc.get_objects():
        if issubclass(type(thing), base):  # not isinstance, which would wake up proxies
            with contextlib.suppress(Exception):
                if not thing.closed and thing.writable():
                    thing.flush()
