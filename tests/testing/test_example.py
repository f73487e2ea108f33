"""The example project of docs/testing.md passes as a user would run it, and leaves nothing behind."""

from pathlib import Path

import pytest

from tests.testing.projects import WITHIN_S, Project

pytest.importorskip("boto3")
pytestmark = pytest.mark.timeout(WITHIN_S + 30)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    example = Project(tmp_path)
    example.copy_example()
    return example


@pytest.mark.parametrize(
    "arguments",
    [(), ("-n", "2"), ("-p", "no:anyio", "-p", "no:xdist", "-p", "no:timeout")],
    ids=["plain", "two workers", "no other plugin"],
)
def test_the_example_project_passes_and_leaves_nothing(project: Project, arguments: tuple[str, ...]) -> None:
    code, output = project.test(*arguments)

    assert code == 0, output
    assert "6 passed" in output
    assert project.left() == []


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
