"""Failed logins on the one line: refused before anything is looked up, and never a good key."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest

from fakes import FakeAnswer, FakeExchange, FakeProvider
from pipeline.houses import CALLER, KEY, NOW_NS, World, call, identified
from tollhouse.domain.credentials import assemble
from tollhouse.domain.errors import (
    KeyMalformed,
    KeyMissing,
    KeyUnknown,
    SchemeForeign,
    TooManyFailures,
)
from tollhouse.domain.identity import Principal
from tollhouse.domain.snapshot import Snapshot
from tollhouse.domain.throttling import TRIALS, Throttle
from tollhouse.pipeline.call import Call
from tollhouse.pipeline.house import House
from tollhouse.pipeline.record import Journal
from tollhouse.pipeline.serve import serve

MOST = 10
WHOLE = b'{"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":2}}'


@dataclass
class Counting:
    """Implements Authenticator. Knows nobody but the one key."""

    asked: list[str] = field(default_factory=list)

    def identify(self, credential: str, snapshot: Snapshot, now: float) -> Principal:
        self.asked.append(credential)
        if credential == KEY:
            return CALLER
        raise KeyUnknown


@pytest.mark.req("B-24", "H-89")
def test_a_hundred_thousand_bad_keys_are_refused_and_the_good_one_passes() -> None:
    house, answers = _house(), dict[type[Exception] | None, int]()

    for number in range(100_000):
        refused = _refused(_bad(number), house)
        answers[refused] = answers.get(refused, 0) + 1

    assert answers == {KeyUnknown: MOST, TooManyFailures: 100_000 - MOST}
    assert identified(Journal(_elsewhere(call())), house) is CALLER


@pytest.mark.req("S-30", "H-89")
def test_a_key_that_nobody_has_seen_yet_passes_in_the_midst_of_an_attack() -> None:
    house = _house()
    for number in range(5000):  # more than a worker answers in a second
        _refused(_bad(number), house)

    assert identified(Journal(call()), house) is CALLER


@pytest.mark.req("B-24", "S-30")
def test_beyond_the_trials_nobody_is_looked_up_but_who_was_good() -> None:
    keys = Counting()
    house = _house(keys)
    identified(Journal(call()), house)
    for number in range(MOST + TRIALS.calls):
        _refused(_bad(number), house)
    keys.asked.clear()

    refused = [_refused(_bad(number), house) for number in range(20_000, 20_100)]

    assert refused == [TooManyFailures] * 100
    assert keys.asked == []
    assert identified(Journal(call()), house) is CALLER
    assert keys.asked == [KEY]


@pytest.mark.req("B-24")
def test_a_bad_key_that_comes_again_and_again_is_looked_up_no_more() -> None:
    keys = Counting()
    house = _house(keys)

    refused = [_refused(_bad(7), house) for _ in range(100)]

    assert refused == [KeyUnknown] * (MOST // 2) + [TooManyFailures] * (100 - MOST // 2)
    assert len(keys.asked) == MOST // 2
    assert _refused(_bad(8), house) is KeyUnknown


@pytest.mark.req("B-24", "H-80", "H-81")
@pytest.mark.parametrize(
    ("headers", "kind"),
    [
        ((b"cookie", b"x"), KeyMissing),
        ((b"authorization", b"Basic eA=="), SchemeForeign),
        ((b"x-api-key", b"x" * 100_000), KeyMalformed),
    ],
)
def test_what_bears_no_key_counts_as_a_failure_too(
    headers: tuple[bytes, bytes], kind: type[Exception]
) -> None:
    house = _house()

    refused = [_refused(call(headers), house) for _ in range(MOST + 2)]

    assert refused == [kind] * MOST + [TooManyFailures] * 2


@pytest.mark.req("B-24", "P-16", "H-89")
async def test_a_login_too_many_reads_no_body_holds_nothing_and_leaves_one_record() -> None:
    world = World(
        throttle=Throttle(MOST),
        providers={"first": FakeProvider(FakeExchange(FakeAnswer(200, [WHOLE])))},
    )
    for number in range(MOST):
        _refused(_bad(number), world.house)

    with pytest.raises(TooManyFailures) as refused:
        await serve(replace(_bad(99), read_body=_unread), world.house)

    assert refused.value.retry_after_s == 6
    (record,) = world.audit.records
    assert (record["code"], record["status"]) == ("too_many_failures", 429)
    assert (record["outcome"], record["key"], record["credential"] is None) == (
        "refused",
        "anonymous",
        False,
    )
    assert world.ledger.holds == {}


def test_a_clock_that_goes_on_lets_failures_be_told_again() -> None:
    house = _house()
    for number in range(MOST + 1):
        _refused(_bad(number), house)

    later = replace(house, clock_ns=lambda: NOW_NS + 6_000_000_000)

    assert _refused(_bad(50), later) is KeyUnknown
    assert _refused(_bad(51), later) is TooManyFailures


def _house(keys: Counting | None = None) -> House:
    house = World(throttle=Throttle(MOST)).house
    return house if keys is None else replace(house, authenticators={"thk_": keys})


def _bad(number: int) -> Call:
    return call((b"x-api-key", assemble(f"{number:012d}", "A" * 32).encode()))


def _elsewhere(it: Call) -> Call:
    return replace(it, peer="198.51.100.7")


def _refused(it: Call, house: House) -> type[Exception] | None:
    try:
        identified(Journal(it), house)
    except (KeyMissing, KeyMalformed, KeyUnknown, TooManyFailures) as problem:
        return type(problem)
    return None


async def _unread() -> bytes:
    raise AssertionError("the body of a stranger was read")
