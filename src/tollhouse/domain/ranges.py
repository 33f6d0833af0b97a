"""Which addresses are special, by the names of the rules that speak of them.

The registries of special-purpose addresses that IANA keeps, whole, and what clouds put beside them.
The first range that holds an address decides, so what is narrow and worse stands first.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

Ip = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class Range:
    network: Network
    rule: str
    is_declarable: bool = False
    """Whether an operator may say that a provider stands there."""


def _never(rule: str, *networks: str) -> list[Range]:
    return [Range(ip_network(network), rule) for network in networks]


def _declarable(rule: str, *networks: str) -> list[Range]:
    return [Range(ip_network(network), rule, is_declarable=True) for network in networks]


V4 = (
    *_never("metadata", "169.254.169.254/32", "168.63.129.16/32", "192.0.0.192/32"),
    *_never("metadata", "100.100.100.200/32"),
    *_never("link-local", "169.254.0.0/16"),
    *_never("unspecified", "0.0.0.0/8"),
    *_never("broadcast", "255.255.255.255/32"),
    *_never("multicast", "224.0.0.0/4"),
    *_never("reserved", "240.0.0.0/4"),
    *_never("special-purpose", "192.0.0.0/24", "192.31.196.0/24", "192.52.193.0/24"),
    *_never("special-purpose", "192.175.48.0/24"),
    *_never("6to4-relay", "192.88.99.0/24"),
    *_never("documentation", "192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24"),
    *_declarable("loopback", "127.0.0.0/8"),
    *_declarable("private", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"),
    *_declarable("shared", "100.64.0.0/10"),
    *_declarable("benchmarking", "198.18.0.0/15"),
)

V6 = (
    *_never("metadata", "fd00:ec2::/32", "fd20:ce::254/128", "fd00:c1::a9fe:a9fe/128"),
    *_never("metadata", "fd00:42::42/128"),
    *_never("link-local", "fe80::/10"),
    *_never("unspecified", "::/128"),
    *_never("multicast", "ff00::/8"),
    *_never("site-local", "fec0::/10"),
    *_never("discard", "100::/64", "100:0:0:1::/64"),
    *_never("teredo", "2001::/32"),
    *_never("special-purpose", "2001::/23", "2620:4f:8000::/48"),
    *_never("6to4", "2002::/16"),
    *_never("documentation", "2001:db8::/32", "3fff::/20"),
    *_never("segment-routing", "5f00::/16"),
    *_never("nat64-local", "64:ff9b:1::/48"),
    *_never("ipv4-translated", "::ffff:0:0:0/96"),
    *_declarable("loopback", "::1/128"),
    *_declarable("private", "fc00::/7"),
    *_never("ipv4-compatible", "::/96"),
)

NAT64 = IPv6Network("64:ff9b::/96")
GLOBAL_UNICAST = IPv6Network("2000::/3")
NOT_GLOBAL = "not-global"

METADATA_NAMES = frozenset({
    "metadata", "metadata.google.internal", "metadata.goog", "instance-data",
    "instance-data.ec2.internal", "kubernetes", "kubernetes.default", "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
})  # fmt: skip
"""Names of what hands out credentials of the machine it is asked from, and of its cluster's own API."""


def special(address: Ip) -> Range | None:
    """The range that says what an address is for; None for one that anybody may use."""
    for range_ in V4 if address.version == 4 else V6:
        if address in range_.network:
            return range_
    return None


def is_declarable(network: Network) -> bool:
    """Whether all of a network is of a kind that can be a provider's."""
    return any(
        range_.is_declarable and _holds(range_.network, network)
        for range_ in (V4 if network.version == 4 else V6)
    )


def _holds(outer: Network, inner: Network) -> bool:
    return inner.network_address in outer and inner.broadcast_address in outer
