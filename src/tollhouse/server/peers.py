"""Who calls: the other end of the connection, or whom a trusted proxy names."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Networks = Collection[IPv4Network | IPv6Network]

MOST_HOPS = 32


def is_within(networks: Networks, text: str) -> bool:
    if not networks:
        return False
    address = _address(text)
    return address is not None and any(address in network for network in networks)


def caller(peer: str, headers: Iterable[tuple[bytes, bytes]], trusted: Networks) -> str:
    """The right-most hop that no trusted proxy stands for. Anybody can write the ones left of it."""
    if not is_within(trusted, peer):
        return peer
    nearest = peer
    for hop in _hops(headers):
        address = _address(hop)
        if address is None:
            break
        nearest = str(address)
        if not any(address in network for network in trusted):
            break
    return nearest


def _hops(headers: Iterable[tuple[bytes, bytes]]) -> list[str]:
    """From the nearest on. A proxy may add to the line that it found, or write one below it."""
    lines = [value for name, value in headers if name == b"x-forwarded-for"]
    return b",".join(lines).decode("latin-1").split(",")[: -MOST_HOPS - 1 : -1]


def _address(text: str) -> IPv4Address | IPv6Address | None:
    """An IPv4 address in IPv6 clothes is the IPv4 address. A zone is no part of a caller's name."""
    try:
        address = ip_address(text.strip())
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        return None if address.scope_id else address.ipv4_mapped or address
    return address
