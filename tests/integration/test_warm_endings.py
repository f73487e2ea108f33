"""A warm script ends as an executed one: exit codes, signals, exceptions, and what is written last."""

from collections.abc import Iterator
from typing import Final

import pytest

from tests.support import twins
from tests.support.daemon import running_daemon
from tests.support.twins import Twins

ENDS: Final = {
    "falls_off_the_end": "print('all')",
    "is_empty": "",
    "exits_none": "import sys; sys.exit()",
    "exits_0": "import sys; sys.exit(0)",
    "exits_3": "import sys; sys.exit(3)",
    "exits_259": "import sys; sys.exit(256 + 3)",
    "exits_minus_1": "import sys; sys.exit(-1)",
    "exits_long_min": "import sys; sys.exit(-(2 ** 63))",
    "exits_true": "import sys; sys.exit(True)",
    "exits_string": "import sys; sys.exit('a word to stderr')",
    "exits_object": "import sys; sys.exit([1, None])",
    "exits_float": "import sys; sys.exit(0.0)",
    "exits_tuple": "raise SystemExit(1, 2)",
    "exits_by_subclass": "class Mine(SystemExit): pass\nraise Mine(7)",
    "exits_int_subclass": "import enum, sys\nclass C(enum.IntEnum):\n    A = 9\nsys.exit(C.A)",
    "exits_with_builtin": "exit(4)",
    "exits_without_stderr": "import sys\nsys.stderr = None\nsys.exit('unheard')",
    "exits_after_output": "import sys\nprint('no newline', end='')\nsys.exit(5)",
    "exits_in_finally": "import sys\ntry:\n    1 / 0\nfinally:\n    sys.exit(6)",
    "exits_in_hook": "import sys\nsys.excepthook = lambda *_: sys.exit(8)\n1 / 0",
    "os_exit": "import os; print('not flushed' if False else 'x'); os._exit(11)",
    "os_exit_unflushed": "import os, sys; open(1, 'w', closefd=False).write('lost'); os._exit(0)",
    "kills_itself_with_term": "import os; os.kill(os.getpid(), 15)",
    "kills_itself_with_kill": "import os; os.kill(os.getpid(), 9)",
    "kills_itself_with_segv": "import os; os.kill(os.getpid(), 11)",
    "kills_itself_with_int": "import os, time; os.kill(os.getpid(), 2); time.sleep(5)",
    "kills_itself_with_hup": "import os; os.kill(os.getpid(), 1)",
    "kills_itself_with_pipe": "import os; os.kill(os.getpid(), 13); print('pipes are ignored')",
    "kills_itself_with_xfsz": "import os, signal; os.kill(os.getpid(), signal.SIGXFSZ); print('so is this')",
    "aborts": "import os; os.abort()",
    "segfaults": "import ctypes; ctypes.string_at(0)",
    "faulthandler_tells": "import faulthandler, os; faulthandler.enable(); print('on', flush=True); os.kill(os.getpid(), 9)",
    "is_interrupted": "raise KeyboardInterrupt",
    "is_interrupted_with_words": "raise KeyboardInterrupt('words')",
    "is_alarmed": "import signal, time; signal.alarm(1); time.sleep(10)",
    "handles_an_alarm": """
import signal, time
def handle(number, frame):
    print("alarm", number, frame.f_code.co_name)
    raise TimeoutError("too late")
signal.signal(signal.SIGALRM, handle)
signal.setitimer(signal.ITIMER_REAL, 0.05)
time.sleep(10)
""",
    "handles_its_own_term": """
import os, signal
signal.signal(signal.SIGTERM, lambda *_: print("term"))
os.kill(os.getpid(), signal.SIGTERM)
print("alive", signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL)
""",
    "wakes_by_descriptor": """
import os, signal
reading, writing = os.pipe()
os.set_blocking(writing, False)
print(signal.set_wakeup_fd(writing))
signal.signal(signal.SIGUSR1, lambda *_: None)
os.kill(os.getpid(), signal.SIGUSR1)
print(os.read(reading, 10) == bytes([signal.SIGUSR1]))
print(signal.set_wakeup_fd(-1) == writing)
""",
    "writes_to_a_broken_pipe": """
import os
reading, writing = os.pipe()
os.close(reading)
try:
    os.write(writing, b"x")
except BrokenPipeError as error:
    print(error)
os.write(writing, b"x")
""",
    "loses_main": "import sys\ndel sys.modules['__main__']\nprint('on'); sys.exit(3)",
    "replaces_main": "import sys\nsys.modules['__main__'] = None\nprint('on'); sys.exit(3)",
    "clears_modules": "import sys\nkept = dict(sys.modules)\nsys.modules.clear()\nprint('on')\nsys.exit(3)",
    "loses_stdout": "import sys\ndel sys.stdout\nsys.exit(3)",
    "loses_stderr": "import sys\ndel sys.stderr\nsys.exit('words')",
    "replaces_exits": "import os, sys\nos._exit = os.kill = sys.exit = None\nprint('on')",
    "is_interrupted_at_the_end": "import atexit, os, signal\nsignal.signal(15, lambda *_: 1 / 0)\natexit.register(os.kill, os.getpid(), 15)\nprint('on')",
    "handles_signals_late": "import os, signal\nclass Late:\n    def __del__(self): os.kill(os.getpid(), 15); print('late')\nsignal.signal(15, lambda *_: print('handled'))\nlate = Late()",
    "replaces_sigint": "import os, signal\nsignal.signal(2, signal.SIG_DFL)\nos.kill(os.getpid(), 2)",
}

RAISES: Final = {
    "plain": "def f(x):\n    return 1 / x\n\nf(0)",
    "chained": """
def f():
    try:
        {}["a"]
    except KeyError as error:
        raise ValueError("second") from error
try:
    f()
except ValueError:
    raise RuntimeError("third")
""",
    "suppressed": "try:\n    1 / 0\nexcept ZeroDivisionError:\n    raise ValueError('alone') from None",
    "group": """
raise ExceptionGroup("several", [ValueError(1), ExceptionGroup("inner", [TypeError("two"), OSError(3, "three")])])
""",
    "notes": "error = ValueError('x')\nerror.add_note('a note')\nraise error",
    "own_class": "class Error(Exception): pass\nraise Error('mine')",
    "nested_class": "class A:\n    class Error(Exception): pass\nraise A.Error",
    "unprintable": "class E(Exception):\n    def __str__(self): raise ValueError('no')\nraise E",
    "no_arguments": "raise StopIteration",
    "base": "raise BaseException('base')",
    "generator_exit": "raise GeneratorExit",
    "assertion": "assert 1 == 2, 'sums'",
    "long_message": "raise ValueError('x' * 20000)",
    "unicode": "raise ValueError('ümläut 漢字 \\udcff')",
    "many_lines": "raise ValueError('first\\nsecond')",
    "syntax_warning": "x = 1\nprint(x is 1)\n",
    "deprecated_escape": "print('\\d')\n",
    "eval_syntax_error": "eval('1 +')",
    "name_error_suggestion": "import sys\nvalue = 1\nprint(valeu)",
    "attribute_suggestion": "import os\nos.getpit()",
    "hook_replaced": "import sys\nsys.excepthook = lambda *of: print('hook', of[0].__name__, of[1], of[2].tb_lineno)\n1 / 0",
    "hook_fails": "import sys\ndef hook(*_): raise ValueError('hook')\nsys.excepthook = hook\n1 / 0",
    "hook_gone": "import sys\ndel sys.excepthook\n1 / 0",
    "hook_none": "import sys\nsys.excepthook = None\n1 / 0",
    "no_stderr": "import sys\nsys.stderr = None\n1 / 0",
    "stderr_replaced": "import io, sys\nsys.stderr = io.StringIO()\n1 / 0",
    "traceback_limit": "import sys\nsys.tracebacklimit = 1\ndef f(): 1 / 0\nf()",
    "in_atexit": "import atexit\natexit.register(lambda: 1 / 0)\natexit.register(print, 'first')\nprint('body')",
    "builtin_in_atexit": "import atexit, sys\natexit.register(sys.exit, 9)",
    "exit_in_atexit": "import atexit, sys\natexit.register(lambda: sys.exit(9))",
    "two_in_atexit": "import atexit\ndef f(): raise ValueError('f')\ndef g(): raise TypeError('g')\natexit.register(f); atexit.register(g)",
    "registers_in_atexit": "import atexit\natexit.register(lambda: atexit.register(print, 'inner'))",
    "in_thread": "import threading\nthread = threading.Thread(target=lambda: 1 / 0, name='one')\nthread.start(); thread.join(); print('on')",
    "exit_in_thread": "import sys, threading\nthread = threading.Thread(target=sys.exit, args=(3,)); thread.start(); thread.join(); print('on')",
    "thread_hook": "import threading\nthreading.excepthook = lambda of: print(of.exc_type, of.thread.name)\nthread = threading.Thread(target=lambda: 1 / 0, name='one'); thread.start(); thread.join()",
    "in_del": "class A:\n    def __del__(self): raise ValueError('del')\nA()\nprint('on')",
    "in_last_del": "class A:\n    def __del__(self): print('let go of')\nkept = A()\nprint('body')",
    "private_goes_first": "class A:\n    def __init__(self, n): self.n = n\n    def __del__(self): print(self.n)\nb = A('b'); _a = A('a'); __c = A('c'); d = A('d')",
    "in_cycle": "class A:\n    def __del__(self): print('cycle')\na = A(); a.a = a; del a",
    "warns": "import warnings\nwarnings.warn('careful')\nwarnings.warn('old', DeprecationWarning)\nprint('on')",
    "warns_in_function": "import warnings\ndef f(): warnings.warn('careful', stacklevel=2)\nf()",
    "prints_traceback": "import traceback\ntry:\n    1 / 0\nexcept ZeroDivisionError:\n    traceback.print_exc()\nprint(traceback.format_stack()[-1])",
    "logs_exception": "import logging\ntry:\n    1 / 0\nexcept ZeroDivisionError:\n    logging.exception('logged')",
    "prints_stack_in_function": "import traceback\ndef f(): traceback.print_stack(limit=2)\ndef g(): f()\ng()",
    "reads_its_source": "import inspect, linecache\ndef f():\n    return 1\nprint(inspect.getsource(f), inspect.getfile(f), linecache.getline(__file__, 3))\nprint(inspect.getmodule(f), inspect.signature(f))",
    "raises_in_exec": "exec(compile('1 / 0', 'a file', 'exec'))",
    "raises_in_import": "import json\njson.loads('{')",
    "last_value": "import atexit, sys\natexit.register(lambda: print(repr(sys.last_value), sys.last_type, sys.last_traceback.tb_lineno, sys.last_traceback.tb_next))\n1 / 0",
    "context_of_hook": "import sys\nsys.excepthook = lambda kind, error, trace: print(error.__traceback__ is trace, error.__context__, trace.tb_frame.f_code.co_filename, sys.exc_info())\n1 / 0",
}

NOT_COMPILED: Final = {
    "syntax_error": "print('never')\nif True print('x')\n",
    "syntax_error_unclosed": "x = (1,\n     2\n",
    "indentation_error": "if True:\nprint('x')\n",
    "tab_error": "if True:\n        x = 1\n\ty = 2\n",
    "return_outside": "return 5",
    "nonlocal_at_module": "nonlocal x",
    "bad_escape": "x = '\\N{no such name}'",
}

RAW: Final = {
    "latin_1": "# -*- coding: latin-1 -*-\nprint('ü')\n1 / 0 # ü\n".encode("latin-1"),
    "unknown_cookie": b"# -*- coding: nonsense -*-\nprint('x')\n",
    "wrong_bytes": b"print('x')\nx = '\xff\xfe'\n",
    "byte_order_mark": b"\xef\xbb\xbfprint('x', __file__[-3:])\n1 / 0\n",
    "mark_and_cookie": b"\xef\xbb\xbf# coding: latin-1\nprint('x')\n",
    "null_byte": b"print('x')\n\0\nprint('y')\n",
    "null_byte_in_text": b"print('x\0y')\n",
    "carriage_returns": b"print('x')\r\nprint('''a\r\nb''')\r\n1 / 0\r\n",
    "old_mac": b"print('x')\rprint('y')\r",
    "no_newline_at_the_end": b"print('x')",
    "form_feed": b"\x0cprint('x')\n",
    "binary": bytes(range(1, 256)),
    "shebang": b"#!/usr/bin/env python\nprint('x')\n",
    "future": b"from __future__ import annotations\ndef f(x: undefined): pass\nprint(f.__annotations__)\n1 / 0",
    "annotations": b"x: int = 1\nprint(__annotations__)\n",
    "docstring": b"'''doc'''\nprint(__doc__, __name__, __package__, __spec__)\n",
    "only_docstring": b"'''doc'''",
}


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Twins]:
    """Lend twins whose template has imported nothing."""
    with running_daemon(tmp_path_factory.mktemp("daemon"), twins.ENVIRONMENT) as daemon:
        yield Twins(daemon)


@pytest.mark.parametrize("name", ENDS)
def test_a_script_ends_the_same(empty: Twins, name: str) -> None:
    cold, warm = empty.both(ENDS[name])
    assert warm == cold


@pytest.mark.parametrize("code", ["2 ** 80", "-(2 ** 80)", "type('A', (), {'__str__': lambda self: 1 / 0})()"])
def test_an_exit_that_an_interpreter_stumbles_over_ends_the_same(empty: Twins, code: str) -> None:
    """What it says then, from 3.12 on, is of an error that it forgot to clear."""
    cold, warm = empty.both(f"import sys; sys.exit({code})")
    assert cold.state == "FAILED"
    assert (warm.state, warm.exit_code, warm.stdout) == (cold.state, cold.exit_code, cold.stdout)


@pytest.mark.parametrize("name", RAISES)
def test_an_exception_reads_the_same(empty: Twins, name: str) -> None:
    cold, warm = empty.both(RAISES[name])
    assert warm == cold


@pytest.mark.parametrize("name", NOT_COMPILED)
def test_what_is_no_python_reads_the_same(empty: Twins, name: str) -> None:
    cold, warm = empty.both(NOT_COMPILED[name], is_witnessed=False)
    assert cold.state == "FAILED"
    assert warm == cold


@pytest.mark.parametrize("name", RAW)
def test_a_files_bytes_are_read_the_same(empty: Twins, name: str) -> None:
    cold, warm = empty.both(RAW[name], is_witnessed=False)
    assert warm == cold


# What differs, as docs/scripts.md says.


def test_frames_of_ours_lie_below_the_scripts_first_one(empty: Twins) -> None:
    script = """
import inspect, sys
depth = len(inspect.stack())
def fall(level):
    try:
        return fall(level + 1)
    except RecursionError:
        return level
print(depth, fall(0))
"""
    cold, warm = empty.both(script)
    cold_depth, cold_level = map(int, cold.stdout.split())
    warm_depth, warm_level = map(int, warm.stdout.split())
    assert cold_depth == 1
    assert 1 < warm_depth < 16
    assert 0 < cold_level - warm_level < 16


def test_strings_have_the_same_hash_in_all_runs_of_a_template(empty: Twins) -> None:
    pairs = [empty.both("print(hash('word'))") for _ in range(2)]
    assert pairs[0][1] == pairs[1][1]
    assert pairs[0][0] != pairs[1][0]


def test_finalizers_of_what_other_modules_hold_do_not_run(empty: Twins) -> None:
    script = """
import types, sys
class Held:
    def __del__(self): print("let go of")
module = types.ModuleType("holder")
module.held = Held()
sys.modules["holder"] = module
del module
"""
    cold, warm = empty.both(script)
    assert (cold.stdout, warm.stdout) == ("let go of\n", "")
    assert (cold.state, warm.state) == ("SUCCEEDED", "SUCCEEDED")
