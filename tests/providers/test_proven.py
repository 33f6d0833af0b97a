"""Requests that are proved on their way: without a proof nothing is sent, and what was opened is closed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fakes import FakeAnswer, FakeExchange, FakeProvider
from tollhouse.domain.errors import UpstreamTokenUnavailable
from tollhouse.domain.exchange import Sending
from tollhouse.providers.proven import ProvenUpstream

ASKED = Sending(b"POST", b"/x", ((b"a", b"b"),), b"{}")


async def proving(sending: Sending) -> Sending:
    return replace(sending, headers=(*sending.headers, (b"proof", b"p")))


async def test_it_is_sent_when_it_is_and_closed_in_the_end() -> None:
    inner = FakeExchange(FakeAnswer(200), is_sent=False)
    up = FakeProvider(inner)
    exchange = ProvenUpstream(up, proving).send(ASKED)

    assert not exchange.is_sent
    async with exchange as answer:
        assert (answer.status, exchange.is_sent, inner.is_closed) == (200, False, False)
        inner.is_sent = True
        assert exchange.is_sent

    assert inner.is_closed
    assert up.sent == [replace(ASKED, headers=(*ASKED.headers, (b"proof", b"p")))]


async def test_without_a_proof_nothing_is_sent_and_nothing_is_closed() -> None:
    async def failing(_sending: Sending) -> Sending:
        raise UpstreamTokenUnavailable

    up = FakeProvider()
    exchange = ProvenUpstream(up, failing).send(ASKED)

    with pytest.raises(UpstreamTokenUnavailable):
        async with exchange:
            pass

    await exchange.__aexit__(None, None, None)
    assert not exchange.is_sent
    assert up.sent == []
