"""Where a key may be used from, and what for."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollhouse.domain.bounds import MOST_NETWORKS, Bounds, bounds, read_networks, read_purposes
from tollhouse.domain.errors import FieldInvalid, NetworkNotAllowed, PurposeNotAllowed

pytestmark = pytest.mark.req("B-21")


def test_a_key_that_says_nothing_is_not_bound() -> None:
    assert bounds([], []) is None


@pytest.mark.parametrize("peer", ["10.1.2.3", "::ffff:10.1.2.3", "2001:db8::7"])
def test_who_stands_in_one_of_its_networks_is_let_in(peer: str) -> None:
    _bounds("10.0.0.0/8", "2001:db8::/32").insist_on_place(peer)


@pytest.mark.parametrize(
    "peer",
    [
        *("11.0.0.1", "9.255.255.255", "::ffff:11.0.0.1", "2001:db9::1", "::a01:203"),
        *("64:ff9b::a01:203", "10.1.2.3%eth0", "fe80::1%eth0", "", "nonsense", "010.1.2.3"),
    ],
)
def test_who_stands_elsewhere_or_nobody_knows_where_is_not(peer: str) -> None:
    with pytest.raises(NetworkNotAllowed):
        _bounds("10.0.0.0/8", "2001:db8::/32").insist_on_place(peer)


@given(st.ip_addresses(v=4), st.integers(0, 32), st.ip_addresses(v=4))
def test_a_network_holds_what_shares_its_beginning_in_either_notation(
    base: IPv4Address, length: int, other: IPv4Address
) -> None:
    network = str(IPv4Network((base, length), strict=False))
    mapped = f"::ffff:{network.split('/')[0]}/{96 + length}"
    is_within = int(base) >> (32 - length) == int(other) >> (32 - length)

    for text in (network, mapped):
        for peer in (str(other), f"::ffff:{other}"):
            assert _lets_in(_bounds(*read_networks([text])), peer) is is_within


@pytest.mark.parametrize("text", ["", "10.0.0.0/33", "10.0.0.1/8", "all", "10.0.0.0/8 ", "::/129"])
def test_what_is_no_network_is_refused_by_its_name(text: str) -> None:
    with pytest.raises(FieldInvalid) as refused:
        read_networks([text])

    assert refused.value.param == "networks"


def test_networks_are_kept_once_and_are_so_many_at_most() -> None:
    many = [f"10.0.{number}.0/24" for number in range(MOST_NETWORKS)]

    assert read_networks([*many, many[0], "::ffff:10.0.0.0/120"]) == tuple(many)
    with pytest.raises(FieldInvalid):
        read_networks([*many, "192.0.2.1"])


def test_a_key_is_for_the_routes_of_its_purposes_and_for_no_other() -> None:
    bound = bounds([], ["embeddings", "route:models"])

    assert bound is not None
    for route in ("embeddings", "ollama_embed", "models"):
        bound.insist_on_route(route)
    for route in ("chat", "models_metadata", "unrouted", ""):
        with pytest.raises(PurposeNotAllowed):
            bound.insist_on_route(route)


@pytest.mark.parametrize(
    "word", ["", "everything", "route:", "route:nowhere", "Chat", "/v1/models"]
)
def test_a_purpose_that_there_is_not_is_refused_by_its_name(word: str) -> None:
    with pytest.raises(FieldInvalid) as refused:
        read_purposes(["chat", word])

    assert refused.value.param == "purposes"


def _bounds(*networks: str) -> Bounds:
    found = bounds(networks, [])
    assert found is not None
    return found


def _lets_in(bound: Bounds, peer: str) -> bool:
    try:
        bound.insist_on_place(peer)
    except NetworkNotAllowed:
        return False
    return True
