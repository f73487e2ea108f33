"""Which daemon is meant: options, then the AWS environment, then the settings."""

import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator.faces.cli.errors import CommandError
from orchestrator.faces.cli.exit_codes import ExitCode
from orchestrator.faces.cli.session import Session
from orchestrator.faces.unix_socket import SOCKET_NAME, bound


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


@pytest.mark.parametrize("place", ["flag", "variable", "file", "usual file", "home", "state home", "systemd"])
def test_the_socket_is_found_at_a_glance_where_the_settings_find_it(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = _told(place, tmp_path, monkeypatch)
    state_dir = tmp_path / (".local/state/orchestrator" if place == "home" else "state/orchestrator")
    state_dir.mkdir(parents=True)

    with bound(state_dir / SOCKET_NAME):
        found = session.endpoint_at_a_glance()
        assert session._settings is None
        assert found == session.endpoint()
    assert found.url == f"unix:{state_dir / SOCKET_NAME}"


def _told(place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Session:
    """Name `state/orchestrator` at one place, and something else at weaker ones."""
    for name in ("STATE_DIRECTORY", "XDG_STATE_HOME", "ORCHESTRATOR_STATE_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    relative = "state/orchestrator"
    file = tmp_path / ("config/orchestrator.toml" if place == "usual file" else "my.toml")
    if place in {"flag", "variable", "file", "usual file"}:
        file.parent.mkdir(exist_ok=True)
        file.write_text(f'state_dir = "{relative if "file" in place else "weaker"}"\n')
    if place in {"flag", "variable"}:
        monkeypatch.setenv("ORCHESTRATOR_STATE_DIR", "~/state/orchestrator" if place == "variable" else "weaker")
    if place == "state home":
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    if place == "systemd":
        monkeypatch.setenv("STATE_DIRECTORY", f"{tmp_path / relative}:/else")
    return Session(
        state_dir=relative if place == "flag" else None,
        config=file if file.exists() and file.name == "my.toml" else None,
    )


def test_a_glance_without_a_socket_asks_the_settings(tmp_path: Path) -> None:
    config = tmp_path / "my.toml"
    config.write_text('port = 4600\nstate_dir = "none"\n')

    assert Session(config=config).endpoint_at_a_glance().url == "http://127.0.0.1:4600"
    assert Session(config=config, port=4700).endpoint_at_a_glance().url == "http://127.0.0.1:4700"


def test_a_glance_at_broken_settings_is_none() -> None:
    with pytest.raises(CommandError):
        Session(config=Path("none.toml")).endpoint_at_a_glance()
    with pytest.raises(CommandError):
        Session(state_dir="").endpoint_at_a_glance()


def test_a_glance_imports_nothing_heavy(tmp_path: Path) -> None:
    program = (
        "import sys; from orchestrator.faces.cli.session import Session; "
        f"print(Session(state_dir={str(tmp_path)!r}).endpoint_at_a_glance().origin, 'pydantic' in sys.modules)"
    )
    with bound(tmp_path / SOCKET_NAME):
        ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True)

    assert ended.stdout == "the state directory False\n"
