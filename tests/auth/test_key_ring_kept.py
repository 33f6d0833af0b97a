"""When an issuer's keys are asked for: as they grow old, sooner while it is away, and not twice at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import pytest

from hurried import hurried, now_s
from issuing import TestIssuer, signing_key
from tollhouse.auth.key_ring import AT_MOST_EVERY_S, PATIENCE_S, RETRY_S, KeyRing
from tollhouse.domain.errors import UpstreamBroke, UpstreamTimeout

REFRESH_S, STALE_S = 240.0, 600.0
ISSUER = TestIssuer([signing_key("k1", "ES256")])

pytestmark = pytest.mark.req("S-34", "H-137")


@dataclass
class Published:
    """What comes of each look, the last of them for ever; None never answers."""

    said: Sequence[bytes | Exception | None] = (ISSUER.key_set,)
    asked_at_s: list[float] = field(default_factory=list)

    async def fetch(self) -> bytes:
        said = self.said[min(len(self.asked_at_s), len(self.said) - 1)]
        self.asked_at_s.append(now_s())
        if said is None:
            await asyncio.Event().wait()
        if isinstance(said, Exception):
            raise said
        return said or b""

    @property
    def gaps_s(self) -> list[float]:
        return [b - a for a, b in zip(self.asked_at_s, self.asked_at_s[1:], strict=False)]


def ring(published: Published, refresh_s: float = REFRESH_S) -> KeyRing:
    return KeyRing(
        *("okta", published.fetch, ["ES256"]), refresh_s=refresh_s, stale_s=STALE_S, clock_s=now_s
    )


@asynccontextmanager
async def kept(it: KeyRing, until_s: float = 0.0) -> AsyncIterator[None]:
    keeping = asyncio.create_task(it.keep())
    await asyncio.sleep(until_s)
    try:
        yield
    finally:
        keeping.cancel()
        with suppress(asyncio.CancelledError):
            await keeping


def test_they_are_asked_for_before_they_are_old_and_not_all_the_time() -> None:
    async def way() -> None:
        published = Published()
        async with kept(it := ring(published), 10 * REFRESH_S):
            assert it.keys
            assert 10 <= len(published.asked_at_s) <= 13
            assert all(0.8 * REFRESH_S <= gap <= REFRESH_S for gap in published.gaps_s)
            assert len(set(published.gaps_s)) > 1  # not all replicas at once

    hurried(way())


@pytest.mark.parametrize("said", [b"nonsense", UpstreamTimeout(), OSError("gone")], ids=repr)
def test_while_it_is_away_it_is_asked_more_often(said: bytes | Exception) -> None:
    async def way() -> None:
        published = Published([ISSUER.key_set, said, said, ISSUER.key_set])
        async with kept(ring(published), 3 * REFRESH_S):
            usual, first, second, *rest = published.gaps_s
            assert (first, second) == pytest.approx((RETRY_S, RETRY_S))
            assert usual > RETRY_S < min(rest)

    hurried(way())


def test_what_is_looked_at_often_is_not_looked_at_less_while_it_is_away() -> None:
    async def way() -> None:
        published = Published([OSError("gone")])
        async with kept(ring(published, 5.0), 60):
            assert max(published.gaps_s) <= 5.0

    hurried(way())


def test_whoever_is_asked_and_says_nothing_is_given_up(caplog: pytest.LogCaptureFixture) -> None:
    async def way() -> None:
        published = Published([None, ISSUER.key_set])
        async with kept(it := ring(published), PATIENCE_S + RETRY_S + 1):
            assert it.keys
            assert published.gaps_s == pytest.approx([PATIENCE_S + RETRY_S])

    hurried(way())
    assert "okta cannot be had: no answer" in caplog.text


def test_the_log_says_what_went_wrong(caplog: pytest.LogCaptureFixture) -> None:
    async def way() -> None:
        said = [UpstreamBroke(private="the answer was 500"), OSError("no such file")]
        async with kept(ring(Published(said)), RETRY_S + 1):
            pass

    hurried(way())
    assert "cannot be had: the answer was 500" in caplog.text
    assert "cannot be had: no such file" in caplog.text


def test_what_goes_on_being_wrong_is_told_once_and_its_end_too(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def way() -> None:
        away = OSError("no such file")
        with caplog.at_level("INFO", "tollhouse"):
            async with kept(ring(Published([away, away, ISSUER.key_set])), 3 * RETRY_S):
                pass

    hurried(way())
    assert [each.levelname for each in caplog.records] == ["WARNING", "INFO"]


def test_whoever_looks_already_is_waited_for() -> None:
    async def way() -> None:
        published = Published([None, ISSUER.key_set])
        it = ring(published)
        looked = it.looked()
        async with kept(it, PATIENCE_S + 1):
            assert len(published.asked_at_s) == 1
        assert looked is not None

    hurried(way())


def test_they_hold_until_the_moment_that_they_are_too_old() -> None:
    async def way() -> None:
        it = ring(Published())
        await it.looked()  # type: ignore[misc]

        await asyncio.sleep(REFRESH_S + STALE_S - 1)
        assert it.key("k1") is it.key(None) is not None
        await asyncio.sleep(1)
        assert (it.keys, it.key("k1"), it.key(None)) == ({}, None, None)

    hurried(way())


def test_tokens_make_us_look_every_so_often() -> None:
    async def way() -> None:
        published = Published()
        it = ring(published)
        for _ in range(2):  # the first look is nobody's doing
            await it.looked()  # type: ignore[misc]
        assert it.looked() is None

        await asyncio.sleep(AT_MOST_EVERY_S - 1)
        assert it.looked() is None
        await asyncio.sleep(1)
        await it.looked()  # type: ignore[misc]

        assert published.gaps_s == pytest.approx([0, AT_MOST_EVERY_S])

    hurried(way())
