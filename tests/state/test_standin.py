"""What is decided while the shared limiter is away."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from limits_given import PLACES, taking
from tollhouse.domain.errors import LimiterUnavailable
from tollhouse.domain.limiting import Taking, Verdict
from tollhouse.state.standin import FAILURES, MOST_REMEMBERED, StandIn, Unreachable

pytestmark = pytest.mark.req("P-25", "S-80")

ONCE = (taking(1),)


async def test_by_default_calls_are_refused_and_after_a_few_failures_at_once() -> None:
    shared = Away()
    standin, told, missed = _standing_in(shared, Unreachable.REFUSE)

    for _ in range(FAILURES + 5):
        with pytest.raises(LimiterUnavailable):
            await standin.take("call", ONCE)

    assert shared.asked == FAILURES
    assert (told, len(missed)) == (["gone"], FAILURES + 5)
    await standin.aclose()


async def test_they_may_be_let_through() -> None:
    standin, _, _ = _standing_in(Away(), Unreachable.ALLOW)

    verdicts = [await standin.take("call", ONCE) for _ in range(9)]

    assert {verdict.refused_by for verdict in verdicts} == {None}
    assert not any(verdict.levels for verdict in verdicts)
    await standin.aclose()


async def test_they_may_be_counted_here() -> None:
    standin, _, _ = _standing_in(Away(), Unreachable.LOCAL)

    verdicts = [await standin.take("call", ONCE) for _ in range(3)]

    assert [verdict.refused_by for verdict in verdicts] == [None, 0, 0]
    await standin.aclose()


async def test_what_was_taken_here_is_given_back_here() -> None:
    shared, place = Away(), (taking(1, PLACES),)
    standin, _, _ = _standing_in(shared, Unreachable.LOCAL)
    await standin.take("one", place)

    standin.give_back("one", place)

    assert (await standin.take("two", place)).refused_by is None
    assert shared.given_back == []
    await standin.aclose()


async def test_it_is_asked_again_once_it_answers() -> None:
    shared = Away()
    standin, told, _ = _standing_in(shared, Unreachable.LOCAL)
    for _ in range(FAILURES):
        await standin.take("call", ONCE)

    shared.is_away = False
    async with asyncio.timeout(10):
        while len(told) < 2:
            await asyncio.sleep(0.001)
    verdict = await standin.take("last", ONCE)
    standin.give_back("last", ONCE)

    assert told == ["gone", None]
    assert (verdict.refused_by, shared.given_back) == (None, ["last"])
    await standin.aclose()


async def test_failures_that_are_not_in_a_row_keep_nobody_from_asking() -> None:
    shared = Away()
    standin, told, _ = _standing_in(shared, Unreachable.ALLOW)

    for number in range(6 * FAILURES):
        shared.is_away = number % FAILURES != 0
        await standin.take("call", ONCE)

    assert (shared.asked, told) == (6 * FAILURES, [])
    await standin.aclose()


async def test_the_first_to_be_refused_are_told_why() -> None:
    standin, _, _ = _standing_in(Away(), Unreachable.REFUSE)

    with pytest.raises(LimiterUnavailable) as refused:
        await standin.take("call", ONCE)

    assert refused.value.private == "gone"
    await standin.aclose()


async def test_that_it_is_away_is_told_also_where_nobody_knows_why() -> None:
    standin, told, _ = _standing_in(Away(why=None), Unreachable.ALLOW)

    for number in range(FAILURES):
        await standin.take(str(number), ONCE)

    assert told == ["no answer"]
    await standin.aclose()


async def test_that_it_is_away_is_told_once_also_if_many_wait_for_it() -> None:
    standin, told, _ = _standing_in(Away(pause_s=0.01), Unreachable.ALLOW)

    await asyncio.gather(*(standin.take(str(number), ONCE) for number in range(3 * FAILURES)))

    assert told == ["gone"]
    await standin.aclose()


async def test_it_is_not_asked_again_before_it_has_answered() -> None:
    shared = Away()
    standin, told, _ = _standing_in(shared, Unreachable.ALLOW)
    for number in range(FAILURES):
        await standin.take(str(number), ONCE)

    async with asyncio.timeout(10):
        while shared.looks < FAILURES + 3:
            await asyncio.sleep(0.001)
    await standin.take("last", ONCE)

    assert (shared.asked, told) == (FAILURES, ["gone"])
    await standin.aclose()


async def test_between_two_looks_time_passes() -> None:
    shared = Away()
    standin, _, _ = _standing_in(shared, Unreachable.ALLOW, look_every_s=60)
    for number in range(FAILURES):
        await standin.take(str(number), ONCE)

    for _ in range(20):
        await asyncio.sleep(0)

    assert shared.looks == FAILURES
    await standin.aclose()


async def test_nothing_goes_on_once_it_is_closed() -> None:
    shared, before = Away(), asyncio.all_tasks()
    standin, _, _ = _standing_in(shared, Unreachable.ALLOW)
    for number in range(FAILURES):
        await standin.take(str(number), ONCE)

    await standin.aclose()

    assert shared.is_closed
    assert asyncio.all_tasks() == before


async def test_who_was_let_through_uncounted_leaves_nothing_behind() -> None:
    standin, _, _ = _standing_in(Away(), Unreachable.ALLOW)
    await standin.take("call", ONCE)

    standin.give_back("call", ONCE)

    assert (len(standin._local), len(standin._taken_here)) == (0, 0)
    await standin.aclose()


@pytest.mark.req("S-77")
async def test_of_those_who_never_come_back_the_oldest_are_forgotten() -> None:
    shared = Away()
    standin, _, _ = _standing_in(shared, Unreachable.ALLOW)
    for number in range(MOST_REMEMBERED):
        await standin.take(str(number), ONCE)
    full = len(standin._taken_here)
    await standin.take("one more", ONCE)

    standin.give_back("0", ONCE)
    standin.give_back("1", ONCE)

    assert (full, shared.given_back) == (MOST_REMEMBERED, ["0"])
    await standin.aclose()


class Away:
    """A shared limiter that does not answer."""

    def __init__(self, pause_s: float = 0, why: str | None = "gone") -> None:
        self.is_away = True
        self.is_closed = False
        self.asked = 0
        self.looks = 0
        self.given_back: list[str] = []
        self._pause_s = pause_s
        self._why = why

    async def take(self, call: str, takings: Sequence[Taking]) -> Verdict:
        self.asked += 1
        await self.look()
        return Verdict([0 for _ in takings])

    def give_back(self, call: str, takings: Sequence[Taking]) -> None:
        self.given_back.append(call)

    async def look(self) -> None:
        self.looks += 1
        await asyncio.sleep(self._pause_s)
        if self.is_away:
            raise LimiterUnavailable(private=self._why)

    async def aclose(self) -> None:
        self.is_closed = True


def _standing_in(
    shared: Away, choice: Unreachable, look_every_s: float = 0.01
) -> tuple[StandIn, list[str | None], list[None]]:
    told: list[str | None] = []
    missed: list[None] = []
    standin = StandIn(
        shared,
        choice,
        told.append,
        lambda: missed.append(None),
        look_every_s=look_every_s,
    )
    return standin, told, missed
