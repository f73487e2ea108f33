"""What a run uses is told by its last two samples."""

import pytest

from orchestrator.faces.cli.answers import Sample
from orchestrator.faces.cli.usage import Usage, usage_of


def sample(after_ms: int, cpu_ms: int, rss_bytes: int = 2**20) -> Sample:
    return Sample(after_ms=after_ms, cpu_ms=cpu_ms, rss_bytes=rss_bytes, processes=1)


@pytest.mark.parametrize(
    ("samples", "usage"),
    [
        ([], None),
        ([sample(1000, 500)], Usage(cores=0.5, rss_bytes=2**20)),
        ([sample(1000, 500), sample(3000, 4500, 7)], Usage(cores=2.0, rss_bytes=7)),
        ([sample(1000, 500), sample(3000, 100)], Usage(cores=0.0, rss_bytes=2**20)),
        ([sample(0, 0)], Usage(cores=0.0, rss_bytes=2**20)),
        ([sample(5, 1), sample(5, 2)], Usage(cores=0.0, rss_bytes=2**20)),
    ],
)
def test_the_last_two_samples_say_what_is_used(samples: list[Sample], usage: Usage | None) -> None:
    assert usage_of(samples) == usage


def test_it_is_told_as_people_read_it() -> None:
    assert str(Usage(cores=1.234, rss_bytes=3 * 2**30)) == "CPU 123%  3.0 GiB"
