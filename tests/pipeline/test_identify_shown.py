"""Certificates and bounds where credentials meet: each has to hold, and none stands in for another."""

from __future__ import annotations

from dataclasses import dataclass, replace
from ipaddress import ip_network

import pytest

from pipeline.houses import CALLER, KEY, KEY_ID, NOW_NS, World, call, identified, snapshot
from tollhouse.domain.bounds import Bounds
from tollhouse.domain.certificates import Certificate
from tollhouse.domain.errors import (
    AmbiguousCredentials,
    CertificateInvalid,
    KeyMissing,
    NetworkNotAllowed,
    Problem,
    PurposeNotAllowed,
    TooManyFailures,
)
from tollhouse.domain.identity import Principal
from tollhouse.domain.snapshot import Snapshot
from tollhouse.domain.throttling import Throttle
from tollhouse.pipeline.record import Journal

SHOWN = Certificate("f" * 64, 0, 2**40)
WORKLOAD = replace(CALLER, key="okta:workload")
BEARER = (b"authorization", f"Bearer {KEY}".encode())

pytestmark = pytest.mark.req("H-143", "S-36")


@dataclass
class Certifies:
    """Implements Certifier."""

    answer: Principal | Problem | None = None
    asked: int = 0

    def identify(
        self, certificate: Certificate, snapshot: Snapshot, now: float
    ) -> Principal | None:
        assert (certificate, now) == (SHOWN, NOW_NS / 1e9)
        self.asked += 1
        if isinstance(self.answer, Problem):
            raise self.answer
        return self.answer


def asking(*headers: tuple[bytes, bytes]) -> Journal:
    it = call(*headers)
    return Journal(replace(it, headers=headers, fields=dict(headers), certificate=SHOWN))


def came(answer: Principal | Problem | None, *headers: tuple[bytes, bytes]) -> Principal:
    return identified(asking(*headers), replace(World().house, certifier=Certifies(answer)))


def test_whom_a_certificate_stands_for_needs_no_key() -> None:
    assert came(WORKLOAD) is WORKLOAD


def test_whom_it_stands_for_may_show_a_key_of_its_own_beside_it() -> None:
    assert came(WORKLOAD, BEARER).key == KEY_ID
    assert came(None, BEARER).key == KEY_ID
    with pytest.raises(AmbiguousCredentials):
        came(replace(WORKLOAD, user="acme/bob"), BEARER)


def test_a_certificate_that_stands_for_nobody_is_no_key() -> None:
    with pytest.raises(KeyMissing):
        came(None)


def test_one_that_holds_no_more_spoils_a_good_key() -> None:
    for headers in ((), (BEARER,)):
        with pytest.raises(CertificateInvalid):
            came(CertificateInvalid(), *headers)


def test_where_nobody_vouches_for_certificates_none_is_taken() -> None:
    for headers in ((), (BEARER,)):
        with pytest.raises(CertificateInvalid):
            identified(asking(*headers), World().house)


def test_who_shows_bad_ones_waits_like_who_shows_bad_keys() -> None:
    house = replace(World(throttle=Throttle(1)).house, certifier=Certifies(CertificateInvalid()))

    def refused() -> type[Problem]:
        with pytest.raises(Problem) as caught:
            identified(asking(), house)
        return type(caught.value)

    ends = [refused() for _ in range(40)]

    assert ends[0] is CertificateInvalid
    assert ends[-1] is TooManyFailures


def test_its_thumbprint_is_what_was_presented_where_nothing_else_was() -> None:
    house = replace(World().house, certifier=Certifies(WORKLOAD))
    alone, beside = asking(), asking(BEARER)

    identified(alone, house)
    identified(beside, house)

    assert (alone.presented, beside.presented) == (SHOWN.thumbprint, KEY)


@pytest.mark.req("B-21")
@pytest.mark.parametrize(
    ("bounds", "problem"),
    [
        (Bounds(networks=(ip_network("192.0.2.0/24"),)), None),
        (Bounds(networks=(ip_network("198.51.100.0/24"),)), NetworkNotAllowed),
        (Bounds(routes=frozenset({"chat"})), None),
        (Bounds(routes=frozenset({"models"})), PurposeNotAllowed),
    ],
    ids=str,
)
def test_a_key_is_good_where_and_for_what_it_is_bound(
    bounds: Bounds, problem: type[Problem] | None
) -> None:
    world = World()
    usual = snapshot()
    record = usual.keys[KEY_ID]
    bound = replace(record, principal=replace(record.principal, bounds=bounds))
    world.snapshot = replace(usual, keys={KEY_ID: bound})
    journal = Journal(call(BEARER))

    if problem is None:
        assert identified(journal, world.house).key == KEY_ID
    else:
        with pytest.raises(problem):
            identified(journal, world.house)
        assert journal.caller is not None
        assert journal.caller.key == KEY_ID
