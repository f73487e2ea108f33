"""A warm script is found, read, imported from, stopped and given its bookmark as an executed one."""

import zipfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final

import pytest

from tests.support import runs, twins
from tests.support.daemon import Daemon, running_daemon
from tests.support.twins import Twins
from tests.support.waiting import until


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Twins]:
    """Lend twins whose template has imported nothing."""
    with running_daemon(tmp_path_factory.mktemp("daemon"), twins.ENVIRONMENT) as daemon:
        yield Twins(daemon)


# Where the script is, and what lies beside it.

SAYS_WHERE: Final = """
import sys, os
print(__name__, __file__, __spec__ and (__spec__.name, __spec__.origin), __package__, type(__loader__).__name__, sys.argv[0])
print(sys.path[:2], os.path.dirname(os.__file__) in sys.path, sorted(name for name in dir() if name.startswith("__")))
print(sys.modules["__main__"].__dict__ is globals(), [name for name in sys.modules if "runpy" in name or "pkgutil" in name])
import helper
print(helper.__file__, helper.__name__, helper.__spec__.origin)
def fails(): raise ValueError("here")
fails()
"""


def _beside(folder: Path) -> None:
    folder.mkdir()
    (folder / "helper.py").write_text("import sys\nvalue = sys.modules['__main__'].__name__\n")


def test_a_directory_is_run_the_same(empty: Twins, tmp_path: Path) -> None:
    _beside(tmp_path / "app")
    (tmp_path / "app" / "__main__.py").write_text(twins.WITNESS + SAYS_WHERE)
    cold, warm = empty.both_of(tmp_path / "app", is_witnessed=True)
    assert cold.message == "ValueError: here"
    assert warm == cold


@pytest.mark.parametrize("name", ["app.zip", "app.pyz", "app.py"])
def test_an_archive_is_run_the_same(empty: Twins, tmp_path: Path, name: str) -> None:
    with zipfile.ZipFile(tmp_path / name, "w") as archive:
        archive.writestr("__main__.py", twins.WITNESS + SAYS_WHERE)
        archive.writestr("helper.py", "")
    cold, warm = empty.both_of(tmp_path / name, is_witnessed=True)
    assert cold.message == "ValueError: here"
    assert warm == cold


@pytest.mark.parametrize("name", ["nothing", "nothing.zip"])
def test_what_has_no_main_module_is_refused_the_same(empty: Twins, tmp_path: Path, name: str) -> None:
    if name.endswith(".zip"):
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            archive.writestr("other.py", "")
    else:
        (tmp_path / name).mkdir()
    cold, warm = empty.both_of(tmp_path / name, is_witnessed=False)
    assert "can't find '__main__' module" in cold.stderr
    assert warm == cold


def test_a_linked_script_finds_what_is_beside_its_target(empty: Twins, tmp_path: Path) -> None:
    _beside(tmp_path / "real")
    (tmp_path / "real" / "script.py").write_text(twins.WITNESS + SAYS_WHERE)
    (tmp_path / "link.py").symlink_to("real/script.py")
    cold, warm = empty.both_of(tmp_path / "link.py", is_witnessed=True)
    assert cold.message == "ValueError: here"
    assert warm == cold


def test_a_script_with_an_awkward_name_is_run_the_same(empty: Twins, tmp_path: Path) -> None:
    _beside(tmp_path / "with space, ümläut and 'quote'")
    script = tmp_path / "with space, ümläut and 'quote'" / "a b%d{}.py"
    script.write_text(twins.WITNESS + SAYS_WHERE)
    cold, warm = empty.both_of(script, is_witnessed=True)
    assert cold.message == "ValueError: here"
    assert warm == cold


def test_libraries_come_before_everything_but_the_scripts_own_directory(empty: Twins, tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "helper.py").write_text("where = 'one'\n")
    with zipfile.ZipFile(tmp_path / "two.zip", "w") as archive:
        archive.writestr("helper.py", "where = 'two'\n")
        archive.writestr("colorsys.py", "where = 'two'\n")
    libraries = {"--extra-py-files": f"{tmp_path}/one/helper.py,{tmp_path}/two.zip"}
    script = """
import colorsys, helper, os, sys
print(helper.where, helper.__file__, colorsys.where, sys.path, os.environ["PYTHONPATH"])
import awsglue.utils, orchestrator_bookmark
print(awsglue.utils.__file__, orchestrator_bookmark.__file__)
"""
    cold, warm = empty.both(script, libraries)
    assert (cold.state, cold.stdout[:4]) == ("SUCCEEDED", "one "), cold
    assert warm == cold


@pytest.mark.parametrize("preload", ["", "pickle"])
def test_a_module_beside_the_script_that_is_named_like_one_of_ours_is_the_scripts(
    empty: Twins, tmp_path: Path, preload: str
) -> None:
    names = (
        "json",
        "signal",
        "resource",
        "select",
        "ctypes",
        "contextlib",
        "fcntl",
        "forking",
        "shim",
        "warm",
        "template",
    )
    for name in names:
        (tmp_path / f"{name}.py").write_text(f"mine = {name!r}\n")
    script = tmp_path / "script.py"
    loads = "\n".join(f"import {name}; print({name}.mine, {name}.__file__)" for name in names)
    script.write_text(twins.WITNESS + loads)
    of_preload = empty if preload == empty.preload else Twins(empty.daemon, preload)
    cold, warm = of_preload.both_of(script, is_witnessed=True)
    assert cold.state == "SUCCEEDED", cold
    assert warm == cold


def test_a_module_beside_the_script_that_fails_reads_the_same(empty: Twins, tmp_path: Path) -> None:
    (tmp_path / "wrong.py").write_text("def f(:\n")
    (tmp_path / "fails.py").write_text("def f():\n    1 / 0\nf()\n")
    (tmp_path / "circular.py").write_text("from circular import x\n")
    for name in ("wrong", "fails", "circular", "absent"):
        script = tmp_path / f"{name}_script.py"
        script.write_text(twins.WITNESS + f"import {name}\n")
        cold, warm = empty.both_of(script, is_witnessed=True)
        assert cold.state == "FAILED"
        assert warm == cold


def test_modules_can_be_imported_again_run_and_reloaded(empty: Twins, tmp_path: Path) -> None:
    (tmp_path / "helper.py").write_text("print('helper', __name__)\n")
    script = tmp_path / "script.py"
    script.write_text(
        twins.WITNESS
        + """
import helper, importlib, json, runpy, signal, sys
importlib.reload(helper); importlib.reload(json); importlib.reload(signal)
print(sorted(runpy.run_path(helper.__file__, run_name="elsewhere")))
print(runpy.run_module("helper", run_name="__main__")["__name__"])
print(sys.modules["__main__"].__dict__ is globals(), signal.getsignal(signal.SIGINT) is signal.default_int_handler)
print(json.loads('[1]'), signal.Signals(15), importlib.import_module("json") is json, importlib.util.find_spec("json").name)
"""
    )
    cold, warm = empty.both_of(script, is_witnessed=True)
    assert (cold.state, cold.stderr) == ("SUCCEEDED", ""), cold
    assert warm == cold


def test_a_preloaded_module_wins_over_one_beside_the_script(empty: Twins, tmp_path: Path) -> None:
    """Unlike after an exec: docs/scripts.md says so."""
    (tmp_path / "colorsys.py").write_text("")
    script = tmp_path / "script.py"
    script.write_text(twins.WITNESS + "import colorsys\nprint(hasattr(colorsys, 'hls_to_rgb'))\n")
    cold, warm = Twins(empty.daemon, "colorsys").both_of(script, is_witnessed=True)
    assert (cold.stdout, warm.stdout) == ("False\n", "True\n")


def test_a_library_that_changes_how_an_interpreter_starts_comes_too_late(empty: Twins, tmp_path: Path) -> None:
    """Unlike after an exec: docs/scripts.md says so."""
    (tmp_path / "sitecustomize.py").write_text("print('customized')\n")
    libraries = {"--extra-py-files": str(tmp_path / "sitecustomize.py")}
    cold, warm = empty.both("print('script')\n", libraries)
    assert (cold.stdout, warm.stdout) == ("customized\nscript\n", "script\n")


def test_a_script_that_is_not_there_or_cannot_be_read_fails_the_same(empty: Twins, tmp_path: Path) -> None:
    pipe = tmp_path / "device.py"
    pipe.symlink_to("/dev/null")
    for script in (tmp_path / "absent.py", pipe, Path("/proc/self/mem.py")):
        cold, warm = empty.both_of(script, is_witnessed=False)
        assert warm == cold


def test_a_script_that_removes_its_own_run_directory_ends_the_same(empty: Twins) -> None:
    script = "import os, shutil\nshutil.rmtree(os.path.dirname(os.getcwd()))\nprint('gone')\n"
    endings = []
    for is_warm in (False, True):
        run_id = empty.start(empty.script(script, is_witnessed=False), is_warm=is_warm)
        run = empty.daemon.ended(empty.job, run_id)
        endings.append((run["JobRunState"], run.get("ErrorMessage")))
    assert endings[1] == endings[0]


def test_a_request_that_is_too_large_for_a_template_starts_cold(empty: Twins) -> None:
    arguments = {f"--large{number}": "x" * 120_000 for number in range(2)}
    script = empty.script("import sys\nprint(sum(map(len, sys.argv)) > 240_000)\n")
    run_id = empty.start(script, is_warm=True, **arguments)
    assert empty.ended(run_id, is_warm=False).stdout == "True\n"


def test_a_request_that_is_nearly_too_large_is_warm(empty: Twins) -> None:
    cold, warm = empty.both(
        "import sys\nprint(sum(map(len, sys.argv)) > 150_000)\n", {"--large": "x" * 75_000, "--larger": "y" * 75_000}
    )
    assert cold.stdout == "True\n"
    assert warm == cold


BOOKMARKED: Final = """
import sys
from awsglue.job import Job
from awsglue.utils import getResolvedOptions
job = Job(None)
options = getResolvedOptions(sys.argv, ["JOB_NAME"])
job.init(options["JOB_NAME"], options)
last = job.bookmark.get("table", {"n": 0})["n"]
print("from", last)
job.bookmark["table"] = {"n": last + 1}
job.commit()
"""


def test_bookmarks_are_carried_from_cold_to_warm_runs_and_back(empty: Twins) -> None:
    script = empty.script(BOOKMARKED)
    printed = []
    for is_warm in (False, True, True, False):
        run_id = empty.start(script, is_warm=is_warm, **{"--job-bookmark-option": "job-bookmark-enable"})
        printed.append(empty.ended(run_id, is_warm=is_warm).stdout)
    assert printed == ["from 0\n", "from 1\n", "from 2\n", "from 3\n"]


STOPPED: Final = {
    "default": "import time\nprint('begun')\ntime.sleep(60)\n",
    "handled": "import signal, sys, time\nsignal.signal(15, lambda *_: (print('term'), sys.exit(3)))\nprint('begun')\ntime.sleep(60)\n",
    "raises": "import signal, time\ndef handle(*_): raise TimeoutError('stopped')\nsignal.signal(15, handle)\nprint('begun')\ntime.sleep(60)\n",
    "atexit": "import atexit, time\natexit.register(print, 'never')\nprint('begun')\ntime.sleep(60)\n",
    "ignored": "import signal, time\nsignal.signal(15, signal.SIG_IGN)\nprint('begun')\ntime.sleep(60)\n",
    "children": "import subprocess, time\nsubprocess.Popen(['sleep', '60'])\nprint('begun')\ntime.sleep(60)\n",
    "multiprocessing": "import multiprocessing, time\nmultiprocessing.get_context('fork').Process(target=time.sleep, args=(60,)).start()\nprint('begun')\n",
}


def _has_begun(daemon: Daemon, run_id: str) -> bool:
    return runs.output(daemon, run_id) == "begun\n"


@pytest.mark.parametrize("name", STOPPED)
def test_a_stop_ends_both_the_same(empty: Twins, name: str) -> None:
    script = empty.script(STOPPED[name])
    ids = [empty.start(script, is_warm=is_warm) for is_warm in (False, True)]
    for run_id in ids:
        until(partial(_has_begun, empty.daemon, run_id), what="a script that has begun")
    answer = empty.daemon.call("BatchStopJobRun", {"JobName": empty.job, "JobRunIds": ids})
    assert not answer.get("Errors"), answer
    cold, warm = (empty.ended(run_id, is_warm=is_warm) for run_id, is_warm in zip(ids, (False, True), strict=True))
    assert cold.state == "STOPPED"
    assert warm == cold
