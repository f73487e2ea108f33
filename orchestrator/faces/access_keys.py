"""The file of access keys, in the form of ~/.aws/credentials, so that clients may use the same file."""

import configparser
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from orchestrator.faces import kept
from orchestrator.faces.sigv4 import AccessKey
from orchestrator.settings import Access, Mistake, SettingsError

_WHO: Final = frozenset({"AWS_ACCESS_KEY_ID", "AWS_PROFILE"})
_KEY_ID: Final = re.compile(r"[A-Za-z0-9_.-]{1,128}")
_SECRET: Final = re.compile(r"[!-~]{16,256}")


def load(access: Access) -> dict[str, AccessKey]:
    """Return the keys by their ids, in the file's order; none where the settings name no file.

    Raises:
        SettingsError: the file cannot be read, is not kept from others, or has a mistake; none of its text is told.
    """
    if not access.keys_file:
        return {}
    path = Path(access.keys_file)
    try:
        path = path.expanduser().absolute()
        text = kept.read(path, "a file of keys")
        parser = configparser.ConfigParser(interpolation=None, default_section="")
        parser.read_string(text)
        return _keys(parser)
    except OSError as error:
        raise _mistake(path, error.strerror or "cannot be read") from None
    except configparser.Error as error:
        line = getattr(error, "lineno", None)
        place = "it is" if line is None else f"line {line}:"
        raise _mistake(path, f"{place} no file of keys as ~/.aws/credentials is one") from None
    except RuntimeError:
        raise _mistake(path, "there is no such home directory") from None
    except ValueError as error:  # which UnicodeDecodeError is, too; its text would show some of the file's
        problem = "is no text" if isinstance(error, UnicodeError) else str(error)
        raise _mistake(path, problem) from None


def for_scripts(keys: Mapping[str, AccessKey], environment: Mapping[str, str]) -> dict[str, str]:
    """Return the first key as variables, with which scripts call us, unless their `environment` says itself who they are."""
    if not keys or _WHO & environment.keys():
        return {}
    key = next(iter(keys.values()))
    return {"AWS_ACCESS_KEY_ID": key.id, "AWS_SECRET_ACCESS_KEY": key.secret}


def _mistake(path: Path, problem: str) -> SettingsError:
    """Return a sentence of which the log hides nothing: what follows `keys:` it would take for a secret."""
    return SettingsError(Mistake("", None, f"the file of access keys ({path}): {problem}"))


def _keys(parser: configparser.ConfigParser) -> dict[str, AccessKey]:
    keys: dict[str, AccessKey] = {}
    for name in parser.sections():
        section = parser[name]
        key_id, secret = section.get("aws_access_key_id", ""), section.get("aws_secret_access_key", "")
        if not _KEY_ID.fullmatch(key_id):
            message = f"[{name}]: aws_access_key_id must be 1 to 128 letters, digits, or one of _.-"
            raise ValueError(message)
        if not _SECRET.fullmatch(secret):
            message = f"[{name}]: aws_secret_access_key must be 16 to 256 visible ASCII characters"
            raise ValueError(message)
        if key_id in keys:
            message = f"[{name}]: another profile has the same aws_access_key_id"
            raise ValueError(message)
        keys[key_id] = AccessKey(id=key_id, secret=secret)
    if not keys:
        message = "there is no key in it"
        raise ValueError(message)
    return keys
