"""The code blocks of the guide (docs/*.md), and the convention by which tests execute them.

A block is fenced, from the first column, and its first line says its language and, for a file, its place:

* ```` ```sh ```` is run by `sh -e`, ```` ```python ```` by Python, in the directory of the page. `orchestrator serve` alone is the
  daemon: it is started and left running until the next such block or the end of the page.
* ```` ```toml title="jobs/x/job.toml" ````: with a title, a block of any language is a file, which is written there.
* ```` ```text ```` behind a block that is run is what that block prints, on both of its outputs. `…` stands for anything in a
  line, or, alone in a line, for any lines; `<id>` for an id. Runs of spaces count as one; everything else must be the same.
* `<!-- as root -->` in the line before a block: all this is done by root, on a machine of its own that has a systemd.
* `<!-- not run: REASON -->` in the line before a block: it is only read. The reason is one of REASONS.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

DOCS: Final = Path(__file__).resolve().parents[2] / "docs"
GENERATED: Final = {"cli.md", "settings.md"}
"""Pages that a program writes and a test of their own compares; they have no examples, but synopses."""
REASONS: Final = {
    "package index": "downloads packages",
    "container": "needs Docker or Kubernetes",
    "prometheus": "is read by Prometheus",
    "AWS": "calls AWS, or shows what is replaced",
    "takes minutes": "is a long test or benchmark, which runs by itself",
    "form": "is no code, but the form of something: a line, a tree of files, a message",
    "elsewhere": "is executed by a unit test of its own: notices.md by tests/unit/faces/test_webhook.py",
}
RUN: Final = {"sh", "python"}
FILES: Final = {"sh", "python", "toml", "json", "ini", "yaml"}
OUTPUT: Final = "text"
_FENCE: Final = re.compile(r"(?P<fence>`{3,})(?P<language>\S*)(?: title=\"(?P<title>[^\"]+)\")?$")
_AS_ROOT: Final = "<!-- as root -->"
_NOT_RUN: Final = re.compile(r"<!-- not run: (?P<reason>[^>]*?) -->$")


class GuideError(Exception):
    """A page is not as the convention says; the sentence has its name and line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One block: what is in it, and what is to be done with it."""

    line: int  # of its first line, from 1
    language: str
    title: str | None
    is_as_root: bool
    reason: str | None  # why it is not run
    text: str  # with a newline at its end, where there is anything

    @property
    def is_file(self) -> bool:
        """Whether it is to be written."""
        return self.title is not None and self.reason is None

    @property
    def is_run(self) -> bool:
        """Whether it is to be executed."""
        return self.language in RUN and self.title is None and self.reason is None

    @property
    def is_daemon(self) -> bool:
        """Whether it is the daemon, which does not end."""
        return (
            self.is_run
            and not self.is_as_root
            and self.text.rstrip().removeprefix("orchestrator ").split()[:1] == ["serve"]
        )

    @property
    def is_output(self) -> bool:
        """Whether it is what the block before it prints."""
        return self.language == OUTPUT and self.reason is None


def pages() -> list[Path]:
    """Return the pages of the guide whose blocks are executed, in order."""
    return [page for page in sorted(DOCS.glob("*.md")) if page.name not in GENERATED]


def blocks(text: str, name: str) -> list[Block]:
    """Return the blocks of a page.

    Raises:
        GuideError: a block is not as the convention says.
    """
    found: list[Block] = []
    lines = text.splitlines()
    at = 0
    while at < len(lines):
        line = lines[at]
        if line.startswith("    ") or re.match(r"\s+`{3}", line):
            raise GuideError(f"{name}:{at + 1}: a block is indented; write ```language in the first column")
        if not line.startswith("```"):
            at += 1
            continue
        opened = _FENCE.match(line)
        if opened is None:
            raise GuideError(f'{name}:{at + 1}: {line!r} is not ```language or ```language title="FILE"')
        end = next((n for n in range(at + 1, len(lines)) if lines[n] == opened["fence"]), None)
        if end is None:
            raise GuideError(f"{name}:{at + 1}: the block has no end")
        marked = _NOT_RUN.match(lines[at - 1])
        block = Block(
            line=at + 1,
            language=opened["language"],
            title=opened["title"],
            is_as_root=lines[at - 1] == _AS_ROOT,
            reason=marked["reason"] if marked else None,
            text="".join(f"{one}\n" for one in lines[at + 1 : end]),
        )
        _judge(block, found[-1] if found else None, f"{name}:{at + 1}")
        found.append(block)
        at = end + 1
    return found


def _judge(block: Block, before: Block | None, place: str) -> None:
    if block.reason is not None and block.reason not in REASONS:
        raise GuideError(f"{place}: {block.reason!r} is no reason; there are {', '.join(REASONS)}")
    if block.language not in FILES | {OUTPUT}:
        raise GuideError(f"{place}: {block.language!r} is no language that the guide has")
    if block.is_file and Path(block.title or "").is_absolute() is not block.is_as_root:
        raise GuideError(f"{place}: {block.title} is not in the directory of the page, or as root not from /")
    if block.is_output and (before is None or not before.is_run or before.is_daemon):
        raise GuideError(f"{place}: there is no block before it that prints this")
    if not (block.reason is not None or block.is_file or block.is_run or block.is_output):
        raise GuideError(f"{place}: it is neither executed nor marked <!-- not run: REASON -->")


def is_as_expected(expected: str, printed: str) -> bool:
    """Say whether a block has printed what the guide shows."""
    pattern = "".join(_pattern(line) for line in _lines(expected))
    return re.fullmatch(pattern, "".join(f"{line}\n" for line in _lines(printed))) is not None


def _lines(text: str) -> list[str]:
    return [re.sub(r"\s+", " ", line).rstrip() for line in text.strip("\n").splitlines()]


def _pattern(line: str) -> str:
    if line.strip() == "…":
        return r"(?:.*\n)*?"
    return re.escape(line).replace("…", ".+?").replace("<id>", "[0-9a-z_]+") + r"\n"
