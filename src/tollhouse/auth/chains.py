"""Which chain a certificate in a file has, for whoever wants to know before a handshake does.

TLS itself is OpenSSL's: it also looks at what each of the chain may be used for.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding

from tollhouse.auth.bundles import Roots

MOST_BYTES = 64 * 1024


class ChainInvalid(Exception):
    """What is in the file is no certificate, in words for operators."""


def chain(raw: bytes, bundles: Iterable[Roots]) -> Sequence[bytes]:
    """In DER, the leaf first; ends with the root that it leads to, if there is one. Raises ChainInvalid."""
    if len(raw) > MOST_BYTES:
        raise ChainInvalid(f"it has more than {MOST_BYTES} bytes")
    try:
        given = x509.load_pem_x509_certificates(raw)
    except ValueError:
        raise ChainInvalid("it is no PEM file with a certificate") from None
    roots = [x509.load_der_x509_certificate(der) for each in bundles for der in each.values()]
    led = [given[0]]
    while above := next((it for it in (*roots, *given[1:]) if _issued(led[-1], it, led)), None):
        led.append(above)
    return [each.public_bytes(Encoding.DER) for each in led]


def _issued(below: x509.Certificate, above: x509.Certificate, led: list[x509.Certificate]) -> bool:
    if above in led:
        return False
    try:
        below.verify_directly_issued_by(above)
    except (InvalidSignature, TypeError, ValueError):
        return False
    return True
