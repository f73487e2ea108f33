"""The ARNs of log groups and streams, which nothing here depends on: one region and one account, as in the samples."""

from typing import Final

ACCOUNT: Final = "123456789012"
_REGION: Final = "us-east-1"


def group_arn(group: str) -> str:
    """Return the ARN of a log group."""
    return f"arn:aws:logs:{_REGION}:{ACCOUNT}:log-group:{group}"


def stream_arn(group: str, stream: str) -> str:
    """Return the ARN of a log stream."""
    return f"{group_arn(group)}:log-stream:{stream}"
