"""An address leads into its directory or to its endpoint, and a launch that cannot work is told before it begins."""

import importlib.util
import re
from pathlib import Path

import pytest

from orchestrator.executors.s3 import Fetch, S3Settings, fetch, is_address, is_fetched, place
from orchestrator.model.errors import LaunchError

ENDPOINT = "http://127.0.0.1:9"


@pytest.fixture
def settings(tmp_path: Path) -> S3Settings:
    return S3Settings(directories={"mapped": tmp_path / "mapped"}, endpoint_url=ENDPOINT, region="us-east-1")


def there(path: Path) -> Path:
    """Let there be a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def test_a_mapped_bucket_waits_for_no_network(settings: S3Settings, tmp_path: Path) -> None:
    path = there(tmp_path / "mapped" / "a" / "b.py")
    assert place("S3://mapped/a/b.py", "script", settings, tmp_path / "run").path == path
    assert not is_fetched("s3://mapped/a", settings)
    assert not is_fetched("/srv/a", settings)
    assert is_fetched("s3://other/a", settings)


def test_another_bucket_is_fetched_into_the_runs_directory(settings: S3Settings, tmp_path: Path) -> None:
    found = place("s3://other/a/b.py", "script", settings, tmp_path / "run")
    path = tmp_path / "run" / "s3" / "other" / "a" / "b.py"
    assert (found.path, found.fetch) == (path, Fetch(what="script", bucket="other", key="a/b.py", path=path))


@pytest.mark.parametrize("key", ["../x", "a/../../x", "/x", "a/./x", "a\0b"])
@pytest.mark.parametrize("bucket", ["mapped", "other"])
def test_no_key_leads_out_of_its_directory(settings: S3Settings, tmp_path: Path, bucket: str, key: str) -> None:
    if bucket == "other" and key == "/x":  # below its bucket's name, that is no absolute path
        return
    with pytest.raises(
        LaunchError,
        match=r"leads out of the directory|is not taken: keys may not begin with / nor have \. or \.\. as a part",
    ):
        place(f"s3://{bucket}/{key}", "script", settings, tmp_path / "run")


def test_a_key_that_stays_inside_is_not_said_to_lead_out(settings: S3Settings, tmp_path: Path) -> None:
    for key in ("etl/../x", "etl/./x", "/x"):
        with pytest.raises(LaunchError, match=r"is not taken: keys may not begin with / nor have \. or \.\. as a part"):
            place(f"s3://mapped/{key}", "script", settings, tmp_path)


def test_links_may_lead_elsewhere_within_the_directory_only(settings: S3Settings, tmp_path: Path) -> None:
    directory = tmp_path / "mapped"
    (directory / "v2").mkdir(parents=True)
    (directory / "latest").symlink_to("v2")
    (directory / "out").symlink_to(tmp_path)
    (directory / "round").symlink_to("round")
    there(directory / "v2" / "a.py")
    assert place("s3://mapped/latest/a.py", "script", settings, tmp_path).path == directory / "latest" / "a.py"
    with pytest.raises(LaunchError, match="leads out of the directory"):
        place("s3://mapped/out/a.py", "script", settings, tmp_path)
    with pytest.raises(LaunchError, match=r"Symlink loop|Too many levels of symbolic links"):
        place("s3://mapped/round/a.py", "script", settings, tmp_path)


def test_a_mapped_directory_may_itself_be_a_link(tmp_path: Path) -> None:
    there(tmp_path / "real" / "a.py")
    (tmp_path / "link").symlink_to("real")
    settings = S3Settings(directories={"mapped": tmp_path / "link"})
    assert place("s3://mapped/a.py", "script", settings, tmp_path).path == tmp_path / "link" / "a.py"


def test_what_is_missing_is_named_by_its_address_and_its_path(settings: S3Settings, tmp_path: Path) -> None:
    path = tmp_path / "mapped" / "gone.py"
    with pytest.raises(
        LaunchError, match=rf"^The script s3://mapped/gone\.py cannot be used: {re.escape(str(path))}: no such file$"
    ):
        place("s3://mapped/gone.py", "script", settings, tmp_path)


@pytest.mark.parametrize("scheme", ["s3a", "S3N"])
def test_hadoops_schemes_are_told_how_to_be_written(settings: S3Settings, tmp_path: Path, scheme: str) -> None:
    location = f"{scheme}://mapped/a.py"
    assert is_address(location)
    assert not is_fetched(location, settings)
    with pytest.raises(LaunchError, match="it must be s3://bucket/key"):
        place(location, "script", settings, tmp_path)


def test_the_missing_extra_is_named(settings: S3Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(LaunchError, match=r"can only be fetched with boto3: pip install orchestrator\[s3\]"):
        place("s3://other/a.py", "script", settings, tmp_path)
    there(tmp_path / "mapped" / "a.py")
    place("s3://mapped/a.py", "script", settings, tmp_path)


def test_an_endpoint_that_is_no_address_fails_the_launch(tmp_path: Path) -> None:
    pytest.importorskip("boto3")
    one = Fetch(what="script", bucket="b", key="k", path=tmp_path / "k")
    with pytest.raises(LaunchError, match=r"The script s3://b/k cannot be fetched from nonsense: Invalid endpoint"):
        fetch([one], S3Settings(endpoint_url="nonsense", region="us-east-1"))
    assert not one.path.exists()
