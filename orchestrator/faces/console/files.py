"""The files of the page, read once at the start: their bytes, packed and unpacked, with types and tags.

There is no build: what lies in static/ is what a browser gets, its modules and sheets joined.
"""

import gzip
import hashlib
import html
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Final

from orchestrator.faces.console.linking import joined_sheet, linked_modules

PAGE: Final = "index.html"
TYPES: Final = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
    "png": "image/png",
}
"""What is of another kind (a licence, a note) stays where it is."""
SEQ: Final = b"{{seq}}"
"""Where the page has the number of the last change, which is another each time that it is sent."""
NEWEST_RUNS: Final = b"{{newest_runs}}"
"""Where it has the newest runs, as data."""
_FIRST_MODULE: Final = "js/first_view.js"
_SHEET: Final = "css/page.css"
_JOINED: Final = frozenset({"css", "js"})
_PACKED: Final = frozenset({"html", "css", "js", "svg"})


@dataclass(frozen=True, slots=True)
class File:
    """One file as it is sent."""

    media_type: str
    body: bytes
    packed: bytes | None  # by gzip
    tag: str


def read_files() -> Mapping[str, File]:
    """Return the files that are sent, by their paths below static/."""
    root = resources.files("orchestrator.faces.console") / "static"
    found = {name: path.read_bytes() for name, path in _walk(root, "")}
    texts = {name: body.decode() for name, body in found.items() if _suffix(name) in _JOINED}
    joined = {**linked_modules(texts, _FIRST_MODULE), _SHEET: joined_sheet(texts, _SHEET)}
    sent = {name: body for name, body in found.items() if name not in texts}
    sent |= {name: text.encode() for name, text in joined.items()}
    return {name: _file(name, body) for name, body in sent.items()}


def tag_of(files: Mapping[str, File]) -> str:
    """Return a name for all the files together: others have another, so a browser may keep what it has got under it."""
    together = "".join(f"{name} {file.tag}\n" for name, file in sorted(files.items()))
    return hashlib.sha256(together.encode()).hexdigest()[:16]


def filled(page: File, values: Mapping[str, str], *, place: str) -> bytes:
    """Return the page with `values` where their names stand in double braces, and its files at `place`."""
    text = page.body.decode()
    for name, value in values.items():
        text = text.replace("{{" + name + "}}", html.escape(value, quote=True))
    return text.replace("/console/static/", place).encode()


def as_data(json: bytes) -> bytes:
    """Return JSON in ASCII as it may stand in an element of the page: nothing in it can end that."""
    return json.replace(b"<", rb"\u003c")


def _walk(directory: Traversable, prefix: str) -> Iterator[tuple[str, Traversable]]:
    for path in directory.iterdir():
        if path.is_dir():
            yield from _walk(path, f"{prefix}{path.name}/")
        elif _suffix(path.name) in TYPES:
            yield prefix + path.name, path


def _file(name: str, body: bytes) -> File:
    suffix = _suffix(name)
    packed = gzip.compress(body, mtime=0) if suffix in _PACKED else None
    return File(TYPES[suffix], body, packed, f'"{hashlib.sha256(body).hexdigest()[:32]}"')


def _suffix(name: str) -> str:
    return name.rpartition(".")[2]
