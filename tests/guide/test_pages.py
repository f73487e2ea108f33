"""Every code block of the guide does what the guide says, in the order in which a reader meets it."""

from pathlib import Path

import pytest

from tests.guide.page import opened
from tests.support.guide_blocks import blocks, pages


@pytest.mark.timeout(300)
@pytest.mark.parametrize("path", pages(), ids=lambda path: path.stem)
def test_a_page_can_be_followed(path: Path) -> None:
    with opened() as page:
        for block in blocks(path.read_text(), path.name):
            try:
                page.follow(block)
            except AssertionError as error:
                message = f"{path.name}:{block.line}: {error}"
                raise AssertionError(message) from None
