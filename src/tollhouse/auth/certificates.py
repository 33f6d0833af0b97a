"""Certificates of callers: whose they are, and whether they still hold.

TLS has followed the chain to one of all roots that are believed. Here is looked at whose root that is: an
authority vouches for certificates of its own, and for those of no other. For each trust domain there is one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from typing import Protocol

from cryptography import x509
from cryptography.x509.oid import NameOID

from tollhouse.auth.bundles import UNREADABLE, Roots
from tollhouse.domain import claims, spiffe
from tollhouse.domain.certificates import Certificate
from tollhouse.domain.claims import Expected, Rule
from tollhouse.domain.errors import CertificateInvalid
from tollhouse.domain.identity import Principal
from tollhouse.domain.snapshot import Snapshot
from tollhouse.domain.spiffe import SpiffeInvalid
from tollhouse.domain.tokens import NoRuleFits, TokenRefused

MOST_NAMES = 64
LONGEST_NAME = 2048
MOST_KEPT = 16_384


class Flawed(Exception):
    """Why nobody comes in with it."""


class Bundle(Protocol):
    """An authority's roots as they are at this moment; none while they cannot be known."""

    @property
    def roots(self) -> Roots: ...


@dataclass(frozen=True, slots=True)
class Authority:
    name: str
    bundle: Bundle
    trust_domain: str | None = None
    """None where its certificates have no SPIFFE IDs."""

    rules: tuple[Rule, ...] = ()
    """Whom its certificates stand for. Without any they open nothing by themselves."""

    @property
    def expected(self) -> Expected:
        return Expected(self.name, "", frozenset(), 0, self.rules)


@dataclass(slots=True)
class Seen:
    """One that holds, and whom it stands for. With another bundle or another house it is looked at anew."""

    certificate: Certificate
    roots: Roots
    revision: int
    principal: Principal | None


class Certificates:
    """Implements Certifier."""

    def __init__(self, authorities: Sequence[Authority], most_kept: int = MOST_KEPT) -> None:
        self._named = {each.name: each for each in authorities}
        self._plain = [each for each in authorities if each.trust_domain is None]
        self._domains = {each.trust_domain: each for each in authorities}
        self._most_kept = most_kept
        self._seen: dict[str, Seen] = {}

    def read(self, chain: Sequence[bytes]) -> Certificate:
        """Of a chain that TLS has verified, in DER and the leaf first. What is wrong with it stands in it."""
        said = Certificate(sha256(chain[0]).hexdigest(), 0, 0)
        try:
            parsed = [x509.load_der_x509_certificate(each) for each in chain]
            said = replace(
                said,
                not_before=_moment(parsed[0].not_valid_before_utc),
                not_after=min(_moment(each.not_valid_after_utc) for each in parsed),
            )
            above = [sha256(each).hexdigest() for each in chain[1:]]
            found = self._vouched(said, parsed[0], above)
        except (SpiffeInvalid, Flawed) as error:
            return replace(said, flaw=str(error))
        except UNREADABLE:
            return replace(said, flaw="it cannot be read")
        seen = self._seen.get(found.thumbprint)
        return seen.certificate if seen is not None and seen.certificate == found else found

    def identify(
        self, certificate: Certificate, snapshot: Snapshot, now: float
    ) -> Principal | None:
        """Whom it stands for by itself, if for anybody. Raises CertificateInvalid."""
        seen = self._seen.get(certificate.thumbprint)
        if (
            seen is not None
            and seen.certificate is certificate
            and seen.revision == snapshot.revision
            and certificate.not_after > now
            and seen.roots is self._named[certificate.authority].bundle.roots
        ):
            return seen.principal
        self.insist(certificate, now)
        authority = self._named[certificate.authority]
        known = authority.bundle.roots
        principal = _principal(certificate, authority, snapshot)
        self._keep(Seen(certificate, known, snapshot.revision, principal))
        return principal

    def insist(self, certificate: Certificate, now: float) -> None:
        """Raises CertificateInvalid where it does not hold, or not any more."""
        if certificate.flaw:
            raise CertificateInvalid(private=certificate.flaw)
        if certificate.not_after <= now:
            raise CertificateInvalid(private="it, or one of its chain, has expired")
        if certificate.anchor not in self._named[certificate.authority].bundle.roots:
            raise CertificateInvalid(private="its authority has taken out that root")

    def _keep(self, seen: Seen) -> None:
        """The oldest makes room; it is only looked at once more."""
        self._seen.pop(seen.certificate.thumbprint, None)
        if len(self._seen) >= self._most_kept:
            del self._seen[next(iter(self._seen))]
        self._seen[seen.certificate.thumbprint] = seen

    def _vouched(
        self, said: Certificate, leaf: x509.Certificate, above: Sequence[str]
    ) -> Certificate:
        names = _names(leaf)
        uris = tuple(names.get_values_for_type(x509.UniformResourceIdentifier)) if names else ()
        hosts = tuple(names.get_values_for_type(x509.DNSName)) if names else ()
        emails = tuple(names.get_values_for_type(x509.RFC822Name)) if names else ()
        if len(uris) + len(hosts) + len(emails) > MOST_NAMES:
            raise Flawed("it has too many names")
        said = replace(
            said,
            subject=leaf.subject.rfc4514_string(),
            common_names=_common_names(leaf),
            uris=uris,
            hosts=hosts,
            emails=emails,
        )
        _insist_on_leaf(leaf)
        if not 0 < len(said.name) <= LONGEST_NAME or not said.name.isprintable():
            raise Flawed("it says nobody's name, or one that nobody can read")
        if any(uri.lower().startswith("spiffe:") for uri in uris):
            return self._vouched_as_svid(said, leaf, above)
        for authority in self._plain:
            if anchor := _anchor(authority, above):
                return replace(said, authority=authority.name, anchor=anchor)
        raise Flawed("it has no SPIFFE ID, and its root vouches for nothing else")

    def _vouched_as_svid(
        self, said: Certificate, leaf: x509.Certificate, above: Sequence[str]
    ) -> Certificate:
        if len(said.uris) != 1:
            raise SpiffeInvalid("it has more than one URI")
        found = spiffe.read(said.uris[0])
        _insist_on_signing(leaf)
        authority = self._domains.get(found.trust_domain)
        if authority is None:
            raise SpiffeInvalid("nobody vouches for its trust domain here")
        anchor = _anchor(authority, above)
        if not anchor:
            raise SpiffeInvalid("its chain does not lead to a root of its own trust domain")
        return replace(said, authority=authority.name, anchor=anchor, spiffe_id=str(found))


def _principal(
    certificate: Certificate, authority: Authority, snapshot: Snapshot
) -> Principal | None:
    try:
        return snapshot.people.principal(claims.certified(certificate, authority.expected))
    except NoRuleFits:
        return None
    except TokenRefused as refused:
        raise CertificateInvalid(private=str(refused)) from None


def _anchor(authority: Authority, above: Sequence[str]) -> str:
    known = authority.bundle.roots
    return next((each for each in above if each in known), "")


def _names(leaf: x509.Certificate) -> x509.SubjectAlternativeName | None:
    try:
        return leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return None


def _common_names(leaf: x509.Certificate) -> tuple[str, ...]:
    found = leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return tuple(str(each.value) for each in found)


def _insist_on_leaf(leaf: x509.Certificate) -> None:
    """An authority's own certificate is nobody's."""
    try:
        constraints = leaf.extensions.get_extension_for_class(x509.BasicConstraints).value
    except x509.ExtensionNotFound:
        return
    if constraints.ca:
        raise Flawed("it is the certificate of an authority")


def _insist_on_signing(leaf: x509.Certificate) -> None:
    """An SVID says what its key is for: to prove who one is, and for nothing that an authority does."""
    try:
        usage = leaf.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        raise SpiffeInvalid("it does not say what its key is for") from None
    if not usage.digital_signature or usage.key_cert_sign or usage.crl_sign:
        raise SpiffeInvalid("its key is not for signing, or for certificates as well")


def _moment(at: datetime) -> int:
    return int(at.timestamp())
