"""A SQLite that has the WAL-reset bug is told at the start; it harms nobody while there is one writer."""

import pytest

from orchestrator.store.sqlite_version import weakness


@pytest.mark.parametrize("version", [(3, 40, 1), (3, 44, 5), (3, 45, 0), (3, 50, 6), (3, 51, 2)])
def test_a_version_with_the_bug_is_told(version: tuple[int, int, int]) -> None:
    assert "WAL-reset bug" in (weakness(version) or "")


@pytest.mark.parametrize("version", [(3, 44, 6), (3, 50, 7), (3, 51, 3), (3, 52, 0), (4, 0, 0)])
def test_a_version_without_it_is_not(version: tuple[int, int, int]) -> None:
    assert weakness(version) is None
