"""The limiter in Valkey: its script, and what happens when Valkey does not answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import suppress
from statistics import median

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from valkey import Valkey

from limits_given import PLACES, SECOND, taking, takings
from servers import ValkeyServer, valkey_server
from tollhouse.domain.errors import LimiterUnavailable
from tollhouse.domain.limiting import Taking
from tollhouse.domain.rates import Measure
from tollhouse.state.memory import MemoryLimiter
from tollhouse.state.script import SCRIPT
from tollhouse.state.standin import FAILURES, StandIn, Unreachable
from tollhouse.state.valkey import MAX_TOGETHER, ValkeyLimiter


@pytest.fixture(scope="module")
def own_valkey() -> Iterator[ValkeyServer]:
    """One that the tests here may kill and freeze."""
    with valkey_server() as server:
        yield server


@pytest.fixture
async def limiter(own_valkey: ValkeyServer) -> AsyncIterator[ValkeyLimiter]:
    """Over a server that is up and empty, with a deadline that a loaded machine can keep."""
    own_valkey.resume()
    own_valkey.kill()
    own_valkey.start()
    limiter = ValkeyLimiter(own_valkey.url, deadline_s=0.5)
    await _warm(limiter)
    yield limiter
    own_valkey.resume()
    await limiter.aclose()


STEPS = st.lists(
    st.tuples(
        st.sampled_from(("take", "take", "take", "back")),
        st.integers(0, 5),
        st.one_of(st.integers(0, 30 * SECOND), st.integers(0, 10**12)),
        takings(),
    ),
    max_size=25,
)  # what is done, by which call, after which pause, to which buckets


@pytest.mark.req("P-31", "OT-42")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(STEPS)
def test_the_script_decides_and_counts_like_the_limiter_in_memory(
    valkey: ValkeyServer, steps: list[tuple[str, int, int, tuple[Taking, ...]]]
) -> None:
    clock = _Clock()
    memory = MemoryLimiter(clock_us=clock)
    with Valkey.from_url(valkey.url) as client:
        client.flushdb()
        script = client.register_script(_on_a_clock_handed_in(SCRIPT))

        for what, number, pause_us, taken in steps:
            clock.now += pause_us
            client.set("now", clock.now)
            call = f"call-{number}"
            ((fits, *levels),) = script(*_told(what, call, taken))

            if what == "back":
                memory.give_back(call, taken)
                continue
            verdict = asyncio.run(memory.take(call, taken))
            assert (bool(fits), levels) == (verdict.refused_by is None, verdict.levels)


@pytest.mark.req("P-31")
async def test_what_a_dead_process_left_comes_back_with_its_lease(
    own_valkey: ValkeyServer, limiter: ValkeyLimiter
) -> None:
    dying = ValkeyLimiter(own_valkey.url, deadline_s=5, lease_s=0.3)
    place = (taking(1, PLACES),)
    await dying.take("left behind", place)
    await dying.aclose()
    refused = await limiter.take("waits", place)

    await _until_it_passes(limiter, place)

    assert refused.refused_by == 0


@pytest.mark.req("P-31")
async def test_a_place_is_kept_as_long_as_its_call_takes(
    own_valkey: ValkeyServer, limiter: ValkeyLimiter
) -> None:
    keeping = ValkeyLimiter(own_valkey.url, deadline_s=5, lease_s=3)
    place = (taking(1, PLACES),)
    await keeping.take("takes long", place)
    with Valkey.from_url(own_valkey.url) as client:
        (key,) = client.keys("tollhouse:limit:concurrent:*")
        first = client.zscore(key, "takes long")

        await _until(lambda: client.zscore(key, "takes long") != first)

    assert (await limiter.take("waits", place)).refused_by == 0
    await keeping.aclose()


async def test_a_place_is_taken_again_once_a_valkey_that_forgot_is_back(
    own_valkey: ValkeyServer, limiter: ValkeyLimiter
) -> None:
    keeping = ValkeyLimiter(own_valkey.url, deadline_s=0.5, lease_s=0.6)
    place = (taking(1, PLACES),)
    await keeping.take("takes long", place)

    own_valkey.kill()
    own_valkey.start()

    with Valkey.from_url(own_valkey.url) as client:
        await _until(lambda: client.keys("tollhouse:limit:concurrent:*") != [])
    assert (await limiter.take("waits", place)).refused_by == 0
    await keeping.aclose()


async def test_replicas_share_one_limit(own_valkey: ValkeyServer, limiter: ValkeyLimiter) -> None:
    other = ValkeyLimiter(own_valkey.url, deadline_s=0.5)
    await limiter.take("call", _once("key"))

    assert (await other.take("call", _once("key"))).refused_by == 0

    await other.aclose()


async def test_takes_that_arrive_together_travel_together(
    own_valkey: ValkeyServer, limiter: ValkeyLimiter
) -> None:
    with Valkey.from_url(own_valkey.url) as client:
        client.config_resetstat()

        await asyncio.gather(
            *(limiter.take("call", _once(f"key-{number}")) for number in range(100))
        )

        assert client.info("commandstats")["cmdstat_evalsha"]["calls"] <= 3


@pytest.mark.req("B-39")
async def test_what_is_remembered_expires_on_the_server(
    own_valkey: ValkeyServer, limiter: ValkeyLimiter
) -> None:
    await limiter.take("call", _once("key"))

    with Valkey.from_url(own_valkey.url) as client:
        (key,) = client.keys("tollhouse:limit:*:key:key")
        assert 86_000 < client.ttl(key) <= 86_401


async def test_a_valkey_that_is_gone_refuses(
    own_valkey: ValkeyServer, limiter: ValkeyLimiter
) -> None:
    own_valkey.kill()

    with pytest.raises(LimiterUnavailable) as refused:
        await limiter.take("call", _once("key"))

    assert refused.value.status == 503
    assert refused.value.retryable


async def test_a_valkey_that_does_not_answer_refuses_within_the_deadline(
    own_valkey: ValkeyServer, limiter: ValkeyLimiter
) -> None:
    own_valkey.freeze()
    started = time.monotonic()

    with pytest.raises(LimiterUnavailable):
        await limiter.take("call", _once("key"))

    assert time.monotonic() - started < 2


async def test_a_crowd_that_waits_in_vain_is_refused_within_the_deadline(
    own_valkey: ValkeyServer, limiter: ValkeyLimiter
) -> None:
    own_valkey.freeze()
    started = time.monotonic()

    results = await asyncio.gather(
        *(limiter.take("call", _once("key")) for _ in range(20 * MAX_TOGETHER)),
        return_exceptions=True,
    )

    assert {type(result) for result in results} == {LimiterUnavailable}
    assert time.monotonic() - started < 8  # one after the other, the batches would take 10 s


@pytest.mark.req("P-25")
async def test_once_it_is_known_to_hang_a_call_loses_less_than_fifty_milliseconds_on_it(
    own_valkey: ValkeyServer, limiter: ValkeyLimiter
) -> None:
    standin = StandIn(limiter, Unreachable.LOCAL, lambda _: None, lambda: None)
    many = (taking(1_000, subject="key:hung"),)
    own_valkey.freeze()
    for _ in range(FAILURES):
        await standin.take("call", many)

    took_s = []
    for _ in range(100):
        began = time.perf_counter()
        await standin.take("call", many)
        took_s.append(time.perf_counter() - began)

    assert median(took_s) < 0.05
    own_valkey.resume()
    await standin.aclose()


async def test_a_connection_that_hangs_is_given_up_for_a_new_one(
    own_valkey: ValkeyServer, limiter: ValkeyLimiter
) -> None:
    own_valkey.freeze()
    with pytest.raises(LimiterUnavailable):
        await limiter.take("call", _once("key"))

    with valkey_server() as other:
        _takes_the_place_of(own_valkey, other)

        await limiter.take("call", _once("key"))


async def test_an_answer_that_came_too_late_is_given_to_nobody_else(
    own_valkey: ValkeyServer, limiter: ValkeyLimiter
) -> None:
    own_valkey.freeze()
    with pytest.raises(LimiterUnavailable):
        await limiter.take("call", _once("warm-up"))
    own_valkey.resume()

    await limiter.take("call", _once("key"))

    assert (await limiter.take("call", _once("warm-up"))).refused_by == 0


async def test_it_works_again_once_valkey_is_back(
    own_valkey: ValkeyServer, limiter: ValkeyLimiter
) -> None:
    own_valkey.kill()
    with pytest.raises(LimiterUnavailable):
        await limiter.take("call", _once("key"))

    own_valkey.start()

    await limiter.take("call", _once("key"))


async def test_a_caller_who_leaves_takes_nobody_along(limiter: ValkeyLimiter) -> None:
    leaving, staying = (
        asyncio.create_task(limiter.take("call", _once(name))) for name in ("leaves", "stays")
    )
    await asyncio.sleep(0)

    leaving.cancel()

    await staying
    with pytest.raises(asyncio.CancelledError):
        await leaving


async def test_a_caller_who_left_before_the_trip_takes_nothing(
    own_valkey: ValkeyServer, limiter: ValkeyLimiter
) -> None:
    own_valkey.freeze()
    travelling = asyncio.create_task(limiter.take("call", _once("travels")))
    await _until(lambda: not limiter._waiting)  # it is on its way when the second one comes
    leaving = asyncio.create_task(limiter.take("call", _once("leaves")))
    await asyncio.sleep(0)

    leaving.cancel()
    await asyncio.wait([leaving])
    own_valkey.resume()

    await travelling
    assert (await limiter.take("call", _once("leaves"))).refused_by is None


async def test_a_refused_password_is_not_told(own_valkey: ValkeyServer) -> None:
    wrong = own_valkey.url.replace(own_valkey.password, "canary-password")
    limiter = ValkeyLimiter(wrong, deadline_s=0.5)

    with pytest.raises(LimiterUnavailable) as refused:
        await limiter.take("call", _once("key"))

    assert "canary" not in f"{refused.value.detail} {refused.value.private}"
    await limiter.aclose()


async def test_closing_it_unused_is_fine(own_valkey: ValkeyServer) -> None:
    await ValkeyLimiter(own_valkey.url).aclose()


def _once(subject: str) -> tuple[Taking, ...]:
    return (taking(1, Measure.REQUESTS_PER_DAY, subject=f"key:{subject}"),)


class _Clock:
    now = 1_700_000_000_000_000

    def __call__(self) -> int:
        return self.now


def _told(what: str, call: str, taken: Sequence[Taking]) -> tuple[list[str], list[str | int]]:
    """Keys and arguments. What is remembered is to last, whatever the clock of the server says."""
    arguments: list[str | int] = [what, call, 10**15, len(taken)]
    for each in taken:
        rate = each.rule.rate
        ticks = each.amount * rate.cost
        arguments += (ticks, rate.flow, rate.whole, rate.unit_us, rate.drained)
    return [each.rule.bucket for each in taken], arguments


def _on_a_clock_handed_in(script: str) -> str:
    clock = "redis.call('TIME')"
    assert clock in script
    handed_in = "{0, tonumber(redis.call('GET', 'now'))}"
    lasting = script.replace("'PX', whole(lasts_ms)", "'PX', whole(lasts_ms + 1e9)")
    return lasting.replace(clock, handed_in)


async def _warm(limiter: ValkeyLimiter) -> None:
    async with asyncio.timeout(20):
        while True:
            with suppress(LimiterUnavailable):
                await limiter.take("warm-up", _once("warm-up"))
                return


async def _until_it_passes(limiter: ValkeyLimiter, taken: Sequence[Taking]) -> None:
    async with asyncio.timeout(10):
        while (await limiter.take("waits", taken)).refused_by is not None:
            await asyncio.sleep(0.01)


async def _until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not is_so():
            await asyncio.sleep(0.001)


def _takes_the_place_of(server: ValkeyServer, other: ValkeyServer) -> None:
    with Valkey.from_url(other.url) as client:
        client.config_set("requirepass", server.password)
    (other.directory / "socket").replace(server.directory / "socket")
