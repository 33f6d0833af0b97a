"""Passwords are argon2id under the pepper, proved beside the loop, a bounded number at once."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from journeys.gateway import until
from tollhouse.auth.passwords import PARAMETERS, Passwords, Proofs
from tollhouse.domain.errors import Overloaded
from tollhouse.domain.passwords import Kept, Proved

PASSWORD = "correct horse battery"
HOUSE = Passwords({1: b"p" * 32, 2: b"q" * 32}, 2)
pytestmark = pytest.mark.req("OP-6")


def test_what_is_kept_proves_the_password_and_no_other_and_not_without_the_pepper() -> None:
    kept = HOUSE.kept(PASSWORD)

    assert kept.text.startswith(PARAMETERS)
    assert kept.pepper == 2
    assert HOUSE.proved(PASSWORD, kept) == Proved(holds=True)
    assert HOUSE.proved(PASSWORD + "!", kept) == Proved(holds=False)
    assert replace(HOUSE, peppers={2: b"r" * 32}).proved(PASSWORD, kept) == Proved(holds=False)


def test_what_was_kept_in_another_way_is_kept_anew_once_it_was_proved() -> None:
    old = Kept(_lightly(HOUSE.peppers[1]), 1)

    wrong, right = HOUSE.proved("another one at all", old), HOUSE.proved(PASSWORD, old)

    assert wrong == Proved(holds=False)
    assert right.renewed is not None
    assert right.renewed.text.startswith(PARAMETERS)
    assert right.renewed.pepper == 2


@pytest.mark.parametrize(
    "kept", [None, Kept("$argon2id$v=19$m=64", 1), Kept("nonsense", 1), Kept("x", 9)]
)
def test_where_there_is_nothing_to_prove_it_by_nobody_is_let_in(kept: Kept | None) -> None:
    assert HOUSE.proved(PASSWORD, kept) == Proved(holds=False)


@pytest.mark.parametrize("pepper", [1, 2])
def test_an_older_pepper_or_a_cheaper_way_is_enough_to_keep_it_anew(pepper: int) -> None:
    old = Kept(_lightly(HOUSE.peppers[pepper]), pepper)
    if pepper == 1:
        old = replace(HOUSE, current=1).kept(PASSWORD)

    renewed = HOUSE.proved(PASSWORD, old).renewed

    assert renewed is not None
    assert renewed.text.startswith(PARAMETERS)
    assert renewed.pepper == 2


@pytest.mark.req("S-23")
def test_whom_nobody_knows_takes_as_long_as_who_is_known() -> None:
    began = time.process_time()
    kept = HOUSE.kept(PASSWORD)
    usual_s = time.process_time() - began

    began = time.process_time()
    HOUSE.proved(PASSWORD, None)

    assert kept
    assert time.process_time() - began > usual_s / 5


async def test_proofs_are_done_on_a_thread_that_stands_back_and_not_once_all_is_over() -> None:
    proofs = Proofs()

    there = await proofs.done(lambda: os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
    proofs.close()

    assert there > os.getpriority(os.PRIO_PROCESS, 0)
    with pytest.raises(RuntimeError):
        await proofs.done(int)


async def test_more_proofs_than_may_wait_are_refused_and_the_loop_goes_on_meanwhile() -> None:
    proofs, gate, threads = Proofs(most=3), threading.Event(), set[str]()

    def work() -> int:
        threads.add(threading.current_thread().name)
        gate.wait(20)
        return 1

    try:
        waiting = [asyncio.create_task(proofs.done(work)) for _ in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(Overloaded):
            await proofs.done(work)
        gate.set()

        assert await asyncio.gather(*waiting) == [1, 1, 1]
        assert len(threads) == 1
        assert threading.current_thread().name not in threads
    finally:
        gate.set()
        proofs.close()


async def test_who_hangs_up_frees_no_place_before_the_proof_is_over() -> None:
    proofs, gate = Proofs(most=1), threading.Event()
    try:
        leaving = asyncio.create_task(proofs.done(lambda: gate.wait(20)))
        await asyncio.sleep(0)
        leaving.cancel()
        await asyncio.gather(leaving, return_exceptions=True)

        with pytest.raises(Overloaded):
            await proofs.done(gate.is_set)
        gate.set()

        async def is_free() -> bool:
            try:
                return await proofs.done(gate.is_set)
            except Overloaded:
                return False

        await until(is_free, "the place is free")
    finally:
        gate.set()
        proofs.close()


def _lightly(pepper: bytes) -> str:
    light = Argon2id(
        salt=b"s" * 16, length=32, iterations=1, lanes=1, memory_cost=64, secret=pepper
    )
    return light.derive_phc_encoded(PASSWORD.encode())
