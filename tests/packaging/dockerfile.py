"""The Dockerfile, read: its instructions, and what of the project reaches its build."""

import json
import re
from dataclasses import dataclass
from typing import Final

from tests.packaging.builds import tracked
from tests.support.daemon import ROOT

KNOWN: Final = {
    *("FROM", "WORKDIR", "COPY", "RUN", "ENV", "VOLUME", "USER", "EXPOSE", "HEALTHCHECK", "ENTRYPOINT", "CMD"),
}


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction; its continued lines are one."""

    keyword: str
    text: str

    @property
    def argv(self) -> list[str]:
        """Return what is executed, of an instruction in the form of JSON."""
        found: list[str] = json.loads(self.text[self.text.index("[") :])
        return found


def stages() -> list[tuple[str, list[Instruction]]]:
    """Return the stages in order, each with its name (empty: none) and its instructions, FROM first."""
    text = re.sub(r"^[ \t]*#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)
    text = re.sub(r"\\\n\s*", "", text)
    found: list[tuple[str, list[Instruction]]] = []
    for line in filter(None, map(str.strip, text.splitlines())):
        keyword, _, rest = line.partition(" ")
        if keyword not in KNOWN:
            raise ValueError(f"what is {keyword} in {line!r}?")
        if keyword == "FROM":
            found.append((rest.partition(" AS ")[2], []))
        found[-1][1].append(Instruction(keyword, rest.strip()))
    return found


def last(keyword: str) -> Instruction:
    """Return an instruction of the last stage."""
    (found,) = [one for one in stages()[-1][1] if one.keyword == keyword]
    return found


def environment() -> dict[str, str]:
    """Return what ENV of the last stage says."""
    return dict(word.split("=", 1) for word in last("ENV").text.split())


def context() -> list[str]:
    """Return the tracked files that .dockerignore lets into the build: it ignores all but the names that it gives back."""
    lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    if lines[0] != "*" or any("/" in line.removeprefix("**/") for line in lines):
        raise ValueError("this reads a .dockerignore that ignores all, and gives back some at the top")
    given_back = {line[1:] for line in lines if line.startswith("!")}
    ignored = {line.removeprefix("**/") for line in lines[1:] if not line.startswith("!")}
    return [
        name for name in tracked() if name.split("/")[0] in given_back and not ignored.intersection(name.split("/"))
    ]
