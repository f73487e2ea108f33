"""A warm script's processes, threads and output are what an executed one's are."""

import bz2
import gzip
import lzma
import zipfile
from collections.abc import Iterator
from typing import Final

import pytest

from tests.support import runs, twins
from tests.support.daemon import running_daemon
from tests.support.twins import Twins

PROCESSES: Final = {
    "subprocess_environment": """
import os, subprocess
text = subprocess.run(["/usr/bin/env", "-0"], capture_output=True, text=True).stdout
print(sorted(text.split("\\0")))
""",
    "subprocess_descriptors": "import subprocess\nprint(subprocess.run(['ls', '/proc/self/fd'], capture_output=True, text=True).stdout)",
    "subprocess_kept_open": "import subprocess\nprint(subprocess.run(['sh', '-c', 'ls /proc/$$/fd'], capture_output=True, text=True, close_fds=False).stdout)",
    "subprocess_output": "import subprocess\nsubprocess.run('echo out; echo err >&2', shell=True); print('last')",
    "subprocess_codes": """
import subprocess
for command in ("exit 3", "kill -9 $$", "kill -15 $$", "nonsense 2>/dev/null", "true"):
    print(command, subprocess.run(command, shell=True).returncode)
try:
    subprocess.run(["/no/such/program"])
except FileNotFoundError as error:
    print(error)
try:
    subprocess.run("exit 7", shell=True, check=True)
except subprocess.CalledProcessError as error:
    print(error)
try:
    subprocess.run(["sleep", "10"], timeout=0.05)
except subprocess.TimeoutExpired as error:
    print(error.cmd)
""",
    "subprocess_signals": "import subprocess\nprint(subprocess.run(['grep', 'Sig[BIC]', '/proc/self/status'], capture_output=True, text=True).stdout)",
    "subprocess_python": "import subprocess, sys\nprint(subprocess.run([sys.executable, '-c', 'import sys; print(sys.path[1:], sys.flags, len(sys.modules))'], capture_output=True, text=True))",
    "system": "import os\nprint(os.system('exit 3'), os.popen('echo piped; ulimit -a; umask').read())",
    "posix_spawn": "import os\npid = os.posix_spawn('/bin/echo', ['echo', 'spawned'], os.environ)\nprint(os.waitpid(pid, 0)[1])",
    "left_behind": "import subprocess\nsubprocess.Popen(['sleep', '60']); print('gone')",
    "left_behind_in_session": "import subprocess\nsubprocess.Popen(['sleep', '60'], start_new_session=True); print('gone')",
    "forks": """
import os, sys
print("buffered" , end="")
sys.stdout.flush()
pid = os.fork()
if pid == 0:
    print("child")
    sys.exit(7)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
""",
    "fork_raises": "import os\npid = os.fork()\nif pid == 0:\n    1 / 0\nprint(os.waitpid(pid, 0)[1])",
    "fork_falls_off": "import atexit, os\natexit.register(lambda: print('atexit', os.getpid() == parent))\nparent = os.getpid()\nif os.fork():\n    os.wait()",
    "double_fork": "import os\nif os.fork() == 0:\n    if os.fork() == 0:\n        os.setsid()\n        import time; time.sleep(60)\n    os._exit(0)\nos.wait()\nprint('left')",
    "execs": "import os, sys\nos.execv('/bin/echo', ['echo', 'from another program', *sys.argv[1:2]])",
    "execs_python": "import os, sys\nos.execv(sys.executable, [sys.executable, '-c', 'import sys, os; print(sys.argv, os.environ[\"ORCH_JOB_NAME\"], len(os.listdir(\"/proc/self/fd\")))', 'x'])",
    "execs_itself": "import os, sys\nif 'again' in sys.argv: print(sys.argv[-1], sys.orig_argv[:2] == [sys.executable, __file__]); sys.exit(5)\nos.execv(sys.executable, [*sys.orig_argv, 'again'])",
    "pty": "import pty\nprint(pty.spawn(['/bin/echo', 'in a terminal']))",
    "joins_its_children": "import multiprocessing, os\ndef f(): print('child', os.getpid() != parent)\nparent = os.getpid()\nprocess = multiprocessing.get_context('fork').Process(target=f); process.start()",
    "multiprocessing_names": "import multiprocessing\nprint(multiprocessing.current_process().name, multiprocessing.parent_process(), multiprocessing.get_start_method(), multiprocessing.current_process().pid == __import__('os').getpid(), multiprocessing.active_children(), multiprocessing.Process().name)",
}

MULTIPROCESSING: Final = """
import multiprocessing, os, pickle, sys, tempfile
from concurrent.futures import ProcessPoolExecutor

tempfile.tempdir = "/tmp"  # a socket's path has 108 characters, and a run's directory takes most of them

class Thing:
    def __init__(self, value): self.value = value
    def __eq__(self, other): return self.value == other.value

def work(thing):
    return Thing(thing.value * 2)

def put(queue, text):
    queue.put([text, multiprocessing.current_process().name, os.getcwd() == multiprocessing.process.ORIGINAL_DIR, __name__])

def fails():
    sys.exit(4)

if __name__ == "__main__":
    context = multiprocessing.get_context(sys.argv[sys.argv.index("--method") + 1])
    queue = context.Queue()
    child = context.Process(target=put, args=(queue, "words"))
    child.start()
    print(queue.get(timeout=30))
    child.join()
    bad = context.Process(target=fails)
    bad.start(); bad.join()
    print(child.exitcode, bad.exitcode, child.name, bad.name)
    with context.Pool(2) as pool:
        print([thing.value for thing in pool.map(work, map(Thing, range(5)))])
    with ProcessPoolExecutor(2, mp_context=context) as executor:
        print([thing.value for thing in executor.map(work, map(Thing, range(5)))])
    with context.Manager() as manager:
        shared = manager.dict(a=1)
        shared["b"] = 2
        print(dict(shared))
    value = context.Value("i", 3)
    print(value.value, pickle.loads(pickle.dumps(Thing(1))) == Thing(1), Thing.__module__)
"""

THREADS: Final = {
    "thread_outlives_main": "import threading, time\nmain = threading.Event()\nthreading.Thread(target=lambda: (main.wait(), time.sleep(0.1), print('thread last'))).start()\nprint('main')\nmain.set()",
    "daemon_thread": "import threading, time\nthreading.Thread(target=time.sleep, args=(60,), daemon=True).start()\nprint('main')",
    "daemon_thread_prints": "import threading\ndef f():\n    while True: lock.acquire()\nlock = threading.Lock()\nthreading.Thread(target=f, daemon=True).start()\nprint('main')",
    "atexit_after_threads": "import atexit, threading, time\natexit.register(print, 'atexit')\nthreading.Thread(target=lambda: (time.sleep(0.05), print('thread'))).start()",
    "exit_with_thread": "import sys, threading, time\nthreading.Thread(target=lambda: (time.sleep(0.05), print('thread'))).start()\nsys.exit(3)",
    "raise_with_thread": "import threading, time\nthreading.Thread(target=lambda: (time.sleep(0.05), print('thread'))).start()\n1 / 0",
    "thread_pool": "from concurrent.futures import ThreadPoolExecutor\nwith ThreadPoolExecutor(3) as pool: print(list(pool.map(str, range(5))))",
    "thread_pool_left": "from concurrent.futures import ThreadPoolExecutor\nimport threading, time\nmain = threading.Event()\npool = ThreadPoolExecutor(1)\npool.submit(lambda: (main.wait(), time.sleep(0.1), print('done')))\nprint('main')\nmain.set()",
    "timer": "import threading\nthreading.Timer(0.05, print, ['tick']).start()",
    "thread_names": "import threading\nthreads = [threading.Thread(target=int) for _ in range(2)]\nprint([thread.name for thread in threads], threading.enumerate())".replace(
        "threading.enumerate())", "[thread.name for thread in threading.enumerate()])"
    ),
    "asyncio": """
import asyncio, sys
async def main():
    process = await asyncio.create_subprocess_exec("/bin/echo", "from a child", stdout=asyncio.subprocess.PIPE)
    print((await process.communicate())[0], process.returncode)
    print(await asyncio.to_thread(lambda: "from a thread"))
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(asyncio.sleep(0, n)) for n in range(3)]
    print([task.result() for task in tasks], asyncio.get_running_loop().get_debug())
    await asyncio.wait_for(asyncio.sleep(5), 0.01)
asyncio.run(main())
""",
    "asyncio_signals": "import asyncio, os, signal\nasync def main():\n    loop = asyncio.get_running_loop()\n    event = asyncio.Event()\n    loop.add_signal_handler(signal.SIGTERM, event.set)\n    os.kill(os.getpid(), signal.SIGTERM)\n    await event.wait()\n    print('heard')\nasyncio.run(main())",
    "asyncio_interrupted": "import asyncio, os\nasync def main():\n    os.kill(os.getpid(), 2)\n    await asyncio.sleep(5)\nasyncio.run(main())",
    "signal_to_main_thread": "import os, signal, threading, time\nsignal.signal(signal.SIGUSR1, lambda *_: print(threading.current_thread().name))\nthread = threading.Thread(target=lambda: os.kill(os.getpid(), signal.SIGUSR1)); thread.start(); thread.join(); print('end')",
    "traces": "import sys, threading\nseen = []\ndef trace(frame, event, what):\n    seen.append((frame.f_code.co_name, event))\n    return trace\nsys.settrace(trace); threading.settrace(trace)\ndef f(): return 1\nf()\nthread = threading.Thread(target=f); thread.start(); thread.join()\nsys.settrace(None)\nprint(seen[:3], len([one for one in seen if one[0] == 'f']))",
    "profiles": "import cProfile, io, pstats\nprofile = cProfile.Profile()\nprofile.runcall(sorted, [2, 1])\nprint(pstats.Stats(profile, stream=io.StringIO()).total_calls)",
    "traces_memory": "import tracemalloc\ntracemalloc.start()\nx = [0] * 1000\nprint(tracemalloc.get_traced_memory()[0] > 1000, tracemalloc.get_object_traceback(x))",
    "collects": "import gc, weakref\nclass A: pass\na = A(); a.a = a; seen = weakref.ref(a); del a\nprint(gc.isenabled(), gc.collect() > 0, seen())",
}

OUTPUT: Final = {
    "ten_megabytes": "import sys\nfor _ in range(160):\n    sys.stdout.write('o' * 65535 + '\\n'); sys.stderr.write('e' * 65535 + '\\n')",
    "ten_megabytes_at_once": "import sys\nsys.stdout.buffer.write(b'x' * 10_000_000); sys.stdout.write('end')",
    "no_newline": "print('x', end='')",
    "buffer": "import sys\nsys.stdout.buffer.write(bytes(range(256)))",
    "mixed": "import os, sys\nfor n in range(50):\n    print(n, end=' '); os.write(1, b'w '); sys.stdout.buffer.write(b'b '); sys.stderr.write('e')",
    "own_buffered_stream": "import sys\nout = open(1, 'w', buffering=10000, closefd=False)\nout.write('own')\nprint('first')",
    "stream_left_open": "import sys\nout = open(1, 'w', closefd=False)\nout.write('flushed at the end')",
    "replaced_stdout": "import io, sys\nsys.stdout = io.TextIOWrapper(open(1, 'wb', closefd=False), write_through=False)\nprint('through mine')",
    "stdout_gone": "import sys\nsys.stdout = None\nprint('nowhere')\nsys.stderr.write('heard')",
    "stdout_closed": "import sys\nprint('x', flush=True)\nsys.stdout.close()",
    "stderr_closed": "import sys\nsys.stderr.close()\nprint('x')",
    "descriptor_closed": "import os\nprint('x', flush=True)\nos.close(1)",
    "both_descriptors_closed": "import os\nos.close(1); os.close(2)",
    "full_disk": "import sys\nsys.stdout = open('/dev/full', 'w')\nprint('x')",
    "full_disk_by_descriptor": "import os\nos.dup2(os.open('/dev/full', os.O_WRONLY), 1)\nprint('x')",
    "full_disk_unflushed": "import io, os, sys\nos.dup2(os.open('/dev/full', os.O_WRONLY), 1)\nsys.stdout = io.TextIOWrapper(io.BufferedWriter(io.FileIO(1, 'w', closefd=False)))\nsys.stdout.write('x')",
    "logging": "import logging, sys\nlogging.basicConfig(level=10, format='%(levelname)s %(name)s %(processName)s %(threadName)s %(filename)s:%(lineno)d %(funcName)s %(message)s')\nlogging.info('words')\nlogging.getLogger('a.b').warning('more')\nprint(logging.root.handlers[0].stream is sys.stderr)",
    "logging_default": "import logging\nlogging.warning('words'); logging.info('unheard')\nprint(logging.getLogger().level, sorted(logging.root.manager.loggerDict))",
    "log_times": "import logging, time\nrecord = logging.makeLogRecord({})\nprint(0 <= record.relativeCreated < 5000, abs(record.created - time.time()) < 5)",
    "reads_stdin": "import sys\nprint(repr(sys.stdin.read()), sys.stdin.readline() == '', sys.stdin.fileno())",
    "input_at_eof": "input('prompt')",
    "unencodable": "print('\\udcff')",
    "locale": "import locale, time\nprint(locale.setlocale(locale.LC_ALL, ''), locale.localeconv()['decimal_point'], time.strftime('%c', time.gmtime(0)), f'{1234567.891:n}')",
    "sets": "print(open('/proc/self/comm').read(), len({1, 2}))",
    "pprints": "import pprint\npprint.pprint({str(n): n for n in range(40)})",
}


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Twins]:
    """Lend twins whose template has imported nothing."""
    with running_daemon(tmp_path_factory.mktemp("daemon"), twins.ENVIRONMENT) as daemon:
        yield Twins(daemon)


@pytest.mark.parametrize("name", PROCESSES)
def test_processes_are_the_same(empty: Twins, name: str) -> None:
    cold, warm = empty.both(PROCESSES[name])
    assert warm == cold


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing_is_the_same(empty: Twins, method: str) -> None:
    cold, warm = empty.both(MULTIPROCESSING, {"--method": method}, is_witnessed=False)
    assert (cold.state, cold.stderr) == ("SUCCEEDED", ""), cold
    assert len(cold.stdout.splitlines()) == 6
    assert warm == cold


@pytest.mark.parametrize("name", THREADS)
def test_threads_are_the_same(empty: Twins, name: str) -> None:
    cold, warm = empty.both(THREADS[name])
    assert warm == cold


@pytest.mark.parametrize("name", OUTPUT)
def test_output_is_the_same(empty: Twins, name: str) -> None:
    cold, warm = empty.both(OUTPUT[name])
    assert warm == cold


def test_files_that_are_left_open_are_written_out(empty: Twins) -> None:
    script = """
import types
by_global = open("by_global", "w"); by_global.write("all of it")
module = types.ModuleType("holder"); module.file = open("by_module", "w"); module.file.write("all of it")
__import__("sys").modules["holder"] = module; del module
"""
    path = empty.script(script)
    contents = []
    for is_warm in (False, True):
        run_id = empty.start(path, is_warm=is_warm)
        assert empty.ended(run_id, is_warm=is_warm).state == "SUCCEEDED"
        work = runs.directory(empty.daemon, run_id) / "work"
        contents.append({file.name: file.read_text() for file in work.iterdir()})
    assert contents[0] == {"by_global": "all of it", "by_module": "all of it"}
    assert contents[1] == contents[0]


def test_files_that_the_scripts_own_modules_compress_are_whole(empty: Twins) -> None:
    """What ends them is written when they are let go of, which a flush does not do."""
    script = """
import pathlib, sys
pathlib.Path("holding.py").write_text('''
import bz2, gzip, lzma, zipfile
held = [gzip.open("a.gz", "wb"), bz2.open("a.bz2", "wb"), lzma.open("a.xz", "wb")]
for file in held:
    file.write(b"all of it")
archive = zipfile.ZipFile("a.zip", "w")
archive.writestr("a", "all of it")
''')
pathlib.Path("between.py").write_text("import holding")
sys.path.insert(0, "")
import between
"""
    path = empty.script(script)
    for is_warm in (False, True):
        run_id = empty.start(path, is_warm=is_warm)
        assert empty.ended(run_id, is_warm=is_warm).state == "SUCCEEDED"
        work = runs.directory(empty.daemon, run_id) / "work"
        for unpack, name in ((gzip.decompress, "a.gz"), (bz2.decompress, "a.bz2"), (lzma.decompress, "a.xz")):
            assert unpack((work / name).read_bytes()) == b"all of it"
        assert zipfile.ZipFile(work / "a.zip").read("a") == b"all of it"
