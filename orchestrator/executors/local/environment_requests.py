"""From a set of modules to the making of its environment: by what it is known, and which programs make it.

All functions block: they look at files.
"""

import hashlib
import json
import os
import re
import secrets
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from orchestrator.executors import users
from orchestrator.executors.local.environment_maker import TEMPORARY
from orchestrator.executors.modules import EnvironmentSettings, Wanted
from orchestrator.executors.users import User
from orchestrator.model import modules
from orchestrator.model.errors import LaunchError, RequestError
from orchestrator.model.redaction import without_credentials

_VERSION: Final = 1
_CHUNK_BYTES: Final = 1024 * 1024
_MAX_LIST_BYTES: Final = 1024 * 1024
_INSTALLED: Final = (".dist-info", ".egg-info", ".egg-link", ".pth")
_SYSTEM_SITE: Final = re.compile(r"(?im)^include-system-site-packages\s*=\s*true\s*$")
_CREATE: Final = """
import importlib.metadata, importlib.util, os, site, sys, venv
place, with_pip = sys.argv[1], sys.argv[2] == "pip" and importlib.util.find_spec("pip") is None
folders = site.getsitepackages() + ([site.getusersitepackages()] if site.ENABLE_USER_SITE else [])
held = {one.metadata["Name"]: one.version for one in importlib.metadata.distributions(path=folders) if one.metadata["Name"]}
venv.EnvBuilder(symlinks=True, with_pip=with_pip).create(place)
own = os.path.join(place, "lib", "python%d.%d" % sys.version_info[:2], "site-packages")
with open(os.path.join(own, "_orchestrator_base.pth"), "w") as file:
    file.writelines("import site; site.addsitedir(%r)\\n" % folder for folder in folders)
with open(os.path.join(place, "base.txt"), "w") as file:
    file.writelines("%s==%s\\n" % (name, held[name]) for name in sorted(held) if "+" not in held[name])
print("Python %s at %s" % (sys.version.split()[0], sys.executable))
"""
"""Executed by the job's interpreter. What it has installed is seen behind what is installed here, and listed in base.txt.

`venv` makes no link to the base's packages where the base is a virtual environment itself, hence the .pth file.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """An environment by its digest, and how it would be made."""

    digest: str
    name: str  # of the directory that this making would fill
    spec: dict[str, Any]


def request_of(wanted: Wanted, user: User | None, root: Path, settings: EnvironmentSettings) -> Request:
    """Return what makes the environment of a set of modules below `root`.

    Raises:
        LaunchError: the interpreter, a file or the installer is not there.
    """
    requirements, known = _read(wanted)
    digest = _digest_of(wanted, known, user, settings)
    folder, name = root / digest, secrets.token_hex(8)
    place = folder / name
    uv = _uv(settings)
    return Request(
        digest=digest,
        name=name,
        spec={
            "folder": str(folder),
            "name": name,
            "timeout_s": settings.timeout_s,
            "user": user and {"name": user.name, "uid": user.uid, "gid": user.gid, "groups": user.groups},
            "environment": _variables(user or users.ourselves(), place, settings),
            "steps": [
                [[wanted.python, "-E", "-c", _CREATE, str(place), "pip" if uv is None else "uv"]],
                _ways(uv, place, [*wanted.options, *(["--no-index"] if settings.is_offline else [])], requirements),
            ],
            "told": {
                "python": wanted.python,
                "requirements": [without_credentials(one) for one in requirements],
                "options": [without_credentials(one) for one in wanted.options],
                "installer": uv or "pip",
            },
        },
    )


def _digest_of(wanted: Wanted, known: Sequence[str], user: User | None, settings: EnvironmentSettings) -> str:
    """Return the digest of all that could make another environment.

    That is the interpreter and what it has installed, the requirements in any order, the content of files, the options,
    where packages come from, and the user.
    """
    known_by = [
        _VERSION,
        os.geteuid() if user is None else user.uid,
        _identity(wanted.python),
        sorted(known),
        wanted.options,
        [settings.index_url, *settings.extra_index_urls, None, *settings.find_links, settings.is_offline],
        sorted(settings.variables.items()),
    ]
    return hashlib.sha256(json.dumps(known_by).encode()).hexdigest()


def _ways(uv: str | None, place: Path, options: Sequence[str], requirements: Sequence[str]) -> list[list[str]]:
    """Return the commands of which one has to succeed."""
    python = str(place / "bin" / "python")
    if uv is None:  # pip sees by itself what the base has
        return [[python, "-I", "-m", "pip", "install", *options, "--", *requirements]]
    install = [uv, "pip", "install", "--python", python, *options]
    ways = [[*install, "--", *requirements]]
    if not {"-U", "--upgrade"} & set(options):
        ways.insert(0, [*install, "--constraint", str(place / "base.txt"), "--", *requirements])
    return ways


def _uv(settings: EnvironmentSettings) -> str | None:
    """Return where uv is, None where pip is to be used.

    Raises:
        LaunchError: the settings name one that is not there.
    """
    if settings.installer == "pip":
        return None
    if settings.installer not in ("auto", "uv"):
        found = shutil.which(settings.installer)
    else:
        found = shutil.which("uv", path=settings.path) or shutil.which(str(Path(sys.executable).parent / "uv"))
    if found is None and settings.installer != "auto":
        raise LaunchError(
            f"The modules cannot be installed: there is no uv at {settings.installer} ([environments] installer)"
        )
    return found


def _variables(user: User, place: Path, settings: EnvironmentSettings) -> dict[str, str]:
    """Return the environment of the installer: nothing of the daemon's own. An empty setting takes one of ours away."""
    found = {
        "PATH": settings.path,
        "HOME": user.home,
        "USER": user.name,
        "LOGNAME": user.name,
        "LANG": "C.UTF-8",
        "TMPDIR": str(place / TEMPORARY),
        "NO_COLOR": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_NO_INPUT": "1",
        "PIP_NO_CACHE_DIR": "1",
        "PIP_PROGRESS_BAR": "off",
        "PIP_RETRIES": "2",
        "UV_NO_CACHE": "1",
        "UV_NO_PROGRESS": "1",
        "UV_PYTHON_DOWNLOADS": "never",
    }
    sources = (
        ("PIP_INDEX_URL", "UV_DEFAULT_INDEX", settings.index_url),
        ("PIP_EXTRA_INDEX_URL", "UV_INDEX", " ".join(settings.extra_index_urls)),
        ("PIP_FIND_LINKS", "UV_FIND_LINKS", " ".join(settings.find_links)),
    )
    for for_pip, for_uv, value in sources:
        if value:
            found |= {for_pip: value, for_uv: value.replace(" ", ",") if for_uv == "UV_FIND_LINKS" else value}
    return {name: value for name, value in {**found, **settings.variables}.items() if value}


def _read(wanted: Wanted) -> tuple[list[str], list[str]]:
    """Return the requirements, and by what they are known: files by their names and contents, wherever they are."""
    try:
        if wanted.are_lists:
            listed: list[str] = []
            for path in wanted.files:
                with path.open(encoding="utf-8") as file:
                    listed += modules.listed(file.read(_MAX_LIST_BYTES), path.name)
            return listed, listed
        files = {str(path): f"{path.name} {_digest(path)}" for path in wanted.files}
        return [*wanted.requirements], [files.get(one, one) for one in wanted.requirements]
    except (RequestError, UnicodeDecodeError) as error:
        raise LaunchError(f"The modules cannot be installed: {error}") from error
    except OSError as error:
        raise LaunchError(f"{modules.MODULES}: {error}") from error


def _digest(path: Path) -> str:
    if path.is_dir():
        raise LaunchError(f"{modules.MODULES}: {path} is a directory; only files are taken, so build a wheel of it")
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def _identity(python: str) -> list[object]:
    """Return what tells an interpreter from what it was before: its file, and what is installed for it.

    It is not executed for that: as the daemon's user it may not be, and each run would wait for it.
    """
    try:
        real = Path(python).resolve(strict=True)
        status = real.stat()
    except (OSError, RuntimeError) as error:
        raise LaunchError(
            f"The modules cannot be installed: the interpreter {python} cannot be used: {error}"
        ) from error
    prefixes = [real.parent.parent, real.parent.parent / "local"]
    home = Path(python).absolute().parent.parent
    text = ""
    try:
        text = (home / "pyvenv.cfg").read_text(encoding="utf-8", errors="replace")
        prefixes = [home, *(prefixes if _SYSTEM_SITE.search(text) else ())]
    except OSError:  # no virtual environment
        pass
    return [
        os.path.abspath(python),  # noqa: PTH100 - without following links, which lead out of a virtual environment
        str(real),
        [status.st_ino, status.st_size, status.st_mtime_ns],
        text,
        [_installed(folder) for prefix in prefixes for folder in sorted(prefix.glob("lib*/python3*/*-packages"))],
    ]


def _installed(folder: Path) -> list[str]:
    try:
        return sorted(name for name in os.listdir(folder) if name.endswith(_INSTALLED))  # noqa: PTH208 - names are all
    except OSError:
        return []
