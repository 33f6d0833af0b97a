"""Signatures of tokens (RFC 7518): which algorithm fits which key, and whether one holds.

Asymmetric ones alone. The key says what may be done with it; a token can only agree.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey | Ed25519PublicKey
Check = Callable[[PublicKey, bytes, bytes], None]

HASHES: Mapping[str, hashes.HashAlgorithm] = {
    "256": hashes.SHA256(),
    "384": hashes.SHA384(),
    "512": hashes.SHA512(),
}
CURVES: Mapping[str, tuple[str, int]] = {
    "secp256r1": ("ES256", 32),
    "secp384r1": ("ES384", 48),
    "secp521r1": ("ES512", 66),
}
"""The one algorithm of each, and how many bytes each half of a signature has."""

OF_RSA = tuple(f"{family}{size}" for family in ("RS", "PS") for size in HASHES)
ALGORITHMS = (*OF_RSA, *(algorithm for algorithm, _ in CURVES.values()), "EdDSA")


@dataclass(frozen=True, slots=True)
class Key:
    """One of an issuer's, and what may be done with it."""

    public: PublicKey
    algorithms: frozenset[str]

    def holds(self, algorithm: str, signed: bytes, signature: bytes) -> bool:
        """False also for an algorithm that is not one of this key."""
        if algorithm not in self.algorithms:
            return False
        try:
            _check(self.public, algorithm, signed, signature)
        except (InvalidSignature, ValueError):
            return False
        return True


def fitting(public: PublicKey) -> frozenset[str]:
    """What can be done with such a key at all."""
    if isinstance(public, rsa.RSAPublicKey):
        return frozenset(OF_RSA)
    if isinstance(public, Ed25519PublicKey):
        return frozenset({"EdDSA"})
    return frozenset({CURVES[public.curve.name][0]}) if public.curve.name in CURVES else frozenset()


def spend_as_much(algorithm: str, signed: bytes, signature: bytes) -> None:
    """What a look at a signature costs, where there is no key to look with: no clock tells the difference."""
    nobodys().get(algorithm, nobodys()["ES256"]).holds(algorithm, signed, signature)


@cache
def nobodys() -> Mapping[str, Key]:
    """A key for each algorithm with which nobody has signed anything. That of RSA is no key at all: it
    has no factors that anybody knows."""
    modulus = secrets.randbits(2046) | 1 << 2047 | 1
    made: list[PublicKey] = [
        rsa.RSAPublicNumbers(65537, modulus).public_key(),
        Ed25519PrivateKey.generate().public_key(),
        *(
            ec.generate_private_key(curve).public_key()
            for curve in (ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1())
        ),
    ]
    return {
        algorithm: Key(public, fitting(public)) for public in made for algorithm in fitting(public)
    }


def _check(public: PublicKey, algorithm: str, signed: bytes, signature: bytes) -> None:
    """Raises InvalidSignature, ValueError."""
    if isinstance(public, rsa.RSAPublicKey):
        digest = HASHES[algorithm[2:]]
        padded: padding.AsymmetricPadding = padding.PKCS1v15()
        if algorithm.startswith("PS"):
            padded = padding.PSS(padding.MGF1(digest), digest.digest_size)
        public.verify(signature, signed, padded, digest)
    elif isinstance(public, Ed25519PublicKey):
        public.verify(signature, signed)
    else:
        half = CURVES[public.curve.name][1]
        if len(signature) != 2 * half:
            raise InvalidSignature
        numbers = (int.from_bytes(signature[:half]), int.from_bytes(signature[half:]))
        digest = HASHES[{"ES256": "256", "ES384": "384", "ES512": "512"}[algorithm]]
        public.verify(encode_dss_signature(*numbers), signed, ec.ECDSA(digest))
