"""Where a key may be used from, and for what. A key that says nothing of either is a plain bearer of itself.

Whoever has stolen one that is bound must also stand where it is used, and gets no more of it than it was made for.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network

from tollhouse.domain import addresses
from tollhouse.domain.errors import FieldInvalid, NetworkNotAllowed, PurposeNotAllowed
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
_MAPPED = IPv6Network("::ffff:0:0/96")


@dataclass(frozen=True, slots=True)
class Bounds:
    """What is empty binds nothing."""

    networks: tuple[Network, ...] = ()
    routes: frozenset[str] = frozenset()

    def __str__(self) -> str:
        where = ", ".join(map(str, self.networks)) or "everywhere"
        return f"from {where}, on {', '.join(sorted(self.routes)) or 'every path'}"

    def insist_on_place(self, peer: str) -> None:
        """Raises NetworkNotAllowed, also where nobody can tell whence a call comes."""
        if self.networks and not self._holds(peer):
            raise NetworkNotAllowed(private=f"from {peer or 'nowhere'}")

    def insist_on_route(self, route: str) -> None:
        """Raises PurposeNotAllowed."""
        if self.routes and route not in self.routes:
            raise PurposeNotAllowed(private=f"for {route}")

    def _holds(self, peer: str) -> bool:
        address = addresses.read(peer)
        if address is None:
            return False
        address = addresses.plain(address)
        return any(address in network for network in self.networks)


def bounds(networks: Iterable[str], purposes: Iterable[str]) -> Bounds | None:
    """None where nothing is bound."""
    found = Bounds(
        tuple([ip_network(text) for text in networks]),
        frozenset([route for purpose in purposes for route in _routes(purpose)]),
    )
    return found if found.networks or found.routes else None


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
