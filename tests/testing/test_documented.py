"""docs/testing.md shows what the example project runs, and tells of every option and fixture."""

import inspect
import re
from typing import Final

from orchestrator.testing import GlueDaemon, options, plugin
from tests.support.daemon import ROOT
from tests.support.guide_blocks import blocks
from tests.testing.projects import EXAMPLE

TEXT: Final = (ROOT / "docs" / "testing.md").read_text()


def test_the_test_that_is_shown_is_that_of_the_example() -> None:
    shown = [block.text for block in blocks(TEXT, "testing.md") if block.title == "tests/test_nightly.py"]
    example = (EXAMPLE / "tests" / "test_nightly.py").read_text()

    assert len(shown) == 1
    assert shown[0].partition("def ")[2] in example


def test_every_option_fixture_and_member_is_told() -> None:
    members = [name for name, _ in inspect.getmembers(GlueDaemon) if not name.startswith("_")]
    names = [options.JOBS_DIR, options.TRIGGERS_FILE, options.SCOPE, *options.SCOPES, *members]
    fixtures = [name for name in vars(plugin) if name.startswith("glue")]

    assert fixtures == ["glue_daemon", "glue", "glue_endpoint_url"]
    assert [name for name in [*names, *fixtures] if not re.search(rf"`[^`\n]*\b{name}\b", TEXT)] == []
