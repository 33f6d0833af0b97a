"""The set of keys that an issuer publishes (RFC 7517), read as strictly as its tokens."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from tollhouse.auth.signatures import Key, PublicKey, fitting
from tollhouse.domain import tokens

MOST_BYTES = 64 * 1024
MOST_KEYS = 32
LEAST_RSA_BITS, MOST_RSA_BITS = 2048, 8192
LONGEST_KEY_ID = 128
SIGNING = "sig"
"""What a key is for that does not say so."""

Use = frozenset[str]
FOR_SIGNING, FOR_SVIDS = frozenset({SIGNING}), frozenset({"jwt-svid"})
FOR_SVIDS_ALONE = FOR_SIGNING | FOR_SVIDS
"""In a set that has nothing else, where it need not be said."""

PRIVATE = frozenset(("d", "p", "q", "dp", "dq", "qi", "oth"))
CURVES: Mapping[str, ec.EllipticCurve] = {
    "P-256": ec.SECP256R1(),
    "P-384": ec.SECP384R1(),
    "P-521": ec.SECP521R1(),
}

_Y8 = "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"
_OTHER_Y8 = "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"
SMALL = frozenset(
    map(
        bytes.fromhex,
        ("00" * 32, "01" + "00" * 31, _Y8, _OTHER_Y8)
        + tuple(first + "ff" * 30 + "7f" for first in ("ec", "ed", "ee")),
    )
)
"""Points of Ed25519 under which one signature fits many texts, without their sign."""

KeySet = Mapping[str, Key]


class KeySetInvalid(Exception):
    """Nothing of it is taken: half a set would let in by chance."""


class KeySetWithdrawn(KeySetInvalid):
    """Whoever had it says that it is none any more."""


def key_set(raw: bytes, algorithms: Collection[str], use: Use = FOR_SIGNING) -> KeySet:
    """By their ids, those of that use that sign with one of the algorithms. Raises KeySetInvalid."""
    listed = _listed(raw)
    found: dict[str, Key] = {}
    for each in listed:
        if not isinstance(each, dict):
            raise KeySetInvalid("one of its keys is no object")
        if PRIVATE & each.keys():
            raise KeySetInvalid("it has a private key in it")
        key_id = each.get("kid", "")
        if not isinstance(key_id, str) or len(key_id) > LONGEST_KEY_ID:
            raise KeySetInvalid("one of its keys has a `kid` that is none")
        if (key := _key(each, algorithms, use)) is None:
            continue
        if key_id in found:
            raise KeySetInvalid("two of its keys have one `kid`")
        found[key_id] = key
    if not found:
        raise KeySetInvalid("none of its keys signs with one of `algorithms`")
    return found


def single(said: Mapping[str, Any], algorithms: Collection[str]) -> Key:
    """One key by itself, in public. Raises KeySetInvalid."""
    key = _key(said, algorithms, FOR_SIGNING)
    if key is None:
        raise KeySetInvalid("it is no key that signs with one of the algorithms")
    return key


def _listed(raw: bytes) -> list[Any]:
    if len(raw) > MOST_BYTES:
        raise KeySetInvalid(f"it has more than {MOST_BYTES} bytes")
    try:
        listed = tokens.strict_object(raw).get("keys")
    except ValueError as error:
        raise KeySetInvalid(f"it is no set of keys: {error}") from None
    if not isinstance(listed, list) or len(listed) > MOST_KEYS:
        raise KeySetInvalid(f"`keys` is no list of at most {MOST_KEYS}")
    return listed


def _key(said: Mapping[str, Any], algorithms: Collection[str], use: Use) -> Key | None:
    """None for what is for something else. Raises KeySetInvalid on a key that should be one."""
    if said.get("use", SIGNING) not in use or "verify" not in said.get("key_ops", ["verify"]):
        return None
    try:
        public = _public(said)
    except (TypeError, ValueError, UnsupportedAlgorithm):
        raise KeySetInvalid("one of its keys cannot be read") from None
    if public is None:
        return None
    can = fitting(public) & frozenset(algorithms)
    if "alg" in said:
        can &= {said["alg"]} if isinstance(said["alg"], str) else frozenset()
    return Key(public, can) if can else None


def _public(said: Mapping[str, Any]) -> PublicKey | None:
    """None for a kind that is not taken. Raises TypeError, ValueError."""
    match said.get("kty"):
        case "RSA":
            return _rsa(_number(said.get("n")), _number(said.get("e")))
        case "EC" if said.get("crv") in CURVES:
            x, y = _number(said.get("x")), _number(said.get("y"))
            return ec.EllipticCurvePublicNumbers(x, y, CURVES[said["crv"]]).public_key()
        case "OKP" if said.get("crv") == "Ed25519":
            raw = tokens.bytes_of(said.get("x", ""))
            if raw[:31] + bytes([raw[-1] & 0x7F]) in SMALL:
                raise ValueError("a point of small order")
            return Ed25519PublicKey.from_public_bytes(raw)
    return None


def _rsa(modulus: int, exponent: int) -> PublicKey:
    if not LEAST_RSA_BITS <= modulus.bit_length() <= MOST_RSA_BITS:
        raise ValueError("too short, or too long")
    if _is_guessable(modulus):
        raise ValueError("its factors are found in days")
    return rsa.RSAPublicNumbers(exponent, modulus).public_key()


def _is_guessable(modulus: int) -> bool:
    """By what a library of smart cards is known whose keys anybody can factor (CVE-2017-15361): it made primes
    of powers of 65537, so that their product is one as well, modulo each of these."""
    primes = (n for n in range(3, 168) if all(n % divisor for divisor in range(2, n)))
    return all(
        any(modulus % prime == pow(65537, n, prime) for n in range(prime)) for prime in primes
    )


def _number(text: Any) -> int:
    return int.from_bytes(tokens.bytes_of(text))
