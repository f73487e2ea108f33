"""A small machine with a kernel of its own: user-mode Linux, which is a process here and needs no privileges.

Its file system is ours, read-only, with room in /run. What tests need there and not here: a cgroup tree (version 2) with
the controllers for memory, processes and processor time, which another hierarchy may hold on the machine of the tests.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support.daemon import ROOT

KERNEL: Final = "linux.uml"
RESULT: Final = "RESULT "
_REGISTERS: Final = Path(__file__).with_name("machine_registers.c")
"""What lets that kernel run on processors with more registers than it has room for."""
_INIT: Final = """\
#!/bin/sh
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev 2>/dev/null; mount -t tmpfs run /run
mount -t cgroup2 cgroup /sys/fs/cgroup && ip link set lo up
cd '{root}' && PYTHONDONTWRITEBYTECODE=1 TMPDIR=/run '{python}' -m '{module}'
echo o > /proc/sysrq-trigger
sleep 60
"""


def run_inside(module: str, folder: Path, *, within_s: float, memory: str = "768M") -> dict[str, Any]:
    """Run a module as the only program of such a machine; return what it said with `tell`, by name.

    Skips the test where there is no such kernel, or no compiler.
    """
    for program in (KERNEL, "cc"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is missing (make test-deps)")
    init = folder / "init"
    init.write_text(_INIT.format(root=ROOT, python=sys.executable, module=module), encoding="utf-8")
    init.chmod(0o755)
    options = ("rootfstype=hostfs", "rootflags=/", "ro", "con=null", "con0=fd:0,fd:1", "ssl=null", "quiet")
    registers = folder / "registers.so"
    command = ("cc", "-O2", "-shared", "-fPIC", "-nostdlib", "-o", str(registers), str(_REGISTERS))
    subprocess.run(command, check=True, timeout=60)
    environment = {"HOME": str(folder), "TMPDIR": str(folder), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
    done = subprocess.run(
        [KERNEL, f"mem={memory}", f"init={init}", f"umid={folder.name[-20:]}", f"uml_dir={folder}", *options],
        env={**environment, "LD_PRELOAD": str(registers)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=within_s,
        check=False,
    )
    found: dict[str, Any] = {}
    for line in done.stdout.splitlines():
        _, is_told, rest = line.partition(RESULT)
        if is_told:
            found.update(json.loads(rest))
    assert found.pop("over", False), f"the program inside did not come to its end:\n{done.stdout[-6000:]}"
    return found


def tell(**found: object) -> None:
    """Inside: say something to the test outside."""
    print(f"\n{RESULT}{json.dumps(found)}", flush=True)  # noqa: T201 - its console is how it is heard
