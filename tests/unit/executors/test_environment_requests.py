"""An environment is known by all that could make another one, and by nothing else."""

import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orchestrator.executors.local.environment_requests import request_of
from orchestrator.executors.modules import EnvironmentSettings, Wanted
from orchestrator.executors.users import User
from orchestrator.model.errors import LaunchError
from tests.support import packages
from tests.support.venvs import Venv

SETTINGS = EnvironmentSettings(installer="pip", path="/usr/bin:/bin")


def wanted(*requirements: str, files: Sequence[Path] = (), **more: Any) -> Wanted:
    given = {"python": sys.executable, "options": (), "are_lists": False, **more}
    return Wanted(requirements=(*requirements, *map(str, files)), files=tuple(files), **given)


def digest(asked: Wanted, user: User | None = None, settings: EnvironmentSettings = SETTINGS) -> str:
    return request_of(asked, user, Path("/state/environments"), settings).digest


def test_the_order_of_requirements_makes_no_other_environment() -> None:
    assert digest(wanted("a==1", "b")) == digest(wanted("b", "a==1"))


def test_each_thing_that_could_make_another_one_does(tmp_path: Path) -> None:
    other = User(name="etl", home="/", uid=os.geteuid() + 1, gid=1, groups=())
    found = [
        digest(wanted("a")),
        digest(wanted("a==1")),
        digest(wanted("a", options=("--pre",))),
        digest(wanted("a", python=str(Venv(tmp_path).root / "bin" / "python"))),
        digest(wanted("a"), other),
        digest(wanted("a"), None, replace(SETTINGS, index_url="http://host/")),
        digest(wanted("a"), None, replace(SETTINGS, extra_index_urls=["http://host/"])),
        digest(wanted("a"), None, replace(SETTINGS, find_links=["http://host/"])),
        digest(wanted("a"), None, replace(SETTINGS, is_offline=True)),
        digest(wanted("a"), None, replace(SETTINGS, variables={"PIP_PRE": "1"})),
    ]
    assert len(set(found)) == len(found)


def test_a_file_is_known_by_its_name_and_content_wherever_it_lies(tmp_path: Path) -> None:
    places = [tmp_path / name for name in ("one", "two")]
    for place in places:
        place.mkdir()
        packages.wheel(place, "low").write_bytes(b"the same")
    first, second = (digest(wanted(files=[place / "low-1.0-py3-none-any.whl"])) for place in places)
    assert first == second
    (places[1] / "low-1.0-py3-none-any.whl").write_bytes(b"another")
    assert digest(wanted(files=[places[1] / "low-1.0-py3-none-any.whl"])) != first


def test_what_is_installed_for_the_interpreter_counts(tmp_path: Path) -> None:
    base = Venv(tmp_path)
    asked = wanted("a", python=str(base.root / "bin" / "python"))
    before = digest(asked)
    (base.packages / "__pycache__").mkdir()
    assert digest(asked) == before
    (base.packages / "low-1.0.dist-info").mkdir()
    assert digest(asked) != before


def test_two_makings_never_share_a_directory() -> None:
    first, second = (request_of(wanted("a"), None, Path("/e"), SETTINGS) for _ in range(2))
    assert first.digest == second.digest
    assert first.name != second.name


def test_an_installer_or_a_file_or_an_interpreter_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(LaunchError, match=r"no uv at /no/uv \(\[environments\] installer\)"):
        digest(wanted("a"), None, replace(SETTINGS, installer="/no/uv"))
    with pytest.raises(LaunchError, match=r"No such file or directory: '/no/x\.whl'"):
        digest(wanted(files=[Path("/no/x.whl")]))
    with pytest.raises(LaunchError, match="the interpreter /no/python cannot be used"):
        digest(wanted("a", python="/no/python"))
    with pytest.raises(LaunchError, match="is a directory"):
        digest(wanted(files=[tmp_path]))


def test_with_uv_what_the_interpreter_has_is_preferred_unless_newer_ones_are_asked_for() -> None:
    uv = replace(SETTINGS, installer=str(packages.uv()))

    def ways(*options: str) -> list[bool]:
        spec = request_of(wanted("a", options=options), None, Path("/e"), uv).spec
        return ["--constraint" in way for way in spec["steps"][1]]

    assert ways() == [True, False]
    assert ways("--upgrade") == [False]
