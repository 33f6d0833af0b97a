"""Which addresses a connection may be made to."""

from __future__ import annotations

import ipaddress
from ipaddress import IPv4Address, IPv6Address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollhouse.domain import ranges
from tollhouse.domain.addresses import Doors, Permit, judge, judge_name

NOTHING = Permit()
EVERYTHING = Permit(tuple(ip_network(net) for net in ("0.0.0.0/0", "::/0")))

SPECIAL = {
    "metadata": [
        "169.254.169.254", "168.63.129.16", "192.0.0.192", "100.100.100.200", "fd00:ec2::254",
        "fd20:ce::254", "fd00:c1::a9fe:a9fe", "fd00:42::42", "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe", "2a00::5efe:a9fe:a9fe", "2a00::200:5efe:a83f:8110",
    ],
    "link-local": ["169.254.0.0", "169.254.170.2", "169.254.255.255", "fe80::1", "febf::1",
                   "64:ff9b::a9fe:1"],
    "unspecified": ["0.0.0.0", "0.255.255.255", "::", "::ffff:0.0.0.0", "64:ff9b::"],
    "broadcast": ["255.255.255.255", "::ffff:255.255.255.255"],
    "multicast": ["224.0.0.1", "239.255.255.255", "ff02::1", "ff0e::1", "::ffff:224.0.0.1"],
    "reserved": ["240.0.0.1", "255.255.255.254"],
    "special-purpose": ["192.0.0.1", "192.0.0.10", "192.0.0.171", "192.31.196.1", "192.52.193.1",
                        "192.175.48.1", "2001:1::1", "2001:20::1", "2001:1ff::1",
                        "2620:4f:8000::1"],
    "6to4-relay": ["192.88.99.1"],
    "documentation": ["192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1", "3fff::1",
                      "3fff:fff::1"],
    "6to4": ["2002:7f00:1::", "2002:a9fe:a9fe::1", "2002:808:808::1"],
    "teredo": ["2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2"],
    "nat64-local": ["64:ff9b:1::a9fe:a9fe", "64:ff9b:1::808:808"],
    "ipv4-translated": ["::ffff:0:127.0.0.1", "::ffff:0:8.8.8.8"],
    "ipv4-compatible": ["::127.0.0.1", "::8.8.8.8", "::2"],
    "site-local": ["fec0::1"],
    "discard": ["100::1"],
    "segment-routing": ["5f00::1"],
    "not-global": ["4000::1", "1000::1", "e000::1", "200::1", "64:ff9b:2::1", "fe00::1"],
}  # fmt: skip

ON_THE_PREMISES = {
    "loopback": ["127.0.0.1", "127.255.255.254", "::1", "::ffff:127.0.0.1", "::ffff:7f00:1"],
    "private": ["10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "fc00::1", "fdff::1",
                "::ffff:10.0.0.1"],
    "shared": ["100.64.0.1", "100.127.255.255"],
    "benchmarking": ["198.18.0.1", "198.19.255.255"],
}  # fmt: skip

PUBLIC = [
    "1.1.1.1", "8.8.8.8", "100.63.255.255", "100.128.0.0", "172.15.255.255", "172.32.0.0",
    "192.0.1.0", "192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0", "223.255.255.255",
    "2606:4700::1111", "2a00:1450::1", "::ffff:8.8.8.8", "64:ff9b::808:808", "2a00::5efe:808:808",
    "2001:200::1", "2003::1", "3ffe::1",
]  # fmt: skip


def flat(table: dict[str, list[str]]) -> list[tuple[str, str]]:
    return [(rule, address) for rule, addresses in table.items() for address in addresses]


@pytest.mark.req(
    "S-66", "CN-3", "B-1", "H-93", "H-94", "H-95", "H-96", "H-97", "H-98", "H-99", "H-100", "H-102"
)
@pytest.mark.parametrize("permit", [NOTHING, EVERYTHING], ids=["nothing", "everything"])
@pytest.mark.parametrize(("rule", "address"), flat(SPECIAL))
def test_what_is_special_is_refused_whatever_was_declared(
    rule: str, address: str, permit: Permit
) -> None:
    verdict = judge(address, 443, permit)

    assert (verdict.is_allowed, verdict.rule, verdict.address) == (False, rule, address)


@pytest.mark.req("S-66", "H-91", "H-100", "H-102")
@pytest.mark.parametrize(("rule", "address"), flat(ON_THE_PREMISES))
def test_what_is_on_the_premises_is_reached_only_if_it_was_declared(
    rule: str, address: str
) -> None:
    assert judge(address, 443, NOTHING) == judge(address, 443, NOTHING).__class__(
        address, rule, is_allowed=False
    )
    declared = judge(address, 443, EVERYTHING)
    assert (declared.is_allowed, declared.rule) == (True, "declared")


@pytest.mark.req("S-66")
@pytest.mark.parametrize("address", PUBLIC)
def test_what_is_public_is_reached(address: str) -> None:
    verdict = judge(address, 443, NOTHING)

    assert (verdict.is_allowed, verdict.rule) == (True, "public")


@pytest.mark.req("OL-8")
@pytest.mark.parametrize("address", PUBLIC)
def test_what_is_public_is_not_reached_without_tls(address: str) -> None:
    assert judge(address, 80, Permit(is_plain=True)).rule == "public-without-tls"


def test_what_was_declared_is_reached_without_tls() -> None:
    permit = Permit((ip_network("10.0.0.0/8"),), is_plain=True)

    assert judge("10.1.2.3", 80, permit).is_allowed
    assert judge("::ffff:10.1.2.3", 80, permit).is_allowed
    assert judge("192.168.0.1", 80, permit).rule == "private"


@pytest.mark.req("S-66", "H-96")
def test_what_a_translator_would_reach_is_not_declared_by_its_own_network() -> None:
    permit = Permit((ip_network("10.0.0.0/8"), ip_network("64:ff9b::/96")))

    assert judge("64:ff9b::a00:1", 443, permit).rule == "private"


@pytest.mark.req("S-67", "H-92", "H-101", "H-104")
@pytest.mark.parametrize(
    "text",
    ["", "fe80::1%eth0", "2a00::1%1", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "1.2.3.4 ",
     "localhost", "1.2.3", "①.1.1.1", "[::1]", "\u0661.1.1.1"],
)  # fmt: skip
def test_what_is_no_plain_address_is_refused(text: str) -> None:
    assert judge(text, 443, EVERYTHING).rule == "unreadable"


@pytest.mark.req("H-117")
@pytest.mark.parametrize(
    ("door", "address", "is_own"),
    [
        ("127.0.0.1", "127.0.0.1", True),
        ("127.0.0.1", "::ffff:127.0.0.1", True),
        ("127.0.0.1", "127.0.0.2", False),
        ("10.0.0.1", "10.0.0.1", True),
        ("0.0.0.0", "127.9.9.9", True),
        ("0.0.0.0", "10.0.0.1", True),
        ("0.0.0.0", "10.0.0.2", False),
        ("::", "10.0.0.1", True),
        ("::", "::1", True),
        ("::1", "::1", True),
        ("8.8.8.8", "64:ff9b::808:808", True),
    ],
)
def test_our_own_listeners_are_never_called(door: str, address: str, is_own: bool) -> None:
    doors = Doors(frozenset({(ipaddress.ip_address(door), 8400)}), lambda ip: str(ip) == "10.0.0.1")
    permit = Permit(EVERYTHING.networks, doors)

    assert (judge(address, 8400, permit).rule == "own-listener") is is_own
    assert judge(address, 8401, permit).is_allowed


@pytest.mark.req("H-99")
@pytest.mark.parametrize(
    "name",
    ["metadata", "metadata.google.internal", "METADATA.google.internal", "metadata.goog.",
     "instance-data", "kubernetes.default.svc"],
)  # fmt: skip
def test_some_names_say_enough(name: str) -> None:
    refused = judge_name(name)

    assert refused is not None
    assert refused.rule == "metadata"
    assert judge_name("api.example.com") is None


v4 = st.integers(0, 2**32 - 1).map(IPv4Address)
v6 = st.integers(0, 2**128 - 1).map(IPv6Address)
special_v4 = st.sampled_from([it.network for it in ranges.V4]).flatmap(
    lambda network: st.integers(int(network.network_address), int(network.broadcast_address)).map(
        IPv4Address
    )
)
special_v6 = st.sampled_from([it.network for it in ranges.V6]).flatmap(
    lambda network: st.integers(int(network.network_address), int(network.broadcast_address)).map(
        IPv6Address
    )
)


@pytest.mark.req("S-66", "B-1")
@given(special_v4 | special_v6)
def test_every_special_address_is_refused(address: IPv4Address | IPv6Address) -> None:
    assert not judge(str(address), 443, NOTHING).is_allowed


@pytest.mark.req("S-66", "B-1", "H-95", "H-96", "H-97", "H-98")
@given(special_v4, st.integers(0, 2**64 - 1))
def test_no_notation_hides_a_special_address(address: IPv4Address, rest: int) -> None:
    inner = int(address)
    shapes = {
        "mapped": 0xFFFF << 32 | inner,
        "compatible": inner,
        "translated": 0xFFFF << 48 | inner,
        "nat64": 0x64_FF9B << 96 | inner,
        "nat64 local": 0x64_FF9B_0001 << 80 | inner,
        "6to4": 0x2002 << 112 | inner << 80 | rest,
        "teredo": 0x2001_0000 << 96 | rest << 32 | inner ^ 0xFFFF_FFFF,
        "isatap": 0x2A00 << 112 | rest >> 16 << 64 | 0x5EFE << 32 | inner,
        "isatap, global": 0x2A00 << 112 | rest >> 16 << 64 | 0x200_5EFE << 32 | inner,
    }

    for shape, number in shapes.items():
        assert not judge(str(IPv6Address(number)), 443, NOTHING).is_allowed, shape


@pytest.mark.req("S-66")
@given(v4 | v6 | special_v4 | special_v6)
def test_the_standard_library_knows_nothing_special_that_we_do_not(
    address: IPv4Address | IPv6Address,
) -> None:
    if not address.is_global or address.is_multicast:
        is_mapped = isinstance(address, IPv6Address) and address.ipv4_mapped
        assert is_mapped or not judge(str(address), 443, NOTHING).is_allowed


@pytest.mark.req("S-66")
@given(v4 | v6 | special_v4)
def test_to_declare_more_never_refuses_more(address: IPv4Address | IPv6Address) -> None:
    if judge(str(address), 443, NOTHING).is_allowed:
        assert judge(str(address), 443, EVERYTHING).is_allowed


@pytest.mark.parametrize(
    "network", ["10.0.0.0/8", "10.1.0.0/16", "127.0.0.1/32", "fd00::/8", "::1/128"]
)
def test_networks_of_the_premises_can_be_declared(network: str) -> None:
    assert ranges.is_declarable(ip_network(network))


@pytest.mark.parametrize("network", ["0.0.0.0/0", "8.0.0.0/8", "169.254.0.0/16", "::/0", "8.8.8.8/32",
                                     "fe80::/10", "10.0.0.0/7", "126.0.0.0/7", "2a00::/16"])  # fmt: skip
def test_no_other_networks_can_be_declared(network: str) -> None:
    assert not ranges.is_declarable(ip_network(network))
