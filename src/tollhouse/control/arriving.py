"""Who comes with another gateway: its budgets, users and keys in our words, and the acts by which they are let in.

Whoever kept only the digest of a key does not know it, so the digest comes along, and the old key goes on opening
until it is rotated. What somebody spent there stays there.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tollhouse.control import budgets, granting, key_rights, keys, plans, prices, tenancy
from tollhouse.control.budgets import UNLIMITED, Grant, Start
from tollhouse.control.keys import Foreign, Wish
from tollhouse.control.peppers import Peppers
from tollhouse.control.plans import Terms
from tollhouse.control.prices import Rates
from tollhouse.domain.identity import Naming
from tollhouse.domain.lifetimes import FOR_EVER, Lifetimes
from tollhouse.ports import Books, Database
from tollhouse.storage.tenancy import Kind

DIGEST = re.compile(r"[0-9a-f]{64}")
_BEYOND = re.compile(r"[^a-z0-9._@-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    name: str
    alias: str | None = None
    notes: str | None = None
    plan: str = ""
    """The budget's id there."""

    own: Terms | None = None
    models: tuple[str, ...] | None = None
    is_blocked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """A key; `digest` is the SHA-256 that was kept of it."""

    digest: str
    name: str
    tail: str = ""
    user: str = ""
    models: tuple[str, ...] = ("*",)
    expires_at_ms: int | None = None
    is_disabled: bool = False
    is_exempt: bool = False
    naming: Naming | None = None
    notes: str | None = None
    own: Terms | None = None


@dataclass(slots=True)
class Arrivals:
    plans: dict[str, Terms] = field(default_factory=dict)
    """By their ids there."""

    people: list[Person] = field(default_factory=list)
    passes: list[Pass] = field(default_factory=list)
    prices: dict[str, Rates] = field(default_factory=dict)
    left: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Deed:
    """One act: an operation of the table, its arguments, and what it says to whoever looks on."""

    operation: str
    arguments: Mapping[str, Any]
    work: Callable[[Books], Awaitable[Any]]
    says: str


def named(foreign: str) -> str:
    """A user's name as it can be here; nothing if there is none."""
    return _BEYOND.sub("-", foreign.lower()).strip("-._@")[:63].rstrip("-._@")


async def deeds(
    store: Database,
    tenant: str,
    arrivals: Arrivals,
    peppers: Peppers,
    now_ms: int,
    lifetimes: Lifetimes = FOR_EVER,
) -> AsyncIterator[Deed]:
    """What is still to be done, in its order. What is there already is left as it is, so it can be done again.

    Each is worked out once those before it were done, or, if none is done, as if they had been.
    """
    if not await tenancy.members(store, Kind.TENANT, tenant):
        yield Deed(
            "tenants.create",
            {"slug": tenant},
            lambda books: tenancy.create_tenant(books, tenant, now_ms),
            f"make the tenant {tenant}",
        )
    there: dict[str, str] = {}
    async for deed in _plans(store, tenant, arrivals, there, now_ms):
        yield deed
    async for deed in _people(store, tenant, arrivals, there, now_ms):
        yield deed
    async for deed in _passes(store, tenant, arrivals, (peppers, lifetimes), now_ms):
        yield deed
    async for deed in _prices(store, arrivals, now_ms):
        yield deed


async def _plans(
    store: Database, tenant: str, arrivals: Arrivals, there: dict[str, str], now_ms: int
) -> AsyncIterator[Deed]:
    known = {
        (each.name, each.limit, each.period): each.id for each in await plans.listed(store, tenant)
    }
    for foreign, terms in arrivals.plans.items():
        if (found := known.get((terms.name, terms.limit, terms.period))) is not None:
            there[foreign] = found
            continue

        async def make(books: Books, foreign: str = foreign, terms: Terms = terms) -> Any:
            made = await plans.create(books, tenant, terms, now_ms)
            there[foreign] = made.id
            return made

        yield Deed("plans.create", {"tenant": tenant}, make, f"make the plan {terms.name!r}")


async def _people(
    store: Database, tenant: str, arrivals: Arrivals, there: dict[str, str], now_ms: int
) -> AsyncIterator[Deed]:
    known = {each.id for each in await tenancy.members(store, Kind.USER, tenant)}
    for person in arrivals.people:
        user = f"{tenant}/{person.name}"
        if user not in known:
            for deed in _arriving(tenant, user, person, there, now_ms):
                yield deed


def _arriving(
    tenant: str, user: str, person: Person, there: dict[str, str], now_ms: int
) -> list[Deed]:
    about = {"user": user}

    async def give(books: Books) -> None:
        plan = there.get(person.plan)
        await plans.give(books, user, plan, now_ms, UNLIMITED)

    async def make(books: Books) -> str:
        """Whoever is shut out is so from the first moment."""
        made = await tenancy.create_user(books, tenant, person.name, now_ms)
        if person.is_blocked:
            await tenancy.set_disabled(books, Kind.USER, made, is_disabled=True)
        return made

    says = f"make the user {user}{', shut out' if person.is_blocked else ''}"
    made = [Deed("users.create", {"tenant": tenant, "name": person.name}, make, says)]
    if person.own is None:
        made.append(Deed("plans.give", about, give, f"give {user} its budget"))
    else:
        made.append(_granting(f"user:{user}", person.own, now_ms))
    if person.alias or person.notes:
        made.append(
            Deed(
                "users.describe",
                about,
                lambda books: tenancy.describe(books, user, person.alias, person.notes, now_ms),
                f"say what {user} is called",
            )
        )
    if person.models is not None:
        made.append(
            Deed(
                "users.allow",
                about,
                lambda books: granting.allow(books, user, person.models),
                f"bound what the keys of {user} may call",
            )
        )
    return made


async def _passes(
    store: Database, tenant: str, arrivals: Arrivals, rules: tuple[Peppers, Lifetimes], now_ms: int
) -> AsyncIterator[Deed]:
    known = await keys.imported(store)
    for each in arrivals.passes:
        if rules[0].digest(each.digest).value in known:
            continue
        made: list[str] = []
        yield _issuing(tenant, each, rules, now_ms, made)
        for deed in _settings(tenant, each, now_ms, made):
            yield deed


def _issuing(
    tenant: str, each: Pass, rules: tuple[Peppers, Lifetimes], now_ms: int, made: list[str]
) -> Deed:
    peppers, lifetimes = rules
    wish = Wish(
        tenant=tenant,
        name=each.name,
        user=each.user or None,
        models=each.models,
        expires_in_s=None,
        expires_at_ms=each.expires_at_ms,
        limit=each.own.limit if each.own else None,
        foreign=Foreign(each.digest, each.tail),
    )

    async def issue(books: Books) -> Any:
        """Whoever is shut out is so from the first moment."""
        issued = await keys.issue(books, peppers, wish, now_ms, lifetimes=lifetimes)
        if each.is_disabled:
            await keys.set_disabled(books, issued.id, is_disabled=True)
        if each.notes:
            await keys.describe(books, issued.id, None, each.notes)
        made.append(issued.id)
        return issued

    arguments = {"project": f"{tenant}/{tenancy.DEFAULT_PROJECT}", "tenant": tenant}
    says = f"take in the key {each.name!r}{', shut out' if each.is_disabled else ''}"
    return Deed("keys.create", arguments, issue, says)


def _settings(tenant: str, each: Pass, now_ms: int, made: list[str]) -> list[Deed]:
    """Its id is known once it was made."""
    key = made[0] if made else "new"
    about = {"key": key}
    rest = []
    if each.own and each.own.period:
        rest.append(_granting(f"key:{key}", each.own, now_ms))
    if not each.user and each.own is None:
        user = f"{tenant}/key-{key}"
        rest.append(
            Deed(
                "plans.give",
                {"user": user},
                lambda books: plans.give(books, user, None, now_ms, UNLIMITED),
                f"give the key {each.name!r} no limit of its own",
            )
        )
    if each.is_exempt:
        rest.append(
            Deed(
                "keys.exempt",
                about,
                lambda books: key_rights.set_exempt(books, key, is_exempt=True),
                f"let the key {each.name!r} call without a budget",
            )
        )
    if each.naming is not None:
        rest.append(
            Deed(
                "keys.bind",
                about,
                lambda books: key_rights.bind(books, key, each.naming),
                f"say whom calls of the key {each.name!r} may name",
            )
        )
    return rest


def _granting(owner: str, terms: Terms, now_ms: int) -> Deed:
    grant = Grant(is_granted=True, limit=terms.limit)
    start = Start(terms.period, now_ms)

    async def work(books: Books) -> Any:
        return await budgets.grant(books, owner, grant, start)

    return Deed("budgets.set", {"owner": owner}, work, f"set the budget of {owner}")


async def _prices(store: Database, arrivals: Arrivals, now_ms: int) -> AsyncIterator[Deed]:
    """What somebody set by hand stays; the price book's is not what they paid."""
    rows = await prices.history(store)
    known = {row.model for row in rows if row.source == prices.OPERATOR}
    for target, rates in arrivals.prices.items():
        if target not in known:

            async def work(books: Books, target: str = target, rates: Rates = rates) -> Any:
                return await prices.set_price(books, target, rates, None, now_ms)

            yield Deed("prices.set", {"target": target}, work, f"set the price of {target}")
