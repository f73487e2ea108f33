"""Joins the page's files: each one that a browser has to ask for costs it milliseconds, however little is in it.

What lies in static/ are modules and sheets that a browser could take one by one. They are joined when the daemon starts, so
there is no build and nothing that can be out of date. A module becomes a function that is called once, in the order in
which modules would be evaluated, and leaves what it exports in a table; its text is not changed beyond its imports and
exports, and that comments which document what follows, a quarter of all, are left out.

Only the forms that the page's modules have are known: named and default imports, exports of what is declared where it is
exported, lists of exports. What has another form, or imports itself by way of others, is refused.
"""

import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

_TABLE: Final = "$"
# A statement stands behind a line's end, or behind another statement where a module was made small. Each expression begins
# with letters, for which Python looks quickly, and looks back from there.
_IMPORT: Final = re.compile(r'import(?<![^\n;]import)\s*(?:(\w+)|\{([^}]*)\})\s*from\s*"([^"]+)";?')
_PASSED_ON: Final = re.compile(r'export(?<![^\n;]export)\s*\{([^}]*)\}\s*from\s*"([^"]+)";?')
_LISTED: Final = re.compile(r"export(?<![^\n;}]export)\s*\{([^}]*)\};?")
_DEFAULT: Final = re.compile(r"export(?<![^\n;}]export)\s+default\s+")
_DECLARED: Final = re.compile(r"export(?<![^\n]export) ((?:async function|function|class|const) (\w+))")
_LEFT_OVER: Final = re.compile(r"(?:import|export)(?<![^\n]import|[^\n]export)\b.*|import(?=\.meta)\S*")
_LATER: Final = re.compile(r'import\("([^"]+)"\)')
_COMMENT: Final = re.compile(r"/\*.*?\*/", re.DOTALL)
_MAP: Final = re.compile(r"//# sourceMappingURL=.*")
_DOC: Final = re.compile(r"^[ \t]*/\*\*[^*]*(?:\*(?!/)[^*]*)*\*/\n", re.MULTILINE)
_SHEET: Final = re.compile(r'^@import "([^"]+)";\n?', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class _Module:
    """One module: the statements that leave its exports in the table, and what it names."""

    body: str
    exports: tuple[str, ...]
    imports: tuple[str, ...]
    later: Mapping[str, str]  # what it loads only when it is wanted: the path that it writes, and the file meant


def linked_modules(texts: Mapping[str, str], first: str) -> dict[str, str]:
    """Return what a browser is sent for the modules `texts`, which are named by their paths.

    That is the module `first`, in which is all that it imports, and each module that is loaded later, with what it
    imports and was not loaded before it, whoever loads it.

    Raises:
        ValueError: a module has a form that is not known, names one that is not there, or imports itself.
    """
    modules: dict[str, _Module] = {}
    before: dict[str, frozenset[str]] = {first: frozenset()}  # by file: what is certain to have come before it
    waiting = [first]
    while waiting:
        loader = waiting.pop()
        own = _own(texts, modules, loader, before[loader])
        there = before[loader].union(own)
        for target in (target for name in own for target in modules[name].later.values()):
            certain = before.get(target, there) & there
            if before.get(target) != certain:
                before[target] = certain
                waiting.append(target)
    return {name: _sent(texts, modules, name, first, before[name]) for name in before}


def joined_sheet(texts: Mapping[str, str], name: str) -> str:
    """Return the sheet `name` with the sheets in it that it imports."""
    return _SHEET.sub(lambda match: joined_sheet(texts, _target(name, match[1])), texts[name])


def _own(texts: Mapping[str, str], modules: dict[str, _Module], name: str, before: frozenset[str]) -> list[str]:
    """Return what is in the file of the module `name`, where `before` is there already."""
    return [one for one in _in_order(texts, modules, name) if one not in before]


def _sent(texts: Mapping[str, str], modules: dict[str, _Module], name: str, first: str, before: frozenset[str]) -> str:
    """Return the file of the module `name`."""
    own = _joined(modules, _own(texts, modules, name, before), name)
    if name == first:
        return f"export const {_TABLE} = {{}};\n{own}"
    if not modules[name].imports:
        return texts[name]
    return (
        f'import {{ {_TABLE} }} from "{_path(first, seen_from=name)}";\n{own}{_exported(name, modules[name].exports)}'
    )


def _in_order(texts: Mapping[str, str], modules: dict[str, _Module], first: str) -> list[str]:
    """Return `first` and all that it imports, each behind what it imports itself; what is read goes into `modules`."""
    order: dict[str, None] = {}

    def walk(name: str, way: tuple[str, ...]) -> None:
        if name in way:
            sentence = f"{name} imports itself: {' → '.join((*way[way.index(name) :], name))}"
            raise ValueError(sentence)
        if name in order:
            return
        if name not in modules:
            modules[name] = _parsed(name, texts)
        for target in modules[name].imports:
            walk(target, (*way, name))
        order[name] = None

    walk(first, ())
    return list(order)


def _parsed(name: str, texts: Mapping[str, str]) -> _Module:
    imports: list[str] = []
    exports: dict[str, str] = {}  # by the name outside: what it is inside

    def imported(match: re.Match[str]) -> str:
        imports.append(_target(name, match[3]))
        names = f"default: {match[1]}" if match[1] else ", ".join(_pair(a, b) for a, b in _pairs(match[2]))
        return f'const {{ {names} }} = {_TABLE}["{imports[-1]}"];'

    def passed_on(match: re.Match[str]) -> str:
        imports.append(_target(name, match[2]))
        exports.update({b: f'{_TABLE}["{imports[-1]}"].{a}' for a, b in _pairs(match[1])})
        return ""

    def listed(match: re.Match[str]) -> str:
        exports.update({b: a for a, b in _pairs(match[1])})
        return ""

    def default(match: re.Match[str]) -> str:
        del match
        exports["default"] = f"{_TABLE}default"
        return f"const {_TABLE}default = "

    def declared(match: re.Match[str]) -> str:
        exports[match[2]] = match[2]
        return match[1]

    if name not in texts:
        sentence = f"no module is called {name}"
        raise ValueError(sentence)
    text = _DOC.sub("", _MAP.sub("", texts[name]))
    for form, act in (
        (_IMPORT, imported),
        (_PASSED_ON, passed_on),
        (_LISTED, listed),
        (_DEFAULT, default),
        (_DECLARED, declared),
    ):
        text = form.sub(act, text)
    unknown = _LEFT_OVER.search(text)
    if unknown is not None:
        sentence = f"{name} cannot be joined with others: {unknown[0]}"
        raise ValueError(sentence)
    told = ", ".join(_pair(outside, inside) for outside, inside in exports.items())
    body = f'// {name}\n{_TABLE}["{name}"] ??= (() => {{\n{text.strip()}\nreturn {{ {told} }};\n}})();\n'
    later = {path: _target(name, path) for path in _LATER.findall(_COMMENT.sub("", texts[name]))}
    return _Module(body, tuple(exports), tuple(dict.fromkeys(imports)), later)


def _joined(modules: Mapping[str, _Module], names: list[str], into: str) -> str:
    """Return modules one behind the other; what they load later is named as seen from the file that they are now in."""
    bodies = []
    for name in names:
        body = modules[name].body
        for path, target in modules[name].later.items():
            body = body.replace(f'import("{path}")', f'import("{_path(target, seen_from=into)}")')
        bodies.append(body)
    return "".join(bodies)


def _exported(name: str, exports: tuple[str, ...]) -> str:
    return f'export const {{ {", ".join(exports)} }} = {_TABLE}["{name}"];\n'


def _pairs(names: str) -> list[tuple[str, str]]:
    """Return the names of a list in braces, each with what it is called on the other side."""
    pairs = [one.split(" as ") for one in (part.strip() for part in names.split(",")) if one]
    return [(pair[0], pair[-1]) for pair in pairs]


def _pair(key: str, value: str) -> str:
    """Return a member of an object, or of a pattern that takes one apart."""
    return key if key == value else f"{key}: {value}"


def _target(name: str, path: str) -> str:
    """Return what a path means in the file `name`."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(name), path))


def _path(name: str, *, seen_from: str) -> str:
    path = posixpath.relpath(name, posixpath.dirname(seen_from))
    return path if path.startswith("../") else f"./{path}"
