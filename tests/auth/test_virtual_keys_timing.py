"""How long a refusal takes tells nothing: neither whether an id is known, nor how much was right.

Both kinds take turns, so that whatever else the machine does happens to both. The effect is that of
Mann and Whitney: 0 if neither tends to be quicker, 1 if one always is.
"""

from __future__ import annotations

import gc
import random
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import pytest

from tollhouse.auth.virtual_keys import VirtualKeys
from tollhouse.domain.credentials import ALPHABET, Digest, assemble, digest
from tollhouse.domain.errors import Unauthenticated
from tollhouse.domain.identity import KeyRecord, Principal
from tollhouse.domain.snapshot import Names, Snapshot

Keys = Sequence[tuple[str, Snapshot]]

PEPPERS = {1: b"p" * 32, 2: b"q" * 32}
PRINCIPAL = Principal("id", "acme", "acme/default", "acme/anna", (1, 2, 3, 4), ("m",))
NOW = 1_000_000.0
ROUNDS = 20_000
TRIES = 5
"""On a machine that does other things too. A difference in the code would show in each."""

HARDLY_ANY = 0.3
"""30 ns in 6 µs: finding a key in a dictionary, and not finding it. Bytes compared one by one until
two differ would be more."""


@pytest.mark.req("S-23")
def test_a_secret_whose_first_byte_is_right_takes_no_longer_to_refuse() -> None:
    draw, ids = random.Random(1), _ids(1)
    known = _snapshot(ids)
    others = ALPHABET.replace("S", "")

    tails = ["".join(draw.choices(ALPHABET, k=31)) for _ in range(ROUNDS)]
    right = [(assemble(ids[0], "S" + tail), known) for tail in tails]
    wrong = [(assemble(ids[0], draw.choice(others) + tail), known) for tail in tails]

    assert not _tells(right, wrong)


@pytest.mark.req("S-23", "S-25", "H-150")
@pytest.mark.parametrize("state", ["active", "disabled", "expired", "rotated", "withdrawn"])
def test_an_id_that_is_known_takes_no_longer_to_refuse(state: str) -> None:
    draw, ids = random.Random(2), _ids(ROUNDS)
    known, unknown = _snapshot(ids, state), _snapshot(_ids(ROUNDS, seed=3), state)
    keys = [_key(each, "T", draw) for each in ids]

    assert not _tells([(key, known) for key in keys], [(key, unknown) for key in keys])


@pytest.mark.req("S-25")
def test_a_sum_that_does_not_fit_takes_no_longer_to_refuse() -> None:
    draw, ids = random.Random(4), _ids(ROUNDS)
    known = _snapshot(ids)
    keys = [_key(each, "T", draw) for each in ids]

    mistyped = [(key[:-1] + ("x" if key[-1] != "x" else "y"), known) for key in keys]

    assert not _tells(mistyped, [(key, known) for key in keys])


def _tells(first: Keys, second: Keys) -> bool:
    return all(abs(_effect(first, second)) >= HARDLY_ANY for _ in range(TRIES))


def _effect(first: Keys, second: Keys) -> float:
    keys = VirtualKeys(PEPPERS)
    spent: tuple[list[int], list[int]] = ([], [])
    with _without_collections():
        for number, (one, other) in enumerate(zip(first, second, strict=True)):
            turns = [(one, spent[0]), (other, spent[1])]
            for (key, snapshot), times in turns if number % 2 else reversed(turns):
                fresh = f"{key}!"[:-1]
                began = time.perf_counter_ns()
                try:
                    keys.identify(fresh, snapshot, NOW)
                except Unauthenticated:
                    times.append(time.perf_counter_ns() - began)
    assert len(spent[0]) == len(spent[1]) == len(first)
    return _mann_whitney(*spent)


def _mann_whitney(first: list[int], second: list[int]) -> float:
    """How much likelier the second is to be the longer one than the shorter one."""
    counts: dict[int, list[int]] = {}
    for which, times in enumerate((first, second)):
        for each in times:
            counts.setdefault(each, [0, 0])[which] += 1
    before, wins = 0, 0.0
    for _, (mine, theirs) in sorted(counts.items()):
        wins += theirs * (before + mine / 2)
        before += mine
    return 2 * wins / (len(first) * len(second)) - 1


def _ids(count: int, seed: int = 5) -> list[str]:
    draw = random.Random(seed)
    return ["".join(draw.choices(ALPHABET, k=12)) for _ in range(count)]


def _key(key_id: str, first: str, draw: random.Random) -> str:
    return assemble(key_id, first + "".join(draw.choices(ALPHABET, k=31)))


def _snapshot(ids: list[str], state: str = "active") -> Snapshot:
    record = KeyRecord(PRINCIPAL, Digest(1, digest("thk_" + "S" * 51, PEPPERS[1])))
    states = {
        "active": record,
        "disabled": replace(record, is_disabled=True),
        "expired": replace(record, expires_at=0.0),
        "rotated": replace(record, previous=Digest(2, bytes(32)), previous_until=NOW + 60),
        "withdrawn": replace(record, digest=Digest(3, bytes(32))),
    }
    return Snapshot(1, dict.fromkeys(ids, states[state]), Names({}), {})


@contextmanager
def _without_collections() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
