"""boto3 clients on a private daemon, whatever the environment says of other accounts, profiles and proxies."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, Final

MISSING: Final = "boto3 is not installed, which clients on the private daemon need: pip install 'orchestrator[testing]'"
_FOREIGN: Final = "AWS_"
_ANY: Final = "test"  # of credentials, any will do


def make_client(service_name: str, endpoint_url: str, region: str) -> Any:
    """Return a client that talks to `endpoint_url` and to nobody else.

    Raises:
        ModuleNotFoundError: boto3 is not installed; the sentence says what to install.
    """
    with _without_aws_variables():
        session = _session(region)
        from botocore.config import Config  # noqa: PLC0415 - after the session, which says it if boto3 is missing

        return session.client(service_name, endpoint_url=endpoint_url, config=Config(proxies={}))


@cache
def _session(region: str) -> Any:
    """Return the one of a region: it reads Glue's model from disk once, which takes longer than all else that a client needs."""
    try:
        import boto3  # noqa: PLC0415 - takes half a second, in tests that ask for a client only
    except ModuleNotFoundError as error:
        if error.name not in ("boto3", "botocore"):
            raise
        raise ModuleNotFoundError(MISSING, name=error.name) from None
    return boto3.session.Session(aws_access_key_id=_ANY, aws_secret_access_key=_ANY, region_name=region)


@contextmanager
def _without_aws_variables() -> Iterator[None]:
    """Hide what would name a profile that does not exist, or a file that cannot be read."""
    hidden = {name: value for name, value in os.environ.items() if name.startswith(_FOREIGN)}
    for name in hidden:
        del os.environ[name]
    os.environ["AWS_CONFIG_FILE"] = os.environ["AWS_SHARED_CREDENTIALS_FILE"] = os.devnull
    try:
        yield
    finally:
        del os.environ["AWS_CONFIG_FILE"], os.environ["AWS_SHARED_CREDENTIALS_FILE"]
        os.environ.update(hidden)
