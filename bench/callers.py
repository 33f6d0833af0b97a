"""What it costs to know who comes: by a key of ours, by a certificate or a token that was seen before, by a new token.

`python -m bench.callers SECONDS` prints the figures as JSON. The token is of the usual size and signed with
RSA; a new one is looked at with the dearest of the usual algorithms.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from bench.lanes import taking_turns
from certificates import Authority as SigningAuthority
from certificates import der
from issuing import AUDIENCE, ISSUER, SigningKey, TestIssuer, said, signing_key
from tollhouse.auth import bundles
from tollhouse.auth.bundles import Roots
from tollhouse.auth.certificates import Authority, Certificates
from tollhouse.auth.key_ring import KeyRing
from tollhouse.auth.tokens import Issuer, Tokens
from tollhouse.auth.virtual_keys import VirtualKeys
from tollhouse.domain.certificates import Certificate
from tollhouse.domain.claims import Expected, Rule
from tollhouse.domain.credentials import Digest, assemble, digest
from tollhouse.domain.identity import KeyRecord, Principal
from tollhouse.domain.limiting import Defaults, Rules
from tollhouse.domain.people import Member, People
from tollhouse.domain.snapshot import Names, Snapshot

PEPPER = b"p" * 32
WORKLOAD = "spiffe://bench.test/ns/web"
KEY_ID = "a1b2c3d4e5f6"
KEY = assemble(KEY_ID, "S" * 32)
CALLER = Principal(KEY_ID, "acme", "acme/default", "acme/anna", (1, 2, 3, 4), ("m",))
OWNERS = ("tenant:acme", "project:acme/default", "user:acme/anna", "issuer:bench")
PEOPLE = People(
    {owner: Member(number) for number, owner in enumerate(OWNERS, start=1)}, Rules(Defaults(), {})
)
SNAPSHOT = Snapshot(
    1, {KEY_ID: KeyRecord(CALLER, Digest(1, digest(KEY, PEPPER)))}, Names({}), {}, people=PEOPLE
)
ALGORITHMS = ("RS256", "ES256", "EdDSA")
LONG = {"scope": "openid profile email " * 4, "groups": [f"team-{n}" for n in range(20)]}


@dataclass
class Known:
    """Implements Bundle."""

    roots: Roots


def measured(seconds: float) -> dict[str, float]:
    keys, now = VirtualKeys({1: PEPPER}), time.time()
    issuing = [signing_key(algorithm, algorithm) for algorithm in ALGORITHMS]
    seen = _tokens(issuing)
    token = _token(issuing[0])
    vouching, shown = _certified(now)
    by_key, kept, certified = taking_turns(
        [
            lambda: keys.identify(KEY, SNAPSHOT, now),
            lambda: seen.identify(token, SNAPSHOT, now),
            lambda: vouching.identify(shown, SNAPSHOT, now),
        ],
        seconds / 2,
    )
    new = taking_turns([_looking(issuing, each) for each in issuing], seconds / 2)
    return {
        "key_us": by_key,
        "token_kept_us": kept,
        "token_new_us": max(new),
        "token_x_key": kept / by_key,
        "certificate_kept_us": certified,
        "certificate_x_key": certified / by_key,
    }


def _certified(now: float) -> tuple[Certificates, Certificate]:
    """As one stands after its connection's first call."""
    with TemporaryDirectory() as folder:
        root = SigningAuthority(Path(folder))
        known = Known(bundles.roots(root.file.read_bytes()))
        rule = Rule({"sub": f"{WORKLOAD}*"}, "acme", "default", "anna", ("m",))
        vouching = Certificates([Authority("bench", known, "bench.test", (rule,))])
        shown = vouching.read([der(root.svid(WORKLOAD)), root.root])
    if vouching.identify(shown, SNAPSHOT, now) is None:
        raise SystemExit("the certificate is nobody's")
    return vouching, shown


def _looking(issuing: list[SigningKey], key: SigningKey) -> Callable[[], object]:
    """As if it had never been seen: there is no room to remember it in but for the one before."""
    tokens, texts, now = _tokens(issuing, most_kept=1), [_token(key), _token(key)], time.time()

    def look() -> None:
        texts.reverse()
        tokens.identify(texts[0], SNAPSHOT, now)

    return look


def _tokens(issuing: list[SigningKey], most_kept: int = 100) -> Tokens:
    key_set = TestIssuer(issuing).key_set

    async def published() -> bytes:
        return key_set

    ring = KeyRing("bench", published, ALGORITHMS, refresh_s=3600, stale_s=3600)
    rule = Rule({"groups": "team-19"}, "acme", "default", "anna", ("m",))
    expected = Expected("bench", ISSUER, frozenset({AUDIENCE}), 86_400, (rule,))
    tokens = Tokens({ISSUER: Issuer(expected, ring)}, most_kept)

    async def begin() -> None:
        looked = tokens.identify(_token(issuing[0]), SNAPSHOT, time.time())
        if not isinstance(looked, Principal):
            await looked

    asyncio.run(begin())
    return tokens


def _token(key: SigningKey) -> str:
    lives_s = 3600
    return key.token(said(**LONG, exp=int(time.time()) + lives_s, jti=str(time.perf_counter_ns())))


if __name__ == "__main__":
    sys.stdout.write(msgspec.json.encode(measured(float(sys.argv[1]))).decode())
