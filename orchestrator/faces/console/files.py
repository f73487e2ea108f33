"""The files of the page, read once at the start: their bytes, packed and unpacked, with types and tags.

There is no build: what lies in static/ is what a browser gets.
"""

import gzip
import hashlib
import html
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Final

PAGE: Final = "index.html"
_TYPES: Final = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
    "png": "image/png",
}
"""What is of another kind (a licence, a note) stays where it is."""
_PACKED: Final = frozenset({"html", "css", "js", "svg"})


@dataclass(frozen=True, slots=True)
class File:
    """One file as it is sent."""

    media_type: str
    body: bytes
    packed: bytes | None  # by gzip
    tag: str


def read_files() -> Mapping[str, File]:
    """Return the files by their paths below static/."""
    root = resources.files("orchestrator.faces.console") / "static"
    return {name: _file(name, path.read_bytes()) for name, path in _walk(root, "")}


def filled(page: File, values: Mapping[str, str]) -> File:
    """Return the page with `values` in the places that have their names in double braces."""
    text = page.body.decode()
    for name, value in values.items():
        text = text.replace("{{" + name + "}}", html.escape(value, quote=True))
    return _file(PAGE, text.encode())


def _walk(directory: Traversable, prefix: str) -> Iterator[tuple[str, Traversable]]:
    for path in directory.iterdir():
        if path.is_dir():
            yield from _walk(path, f"{prefix}{path.name}/")
        elif _suffix(path.name) in _TYPES:
            yield prefix + path.name, path


def _file(name: str, body: bytes) -> File:
    suffix = _suffix(name)
    packed = gzip.compress(body, mtime=0) if suffix in _PACKED else None
    return File(_TYPES[suffix], body, packed, f'"{hashlib.sha256(body).hexdigest()[:32]}"')


def _suffix(name: str) -> str:
    return name.rpartition(".")[2]
