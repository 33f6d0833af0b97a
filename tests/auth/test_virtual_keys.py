from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tollhouse.auth.virtual_keys import VirtualKeys
from tollhouse.domain import credentials
from tollhouse.domain.credentials import ALPHABET, Digest, assemble, digest, public_id
from tollhouse.domain.errors import (
    KeyDisabled,
    KeyExpired,
    KeyMalformed,
    KeyUnknown,
    Unauthenticated,
)
from tollhouse.domain.identity import KeyRecord, Principal
from tollhouse.domain.snapshot import Names, Snapshot

PEPPERS = {1: b"old" * 11, 2: b"new" * 11}
ID = "a1b2c3d4e5f6"
KEY = assemble(ID, "S" * 32)
OLD_KEY = assemble(ID, "T" * 32)
NOW = 1_000_000.0
PRINCIPAL = Principal(ID, "acme", "acme/default", "acme/anna", (1, 2, 3, 4), ("m",))


@pytest.mark.req("S-22", "S-24")
def test_a_valid_key_is_its_principal_and_is_noted_as_used() -> None:
    keys = VirtualKeys(PEPPERS)

    assert keys.identify(KEY, _snapshot(_record()), NOW) is PRINCIPAL
    assert keys.touched == {ID: NOW}


@pytest.mark.req("S-25", "B-7")
def test_an_unknown_id_and_a_wrong_secret_are_answered_alike() -> None:
    keys = VirtualKeys(PEPPERS)

    unknown = _refusal(keys, assemble("zzzzzzzzzzzz", "S" * 32), _record())
    wrong = _refusal(keys, assemble(ID, "U" * 32), _record())

    assert type(unknown) is type(wrong) is KeyUnknown
    assert unknown.detail == wrong.detail
    assert keys.touched == {}


@pytest.mark.req("B-7", "S-22")
def test_a_digest_under_another_pepper_is_not_enough() -> None:
    leaked = _record(digest=Digest(2, digest(KEY, PEPPERS[1])))

    assert isinstance(_refusal(VirtualKeys(PEPPERS), KEY, leaked), KeyUnknown)


@pytest.mark.req("B-7")
def test_a_key_under_a_pepper_that_was_withdrawn_is_out() -> None:
    withdrawn = _record(digest=Digest(1, digest(KEY, PEPPERS[1])))

    assert VirtualKeys(PEPPERS).identify(KEY, _snapshot(withdrawn), NOW) is PRINCIPAL
    refusal = _refusal(VirtualKeys({2: PEPPERS[2]}), KEY, withdrawn)
    assert isinstance(refusal, KeyUnknown)


@pytest.mark.req("S-26")
def test_the_old_secret_works_until_its_grace_ends_and_not_a_moment_longer() -> None:
    keys, record = VirtualKeys(PEPPERS), _rotated(until=NOW)

    assert keys.identify(OLD_KEY, _snapshot(record), NOW - 0.001) is PRINCIPAL
    assert isinstance(_refusal(keys, OLD_KEY, record, NOW), KeyUnknown)
    assert keys.identify(KEY, _snapshot(record), NOW) is PRINCIPAL


def test_without_a_grace_the_old_secret_is_out_at_once() -> None:
    record = replace(_rotated(until=NOW), previous_until=None)

    assert isinstance(_refusal(VirtualKeys(PEPPERS), OLD_KEY, record), KeyUnknown)


@pytest.mark.req("S-25")
def test_a_key_lives_up_to_the_moment_of_its_expiry() -> None:
    keys, record = VirtualKeys(PEPPERS), replace(_record(), expires_at=NOW)

    assert keys.identify(KEY, _snapshot(record), NOW - 0.001) is PRINCIPAL
    assert isinstance(_refusal(keys, KEY, record, NOW), KeyExpired)


def test_only_who_knows_the_secret_learns_that_a_key_is_disabled_or_expired() -> None:
    keys, closed = VirtualKeys(PEPPERS), replace(_record(), is_disabled=True, expires_at=0.0)

    assert isinstance(_refusal(keys, KEY, closed), KeyDisabled)
    assert isinstance(_refusal(keys, assemble(ID, "U" * 32), closed), KeyUnknown)
    assert keys.touched == {}


@given(st.text(max_size=80) | st.from_regex(credentials.PATTERN, fullmatch=True))
@example("\ud800")  # what no text is, and no digest can be taken of
def test_whatever_is_not_a_key_is_refused_as_such(presented: str) -> None:
    with pytest.raises(Unauthenticated):
        VirtualKeys(PEPPERS).identify(presented, _snapshot(_record()), NOW)


@pytest.mark.req("B-7")
@given(st.integers(0, len(KEY) - 1), st.sampled_from(ALPHABET))
def test_one_mistyped_character_is_told_without_a_lookup(place: int, other: str) -> None:
    mistyped = KEY[:place] + other + KEY[place + 1 :]

    if mistyped != KEY:
        with pytest.raises(KeyMalformed):
            VirtualKeys(PEPPERS).identify(mistyped, _snapshot(_record()), NOW)


@pytest.mark.req("B-7")
@given(st.integers(0, len(KEY) - 2))
def test_two_characters_that_changed_places_are_told(place: int) -> None:
    swapped = KEY[:place] + KEY[place + 1] + KEY[place] + KEY[place + 2 :]

    assert public_id(swapped) in ((ID,) if swapped == KEY else (None,))


@pytest.mark.parametrize("around", ["{} ", " {}", "{}\n", "{}\x00", "x{}", "{0}{0}", "{}="])
def test_nothing_may_stand_around_a_key(around: str) -> None:
    assert public_id(around.format(KEY)) is None


@given(st.integers(0, 2**32))
def test_every_key_that_is_put_together_is_well_formed(seed: int) -> None:
    draw = random.Random(seed)
    key_id = "".join(draw.choices(ALPHABET, k=credentials.ID_LENGTH))

    key = assemble(key_id, "".join(draw.choices(ALPHABET, k=credentials.SECRET_LENGTH)))

    assert public_id(key) == key_id


def _record(digest: Digest | None = None) -> KeyRecord:
    return KeyRecord(PRINCIPAL, digest or Digest(2, credentials.digest(KEY, PEPPERS[2])))


def _rotated(until: float) -> KeyRecord:
    previous = Digest(1, credentials.digest(OLD_KEY, PEPPERS[1]))
    return replace(_record(), previous=previous, previous_until=until)


def _snapshot(record: KeyRecord) -> Snapshot:
    return Snapshot(1, {ID: record}, Names({}), {})


def _refusal(keys: VirtualKeys, key: str, record: KeyRecord, now: float = NOW) -> Unauthenticated:
    with pytest.raises(Unauthenticated) as refused:
        keys.identify(key, _snapshot(record), now)
    return refused.value
