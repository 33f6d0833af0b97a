"""Trust bundles: the roots of an authority, in PEM, in DER or as SPIFFE has it (JSON), read as strictly as tokens."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from tollhouse.domain import tokens

MOST_BYTES = 1024 * 1024
MOST_ROOTS = 256
OF_CERTIFICATES = "x509-svid"
SEQUENCE = 0x30
"""What a certificate begins with; its length follows, in more than one byte."""

UNREADABLE = (
    *(ValueError, x509.DuplicateExtension, x509.InvalidVersion),
    x509.UnsupportedGeneralNameType,
)
"""What reading a certificate raises: what is good enough for TLS need not be for us, who read the whole of it."""

Roots = Mapping[str, bytes]
"""By their thumbprints, in DER."""


class BundleInvalid(Exception):
    """Nothing of it is taken: half a bundle would let in, or shut out, by chance."""


def roots(raw: bytes) -> Roots:
    """Of a file. Raises BundleInvalid."""
    return _taken(raw, _of_json if raw.lstrip().startswith(b"{") else _of_pem)


def announced_roots(raw: bytes) -> Roots:
    """In DER, one after the other, as the Workload API says them. Raises BundleInvalid."""
    return _taken(raw, _of_der)


def _taken(raw: bytes, read: Callable[[bytes], Iterator[x509.Certificate]]) -> Roots:
    if len(raw) > MOST_BYTES:
        raise BundleInvalid(f"it has more than {MOST_BYTES} bytes")
    try:
        found = list(islice(read(raw), MOST_ROOTS + 1))
    except UNREADABLE as error:
        raise BundleInvalid(f"it cannot be read: {error}") from None
    if not 0 < len(found) <= MOST_ROOTS:
        raise BundleInvalid(f"it has no roots, or more than {MOST_ROOTS}")
    for each in found:
        _insist_on_authority(each)
    return {thumbprint(each): each.public_bytes(Encoding.DER) for each in found}


def thumbprint(certificate: x509.Certificate) -> str:
    return certificate.fingerprint(SHA256()).hex()


def _of_pem(raw: bytes) -> Iterator[x509.Certificate]:
    yield from x509.load_pem_x509_certificates(raw)


def _of_der(raw: bytes) -> Iterator[x509.Certificate]:
    for each in certificates_of(raw):
        yield x509.load_der_x509_certificate(each)


def certificates_of(raw: bytes) -> Iterator[bytes]:
    """Cut where the length of each says so. Raises ValueError."""
    at = 0
    while at < len(raw):
        long = raw[at + 1] - 0x80 if at + 1 < len(raw) else 0
        if raw[at] != SEQUENCE or not 0 < long <= 3:
            raise ValueError("what stands in it is no certificate")
        length = 2 + long + int.from_bytes(raw[at + 2 : at + 2 + long])
        if at + length > len(raw):
            raise ValueError("it is cut")
        yield raw[at : at + length]
        at += length


def _of_json(raw: bytes) -> Iterator[x509.Certificate]:
    """Those of its keys that are for certificates; for others there is no use here."""
    listed = tokens.strict_object(raw).get("keys")
    if not isinstance(listed, list):
        raise BundleInvalid("`keys` is no list")
    for each in listed:
        if not isinstance(each, dict):
            raise BundleInvalid("one of its keys is no object")
        if each.get("use") == OF_CERTIFICATES:
            yield _certificate(each)


def _certificate(said: Mapping[str, Any]) -> x509.Certificate:
    chain = said.get("x5c")
    if not isinstance(chain, list) or len(chain) != 1 or not isinstance(chain[0], str):
        raise BundleInvalid("one of its keys has not just one certificate as `x5c`")
    try:
        return x509.load_der_x509_certificate(base64.b64decode(chain[0], validate=True))
    except UNREADABLE:
        raise BundleInvalid("one of its certificates cannot be read") from None


def _insist_on_authority(certificate: x509.Certificate) -> None:
    """What is no authority would be believed as if it had shown itself."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    except (x509.ExtensionNotFound, *UNREADABLE):
        raise BundleInvalid("one of its certificates is not that of an authority") from None
    if not found.ca:
        raise BundleInvalid("one of its certificates is not that of an authority")
