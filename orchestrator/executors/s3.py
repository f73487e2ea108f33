"""Script and library locations of the form s3://bucket/key: mapped to a directory of this machine, or fetched.

A mapped bucket is a directory whose files are used where they are, and nothing outside of it. The others are fetched
from an S3-compatible endpoint into the run's directory before the launch; a file appears there whole or not at all.
"""

import asyncio
import contextlib
import importlib.util
import os
import posixpath
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import anyio

from orchestrator.model.errors import LaunchError

FETCHED: Final = "s3"
"""Where in the run's directory the fetched files are."""
_ADDRESS: Final = re.compile(r"s3://([^/]*)/?(.*)", re.DOTALL | re.IGNORECASE)
_HADOOPS: Final = re.compile(r"s3[an]://", re.IGNORECASE)
_CONNECT_TIMEOUT_S: Final = 5
_READ_TIMEOUT_S: Final = 20
_ATTEMPTS: Final = 2
_CHUNK_BYTES: Final = 1024 * 1024
_PRIVATE: Final = 0o700  # also executable: a script need not be Python's


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Settings:
    """What the daemon's settings say about buckets."""

    directories: Mapping[str, Path] = field(default_factory=dict)
    endpoint_url: str = ""  # empty: nothing is fetched
    region: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetch:
    """An object that must be there before the run can start."""

    what: str
    bucket: str
    key: str
    path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an address leads: a path of this machine, and the fetch without which it is empty."""

    path: Path
    fetch: Fetch | None = None


def is_address(location: str) -> bool:
    """Say whether the location is an s3:// address, or one that is meant to be."""
    return _ADDRESS.match(location) is not None or _HADOOPS.match(location) is not None


def is_fetched(location: str, settings: S3Settings) -> bool:
    """Say whether a run with this location has to wait for the network."""
    address = _ADDRESS.match(location)
    return address is not None and address[1] not in settings.directories


def place(location: str, what: str, settings: S3Settings, run_directory: Path) -> Place:
    """Return where the address leads.

    Raises:
        LaunchError: it leads nowhere, or out of its directory.
    """
    if _HADOOPS.match(location):
        raise LaunchError(f"The {what} {location} has a scheme of Hadoop's; it must be s3://bucket/key")
    address = _ADDRESS.match(location)
    bucket, key = (address[1], address[2]) if address else ("", "")
    if not bucket or not key:
        raise LaunchError(f"The {what} {location} names no object; it must be s3://bucket/key")
    if bucket in settings.directories:
        return Place(path=_mapped(settings.directories[bucket], key, what, location))
    if not settings.endpoint_url:
        raise LaunchError(
            f'The {what} {location} is not on this machine: no directory is set for its bucket ([s3] "{bucket}"), '
            "and no s3_endpoint_url to fetch it from"
        )
    if importlib.util.find_spec("boto3") is None:
        raise LaunchError(f"The {what} {location} can only be fetched with boto3: pip install orchestrator[s3]")
    if key.endswith("/"):
        raise LaunchError(f"The {what} {location} is a directory; only single objects are fetched")
    path = _within(run_directory / FETCHED, f"{bucket}/{key}", what, location)
    return Place(path=path, fetch=Fetch(what=what, bucket=bucket, key=key, path=path))


def _mapped(directory: Path, key: str, what: str, location: str) -> Path:
    """Return the key's path, where there is something."""
    path = _within(directory, key, what, location)
    try:
        path.stat()
    except FileNotFoundError as error:
        raise LaunchError(f"The {what} {location} cannot be used: {path}: no such file") from error
    except OSError as error:
        raise LaunchError(f"The {what} {location} cannot be used: {error}") from error
    return path


def _within(directory: Path, key: str, what: str, location: str) -> Path:
    """Return the key's path, if neither its parts nor links lead out of the directory."""
    problem = f"The {what} {location} leads out of the directory {directory}"
    if key.startswith("/") or "\0" in key or {"..", "."} & set(key.split("/")):
        if posixpath.normpath(key.lstrip("/")).startswith("../"):
            raise LaunchError(problem)
        raise LaunchError(f"The {what} {location} is not taken: keys may not begin with / nor have . or .. as a part")
    path = directory / key
    try:
        is_inside = path.resolve().is_relative_to(directory.resolve())
    except (OSError, RuntimeError) as error:  # a name that is too long, or links in a circle
        raise LaunchError(f"The {what} {location} cannot be looked up: {error}") from error
    if not is_inside:
        raise LaunchError(problem)
    return path


def fetch(fetches: Sequence[Fetch], settings: S3Settings) -> None:
    """Put the objects in their places. Safe to repeat: what a daemon that died had fetched is fetched again.

    Raises:
        LaunchError: an object is not there, not ours to read, or nobody answers.
        OSError: the disk does not take it.
    """
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - as below

    one = fetches[0]
    try:
        client = _client(settings.endpoint_url, settings.region)
        for one in fetches:
            _fetch(one, client)
    except (BotoCoreError, ClientError, ValueError) as error:  # ValueError: an endpoint that is no address
        _client.cache_clear()  # the next one shall look for credentials again
        sentence = f"The {one.what} s3://{one.bucket}/{one.key} cannot be fetched from {settings.endpoint_url}: {error}"
        raise LaunchError(sentence) from error


async def fetch_apart(work: Callable[[], None]) -> None:
    """Do `work`, which fetches, in a thread that nobody has to wait for: not a caller who is cancelled, not the daemon's end."""
    loop, done = asyncio.get_running_loop(), anyio.Event()
    problems: list[Exception] = []

    def run() -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001 - raised again below, where somebody waits
            problems.append(error)
        with contextlib.suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(done.set)

    threading.Thread(target=run, name="fetch", daemon=True).start()
    await done.wait()
    if problems:
        raise problems[0]


@lru_cache(maxsize=1)
def _client(endpoint_url: str, region: str) -> Any:
    """Return a client, which threads may share; making one takes a good part of a second."""
    import boto3.session  # noqa: PLC0415 - an optional extra, and slow to import
    from botocore.config import Config  # noqa: PLC0415

    config = Config(
        connect_timeout=_CONNECT_TIMEOUT_S,
        read_timeout=_READ_TIMEOUT_S,
        retries={"total_max_attempts": _ATTEMPTS, "mode": "standard"},
        s3={"addressing_style": "path"},  # a bucket is rarely a host name of a local endpoint
    )
    session = boto3.session.Session()
    return session.client("s3", endpoint_url=endpoint_url, region_name=session.region_name or region, config=config)


def _fetch(one: Fetch, client: Any) -> None:
    one.path.parent.mkdir(mode=_PRIVATE, parents=True, exist_ok=True)
    beside = one.path.parent / f".fetching.{os.getpid()}.{threading.get_ident()}"  # an abandoned fetch may go on
    body = client.get_object(Bucket=one.bucket, Key=one.key)["Body"]
    try:
        with beside.open("wb") as file:
            for chunk in body.iter_chunks(_CHUNK_BYTES):
                file.write(chunk)
        beside.chmod(_PRIVATE)
        beside.rename(one.path)
    finally:
        beside.unlink(missing_ok=True)
        body.close()
