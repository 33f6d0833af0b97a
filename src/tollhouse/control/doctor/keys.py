"""Checks of keys: what they may call and spend, until when, and whether anybody needs them."""

from __future__ import annotations

from collections.abc import Iterator

from tollhouse.control.doctor.finding import Check, Ill, Mend, Severity
from tollhouse.control.doctor.seen import Seen
from tollhouse.domain.lifetimes import DAY_S
from tollhouse.storage.keys import KeyRow

UNUSED_MS = 90 * 86_400_000
FIRST = "Issue one that does first: `tollhouse keys create`."


def _keys_uncapped(seen: Seen) -> Iterator[Ill]:
    for key in seen.books.keys:
        accounts = [seen.books.accounts[owner] for owner in _owners(key)]
        may_spend = any(account.has_budget for account in accounts)
        if may_spend and all(account.limit is None for account in accounts):
            command = f"tollhouse budgets set key:{key.id} --limit 10"
            found = f"{_named(key)} may spend without end"
            yield Ill(found, Mend(command=command, words="In dollars: as much as it needs."))


def _tenants_uncapped(seen: Seen) -> Iterator[Ill]:
    for tenant in sorted({key.tenant for key in seen.books.keys}):
        if seen.books.accounts[f"tenant:{tenant}"].limit is None:
            command = f"tollhouse budgets set tenant:{tenant} --limit 100"
            found = f"the tenant {tenant} has no cap over all its keys"
            yield Ill(found, Mend(command=command, words="In dollars: as much as it needs."))


def _keys_endless(seen: Seen) -> Iterator[Ill]:
    for key in seen.books.keys:
        if key.expires_at_ms is None:
            yield Ill(f"{_named(key)} never expires", _revoking(key, FIRST))


def _keys_beyond(seen: Seen) -> Iterator[Ill]:
    lifetimes = seen.settings.keys.lifetimes
    for key in seen.books.keys:
        if lifetimes.is_beyond(key.expires_at_ms, seen.now_ms):
            days = (lifetimes.longest_s or 0) // DAY_S
            command = f"tollhouse keys expire {key.id} --in {days}d"
            found = f"{_named(key)} lives longer than the {days} days that [keys] allows"
            yield Ill(found, Mend(command=command, words="It was issued before that was said."))


def _keys_all_models(seen: Seen) -> Iterator[Ill]:
    for key in seen.books.keys:
        if "*" in key.models:
            command = f"tollhouse keys withdraw {key.id} '*'"
            words = f"Grant what it needs first: `tollhouse keys grant {key.id} MODEL`."
            found = f"{_named(key)} may call every model, and those to come"
            yield Ill(found, Mend(command=command, words=words))


def _keys_unused(seen: Seen) -> Iterator[Ill]:
    for key in seen.books.keys:
        last_ms = key.last_used_at_ms or key.created_at_ms
        if last_ms < seen.now_ms - UNUSED_MS:
            yield Ill(f"{_named(key)} was not used for 90 days", _revoking(key))


def _owners(key: KeyRow) -> tuple[str, str, str, str]:
    return (
        f"tenant:{key.tenant}",
        f"project:{key.project}",
        f"user:{key.user}",
        f"key:{key.id}",
    )


def _named(key: KeyRow) -> str:
    return f"the key {key.id} ({key.name}) of {key.tenant}"


def _revoking(key: KeyRow, words: str | None = None) -> Mend:
    return Mend(command=f"tollhouse keys revoke {key.id}", words=words)


CHECKS = (
    Check(
        "keys-uncapped",
        Severity.UNSAFE,
        "A leaked key costs whatever its thief can spend.",
        ("deploy-budgets",),
        _keys_uncapped,
        on_store=True,
    ),
    Check(
        "tenants-uncapped",
        Severity.ADVICE,
        "Many small caps add up to none.",
        ("deploy-budgets",),
        _tenants_uncapped,
        on_store=True,
    ),
    Check(
        "keys-endless",
        Severity.UNFINISHED,
        "A key that nobody remembers works for ever.",
        ("deploy-least-privilege", "operate-access"),
        _keys_endless,
        on_store=True,
    ),
    Check(
        "keys-beyond-policy",
        Severity.UNFINISHED,
        "A rule that old keys are exempt from protects nobody from them.",
        ("deploy-least-privilege", "operate-access"),
        _keys_beyond,
        on_store=True,
    ),
    Check(
        "keys-all-models",
        Severity.UNFINISHED,
        "A model that is added tomorrow is granted today.",
        ("deploy-least-privilege",),
        _keys_all_models,
        on_store=True,
    ),
    Check(
        "keys-unused",
        Severity.UNFINISHED,
        "Nobody would miss it, and nobody would notice who else uses it.",
        ("operate-access",),
        _keys_unused,
        on_store=True,
    ),
)
