"""Whatever is in a request, a job file, the trigger file or the settings, only the errors that are promised come of it.

Three kinds of input each: anything, what the format allows about names that mean something, and a right text spoiled.
"""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final
from unittest import mock

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from orchestrator.faces import job_files, trigger_files
from orchestrator.faces.job_files import Problem
from orchestrator.model.errors import InvalidInputError
from orchestrator.settings import Settings, SettingsError
from orchestrator.settings_sources import load
from orchestrator.wire import errors, logs_errors, logs_shapes, shapes
from orchestrator.wire.decode import decode
from orchestrator.wire.errors import SerializationError

ROOT: Final = Path(__file__).parents[2]
JOB_FILE: Final = (ROOT / "jobs" / "daily_delays" / "job.toml").read_bytes()
TRIGGERS_FILE: Final = (ROOT / "config" / "triggers.toml").read_bytes()
SETTINGS_FILE: Final = (ROOT / "config" / "orchestrator.toml").read_bytes()
REQUESTS: Final = {**shapes.REQUESTS, **logs_shapes.REQUESTS}
DEEP: Final = b"x = " + b"[" * 5000
LONG: Final = b"x = " + b"9" * 5000
_EXAMPLES: Final = settings(max_examples=100)
_FEWER: Final = settings(max_examples=30)
"""Where each makes a class of settings."""


def names_in(*tables: Any) -> list[str]:
    """Return every name of a member in JSON schemas: those that get behind the first check."""
    found = set()
    for table in tables:
        for schema in [table, *table.get("$defs", {}).values()]:
            found |= set(schema.get("properties", {}))
    return sorted(found)


JOB_NAMES: Final = [*names_in(shapes.CreateJobRequest.model_json_schema()), "preload", "python", "runtime"]
TRIGGER_NAMES: Final = names_in(shapes.CreateTriggerRequest.model_json_schema())
SETTING_NAMES: Final = names_in(Settings.model_json_schema())
WORDS: Final = [
    *(
        "pythonshell",
        "script.py",
        "3",
        "G.1X",
        "SCHEDULED",
        "CONDITIONAL",
        "cron(0 0 ? * * *)",
        "SUCCEEDED",
        "AND",
        "~x",
    ),
    *("127.0.0.1", "s3://a/b", "--a", "\0", "\u202e", "", "~root", "file:///x", "1", "true", "{}", "EQUALS", "daily"),
]

scalars = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.sampled_from(WORDS)
)  # fmt: skip


def trees(names: list[str], leaves: st.SearchStrategy[Any] = scalars) -> st.SearchStrategy[dict[str, Any]]:
    """Return objects whose members have these names, mostly."""
    keys = st.sampled_from(names) | st.sampled_from(names) | st.text(max_size=8)
    inner = st.recursive(
        leaves, lambda some: st.lists(some, max_size=3) | st.dictionaries(keys, some, max_size=4), max_leaves=12
    )
    return st.dictionaries(keys, inner, max_size=5)


def spoiled(text: bytes) -> st.SearchStrategy[bytes]:
    """Return a text with some bytes cut out, put in, or in each other's places."""
    places = st.integers(0, len(text))
    odd = st.sampled_from(
        [b"\0", b'"', b"[", b"]]", b"=", b"\n", b"\xff", b"{", b".", b"'''", b"#", b"-1", b"\\", b"nan"]
    )
    cut = st.tuples(places, st.integers(0, 30), odd | st.binary(max_size=4))

    def cut_out(cuts: list[tuple[int, int, bytes]]) -> bytes:
        whole = text
        for place, length, instead in cuts:
            whole = whole[:place] + instead + whole[place + length :]
        return whole

    return st.lists(cut, min_size=1, max_size=4).map(cut_out)


def toml(value: Any) -> str:
    """Spell a value in TOML; what TOML cannot hold is left out."""
    match value:
        case bool():
            return str(value).lower()
        case dict():
            items = (f"{toml(str(key))} = {toml(item)}" for key, item in value.items() if item is not None)
            return "{" + ", ".join(items) + "}"
        case list():
            return "[" + ", ".join(toml(item) for item in value if item is not None) + "]"
        case str():
            return json.dumps(value.encode("utf-8", "replace").decode()).replace("\x7f", "\\u007f")
        case date():
            return value.isoformat()
        case _:
            return repr(value)


def documents(names: list[str], example_file: bytes) -> st.SearchStrategy[bytes]:
    """Return files: of anything, of TOML with such names, and the example spoiled."""
    leaves = scalars | st.sampled_from([datetime(2026, 1, 1, tzinfo=UTC), date(2026, 1, 1), 10**30, -(10**30)])

    def written(tree: dict[str, Any]) -> bytes:
        lines = [f"{toml(key)} = {toml(value)}" for key, value in tree.items() if value is not None]
        return "\n".join(lines).encode()

    return st.binary(max_size=200) | trees(names, leaves).map(written) | spoiled(example_file)


@contextmanager
def an_empty_place() -> Iterator[Path]:
    """Lend an empty directory, and an environment without variables of ours."""
    with tempfile.TemporaryDirectory() as path:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("ORCHESTRATOR_")}
        with mock.patch.dict(os.environ, clean, clear=True):
            yield Path(path)


def some_settings(root: Path) -> Settings:
    return Settings(jobs_dir=root / "jobs", state_dir=root / "state", triggers_file=root / "triggers.toml")


def check_told(found: list[Problem], file: Path, content: bytes) -> None:
    """Hold that each mistake names its file, a line that the file has, and what is wrong."""
    lines = content.count(b"\n") + content.count(b"\r") + 1
    for problem in found:
        assert problem.file == file
        assert problem.message.strip()
        assert problem.line is None or 1 <= problem.line <= lines, problem


def check_body(body: bytes, action: str) -> None:
    try:
        decode(body, REQUESTS[action])
    except (SerializationError, InvalidInputError) as error:
        for to_wire in (errors.to_wire, logs_errors.to_wire):
            wire = to_wire(error)
            assert wire.status == 400
            assert {"__type", "Message"} & set(json.loads(wire.body))


actions = st.sampled_from(sorted(REQUESTS))


@_EXAMPLES
@given(body=st.binary(max_size=300), action=actions)
def test_no_bytes_break_a_face(body: bytes, action: str) -> None:
    check_body(body, action)


@_FEWER
@given(data=st.data(), action=actions)
def test_no_members_break_a_face(data: st.DataObject, action: str) -> None:
    tree = data.draw(trees(names_in(REQUESTS[action].model_json_schema()) or ["x"]))
    text = json.dumps(tree, ensure_ascii=data.draw(st.booleans())).encode("utf-8", "surrogatepass")
    check_body(text, action)
    check_body(data.draw(spoiled(text)), action)


@_EXAMPLES
@example(content=b'Timeout = 1\n"Timeout" = 2')
@example(content=DEEP)
@example(content=LONG)
@given(content=documents(JOB_NAMES, JOB_FILE))
def test_no_job_file_breaks_the_others(content: bytes) -> None:
    with an_empty_place() as root:
        shutil.copytree(
            ROOT / "jobs" / "daily_delays", root / "jobs" / "right", ignore=shutil.ignore_patterns("__pycache__")
        )
        file = root / "jobs" / "odd" / "job.toml"
        file.parent.mkdir()
        file.write_bytes(content)
        (file.parent / "script.py").touch()

        jobs, found = job_files.load(some_settings(root))

        assert "right" in jobs
        assert ("odd" in jobs) == (not found)
        check_told(found, file, content)


@_EXAMPLES
@example(content=DEEP)
@example(content=LONG)
@given(content=documents([*TRIGGER_NAMES, "every-night", "write-report"], TRIGGERS_FILE))
def test_no_trigger_file_raises(content: bytes) -> None:
    with an_empty_place() as root:
        file = root / "triggers.toml"
        file.write_bytes(content)

        defined, found = trigger_files.load(some_settings(root))

        check_told(found, file, content)
        assert set(defined.triggers).isdisjoint(defined.refused)
        assert bool(defined.refused or not defined.is_whole) == bool(found)
        check_told(trigger_files.check(some_settings(root)), file, content)


@_FEWER
@example(content=b"\xff")
@example(content=b'"\\""=[]')
@example(content=DEEP)
@example(content=LONG)
@given(content=documents(SETTING_NAMES, SETTINGS_FILE))
def test_no_settings_file_raises_but_what_is_said(content: bytes) -> None:
    with an_empty_place() as root:
        file = root / "orchestrator.toml"
        file.write_bytes(content)
        try:
            load(file, {})
        except SettingsError as error:
            lines = content.count(b"\n") + content.count(b"\r") + 1
            for mistake in error.mistakes:
                assert mistake.message.strip()
                assert mistake.place == str(file), mistake
                assert mistake.line is None or 1 <= mistake.line <= lines, mistake


variables = st.sampled_from([name.upper() for name in [*Settings.model_fields, *SETTING_NAMES]])
hostile_values = st.sampled_from([*WORDS, "[1]", '{"a": 1}', '{"a": {"b": "c"}}', "NaN", "9" * 5000, "\udcff"]).filter(
    lambda text: "\0" not in text
)


@_FEWER
@example(given_variables={"PYTHONS": "[" * 5000})
@example(given_variables={"PYTHONS": "no JSON"})
@example(given_variables={"ACCESS__HOSTS": "no JSON"})
@example(given_variables={"STATE_DIR": "~nobody-of-that-name"})
@given(
    given_variables=st.dictionaries(
        st.tuples(variables, st.sampled_from(["", "__", "__X"]) | variables.map("__{}".format)).map("".join),
        hostile_values,
        max_size=3,
    )
)
def test_no_variable_raises_but_what_is_said(given_variables: dict[str, str]) -> None:
    named = {f"ORCHESTRATOR_{name}": value for name, value in given_variables.items()}
    with an_empty_place() as root, mock.patch.dict(os.environ, named):
        del root
        try:
            load(None, {})
        except SettingsError as error:
            for mistake in error.mistakes:
                assert mistake.message.strip()
                assert any(name in f"{mistake.place} {mistake.message}" for name in [*named, "ORCHESTRATOR_…"]), mistake


@pytest.mark.parametrize("content", [JOB_FILE, TRIGGERS_FILE, SETTINGS_FILE])
def test_the_examples_that_are_spoiled_are_not_empty(content: bytes) -> None:
    assert len(content) > 50
