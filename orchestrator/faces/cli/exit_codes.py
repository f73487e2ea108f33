"""What the exit code of every command says. Scripts may rely on it; the numbers do not change.

64 to 78 are those of sysexits.h where they fit; 124 is that of timeout(1); above 128 is a signal's number, as in shells.
"""

from enum import IntEnum


class ExitCode(IntEnum):
    """The exit codes, each with what it says."""

    SUCCESS = 0
    """It is done; for `run`, `wait` and `workflow start --wait`: every run SUCCEEDED."""
    RUN_DID_NOT_SUCCEED = 1
    """`run`, `wait` and `workflow start --wait`: a run ended, and not as SUCCEEDED. `doctor`: a look says "fail"."""
    USAGE = 2
    """The command line is wrong; nothing was done."""
    REFUSED = 65
    """The daemon refused the request as it is; sending it again will not help."""
    NOT_FOUND = 66
    """There is no such job, run, bookmark, trigger or workflow, or a shortened id fits several runs."""
    UNREACHABLE = 69
    """No daemon answers at the endpoint; for `serve`: the address it should listen at cannot be had."""
    INTERNAL = 70
    """A mistake of this program, in the command or in the daemon."""
    STORE_FAILED = 74
    """`serve`: the disk or the database failed in a way that leaves unknown what is stored; a restart reads what is.
    `backup`, `restore` and `gc`: the disk did not take it."""
    TRY_LATER = 75
    """Not now: another daemon holds the state directory, the job is at its limit of runs, or the daemon is busy."""
    FOREIGN_ANSWER = 76
    """Something answers at the endpoint, and it is not an orchestrator."""
    NOT_PERMITTED = 77
    """The daemon does not let this user in."""
    CONFIGURATION = 78
    """A mistake in the settings or in a job file; the message names file and line. Or a database that cannot be used."""
    WAIT_TIMED_OUT = 124
    """`wait --timeout`: the time passed before every run had ended; the runs go on."""
    INTERRUPTED = 130
    """Ctrl-C. `run`: the run goes on, unless --stop-on-interrupt was given."""
    PIPE_CLOSED = 141
    """Whoever read the output closed it."""
