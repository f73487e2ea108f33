"""A setting comes from the strongest place that gives it, and a wrong one is told by the place that has it.

`config/orchestrator.toml` shows every setting at its default: what it shows is compared with what the code has.
"""

import os
import re
import tomllib
from pathlib import Path
from typing import Any, Final

import pytest
from pydantic import BaseModel

from orchestrator import settings_sources
from orchestrator.settings import Settings, SettingsError

SHOWN: Final = Path(__file__).parents[2] / "config" / "orchestrator.toml"
OF_THE_MACHINE: Final = {"state_dir", "python", "capacity.max_processes"}


@pytest.fixture(autouse=True)
def _clean_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Start each test in an empty directory and without variables of ours."""
    for name in list(os.environ):
        if name.upper().startswith("ORCHESTRATOR_") or name in {"STATE_DIRECTORY", "XDG_STATE_HOME"}:
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def flattened(model: BaseModel) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in type(model).model_fields:
        value = getattr(model, name)
        inner = (
            {f"{name}.{key}": one for key, one in flattened(value).items()} if isinstance(value, BaseModel) else None
        )
        found |= {name: value} if inner is None else inner
    return found


def shown() -> tuple[dict[str, Any], set[str]]:
    """Return the values that the file sets, and the names of those that it shows in a comment."""
    text = SHOWN.read_text(encoding="utf-8")
    values: dict[str, Any] = {}
    for name, value in tomllib.loads(text).items():
        is_section = isinstance(value, dict) and issubclass(type(getattr(Settings(), name)), BaseModel)
        values |= {f"{name}.{key}": one for key, one in value.items()} if is_section else {name: value}
    section, commented = "", set()
    for line in text.splitlines():
        if opened := re.fullmatch(r"\[(\w+)\]", line):
            section = f"{opened[1]}."
        elif name_shown := re.match(r"# (\w+) = ", line):
            commented.add(section + name_shown[1])
    return values, commented


def written(text: str, name: str = "config/orchestrator.toml") -> Path:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def refusal(config: Path | None = None, **flags: object) -> str:
    with pytest.raises(SettingsError) as refused:
        settings_sources.load(config, flags)
    return str(refused.value)


def test_the_file_shows_every_setting_and_no_other() -> None:
    values, commented = shown()
    assert commented == OF_THE_MACHINE
    assert set(values) | commented == set(flattened(Settings()))
    assert not set(values) & commented


def test_the_file_shows_every_default() -> None:
    defaults = flattened(Settings())
    for name, value in shown()[0].items():
        default = defaults[name]
        plain = str(default) if isinstance(default, Path) else list(default) if isinstance(default, tuple) else default
        assert value == plain, name


def test_the_file_as_it_is_changes_nothing() -> None:
    assert settings_sources.load(SHOWN, {}).model_dump() == settings_sources.load(None, {}).model_dump()


def test_without_any_file_there_are_defaults() -> None:
    loaded = settings_sources.load(None, {})
    assert (loaded.port, loaded.capacity.dpus, loaded.access.peer) == (4583, 100, "owner")


def test_the_file_in_its_place_is_read() -> None:
    written("port = 5000\n[capacity]\ndpus = 7\n")
    loaded = settings_sources.load(None, {})
    assert (loaded.port, loaded.capacity.dpus, loaded.capacity.order) == (5000, 7, "fifo")


def test_a_named_file_is_read_instead(monkeypatch: pytest.MonkeyPatch) -> None:
    written("port = 5000\n")
    other, third = written("port = 5001\n", "other.toml"), written("port = 5002\n", "third.toml")
    monkeypatch.setenv("ORCHESTRATOR_CONFIG", str(third))
    assert settings_sources.load(None, {}).port == 5002
    assert settings_sources.load(other, {}).port == 5001


def test_a_named_file_that_is_missing_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    assert refusal(Path("gone.toml")) == "gone.toml: no such file"
    monkeypatch.setenv("ORCHESTRATOR_CONFIG", "gone.toml")
    assert refusal() == "gone.toml: no such file"


def test_flags_go_before_the_environment_and_that_before_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    written('port = 1\nregion = "file"\nlog_level = "debug"\n')
    monkeypatch.setenv("ORCHESTRATOR_PORT", "2")
    monkeypatch.setenv("ORCHESTRATOR_REGION", "environment")
    loaded = settings_sources.load(None, {"port": 3, "host": None})
    assert (loaded.port, loaded.region, loaded.log_level, loaded.host) == (3, "environment", "debug", "127.0.0.1")


def test_one_setting_of_a_section_is_changed_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    written('[capacity]\ndpus = 5\norder = "backfill"\n')
    monkeypatch.setenv("ORCHESTRATOR_CAPACITY__DPUS", "6.5")
    capacity = settings_sources.load(None, {}).capacity
    assert (capacity.dpus, capacity.order) == (6.5, "backfill")


def test_a_map_and_a_list_come_from_the_environment_as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORCHESTRATOR_ENVIRONMENT", '{"TZ": "UTC"}')
    monkeypatch.setenv("ORCHESTRATOR_ACCESS__HOSTS", '["glue.example"]')
    loaded = settings_sources.load(None, {})
    assert loaded.environment == {"TZ": "UTC"}
    assert loaded.access.hosts == ("glue.example",)


def test_the_tests_crash_points_are_no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORCHESTRATOR_CRASH_AT", "x")
    settings_sources.load(None, {})


@pytest.mark.parametrize(
    ("variables", "path"),
    [
        ({"STATE_DIRECTORY": "/var/lib/orchestrator"}, "/var/lib/orchestrator"),
        ({"STATE_DIRECTORY": "/var/lib/one:/var/lib/two", "XDG_STATE_HOME": "/x"}, "/var/lib/one"),
        ({"XDG_STATE_HOME": "/x"}, "/x/orchestrator"),
        ({"XDG_STATE_HOME": "", "STATE_DIRECTORY": ""}, "{home}/.local/state/orchestrator"),
        ({}, "{home}/.local/state/orchestrator"),
        ({"STATE_DIRECTORY": "/a", "ORCHESTRATOR_STATE_DIR": "/b"}, "/b"),
    ],
)
def test_the_state_directory_is_where_a_unix_user_expects_it(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], path: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert str(settings_sources.load(None, {}).state_dir) == path.format(home=Path.home())


@pytest.mark.parametrize("name", ["state_dir", "jobs_dir", "triggers_file"])
def test_an_empty_path_is_a_mistake_of_the_variable_or_the_flag(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    flag = f"--{name.replace('_', '-')}"
    with pytest.raises(SettingsError, match=rf"^{flag}: {name}: it is empty; "):
        settings_sources.load(None, {name: ""})
    assert settings_sources.defaults(None, {name: ""}).model_dump() == settings_sources.defaults(None, {}).model_dump()
    variable = f"ORCHESTRATOR_{name.upper()}"
    monkeypatch.setenv(variable, "")
    with pytest.raises(SettingsError, match=rf"^\${variable}: {name}: it is empty; "):
        settings_sources.load(None, {})
    assert settings_sources.defaults(None, {}).jobs_dir == Path("jobs").absolute()


def test_paths_are_absolute_so_that_nothing_depends_on_the_place_of_the_start(tmp_path: Path) -> None:
    loaded = settings_sources.load(None, {"state_dir": Path("state"), "jobs_dir": Path("~/jobs")})
    assert loaded.state_dir == tmp_path / "state"
    assert loaded.jobs_dir == Path.home() / "jobs"


@pytest.mark.parametrize(
    ("text", "place", "name"),
    [
        ("port = 99999\n", "config/orchestrator.toml:1: ", "port: "),
        ("\n[capacity]\n\ndpus = -1\n", "config/orchestrator.toml:4: ", "capacity.dpus: "),
        ('[capacity]\norder = "lifo"\n', "config/orchestrator.toml:2: ", "capacity.order: "),
        ('state_dir = ""\n', "config/orchestrator.toml:1: ", "state_dir: it is empty"),
        ('\njobs_dir = ""\n', "config/orchestrator.toml:2: ", "jobs_dir: it is empty"),
        ('[runs]\nscript_roots = [""]\n', "config/orchestrator.toml:2: ", "runs.script_roots.0: it is empty"),
        ("prot = 5\n", "config/orchestrator.toml:1: ", "prot: "),
        ("[runs]\nlog_limit = 5\n", "config/orchestrator.toml:2: ", "runs.log_limit: "),
        ("[capacities]\ndpus = 5\n", "config/orchestrator.toml:1: ", "capacities: "),
        ('capacity = "large"\n', "config/orchestrator.toml:1: ", "capacity: "),
        ("[environment]\nTZ = 5\n", "config/orchestrator.toml:2: ", "environment.TZ: "),
        ('[access]\nhosts = "one"\n', "config/orchestrator.toml:2: ", "access.hosts: "),
        ("[access]\nhosts = [5]\n", "config/orchestrator.toml:2: ", "access.hosts.0: "),
        ('[access]\nhosts = ["one:80"]\n', "config/orchestrator.toml:2: ", "access.hosts.0: "),
        ('host = "0.0.0.0"\n', "config/orchestrator.toml:1: ", "host: "),
        ('host = "example.com"\n', "config/orchestrator.toml:1: ", "host: "),
    ],
)
def test_a_wrong_value_is_told_by_file_and_line(text: str, place: str, name: str) -> None:
    written(text)
    assert refusal().startswith(place + name)


@pytest.mark.parametrize(
    ("variable", "value", "name"),
    [
        ("ORCHESTRATOR_PORT", "many", "port: "),
        ("ORCHESTRATOR_CAPACITY__DPUS", "0", "capacity.dpus: "),
        ("ORCHESTRATOR_CAPACITY__DPU", "5", "capacity.dpu: "),
        ("ORCHESTRATOR_CAPACITY", '{"dpus": -1}', "capacity.dpus: "),
        ("ORCHESTRATOR_CAPACITY__DPUS__X", "1", "capacity.dpus: "),
        ("ORCHESTRATOR_STATE_DIR", "~nobody-of-that-name/x", "state_dir: there is no home directory for ~nobody-of"),
        ("ORCHESTRATOR_RUNS__SCRIPT_ROOTS", '["~nobody-of-that-name"]', "runs.script_roots.0: there is no home"),
        ("ORCHESTRATOR_ACCESS__PEER__X", "1", "access.peer: "),
    ],
)
def test_a_wrong_variable_is_told_by_its_name(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, name: str
) -> None:
    written("port = 5\n[capacity]\ndpus = 5\n")
    monkeypatch.setenv(variable, value)
    assert refusal().startswith(f"${variable}: {name}")


@pytest.mark.parametrize("variable", ["ORCHESTRATOR_ENVIRONMENT", "ORCHESTRATOR_CAPACITY"])
def test_a_variable_that_is_not_json_is_told(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, "{")
    assert refusal().startswith(f"${variable}: {variable.removeprefix('ORCHESTRATOR_').lower()}: it must be JSON: ")


def test_a_variable_of_a_section_that_is_not_json_is_told_by_its_own_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORCHESTRATOR_ACCESS__PEER", '"any"')
    monkeypatch.setenv("ORCHESTRATOR_ACCESS__HOSTS", "mine")
    assert refusal().startswith("$ORCHESTRATOR_ACCESS__HOSTS: access.hosts: it must be JSON: ")
    monkeypatch.setenv("ORCHESTRATOR_ACCESS__KEYS_FILE", "/keys")  # which need not be, but pydantic does not say that
    assert refusal().startswith(
        "$ORCHESTRATOR_ACCESS__HOSTS or $ORCHESTRATOR_ACCESS__KEYS_FILE: access: it must be JSON: "
    )


@pytest.mark.parametrize(
    "variable",
    ["ORCHESTRATOR_PROT", "ORCHESTRATOR_CAPACITY_DPUS", "ORCHESTRATOR_PORT__X", "ORCHESTRATOR_", "ORCHESTRATOR_port_"],
)
def test_a_variable_that_is_no_setting_is_refused(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, "5")
    assert refusal() == f"${variable}: there is no such setting"


def test_a_variable_that_is_no_setting_hides_no_other_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORCHESTRATOR_PROT", "5")
    monkeypatch.setenv("ORCHESTRATOR_PORT", "many")
    sentence = refusal()
    assert "$ORCHESTRATOR_PROT: there is no such setting; $ORCHESTRATOR_PORT: port: " in sentence


@pytest.mark.parametrize("name", ["CONFIG", "CRASH_AT", "CRASH_LOG", "TESTS_NO_SKIP"])
def test_the_variables_that_are_no_settings_are_let_through(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(f"ORCHESTRATOR_{name}", str(written("port = 5\n")))
    settings_sources.load(None, {})


def test_the_defaults_heed_where_the_jobs_are_and_nothing_else(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    written('port = 99999\njobs_dir = "of_file"\n')
    monkeypatch.setenv("ORCHESTRATOR_REGION", "elsewhere")
    loaded = settings_sources.defaults(None, {"jobs_dir": None, "port": -1})
    assert (loaded.port, loaded.region, loaded.jobs_dir) == (4583, "us-east-1", tmp_path / "of_file")
    monkeypatch.setenv("ORCHESTRATOR_JOBS_DIR", "of_variable")
    assert settings_sources.defaults(None, {}).jobs_dir == tmp_path / "of_variable"
    assert settings_sources.defaults(None, {"jobs_dir": Path("mine")}).jobs_dir == tmp_path / "mine"
    monkeypatch.delenv("ORCHESTRATOR_JOBS_DIR")
    written("port = \n")
    assert settings_sources.defaults(None, {}).jobs_dir == tmp_path / "jobs"
    assert settings_sources.defaults(Path("gone.toml"), {}).jobs_dir == tmp_path / "jobs"


def test_a_wrong_flag_is_told_by_its_name_even_if_the_file_is_right() -> None:
    written("port = 5\n")
    assert refusal(port=99_999).startswith("--port: port: ")


def test_all_that_is_wrong_is_told_at_once() -> None:
    written('port = 99999\nlog_level = "loud"\n')
    sentence = refusal()
    assert "orchestrator.toml:1: port: " in sentence
    assert "orchestrator.toml:2: log_level: " in sentence


@pytest.mark.parametrize(("text", "line"), [("port = \n", 1), ("port = 5\nport = 6\n", 2), ("[capacity\n", 1)])
def test_a_file_that_is_not_toml_is_told_by_its_line(text: str, line: int) -> None:
    written(text)
    assert refusal().startswith(f"config/orchestrator.toml:{line}: ")


def test_a_file_that_is_not_utf_8_is_told() -> None:
    written("").write_bytes(b'region = "\xff"')
    assert refusal().startswith("config/orchestrator.toml:1: ")


def test_settings_never_change_once_they_are_read() -> None:
    loaded = settings_sources.load(None, {})
    with pytest.raises(ValueError, match="frozen"):
        loaded.port = 5  # type: ignore[misc]
    with pytest.raises(ValueError, match="frozen"):
        loaded.capacity.dpus = 5  # type: ignore[misc]


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.9", "::1", "localhost"])
def test_a_loopback_address_can_be_listened_on(host: str) -> None:
    assert settings_sources.load(None, {"host": host}).host == host


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])  # noqa: S104 - it is refused
@pytest.mark.parametrize(
    "access", ["", "keys_file = 'keys'", "allow_remote = true", "allow_remote = true\nkeys_file = ''"]
)
def test_an_address_that_others_reach_is_refused_without_keys_and_permission(host: str, access: str) -> None:
    written(f"[access]\n{access}\n")
    with pytest.raises(
        SettingsError, match=rf"^--host: host: {re.escape(host)} is no loopback address .* keys_file and allow_remote"
    ):
        settings_sources.load(None, {"host": host})


@pytest.mark.parametrize(
    ("host", "own"),
    [("0.0.0.0", "127.0.0.1"), ("::", "::1"), ("192.0.2.1", "192.0.2.1"), ("localhost", "localhost")],  # noqa: S104
)
def test_an_address_that_others_reach_can_be_listened_on_with_both(host: str, own: str) -> None:
    written("[access]\nallow_remote = true\nkeys_file = 'keys'\n")
    loaded = settings_sources.load(None, {"host": host})
    assert (loaded.host, loaded.own_host) == (host, own)


def test_buckets_are_mapped_to_directories_from_where_the_daemon_starts(tmp_path: Path) -> None:
    written('s3_endpoint_url = "http://127.0.0.1:9000"\n[s3]\n"my.bucket" = "data"\nhome = "~/x"\n')
    loaded = settings_sources.load(None, {})
    assert loaded.s3 == {"my.bucket": tmp_path / "data", "home": Path.home() / "x"}
    assert loaded.s3_endpoint_url == "http://127.0.0.1:9000"


@pytest.mark.parametrize("url", ["127.0.0.1:9000", "ftp://x", "http://", "http://x/path"])
def test_an_endpoint_that_is_no_address_is_told(url: str) -> None:
    written(f's3_endpoint_url = "{url}"\n')
    assert refusal().startswith("config/orchestrator.toml:1: s3_endpoint_url: String should match pattern")
