"""What a provider's URL may lead to, and what a URL that callers have a say in."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest

from tollhouse.domain.addresses import Doors, judge
from tollhouse.domain.errors import UrlNotAllowed
from tollhouse.domain.permits import Allowance, at_sight, for_caller, for_provider
from tollhouse.domain.urls import parse

TEN = (ip_network("10.0.0.0/8"),)


@pytest.mark.req("CN-14", "S-66")
@pytest.mark.parametrize(
    "host", ["127.0.0.1", "10.0.0.7", "[::1]", "[fd00::7]", "[::ffff:10.0.0.7]"]
)
def test_an_address_in_a_providers_url_is_declared_by_standing_there(host: str) -> None:
    url = parse(f"http://{host}:8000/v1")

    assert at_sight(url, for_provider(url)) is None


def test_localhost_is_declared_by_standing_there_and_leads_nowhere_else() -> None:
    permit = for_provider(parse("http://localhost:8000/v1"))

    assert judge("127.0.0.1", 8000, permit).is_allowed
    assert judge("::1", 8000, permit).is_allowed
    assert not judge("10.0.0.1", 8000, permit).is_allowed
    assert not judge("8.8.8.8", 8000, permit).is_allowed


@pytest.mark.req("CN-4", "H-105")
@pytest.mark.parametrize("host", ["vllm", "foo.localhost", "localhost.example.com"])
def test_a_name_leads_into_a_network_only_if_that_was_declared(host: str) -> None:
    url = parse(f"https://{host}/v1")

    assert judge("10.0.0.1", 443, for_provider(url)).rule == "private"
    assert judge("10.0.0.1", 443, for_provider(url, TEN)).is_allowed
    assert judge("127.0.0.1", 443, for_provider(url, TEN)).rule == "loopback"


@pytest.mark.req("OL-8")
def test_without_tls_a_name_leads_to_declared_networks_only() -> None:
    permit = for_provider(parse("http://vllm:8000/v1"), TEN)

    assert judge("10.0.0.1", 8000, permit).is_allowed
    assert judge("8.8.8.8", 8000, permit).rule == "public-without-tls"


@pytest.mark.req("CN-3", "H-117")
def test_what_is_never_reached_cannot_be_written_down_either() -> None:
    doors = Doors(frozenset({(ip_address("127.0.0.1"), 8400)}))
    for text in (
        "http://169.254.169.254",
        "http://127.0.0.1:8400",
        "http://metadata.google.internal",
    ):
        url = parse(text)

        assert at_sight(url, for_provider(url, TEN, doors)) is not None


@pytest.mark.req(
    "S-65", "H-91", "H-93", "H-94", "H-95", "H-96", "H-97", "H-98", "H-99", "H-100", "H-102"
)
@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "0.0.0.0", "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]",
     "[::ffff:0:127.0.0.1]", "[64:ff9b::7f00:1]", "[64:ff9b:1::a9fe:a9fe]", "[2002:7f00:1::]",
     "[2002:a9fe:a9fe::1]", "[2001:0:4136:e378::1]", "[fe80::5efe:7f00:1]", "169.254.169.254",
     "[fd00:ec2::254]", "100.100.100.200", "168.63.129.16", "192.0.0.192", "metadata.google.internal",
     "instance-data", "kubernetes.default.svc", "10.0.0.1", "172.16.0.1", "192.168.0.1", "100.64.0.1",
     "198.18.0.1", "192.0.0.1", "192.88.99.1", "240.0.0.1", "255.255.255.255", "224.0.0.1", "[fc00::1]",
     "[fec0::1]", "[ff02::1]", "[100::1]", "[2001:db8::1]", "[3fff::1]", "[5f00::1]"],
)  # fmt: skip
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_no_caller_leads_the_gateway_to_a_special_address(host: str, scheme: str) -> None:
    with pytest.raises(UrlNotAllowed) as refused:
        for_caller(f"{scheme}://{host}/x.png")

    assert host.strip("[]") not in refused.value.detail


@pytest.mark.req("S-67", "H-103", "H-114", "H-119")
@pytest.mark.parametrize(
    "text", ["file:///etc/passwd", "https://a@b", "https://a\\b", "https://a/%0d%0a"]
)
def test_a_callers_url_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(UrlNotAllowed):
        for_caller(text)


@pytest.mark.req("S-67", "H-115")
@pytest.mark.parametrize("port", [22, 25, 6379, 11211, 8080, 65535])
def test_a_caller_reaches_few_ports(port: int) -> None:
    with pytest.raises(UrlNotAllowed):
        for_caller(f"https://a.example:{port}/")

    for_caller("https://a.example:8443/")
    for_caller(f"https://a.example:{port}/", Allowance(ports=frozenset({port})))


def test_a_callers_name_is_judged_by_what_it_resolves_to() -> None:
    _, permit = for_caller("https://a.example/x.png")

    assert judge("8.8.8.8", 443, permit).is_allowed
    assert not judge("10.0.0.1", 443, permit).is_allowed


def test_an_operator_may_allow_callers_more() -> None:
    _, permit = for_caller("http://10.0.0.1/hook", Allowance(TEN))

    assert judge("10.0.0.1", 80, permit).is_allowed
    assert judge("169.254.169.254", 80, permit).rule == "metadata"
    with pytest.raises(UrlNotAllowed):
        for_caller("http://8.8.8.8/hook", Allowance(TEN))
