"""A daemon without descriptors or room for processes is slow or refuses; it never dies, and recovers by itself.

Descriptors are taken from the live daemon by a limit (prlimit), room for processes by the tracer (fork fails: EAGAIN).
"""

import os
import resource
import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import psutil
import pytest

from tests.support import runs
from tests.support.crashing import Lives, check_nothing_left, check_ran_once, check_truthful, kill
from tests.support.daemon import ROOT, Daemon
from tests.support.tracing import BEGINS, Tracers, tracing
from tests.support.waiting import until
from tests.support.wire import connect, read_answer, request

_RUNS: Final = 5
_FEW: Final = 2
_NO_SERVER: Final = """\
import sys
if "serve" in sys.orig_argv:
    import orchestrator.executors.local.spawning as spawning
    spawning.Spawner.spawn = lambda *_: False
"""
_NO_ROOM: Final = ("-e", "trace=clone,clone3,vfork,fork", "-e", "inject=clone,clone3,vfork,fork:error=EAGAIN")
