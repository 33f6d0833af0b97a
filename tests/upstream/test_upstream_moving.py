"""An upstream that is asked for its address each time."""

from __future__ import annotations

from peer import ASK, always_ok, serve

from tollhouse.domain.exchange import Deadlines
from tollhouse.upstream.moving import MovingUpstream

DEADLINES = Deadlines(connect_s=5, first_byte_s=5, between_s=5, whole_s=20)


async def test_it_is_called_where_it_is_and_its_connection_kept_as_long_as_it_stays() -> None:
    async with serve(always_ok) as first, serve(always_ok) as second:
        places = [first.url, first.url, second.url, second.url, first.url]
        upstream = MovingUpstream(lambda: places.pop(0), DEADLINES, 1)

        for _ in range(5):
            async with upstream.send(ASK) as answer:
                assert await answer.read() == b"hello"

        assert (first.visits, second.visits) == (2, 1)
        await upstream.aclose()


async def test_closing_it_ends_its_connections() -> None:
    async with serve(always_ok) as peer:
        upstream = MovingUpstream(lambda: peer.url, DEADLINES, 1)
        async with upstream.send(ASK) as answer:
            await answer.read()
        inner = upstream._upstream

        await upstream.aclose()

        assert inner is not None
        assert inner.pool._slots == 0


async def test_what_was_never_called_is_closed_without_ado() -> None:
    await MovingUpstream(lambda: "", DEADLINES, 1).aclose()
