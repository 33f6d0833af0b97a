"""May a connection be made to this address?

What is special is refused; only what stands on the premises may be allowed by an operator, network
by network. An address that carries another is judged by both, so that whoever unwraps it on the way
gets no further than we would; where what it carries cannot be told for certain, it is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address

from tollhouse.domain import ranges
from tollhouse.domain.ranges import Ip, Network

ISATAP = (0x0000_5EFE, 0x0200_5EFE)
"""The upper half of an interface identifier that carries an IPv4 address."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """`rule` is the name of the one that decided."""

    address: str
    rule: str
    is_allowed: bool

    def __str__(self) -> str:
        return f"{self.address} ({self.rule})"


@dataclass(frozen=True, slots=True)
class Doors:
    """Where this gateway listens itself: nothing goes out to come in again."""

    at: frozenset[tuple[Ip, int]] = frozenset()
    is_ours: Callable[[Ip], bool] = lambda _: False  # whether an address is one of this machine

    def has(self, address: Ip, port: int) -> bool:
        if (address, port) in self.at:
            return True
        wildcards = any(door.is_unspecified and at == port for door, at in self.at)
        return wildcards and (address.is_loopback or self.is_ours(address))


@dataclass(frozen=True, slots=True)
class Permit:
    """What one purpose may reach beside public addresses, and what it may not."""

    networks: tuple[Network, ...] = ()
    doors: Doors = Doors()
    is_plain: bool = False
    """Without TLS: then only to what was declared."""


def read(text: str) -> Ip | None:
    """An address in its one strict notation, without a zone."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return None if isinstance(address, IPv6Address) and address.scope_id else address


def plain(address: Ip) -> Ip:
    """Without the notation of IPv6 around an IPv4 address: the destination is the very same."""
    return (address.ipv4_mapped if isinstance(address, IPv6Address) else None) or address


def judge(text: str, port: int, permit: Permit) -> Verdict:
    """The verdict on an address as a resolver or a socket gives it."""
    address = read(text)
    if address is None:
        return Verdict(text, "unreadable", is_allowed=False)
    address = plain(address)
    rule = _forbidden(address, port, permit)
    if rule is not None:
        return Verdict(text, rule, is_allowed=False)
    return Verdict(text, "declared" if _is_declared(address, permit) else "public", is_allowed=True)


def judge_name(host: str) -> Verdict | None:
    """A refusal, where the name alone is enough for one."""
    is_metadata = host.rstrip(".").lower() in ranges.METADATA_NAMES
    return Verdict(host, "metadata", is_allowed=False) if is_metadata else None


def _forbidden(address: Ip, port: int, permit: Permit) -> str | None:
    if permit.doors.has(address, port):
        return "own-listener"
    carried = _carried(address)
    if carried is not None:
        rule = _forbidden(carried, port, Permit(doors=permit.doors))
        if rule is not None:
            return rule
    range_ = ranges.special(address)
    if range_ is not None:
        is_declared = range_.is_declarable and _is_declared(address, permit)
        return None if is_declared else range_.rule
    if not _is_public(address):
        return ranges.NOT_GLOBAL
    return "public-without-tls" if permit.is_plain else None


def _is_public(address: Ip) -> bool:
    """Of an address that is not special."""
    return address.version == 4 or address in ranges.GLOBAL_UNICAST or address in ranges.NAT64


def _is_declared(address: Ip, permit: Permit) -> bool:
    return any(address in network for network in permit.networks)


def _carried(address: Ip) -> IPv4Address | None:
    """The IPv4 address that a translator or a tunnel would go on to."""
    is_isatap = int(address) >> 32 & 0xFFFF_FFFF in ISATAP
    return IPv4Address(int(address) & 0xFFFF_FFFF) if is_isatap or address in ranges.NAT64 else None
