"""`--additional-python-modules` and the options of its installer: what they may say, taken apart.

Nothing here reaches an installer that could be taken for an option of it, but for the options that are known.

Source: glue-semantics §4.3; pip install and uv pip install, whose options are those that both have.
"""

import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from orchestrator.model.errors import InvalidInputError

MODULES: Final = "--additional-python-modules"
OPTIONS: Final = "--python-modules-installer-option"
FLAGS: Final = frozenset(
    {"--force-reinstall", "--no-build-isolation", "--no-deps", "--no-index", "--pre", "--upgrade", "-U"}
)
"""Options that stand alone."""
VALUED: Final = frozenset(
    {"--extra-index-url", "--find-links", "-f", "--index-url", "-i", "--no-binary", "--only-binary", "--trusted-host"}
)
"""Options that have a value."""
LISTS: Final = frozenset({"-r", "--requirement"})
"""Options that say that the modules are files which list them, as in Glue 5."""
_GOES_ON: Final = ("<", ">", "=", "!", "~")  # a version's bounds have commas of their own: a>=1,<2
_FILES: Final = (".whl", ".zip", ".tar.gz")
_UNPRINTABLE: Final = re.compile(r"[\x00-\x1f\x7f]")
_DIRECT: Final = re.compile(r"^[A-Za-z0-9._\[\], -]+@\s*(file:|s3[an]?:|[./~])", re.IGNORECASE)


class Kind(Enum):
    """Where a requirement comes from."""

    INDEX = "index"
    """From an index, or from an address that the installer fetches itself."""
    S3 = "s3"
    FILE = "file"


@dataclass(frozen=True, slots=True)
class Modules:
    """What is to be installed for a run, and how."""

    requirements: tuple[str, ...]
    options: tuple[str, ...] = ()
    are_lists: bool = False  # the requirements are files that list them


def wanted(merged: Mapping[str, str]) -> Modules | None:
    """Return what a run's arguments ask for; None where they ask for nothing.

    Raises:
        InvalidInputError: a requirement that could be taken for an option, or an option that is not known.
    """
    requirements = split(merged.get(MODULES, ""))
    for one in requirements:
        check(one, MODULES)
    options, are_lists = _options(merged.get(OPTIONS, ""))
    return Modules(requirements, options, are_lists) if requirements else None


def split(text: str) -> tuple[str, ...]:
    """Take `a==1, b>2,<3, c[x,y], s3://bucket/d.whl` apart."""
    found: list[str] = []
    for piece in text.split(","):
        if found and (_is_open(found[-1]) or piece.strip().startswith(_GOES_ON)):
            found[-1] += f",{piece}"
        else:
            found.append(piece)
    return tuple(filter(None, map(str.strip, found)))


def listed(text: str, name: str) -> tuple[str, ...]:
    """Return the requirements that the file `name` lists, one a line.

    Raises:
        InvalidInputError: a line is an option, or names a file: what it stands for could change unseen.
    """
    found = []
    for line in text.replace("\\\n", "").splitlines():
        one = re.sub(r"(^|\s)#.*", "", line).strip()
        if one:
            check(one, name)
            if kind(one) is not Kind.INDEX:
                raise InvalidInputError(f"{name}: '{one[:80]}' is a file; only what an index has can be listed.")
            found.append(one)
    return tuple(found)


def kind(requirement: str) -> Kind:
    """Say where a requirement comes from."""
    if re.match(r"s3[an]?://", requirement, re.IGNORECASE):
        return Kind.S3
    is_path = requirement.startswith(("/", "./", "../", "~")) or requirement.lower().endswith(_FILES)
    if requirement[:5].lower() == "file:" or (is_path and "://" not in requirement):
        return Kind.FILE
    return Kind.INDEX


def check(requirement: str, name: str) -> None:
    """Refuse what an installer could take for something else than one requirement.

    Raises:
        InvalidInputError: names what has it, and the requirement.
    """
    shown = _UNPRINTABLE.sub("?", requirement[:80])
    if requirement.startswith("-") or re.search(r"\s--?[A-Za-z]", requirement):
        raise InvalidInputError(f"{name}: '{shown}' would be an option; options belong in {OPTIONS}.")
    if _UNPRINTABLE.search(requirement):
        raise InvalidInputError(f"{name}: '{shown}' contains a control character.")
    if _DIRECT.match(requirement):
        raise InvalidInputError(f"{name}: '{shown}' names a file behind an @; name the file alone.")


def _is_open(piece: str) -> bool:
    """Say whether brackets or quotes are open at the end."""
    return piece.count("[") > piece.count("]") or piece.count('"') % 2 == 1 or piece.count("'") % 2 == 1


def _options(text: str) -> tuple[tuple[str, ...], bool]:
    """Return the options but for those of LISTS, and whether there was one of these."""
    try:
        tokens = shlex.split(text)
    except ValueError as error:
        raise InvalidInputError(f"{OPTIONS}: {error}.") from error
    found: list[str] = []
    are_lists = False
    waiting: str | None = None
    for token in tokens:
        if _UNPRINTABLE.search(token):
            raise InvalidInputError(f"{OPTIONS}: an option contains a control character.")
        if waiting is not None:
            _check_value(waiting, token)
            found.append(f"{waiting}={token}" if waiting.startswith("--") else f"{waiting}{token}")
            waiting = None
            continue
        name, has_value, value = token.partition("=")
        if name in LISTS and not has_value:
            are_lists = True
        elif token in FLAGS:
            found.append(token)
        elif name in VALUED and has_value and name.startswith("--"):
            _check_value(name, value)
            found.append(token)
        elif token in VALUED:
            waiting = token
        else:
            raise InvalidInputError(f"{OPTIONS}: '{token[:80]}' is not one of {_spelled(FLAGS | VALUED | LISTS)}.")
    if waiting is not None:
        raise InvalidInputError(f"{OPTIONS}: {waiting} lacks its value.")
    return tuple(found), are_lists


def _check_value(name: str, value: str) -> None:
    if not value or value.startswith("-"):
        raise InvalidInputError(f"{OPTIONS}: {name} lacks its value.")


def _spelled(names: Iterable[str]) -> str:
    return ", ".join(sorted(names, key=lambda name: name.lstrip("-").lower()))
