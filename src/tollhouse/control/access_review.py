"""Who can reach what, and what of it nobody needs: every key that is not revoked, with what speaks against it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from tollhouse.domain import access
from tollhouse.domain.budget import Account
from tollhouse.domain.reports import EVER_MS, By, Scope
from tollhouse.domain.sheets import Cell, Column, Kind
from tollhouse.ports import Database
from tollhouse.storage import budgets, keys, reports
from tollhouse.storage.days import DAY_MS
from tollhouse.storage.keys import KeyRow


class Finding(StrEnum):
    """What a reviewer asks about."""

    NEVER_USED = "never_used"
    LONG_UNUSED = "long_unused"
    NEVER_EXPIRES = "never_expires"
    EVERY_MODEL = "every_model"
    WIDER_THAN_USE = "wider_than_use"
    NO_LIMIT = "no_limit"
    OWNER_DISABLED = "owner_disabled"
    DISABLED = "disabled"
    EXPIRED = "expired"
    TWO_SECRETS = "two_secrets"


@dataclass(frozen=True, slots=True)
class Reviewed:
    """One key. `reaches` are models of the settings, `unused` those of them that it did not call."""

    key: KeyRow
    reaches: tuple[str, ...]
    unused: tuple[str, ...]
    limit: int | None
    """The least that any of its accounts allows; None if none does."""

    findings: tuple[Finding, ...]


COLUMNS = (
    *(Column(name) for name in ("key", "name", "tenant", "project", "user", "grants", "reaches")),
    *(Column(name) for name in ("unused", "findings")),
    Column("limit", Kind.MONEY),
    *(Column(name, Kind.MOMENT) for name in ("created_at", "last_used_at", "expires_at")),
)


def cells(each: Reviewed) -> tuple[Cell, ...]:
    key = each.key
    whose = (key.id, key.name, key.tenant, key.project, key.user)
    what = (" ".join(key.models), " ".join(each.reaches), " ".join(each.unused))
    times = (key.created_at_ms, key.last_used_at_ms, key.expires_at_ms)
    return (*whose, *what, " ".join(each.findings), each.limit, *times)


async def review(
    database: Database, models: Iterable[str], tenant: str, window_days: int, now_ms: int
) -> list[Reviewed]:
    """What was not called within the window counts as unused, and a key of that age as well."""
    since_ms = (now_ms // DAY_MS - window_days) * DAY_MS
    called = await _called(database, tenant, since_ms)
    accounts = {account.owner: account for account in await budgets.accounts(database)}
    known = sorted(models)
    return [
        _reviewed(key, known, called.get(key.id, set()), accounts, since_ms, now_ms)
        for key in await keys.keys(database, tenant)
        if not key.is_revoked
    ]


async def _called(database: Database, tenant: str, since_ms: int) -> dict[str, set[str]]:
    scope = Scope(tenant=tenant, from_ms=since_ms)
    called: dict[str, set[str]] = {}
    for group in await reports.groups(database, (By.KEY, By.MODEL), EVER_MS, scope):
        called.setdefault(group.labels[By.KEY], set()).add(group.labels[By.MODEL])
    return called


def _reviewed(
    key: KeyRow,
    models: list[str],
    called: set[str],
    accounts: Mapping[str, Account],
    since_ms: int,
    now_ms: int,
) -> Reviewed:
    reaches = tuple(model for model in models if access.is_granted(model, key.models))
    unused = tuple(model for model in reaches if not _was_called(model, called))
    limit = _least(key, accounts)
    questions = {
        Finding.NEVER_USED: key.last_used_at_ms is None and key.created_at_ms < since_ms,
        Finding.LONG_UNUSED: key.last_used_at_ms is not None and key.last_used_at_ms < since_ms,
        Finding.NEVER_EXPIRES: key.expires_at_ms is None,
        Finding.EVERY_MODEL: "*" in key.models,
        Finding.WIDER_THAN_USE: bool(unused) and key.created_at_ms < since_ms,
        Finding.NO_LIMIT: limit is None,
        Finding.OWNER_DISABLED: key.is_blocked,
        Finding.DISABLED: key.is_disabled,
        Finding.EXPIRED: key.expires_at_ms is not None and key.expires_at_ms <= now_ms,
        Finding.TWO_SECRETS: (key.previous_until_ms or 0) > now_ms,
    }
    return Reviewed(
        key, reaches, unused, limit, tuple(finding for finding, holds in questions.items() if holds)
    )


def _was_called(model: str, called: set[str]) -> bool:
    """A model whose name ends with `*` stands for all that begins so."""
    return any(access.matches(each, model) for each in called)


def _least(key: KeyRow, accounts: Mapping[str, Account]) -> int | None:
    owners = (f"tenant:{key.tenant}", f"project:{key.project}", f"user:{key.user}", f"key:{key.id}")
    limits = [
        account.limit
        for account in (accounts.get(owner) for owner in owners)
        if account and account.has_budget and not account.is_soft and account.limit is not None
    ]
    return min(limits, default=None)
