"""The bookmark of a job run, as its script sees it: one small text, usually JSON.

`get()` returns what the last successful run left, `put()` leaves something for the next one. What is put counts only
if this run SUCCEEDS; the last `put` wins. Outside a run there is no bookmark: `get()` returns the default and `put()`
does nothing, so that a script can be tried by hand.

Other languages need no library: read the file that `ORCH_BOOKMARK_FILE` names if it exists, and to commit write a new
file beside it and rename it over that name.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any

ENABLE = "job-bookmark-enable"
PAUSE = "job-bookmark-pause"
DISABLE = "job-bookmark-disable"

LIMIT_BYTES = 64 * 1024


class BookmarkError(Exception):
    """The bookmark cannot be read or written as asked. The message says why."""


def option() -> str:
    """Return the run's bookmark option; `job-bookmark-disable` outside a run."""
    return os.environ.get("ORCH_BOOKMARK_OPTION") or DISABLE


def read_text() -> str | None:
    """Return the bookmark as text, or None where there is none.

    Raises:
        BookmarkError: the file holds more than 64 KiB or is not UTF-8.
    """
    return _read("ORCH_BOOKMARK_FILE")


def read_upper_text() -> str | None:
    """Return the upper end of a paused run's window as text, or None where the window is open.

    Raises:
        BookmarkError: as for `read_text`.
    """
    return _read("ORCH_BOOKMARK_TO_FILE")


def write_text(text: str) -> bool:
    """Replace the bookmark as a whole by `text`; return whether this run writes bookmarks at all.

    It does only with `job-bookmark-enable`. On an error the old bookmark is still there, complete.

    Raises:
        BookmarkError: `text` has more than 64 KiB in UTF-8, or holds half a surrogate pair.
        OSError: the file system refused.
    """
    path = os.environ.get("ORCH_BOOKMARK_FILE")
    if option() != ENABLE or not path:
        return False
    try:
        content = text.encode()
    except UnicodeEncodeError as error:
        raise BookmarkError(f"the bookmark cannot be written as UTF-8: {error}") from None
    if len(content) > LIMIT_BYTES:
        raise BookmarkError(f"the bookmark has {len(content):,} bytes; the limit is {LIMIT_BYTES:,}")
    _replace(Path(path), content)
    return True


def get(default: Any = None) -> Any:
    """Return the bookmark's JSON value, or `default` where there is none (or an empty file).

    Raises:
        BookmarkError: the bookmark cannot be read or is not JSON; `read_text` returns it as it is.
    """
    return _parse(read_text(), default)


def get_upper(default: Any = None) -> Any:
    """Return the JSON value at the upper end of a paused run's window, or `default` where the window is open.

    A run with `--job-bookmark-from` and `--job-bookmark-to` processes what lies after `get()` up to and including this.

    Raises:
        BookmarkError: as for `get`.
    """
    return _parse(read_upper_text(), default)


def put(value: Any) -> bool:
    """Replace the bookmark by `value` as JSON; return whether this run writes bookmarks at all.

    Raises:
        BookmarkError: `value` is not JSON or has more than 64 KiB.
        OSError: the file system refused.
    """
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise BookmarkError(f"the bookmark cannot be written as JSON: {error}") from error
    return write_text(text)


def _read(variable: str) -> str | None:
    path = os.environ.get(variable)
    if option() == DISABLE or not path:
        return None
    try:
        with Path(path).open("rb") as file:
            content = file.read(LIMIT_BYTES + 1)
    except FileNotFoundError:
        return None
    if len(content) > LIMIT_BYTES:
        raise BookmarkError(f"the bookmark in {path} has more than {LIMIT_BYTES:,} bytes")
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise BookmarkError(f"the bookmark in {path} is not UTF-8: {error}") from None


def _parse(text: str | None, default: Any) -> Any:
    if text is None or not text.strip():
        return default
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BookmarkError(f"the bookmark is not JSON ({error}); it begins with {text[:60]!r}") from None


def _replace(path: Path, content: bytes) -> None:
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    aside = Path(name)
    try:
        # No fsync: the shim reads this file on the same machine, and a power cut ends the run without success.
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        aside.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            aside.unlink()
        raise
