"""One build for all tests of what is built."""

from pathlib import Path

import pytest

from tests.packaging.builds import build, copy_source


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Lend the wheel and the source distribution, by suffix."""
    root = tmp_path_factory.mktemp("built")
    return build(copy_source(root / "source"), root / "dist")
