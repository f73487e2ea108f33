"""A file of keys is used only where nobody else can read or change it, and what is wrong with it tells none of it."""

import os
from pathlib import Path
from typing import Final

import pytest

from orchestrator.faces import access_keys
from orchestrator.settings import Access, SettingsError

SECRET: Final = "wJalrXUtnFEMI/K7MDENG%bPxRfiCYEXAMPLEKEY"
GOOD: Final = f"""
# as the AWS CLI writes it
[default]
aws_access_key_id = AKIDFIRST
aws_secret_access_key = {SECRET}

[second]
aws_access_key_id=AKIDSECOND
aws_secret_access_key={SECRET[::-1]}
region = eu-central-1
"""


def written(path: Path, text: str | bytes = GOOD, *, mode: int = 0o600) -> Path:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    path.chmod(mode)
    return path


def refusal(path: Path) -> str:
    with pytest.raises(SettingsError) as refused:
        access_keys.load(Access(keys_file=str(path)))
    assert str(path) in str(refused.value)
    assert SECRET not in str(refused.value)
    return str(refused.value)


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_keys_come_in_the_order_of_the_file(tmp_path: Path, mode: int) -> None:
    keys = access_keys.load(Access(keys_file=str(written(tmp_path / "keys", mode=mode))))
    assert [(name, key.id, key.secret) for name, key in keys.items()] == [
        ("AKIDFIRST", "AKIDFIRST", SECRET),
        ("AKIDSECOND", "AKIDSECOND", SECRET[::-1]),
    ]


def test_without_a_file_there_are_none() -> None:
    assert access_keys.load(Access()) == {}


def test_a_link_to_a_file_that_is_kept_well_is_followed(tmp_path: Path) -> None:
    written(tmp_path / "keys")
    (tmp_path / "link").symlink_to("keys")
    assert access_keys.load(Access(keys_file=str(tmp_path / "link")))


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o610, 0o777])
def test_a_file_that_others_can_reach_is_refused(tmp_path: Path, mode: int) -> None:
    assert f"its mode is {mode:o}: chmod 600" in refusal(written(tmp_path / "keys", mode=mode))


def test_a_file_of_somebody_else_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path / "keys")
    if os.geteuid() == 0:
        os.chown(path, 12345, 12345)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: path.stat().st_uid + 1)
    assert "must belong to the daemon's user or to root" in refusal(path)


def test_what_is_no_file_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo", 0o600)
    assert "regular file" in refusal(tmp_path / "fifo")
    assert "regular file" in refusal(Path("/dev/zero"))
    assert refusal(tmp_path)
    assert "No such file" in refusal(tmp_path / "nothing")
    assert "there is no such home directory" in refusal(Path("~nobody-of-that-name/keys"))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "there is no key in it"),
        ("# nothing", "there is no key in it"),
        (f"aws_secret_access_key = {SECRET}\n", "no file of keys"),
        (f"[default]\n{SECRET}\n", "no file of keys"),
        ("[default]\naws_access_key_id = A\n", "[default]: aws_secret_access_key"),
        (f"[default]\naws_secret_access_key = {SECRET}\n", "[default]: aws_access_key_id"),
        (f"[default]\naws_access_key_id = a/b\naws_secret_access_key = {SECRET}\n", "[default]: aws_access_key_id"),
        (f"[default]\naws_access_key_id = a\naws_secret_access_key = {SECRET} x\n", "aws_secret_access_key must be"),
        ("[default]\naws_access_key_id = a\naws_secret_access_key = short\n", "aws_secret_access_key must be"),
        (GOOD + GOOD.replace("default", "third").replace("second", "fourth"), "[third]: another profile"),
        (GOOD + GOOD, "no file of keys"),
        (GOOD.encode() + b"\xff", "is no text"),
        (GOOD + "#" * 70_000, "at most 65536 bytes"),
    ],
)
def test_a_mistake_in_it_is_told_without_its_text(tmp_path: Path, text: str | bytes, told: str) -> None:
    assert told in refusal(written(tmp_path / "keys", text))


def test_scripts_get_the_first_key_unless_they_have_one(tmp_path: Path) -> None:
    keys = access_keys.load(Access(keys_file=str(written(tmp_path / "keys"))))

    first = {"AWS_ACCESS_KEY_ID": "AKIDFIRST", "AWS_SECRET_ACCESS_KEY": SECRET}
    assert access_keys.for_scripts(keys, {"A": "b"}) == first
    for own in ({"AWS_ACCESS_KEY_ID": "x"}, {"AWS_PROFILE": "jobs"}):
        assert access_keys.for_scripts(keys, own) == {}
    assert access_keys.for_scripts({}, {"A": "b"}) == {}
