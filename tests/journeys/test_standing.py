"""Providers that are dead, hang, flap, limit, crawl or talk nonsense: every call ends in time, and no storm follows."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email.utils import formatdate
from pathlib import Path

import aiohttp
import pytest

from journeys.gateway import MODEL, TARGET, Gateway, ask, free_port, gateway, until
from journeys.provider import Asked, Provider, Script, answer, json_response, provider

SPARE = "spare:m-spare"
THIRD = "third:m-third"
FIRST_BYTE_S = 0.3
CALLS, AT_ONCE = 120, 8
DEADLINE_S = 10.0
IMPATIENT = """
[breaker]
open_s = 0.5
[retries]
first_wait_s = 0.05
patience_s = 1
"""


async def _hang(_: Provider, asked: Asked, writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


async def _crawl(it: Provider, asked: Asked, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(FIRST_BYTE_S / 5)
    await answer(it, asked, writer)


async def _talk_nonsense(_: Provider, asked: Asked, writer: asyncio.StreamWriter) -> None:
    writer.write(b"\x16\x03\x01 this is no HTTP\r\n\r\n")
    await writer.drain()


async def _limit(_: Provider, asked: Asked, writer: asyncio.StreamWriter) -> None:
    writer.write(json_response({"error": {}}, "429 Too Many Requests", "retry-after: 1"))
    await writer.drain()


async def _deny(_: Provider, asked: Asked, writer: asyncio.StreamWriter) -> None:
    writer.write(json_response({"error": {}}, "401 No"))
    await writer.drain()


async def _flap(it: Provider, asked: Asked, writer: asyncio.StreamWriter) -> None:
    """One in three fails."""
    if len(it.asked) % 3 == 0:
        writer.write(json_response({"error": {}}, "500 No"))
        await writer.drain()
    else:
        await answer(it, asked, writer)


@dataclass(frozen=True)
class Failing:
    """`script` is None for a port where nobody listens."""

    script: Script | None
    codes: frozenset[str]
    """What its callers get, beside answers."""

    first_byte_s: float = DEADLINE_S


FAILING = {
    "dead": Failing(None, frozenset({"upstream_unreachable", "circuit_open"})),
    "hanging": Failing(_hang, frozenset({"upstream_timeout", "circuit_open"}), FIRST_BYTE_S),
    "flapping": Failing(_flap, frozenset({"upstream_failed", "circuit_open"})),
    "denying": Failing(_deny, frozenset({"upstream_denied"})),
    "limiting": Failing(_limit, frozenset({"upstream_rate_limited", "circuit_open"})),
    "crawling": Failing(_crawl, frozenset()),
    "nonsense": Failing(_talk_nonsense, frozenset({"upstream_broke", "circuit_open"})),
}
HEALTHY = Failing(answer, frozenset())
FATE_UNKNOWN = {"hanging", "nonsense"}
MOST_UNSURE = 30
"""Five in a row, those under way beside them, and single probes: no other target may be asked then."""


@pytest.mark.req("OL-13", "OL-15", "OL-41", "OP-26", "P-28", "S-69")
@pytest.mark.parametrize("name", FAILING)
async def test_every_call_ends_in_time_with_its_code_and_there_is_no_storm(
    name: str, tmp_path: Path
) -> None:
    failing = FAILING[name]
    async with _door(tmp_path, failing, (TARGET,)) as door:
        ends = await _many(door)

        assert {end.code for end in ends} - {"ok"} <= failing.codes
        assert max(end.took_s for end in ends) < DEADLINE_S
        assert all(end.has_retry_after for end in ends if end.status == 503)
        await _books_are_right(door, ends)
        assert await _attempts(door) <= 1.2 * CALLS


@pytest.mark.req("OP-26", "P-30")
async def test_a_provider_that_did_not_answer_in_time_is_hung_up_on(tmp_path: Path) -> None:
    up_s = f"first_byte_s = {FIRST_BYTE_S}"
    async with provider() as up, gateway(tmp_path, up.url, up=up_s) as door:
        up.script = _hang

        end = await _one(door)

        assert (end.status, end.code) == (504, "upstream_timeout")
        await asyncio.wait_for(up.gone.wait(), DEADLINE_S)
        assert up.hung_up == 1


@pytest.mark.req("OP-26", "P-29")
async def test_one_upstream_has_the_deadlines_of_each_provider_that_names_it(
    tmp_path: Path,
) -> None:
    """So each target can have its own."""

    async def think(it: Provider, asked: Asked, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(FIRST_BYTE_S * 2)
        await answer(it, asked, writer)

    async with provider() as up:
        up.script = think
        patient = f'''
[providers.patient]
kind = "openai-compatible"
url = "{up.url}"
key = "env:UP_KEY"
[models.thinking]
targets = ["patient:m-real"]
[ledger]
require_price = false
'''
        up_s = f"first_byte_s = {FIRST_BYTE_S}"
        async with gateway(tmp_path, up.url, settings=patient, up=up_s) as door:
            door.key = (await door.new_key(models=(MODEL, "thinking"))).key
            await until(lambda: _is_known(door), "the new key is known")

            ends = [await _one(door), await _one(door, model="thinking")]

            assert [end.code for end in ends] == ["upstream_timeout", "ok"]


@pytest.mark.req("OL-41", "P-28")
async def test_retries_are_no_storm_though_no_breaker_ends_them(tmp_path: Path) -> None:
    eager = "[breaker]\nfailures = 0\n[retries]\nfirst_wait_s = 0.01\nmost = 10"
    async with _door(tmp_path, FAILING["dead"], (TARGET,), eager) as door:
        ends = await _many(door)

        assert {end.code for end in ends} == {"upstream_unreachable"}
        await _books_are_right(door, ends)
        assert CALLS < await _attempts(door) <= 1.2 * CALLS


@pytest.mark.req("P-33", "OL-15", "S-69")
@pytest.mark.parametrize("name", FAILING)
async def test_a_healthy_target_answers_for_one_that_is_not(name: str, tmp_path: Path) -> None:
    async with _door(tmp_path, FAILING[name], (TARGET, SPARE)) as door:
        ends = await _many(door)

        answered = sum(end.status == 200 for end in ends)
        assert answered >= CALLS - (MOST_UNSURE if name in FATE_UNKNOWN else 0)
        await _books_are_right(door, ends)
        assert await _attempts(door) <= 1.2 * CALLS


@pytest.mark.req("OL-15", "OL-41", "OP-26", "P-28")
@pytest.mark.parametrize("targets", [(TARGET, SPARE), (TARGET, SPARE, THIRD)], ids=["two", "three"])
@pytest.mark.parametrize("name", ["dead", "denying", "flapping", "limiting", "nonsense"])
async def test_of_targets_that_all_fail_none_is_stormed_nor_all_together(
    name: str, targets: tuple[str, ...], tmp_path: Path
) -> None:
    failing = FAILING[name]
    async with _door(tmp_path, failing, targets, spare=failing) as door:
        ends = await _many(door)

        assert {end.code for end in ends} - {"ok"} <= failing.codes
        assert max(end.took_s for end in ends) < DEADLINE_S
        await _books_are_right(door, ends)
        assert await _attempts(door) <= 1.2 * CALLS


@pytest.mark.req("OP-26", "P-28")
async def test_nor_are_they_where_nothing_keeps_count_of_them(tmp_path: Path) -> None:
    trusting = "[breaker]\nfailures = 0\noutlier_s = 0\n[retries]\nfirst_wait_s = 0.01\nmost = 10"
    failing, targets = FAILING["limiting"], (TARGET, SPARE, THIRD)
    async with _door(tmp_path, failing, targets, trusting, spare=failing) as door:
        ends = await _many(door)

        await _books_are_right(door, ends)
        assert CALLS < await _attempts(door) <= 1.2 * CALLS


@pytest.mark.req("P-33")
async def test_callers_of_a_healthy_target_do_not_notice_that_another_hangs(
    tmp_path: Path,
) -> None:
    patient = "[breaker]\nfailures = 0\noutlier_s = 0"
    room = "first_byte_s = 30\nmax_concurrent = 4\nmax_waiting = 0"
    async with provider() as up, _door(
        tmp_path, Failing(_hang, frozenset()), (TARGET, SPARE), patient, room
    ) as door:  # fmt: skip
        hanging = [asyncio.create_task(_one(door)) for _ in range(4)]
        await until(lambda: _are_under_way(door, 4), "four calls hang")

        ends = await _many(door)

        assert up.asked == []
        assert {end.code for end in ends} == {"ok"}
        assert max(end.took_s for end in ends) < DEADLINE_S
        for task in hanging:
            task.cancel()
        await asyncio.wait(hanging)


@pytest.mark.req("B-38", "OL-40", "CN-30")
async def test_the_breaker_opens_says_for_how_long_probes_and_closes(tmp_path: Path) -> None:
    async with provider() as up, gateway(tmp_path, up.url, standing=IMPATIENT) as door:
        up.script = _talk_nonsense
        failed = [await _one(door) for _ in range(5)]
        refused = await _one(door)
        asked = len(up.asked)
        up.script = None

        async def answers() -> bool:
            return (await _one(door)).status == 200

        await until(answers, "a probe is answered")
        later = [await _one(door) for _ in range(4)]

        assert [end.status for end in failed] == [502] * 5
        assert (refused.status, refused.code, refused.has_retry_after) == (
            503,
            "circuit_open",
            True,
        )
        assert asked == 5
        assert [end.status for end in later] == [200] * 4
        turns = [line for line in door.log().splitlines() if "breaker_turned" in line]
        assert [state for line in turns for state in ("closed", "half_open", "open") if f'"{state}"' in line] == [
            "open",
            "half_open",
            "closed",
        ]  # fmt: skip


@pytest.mark.req("OL-41")
@pytest.mark.parametrize("is_moment", [False, True], ids=["seconds", "a moment"])
async def test_a_retry_waits_as_long_as_the_provider_wishes(
    tmp_path: Path, is_moment: bool
) -> None:
    generous = "[retries]\nfirst_wait_s = 0.01\npatience_s = 30\nshare_percent = 100"
    asked_at: list[float] = []

    async def limit_once(it: Provider, asked: Asked, writer: asyncio.StreamWriter) -> None:
        asked_at.append(time.monotonic())
        if len(it.asked) > 1:
            await answer(it, asked, writer)
            return
        wish = formatdate(time.time() + 2, usegmt=True) if is_moment else "1"
        writer.write(json_response({}, "429 Too Many Requests", f"retry-after: {wish}"))
        await writer.drain()

    async with provider() as up, gateway(tmp_path, up.url, standing=generous) as door:
        up.script = limit_once

        end = await _one(door)

        assert end.status == 200
        assert asked_at[1] - asked_at[0] >= 1.0
        await door.nothing_is_held()
        ((outcome, status),) = await door.rows("SELECT outcome, status FROM attempts")
        assert (outcome, status) == ("refused", 429)


@dataclass(frozen=True)
class End:
    status: int
    code: str
    took_s: float
    has_retry_after: bool


async def _one(
    door: Gateway, session: aiohttp.ClientSession | None = None, **members: object
) -> End:
    if session is None:
        async with aiohttp.ClientSession() as own:
            return await _one(door, own, **members)
    began = time.monotonic()
    url = f"{door.base_url}/chat/completions"
    async with session.post(url, json=ask() | members, headers=door.headers) as reply:
        body = await reply.json()
        code = "ok" if reply.status == 200 else body["error"]["code"]
        took_s = time.monotonic() - began
        return End(reply.status, code, took_s, "retry-after" in reply.headers)


async def _many(door: Gateway) -> list[End]:
    room = asyncio.Semaphore(AT_ONCE)

    async def one(session: aiohttp.ClientSession) -> End:
        async with room:
            return await _one(door, session)

    async with aiohttp.ClientSession() as session:
        return await asyncio.gather(*(one(session) for _ in range(CALLS)))


async def _attempts(door: Gateway) -> int:
    return (await _asked(door)).total()


async def _asked(door: Gateway) -> Counter[str]:
    """How often each target was."""
    failed = await door.rows("SELECT target FROM attempts")
    completed = await door.rows("SELECT target FROM calls WHERE outcome = 'completed'")
    return Counter(str(target) for (target,) in [*failed, *completed])


async def _is_known(door: Gateway) -> bool:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{door.base_url}/models", headers=door.headers) as reply,
    ):
        return reply.status == 200


async def _are_under_way(door: Gateway, number: int) -> bool:
    ((count,),) = await door.rows("SELECT COUNT(*) FROM calls WHERE state = 'held'")
    return bool(count == number)


async def _books_are_right(door: Gateway, ends: list[End]) -> None:
    """A record for each call; held is only what may still be billed."""

    async def are_written() -> bool:
        return len(door.calls()) == len(ends)

    await until(are_written, "every call has its record")
    assert Counter(record["status"] for record in door.calls()) == Counter(
        end.status for end in ends
    )

    async def are_settled() -> bool:
        return await door.rows("SELECT id FROM calls WHERE state = 'held'") == []

    await until(are_settled, "every call is settled")
    rows = await door.rows("SELECT held FROM calls WHERE outcome = 'unknown'")
    ((held,),) = await door.rows("SELECT held FROM accounts WHERE owner = 'tenant:acme'")
    assert held == sum(row[0] for row in rows)
    assert len(rows) == sum(end.status in (502, 504) and end.code in UNSURE for end in ends)
    await door.is_consistent()


UNSURE = {"upstream_timeout", "upstream_broke"}


@asynccontextmanager
async def _door(
    directory: Path,
    failing: Failing,
    targets: tuple[str, ...],
    standing: str = IMPATIENT,
    up: str = "",
    spare: Failing = HEALTHY,
) -> AsyncIterator[Gateway]:
    async with _stands(failing) as url, _stands(spare) as spare_url:
        up = up or f"first_byte_s = {failing.first_byte_s}"
        settings = "".join(
            f'[providers.{name}]\nkind = "openai-compatible"\nurl = "{spare_url}"\nkey = "env:UP_KEY"\n'
            for name in ("spare", "third")
        )
        async with gateway(
            directory, url, settings=settings, standing=standing, up=up, targets=targets
        ) as door:
            yield door


@asynccontextmanager
async def _stands(failing: Failing) -> AsyncIterator[str]:
    """Where it does, or nobody."""
    async with provider() as it:
        it.script = failing.script
        yield it.url if failing.script else f"http://127.0.0.1:{free_port()}/v1"
