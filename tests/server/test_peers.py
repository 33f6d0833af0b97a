"""Who calls, when somebody says that it is somebody else."""

from __future__ import annotations

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollhouse.server.peers import MOST_HOPS, caller, is_within

PROXY, STRANGER, CLIENT = "10.0.0.1", "203.0.113.9", "198.51.100.7"
TRUSTED = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))

hops = st.lists(
    st.sampled_from([PROXY, "10.9.9.9", "fd00::1", STRANGER, CLIENT, "2001:db8::1", "", "unknown", "x", "_h"]),
    max_size=8,
)  # fmt: skip


@pytest.mark.req("S-37", "CN-19")
@given(hops)
def test_a_stranger_is_who_it_is_whatever_it_says(said: list[str]) -> None:
    assert caller(STRANGER, _forwarded(", ".join(said)), TRUSTED) == STRANGER
    assert caller(PROXY, _forwarded(", ".join(said)), ()) == PROXY


@pytest.mark.req("S-37")
@pytest.mark.parametrize(
    ("said", "who"),
    [
        (CLIENT, CLIENT),
        (f"{STRANGER}, {CLIENT}", CLIENT),  # what is left of it, the caller may have written
        (f"127.0.0.1, {CLIENT}", CLIENT),
        (f"{CLIENT}, 10.0.0.2", CLIENT),
        (f"{STRANGER},{CLIENT} ,10.0.0.2,\t10.0.0.3", CLIENT),
        ("10.0.0.2, 10.0.0.3", "10.0.0.2"),
        (f"{CLIENT}, fd00::2", CLIENT),
        ("2001:DB8::1", "2001:db8::1"),
        (f"::ffff:{CLIENT}", CLIENT),
        (f"{CLIENT}, ::ffff:10.0.0.2", CLIENT),
    ],
)
def test_a_trusted_proxy_is_believed_for_the_hop_next_to_it(said: str, who: str) -> None:
    assert caller(PROXY, _forwarded(said), TRUSTED) == who


@pytest.mark.req("S-37")
@pytest.mark.parametrize(
    "said",
    ["", ",", "unknown", "x", "_hidden", "999.1.1.1", "1.2.3", "0x7f.1", f"{CLIENT}:80", "fe80::1%eth0"]
    + ["fe80::1%<b>", f"{CLIENT}, unknown", f"{CLIENT},", "\xff"],
)  # fmt: skip
def test_what_is_no_address_is_nobody(said: str) -> None:
    assert caller(PROXY, _forwarded(said), TRUSTED) == PROXY


@pytest.mark.req("S-37")
@pytest.mark.parametrize(
    "lines", [(f"{STRANGER}", CLIENT), (f"{STRANGER}, {CLIENT}", "10.0.0.2"), (CLIENT, "10.0.0.2")]
)
def test_a_line_below_another_is_nearer(lines: tuple[str, str]) -> None:
    assert caller(PROXY, _forwarded(*lines), TRUSTED) == CLIENT


@pytest.mark.req("S-37")
@pytest.mark.parametrize("name", [b"forwarded", b"x-real-ip", b"x-forwarded-host", b"x-client-ip"])
def test_only_one_header_is_read(name: bytes) -> None:
    assert caller(PROXY, [(name, CLIENT.encode())], TRUSTED) == PROXY


@pytest.mark.req("S-37")
def test_no_crowd_of_hops_is_walked_through() -> None:
    said = ", ".join([CLIENT, *["10.0.0.2"] * MOST_HOPS])

    assert caller(PROXY, _forwarded(said), TRUSTED) == "10.0.0.2"


@pytest.mark.req("S-37")
@given(hops, st.sampled_from([PROXY, "fd00::9", "::ffff:10.0.0.1"]))
def test_the_caller_is_the_peer_or_a_hop_and_all_to_the_right_of_it_are_trusted(
    said: list[str], peer: str
) -> None:
    who = caller(peer, _forwarded(", ".join(said)), TRUSTED)

    assert who in {peer, *said}
    if who != peer:
        at = len(said) - 1 - said[::-1].index(who)
        assert all(is_within(TRUSTED, hop) for hop in said[at + 1 :])


@pytest.mark.parametrize(
    ("text", "is_in"),
    [("10.1.2.3", True), ("::ffff:10.1.2.3", True), ("11.0.0.1", False), ("", False), ("fd00::1%x", False)],
)  # fmt: skip
def test_an_address_is_within_a_network_or_not(text: str, is_in: bool) -> None:
    assert is_within(TRUSTED, text) == is_in


def test_nothing_is_within_no_network() -> None:
    assert not is_within((), PROXY)


def _forwarded(*lines: str) -> list[tuple[bytes, bytes]]:
    return [(b"host", b"x"), *((b"x-forwarded-for", line.encode("latin-1")) for line in lines)]
