"""Tokens are kept as long as they are good, and asked for by one at a time."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field

import pytest

from fakes import FakeAnswer, FakeExchange
from tollhouse.domain.errors import UpstreamTokenUnavailable, UpstreamUnreachable
from tollhouse.domain.exchange import Sending
from tollhouse.ports import Exchange
from tollhouse.providers.bearing import BearingUpstream
from tollhouse.providers.tokens import (
    EARLY_S,
    IN_FLIGHT_S,
    MOST_OF_AN_ANSWER,
    QUIET_S,
    Tokens,
    form,
)

LIFE_S, DAY_S = 3600, 86_400


@dataclass
class Giver:
    """Implements Upstream: each request gets the next of `answers`, or one more token."""

    answers: list[FakeAnswer | Exception | None] = field(default_factory=list)
    asked: list[Sending] = field(default_factory=list)
    now_s: float = 1000.0

    def send(self, sending: Sending) -> Exchange:
        self.asked.append(sending)
        return FakeExchange(self.answers.pop(0) if self.answers else token(len(self.asked)))

    def tokens(self) -> Tokens:
        return Tokens(self, lambda: form(b"/token", {"a": "b c"}), lambda: self.now_s)


def token(number: int, life_s: float = LIFE_S) -> FakeAnswer:
    return given({"access_token": f"t-{number}", "expires_in": life_s, "token_type": "Bearer"})


def given(said: object, status: int = 200) -> FakeAnswer:
    return FakeAnswer(status, [json.dumps(said).encode()])


async def test_one_serves_until_shortly_before_its_end() -> None:
    giver = Giver()
    tokens = giver.tokens()

    assert await tokens.current() == b"t-1"
    giver.now_s += LIFE_S - EARLY_S - 1
    assert await tokens.current() == b"t-1"
    giver.now_s += 2
    assert await tokens.current() == b"t-2"

    assert [sent.body for sent in giver.asked] == [b"a=b+c"] * 2


async def test_the_old_one_serves_to_its_end_where_no_new_one_is_given() -> None:
    giver = Giver([token(1), given({}, 500), given({}, 500), token(9)])
    tokens = giver.tokens()
    await tokens.current()

    giver.now_s += LIFE_S - EARLY_S
    assert await tokens.current() == b"t-1"
    giver.now_s += EARLY_S - IN_FLIGHT_S
    with pytest.raises(UpstreamTokenUnavailable):
        await tokens.current()
    giver.now_s += QUIET_S
    assert await tokens.current() == b"t-9"


@pytest.mark.parametrize(
    ("life_s", "due_s", "ends_s"),
    [(40.0, 30.0, 35.0), (10 * DAY_S, DAY_S - EARLY_S, DAY_S - IN_FLIGHT_S)],
    ids=["short", "longer than a day"],
)
async def test_one_that_is_good_for_a_moment_or_for_ages_is_renewed_in_time(
    life_s: float, due_s: float, ends_s: float
) -> None:
    giver = Giver([token(1, life_s), given({}, 500), given({}, 500)])
    tokens = giver.tokens()
    await tokens.current()

    giver.now_s = 1000.0 + due_s - 0.1
    await tokens.current()
    asked_before = len(giver.asked)
    giver.now_s = 1000.0 + due_s
    await tokens.current()
    asked_then = len(giver.asked)
    giver.now_s = 1000.0 + ends_s
    with pytest.raises(UpstreamTokenUnavailable):
        await tokens.current()

    assert (asked_before, asked_then) == (1, 2)


async def test_no_more_is_read_of_an_answer_than_a_token_could_have() -> None:
    answer = FakeAnswer(200, [b" " * 1024] * 200)

    with pytest.raises(UpstreamTokenUnavailable):
        await Giver([answer]).tokens().current()

    assert len(answer._left) == 200 - MOST_OF_AN_ANSWER // 1024 - 1


async def test_who_cannot_say_why_is_known_by_the_code_alone() -> None:
    with pytest.raises(UpstreamTokenUnavailable) as caught:
        await Giver([UpstreamUnreachable()]).tokens().current()

    assert caught.value.private == UpstreamUnreachable.code


async def test_those_who_come_at_once_ask_once() -> None:
    giver = Giver()
    tokens = giver.tokens()

    assert await asyncio.gather(*(tokens.current() for _ in range(50))) == [b"t-1"] * 50

    assert len(giver.asked) == 1


async def test_nobody_waits_for_a_new_one_while_the_old_one_is_good() -> None:
    giver = Giver([token(1), None])
    tokens = giver.tokens()
    await tokens.current()
    giver.now_s += LIFE_S - EARLY_S

    renewing = asyncio.create_task(tokens.current())
    await asyncio.sleep(0)
    assert await tokens.current() == b"t-1"

    renewing.cancel()
    await asyncio.gather(renewing, return_exceptions=True)
    assert await tokens.current() == b"t-3"


async def test_a_failure_is_shared_and_not_asked_for_again_at_once() -> None:
    giver = Giver([UpstreamUnreachable(private="nobody is there")])
    tokens = giver.tokens()

    failed = await asyncio.gather(*(tokens.current() for _ in range(9)), return_exceptions=True)

    assert {type(each) for each in failed} == {UpstreamTokenUnavailable}
    assert {each.private for each in failed if isinstance(each, UpstreamTokenUnavailable)} == {
        "nobody is there"
    }
    assert len(giver.asked) == 1
    giver.now_s += QUIET_S
    assert await tokens.current() == b"t-2"


async def test_whoever_hangs_up_leaves_the_asking_to_the_next() -> None:
    giver = Giver([None])
    tokens = giver.tokens()
    first = asyncio.create_task(tokens.current())
    second = asyncio.create_task(tokens.current())
    await asyncio.sleep(0)

    first.cancel()

    assert await second == b"t-2"
    assert first.cancelled()


@pytest.mark.req("S-56")
@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (given({"error": "invalid_grant", "error_description": "canary"}, 400), "invalid_grant"),
        (given({"error": "Canary: no"}, 401), "401"),
        (FakeAnswer(503, [b"canary"]), "503"),
        (FakeAnswer(302), "302"),
        (given([]), "was none"),
        (given({"access_token": "a b", "expires_in": 9}), "was none"),
        (given({"access_token": "a\r\nx: y", "expires_in": 9}), "was none"),
        (given({"access_token": "", "expires_in": 9}), "was none"),
        (given({"access_token": "a", "expires_in": 0}), "was none"),
        (given({"access_token": "a"}), "was none"),
        (FakeAnswer(200, [b"[" * 5000]), "was none"),
        (
            FakeAnswer(200, [b'{"expires_in":9,"access_token":"a"', *[b" " * 40_000] * 2, b"}"]),
            "was none",
        ),
        (FakeAnswer(200, [b"{" + b'"access_token":"a","expires_in":NaN}']), "was none"),
    ],
)
async def test_what_is_no_token_is_none_and_no_word_of_it_is_told(
    answer: FakeAnswer, why: str
) -> None:
    with pytest.raises(UpstreamTokenUnavailable) as caught:
        await Giver([answer]).tokens().current()

    assert why in (caught.value.private or "")
    assert "anary" not in f"{caught.value.private}{caught.value.detail}"


async def test_nobody_waits_for_ever() -> None:
    tokens = Tokens(Giver([None]), lambda: form(b"/token", {}), patience_s=0.01)

    with pytest.raises(UpstreamTokenUnavailable) as caught:
        await tokens.current()

    assert caught.value.private == "no token came within 0.01 s"


async def test_a_request_bears_it_and_is_not_sent_without_one() -> None:
    giver, up = Giver([token(1), given({}, 500)]), Giver([FakeAnswer(200), FakeAnswer(200)])
    bearing = BearingUpstream(up, giver.tokens())
    exchange = bearing.send(Sending(b"POST", b"/x", ((b"a", b"b"),), b"{}"))

    assert not exchange.is_sent
    async with exchange as answer:
        assert (answer.status, exchange.is_sent) == (200, True)

    (sent,) = up.asked
    assert sent.headers == ((b"a", b"b"), (b"authorization", b"Bearer t-1"))
    giver.now_s += LIFE_S
    unsent = bearing.send(Sending(b"POST", b"/x", (), b"{}"))
    with pytest.raises(UpstreamTokenUnavailable):
        await unsent.__aenter__()
    await unsent.__aexit__(None, None, None)
    assert not unsent.is_sent
    assert len(up.asked) == 1
