"""DescribeLogGroups."""

from typing import Final

from orchestrator.model.log_errors import LogParameterError
from orchestrator.model.log_streams import GROUPS, LogGroup, name_in
from orchestrator.operations.context import Context
from orchestrator.store import log_streams
from orchestrator.wire import logs_shapes
from orchestrator.wire.logs_arns import group_arn
from orchestrator.wire.logs_shapes import DescribeLogGroupsRequest, DescribeLogGroupsResponse
from orchestrator.wire.paging import decode_token, encode_token

_PAGE_SIZE: Final = 50
_LISTING: Final = "log-groups"
_STANDARD: Final = "STANDARD"


async def describe_log_groups(ctx: Context, request: DescribeLogGroupsRequest) -> DescribeLogGroupsResponse:
    """Return the log groups, by name. There are always four: two kinds of jobs, two streams of each.

    Raises:
        LogParameterError: both a prefix and a pattern are given.
        InvalidInputError: not a token of this listing.

    Source: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_DescribeLogGroups.html
    """
    if request.log_group_name_prefix is not None and request.log_group_name_pattern is not None:
        raise LogParameterError("Only one of logGroupNamePrefix and logGroupNamePattern may be given.")
    behind = decode_token(request.next_token, _LISTING, str) or ""
    found = [group for group in GROUPS.values() if group.name > behind and _is_asked_for(group, request)]
    page = found[: request.limit or _PAGE_SIZE]
    oldest = await ctx.database.read(
        lambda tx: log_streams.list_by_age(tx, from_seq=None, is_newest_first=False, limit=1)
    )
    created_on_ms = oldest[0].started_on_ms if oldest else ctx.now_ms()
    return DescribeLogGroupsResponse(
        log_groups=[_shape(group, created_on_ms) for group in page],
        next_token=encode_token(_LISTING, page[-1].name) if len(page) < len(found) else None,
    )


def _is_asked_for(group: LogGroup, request: DescribeLogGroupsRequest) -> bool:
    names = request.log_group_identifiers
    return (
        group.name.startswith(request.log_group_name_prefix or "")
        and (request.log_group_name_pattern or "") in group.name
        and request.log_group_class in (None, _STANDARD)
        and (names is None or group.name in map(name_in, names))
    )


def _shape(group: LogGroup, created_on_ms: int) -> logs_shapes.LogGroup:
    return logs_shapes.LogGroup(
        log_group_name=group.name,
        creation_time=created_on_ms,
        metric_filter_count=0,
        arn=f"{group_arn(group.name)}:*",
        stored_bytes=0,  # nobody counts them
        log_group_class=_STANDARD,
        log_group_arn=group_arn(group.name),
    )
