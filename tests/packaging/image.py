"""The Dockerfile's steps, replayed without Docker: each stage is an overlay of this machine's root, its containers are namespaces.

What is not replayed: the base image (this machine's system and Python stand for it), and apt-get (tini is this machine's).
"""

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import psutil
import pytest

from tests.packaging.builds import WITHIN_S
from tests.packaging.dockerfile import Instruction, context, environment, last, stages
from tests.support import own_network
from tests.support.daemon import ROOT
from tests.support.waiting import until

WHEELS: Final = Path(f"{sys.prefix}-wheels")
UID: Final = 10_001
PATH: Final = "/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"
_HOLDER: Final = """
set -e
mount -t tmpfs image "$1"
for stage in build final; do
    mkdir -p "$1/$stage/up" "$1/$stage/work" "$1/$stage/root"
    root=$1/$stage/root
    mount -t overlay overlay -o "lowerdir=/,upperdir=$1/$stage/up,workdir=$1/$stage/work" "$root"
    mount --rbind /dev "$root/dev"
    mount -t proc proc "$root/proc"
    mount -t tmpfs tmp "$root/tmp"
done
mkdir -p "$1/build/root$2"
mount --bind "$2" "$1/build/root$2"
echo there
cat >/dev/null
"""


class Image:
    """What a build would leave, for as long as `replayed` lends it."""

    def __init__(self, place: Path, holder: int) -> None:
        """Know where the stages are, and whose mount namespace they are in."""
        self.place = place
        self._holder = str(holder)

    def root(self, stage: str) -> str:
        """Return the root directory of a stage, inside of the namespace."""
        return str(self.place / stage / "root")

    def inside(self, *argv: str) -> None:
        """Run a command where the stages can be seen."""
        done = subprocess.run(
            ["nsenter", "-t", self._holder, "-m", *argv], capture_output=True, text=True, timeout=WITHIN_S, check=False
        )
        assert done.returncode == 0, f"{argv}: {done.stdout}{done.stderr}"

    def write(self, name: str, text: str, *, owner: int = 0, mode: str = "644") -> None:
        """Write a file into the last stage."""
        target = f"{self.root('final')}/{name}"
        program = 'mkdir -p "$(dirname "$1")" && printf %s "$2" > "$1" && chown "$3" "$1" && chmod "$4" "$1"'
        self.inside("sh", "-c", program, "sh", target, text, str(owner), mode)

    def python(self, stage: str, executable: str) -> None:
        """Let `python` of a stage be an interpreter of this machine, that others than root may execute, too."""
        self.inside("rm", "-f", f"{self.root(stage)}/usr/local/bin/python")
        script = f'#!/bin/sh\nexec {executable} "$@"\n'
        program = 'printf %s "$2" > "$1" && chmod 755 "$1"'
        self.inside("sh", "-c", program, "sh", f"{self.root(stage)}/usr/local/bin/python", script)
        for parent in Path(os.path.realpath(executable)).parents:
            self.inside("chmod", "o+x", f"{self.root(stage)}{parent}")

    def replay(self, stage: str, steps: list[Instruction], source: Path) -> None:
        """Do the steps of a stage."""
        root, directory = self.root(stage), "/"
        for step in steps:
            if step.keyword == "WORKDIR":
                directory = step.text
                self.inside("mkdir", "-p", root + directory)
            elif step.keyword == "COPY":
                self._copy(step.text.split(), root, directory, source)
            elif step.keyword == "RUN" and not step.text.startswith("apt-get "):
                pip = ("PIP_NO_INDEX=1", "PIP_FIND_LINKS=/tmp/wheels", "PIP_CONFIG_FILE=/dev/null", "HOME=/root")
                command = f"cd {directory} && {step.text}"
                self.inside("chroot", root, "env", "-i", f"PATH={PATH}", *pip, "/bin/sh", "-c", command)

    def _copy(self, words: list[str], root: str, directory: str, source: Path) -> None:
        begin = str(source)
        if words[0].startswith("--from="):
            begin = self.root(words.pop(0).removeprefix("--from="))
        *names, target = words
        place = f"{root}{target if target.startswith('/') else f'{directory}/{target}'}"
        for name in names:
            what = f"{begin}/{name.lstrip('/')}"
            whole = ["cp", "-aT", what, place] if not target.endswith("/") else ["cp", "-a", what, place]
            self.inside("mkdir", "-p", place if target.endswith("/") else str(Path(place).parent))
            self.inside(*whole)

    @contextlib.contextmanager
    def container(self, more: Mapping[str, str] | None = None, *, uid: int = UID) -> Iterator["Container"]:
        """Lend a container in a pid namespace and a network of its own, as `docker run` would start it."""
        argv = [*last("ENTRYPOINT").argv, *last("CMD").argv]
        told = {"PATH": PATH, "HOME": "/var/lib/orchestrator", **environment(), **(more or {})}
        words = [f"{name}={value}" for name, value in told.items()]
        root = self.root("final")
        program = 'cd "$1" && shift && exec "$@"'
        with subprocess.Popen(
            [
                *(sys.executable, own_network.__file__, "nsenter", "-t", self._holder, "-m"),
                *("unshare", "--pid", "--fork", "--kill-child", f"--mount-proc={root}/proc"),
                *("chroot", f"--userspec={uid}:{uid}", root, "env", "-i", *words),
                *("/bin/sh", "-c", program, "sh", last("WORKDIR").text, *argv),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        ) as maker:
            try:
                until(lambda: _first(maker.pid), within_s=WITHIN_S, what="the first process")
                yield Container(maker, uid, told)
            finally:
                for one in psutil.Process(maker.pid).children() if maker.poll() is None else ():
                    one.kill()
                maker.wait(WITHIN_S)


def _first(maker: int) -> list[psutil.Process]:
    """Return the first process of a container once it is what the image starts."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return [one for one in psutil.Process(maker).children() if one.name() == "tini"]
    return []


class Container:
    """A running container."""

    def __init__(self, maker: "subprocess.Popen[str]", uid: int, told: Mapping[str, str]) -> None:
        """Know its first process, as it is called outside."""
        self.maker = maker
        (first,) = _first(maker.pid)
        self.first = first
        self._uid = str(uid)
        self._environment = [f"{name}={value}" for name, value in told.items()]

    def execute(self, *argv: str) -> "subprocess.CompletedProcess[str]":
        """Do as `docker exec` would."""
        enter = ["nsenter", "-t", str(self.first.pid), "-m", "-p", "-n", "-r", "-w", "-S", self._uid, "-G", self._uid]
        return subprocess.run(
            [*enter, "env", "-i", *self._environment, *argv],
            capture_output=True,
            text=True,
            timeout=WITHIN_S,
            check=False,
        )

    def is_healthy(self) -> bool:
        """Do what HEALTHCHECK says."""
        return self.execute(*last("HEALTHCHECK").argv).returncode == 0

    def await_health(self) -> None:
        """Wait until it is healthy."""
        until(self.is_healthy, within_s=WITHIN_S, what="health")

    def daemon(self) -> psutil.Process | None:
        """Return the daemon's process."""
        for one in self.processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                if one.cmdline()[-2:-1] == ["/usr/local/bin/orchestrator"] and one.cmdline()[-1] == "serve":
                    return one
        return None

    def processes(self) -> list[psutil.Process]:
        """Return all of its processes, with the zombies."""
        return [self.first, *self.first.children(recursive=True)]

    def zombies(self) -> list[psutil.Process]:
        """Return those that have ended and that nobody has reaped."""
        found = []
        for one in self.processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                if one.status() == psutil.STATUS_ZOMBIE:
                    found.append(one)
        return found

    def end(self, number: int) -> int:
        """Signal the first process, as `docker stop` and `docker kill` do; return the exit code."""
        self.first.send_signal(number)
        return self.maker.wait(WITHIN_S)


@contextlib.contextmanager
def replayed(place: Path) -> Iterator[Image]:
    """Lend the image; where it cannot be had, the tests are skipped, and say so."""
    if os.geteuid() != 0:
        pytest.skip("NOT TESTED: the image. Only root can replay its build")
    if not (WHEELS / ".has-all").exists():
        pytest.skip(f"NOT TESTED: the image. make packaging downloads what its build needs to {WHEELS}")
    if shutil.which("tini") is None:
        pytest.skip("NOT TESTED: the image. tini is not installed (make test-deps)")
    stage_place, source = place / "stages", place / "context"
    stage_place.mkdir()
    for name in context():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, source / name)
    argv = ["unshare", "--mount", "--propagation", "private", "sh", "-c", _HOLDER, "sh", str(stage_place), str(ROOT)]
    pipes: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with subprocess.Popen(argv, text=True, **pipes) as holder:
        assert holder.stdin is not None
        assert holder.stdout is not None
        assert holder.stderr is not None
        if holder.stdout.readline() != "there\n":
            pytest.skip(f"NOT TESTED: the image: {holder.stderr.read()}")
        image = Image(stage_place, holder.pid)
        try:
            _build(image, source)
            yield image
        finally:
            holder.stdin.close()
            holder.wait(WITHIN_S)


def _build(image: Image, source: Path) -> None:
    image.python("build", sys.executable)
    image.python("final", os.path.realpath(sys._base_executable))  # type: ignore[attr-defined]
    wheels = f"{image.root('build')}/tmp/wheels"  # noqa: S108 - the build's own
    image.inside("mkdir", "-p", wheels)
    image.inside("cp", *map(str, WHEELS.glob("*.whl")), wheels)
    for name, steps in stages():
        if name != "base":
            image.replay(name or "final", steps, source)
