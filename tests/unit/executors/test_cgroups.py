"""What is no cgroup is not taken for one: limits that nothing holds are told, and runs go on without."""

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from orchestrator.executors.local import cgroups


@pytest.mark.parametrize("is_there", [True, False])
def test_a_directory_that_is_no_cgroup_is_not_used_and_stays_as_it_is(tmp_path: Path, *, is_there: bool) -> None:
    folder = tmp_path / "limits"
    if is_there:
        folder.mkdir()

    with capture_logs() as told:
        assert cgroups.take(str(folder)) is None

    assert [(one["event"], one["log_level"], one["problem"]) for one in told] == [
        ("cgroups_not_used", "warning", "[Errno 2] no such cgroup")
    ]
    assert folder.exists() == is_there
    assert [*folder.glob("*")] == []
