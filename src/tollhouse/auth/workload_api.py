"""What the SPIFFE Workload API says: each message is the whole of what holds from then on."""

from __future__ import annotations

from collections.abc import Mapping

from tollhouse.auth.protobuf import MessageInvalid, table, texts
from tollhouse.domain import spiffe

SERVICE = "/SpiffeWorkloadAPI/"
X509_BUNDLES, JWT_BUNDLES = f"{SERVICE}FetchX509Bundles", f"{SERVICE}FetchJWTBundles"
X509_SVIDS = f"{SERVICE}FetchX509SVID"
METADATA = (("workload.spiffe.io", "true"),)
"""Whoever makes others send requests for him cannot make them send this."""

MOST_BYTES = 4 * 1024 * 1024
MOST_DOMAINS = 1024

Said = Mapping[str, bytes]
"""By the name of the trust domain."""


def x509_bundles(raw: bytes) -> Said:
    """Certificates in DER, one after the other. Raises MessageInvalid."""
    return _by_domain(raw, 2)


def jwt_bundles(raw: bytes) -> Said:
    """Sets of keys in JSON. Raises MessageInvalid."""
    return _by_domain(raw, 1)


def _by_domain(raw: bytes, number: int) -> Said:
    entries = [value for _, value in texts(raw, number)]
    if not 0 < len(entries) <= MOST_DOMAINS:
        raise MessageInvalid(f"it has no bundles, or more than {MOST_DOMAINS}")
    return {_domain(name): _whole(bundle) for name, bundle in table(entries).items()}


def _domain(name: str) -> str:
    domain = name.removeprefix(spiffe.SCHEME)
    if domain == name or not spiffe.is_trust_domain(domain):
        raise MessageInvalid("one of its bundles is of no trust domain")
    return domain


def _whole(bundle: bytes) -> bytes:
    if not bundle:
        raise MessageInvalid("one of its bundles is empty")
    return bundle
