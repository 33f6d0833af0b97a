"""How the bearer of a token comes in: what it says, which rule fits, who that is. Nobody is called for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from tollhouse.control.explain import Arrival, Step
from tollhouse.domain import claims, tokens
from tollhouse.domain.claims import Claimed, Expected
from tollhouse.domain.errors import TokenInvalid
from tollhouse.domain.identity import Principal
from tollhouse.domain.snapshot import Snapshot
from tollhouse.domain.tokens import Token, TokenRefused

Holds = Callable[[Token], bool | None]
"""Whether a signature does; None where its keys would have to be asked for."""


def by_token(
    snapshot: Snapshot, text: str, issuers: Mapping[str, Expected], holds: Holds, now: float
) -> Arrival:
    """`issuers` by their `iss`. Says to the operator what the bearer is not told."""
    try:
        token = tokens.read(text)
        expected = _known(token, issuers)
        yield Step("token", _read(token, expected))
        yield Step("signed", _signed(token, holds))
        claimed = claims.claimed(token.claims, expected, now)
        yield Step("claims", said_of_claims(claimed))
        principal = snapshot.people.principal(claimed)
        yield Step("caller", said_of_caller(claimed.account, principal))
    except TokenRefused as refused:
        raise TokenInvalid(str(refused)) from None
    return principal


def _read(token: Token, expected: Expected) -> str:
    named = "no key" if token.key_id is None else f"the key {token.key_id!r}"
    return f"it names {token.algorithm!r} and {named} of the issuer {expected.name}"


def _known(token: Token, issuers: Mapping[str, Expected]) -> Expected:
    expected = token.found_in(issuers)
    if expected is None:
        raise TokenRefused(
            f"none of [issuers] has the `iss` {token.issuer[:200]!r}, and no authority its `sub`"
        )
    return expected


def _signed(token: Token, holds: Holds) -> str:
    does_hold = holds(token)
    if does_hold is None:
        return "not looked at: the issuer's keys would have to be asked for"
    if not does_hold:
        raise TokenRefused("its signature does not hold, or its issuer has no such key")
    return "its signature holds"


def said_of_claims(claimed: Claimed) -> str:
    until = datetime.fromtimestamp(claimed.until, UTC).isoformat()[:19]
    return f"about {claimed.subject!r}, good until {until}Z; rule {claimed.rule} fits"


def said_of_caller(account: str, caller: Principal) -> str:
    return (
        f"{caller.key} is {caller.user} in {caller.project}, {caller.priority} priority; {account} "
        f"pays too; may call {_listed(caller.models)}"
    )


def _listed(models: Sequence[str]) -> str:
    return ", ".join(models) or "no model"
