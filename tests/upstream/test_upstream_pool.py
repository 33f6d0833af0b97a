from __future__ import annotations

import asyncio
import time

import pytest
from peer import ASK, OK, Visit, always_ok, answer_of, eventually, reaching, serve

from tollhouse.domain.errors import (
    UpstreamBroke,
    UpstreamBusy,
    UpstreamTimeout,
    UpstreamUnreachable,
)
from tollhouse.domain.exchange import Deadlines
from tollhouse.upstream.connection import STALE_S
from tollhouse.upstream.pool import Pool
from tollhouse.upstream.way import way_to


async def test_a_connection_is_used_again() -> None:
    async with serve(always_ok) as peer, reaching(peer.url) as upstream:
        for _ in range(20):
            assert await answer_of(upstream) == (200, b"hello")

    assert peer.visits == 1


async def test_the_connection_used_last_goes_first() -> None:
    served = []

    async def script(visit: Visit) -> None:
        while True:
            await visit.request()
            served.append(visit.number)
            await visit.send(OK)

    async with serve(script) as peer, reaching(peer.url) as upstream:
        async with upstream.send(ASK), upstream.send(ASK):
            pass
        served.clear()
        for _ in range(3):
            await answer_of(upstream)

    assert served == [1, 1, 1]


@pytest.mark.parametrize(
    "whole",
    [
        b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 5\r\n\r\nhello",
        b"HTTP/1.0 200 OK\r\ncontent-length: 5\r\n\r\nhello",
        OK + b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nforged"[:-1],
    ],
    ids=["close", "http 1.0", "bytes behind the end"],
)
async def test_a_connection_not_to_be_trusted_is_not_used_again(whole: bytes) -> None:
    async def script(visit: Visit) -> None:
        while True:
            await visit.request()
            await visit.send(whole)

    async with serve(script) as peer, reaching(peer.url) as upstream:
        for _ in range(3):
            assert await answer_of(upstream) == (200, b"hello")

    assert peer.visits == 3


async def test_bytes_that_nobody_asked_for_end_an_idle_connection() -> None:
    forge = asyncio.Event()

    async def script(visit: Visit) -> None:
        await visit.request()
        await visit.send(OK)
        await forge.wait()
        await visit.send(OK.replace(b"hello", b"wrong"))
        await always_ok(visit)

    async with serve(script) as peer, reaching(peer.url) as upstream:
        await answer_of(upstream)
        forge.set()
        await eventually(lambda: upstream.pool._slots == 0)

        assert await answer_of(upstream) == (200, b"hello")

    assert peer.visits == 2


async def test_an_upstream_that_closes_an_idle_connection_is_noticed_at_once() -> None:
    async def script(visit: Visit) -> None:
        await visit.request()
        await visit.send(OK)

    async with serve(script) as peer, reaching(peer.url) as upstream:
        await answer_of(upstream)

        await eventually(lambda: upstream.pool._slots == 0)


@pytest.mark.parametrize("end", ["close", "reset"])
async def test_a_stale_connection_is_replaced_once(end: str) -> None:
    async def script(visit: Visit) -> None:
        await visit.request()
        await visit.send(OK)
        if visit.number == 1:
            await _take_and_drop(visit, end)
        await always_ok(visit)

    async with serve(script) as peer, reaching(peer.url) as upstream:
        await answer_of(upstream)

        assert await answer_of(upstream) == (200, b"hello")
        assert upstream.pool._slots == 1

    assert peer.visits == 2


@pytest.mark.req("P-28")
async def test_a_fresh_connection_that_dies_is_not_tried_again() -> None:
    async def script(visit: Visit) -> None:
        await visit.request()

    async with serve(script) as peer, reaching(peer.url) as upstream:
        with pytest.raises(UpstreamBroke):
            await upstream.send(ASK).__aenter__()
        assert upstream.pool._slots == 0

    assert peer.visits == 1


@pytest.mark.req("P-33")
async def test_who_cannot_be_reached_takes_no_place() -> None:
    async with serve(always_ok) as peer, reaching(peer.url, max_connections=2) as upstream:
        peer.stop_listening()

        for _ in range(3):
            with pytest.raises(UpstreamUnreachable) as problem:
                await answer_of(upstream)

            assert not isinstance(problem.value, UpstreamBusy)
        assert upstream.pool._slots == 0


@pytest.mark.req("P-28")
async def test_a_request_is_written_twice_at_most() -> None:
    async def script(visit: Visit) -> None:
        await visit.request()
        if visit.number == 1:
            await visit.send(OK)
            await visit.request()

    async with serve(script) as peer, reaching(peer.url) as upstream:
        await answer_of(upstream)
        with pytest.raises(UpstreamBroke):
            await answer_of(upstream)
        assert upstream.pool._slots == 0

    assert peer.visits == 2


@pytest.mark.req("P-28")
async def test_a_kept_connection_that_dies_in_the_answer_is_not_tried_again() -> None:
    async def script(visit: Visit) -> None:
        await visit.request()
        await visit.send(OK)
        await visit.request()
        await visit.send(b"H")

    async with serve(script) as peer, reaching(peer.url) as upstream:
        await answer_of(upstream)
        with pytest.raises(UpstreamBroke):
            await answer_of(upstream)

    assert peer.visits == 1


@pytest.mark.req("P-28")
async def test_a_kept_connection_that_dies_late_had_taken_the_request() -> None:
    async def script(visit: Visit) -> None:
        await visit.request()
        await visit.send(OK)
        await visit.request()
        ends_at = time.monotonic() + STALE_S + 0.05
        await eventually(lambda: time.monotonic() > ends_at)

    async with serve(script) as peer, reaching(peer.url) as upstream:
        await answer_of(upstream)
        with pytest.raises(UpstreamBroke):
            await answer_of(upstream)

    assert peer.visits == 1


@pytest.mark.req("P-28")
async def test_a_kept_connection_that_is_silent_is_not_tried_again() -> None:
    async def script(visit: Visit) -> None:
        await visit.request()
        await visit.send(OK)
        await visit.request()
        await visit.hang_up_seen()

    async with serve(script) as peer, reaching(peer.url, Deadlines(first_byte_s=0.05)) as upstream:
        await answer_of(upstream)
        with pytest.raises(UpstreamTimeout):
            await answer_of(upstream)

    assert peer.visits == 1


async def test_unreachable_after_something_was_written_is_broken_instead() -> None:
    async def script(visit: Visit) -> None:
        await visit.request()
        await visit.send(OK)
        await visit.request()

    async with serve(script) as peer, reaching(peer.url) as upstream:
        await answer_of(upstream)
        peer.stop_listening()

        with pytest.raises(UpstreamBroke) as problem:
            await answer_of(upstream)

    assert "died" in (problem.value.private or "")


async def test_connections_are_bounded_and_waiters_served_in_order() -> None:
    order: list[str] = []

    async with serve(always_ok) as peer, reaching(peer.url, max_connections=1) as upstream:

        async def call(name: str) -> None:
            async with upstream.send(ASK):
                order.append(name)

        async with asyncio.TaskGroup() as group:
            async with upstream.send(ASK):
                for name in "abcdef":
                    group.create_task(call(name))
                await eventually(lambda: len(upstream.pool._waiting) == 6)
            group.create_task(call("late"))

    assert order == [*"abcdef", "late"]
    assert peer.visits == 1


async def test_a_slot_goes_on_when_its_connection_dies() -> None:
    async def script(visit: Visit) -> None:
        await visit.request()
        await visit.send(OK.replace(b"OK", b"OK\r\nconnection: close"))

    async with serve(script) as peer, reaching(peer.url, max_connections=2) as upstream:
        answers = await asyncio.gather(*(answer_of(upstream) for _ in range(9)))
        assert upstream.pool._slots == 0

    assert answers == [(200, b"hello")] * 9
    assert peer.visits == 9


@pytest.mark.req("S-69")
async def test_waiting_for_a_connection_ends_with_the_connect_deadline() -> None:
    async with (
        serve(always_ok) as peer,
        reaching(peer.url, Deadlines(connect_s=0.05), max_connections=1) as upstream,
    ):
        async with upstream.send(ASK):
            with pytest.raises(UpstreamBusy) as problem:
                await answer_of(upstream)
            assert not upstream.pool._waiting
        assert await answer_of(upstream) == (200, b"hello")

    assert problem.value.status == 503
    assert "connect_s" in (problem.value.private or "")


@pytest.mark.req("S-69", "OL-12")
async def test_who_finds_too_many_waiting_is_sent_away_at_once() -> None:
    async with serve(always_ok) as peer, reaching(peer.url, max_connections=1) as upstream:
        upstream.pool = Pool(way_to(peer.url), Deadlines(), max_connections=1, max_waiting=2)
        async with upstream.send(ASK):
            waiting = [asyncio.create_task(answer_of(upstream)) for _ in range(2)]
            await eventually(lambda: len(upstream.pool._waiting) == 2)
            with pytest.raises(UpstreamBusy):
                await asyncio.wait_for(answer_of(upstream), 4)

        assert await asyncio.gather(*waiting) == [(200, b"hello")] * 2
        upstream.pool.close()


@pytest.mark.req("OL-42")
async def test_an_idle_connection_is_kept_as_long_as_was_set() -> None:
    async with serve(always_ok) as peer, reaching(peer.url, keep_alive_s=0.05) as upstream:
        await answer_of(upstream)
        assert upstream.pool._slots == 1

        await eventually(lambda: upstream.pool._slots == 0)


async def test_a_waiter_that_leaves_in_the_moment_of_its_turn_passes_it_on() -> None:
    async with serve(always_ok) as peer, reaching(peer.url, max_connections=1) as upstream:
        async with upstream.send(ASK):
            first = asyncio.create_task(answer_of(upstream))
            second = asyncio.create_task(answer_of(upstream))
            await eventually(lambda: len(upstream.pool._waiting) == 2)
        first.cancel()  # its turn has come, but it has not run yet

        assert await second == (200, b"hello")
        await asyncio.wait([first])
        assert first.cancelled()
        assert upstream.pool._slots == 1

    assert peer.visits == 1


@pytest.mark.req("S-69", "P-33")
async def test_whose_time_is_up_in_the_moment_of_its_turn_is_told_so_and_takes_no_slot() -> None:
    async with serve(always_ok) as peer:
        pool = Pool(way_to(peer.url), Deadlines(connect_s=5), max_connections=1)
        connection = await pool.get()
        waiter = asyncio.create_task(pool._slot(0.0))
        await asyncio.sleep(0)  # it waits, and its time ends in the next round of the loop

        asyncio.get_running_loop().call_soon(pool.keep, connection)  # in that same round
        with pytest.raises(UpstreamBusy):
            await waiter

        assert pool.take() is connection
        pool.keep(connection)
        pool.close()


@pytest.mark.req("P-33")
async def test_a_waiter_that_has_just_left_is_passed_over() -> None:
    async with serve(always_ok) as peer, reaching(peer.url, max_connections=1) as upstream:
        async with upstream.send(ASK) as answer:
            first = asyncio.create_task(answer_of(upstream))
            second = asyncio.create_task(answer_of(upstream))
            await eventually(lambda: len(upstream.pool._waiting) == 2)
            assert await answer.read() == b"hello"
            first.cancel()  # it has not run yet, and stands in the queue

        assert await second == (200, b"hello")
        assert upstream.pool._slots == 1


@pytest.mark.req("P-33")
@pytest.mark.parametrize("handed", ["a connection that has died", "a slot"])
async def test_what_is_handed_to_a_waiter_that_leaves_is_lost_to_nobody(handed: str) -> None:
    async def script(visit: Visit) -> None:
        await visit.request()
        await visit.send(OK if "died" in handed else OK.replace(b"OK", b"OK\r\nconnection: close"))
        await visit.hang_up_seen()

    async with serve(script) as peer, reaching(peer.url, max_connections=1) as upstream:
        async with upstream.send(ASK) as answer:
            connection = answer._connection
            waiter = asyncio.create_task(answer_of(upstream))
            await eventually(lambda: len(upstream.pool._waiting) == 1)
        connection.abort()
        waiter.cancel()  # its turn has come, but it has not run yet
        await asyncio.wait([waiter])

        assert upstream.pool._slots == 0
        assert upstream.pool.take() is None


async def test_a_connection_that_dies_on_its_way_to_a_waiter_is_replaced() -> None:
    async with serve(always_ok) as peer, reaching(peer.url, max_connections=1) as upstream:
        async with upstream.send(ASK) as answer:
            connection = answer._connection
            waiter = asyncio.create_task(answer_of(upstream))
            await eventually(lambda: len(upstream.pool._waiting) == 1)
        connection.abort()
        connection.connection_lost(None)

        assert await waiter == (200, b"hello")
        assert upstream.pool._slots == 1

    assert peer.visits == 2


async def test_no_slot_is_lost_whenever_a_call_is_cancelled() -> None:
    async with serve(always_ok) as peer, reaching(peer.url, max_connections=3) as upstream:
        for rounds in range(40):
            tasks = [asyncio.create_task(answer_of(upstream)) for _ in range(8)]
            for _ in range(rounds):
                await asyncio.sleep(0)
            for task in tasks[::2]:
                task.cancel()
            await asyncio.wait(tasks)

        pool = upstream.pool
        await eventually(lambda: pool._slots == len(pool._idle))
        assert not pool._waiting


async def test_closing_ends_what_is_idle_now_and_the_rest_when_it_is_left() -> None:
    ended = 0

    async def script(visit: Visit) -> None:
        nonlocal ended
        await visit.request()
        await visit.send(OK)
        await visit.hang_up_seen()
        ended += 1

    async with serve(script) as peer, reaching(peer.url) as upstream:
        async with upstream.send(ASK) as answer:
            await answer_of(upstream)
            await upstream.aclose()
            assert upstream.pool._slots == 1
            assert await answer.read() == b"hello"

        assert upstream.pool._slots == 0
        await eventually(lambda: ended == 2)


async def test_an_answer_that_overtakes_its_request_costs_the_connection() -> None:
    async def script(visit: Visit) -> None:
        await visit.send(OK)
        await visit.hang_up_seen()

    large = ASK.__class__(b"POST", b"/", (), b"x" * 30_000_000)
    async with serve(script) as peer, reaching(peer.url) as upstream:
        async with upstream.send(large) as answer:
            assert answer.status == 200

        assert upstream.pool._slots == 0


async def _take_and_drop(visit: Visit, end: str) -> None:
    await visit.request()
    if end == "reset":
        visit.reset()
    else:
        visit.writer.close()
    raise ConnectionResetError
