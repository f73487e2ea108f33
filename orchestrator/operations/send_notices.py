"""Notices: each outlet is told of the events that it wants, in their order, at least once, at its own pace.

An event counts as taken when the outlet's place behind it is on disk. A daemon that dies between the two sends the same
notice again, with the same id. One task per outlet, so none waits for another, and no run waits for any.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, Protocol

import anyio
import structlog
from anyio import TASK_STATUS_IGNORED
from anyio.abc import TaskStatus

from orchestrator.model import notices as rules
from orchestrator.model.errors import NoticeError, NoticeRefusedError, OutletGoneError, StoreFullError
from orchestrator.model.notices import Portion, Progress, Wanted
from orchestrator.model.records import Event
from orchestrator.model.redaction import Redaction
from orchestrator.operations.context import Context
from orchestrator.store import outlets as store
from orchestrator.wire.events import event_shape

log = structlog.stdlib.get_logger()
_PAGE: Final = 200
_LONGEST_SLEEP_S: Final = 30.0  # a clock that is set is noticed then
_FULL_PAUSE_S: Final = 1.0
_MS_PER_S: Final = 1000


@dataclass(frozen=True, slots=True)
class Notice:
    """What an outlet is told: an event in EventBridge's shape."""

    id: str  # the same each time that it is sent
    body: bytes  # JSON in one line of ASCII


class Outlet(Protocol):
    """Where notices go."""

    @property
    def name(self) -> str:
        """Its name in the settings."""

    @property
    def wanted(self) -> Wanted:
        """What it is told of."""

    @property
    def most(self) -> int:
        """How many notices it takes at once."""

    async def send(self, notices: Sequence[Notice], *, at_ms: int) -> None:
        """Return when they are taken; now is `at_ms`.

        Raises:
            NoticeError: they are not, or it is not known.
            OutletGoneError: it will not take any more.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """How events are told, and what decides by chance when they are told again."""

    region: str
    redaction: Redaction
    chance: Callable[[], float]  # between 0 and 1


async def send_notices(
    ctx: Context, outlets: Sequence[Outlet], telling: Telling, *, task_status: TaskStatus[None] = TASK_STATUS_IGNORED
) -> None:
    """Send to all outlets what is to be sent, until cancelled. Started when what happens from now on is theirs.

    What is in the settings no more is forgotten.
    """
    names = {outlet.name for outlet in outlets}
    is_told = False
    while True:
        try:
            if not await ctx.database.read(partial(store.are_known, names=names)):
                await ctx.database.write("begin_outlets", partial(store.know, names=names), is_patient=True)
            break
        except StoreFullError as error:
            log.warning("outlets_not_begun", problem=str(error))
            if not is_told:  # a daemon starts without room, too
                task_status.started()
            is_told = True
            await anyio.sleep(_FULL_PAUSE_S)
    async with anyio.create_task_group() as tasks:
        for outlet in outlets:
            tasks.start_soon(_serve, ctx, outlet, telling)
        if not is_told:
            task_status.started()


async def _serve(ctx: Context, outlet: Outlet, telling: Telling) -> None:
    """Send to one outlet until it is gone."""
    spared = 0  # the last event that was looked at and not wanted; by itself not worth a commit
    while True:
        rung = ctx.supervisor.ended.listen()
        look = partial(store.look, name=outlet.name, after_seq=spared, limit=_PAGE)
        progress, page = await ctx.database.read(look)
        wait_ms = rules.wait_ms(progress, ctx.now_ms())
        if not page:
            await rung.wait()
        elif wait_ms:
            await anyio.sleep(min(wait_ms / _MS_PER_S, _LONGEST_SLEEP_S))
        else:
            try:
                spared = await _send_page(ctx, outlet, telling, progress, page)
            except OutletGoneError as error:
                log.error("outlet_gone", outlet=outlet.name, problem=str(error), until="the daemon starts again")  # noqa: TRY400
                return


async def _send_page(ctx: Context, outlet: Outlet, telling: Telling, progress: Progress, page: Sequence[Event]) -> int:
    """Send what is wanted of a page until something is to be waited for; return the last event that was dealt with."""
    left = page
    while left:
        portion = rules.next_portion(left, outlet.wanted, most=outlet.most)
        if portion.events:
            then = await _send(outlet, telling, progress, portion, ctx.now_ms)
        elif len(page) == _PAGE:  # on a long way, it should be known where it is
            then = replace(progress, place=portion.place)
        else:
            return portion.place
        await _move(ctx, outlet, progress, then)
        if then.due_ms is not None:
            return then.place
        progress = then
        left = [event for event in left if event.seq > then.place]
    return progress.place


async def _send(
    outlet: Outlet, telling: Telling, progress: Progress, portion: Portion, now_ms: Callable[[], int]
) -> Progress:
    """Send once; return how it goes on."""
    try:
        await outlet.send([_notice(event, telling) for event in portion.events], at_ms=now_ms())
    except OutletGoneError:
        raise
    except NoticeError as error:
        problem, is_refused = str(error), isinstance(error, NoticeRefusedError)
    except Exception as error:
        log.exception("notice_trouble", outlet=outlet.name)  # ours; but one outlet's trouble ends no daemon
        problem, is_refused = repr(error), False
    else:
        if progress.tries:
            log.info("notices_go_on", outlet=outlet.name, failed_tries=progress.tries)
        return Progress(place=portion.place)
    first = portion.events[0]
    then = rules.after_failure(progress, first, now_ms=now_ms(), chance=telling.chance(), is_refused=is_refused)
    run = first.run
    if then.due_ms is None:
        told = {"job": run.job_name, "run_id": str(run.id), "state": str(first.state), "kind": str(first.kind)}
        log.error("notice_given_up", outlet=outlet.name, tries=progress.tries + 1, problem=problem, **told)
    else:
        retry_in_s = (then.due_ms - now_ms()) / _MS_PER_S
        log.warning("notice_not_taken", outlet=outlet.name, tries=then.tries, problem=problem, retry_in_s=retry_in_s)
    return then


async def _move(ctx: Context, outlet: Outlet, progress: Progress, then: Progress) -> None:
    """Record it, however long that takes: an outlet that took something shall not get it again for want of room."""
    move = partial(store.move, name=outlet.name, progress=then, old_place=progress.place)
    while True:
        try:
            return await ctx.database.write("move_outlet", move, is_patient=True, is_short=True)
        except StoreFullError as error:
            log.warning("outlet_not_moved", outlet=outlet.name, problem=str(error))
            await anyio.sleep(_FULL_PAUSE_S)


def _notice(event: Event, telling: Telling) -> Notice:
    shape = event_shape(event, telling.region)
    shape["detail"]["message"] = telling.redaction.text(shape["detail"]["message"])
    return Notice(shape["id"], json.dumps(shape, separators=(",", ":")).encode("ascii"))
