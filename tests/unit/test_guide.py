"""The guide is whole: every page is in its navigation and follows the convention of its blocks; what is generated is current."""

import re
from pathlib import Path
from typing import Final

import pytest

from tests.support import settings_reference
from tests.support.guide_blocks import DOCS, REASONS, GuideError, blocks, is_as_expected, pages

ROOT: Final = DOCS.parent
NAVIGATION: Final = (ROOT / "mkdocs.yml").read_text().partition("\nnav:\n")[2]
TABLE: Final = re.compile(r"^\| (?:G\d+ \| )?[^|]*\| [^|]*\| (`tests/[^|]*`) \|$", re.MULTILINE)
BLOCK: Final = "```sh\ntrue\n```\n"


def test_every_page_is_in_the_navigation_once() -> None:
    listed = re.findall(r"^ +- ([\w/]+\.md)$", NAVIGATION, re.MULTILINE)

    assert sorted(listed) == sorted([*(page.name for page in DOCS.glob("*.md")), "decisions/README.md"])


def test_every_decision_is_listed() -> None:
    listed = (DOCS / "decisions" / "README.md").read_text()

    assert [page.name for page in (DOCS / "decisions").glob("0*.md") if f"]({page.name})" not in listed] == []


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.stem)
def test_each_block_of_a_page_is_executed_or_says_why_not(page: Path) -> None:
    blocks(page.read_text(), page.name)


def test_the_settings_page_is_what_the_settings_say() -> None:
    assert settings_reference.TARGET.read_text() == settings_reference.reference(), (
        "`make settings-docs` writes it anew"
    )


def test_every_difference_is_numbered_and_names_tests_that_exist() -> None:
    text = (DOCS / "moving.md").read_text()
    numbers = re.findall(r"^\| G(\d+) \|", text, re.MULTILINE)
    rows = TABLE.findall(text)

    assert numbers == [str(number) for number in range(1, len(numbers) + 1)]
    assert len(rows) >= len(numbers) + 10, "a row of a table names no test"
    for row in rows:
        named = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", row)
        assert " ".join(f"`{path}::{name}`" for path, name in named) == row
        for path, name in named:
            assert re.search(rf"^ *(async )?def {name}\(", (ROOT / path).read_text(), re.MULTILINE), f"{path}::{name}"


def test_the_console_page_names_every_key() -> None:
    source = (ROOT / "orchestrator" / "faces" / "console" / "static" / "js" / "parts" / "key_help.js").read_text()
    listed = re.findall(r'^      \["([^"]+)", "', source, re.MULTILINE)
    keys = [key for keys in listed for key in ([keys] if keys.startswith("g ") else keys.split())]
    page = (DOCS / "console.md").read_text()

    assert len(keys) > 15
    assert [key for key in keys if not re.search(rf"`{re.escape(key)}`", page)] == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("\n    orchestrator serve\n", "x.md:2: a block is indented"),
        ("* a list\n  ```sh\n  true\n  ```\n", "x.md:2: a block is indented"),
        ("```\ntrue\n```\n", "x.md:1: '' is no language"),
        ("```rust\n```\n", "x.md:1: 'rust' is no language"),
        ("```sh hl_lines=1\ntrue\n```\n", "x.md:1: '```sh hl_lines=1' is not"),
        ("```sh\ntrue\n", "x.md:1: the block has no end"),
        ("```toml\nport = 1\n```\n", "x.md:1: it is neither executed nor marked"),
        ("```text\nhello\n```\n", "x.md:1: there is no block before it"),
        (BLOCK.replace("true", "orchestrator serve") + "```text\nhello\n```\n", "x.md:4: there is no block before it"),
        ('```toml title="a.toml"\n```\n```text\nhello\n```\n', "x.md:3: there is no block before it"),
        ('```toml title="/etc/a.toml"\n```\n', "x.md:1: /etc/a.toml is not in the directory"),
        ('<!-- as root -->\n```toml title="a.toml"\n```\n', "x.md:2: a.toml is not in the directory"),
        (f"<!-- not run: too hard -->\n{BLOCK}", "x.md:2: 'too hard' is no reason"),
    ],
)
def test_a_block_that_nobody_would_execute_is_found(text: str, problem: str) -> None:
    with pytest.raises(GuideError, match=f"^{re.escape(problem)}"):
        blocks(text, "x.md")


def test_a_block_is_what_its_first_line_says() -> None:
    text = (
        f'{BLOCK}```text\nout\n```\n```sh\norchestrator serve --port 1\n```\n```toml title="a/b.toml"\nx = 1\n```\n'
        f"<!-- not run: AWS -->\n{BLOCK}<!-- as root -->\n{BLOCK}"
    )
    run, output, daemon, file, not_run, as_root = blocks(text, "x.md")

    assert (run.is_run, run.is_daemon, run.text) == (True, False, "true\n")
    assert (output.is_output, output.is_run) == (True, False)
    assert daemon.is_daemon
    assert (file.is_file, file.title, file.text) == (True, "a/b.toml", "x = 1\n")
    assert (not_run.is_run, not_run.reason) == (False, "AWS")
    assert (as_root.is_run, as_root.is_as_root, run.is_as_root) == (True, True, False)


@pytest.mark.parametrize(
    ("expected", "printed", "is_same"),
    [
        ("a b\n", "a  b \n", True),
        ("a b\n", "a c\n", False),
        ("a\n", "a\nb\n", False),
        ("jr_<id> ended\n", "jr_0a1_attempt_2 ended\n", True),
        ("jr_<id> ended\n", "jr_ ended\n", False),
        ("took … ms\n", "took 1.5 ms\n", True),
        ("took … ms\n", "took\n1 ms\n", False),
        ("a\n…\nz\n", "a\nb\nc\nz\n", True),
        ("a\n…\nz\n", "a\nz\n", True),
        ("a\n…\nz\n", "a\nb\n", False),
        ("a.c\n", "abc\n", False),
    ],
)
def test_what_is_printed_is_compared_but_for_the_placeholders(expected: str, printed: str, *, is_same: bool) -> None:
    assert is_as_expected(expected, printed) is is_same


def test_few_reasons_excuse_a_block() -> None:
    excused = [block.reason for page in pages() for block in blocks(page.read_text(), page.name) if block.reason]

    assert set(excused) == REASONS.keys(), "a reason that excuses nothing is none"
    assert len(excused) <= 15, "more and more is only read: run it, or say here why not"
