"""Which daemon is meant: options, then the AWS environment, then the settings."""

from pathlib import Path

import pytest

from orchestrator.faces.cli.errors import CommandError
from orchestrator.faces.cli.exit_codes import ExitCode
from orchestrator.faces.cli.session import Session


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand where no settings file is."""
    monkeypatch.chdir(tmp_path)


def test_the_default_is_glues_port_on_loopback() -> None:
    endpoint = Session().endpoint()

    assert endpoint.url == "http://127.0.0.1:4583"
    assert not endpoint.is_explicit


def test_the_option_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_GLUE", "http://env:1")

    endpoint = Session(endpoint_url="http://option:2", port=3).endpoint()

    assert (endpoint.url, endpoint.origin, endpoint.is_explicit) == ("http://option:2", "--endpoint-url", True)


def test_host_and_port_win_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_GLUE", "http://env:1")

    endpoint = Session(port=5000).endpoint()

    assert (endpoint.url, endpoint.is_explicit) == ("http://127.0.0.1:5000", False)


def test_glues_own_variable_wins_over_the_general_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://all:1")
    assert Session().endpoint().origin == "AWS_ENDPOINT_URL"

    monkeypatch.setenv("AWS_ENDPOINT_URL_GLUE", "http://glue:2")
    assert Session().endpoint().url == "http://glue:2"


def test_the_environment_can_be_ignored_as_in_sdks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_GLUE", "http://glue:2")
    monkeypatch.setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")

    assert not Session().endpoint().is_explicit


def test_the_settings_file_names_the_port(tmp_path: Path) -> None:
    config = tmp_path / "my.toml"
    config.write_text('port = 4600\nhost = "::1"\n')

    assert Session(config=config).endpoint().url == "http://[::1]:4600"


def test_a_settings_file_that_is_not_there_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(CommandError) as mistake:
        Session(config=tmp_path / "none.toml").settings()

    assert mistake.value.exit_code == ExitCode.CONFIGURATION


def test_the_places_can_be_handed_on(tmp_path: Path) -> None:
    session = Session(config=Path("a b.toml"), state_dir=str(tmp_path), port=0, endpoint_url="http://not:1")

    assert session.as_options() == ["--config=a b.toml", f"--state-dir={tmp_path}", "--port=0"]
