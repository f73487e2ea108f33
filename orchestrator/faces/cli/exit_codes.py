"""What the exit code of every command says. Scripts may rely on it; the numbers do not change.

64 to 78 are those of sysexits.h where they fit; 124 is that of timeout(1); above 128 is a signal's number, as in shells.
"""

from enum import IntEnum
from typing import Self


class ExitCode(IntEnum):
    """The exit codes, each with what it says."""

    told: str

    def __new__(cls, code: int, told: str) -> Self:
        """Keep the sentence beside the number."""
        member = int.__new__(cls, code)
        member._value_ = code
        member.told = told
        return member

    SUCCESS = 0, "Done; for run, rerun -f, wait and workflow start --wait: every run SUCCEEDED."
    RUN_DID_NOT_SUCCEED = 1, 'A run that was waited for ended, and not as SUCCEEDED. doctor: a look says "fail".'
    USAGE = 2, "The command line is wrong; nothing was done."
    WOULD_CHANGE = 3, "apply --dry-run: the files would change something."
    REFUSED = 65, "The daemon refused the request as it is; sending it again will not help."
    NOT_FOUND = 66, "There is no such job, run, bookmark, trigger or workflow, or a shortened id fits several runs."
    UNREACHABLE = 69, "No daemon answers at the endpoint; serve: the address to listen at cannot be had."
    INTERNAL = 70, "A mistake of this program, in the command or in the daemon."
    STORE_FAILED = 74, "The disk or the database failed serve, backup, restore or gc."
    TRY_LATER = (
        75,
        "Not now: another daemon holds the state directory, a job is at its limit of runs, or the daemon is busy.",
    )
    FOREIGN_ANSWER = 76, "Something answers at the endpoint, and it is not an orchestrator."
    NOT_PERMITTED = 77, "The daemon does not let this user in."
    CONFIGURATION = 78, "A mistake in settings, job files or trigger file; or a database that cannot be used."
    WAIT_TIMED_OUT = 124, "wait --timeout: the time passed before every run had ended; the runs go on."
    INTERRUPTED = 130, "Ctrl-C. A run that was followed goes on, unless --stop-on-interrupt was given."
    PIPE_CLOSED = 141, "Whoever read the output closed it."
