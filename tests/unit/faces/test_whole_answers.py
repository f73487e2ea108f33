"""An answer is sent in one piece, and one that nobody reads is not kept for ever."""

import asyncio
from typing import cast

import anyio
import pytest

from orchestrator.faces.protocol import WholeAnswers


class Transport:
    """Takes what is written, and keeps what nobody reads."""

    def __init__(self, *, unread_bytes: int = 0) -> None:
        self.written: list[bytes] = []
        self.is_closed = False
        self.aborted = asyncio.Event()
        self._unread_bytes = unread_bytes

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def close(self) -> None:
        self.is_closed = True

    def abort(self) -> None:
        self.aborted.set()

    def get_write_buffer_size(self) -> int:
        return self._unread_bytes


def whole(transport: Transport) -> WholeAnswers:
    loop = asyncio.get_running_loop()
    return WholeAnswers(cast("asyncio.Transport", transport), loop, close_within_s=0.01)


async def test_what_one_step_writes_goes_out_in_one_piece() -> None:
    transport = Transport()
    answers = whole(transport)

    answers.write(b"head")
    answers.write(b"body")
    assert transport.written == []
    await asyncio.sleep(0)

    assert transport.written == [b"headbody"]


@pytest.mark.parametrize(("unread_bytes", "is_aborted"), [(0, False), (1, True)])
async def test_a_closed_connection_whose_rest_is_not_read_is_aborted(unread_bytes: int, *, is_aborted: bool) -> None:
    transport = Transport(unread_bytes=unread_bytes)
    answers = whole(transport)

    answers.write(b"answer")
    answers.close()
    with anyio.move_on_after(5 if is_aborted else 0.05):
        await transport.aborted.wait()

    assert (transport.written, transport.is_closed) == ([b"answer"], True)
    assert transport.aborted.is_set() == is_aborted
