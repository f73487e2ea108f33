"""What stands after `--` becomes the run's arguments, or is refused before anything starts."""

from collections.abc import Callable

import click
import pytest
from click.testing import Result

from orchestrator.faces.cli.commands.start import paired
from orchestrator.faces.cli.exit_codes import ExitCode
from tests.unit.cli.stand_in import StandIn


@pytest.mark.parametrize(
    ("tokens", "arguments"),
    [
        ((), {}),
        (("--key", "value"), {"--key": "value"}),
        (("--key=value",), {"--key": "value"}),
        (("--key=",), {"--key": ""}),
        (("--flag",), {"--flag": ""}),
        (("--flag", "--key", "value"), {"--flag": "", "--key": "value"}),
        (("--key", "a=b"), {"--key": "a=b"}),
        (("--key=a=b", "--other", "c"), {"--key": "a=b", "--other": "c"}),
        (("--offset", "-5"), {"--offset": "-5"}),
        (("--key", ""), {"--key": ""}),
        (("--key=--value",), {"--key": "--value"}),
    ],
)
def test_pairs_are_read(tokens: tuple[str, ...], arguments: dict[str, str]) -> None:
    assert paired(tokens) == arguments


@pytest.mark.parametrize(
    ("tokens", "told"),
    [
        (("value",), "'value' stands for no argument"),
        (("--key", "value", "more"), "'more' stands for no argument"),
        (("--key=value", "more"), "'more' stands for no argument"),
        (("-k", "value"), "'-k' stands for no argument"),
        (("--key", "1", "--key", "2"), "'--key' is given twice"),
        (("--=value",), "'--=value' has no key"),
        (("--",), "'--' has no key"),
    ],
)
def test_what_is_no_pair_is_refused(tokens: tuple[str, ...], told: str) -> None:
    with pytest.raises(click.UsageError, match=told):
        paired(tokens)


def test_a_stray_value_is_a_usage_error_that_reaches_no_daemon(daemon: StandIn, invoke: Callable[..., Result]) -> None:
    result = invoke("start", "ingest", "--", "stray")

    assert result.exit_code == ExitCode.USAGE
    assert "'stray' stands for no argument" in result.stderr
    assert not daemon.asked


def test_an_argument_before_the_dashes_is_explained(invoke: Callable[..., Result]) -> None:
    result = invoke("start", "ingest", "--months", "2")

    assert result.exit_code == ExitCode.USAGE
    assert "Arguments of the run go after --" in result.stderr
