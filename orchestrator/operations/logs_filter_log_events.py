"""FilterLogEvents."""

from collections.abc import Iterator, Sequence
from typing import Final

from orchestrator.model.log_errors import LogParameterError
from orchestrator.model.log_patterns import parse
from orchestrator.model.log_streams import LoggedRun, named_group
from orchestrator.operations.context import Context
from orchestrator.operations.logs_reading import Event, Page, open_log
from orchestrator.operations.logs_selection import Selection, digits_in, named
from orchestrator.store import log_streams
from orchestrator.store.database import Transaction
from orchestrator.wire.logs_paging import MAX_OPEN, Cursor, decode_cursor, encode_cursor
from orchestrator.wire.logs_shapes import FilteredLogEvent, FilterLogEventsRequest, FilterLogEventsResponse

_FEW: Final = 100
_SLICE: Final = 200
_MAX_SLICES: Final = 20
_SPAN: Final = 20_000  # launches that one slice looks at
_END_OF_TIME: Final = 2**62


async def filter_log_events(ctx: Context, request: FilterLogEventsRequest) -> FilterLogEventsResponse:
    """Return lines of the streams of a group, oldest first on each page, a page at a time.

    A page with lines has a token, and it goes on with what is written later, too: who keeps the last token gets each
    line once. A page without lines has one only if the search is not over.

    Raises:
        LogParameterError: parameters contradict each other, or ask for what is not supported.
        LogNotFoundError: no such group or stream.

    Source: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html
    """
    group = named_group(request.log_group_name, request.log_group_identifier)
    if request.log_stream_names is not None and request.log_stream_name_prefix is not None:
        raise LogParameterError("Only one of logStreamNames and logStreamNamePrefix may be given.")
    if request.start_from_head is False:
        raise LogParameterError("startFromHead: false, the newest first, is not supported here.")
    selection = Selection(group=group, names=request.log_stream_names, prefix=request.log_stream_name_prefix or "")
    search = _Search(ctx, request, selection, decode_cursor(request.next_token, selection.scope))
    await search.run()
    cursor = Cursor(search.after_seq, search.open)
    events = sorted(search.page.events, key=lambda event: (event.at_ms, event.run.seq, event.offset))
    goes_on = bool(events) or not search.is_over
    return FilterLogEventsResponse(
        events=[_shape(event) for event in events],
        searched_log_streams=[],  # as CloudWatch Logs answers since 2020
        next_token=encode_cursor(cursor, selection.scope) if goes_on else None,
    )


class _Search:
    """One page's way through the streams, from where the last page's ended."""

    def __init__(self, ctx: Context, request: FilterLogEventsRequest, selection: Selection, cursor: Cursor) -> None:
        self.page = Page(request.limit, parse(request.filter_pattern or ""))
        self.after_seq = cursor.after_seq
        self.open: dict[int, int] = {}
        self.is_over = False
        self._begun = cursor
        self._ctx = ctx
        self._selection = selection
        self._since_ms = request.start_time
        self._before_ms = None if request.end_time is None else request.end_time + 1

    async def run(self) -> None:
        """Fill the page."""
        few = await self._ctx.database.read(self._few)
        if few is None:
            await self._search_all()
        else:
            await self._search_few(few)
        self.is_over = self.is_over and not self.page.is_full

    def _few(self, tx: Transaction) -> list[LoggedRun] | None:
        """Return the runs that are asked for by name, or by a prefix that few have; None if they are not few."""
        if self._selection.names is not None:
            return named(tx, self._selection.group, self._selection.names)
        digits = digits_in(self._selection.prefix)
        if digits is None:
            return []
        runs = log_streams.list_by_name(tx, digits, behind=None, is_descending=False, limit=_FEW + 1) if digits else []
        found = sorted((run.seq, run) for run in runs if self._selection.takes(run))
        return [run for _, run in found] if digits and len(runs) <= _FEW else None

    async def _search_few(self, runs: Sequence[LoggedRun]) -> None:
        begun = self._begun
        for run in runs:
            if run.launch_seq is not None and (run.launch_seq > begun.after_seq or run.seq in begun.open):
                await self._search(run, begun.open.get(run.seq, 0))
        self.after_seq = max([begun.after_seq, *(run.launch_seq or 0 for run in runs)])
        self.is_over = True

    async def _search_all(self) -> None:
        begun = self._begun
        before = await self._ctx.database.read(lambda tx: list(self._runs(tx, begun)))
        for run in before:
            await self._search(run, begun.open[run.seq])
        for _ in range(_MAX_SLICES):
            if self.page.is_full:
                return
            if len(self.open) >= MAX_OPEN:  # younger runs are looked at when some of these have ended
                self.is_over = True
                return
            runs, upto_seq, is_last = await self._ctx.database.read(self._slice)
            for run in runs:
                await self._search(run, 0)
            self.after_seq = upto_seq
            if is_last:
                self.is_over = True
                return

    async def _search(self, run: LoggedRun, offset: int) -> None:
        if self.page.is_full:
            self.open[run.seq] = offset
            return
        reader = await open_log(self._ctx, run, self._selection.group)
        goes_on = await reader.read_forward(offset, self.page, since_ms=self._since_ms, before_ms=self._before_ms)
        if goes_on is not None:
            self.open[run.seq] = goes_on

    def _slice(self, tx: Transaction) -> tuple[list[LoggedRun], int, bool]:
        """Return further runs, the last number that was looked at, and whether there are no more."""
        highest = log_streams.highest_launch(tx)
        upto = min(highest, self.after_seq + _SPAN)
        found = log_streams.list_writing(
            tx,
            after_seq=self.after_seq,
            upto_seq=upto,
            since_ms=self._since_ms or 0,
            until_ms=_END_OF_TIME if self._before_ms is None else self._before_ms,
            limit=_SLICE,
        )
        if len(found) == _SLICE:
            upto = found[-1].launch_seq or upto
        return [run for run in found if self._selection.takes(run)], upto, upto >= highest

    def _runs(self, tx: Transaction, cursor: Cursor) -> Iterator[LoggedRun]:
        for seq in sorted(cursor.open):
            run = log_streams.find_by_seq(tx, seq)
            if run is not None and self._selection.takes(run):
                yield run


def _shape(event: Event) -> FilteredLogEvent:
    return FilteredLogEvent(
        log_stream_name=str(event.run.id),
        timestamp=event.at_ms,
        message=event.message,
        ingestion_time=event.at_ms,
        event_id=f"{event.at_ms:016d}{event.run.seq:020d}{event.offset:020d}",
    )
