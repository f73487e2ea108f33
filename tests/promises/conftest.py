"""What the promises share: one daemon's lives, with scripts that write down themselves what they did."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.crashing import Lives


@pytest.fixture
def lives(tmp_path: Path) -> Iterator[Lives]:
    """Lend a running daemon that may be killed and comes back."""
    with Lives(tmp_path) as one:
        yield one
