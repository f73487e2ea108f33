"""DescribeLogStreams."""

from typing import Final

from orchestrator.model.ids import parse_job_run_id
from orchestrator.model.log_errors import LogParameterError
from orchestrator.model.log_streams import LoggedRun, LogGroup, named_group
from orchestrator.operations.context import Context
from orchestrator.operations.logs_reading import open_log
from orchestrator.operations.logs_selection import Selection, digits_in
from orchestrator.store import log_streams
from orchestrator.store.database import Transaction
from orchestrator.wire.logs_arns import stream_arn
from orchestrator.wire.logs_shapes import DescribeLogStreamsRequest, DescribeLogStreamsResponse, LogStream
from orchestrator.wire.paging import decode_token, encode_token

_PAGE_SIZE: Final = 50
_SLICE: Final = 500
_MAX_SLICES: Final = 20
_LISTING: Final = "log-streams"


async def describe_log_streams(ctx: Context, request: DescribeLogStreamsRequest) -> DescribeLogStreamsResponse:
    """Return the streams of a group: the runs that were launched, by id or by age.

    LastEventTime orders by the time at which the runs were accepted, which no later output changes. A page may be
    empty and still have a token, where other groups have many runs.

    Raises:
        LogParameterError: parameters contradict each other.
        LogNotFoundError: no such group.
        InvalidInputError: not a token of this listing.

    Source: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_DescribeLogStreams.html
    """
    group = named_group(request.log_group_name, request.log_group_identifier)
    is_by_age = request.order_by == "LastEventTime"
    if is_by_age and request.log_stream_name_prefix is not None:
        raise LogParameterError("Cannot order by LastEventTime with a logStreamNamePrefix.")
    listing = _Listing(
        Selection(group=group, names=None, prefix=request.log_stream_name_prefix or ""),
        is_by_age=is_by_age,
        is_descending=bool(request.descending),
        limit=request.limit or _PAGE_SIZE,
    )
    behind = listing.place(request.next_token)
    runs, last = await ctx.database.read(lambda tx: listing.page(tx, behind))
    return DescribeLogStreamsResponse(
        log_streams=[await _shape(ctx, run, group) for run in runs],
        next_token=None if last is None else encode_token(_LISTING, last, listing.scope),
    )


class _Listing:
    """One way to list the streams of a group."""

    def __init__(self, selection: Selection, *, is_by_age: bool, is_descending: bool, limit: int) -> None:
        self.scope = f"{selection.scope}\n{is_by_age} {is_descending}"
        self._selection = selection
        self._digits = digits_in(selection.prefix)
        self._is_by_age = is_by_age
        self._is_descending = is_descending
        self._limit = limit

    def place(self, token: str | None) -> int | str | None:
        """Return the key to go on from that is in `token`."""
        if self._is_by_age:
            return decode_token(token, _LISTING, int, self.scope)
        return decode_token(token, _LISTING, str, self.scope)

    def page(self, tx: Transaction, behind: int | str | None) -> tuple[list[LoggedRun], int | str | None]:
        """Return the next runs, and the key to go on from; None if there is nothing more."""
        found: list[LoggedRun] = []
        size = min(self._limit + 1, _SLICE)  # often enough: most streams are of the group that is asked for
        for _ in range(_MAX_SLICES):
            runs = self._slice(tx, behind, size)
            for run in runs:
                if len(found) == self._limit:
                    return found, behind
                behind = run.seq if self._is_by_age else str(run.id)
                if run.launched_on_ms is not None and self._selection.takes(run):
                    found.append(run)
            if len(runs) < size:
                return found, None
            size = _SLICE
        return found, behind

    def _slice(self, tx: Transaction, behind: int | str | None, size: int) -> list[LoggedRun]:
        if isinstance(behind, int) or (behind is None and self._is_by_age):
            return log_streams.list_by_age(tx, from_seq=behind, is_newest_first=self._is_descending, limit=size)
        if self._digits is None:
            return []
        run_id = None if behind is None else parse_job_run_id(behind)
        return log_streams.list_by_name(tx, self._digits, behind=run_id, is_descending=self._is_descending, limit=size)


async def _shape(ctx: Context, run: LoggedRun, group: LogGroup) -> LogStream:
    log = await open_log(ctx, run, group)
    first, last = (log.times.at(0), log.times.at(log.size)) if log.size else (None, None)
    return LogStream(
        log_stream_name=str(run.id),
        creation_time=run.started_on_ms,
        first_event_timestamp=first,
        last_event_timestamp=last,
        last_ingestion_time=last,
        arn=stream_arn(group.name, str(run.id)),
        stored_bytes=0,  # as CloudWatch Logs answers since 2019
    )
