"""As whom a script runs: as the daemon's own user, or, where the daemon is root, as the one that its job names.

A daemon of root runs nothing as root unless its settings say so.
"""

import os
import pwd
from dataclasses import dataclass
from functools import cache

from orchestrator.model.errors import LaunchError


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A user of this machine, as a login would give it."""

    name: str
    home: str
    uid: int
    gid: int
    groups: tuple[int, ...]


def ourselves() -> User:
    """Return the daemon's own user; in a container, it may have neither name nor home."""
    return _ourselves(os.geteuid())


def for_run(run_as: str | None, *, is_root_allowed: bool) -> User | None:
    """Return the user that the script is to become, or None where it is to stay what the daemon is.

    Raises:
        LaunchError: there is no such user, the daemon cannot become it, or it is root and that is not allowed.
    """
    own = os.geteuid()
    user = named(run_as) if run_as else None
    uid = own if user is None else user.uid
    if uid == 0 and not is_root_allowed:
        message = (
            "The run would be root's: name a user for the job (run_as in its job.toml) or for all jobs "
            "([runs] run_as in the settings), or allow it ([runs] allow_root = true)"
        )
        raise LaunchError(message)
    if uid == own:
        return None
    if own != 0:
        message = f"The run is to be {run_as}'s, and only a daemon that is root can run a script as another user"
        raise LaunchError(message)
    return user


def named(name: str) -> User:
    """Return the user of that name.

    Raises:
        LaunchError: there is none.
    """
    try:
        account = pwd.getpwnam(name)
    except KeyError:
        message = f"There is no user {name!r} on this machine"
        raise LaunchError(message) from None
    groups = tuple(os.getgrouplist(name, account.pw_gid))
    return User(name=name, home=account.pw_dir, uid=account.pw_uid, gid=account.pw_gid, groups=groups)


@cache
def _ourselves(uid: int) -> User:
    try:
        account = pwd.getpwuid(uid)
    except KeyError:
        return User(name=str(uid), home="/", uid=uid, gid=os.getegid(), groups=())
    return User(name=account.pw_name, home=account.pw_dir, uid=uid, gid=account.pw_gid, groups=())
