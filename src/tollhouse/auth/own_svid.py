"""The X.509-SVID of this gateway itself, as the Workload API says it: a chain, and the private key to it."""

from __future__ import annotations

from dataclasses import dataclass, field

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
)

from tollhouse.auth.bundles import certificates_of
from tollhouse.auth.protobuf import MessageInvalid, single, text, texts
from tollhouse.domain import spiffe
from tollhouse.domain.spiffe import SpiffeInvalid

MOST_SVIDS, LONGEST_CHAIN = 64, 16
SVIDS = 1
ID, CHAIN, KEY = 1, 2, 3


@dataclass(frozen=True, slots=True)
class Svid:
    spiffe_id: str
    pem: bytes = field(repr=False)
    """The leaf and those above it, and the key."""


def own_svid(raw: bytes) -> Svid:
    """Of several the first, which is the usual one. Raises MessageInvalid."""
    listed = [value for _, value in texts(raw, SVIDS)]
    if not 0 < len(listed) <= MOST_SVIDS:
        raise MessageInvalid(f"it has no SVID, or more than {MOST_SVIDS}")
    said = single(listed[0], ID, CHAIN, KEY)
    try:
        named = str(spiffe.read(text(said.get(ID, b""))))
        return Svid(named, _pem(named, said.get(CHAIN, b""), said.get(KEY, b"")))
    except (SpiffeInvalid, UnsupportedAlgorithm, TypeError, ValueError) as error:
        raise MessageInvalid(f"its SVID cannot be used: {error}") from None


def _pem(named: str, chain: bytes, key: bytes) -> bytes:
    """Raises ValueError where the three do not belong together."""
    found = [x509.load_der_x509_certificate(each) for each in certificates_of(chain)]
    private = load_der_private_key(key, None)
    if not 0 < len(found) <= LONGEST_CHAIN:
        raise ValueError("it has no certificate, or too many")
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if found[0].public_key().public_bytes(*form) != private.public_key().public_bytes(*form):
        raise ValueError("its key is not that of its certificate")
    if _uris(found[0]) != [named]:
        raise ValueError("its certificate is of another id")
    own = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return b"".join([*(each.public_bytes(Encoding.PEM) for each in found), own])


def _uris(leaf: x509.Certificate) -> list[str]:
    try:
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return names.get_values_for_type(x509.UniformResourceIdentifier)
