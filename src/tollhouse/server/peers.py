"""Who calls: the other end of the connection, or whom a trusted proxy names."""

from __future__ import annotations

from collections.abc import Collection
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address

Networks = Collection[IPv4Network | IPv6Network]

MOST_HOPS = 32


def is_within(networks: Networks, text: str) -> bool:
    if not networks:
        return False
    try:
        address = ip_address(text)
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return any(address in network for network in networks)


def caller(peer: str, forwarded_for: bytes | None, trusted: Networks) -> str:
    """The right-most hop that no trusted proxy stands for. Anybody can write the ones left of it."""
    if forwarded_for is None or not is_within(trusted, peer):
        return peer
    nearest = peer
    for hop in reversed(forwarded_for.decode("latin-1").split(",")[-MOST_HOPS:]):
        named = _address(hop)
        if named is None:
            break
        nearest = named
        if not is_within(trusted, named):
            break
    return nearest


def _address(hop: str) -> str | None:
    try:
        return str(ip_address(hop.strip()))
    except ValueError:
        return None
