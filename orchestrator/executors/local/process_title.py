"""What the kernel says of a forked process under /proc: its command line and its environment.

A process that was forked and not executed keeps those of its parent. `ps` should name what runs, and the marks by which
lost processes are found (leftovers.py) are read from the environment. Standard library only: shims and scripts use it.

Source: prctl(2), PR_SET_MM with PR_SET_MM_MAP, which needs no privilege; proc(5), /proc/pid/stat.
"""

from __future__ import annotations

import ctypes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PR_SET_MM = 35
PR_SET_MM_MAP = 14
NO_FILE = 0xFFFFFFFF
_NAMES = "start_code end_code start_data end_data start_brk brk start_stack arg_start arg_end env_start env_end auxv"
_IN_STAT = {
    "start_code": 26,
    "end_code": 27,
    "start_stack": 28,
    "start_data": 45,
    "end_data": 46,
    "start_brk": 47,
    "arg_start": 48,
    "arg_end": 49,
    "env_start": 50,
    "env_end": 51,
}
"""The fields of /proc/self/stat, counted from 1, that tell what the kernel has now."""
_LIBC = ctypes.CDLL(None, use_errno=True)
_LIBC.sbrk.restype = ctypes.c_void_p
_LIBC.sbrk.argtypes = [ctypes.c_long]
_kept: dict[str, bytes] = {}  # the kernel points into these


class _Map(ctypes.Structure):
    _fields_ = [
        *((name, ctypes.c_uint64) for name in _NAMES.split()),
        ("auxv_size", ctypes.c_uint32),
        ("exe_fd", ctypes.c_uint32),
    ]


_found: list[_Map] = []


def set_title(argv: Iterable[str], environment: Mapping[str, str] | None) -> bool:
    """Make the kernel show `argv`, and `environment` where there is one, for this process; return whether it does."""
    wanted = _memory()
    wanted.brk = _LIBC.sbrk(0)
    texts = {"arg": _text(argv)}
    if environment is not None:
        texts["env"] = _text(f"{name}={value}" for name, value in environment.items())
    for name, text in texts.items():
        # Not create_string_buffer, which makes a type for each length: that took longer than all the rest.
        start = ctypes.cast(ctypes.c_char_p(text), ctypes.c_void_p).value or 0
        setattr(wanted, f"{name}_start", start)
        setattr(wanted, f"{name}_end", start + len(text))
    is_set: int = _LIBC.prctl(PR_SET_MM, PR_SET_MM_MAP, ctypes.byref(wanted), ctypes.sizeof(wanted), 0)
    if is_set == 0:
        _kept.update(texts)  # only now may those go that were shown before
    return is_set == 0


def _memory() -> _Map:
    """Return where the parts of this process are; forked processes have them at the same places, and need not look."""
    if not _found:
        with open("/proc/self/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
        places = {name: int(fields[number - 3]) for name, number in _IN_STAT.items()}
        _found.append(_Map(**places, exe_fd=NO_FILE))
    return _found[0]


def _text(words: Iterable[str]) -> bytes:
    return b"".join(word.encode(errors="surrogateescape") + b"\0" for word in words)


def problem() -> str | None:
    """Return why titles cannot be set here. Warm scripts need them: by their environment lost processes are found."""
    with open("/proc/self/cmdline", "rb") as file:
        argv = file.read().decode(errors="surrogateescape").split("\0")[:-1]
    return None if set_title(argv, None) else "this kernel lets no process say what its environment is (PR_SET_MM_MAP)"
