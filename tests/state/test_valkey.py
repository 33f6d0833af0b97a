"""The limiter in Valkey: its script, and what happens when Valkey does not answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from valkey import Valkey

from servers import ValkeyServer, valkey_server
from tollhouse.domain import limits
from tollhouse.domain.errors import LimiterUnavailable, RateLimited
from tollhouse.domain.limits import Limit
from tollhouse.state.valkey import MAX_TOGETHER, TAKE, ValkeyLimiter

ONCE = Limit(calls=1, period_s=3600)
PLENTY = Limit(calls=1_000_000, period_s=1)


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
    limiter = ValkeyLimiter(own_valkey.url, ONCE, deadline_s=0.5)
    await limiter.take("warm-up")
    yield limiter
    own_valkey.resume()
    await limiter.aclose()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.builds(Limit, st.integers(1, 12), st.just(60), st.integers(1, 5)),
    st.lists(st.integers(0, 30_000_000), max_size=40),
)
def test_the_script_decides_like_the_arithmetic(
    valkey: ValkeyServer, limit: Limit, steps_us: list[int]
) -> None:
    due = now = 1_700_000_000_000_000
    with Valkey.from_url(valkey.url) as client:
        client.delete("trace")
        script = client.register_script(_on_a_clock_handed_in(TAKE))

        for step in steps_us:
            now += step
            due, wait = limits.take(limit.interval_us, limit.whole_us, due, now)
            arguments = [limit.interval_us, limit.whole_us, *divmod(now, 1_000_000)]

            assert script(keys=["trace"], args=arguments) == [wait]


async def test_replicas_share_one_limit(own_valkey: ValkeyServer, limiter: ValkeyLimiter) -> None:
    other = ValkeyLimiter(own_valkey.url, ONCE, deadline_s=0.5)
    await limiter.take("key")

    with pytest.raises(RateLimited):
        await other.take("key")

    await other.aclose()


async def test_takes_that_arrive_together_travel_together(
    own_valkey: ValkeyServer, limiter: ValkeyLimiter
) -> None:
    with Valkey.from_url(own_valkey.url) as client:
        client.config_resetstat()

        await asyncio.gather(*(limiter.take(f"key-{number}") for number in range(100)))

        assert client.info("commandstats")["cmdstat_evalsha"]["calls"] <= 3


@pytest.mark.req("B-39")
async def test_what_is_remembered_expires_on_the_server(
    own_valkey: ValkeyServer, limiter: ValkeyLimiter
) -> None:
    await limiter.take("key")

    with Valkey.from_url(own_valkey.url) as client:
        assert 3_500 < client.ttl("tollhouse:limit:calls:key") <= 3_600


async def test_a_valkey_that_is_gone_refuses(
    own_valkey: ValkeyServer, limiter: ValkeyLimiter
) -> None:
    own_valkey.kill()

    with pytest.raises(LimiterUnavailable) as refused:
        await limiter.take("key")

    assert refused.value.status == 503
    assert refused.value.retryable


async def test_a_valkey_that_does_not_answer_refuses_within_the_deadline(
    own_valkey: ValkeyServer, limiter: ValkeyLimiter
) -> None:
    own_valkey.freeze()
    started = time.monotonic()

    with pytest.raises(LimiterUnavailable):
        await limiter.take("key")

    assert time.monotonic() - started < 2


async def test_a_crowd_that_waits_in_vain_is_refused_within_the_deadline(
    own_valkey: ValkeyServer, limiter: ValkeyLimiter
) -> None:
    own_valkey.freeze()
    started = time.monotonic()

    results = await asyncio.gather(
        *(limiter.take("key") for _ in range(6 * MAX_TOGETHER)), return_exceptions=True
    )

    assert {type(result) for result in results} == {LimiterUnavailable}
    assert time.monotonic() - started < 2  # one after the other, the batches would take 3 s


async def test_a_connection_that_hangs_is_given_up_for_a_new_one(
    own_valkey: ValkeyServer, limiter: ValkeyLimiter
) -> None:
    own_valkey.freeze()
    with pytest.raises(LimiterUnavailable):
        await limiter.take("key")

    with valkey_server() as other:
        _takes_the_place_of(own_valkey, other)

        await limiter.take("key")


async def test_an_answer_that_came_too_late_is_given_to_nobody_else(
    own_valkey: ValkeyServer, limiter: ValkeyLimiter
) -> None:
    own_valkey.freeze()
    with pytest.raises(LimiterUnavailable):
        await limiter.take("warm-up")
    own_valkey.resume()

    await limiter.take("key")

    with pytest.raises(RateLimited):
        await limiter.take("warm-up")


async def test_it_works_again_once_valkey_is_back(
    own_valkey: ValkeyServer, limiter: ValkeyLimiter
) -> None:
    own_valkey.kill()
    with pytest.raises(LimiterUnavailable):
        await limiter.take("key")

    own_valkey.start()

    await limiter.take("key")


async def test_a_caller_who_leaves_takes_nobody_along(limiter: ValkeyLimiter) -> None:
    leaving, staying = (asyncio.create_task(limiter.take(name)) for name in ("leaves", "stays"))
    await asyncio.sleep(0)

    leaving.cancel()

    await staying
    with pytest.raises(asyncio.CancelledError):
        await leaving


async def test_a_caller_who_left_before_the_trip_takes_nothing(
    own_valkey: ValkeyServer, limiter: ValkeyLimiter
) -> None:
    own_valkey.freeze()
    travelling = asyncio.create_task(limiter.take("travels"))
    await _until(lambda: not limiter._waiting)  # it is on its way when the second one comes
    leaving = asyncio.create_task(limiter.take("leaves"))
    await asyncio.sleep(0)

    leaving.cancel()
    await asyncio.wait([leaving])
    own_valkey.resume()

    await travelling
    await limiter.take("leaves")


async def test_a_refused_password_is_not_told(own_valkey: ValkeyServer) -> None:
    wrong = own_valkey.url.replace(own_valkey.password, "canary-password")
    limiter = ValkeyLimiter(wrong, PLENTY, deadline_s=0.5)

    with pytest.raises(LimiterUnavailable) as refused:
        await limiter.take("key")

    assert "canary" not in f"{refused.value.detail} {refused.value.private}"
    await limiter.aclose()


async def test_closing_it_unused_is_fine(own_valkey: ValkeyServer) -> None:
    await ValkeyLimiter(own_valkey.url, PLENTY).aclose()


def _on_a_clock_handed_in(script: str) -> str:
    clock = "redis.call('TIME')"
    assert clock in script
    return script.replace(clock, "{tonumber(ARGV[3]), tonumber(ARGV[4])}")


async def _until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not is_so():
            await asyncio.sleep(0)


def _takes_the_place_of(server: ValkeyServer, other: ValkeyServer) -> None:
    with Valkey.from_url(other.url) as client:
        client.config_set("requirepass", server.password)
    (other.directory / "socket").replace(server.directory / "socket")
