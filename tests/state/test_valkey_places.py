"""Places that Valkey keeps for calls: while they are held, no longer, and for nobody who has none."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator

import pytest
from valkey import Valkey

from limits_given import PLACES, taking
from servers import ValkeyServer, valkey_server
from tollhouse.domain.errors import LimiterUnavailable
from tollhouse.domain.rates import Measure
from tollhouse.state.script import GIVE_BACK
from tollhouse.state.valkey import MAX_TOGETHER, MAX_WAITING, Errand, ValkeyLimiter

PLACE = (taking(1, PLACES),)
TWO = (taking(2, PLACES),)

pytestmark = pytest.mark.req("P-31")


@pytest.fixture(scope="module")
def server() -> Iterator[ValkeyServer]:
    with valkey_server() as it:
        yield it


@pytest.fixture
async def limiter(server: ValkeyServer) -> AsyncIterator[ValkeyLimiter]:
    server.resume()
    with Valkey.from_url(server.url) as client:
        client.flushdb()
    limiter = ValkeyLimiter(server.url, deadline_s=20)
    yield limiter
    server.resume()
    await limiter.aclose()


async def test_who_was_refused_holds_no_place_that_would_be_kept(
    server: ValkeyServer, limiter: ValkeyLimiter
) -> None:
    await limiter.take("holds", PLACE)
    assert (await limiter.take("refused", PLACE)).refused_by == 0

    await _kept_anew(server, limiter, "holds")

    assert set(_held(server)) == {"holds"}


async def test_a_place_that_was_left_is_kept_no_more(
    server: ValkeyServer, limiter: ValkeyLimiter
) -> None:
    both = (taking(2, PLACES, subject="key:both"),)
    await limiter.take("leaves", both)
    await limiter.take("stays", both)

    limiter.give_back("leaves", both)
    await _kept_anew(server, limiter, "stays")

    assert set(_held(server)) == {"stays"}


async def test_one_clock_keeps_all_places_and_stops_with_the_last(limiter: ValkeyLimiter) -> None:
    rates = (taking(9),)
    await limiter.take("holds nothing", rates)
    assert limiter._keeper is None

    await limiter.take("first", TWO)
    clock = limiter._keeper
    await limiter.take("second", TWO)
    assert limiter._keeper is clock is not None

    for call in ("first", "second"):
        limiter.give_back(call, TWO)
    limiter._keep()
    assert limiter._keeper is None
    await limiter.take("third", TWO)
    assert limiter._keeper is not None


async def test_who_leaves_in_the_very_moment_of_being_told_has_taken_nothing(
    server: ValkeyServer, limiter: ValkeyLimiter
) -> None:
    leaving = asyncio.create_task(limiter.take("leaves", PLACE))
    await _is_told(limiter)

    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving

    await _until(lambda: not _held(server))


async def test_who_leaves_in_the_moment_in_which_it_breaks_has_left(
    server: ValkeyServer, limiter: ValkeyLimiter
) -> None:
    server.kill()
    leaving = asyncio.create_task(limiter.take("leaves", PLACE))
    await _is_told(limiter)

    leaving.cancel()
    server.start()

    with pytest.raises(asyncio.CancelledError):
        await leaving


async def test_who_is_told_no_in_the_moment_of_leaving_gives_nothing_back(
    server: ValkeyServer, limiter: ValkeyLimiter
) -> None:
    await limiter.take("holds", PLACE)
    leaving = asyncio.create_task(limiter.take("holds", PLACE))
    await _is_told(limiter)

    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    await limiter.look()

    assert set(_held(server)) == {"holds"}


async def test_who_leaves_on_the_way_takes_nothing_and_nobody_along(
    server: ValkeyServer, limiter: ValkeyLimiter
) -> None:
    once = (taking(1, Measure.REQUESTS_PER_DAY),)
    await limiter.take("first", once)
    server.freeze()
    leaving = [asyncio.create_task(limiter.take("leaves", each)) for each in (PLACE, once)]
    staying = asyncio.create_task(limiter.take("stays", TWO))
    await asyncio.sleep(0)
    await _until(lambda: not limiter._waiting)

    for each in leaving:
        each.cancel()
    await asyncio.wait(leaving)
    server.resume()

    assert (await staying).refused_by is None
    await limiter.look()
    assert set(_held(server)) == {"stays"}
    assert (await limiter.take("second", once)).refused_by == 0


async def test_when_it_breaks_on_the_way_those_who_still_wait_are_told(
    server: ValkeyServer, limiter: ValkeyLimiter
) -> None:
    await limiter.look()
    server.freeze()
    leaving, staying = (asyncio.create_task(limiter.take(it, TWO)) for it in ("leaves", "stays"))
    await asyncio.sleep(0)
    limiter._waiting.appendleft(Errand(GIVE_BACK, "left", TWO))
    await _until(lambda: not limiter._waiting)

    leaving.cancel()
    await asyncio.wait([leaving])
    server.kill()
    await asyncio.wait([staying])
    server.start()

    with pytest.raises(LimiterUnavailable) as broken:
        await staying
    assert "no answer" not in (broken.value.private or "")


async def test_so_many_errands_wait_and_no_more(limiter: ValkeyLimiter) -> None:
    await limiter.take("holds", TWO)
    for number in range(MAX_WAITING + 1):
        limiter.give_back(f"call-{number}", ())

    assert len(limiter._waiting) == MAX_WAITING
    limiter._keep()
    with pytest.raises(LimiterUnavailable) as refused:
        await limiter.take("comes too late", TWO)
    assert refused.value.private == f"{MAX_WAITING} errands are waiting"
    assert len(limiter._waiting) == MAX_WAITING
    await _until(lambda: not limiter._waiting)


async def test_no_more_than_so_many_travel_together(
    server: ValkeyServer, limiter: ValkeyLimiter
) -> None:
    await limiter.look()
    with Valkey.from_url(server.url) as client:
        client.config_resetstat()

        await asyncio.gather(*(limiter.take("call", ()) for _ in range(MAX_TOGETHER + 1)))

        assert client.info("commandstats")["cmdstat_evalsha"]["calls"] == 2


async def test_a_look_asks_it(server: ValkeyServer) -> None:
    nowhere = ValkeyLimiter(server.url + "-elsewhere", deadline_s=5)

    with pytest.raises(LimiterUnavailable):
        await nowhere.look()
    await nowhere.aclose()


async def test_when_it_is_closed_nothing_is_under_way(
    server: ValkeyServer, limiter: ValkeyLimiter
) -> None:
    hanging = ValkeyLimiter(server.url, deadline_s=3600)
    await hanging.take("holds", TWO)
    server.freeze()
    asked = asyncio.create_task(hanging.take("waits", TWO))
    await asyncio.sleep(0)
    await _until(lambda: not hanging._waiting)
    carrier, keeper = hanging._carrier, hanging._keeper
    assert carrier is not None
    assert keeper is not None

    async with asyncio.timeout(30):
        await hanging.aclose()

    assert carrier.done()
    assert keeper.cancelled()
    asked.cancel()
    await asyncio.wait([asked])
    server.resume()


def _held(server: ValkeyServer) -> dict[str, float]:
    """By their calls, and until when."""
    with Valkey.from_url(server.url, decode_responses=True) as client:
        keys = client.keys("tollhouse:limit:concurrent:*")
        return {
            call: until
            for key in keys
            for call, until in client.zrange(key, 0, -1, withscores=True)
        }


async def _kept_anew(server: ValkeyServer, limiter: ValkeyLimiter, call: str) -> None:
    """What its clock does in time."""
    before, clock = _held(server)[call], limiter._keeper
    limiter._keep()
    await limiter.look()
    assert _held(server)[call] > before
    assert limiter._keeper is not clock
    assert limiter._keeper is not None


async def _until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not is_so():
            await asyncio.sleep(0.005)


async def _is_told(limiter: ValkeyLimiter) -> None:
    """Whoever stands first: it is decided, and not yet heard."""
    await asyncio.sleep(0)
    told = limiter._waiting[0].told
    assert told is not None
    while not told.done():
        await asyncio.sleep(0)
