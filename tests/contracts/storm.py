"""A process of its own that works on a store which others share: run by the tests, told what to do on stdin.

storm.py ADDRESS holds ACCOUNTS AMOUNT COUNT    so many holds at once; says how many were let in
storm.py ADDRESS pairs ACCOUNTS AMOUNT          holds and settles until it is killed; says each id it holds
storm.py ADDRESS full ACCOUNTS AMOUNT           holds until the disk is full, and after it has room again
storm.py ADDRESS price                          writes one price
"""

from __future__ import annotations

import asyncio
import itertools
import os
import resource
import sys
from pathlib import Path

import uvloop
from databases import Accounts, Store, holding, open_store, settling

from tollhouse.domain.errors import BudgetExhausted, StoreUnavailable

PRICE = "INSERT INTO prices (model, input, output, cache_read, cache_write, effective_at, source, created_at)"


async def main(address: str, what: str, *arguments: str) -> None:
    store = open_store(address)
    await store.read("SELECT 1")
    _say("ready")
    sys.stdin.readline()
    if what == "price":
        await store.write((f"{PRICE} VALUES ('m', 1, 2, 3, 4, 5, 'test', 6)", ()))
        _say("written")
    else:
        tenant, project, user, key = map(int, arguments[0].split(","))
        accounts, amount = (tenant, project, user, key), int(arguments[1])
        await {"holds": _holds, "pairs": _pairs, "full": _full}[what](
            store, accounts, amount, *arguments[2:]
        )
    await store.close()


async def _holds(store: Store, accounts: Accounts, amount: int, count: str) -> None:
    results = await asyncio.gather(
        *(store.hold(holding(accounts, amount, _name(n))) for n in range(int(count))),
        return_exceptions=True,
    )
    assert all(result is None or isinstance(result, BudgetExhausted) for result in results)
    _say(str(results.count(None)))


async def _pairs(store: Store, accounts: Accounts, amount: int) -> None:
    numbers = itertools.count()

    async def pairs() -> None:
        for number in numbers:
            hold = holding(accounts, amount, _name(number))
            await store.hold(hold)
            _say(hold.call)
            if number % 3:
                await store.settle(settling(hold, amount // 2))

    await asyncio.gather(*(pairs() for _ in range(32)))


async def _full(store: Store, accounts: Accounts, amount: int) -> None:
    address = Path(sys.argv[1])
    room = max(_size(address), _size(address.with_name(address.name + "-wal"))) + 200_000
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))
    numbers, held = itertools.count(), 0
    try:
        for number in numbers:
            await store.hold(holding(accounts, amount, _name(number)))
            held += 1
    except StoreUnavailable as full:
        _say(f"{held} {full.private}")
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    await store.hold(holding(accounts, amount, _name(next(numbers))))
    _say("held again")


def _name(number: int) -> str:
    return f"call-{os.getpid()}-{number:08d}"


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _say(what: str) -> None:
    sys.stdout.write(what + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:]))
