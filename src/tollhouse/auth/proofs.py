"""Proofs of possession (DPoP, RFC 9449): whoever uses a key or token that is bound shows, with each call, that they
hold the private key that it is bound to.

    DPoP: <head>.<claims>.<signature>

A proof is for one request: its method and path, the key or token that comes with it, and a moment. It is taken once in
each process, within `life_s`. Whatever is wrong with one, its bearer is told the same.
"""

from __future__ import annotations

import base64
import json
from collections import OrderedDict
from collections.abc import Mapping
from hashlib import sha256
from typing import Any
from urllib.parse import unquote, urlsplit

from tollhouse.auth.key_sets import PRIVATE, KeySetInvalid, single
from tollhouse.auth.signatures import ALGORITHMS
from tollhouse.domain import tokens
from tollhouse.domain.errors import Overloaded, ProofInvalid
from tollhouse.domain.exchange import Proving
from tollhouse.domain.tokens import TokenRefused

TYPE = "dpop+jwt"
HEAD = frozenset({"typ", "alg", "jwk"})
LIFE_S, AHEAD_S = 60, 10
"""A client's clock may be so far behind, or ahead."""

MOST_KEPT = 65_536
LONGEST, LONGEST_ID = 4096, 256
MEMBERS = {"EC": ("crv", "kty", "x", "y"), "RSA": ("e", "kty", "n"), "OKP": ("crv", "kty", "x")}


class Proofs:
    """Implements Prover. `origin` is what clients call this gateway by; without it, it is what `Host` says."""

    def __init__(self, origin: str = "", most_kept: int = MOST_KEPT) -> None:
        self._origin = origin
        self._most_kept = most_kept
        self._taken: OrderedDict[bytes, float] = OrderedDict()

    def insist(self, proving: Proving, thumbprint: str, now_s: float) -> None:
        """Raises ProofInvalid, and Overloaded where no more proofs can be told apart."""
        try:
            claims = self._read(proving.proof, thumbprint)
            self._insist_on_request(claims, proving)
            taken = _taken_as(claims, thumbprint)
            self._insist_on_time(claims, now_s)
        except (TokenRefused, KeySetInvalid) as refused:
            raise ProofInvalid(private=str(refused)) from None
        self._take(taken, now_s)

    def _read(self, proof: str, expected: str) -> Mapping[str, Any]:
        """The thumbprint is looked at first: nobody else makes us look at signatures."""
        if len(proof) > LONGEST:
            raise TokenRefused("the proof is longer than any may be")
        parts = proof.split(".")
        if len(parts) != tokens.PARTS:
            raise TokenRefused("the proof has not three parts")
        try:
            head, claims = (tokens.strict_object(tokens.bytes_of(part)) for part in parts[:2])
            signature = tokens.bytes_of(parts[2])
        except ValueError:
            raise TokenRefused("the proof cannot be read strictly") from None
        if head.keys() != HEAD or head["typ"] != TYPE or head["alg"] not in ALGORITHMS:
            raise TokenRefused("the head of the proof is not that of one")
        jwk = head["jwk"]
        if not isinstance(jwk, dict) or PRIVATE & jwk.keys() or thumbprint(jwk) != expected:
            raise TokenRefused("the proof is by another key than what it goes with is bound to")
        signed = f"{parts[0]}.{parts[1]}".encode()
        if not single(jwk, ALGORITHMS).holds(head["alg"], signed, signature):
            raise TokenRefused("the signature of the proof does not hold")
        return claims

    def _insist_on_request(self, claims: Mapping[str, Any], proving: Proving) -> None:
        if claims.get("htm") != proving.method:
            raise TokenRefused("the proof is for another method")
        if not self._is_here(claims.get("htu"), proving):
            raise TokenRefused("the proof is for another address")
        if claims.get("ath") != _encoded(sha256(proving.credential.encode("latin-1")).digest()):
            raise TokenRefused("the proof is for another key or token")

    def _is_here(self, said: Any, proving: Proving) -> bool:
        """Query and fragment count for nothing."""
        if not isinstance(said, str) or not said.isascii() or not said.isprintable():
            return False
        try:
            url = urlsplit(said)
        except ValueError:
            return False
        origins = (
            {self._origin}
            if self._origin
            else {f"{it}://{proving.host}" for it in ("https", "http")}
        )
        origin = f"{url.scheme}://{url.netloc}".lower()
        return origin in {each.lower() for each in origins} and unquote(url.path) == proving.path

    def _insist_on_time(self, claims: Mapping[str, Any], now_s: float) -> None:
        issued_at = claims.get("iat")
        if type(issued_at) is not int or not now_s - LIFE_S <= issued_at <= now_s + AHEAD_S:
            raise TokenRefused("the proof is of another time")

    def _take(self, taken: bytes, now_s: float) -> None:
        """Only what was proved is remembered, so a stranger fills nothing; and nothing that counts is forgotten."""
        kept = self._taken
        while kept and next(iter(kept.values())) <= now_s:
            kept.popitem(last=False)
        if taken in kept:
            raise ProofInvalid(private="the proof was taken before")
        if len(kept) >= self._most_kept:
            raise Overloaded(private="as many proofs came as can be told apart", retry_after_s=1)
        kept[taken] = now_s + LIFE_S + AHEAD_S


def thumbprint(jwk: Mapping[str, Any]) -> str:
    """RFC 7638; empty for what has none."""
    names = MEMBERS.get(str(jwk.get("kty")), ())
    said = {name: jwk.get(name) for name in names}
    if not said or not all(isinstance(value, str) for value in said.values()):
        return ""
    return _encoded(sha256(json.dumps(said, separators=(",", ":")).encode()).digest())


def _taken_as(claims: Mapping[str, Any], by: str) -> bytes:
    said = claims.get("jti")
    if not isinstance(said, str) or not 0 < len(said) <= LONGEST_ID:
        raise TokenRefused("the proof has no `jti`")
    return sha256(f"{by} {said}".encode("utf-8", "surrogatepass")).digest()


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
