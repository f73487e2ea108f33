"""The spawn server: a process that has its imports behind it and forks shims from there, in about a millisecond.

The daemon executes this file by path, with the notices of all shims at descriptor 3 and its requests at 4. Run as
`python -I -S` it forks the shims of scripts that are executed. Run with `--template` by the scripts' own interpreter,
with that one's flags, it first imports what they preload; their scripts are then run in the forked process (warm.py).

It owns nothing: shims live on when it dies, and it ends when the daemon does, by the end of its requests. It has one
thread, so that a fork is whole. Standard library only.
"""

# Nothing more is imported up here: what a template preloads comes first, and what we need ourselves is hidden from scripts.
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

TEMPLATE = "--template"
NOTICES_FD = 3
REQUESTS_FD = 4
MAX_FD = 1 << 20
EXIT_REFUSED = 4


def load(name: str) -> "Any":
    """Import a file beside this one, without a trace in sys.modules or sys.path."""
    from importlib.machinery import SourceFileLoader  # noqa: PLC0415

    path = f"{__file__.rpartition('/')[0]}/{name}.py"
    module = type(sys)(f"orchestrator.executors.local.{name}")
    module.__file__ = path
    code = SourceFileLoader(module.__name__, path).get_code(module.__name__)
    exec(code, module.__dict__)  # type: ignore[arg-type]  # noqa: S102 - our own file
    return module


def end_with_daemon() -> None:
    """Let the kernel end this process when the daemon ends, while it imports what may never come to an end.

    A socket that is read asynchronously raises SIGIO when its other end is closed, and nobody handles that here.
    """
    import fcntl  # noqa: PLC0415

    del sys.modules["fcntl"]
    fcntl.fcntl(REQUESTS_FD, fcntl.F_SETOWN, __import__("posix").getpid())
    fcntl.fcntl(REQUESTS_FD, fcntl.F_SETFL, fcntl.fcntl(REQUESTS_FD, fcntl.F_GETFL) | fcntl.FASYNC)


def stay() -> None:
    """Take that back: from now on the end is read, and requests are no reason to end."""
    import fcntl  # noqa: PLC0415

    fcntl.fcntl(REQUESTS_FD, fcntl.F_SETFL, fcntl.fcntl(REQUESTS_FD, fcntl.F_GETFL) & ~fcntl.FASYNC)


def preload(names: "list[str]") -> "str | None":
    """Import what scripts ask for, as if they did so; return what went wrong."""
    for name in names:
        try:
            __import__(name)
        except BaseException as error:  # noqa: BLE001 - whatever it is, the scripts shall meet it themselves
            return f"{name} cannot be imported: {type(error).__name__}: {error}"
    for stream in (sys.stdout, sys.stderr):  # what it printed is not the scripts' to print again
        if stream is not None and not stream.closed:
            stream.flush()
    return None


def main() -> int:
    """Serve until the daemon ends; as a template only if what was preloaded survives a fork."""
    if not getattr(sys.flags, "safe_path", False):  # 3.10 has no such flag
        del sys.path[0]  # this file's directory: scripts know nothing of it
    names = sys.argv[2].split(",") if len(sys.argv) == 3 and sys.argv[2] else []
    __import__("posix").closerange(REQUESTS_FD + 1, MAX_FD)  # whatever the daemon was started with
    is_template = sys.argv[1:2] == [TEMPLATE]
    sys.argv = [""]
    if is_template:
        end_with_daemon()
    problem = preload(names)
    visible = set(sys.modules)
    if is_template:
        stay()
    forking, shim, title = load("forking"), load("shim"), load("process_title")
    notices = forking.Notices(shim.NOTICE_MAX_BYTES)
    execute = check = None
    untitled = title.problem()  # without titles, shims go by the server's; scripts must not
    if is_template:
        template = load("template")
        problem = problem or template.problem_of(names, forking.OWN_FDS) or untitled
        if problem is not None:
            shim.process_tree.adopt_orphans()
            # What a module has started is nobody's now. Once: a thread of its may start it again (a pool does, for ever),
            # and what is in our session goes with us. Before we tell: whoever hears of the refusal may kill us at once.
            shim.process_tree.signal_all(forking.signal.SIGKILL)
            notices.say("server", "refused", problem)
            return EXIT_REFUSED
        check = template.Freshness().is_lost
        execute = (
            load("warm")
            .Execution(visible, forking.given_environment(), title.set_title, template.installed_places())
            .execute
        )
    forking.freeze()
    if is_template:
        notices.say("server", "ready", forking.resident_bytes())
    forking.Server(shim, title, notices, execute=execute, is_stale=check).serve()
    return 0


if __name__ == "__main__":
    code = main()
    sys.stderr.flush()
    __import__("posix")._exit(code)  # noqa: SLF001 - what was preloaded has nothing to clean up here: its scripts have their own ends
