"""Why a call would be let in or not: the same rules as for a real one, and nothing is held."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass

from tollhouse.domain import budget, models, naming
from tollhouse.domain.budget import Account, dollars
from tollhouse.domain.errors import KeyDisabled, KeyExpired, KeyUnknown, Refusal
from tollhouse.domain.identity import KeyRecord, Principal
from tollhouse.domain.models import Ask, Leg, Plan
from tollhouse.domain.snapshot import Snapshot
from tollhouse.ports import Database
from tollhouse.storage import budgets


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was decided. `code` names the refusal, if it was one."""

    name: str
    says: str
    code: str | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """The way of a call, up to where it is refused or sent."""

    steps: tuple[Step, ...]
    plan: Plan | None

    @property
    def is_allowed(self) -> bool:
        return all(step.code is None for step in self.steps)


Arrival = Generator[Step, None, Principal]
"""How somebody comes in, step by step; in the end, who that is. Raises a Refusal."""


async def explain(
    database: Database, snapshot: Snapshot, key: str, ask: Ask, now: float
) -> Explanation:
    """What becomes of a call with a key, by its id."""
    return await explained(database, snapshot, _by_key(snapshot, key, now), ask, now)


async def explained(
    database: Database, snapshot: Snapshot, arrival: Arrival, ask: Ask, now: float
) -> Explanation:
    """Stops at the first refusal, as a call would. Rates of requests are not looked at."""
    steps: list[Step] = []
    stage = "key"
    try:
        caller = _arrived(arrival, steps)
        stage = "model"
        steps += _named(snapshot, caller.tenant, ask)
        plan = models.plan(snapshot, caller, ask, now)
        steps += _planned(plan)
        stage = "budget"
        payers = (*caller.accounts, *[share.account for share in plan.shares])
        accounts = await budgets.accounts_of(database, payers)
        amount = 0 if caller.is_exempt else plan.hold
        steps.append(_budget(accounts, amount, int(now * 1000)))
    except Refusal as refusal:
        return Explanation((*steps, Step(stage, refusal.detail, refusal.code)), None)
    return Explanation(tuple(steps), plan)


def _arrived(arrival: Arrival, steps: list[Step]) -> Principal:
    while True:
        try:
            steps.append(next(arrival))
        except StopIteration as known:
            principal: Principal = known.value
            return principal


def _by_key(snapshot: Snapshot, key: str, now: float) -> Arrival:
    record = _key(snapshot, key, now)
    yield Step("key", f"{key} of {record.principal.user} is valid")
    if (bound := record.principal.bounds) is not None:
        yield Step("bounds", f"it may be used {bound}")
        bound.insist_on_time(now)
    return record.principal


def _key(snapshot: Snapshot, key: str, now: float) -> KeyRecord:
    record = snapshot.keys.get(key)
    if record is None:
        raise KeyUnknown(f"there is no key {key!r}")
    if record.is_disabled:
        raise KeyDisabled("the key, or its tenant, project or user, is disabled or revoked")
    if record.expires_at is not None and record.expires_at <= now:
        raise KeyExpired
    return record


def _named(snapshot: Snapshot, tenant: str, ask: Ask) -> list[Step]:
    """By which rules the name leads to a model, where it is not one itself."""
    found = naming.find_either(snapshot, tenant, ask.model, ask.otherwise)
    return [Step("name", rule) for rule in found.rules] if found else []


def _planned(plan: Plan) -> list[Step]:
    targets = "; ".join(_leg(leg) for leg in plan.legs)
    shares = plan.model.weights
    drawn = (
        f"the first {len(shares)} share the calls {':'.join(map(str, shares))}; " if shares else ""
    )
    says = f"{plan.model.name!r} is known and granted; {drawn}asked in this order: {targets}"
    return [
        Step("model", says),
        Step("hold", f"{dollars(plan.hold)} would be held: the dearest of its targets"),
    ]


def _leg(leg: Leg) -> str:
    price = "without a price" if leg.price is None else f"at price {leg.price.id}"
    return (
        f"{leg.target.name} {price}, up to {leg.input_tokens} tokens in and "
        f"{leg.output_tokens} out, {dollars(leg.worst)} at worst"
    )


def _budget(accounts: Sequence[Account], amount: int, now_ms: int) -> Step:
    if amount == 0:
        return Step("budget", "nothing is held, so no budget is asked")
    for account in accounts:
        budget.roll(account, now_ms)
    budget.check(accounts, amount, now_ms)
    limited = [account for account in accounts if account.has_budget]
    return Step("budget", "room on " + ", ".join(account.owner for account in limited))
