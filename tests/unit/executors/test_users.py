"""As whom scripts run is decided from the job, the settings, and who the daemon is."""

import os
import pwd

import pytest

from orchestrator.executors import users
from orchestrator.model.errors import LaunchError


def be(monkeypatch: pytest.MonkeyPatch, uid: int) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: uid)


def test_an_ordinary_daemon_runs_scripts_as_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    be(monkeypatch, 4711)
    assert users.for_run(None, is_root_allowed=False) is None


def test_an_ordinary_daemon_may_be_told_its_own_user(monkeypatch: pytest.MonkeyPatch) -> None:
    be(monkeypatch, pwd.getpwnam("nobody").pw_uid)
    assert users.for_run("nobody", is_root_allowed=False) is None


@pytest.mark.parametrize("name", ["nobody", "root"])
def test_an_ordinary_daemon_cannot_become_others(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    be(monkeypatch, 4711)
    sentence = f"The run is to be {name}'s, and only a daemon that is root can run a script as another user"
    with pytest.raises(LaunchError, match=sentence):
        users.for_run(name, is_root_allowed=True)


@pytest.mark.parametrize("name", [None, "root"])
def test_root_is_root_only_if_that_is_allowed(monkeypatch: pytest.MonkeyPatch, name: str | None) -> None:
    be(monkeypatch, 0)
    with pytest.raises(LaunchError, match="allow_root"):
        users.for_run(name, is_root_allowed=False)
    assert users.for_run(name, is_root_allowed=True) is None


def test_root_becomes_others_with_all_their_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    be(monkeypatch, 0)
    user = users.for_run("nobody", is_root_allowed=False)
    account = pwd.getpwnam("nobody")
    assert user is not None
    assert (user.uid, user.gid, user.home) == (account.pw_uid, account.pw_gid, account.pw_dir)
    assert user.groups == tuple(os.getgrouplist("nobody", account.pw_gid))
