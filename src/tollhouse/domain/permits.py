"""Who may make the gateway reach what.

A provider is the operator's: an address that stands in its URL is declared by standing there, and a
name is declared by the networks that it may resolve to. Where callers have a say, only public
addresses are reached by https, on few ports, unless an operator allows more.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network

from tollhouse.domain import addresses
from tollhouse.domain.addresses import Doors, Permit, Verdict, judge, judge_name
from tollhouse.domain.errors import UrlNotAllowed
from tollhouse.domain.ranges import Network
from tollhouse.domain.urls import Url, UrlInvalid, parse

LOCALHOST = (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))


@dataclass(frozen=True, slots=True)
class Allowance:
    """What URLs that callers have a say in may lead to beside the public addresses."""

    networks: tuple[Network, ...] = ()
    ports: frozenset[int] = frozenset({80, 443, 8443})


def for_provider(url: Url, networks: tuple[Network, ...] = (), doors: Doors = Doors()) -> Permit:  # noqa: B008 - frozen
    return Permit((*_written(url), *networks), doors, is_plain=not url.is_tls)


def for_caller(
    text: str,
    allowance: Allowance = Allowance(),
    doors: Doors = Doors(),  # noqa: B008 - frozen
) -> tuple[Url, Permit]:
    """A URL that a caller has a say in. Raises UrlNotAllowed as far as can be told unresolved."""
    try:
        url = parse(text)
    except UrlInvalid as invalid:
        raise UrlNotAllowed(f"This URL is not taken: {invalid}.") from None
    permit = Permit(allowance.networks, doors, is_plain=not url.is_tls)
    refused = at_sight(url, permit)
    if refused is not None:
        raise UrlNotAllowed(private=str(refused))
    if url.port not in allowance.ports:
        raise UrlNotAllowed(f"Port {url.port} is not called.")
    return url, permit


def at_sight(url: Url, permit: Permit) -> Verdict | None:
    """The refusal that needs no resolver: of an address, or of a name that nobody may call."""
    if url.address is None:
        return judge_name(url.host)
    verdict = judge(url.host, url.port, permit)
    return None if verdict.is_allowed else verdict


def _written(url: Url) -> tuple[Network, ...]:
    if url.address is None:
        return LOCALHOST if url.host == "localhost" else ()
    return (ip_network(addresses.plain(url.address)),)
