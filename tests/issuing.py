"""An issuer of tokens: keys of its own, sets of them as it would publish them, tokens good and bad.

Signs with `cryptography` alone, by the letter of RFC 7515: nothing here is shared with what verifies.
"""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

ISSUER = "https://login.example.com"
AUDIENCE = "https://llm.example.com"
CURVES: Mapping[str, tuple[str, ec.EllipticCurve, int]] = {
    "ES256": ("P-256", ec.SECP256R1(), 32),
    "ES384": ("P-384", ec.SECP384R1(), 48),
    "ES512": ("P-521", ec.SECP521R1(), 66),
    "ES256K": ("secp256k1", ec.SECP256K1(), 32),
}

Private = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | Ed25519PrivateKey


@dataclass
class SigningKey:
    id: str
    algorithm: str
    private: Private

    @property
    def public(self) -> dict[str, Any]:
        """As a set of keys lists it."""
        said = {"kid": self.id, "alg": self.algorithm, "use": "sig"}
        public = self.private.public_key()
        if isinstance(public, rsa.RSAPublicKey):
            numbers = public.public_numbers()
            return {**said, "kty": "RSA", "n": number(numbers.n), "e": number(numbers.e)}
        if isinstance(public, ec.EllipticCurvePublicKey):
            name, _, size = CURVES[self.algorithm]
            at = public.public_numbers()
            point = {"x": number(at.x, size), "y": number(at.y, size)}
            return {**said, "kty": "EC", "crv": name, **point}
        raw = public.public_bytes(Encoding.Raw, PublicFormat.Raw)
        return {**said, "kty": "OKP", "crv": "Ed25519", "x": encoded(raw)}

    def sign(self, signed: bytes, algorithm: str = "") -> bytes:
        algorithm = algorithm or self.algorithm
        digest = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}.get(
            algorithm[2:5], hashes.SHA256()
        )
        if isinstance(self.private, rsa.RSAPrivateKey):
            padded = (
                padding.PSS(padding.MGF1(digest), digest.digest_size)
                if algorithm.startswith("PS")
                else padding.PKCS1v15()
            )
            return self.private.sign(signed, padded, digest)
        if isinstance(self.private, ec.EllipticCurvePrivateKey):
            size = CURVES[self.algorithm][2]
            r, s = decode_dss_signature(self.private.sign(signed, ec.ECDSA(digest)))
            return r.to_bytes(size) + s.to_bytes(size)
        return self.private.sign(signed)

    def token(self, claims: Mapping[str, Any] | bytes, /, **head: Any) -> str:
        """A head with None leaves that member out."""
        whole = {"alg": self.algorithm, "kid": self.id, "typ": "JWT", **head}
        return self.signed(json.dumps({k: v for k, v in whole.items() if v is not None}), claims)

    def signed(self, head: str, claims: Mapping[str, Any] | bytes, algorithm: str = "") -> str:
        body = claims if isinstance(claims, bytes) else json.dumps(claims).encode()
        said = f"{encoded(head.encode())}.{encoded(body)}"
        return f"{said}.{encoded(self.sign(said.encode(), algorithm))}"


@dataclass
class TestIssuer:
    """Signs with its first key."""

    __test__ = False

    keys: list[SigningKey] = field(default_factory=lambda: [signing_key("k1", "ES256")])
    issuer: str = ISSUER

    @property
    def key_set(self) -> bytes:
        return json.dumps({"keys": [key.public for key in self.keys]}).encode()

    def token(self, **claims: Any) -> str:
        return self.keys[0].token(said(**{"iss": self.issuer, **claims}))


def said(at: float | None = None, /, **claims: Any) -> dict[str, Any]:
    """What a good token says, with some of it changed; None leaves a claim out."""
    now = int(time.time() if at is None else at)
    whole = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "anna",
        "iat": now,
        "exp": now + 600,
        "groups": ["ml"],
        **claims,
    }
    return {name: value for name, value in whole.items() if value is not None}


def signing_key(key_id: str, algorithm: str, number: int = 0) -> SigningKey:
    return SigningKey(key_id, algorithm, _private(algorithm, number))


@cache
def _private(algorithm: str, number: int) -> Private:
    """Made once for each number: RSA takes its time."""
    if algorithm.startswith(("RS", "PS")):
        return rsa.generate_private_key(65537, 2048)
    if algorithm == "EdDSA":
        return Ed25519PrivateKey.generate()
    return ec.generate_private_key(CURVES[algorithm][1])


def encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def number(value: int, size: int = 0) -> str:
    return encoded(value.to_bytes(size or (value.bit_length() + 7) // 8))


def named(case: object) -> str:
    """For the name of a test: without keys, which each process draws for itself."""
    return re.sub(r"'[\w-]{40,}'", "…", repr(case))
