"""What becomes of money that a dead process held.

A process lives as long as its lease. When that is past, its calls become unknown: they may
have cost something, and nobody saw how they ended. Under the policy `charge` they are settled
at the whole hold after a while; otherwise they wait for an operator.
"""

from __future__ import annotations

from dataclasses import dataclass

from tollhouse.control.usage import closing
from tollhouse.domain.budget import Source
from tollhouse.ports import Database, Ledger
from tollhouse.storage import calls, owners, repeats
from tollhouse.storage.owners import Owner

LARGEST_SWEEP = 500


@dataclass(frozen=True, slots=True)
class Policy:
    """Whether, and how many seconds after they began, unknown calls are charged."""

    charges_unknown: bool = False
    unknown_after_s: int = 86_400


@dataclass(frozen=True, slots=True)
class Swept:
    """How many calls were found without an owner, and how many were charged."""

    lost: int
    charged: int


async def register(
    database: Database, owner: str, host: str, pid: int, lease_s: int, now_ms: int
) -> None:
    """Before the first hold: a call without a living owner is taken for lost."""
    await owners.register(database, Owner(owner, host, pid, now_ms, now_ms + lease_s * 1000))


async def renew(database: Database, owner: str, lease_s: int, now_ms: int) -> bool:
    """False when the owner was forgotten and must register anew."""
    return await owners.renew(database, owner, now_ms + lease_s * 1000)


async def leave(database: Database, owner: str) -> None:
    """The owner goes in good order; what it left open is found at the next sweep."""
    await owners.forget(database, owner)


async def living(database: Database, now_ms: int) -> list[Owner]:
    """Those whose lease still runs."""
    return [owner for owner in await owners.owners(database) if owner.lease_until_ms > now_ms]


async def sweep(database: Database, ledger: Ledger, policy: Policy, now_ms: int) -> Swept:
    """Any process may sweep, at any time, beside any other: settling counts once."""
    lost = await calls.lose(database, now_ms)
    await repeats.forget(database, now_ms)
    await owners.forget_dead(database, now_ms)
    charged = await _charge(database, ledger, policy, now_ms) if policy.charges_unknown else 0
    return Swept(lost, charged)


async def _charge(database: Database, ledger: Ledger, policy: Policy, now_ms: int) -> int:
    before_ms = now_ms - policy.unknown_after_s * 1000
    old = await calls.unknown_since(database, before_ms, LARGEST_SWEEP, now_ms)
    settled = [await ledger.settle(closing(call, call.held, Source.HOLD, now_ms)) for call in old]
    return sum(settled)
