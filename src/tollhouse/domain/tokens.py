"""What a signed token looks like (RFC 7515, 7519), read as strictly as it can be, and nothing of it believed.

    <head>.<claims>.<signature>

Each part has one spelling, no member comes twice, and what a head may say to lead a verifier astray is
refused before anything is done with it. Who signed it, and whether what it says is so, is for others.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn, TypeVar

from tollhouse.domain import spiffe

SHAPE = "eyJ"
"""How every one begins: a brace and a quote, encoded."""

LONGEST = 8192
PARTS = 3
TYPES = frozenset({"jwt", "at+jwt", "application/at+jwt"})
LEADS_ASTRAY = frozenset(
    ("crit", "b64", "zip", "cty", "enc", "epk", "apu", "apv", "jku", "jwk", "x5u", "x5c")
)
"""Extensions, other keys than ours, and signs of something that is no plain signed token."""

Claims = Mapping[str, Any]
T = TypeVar("T")

_key_id = re.compile(r"[A-Za-z0-9._=+/-]{1,128}").fullmatch


class TokenRefused(Exception):
    """Why, in words for the log and for operators. Its bearer is never told."""


class NoRuleFits(TokenRefused):
    """It stands for nobody."""


@dataclass(frozen=True, slots=True)
class Token:
    """As it came. `signed` is what the signature is over."""

    algorithm: str
    key_id: str | None
    claims: Claims
    signed: bytes
    signature: bytes

    @property
    def issuer(self) -> str:
        """Whom it names; empty where it names nobody."""
        named = self.claims.get("iss")
        return named if isinstance(named, str) else ""

    def found_in(self, known: Mapping[str, T]) -> T | None:
        """What is known by whom it names; a JWT-SVID may leave that to its subject's trust domain."""
        named = self.claims.get("sub")
        domain = spiffe.domain_of(named) if isinstance(named, str) else ""
        return known.get(self.issuer) or known.get(domain)


def read(text: str) -> Token:
    """Raises TokenRefused."""
    if len(text) > LONGEST:
        raise TokenRefused("it is longer than any token may be")
    parts = text.split(".")
    if len(parts) != PARTS:
        raise TokenRefused("it has not three parts")
    head, claims, signature = (_decoded(part) for part in parts)
    algorithm, key_id = _read_head(_object(head, "head"))
    signed = f"{parts[0]}.{parts[1]}".encode()
    return Token(algorithm, key_id, _object(claims, "claims"), signed, signature)


def strict_object(raw: bytes) -> dict[str, Any]:
    """A JSON object without doubled members or numbers that are none. Raises ValueError."""
    try:
        found = json.loads(raw.decode(), object_pairs_hook=_once, parse_constant=_no_number)
    except RecursionError:
        raise ValueError("it is nested too deep") from None
    if not isinstance(found, dict):
        raise ValueError("it is no object")  # noqa: TRY004 - of a text, not of a type
    return found


def bytes_of(text: str) -> bytes:
    """From base64url without padding, in its one spelling. Raises ValueError."""
    raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if not raw or base64.urlsafe_b64encode(raw).rstrip(b"=").decode() != text:
        raise ValueError("empty, or another spelling")
    return raw


def _read_head(head: Claims) -> tuple[str, str | None]:
    if astray := LEADS_ASTRAY & head.keys():
        raise TokenRefused(f"its head says {', '.join(sorted(astray))}")
    algorithm, key_id, kind = head.get("alg"), head.get("kid"), head.get("typ", "JWT")
    if not isinstance(algorithm, str):
        raise TokenRefused("its head names no algorithm")
    if "kid" in head and not (isinstance(key_id, str) and _key_id(key_id)):
        raise TokenRefused("its `kid` is none")
    if not isinstance(kind, str) or kind.lower() not in TYPES:
        raise TokenRefused("its `typ` is not that of an access token")
    return algorithm, key_id


def _decoded(part: str) -> bytes:
    try:
        return bytes_of(part)
    except ValueError:
        raise TokenRefused("a part of it is not base64url in its one spelling") from None


def _object(raw: bytes, what: str) -> dict[str, Any]:
    try:
        return strict_object(raw)
    except ValueError:  # also what is no text, or no JSON
        raise TokenRefused(f"its {what} cannot be read strictly") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a member comes twice")
    return found


def _no_number(_constant: str) -> NoReturn:
    raise ValueError("a number that is none")
