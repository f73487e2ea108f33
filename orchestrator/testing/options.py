"""What a test asks of its daemon: the ini options of its project, and over them its markers, the closest first."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

MARKER: Final = "glue"
JOBS_DIR: Final = "orchestrator_jobs_dir"
TRIGGERS_FILE: Final = "orchestrator_triggers_file"
SCOPE: Final = "orchestrator_scope"
SCOPES: Final = ("function", "class", "module", "package", "session")
DEFAULT_JOBS_DIR: Final = "jobs"
_NODES: Final = (pytest.Item, pytest.Class, pytest.Module, pytest.Package)
"""What the markers of each scope stand on, but the last, which is the session."""
_KEYS: Final = ("jobs_dir", "triggers_file", "settings")


@dataclass(frozen=True, slots=True)
class Options:
    """A daemon as it is asked for; the paths are absolute."""

    jobs_dir: Path | None = None
    triggers_file: Path | None = None
    settings: Mapping[str, object] = field(default_factory=dict)


def declare(parser: pytest.Parser) -> None:
    """Tell pytest of the ini options."""
    parser.addini(JOBS_DIR, "orchestrator: the jobs of the fixture glue, below rootdir", default=DEFAULT_JOBS_DIR)
    parser.addini(TRIGGERS_FILE, "orchestrator: the triggers of the fixture glue, a file below rootdir", default="")
    parser.addini(SCOPE, f"orchestrator: how many tests share a daemon: {', '.join(SCOPES)}", default=SCOPES[0])


def scope(config: pytest.Config) -> Any:
    """Return the scope of daemons, one of SCOPES.

    Raises:
        pytest.UsageError: the ini option names another.
    """
    found = config.getini(SCOPE)
    if found not in SCOPES:
        raise pytest.UsageError(f"{SCOPE} is {found!r}; it must be one of {', '.join(SCOPES)}")
    return found


def options_of(node: pytest.Item | pytest.Collector, config: pytest.Config) -> Options:
    """Return what the markers on `node` and what holds it ask for, else the ini options; a closer marker wins, key by key.

    Raises:
        pytest.UsageError: a marker says what it cannot, or a path that was named is not there.
    """
    asked: dict[str, Any] = {}
    for marker in node.iter_markers(MARKER):
        asked = {**_said_by(marker), **asked}
    jobs_dir = asked.get("jobs_dir") or config.getini(JOBS_DIR)
    triggers_file = asked.get("triggers_file") or config.getini(TRIGGERS_FILE)
    return Options(
        jobs_dir=_found(config, jobs_dir, what="jobs directory", is_optional=jobs_dir == DEFAULT_JOBS_DIR),
        triggers_file=_found(config, triggers_file, what="trigger file", is_optional=not triggers_file),
        settings=asked.get("settings") or {},
    )


def unheeded(item: pytest.Item) -> str | None:
    """Return what is wrong with a marker that stands on less than what shares the daemon; None: nothing."""
    shared_by = scope(item.config)
    if "glue_daemon" not in getattr(item, "fixturenames", ()):
        return None
    if (
        shared_by == "class" and getattr(item, "cls", None) is None
    ):  # each function is a class of its own, as for pytest
        return None
    narrower = _NODES[: SCOPES.index(shared_by)]
    if any(isinstance(node, narrower) for node, _ in item.iter_markers_with_node(MARKER)):
        return f"{SCOPE} is {shared_by}, so the marker {MARKER} cannot stand on what is narrower than that"
    return None


def _said_by(marker: pytest.Mark) -> dict[str, Any]:
    unknown = [name for name in marker.kwargs if name not in _KEYS]
    if marker.args or unknown:
        wrong = ", ".join([*map(repr, marker.args), *unknown])
        raise pytest.UsageError(f"the marker {MARKER} takes {', '.join(f'{key}=' for key in _KEYS)}; not {wrong}")
    return dict(marker.kwargs)


def _found(config: pytest.Config, path: str | Path, *, what: str, is_optional: bool) -> Path | None:
    absolute = config.rootpath / path
    if absolute.is_dir() if what == "jobs directory" else absolute.is_file():
        return absolute
    if is_optional:
        return None
    raise pytest.UsageError(f"there is no {what} {absolute}")
