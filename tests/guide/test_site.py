"""What `make docs` has built is whole, and is read without a network."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.support.guide_blocks import DOCS

ROOT: Final = DOCS.parent
BUILDER: Final = Path(f"{sys.prefix}-docs") / "bin" / "python"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the guide as `make docs` does, elsewhere."""
    if not BUILDER.exists():
        pytest.skip("the environment that builds the guide is missing (make docs)")
    place = tmp_path_factory.mktemp("site")
    built = subprocess.run(
        [str(BUILDER), "-m", "mkdocs", "build", "--strict", "--site-dir", str(place)],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "NO_MKDOCS_2_WARNING": "1", "LANG": "C.UTF-8"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert built.returncode == 0, built.stderr
    return place


@pytest.mark.timeout(180)
def test_every_page_is_there_and_can_be_searched(site: Path) -> None:
    missing = [page.name for page in DOCS.glob("*.md") if not (site / f"{page.stem}.html").exists()]

    assert missing == []
    assert "getResolvedOptions" in (site / "search" / "search_index.json").read_text()


@pytest.mark.timeout(180)
def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    for page in site.rglob("*.html"):
        loaded = re.findall(r"<(?:script|link|img|iframe)\b[^>]*?\b(?:src|href)=\"?([^\"\s>]+)", page.read_text())
        assert [address for address in loaded if re.match(r"(https?:)?//", address)] == [], page.name
    for sheet in site.rglob("*.css"):
        assert not re.search(r"url\(\"?(https?:)?//", sheet.read_text()), sheet.name


@pytest.mark.timeout(180)
def test_no_mark_of_the_source_is_seen_by_a_reader(site: Path) -> None:
    for page in site.rglob("*.html"):
        seen = re.sub(r"<!--.*?-->", "", page.read_text(), flags=re.DOTALL)
        assert "not run:" not in seen
        assert "as root --" not in seen
        assert "\\|" not in seen, "an escape of a table within code"
