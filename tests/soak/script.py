"""What every run of the soak does: write down that it began, do as `--do` says, write down that it came to its end.

It is executed by the daemon, and imports the standard library only.
"""

import json
import os
import signal
import subprocess
import sys
import time
import zlib
from pathlib import Path

RUN = os.environ["ORCH_JOB_RUN_ID"]
PLACE = Path(__file__).parent
ARGUMENTS = dict(zip(sys.argv[1::2], sys.argv[2::2], strict=False))


def note(phase: str, *words: object) -> None:
    """Append one whole line to the log of effects, which is in no place that the daemon knows."""
    line = " ".join([RUN, str(os.getpid()), str(time.time()), phase, *map(str, words)]) + "\n"
    file = os.open(PLACE / "effects", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(file, line.encode())
    os.close(file)


def move_bookmark() -> None:
    """Leave a bookmark that says whose it follows."""
    path = Path(os.environ["ORCH_BOOKMARK_FILE"])
    before = json.loads(path.read_text()) if path.exists() else {}
    mine = path.with_suffix(".mine")
    mine.write_text(json.dumps({"n": before.get("n", 0) + 1, "run": RUN, "before": before.get("run")}))
    mine.rename(path)


def leave_a_child() -> None:
    """Start a process that goes its own way, in a session of its own, and shrugs off a polite signal."""
    body = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
    child = subprocess.Popen([sys.executable, "-S", "-c", body], start_new_session=True)
    note("child", child.pid)


def main() -> int:
    """Do it; return the exit code."""
    note("start")
    do = ARGUMENTS.get("--do", "")
    code = int(ARGUMENTS.get("--code", "0"))
    if do == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    elif do == "parent":
        leave_a_child()
    elif do == "chatty":
        sys.stdout.write("chatter\n" * 100_000)
    elif do == "chance":
        code = int(zlib.crc32(RUN.encode()) % 4 == 0)
    time.sleep(float(ARGUMENTS.get("--seconds", "0.1")))
    if do == "bookmark":
        move_bookmark()
    note("end", code)
    return code


if __name__ == "__main__":
    sys.exit(main())
