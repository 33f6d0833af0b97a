"""How whoever shows a certificate, or a token that stands in a file, comes in. Nobody is called for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from tollhouse.control.explain import Arrival, Step
from tollhouse.control.explain_token import said_of_caller, said_of_claims
from tollhouse.domain import claims, static_tokens
from tollhouse.domain.certificates import Certificate
from tollhouse.domain.claims import Expected
from tollhouse.domain.errors import CertificateInvalid, KeyMissing, KeyUnknown
from tollhouse.domain.snapshot import Snapshot
from tollhouse.domain.static_tokens import Bearer
from tollhouse.domain.tokens import NoRuleFits, TokenRefused

Table = tuple[Sequence[bytes], str, Bearer]
"""Digests of a table's tokens, what hinders them from being read, and whose calls they are."""


def by_certificate(
    snapshot: Snapshot, shown: Certificate, authorities: Mapping[str, Expected], now: float
) -> Arrival:
    """Of one whose chain was followed."""
    yield Step("certificate", _named(shown))
    if shown.flaw:
        raise CertificateInvalid(shown.flaw)
    if not shown.not_before <= now < shown.not_after:
        raise CertificateInvalid("it, or one of its chain, has expired, or its time has not come")
    expected = authorities[shown.authority]
    yield Step("chain", f"it leads to a root of [authorities.{shown.authority}]")
    try:
        claimed = claims.certified(shown, expected)
        yield Step("claims", said_of_claims(claimed))
        principal = snapshot.people.principal(claimed)
    except NoRuleFits:
        raise KeyMissing(
            f"no rule of [authorities.{shown.authority}] fits: it opens nothing by itself, and may come beside a key"
        ) from None
    except TokenRefused as refused:
        raise CertificateInvalid(str(refused)) from None
    yield Step("caller", said_of_caller(claimed.account, principal))
    return principal


def by_static_token(snapshot: Snapshot, text: str, tables: Sequence[Table]) -> Arrival:
    shown = static_tokens.digest(text)
    bearer = next((bearer for digests, _, bearer in tables if shown in digests), None)
    if bearer is None:
        ills = [f"; those of {bearer.key} cannot be had: {ill}" for _, ill, bearer in tables if ill]
        raise KeyUnknown(f"it stands in none of [static_tokens]{''.join(ills)}")
    yield Step("token", f"it stands in [static_tokens.{bearer.key}]")
    try:
        principal = snapshot.people.standing_for(bearer.of(shown))
    except TokenRefused as refused:
        raise KeyUnknown(str(refused)) from None
    yield Step("caller", said_of_caller(bearer.account, principal))
    return principal


def _named(shown: Certificate) -> str:
    until = datetime.fromtimestamp(shown.not_after, UTC).isoformat()[:19]
    return f"{shown.name!r}, thumbprint {shown.thumbprint}, good until {until}Z with its chain"
