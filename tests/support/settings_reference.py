"""Write docs/settings.md from config/orchestrator.toml and settings.py: `python -m tests.support.settings_reference`.

The file has the words and the defaults, the model the values that a setting may have. A comment in the file belongs to the
settings below it, up to the next comment.
"""

import re
import types
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from orchestrator.settings import Settings

ROOT: Final = Path(__file__).resolve().parents[2]
SOURCE: Final = ROOT / "config" / "orchestrator.toml"
TARGET: Final = ROOT / "docs" / "settings.md"
_HEAD: Final = """\
# Settings

Generated from `config/orchestrator.toml` and the program; do not edit. `make settings-docs` writes it anew.

Stronger than the default is the file, stronger than that the environment, and strongest a flag of `orchestrator`:

| place | how it is written there |
|---|---|
| the file | `config/orchestrator.toml` in the directory where the daemon starts, or the file that `--config` or `ORCHESTRATOR_CONFIG` names; without any there are the defaults |
| the environment | `ORCHESTRATOR_` and the setting's name in capitals; `__` between a section and its setting; lists and tables as JSON |
| a flag | `--config`, `--state-dir`, `--host`, `--port`, `--jobs-dir` |

Each entry below says the default, the values that can be set, and the variable. A setting or variable that does not exist is refused, with its place. Paths may begin with `~`; relative ones begin where the daemon
starts. Settings are read at the start; `systemctl reload` reads jobs and triggers only. `orchestrator check` finds
mistakes before that.
"""
_TOP: Final = "## At the top of the file"


@dataclass(slots=True)
class Entry:
    """The settings below one comment: their defaults by name, as TOML; those that depend on the machine are named beside."""

    words: str = ""
    defaults: dict[str, str] = field(default_factory=dict)
    of_machine: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Section:
    """A table of the file, or its top, which has no name."""

    name: str = ""
    words: str = ""
    entries: list[Entry] = field(default_factory=list)


def reference() -> str:
    """Return the whole page."""
    _, _, text = SOURCE.read_text(encoding="utf-8").partition("\n\n")
    return "\n".join([_HEAD, *(line for section in _sections(text) for line in _told(section))])


def _sections(text: str) -> list[Section]:
    found, entry = [Section()], Entry()
    for line in text.splitlines():
        if opened := re.fullmatch(r"\[(\w+)\]", line):
            found.append(Section(opened[1], entry.words))
            entry = Entry()
        elif shown := re.match(r"(# )?(\w+) = (.*)", line):
            if not entry.defaults:
                found[-1].entries.append(entry)
            entry.defaults[shown[2]] = shown[3]
            if shown[1]:
                entry.of_machine.add(shown[2])
        else:
            if entry.defaults or not line:
                entry = Entry()
            entry.words = f"{entry.words} {line.removeprefix('#').strip()}".strip()
    return found


def _told(section: Section) -> Iterator[str]:
    yield from (f"## `[{section.name}]`" if section.name else _TOP, "")
    if section.words:
        yield from (_plain(section.words), "")
    if section.name and not section.entries:
        yield f"A table, empty by default · `ORCHESTRATOR_{section.name.upper()}`, as JSON"
        yield ""
    prefix = f"{section.name}." if section.name else ""
    for entry in section.entries:
        yield from (f"### {', '.join(f'`{prefix}{name}`' for name in entry.defaults)}", "")
        for name, default in entry.defaults.items():
            found = _field(section.name, name)
            variable = f"ORCHESTRATOR_{prefix.replace('.', '__')}{name}".upper()
            own = "depends on the machine" if name in entry.of_machine else f"`{default}`"
            lead = f"`{name}`: " if len(entry.defaults) > 1 else ""
            yield f"* {lead}{own} · {_kind(found.annotation, found.metadata)} · `{variable}`"
        left = f" `{default}`" if entry.words.endswith(":") else ""
        yield from ("", f"{_plain(entry.words)}{left}", "")


def _plain(words: str) -> str:
    return words.replace("<", "&lt;")


def _field(section: str, name: str) -> FieldInfo:
    model: type[BaseModel] = Settings
    if section:
        inner = Settings.model_fields[section].annotation
        assert isinstance(inner, type)
        assert issubclass(inner, BaseModel)
        model = inner
    return model.model_fields[name]


def _kind(annotation: Any, metadata: list[Any]) -> str:
    """Return what values a setting may have, in words."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        return _either([one.value for one in annotation])
    if origin is Literal:
        return _either([str(one) for one in inner])
    if origin is tuple:
        return "a list"
    if origin is dict:
        return "a table"
    if origin is types.UnionType:
        return _kind(inner[0], metadata)
    words = {bool: "`true` or `false`", int: "a whole number", float: "a number", str: "text", Path: "a path"}
    plain = words.get(annotation) or _kind(inner[0], [*metadata, *inner[1:]])
    return " ".join([plain, *_bounds(metadata)])


def _bounds(metadata: list[Any]) -> Iterator[str]:
    for name, words in (("gt", "above"), ("ge", "from"), ("le", "to")):
        yield from (f"{words} {getattr(one, name):,}" for one in metadata if hasattr(one, name))


def _either(values: list[str]) -> str:
    quoted = [f"`{value}`" for value in values]
    return f"{', '.join(quoted[:-1])} or {quoted[-1]}"


if __name__ == "__main__":
    TARGET.write_text(reference(), encoding="utf-8")
