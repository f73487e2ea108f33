"""Running a script in a forked process as if its interpreter had been executed: the second half of a warm start.

What a script can see is made what it would be after an exec: arguments, paths, modules, environment, signals, random
state. What it prints, raises and leaves behind ends as it would end. Only the interpreter is not torn down at the end.

Loaded by spawn_server.py; standard library only. Source: CPython's Modules/main.c and Python/pylifecycle.c, 3.9 to 3.13.
"""

from __future__ import annotations

import _io
import _signal  # type: ignore[import-not-found]  # no stub knows it
import _weakref
import atexit
import builtins
import contextlib
import ctypes
import gc
import itertools
import os
import signal
import sys
import time
from os import _exit  # a script may put its own in its place

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import ModuleType
    from typing import Any, NoReturn

EXIT_EXCEPTION = 1
EXIT_NOT_READ = 2
EXIT_NOT_FLUSHED = 120
_FOR_TESTS = "ORCHESTRATOR_CRASH_"
_MT19937_WORDS = 624
_FILE_INPUT = 257  # Py_file_input
_LONG = 1 << 63  # the least that is no C long
_AT_DEFAULT = (signal.SIG_DFL, None)  # None: not set from Python
_preloaded: list[int] = []  # how many modules were there before the script: they go with the process
_installed: list[str] = []
_LIBC = ctypes.CDLL(None, use_errno=True)
_LIBC.fopen.restype = ctypes.c_void_p
_PYTHON = ctypes.PyDLL(None)
_PYTHON.PyRun_FileExFlags.restype = ctypes.py_object
_PYTHON.PyRun_FileExFlags.argtypes = [
    *(ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int),
    *(ctypes.py_object, ctypes.py_object, ctypes.c_int, ctypes.c_void_p),
]


class Execution:
    """What every run of a template needs to know of how the template was before it got to work."""

    def __init__(
        self,
        visible: set[str],
        given: Mapping[str, str],
        set_title: Callable[[list[str], Mapping[str, str] | None], bool],
        installed: tuple[str, ...],
    ) -> None:
        """Remember it. `visible` are the modules that scripts shall find imported.

        `given` is the template's environment as the daemon made it: what a launcher of the interpreter or a preloaded
        module has changed of it holds for scripts too. `installed` is where modules are that are nobody's own.
        """
        self._hidden = [sys.modules.pop(name) for name in [*sys.modules] if name not in visible]  # once, for all forks
        self._set_title = set_title
        self._installed = installed
        handlers = {int(number): _signal.getsignal(number) for number in signal.valid_signals()}
        self._handlers = {number: handler for number, handler in handlers.items() if handler not in _AT_DEFAULT}
        self._collects = gc.isenabled()
        now = {name: value for name, value in os.environ.items() if not name.startswith(_FOR_TESTS)}
        self._unset = given.keys() - now.keys()
        self._set = {name: value for name, value in now.items() if given.get(name) != value}
        on_path = os.environ.get("PYTHONPATH", "").split(os.pathsep)
        self._path = [entry for entry in sys.path if entry not in on_path]

    def execute(self, spec: Mapping[str, Any], begin: Callable[[], None]) -> NoReturn:
        """Take the script's place and end with it. `begin` says that from here on it is the script that runs."""
        argv, environment = spec["argv"], spec["environment"]
        self._set_environment(environment)
        if not self._set_title(argv, environment):
            raise OSError(0, "the kernel refused the run's environment")
        for number, handler in self._handlers.items():
            _signal.signal(number, handler)  # the shim has set them to their defaults
        script = argv[1]
        sys.argv[:] = argv[1:]
        sys.orig_argv[:] = argv
        sys.path[:] = self._search_path(environment)
        _make_main(script)
        _renew()
        if self._collects:
            gc.enable()
        _preloaded.append(len(sys.modules))
        _installed.extend(self._installed)
        begin()
        _run(script)

    def _search_path(self, environment: Mapping[str, str]) -> list[str]:
        entries = [entry for entry in environment.get("PYTHONPATH", "").split(os.pathsep) if entry]
        return [*dict.fromkeys([*map(os.path.abspath, entries), *self._path])]

    def _set_environment(self, environment: Mapping[str, str]) -> None:
        """Make the environment the run's, as if what was preloaded had changed it now. Most of it is so already."""
        wanted = {name: value for name, value in environment.items() if name not in self._unset} | self._set
        for name in [name for name in os.environ if name not in wanted]:
            del os.environ[name]
        for name, value in wanted.items():
            if os.environ.get(name) != value:
                os.environ[name] = value


def _make_main(script: str) -> None:
    """Put a new `__main__` where the interpreter would have it. Nobody else holds it: it shall go when the script has ended."""
    loader = sys.modules["_frozen_importlib_external"].SourceFileLoader
    main = type(sys)("__main__")
    names = main.__dict__
    if sys.version_info < (3, 14):
        names["__annotations__"] = {}
    names.update(__loader__=loader("__main__", script), __builtins__=builtins, __file__=script, __cached__=None)
    sys.modules["__main__"] = main


def _renew() -> None:
    """Make new what preloaded modules took from the template and every process should have of its own."""
    renew: dict[str, Callable[[Any], object]] = {
        "random": lambda module: module.seed(),
        "numpy.random": _renew_numpy,
        "tempfile": lambda module: setattr(module, "tempdir", None),
        "threading": lambda module: module.main_thread()._set_native_id(),  # noqa: SLF001 - before 3.13 fork leaves it
        "logging": _renew_logging,
        "multiprocessing.process": _renew_multiprocessing,
    }
    for name, act in renew.items():
        module = sys.modules.get(name)
        if module is not None:
            act(module)


def _renew_numpy(module: Any) -> None:
    """Give the global generator a state of its own: all of it, which is quicker than to let it be made from a seed."""
    words = sys.modules["numpy"].frombuffer(os.urandom(4 * _MT19937_WORDS), dtype="uint32")
    with contextlib.suppress(TypeError, ValueError):  # somebody has put another generator in its place
        module.set_state(("MT19937", words, _MT19937_WORDS))


def _renew_logging(module: Any) -> None:
    """Let times in records be told from the run's start. Until 3.12 they are in seconds."""
    is_in_seconds = isinstance(module._startTime, float)  # noqa: SLF001
    module._startTime = time.time() if is_in_seconds else time.time_ns()  # noqa: SLF001


def _renew_multiprocessing(module: Any) -> None:
    module.ORIGINAL_DIR = os.getcwd()
    module.current_process()._config["authkey"] = module.AuthenticationString(os.urandom(32))  # noqa: SLF001


def _run(script: str) -> NoReturn:
    """Run the script, and then end as an interpreter does."""
    code = 0
    error = None
    try:
        if _is_searched(script):  # a directory or an archive with a __main__ in it
            sys.path.insert(0, script)
            __import__("runpy")._run_module_as_main("__main__", False)  # noqa: SLF001
        else:
            sys.path.insert(0, os.path.dirname(os.path.realpath(script)))
            code = _run_file(script)
    except BaseException as caught:  # noqa: BLE001 - whatever the script raised
        error = _without_ours(caught)
    if error is not None:  # no exception is being handled any more when it is reported
        code = _report(error)
        del error  # it holds the frames that hold what the script holds
    _leave(code)


def _is_searched(script: str) -> bool:
    """Say whether modules can be imported from the script, as an interpreter asks before it reads one."""
    importer = None
    for hook in sys.path_hooks:
        with contextlib.suppress(ImportError):
            importer = hook(script)
            break
    sys.path_importer_cache[script] = importer
    return importer is not None


def _run_file(script: str) -> int:
    """Have the interpreter read and run a file; return the exit code where it cannot be read."""
    path = os.fsencode(script)
    file = _LIBC.fopen(path, b"rb")
    if not file:
        number = ctypes.get_errno()
        _say(f"{sys.executable}: can't open file {script!r}: [Errno {number}] {os.strerror(number)}")
        return EXIT_NOT_READ
    names = sys.modules["__main__"].__dict__
    _PYTHON.PyRun_FileExFlags(file, path, _FILE_INPUT, names, names, 1, None)
    return 0


def _without_ours(error: BaseException) -> BaseException:
    """Let a traceback begin with the script's first frame."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
        trace = trace.tb_next
    error.__traceback__ = trace
    return error


def _report(error: BaseException) -> int:
    """Say what ended the script, as the interpreter would; return the exit code, negative for a signal."""
    if isinstance(error, SystemExit):
        return _code_of(error)
    sys.last_type, sys.last_value, sys.last_traceback = type(error), error, error.__traceback__
    if sys.version_info >= (3, 12):
        sys.last_exc = error
    failure = None
    try:
        hook = sys.excepthook
    except AttributeError:
        _say("sys.excepthook is missing")
        hook = sys.__excepthook__
    try:
        hook(type(error), error, error.__traceback__)
    except BaseException as other:  # noqa: BLE001
        failure = _without_ours(other)
    if isinstance(failure, SystemExit):
        return _code_of(failure)
    if failure is not None:
        _say("Error in sys.excepthook:")
        sys.__excepthook__(type(failure), failure, failure.__traceback__)
        _say("\nOriginal exception was:")
        sys.__excepthook__(type(error), error, error.__traceback__)
    return -signal.SIGINT if isinstance(error, KeyboardInterrupt) else EXIT_EXCEPTION


def _code_of(error: SystemExit) -> int:
    code: object = error.code
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 0xFF if -_LONG <= code < _LONG else 0xFF
    try:
        words = str(code)
    except Exception:  # noqa: BLE001 - the script's own
        words = ""
    _say(words)
    return EXIT_EXCEPTION


def _leave(code: int) -> NoReturn:
    """Do what scripts rely on at the end, and leave without tearing the interpreter down."""
    is_flushed = True
    for finish in (_finish, _flush_output):
        with contextlib.suppress(BaseException):  # the handler of a signal that comes now, for one
            is_flushed = finish()
            break
    if code < 0:
        signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    _exit(code if is_flushed else EXIT_NOT_FLUSHED)


def _finish() -> bool:
    """Wait for threads, call what was registered, write out what was not; return whether all of it could be written."""
    threading = sys.modules.get("threading")
    if threading is not None:
        with _complaining("Exception ignored in threading._shutdown"):
            threading._shutdown()  # noqa: SLF001 - waits for threads that are no daemons
    if sys.unraisablehook is sys.__unraisablehook__:
        sys.unraisablehook = _tell_unraisable
    atexit._run_exitfuncs()  # noqa: SLF001
    is_flushed = _flush_output()
    _drop_handlers()
    _drop_globals()
    _flush_files()
    return _flush_output() and is_flushed


def _tell_unraisable(told: Any) -> None:
    """Tell of an error that nobody can catch, without the frames of ours that the interpreter adds to an empty traceback."""
    trace = told.exc_traceback
    while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
        trace = trace.tb_next
    sys.__unraisablehook__(type(told)((told.exc_type, told.exc_value, trace, told.err_msg, told.object)))


@contextlib.contextmanager
def _complaining(where: str) -> Any:
    try:
        yield
    except BaseException as error:  # noqa: BLE001
        _say(f"{where}:")
        sys.__excepthook__(type(error), _without_ours(error), error.__traceback__)


def _flush_output() -> bool:
    is_flushed = True
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name, None)
        try:
            if stream is not None and not stream.closed:
                stream.flush()
        except Exception as error:  # noqa: BLE001 - a full disk, a script's own stream
            is_flushed = is_flushed and name == "stderr"
            if name == "stdout":
                with contextlib.suppress(Exception):
                    where = "on flushing sys.stdout:" if sys.version_info >= (3, 13) else f"in: {stream!r}"
                    _say(f"Exception ignored {where}\n{type(error).__name__}: {error}")
    return is_flushed


def _say(line: str) -> None:
    """Tell people, even where the script has taken sys.stderr away."""
    stream = getattr(sys, "stderr", None)
    if stream is None:
        os.write(2, f"{line}\n".encode(errors="backslashreplace"))
        return
    with contextlib.suppress(Exception):
        stream.write(f"{line}\n")


def _drop_handlers() -> None:
    """Handle no signals any more: from here on they do what they do by default."""
    for number in range(1, _signal.NSIG):
        if callable(_signal.getsignal(number)):
            _signal.signal(number, _signal.SIG_DFL)


def _drop_globals() -> None:
    """Let go of what the script and its own modules hold: files are written out, and finalizers run, as at an interpreter's end."""
    for name in ("last_exc", "last_type", "last_value", "last_traceback"):
        if hasattr(sys, name):
            delattr(sys, name)
    for name in ("stdout", "stderr"):
        setattr(sys, name, getattr(sys, f"__{name}__", None))
    own = [_weakref.ref(module) for module in map(sys.modules.pop, _own_modules()) if isinstance(module, type(sys))]
    gc.collect()
    for one in reversed(own):
        module = one()
        if module is not None:
            _empty(module)
            del module
            gc.collect()


def _own_modules() -> list[str]:
    """Return the names of the script's own modules, itself first, in the order of their imports.

    Those that were there before are not even looked at: that would write to the pages that they share with the template.
    """
    installed = tuple(_installed)
    names = []
    for name in itertools.islice(reversed(sys.modules), max(0, len(sys.modules) - _preloaded[0])):
        file = getattr(sys.modules[name], "__file__", None)
        if isinstance(file, str) and not file.startswith(installed):
            names.append(name)
    if "__main__" in sys.modules:
        names.append("__main__")
    return names[::-1]


def _empty(module: ModuleType) -> None:
    """Take its names from a module that somebody holds."""
    names = module.__dict__
    for is_private in (True, False):
        for name in list(names):
            if name != "__builtins__" and (name.startswith("_") and not name.startswith("__")) == is_private:
                names[name] = None


def _flush_files() -> None:
    """Write out the files that imported modules still hold open."""
    for thing in gc.get_objects():
        if issubclass(type(thing), _io._IOBase):  # noqa: SLF001 - not io's, which takes ten times as long; not isinstance, which would wake up proxies
            with contextlib.suppress(Exception):
                if not thing.closed and thing.writable():
                    thing.flush()
