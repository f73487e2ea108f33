"""The example project of docs/testing.md passes as a user would run it, and leaves nothing behind."""

from pathlib import Path

import pytest

from tests.testing.projects import Project

pytest.importorskip("boto3")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    example = Project(tmp_path)
    example.copy_example()
    return example


@pytest.mark.parametrize(
    "arguments",
    [(), ("-n", "2"), ("-p", "no:anyio", "-p", "no:xdist", "-p", "no:timeout"), ("-o", "orchestrator_scope=module")],
    ids=["plain", "two workers", "no other plugin", "one daemon for a module"],
)
def test_the_example_project_passes_and_leaves_nothing(project: Project, arguments: tuple[str, ...]) -> None:
    shared = ["--deselect=tests/test_nightly.py::" + name for name in _NEED_THEIR_OWN] if "-o" in arguments else []

    code, output = project.test(*arguments, *shared)

    assert code == 0, output
    assert "6 passed" in output or (shared and "4 passed" in output), output
    assert project.left() == []


_NEED_THEIR_OWN = ("test_no_test_sees_the_bookmark_of_another", "test_a_run_can_be_stopped")


def test_nothing_of_the_callers_environment_reaches_the_daemon_or_the_client(project: Project) -> None:
    project.write("config/orchestrator.toml", "port = 1\nno_such_setting = true\n")
    foreign = {
        "ORCHESTRATOR_PORT": "1",
        "ORCHESTRATOR_NO_SUCH_SETTING": "1",
        "ORCHESTRATOR_CONFIG": "/nowhere.toml",
        "AWS_PROFILE": "no-such-profile",
        "AWS_ENDPOINT_URL_GLUE": "http://127.0.0.1:9",
        "AWS_CONFIG_FILE": "/nowhere",
        "HTTP_PROXY": "http://127.0.0.1:9",
        "http_proxy": "http://127.0.0.1:9",
        "NOTIFY_SOCKET": "/nowhere",
    }

    code, output = project.test("-k", "test_an_import_succeeds", more=foreign)

    assert code == 0, output
