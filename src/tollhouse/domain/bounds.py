"""Where a key or token may be used from, for what, and with which proof. One that says nothing is a plain bearer's.

Whoever has stolen one that is bound must also stand where it is used, and gets no more of it than it was made for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any

from tollhouse.domain import addresses, spiffe, tokens
from tollhouse.domain.certificates import Certificate
from tollhouse.domain.errors import (
    CertificateForeign,
    FieldInvalid,
    HoursNotAllowed,
    NetworkNotAllowed,
    PurposeNotAllowed,
)
from tollhouse.domain.hours import Hours
from tollhouse.domain.ranges import Network

PURPOSES = {
    "chat": (
        *("chat", "responses", "messages", "count"),
        *("ollama_chat", "ollama_generate"),
    ),
    "completions": ("completions",),
    "embeddings": ("embeddings", "ollama_embed", "ollama_embeddings"),
    "moderations": ("moderations",),
    "rerank": ("rerank",),
    "images": ("images", "edits", "variations"),
    "speech": ("speech",),
    "transcriptions": ("transcriptions",),
    "translations": ("translations",),
    "models": ("models", "models_metadata", "ollama_tags", "ollama_show", "ollama_ps"),
    "files": ("file_upload", "file_list", "file_show", "file_delete", "file_content"),
    "batches": ("batch_create", "batch_list", "batch_show", "batch_cancel"),
    "receipts": ("receipt",),
}
"""Words for what a key is for, each with the names of its routes. What is in none is nobody's who is bound."""

ROUTE = "route:"
"""Before the name of one route alone."""

MOST_NETWORKS = 64
_is_hex = re.compile(r"[0-9a-f]{64}").fullmatch
_is_thumbprint = re.compile(r"[A-Za-z0-9_-]{43}").fullmatch
_MAPPED = IPv6Network("::ffff:0:0/96")


@dataclass(frozen=True, slots=True)
class Bounds:
    """What is empty binds nothing."""

    networks: tuple[Network, ...] = ()
    routes: frozenset[str] = frozenset()
    certificates: frozenset[str] = frozenset()
    """Thumbprints, or SPIFFE IDs: the connection's is one of them."""

    proof_key: str = ""
    """The thumbprint of the key that each call proves (RFC 7638)."""

    hours: Hours | None = None

    def __str__(self) -> str:
        where = ", ".join(map(str, self.networks)) or "everywhere"
        shown = f", with the certificate {' or '.join(sorted(self.certificates))}" * bool(
            self.certificates
        )
        proved = f", with proofs by the key {self.proof_key}" * bool(self.proof_key)
        when = f", in the hours {self.hours}" if self.hours else ""
        paths = ", ".join(sorted(self.routes)) or "every path"
        return f"from {where}, on {paths}{shown}{proved}{when}"

    def insist_on_place(self, peer: str) -> None:
        """Raises NetworkNotAllowed, also where nobody can tell whence a call comes."""
        if self.networks and not self._holds(peer):
            raise NetworkNotAllowed(private=f"from {peer or 'nowhere'}")

    def insist_on_route(self, route: str) -> None:
        """Raises PurposeNotAllowed."""
        if self.routes and route not in self.routes:
            raise PurposeNotAllowed(private=f"for {route}")

    def insist_on_time(self, now_s: float) -> None:
        """Raises HoursNotAllowed, also where nobody here knows what its clocks show."""
        if self.hours is not None and not self.hours.holds(now_s):
            known = "" if self.hours.clock else f"; {self.hours.zone} is not known on this machine"
            raise HoursNotAllowed(private=f"its hours are {self.hours}{known}")

    def insist_on_certificate(self, shown: Certificate | None) -> None:
        """Of one that holds. Raises CertificateForeign."""
        if self.certificates and (
            shown is None or self.certificates.isdisjoint((shown.thumbprint, shown.spiffe_id))
        ):
            raise CertificateForeign(private="another certificate" if shown else "no certificate")

    def _holds(self, peer: str) -> bool:
        address = addresses.read(peer)
        if address is None:
            return False
        address = addresses.plain(address)
        return any(address in network for network in self.networks)


FREE = Bounds()


def confirmed(said: Any) -> Bounds:
    """What a token's `cnf` binds it to (RFC 7800). Raises ValueError for what nobody here could insist on."""
    if not isinstance(said, Mapping) or not said or said.keys() - {"jkt", "x5t#S256"}:
        raise ValueError("`cnf` names what cannot be proved here")
    if not all(isinstance(each, str) and _is_thumbprint(each) for each in said.values()):
        raise ValueError("`cnf` has what is no thumbprint")
    shown = said.get("x5t#S256")
    certificates = () if shown is None else (tokens.bytes_of(shown).hex(),)
    return Bounds((), frozenset(), frozenset(certificates), said.get("jkt", ""))


def bounds(
    networks: Iterable[str],
    purposes: Iterable[str],
    certificates: Iterable[str] = (),
    proof_key: str = "",
    hours: Hours | None = None,
) -> Bounds | None:
    """None where nothing is bound."""
    found = Bounds(
        tuple([ip_network(text) for text in networks]),
        frozenset([route for purpose in purposes for route in _routes(purpose)]),
        frozenset(certificates),
        proof_key,
        hours,
    )
    return None if found == FREE else found


def read_networks(texts: Iterable[str]) -> tuple[str, ...]:
    """As they are kept, each once. Raises FieldInvalid."""
    networks = tuple(dict.fromkeys(str(_network(text)) for text in texts))
    if len(networks) > MOST_NETWORKS:
        raise FieldInvalid(f"A key is bound to at most {MOST_NETWORKS} networks.", param="networks")
    return networks


def read_purposes(words: Iterable[str]) -> tuple[str, ...]:
    """Each once. Raises FieldInvalid."""
    purposes = tuple(dict.fromkeys(words))
    for word in purposes:
        if not _routes(word):
            raise FieldInvalid(
                f"{word[:60]!r} is none of {', '.join(PURPOSES)}, nor `{ROUTE}` and a route's name.",
                param="purposes",
            )
    return purposes


def read_certificates(texts: Iterable[str]) -> tuple[str, ...]:
    """SHA-256 thumbprints in hex, as tools write them, or SPIFFE IDs. Raises FieldInvalid."""
    return tuple(dict.fromkeys(_certificate(text) for text in texts))


def read_proof_key(text: str) -> str:
    """A thumbprint, or nothing. Raises FieldInvalid."""
    if text and not _is_thumbprint(text):
        raise FieldInvalid("A key's thumbprint (RFC 7638) has 43 characters.", param="proof_key")
    return text


def _certificate(text: str) -> str:
    if text.startswith(spiffe.SCHEME):
        try:
            return str(spiffe.read(text))
        except spiffe.SpiffeInvalid as invalid:
            raise FieldInvalid(str(invalid), param="certificates") from None
    plain = text.replace(":", "").lower()
    if not _is_hex(plain):
        raise FieldInvalid(
            f"{text[:80]!r} is neither a SHA-256 thumbprint in hex nor a SPIFFE ID.",
            param="certificates",
        )
    return plain


def _network(text: str) -> Network:
    """Of addresses as callers are known by: an IPv4 network in IPv6 clothes is the IPv4 network."""
    try:
        network = ip_network(text)
    except ValueError:
        raise FieldInvalid(
            f"{text[:60]!r} is no network, such as 10.0.0.0/8 or 2001:db8::/32.", param="networks"
        ) from None
    if isinstance(network, IPv6Network) and network.subnet_of(_MAPPED):
        carried = network.network_address.ipv4_mapped
        return IPv4Network(f"{carried}/{network.prefixlen - _MAPPED.prefixlen}")
    return network


def _routes(word: str) -> tuple[str, ...]:
    if word.startswith(ROUTE):
        route = word.removeprefix(ROUTE)
        return (route,) if any(route in each for each in PURPOSES.values()) else ()
    return PURPOSES.get(word, ())
