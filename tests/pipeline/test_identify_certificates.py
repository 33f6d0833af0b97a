"""Certificates before the one decision who comes: alone, beside a key, and where nobody vouches for any."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from pipeline.houses import CALLER, KEY_ID, World, call, identified
from tollhouse.domain.bounds import Bounds
from tollhouse.domain.certificates import Certificate
from tollhouse.domain.errors import (
    AmbiguousCredentials,
    CertificateForeign,
    CertificateInvalid,
    KeyMissing,
    Problem,
)
from tollhouse.domain.identity import Principal
from tollhouse.domain.snapshot import Snapshot
from tollhouse.domain.throttling import Throttle
from tollhouse.pipeline.record import Journal

SHOWN = Certificate("ab" * 32, 0, 2**40, "prod")
WORKLOAD = replace(CALLER, key="prod:1", user="acme/web")
NO_KEY = ((b"user-agent", b"x"),)


@dataclass
class Vouching:
    """Implements Certifier."""

    stands_for: Principal | None = None
    holds: bool = True

    def identify(
        self, certificate: Certificate, snapshot: Snapshot, now: float
    ) -> Principal | None:
        if not self.holds:
            raise CertificateInvalid
        return self.stands_for


@pytest.mark.req("OC-3", "S-43")
def test_alone_it_is_whom_it_stands_for_and_its_thumbprint_is_what_was_presented() -> None:
    principal, record = _came(Vouching(WORKLOAD), NO_KEY)

    assert principal is WORKLOAD
    assert record.presented == SHOWN.thumbprint


@pytest.mark.req("OC-3")
def test_alone_and_for_nobody_it_is_as_if_nothing_had_been_shown() -> None:
    with pytest.raises(KeyMissing):
        _came(Vouching(), NO_KEY)


@pytest.mark.req("S-44", "S-42")
def test_beside_a_key_it_may_stand_for_the_keys_user_or_for_nobody() -> None:
    assert _came(Vouching())[0] is CALLER
    assert _came(Vouching(replace(WORKLOAD, user=CALLER.user)))[0] is CALLER
    with pytest.raises(AmbiguousCredentials):
        _came(Vouching(WORKLOAD))


@pytest.mark.req("B-21", "S-44")
def test_beside_a_key_that_is_bound_to_it_it_may_stand_for_anybody() -> None:
    caller, _ = _came(Vouching(WORKLOAD), bound_to=SHOWN.thumbprint)

    assert caller.user == CALLER.user
    with pytest.raises(CertificateForeign):
        _came(Vouching(WORKLOAD), bound_to="cd" * 32)


@pytest.mark.req("S-43", "S-42", "H-143")
@pytest.mark.parametrize("headers", [(), NO_KEY], ids=["with a key", "alone"])
def test_one_that_does_not_hold_lets_nobody_in_whatever_else_is_shown(
    headers: tuple[tuple[bytes, bytes], ...],
) -> None:
    with pytest.raises(CertificateInvalid):
        _came(Vouching(WORKLOAD, holds=False), headers)


@pytest.mark.req("H-143")
def test_where_nobody_vouches_for_certificates_one_lets_nobody_in() -> None:
    with pytest.raises(CertificateInvalid):
        _came(None)


@pytest.mark.req("B-24")
def test_bad_ones_are_throttled_like_bad_keys() -> None:
    house = replace(World().house, certifier=Vouching(holds=False), throttle=Throttle(10))
    codes = []
    for _ in range(12):
        try:
            identified(Journal(replace(call(*NO_KEY), certificate=SHOWN)), house)
        except Problem as problem:
            codes.append(problem.code)

    assert codes[0] == "certificate_invalid"
    assert codes[-1] == "too_many_failures"


def _came(
    certifier: Vouching | None,
    headers: tuple[tuple[bytes, bytes], ...] = (),
    bound_to: str = "",
) -> tuple[Principal, Journal]:
    world, record = World(), Journal(replace(call(*headers), certificate=SHOWN))
    if bound_to:
        known = world.snapshot.keys[KEY_ID]
        bounds = Bounds(certificates=frozenset({bound_to}))
        bound = replace(known, principal=replace(CALLER, bounds=bounds))
        world.snapshot = replace(world.snapshot, keys={KEY_ID: bound})
    return identified(record, replace(world.house, certifier=certifier)), record
