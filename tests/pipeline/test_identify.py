from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import replace
from typing import Any

import pytest

from pipeline.houses import CALLER, KEY, World, call, identified
from tollhouse.domain.audit import fingerprint
from tollhouse.domain.certificates import Certificate
from tollhouse.domain.errors import (
    AmbiguousCredentials,
    BearerEmpty,
    KeyMalformed,
    KeyMissing,
    KeyUnknown,
    Problem,
    RoleReadonly,
    SchemeForeign,
    SchemeMissing,
)
from tollhouse.domain.identity import Principal
from tollhouse.domain.snapshot import Names, Snapshot
from tollhouse.pipeline.call import Call
from tollhouse.pipeline.house import House
from tollhouse.pipeline.identify import LONGEST_CREDENTIAL, credential_of, identify
from tollhouse.pipeline.record import Journal
from tollhouse.pipeline.route import Does

Header = tuple[bytes, bytes]
RAW = KEY.encode()


class Vouches:
    """Implements Certifier."""

    def __init__(self, caller: Principal) -> None:
        self._caller = caller

    def identify(self, _certificate: Certificate, _snapshot: Snapshot, _now: float) -> Principal:
        return self._caller


class LetsEverybodyIn:
    """Implements Authenticator."""

    def identify(self, credential: str, snapshot: Snapshot, now: float) -> Principal:
        return CALLER


@pytest.mark.req("R-1", "OC-6")
@pytest.mark.parametrize(
    "headers",
    [
        [(b"authorization", b"Bearer " + RAW)],
        [(b"authorization", b"bearer   " + RAW + b" ")],
        [(b"authorization", b"BeArEr " + RAW)],
        [(b"x-api-key", RAW)],
        [(b"x-api-key", b"Bearer " + RAW)],
        [(b"otari-key", b"Bearer " + RAW)],
        [(b"x-goog-api-key", RAW)],
        [(b"authorization", b"Bearer " + RAW), (b"x-api-key", RAW)],
        [(b"cookie", b"x"), (b"x-api-key", RAW), (b"x-forwarded-user", b"root")],
    ],
)
def test_a_key_is_found_wherever_a_client_puts_it(headers: list[Header]) -> None:
    assert _identified(call(*headers), World().house) is CALLER


@pytest.mark.req("R-1", "S-24", "S-25", "OC-7")
@pytest.mark.parametrize(
    ("headers", "problem"),
    [
        ([(b"cookie", RAW)], KeyMissing),
        ([(b"authorization", b"")], SchemeMissing),
        ([(b"authorization", b"Bearer")], BearerEmpty),
        ([(b"authorization", b"Bearer  ")], BearerEmpty),
        ([(b"authorization", RAW)], SchemeMissing),
        ([(b"authorization", b"Basic " + RAW)], SchemeForeign),
        ([(b"x-api-key", b"")], KeyMalformed),
        ([(b"x-api-key", b"sk-" + RAW)], KeyMalformed),
        ([(b"x-api-key", b"\xff\xfe")], KeyMalformed),
        ([(b"x-api-key", b"thk_" + b"a" * LONGEST_CREDENTIAL)], KeyMalformed),
        ([(b"x-api-key", RAW), (b"x-api-key", RAW)], AmbiguousCredentials),
        ([(b"x-api-key", RAW), (b"otari-key", b"other")], AmbiguousCredentials),
        ([(b"x-api-key", RAW), (b"otari-key", b"")], AmbiguousCredentials),
    ],
)
def test_anything_else_is_refused(headers: list[Header], problem: type[Problem]) -> None:
    with pytest.raises(problem):
        _identified(call(*headers), World().house)


@pytest.mark.req("S-24")
def test_who_names_no_key_is_told_so() -> None:
    with pytest.raises(KeyMalformed, match="names no key"):
        _identified(call((b"authorization", b"Bearer ")), World().house)


def test_a_bad_key_never_falls_through_to_the_next_authenticator() -> None:
    house = _with_second_authenticator()

    with pytest.raises(KeyMalformed):
        _identified(call((b"x-api-key", b"thk_" + b"x" * 51)), house)
    nobody = replace(
        house, snapshots=World(snapshot=Snapshot(1, {}, Names({}), {})).house.snapshots
    )
    with pytest.raises(KeyUnknown):
        _identified(call((b"x-api-key", RAW)), nobody)


def test_the_shape_picks_the_authenticator() -> None:
    assert _identified(call((b"x-api-key", b"eyJ.x.y")), _with_second_authenticator()) is CALLER


@pytest.mark.req("S-34")
async def test_whoever_has_to_wait_for_keys_is_asked_again_when_they_are_there() -> None:
    looked = asyncio.Event()
    asked: list[str] = []

    class Waits(LetsEverybodyIn):
        def identify(
            self, credential: str, snapshot: Snapshot, now: float
        ) -> Principal | Awaitable[Any]:
            asked.append(credential)
            return CALLER if looked.is_set() else looked.wait()

    house = replace(World().house, authenticators={"eyJ": Waits()})
    asking = asyncio.create_task(identify(Journal(call((b"x-api-key", b"eyJ.x.y"))), house))
    await asyncio.sleep(0)
    assert (asked, asking.done()) == (["eyJ.x.y"], False)

    looked.set()

    assert await asking is CALLER
    assert asked == ["eyJ.x.y"] * 2


@pytest.mark.req("S-34")
def test_a_credential_too_long_for_any_shape_reaches_no_authenticator() -> None:
    house = _with_second_authenticator()
    longest = b"eyJ".ljust(LONGEST_CREDENTIAL, b"x")

    assert _identified(call((b"x-api-key", longest)), house) is CALLER
    with pytest.raises(KeyMalformed):
        _identified(call((b"x-api-key", longest + b"x")), house)


@pytest.mark.req("P-16")
def test_a_fingerprint_tells_credentials_apart_and_is_none_without_one() -> None:
    assert credential_of(call((b"x-api-key", RAW))) == KEY
    assert credential_of(call((b"x-api-key", b"bad"))) == "bad"
    assert credential_of(call((b"cookie", b"x"))) is None
    assert KEY[-8:] not in fingerprint(KEY)


def _with_second_authenticator() -> House:
    house = World().house
    return replace(
        house,
        authenticators={**house.authenticators, "eyJ": LetsEverybodyIn(), "": LetsEverybodyIn()},
    )


@pytest.mark.req("OP-5")
def test_who_only_reads_is_refused_what_spends_by_a_certificate_too() -> None:
    certificate = Certificate("ab" * 32, 0, 2**40)
    reader = replace(CALLER, is_readonly=True)
    house = replace(World().house, certifier=Vouches(reader))
    asking = replace(call((b"host", b"x")), certificate=certificate)

    with pytest.raises(RoleReadonly):
        _identified(asking, house)
    looking = replace(asking, route=replace(asking.route, does=Does.READS))

    assert _identified(looking, house) is reader


def _identified(asking: Call, house: House) -> Principal:
    return identified(Journal(asking), house)
