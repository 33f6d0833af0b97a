"""Those who bear tokens, before an authenticator that knows one issuer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

import pytest

from issuing import AUDIENCE, ISSUER, SigningKey, TestIssuer
from issuing import said as said_at
from tollhouse.auth.key_ring import KeyRing
from tollhouse.auth.signatures import ALGORITHMS
from tollhouse.auth.tokens import Issuer, Making, Tokens
from tollhouse.domain.claims import Expected, Rule
from tollhouse.domain.errors import TokenInvalid
from tollhouse.domain.identity import Principal
from tollhouse.domain.limiting import Defaults, Rules
from tollhouse.domain.people import Member, People
from tollhouse.domain.snapshot import Names, Snapshot

NOW = 1_800_000_000.0
"""The moment of all tests here: a token that one makes late in a long run is as good as an early one."""

said = partial(said_at, NOW)
DAY_S = 86_400
RULE = Rule({"groups": "ml"}, "acme", "default", "claim:sub", ("m",))
MEMBERS = {
    "tenant:acme": Member(1),
    "project:acme/default": Member(2),
    "user:acme/anna": Member(3),
    "user:acme/bob": Member(4),
    "issuer:okta": Member(5),
}


@dataclass
class Published:
    """What an issuer publishes, and how often it was asked for."""

    issuer: TestIssuer
    raw: bytes | Exception | None = None
    """What comes instead."""

    asked: int = 0

    async def fetch(self) -> bytes:
        self.asked += 1
        if isinstance(self.raw, Exception):
            raise self.raw
        return self.issuer.key_set if self.raw is None else self.raw


@dataclass
class Door:
    """One authenticator, and the clock that its keys grow old by."""

    published: Published
    algorithms: Sequence[str] = ("RS256", "PS256", "ES256", "EdDSA")
    rules: tuple[Rule, ...] = (RULE,)
    audiences: frozenset[str] = frozenset({AUDIENCE})
    members: dict[str, Member] = field(default_factory=lambda: dict(MEMBERS))
    most_kept: int = 1000
    clock_s: float = 0.0
    making: Making | None = None

    def __post_init__(self) -> None:
        self.ring = KeyRing(
            "okta",
            self.published.fetch,
            self.algorithms,
            refresh_s=240,
            stale_s=600,
            clock_s=lambda: self.clock_s,
        )
        expected = Expected("okta", ISSUER, self.audiences, DAY_S, self.rules)
        self.tokens = Tokens({ISSUER: Issuer(expected, self.ring)}, self.most_kept, self.making)
        self.people = People(self.members, Rules(Defaults(), {}))
        self.revision = 1

    @property
    def snapshot(self) -> Snapshot:
        return Snapshot(self.revision, {}, Names({}), {}, people=self.people)

    async def let_in(self, token: str, now: float) -> Principal:
        """As the pipeline asks: what it has to wait for it awaits, and asks anew."""
        found = self.tokens.identify(token, self.snapshot, now)
        while not isinstance(found, Principal):
            await found
            found = self.tokens.identify(token, self.snapshot, now)
        return found

    async def why_not(self, token: str, now: float) -> str:
        """What the log says of a token that is refused."""
        with pytest.raises(TokenInvalid) as caught:
            await self.let_in(token, now)
        assert caught.value.detail == TokenInvalid.title
        return caught.value.private or ""


def door(*keys: SigningKey, **settings: object) -> Door:
    issuer = TestIssuer(list(keys)) if keys else TestIssuer()
    return Door(Published(issuer), **settings)  # type: ignore[arg-type]


assert set(Door.algorithms) <= set(ALGORITHMS)
