"""What is unsafe, or could be better, and the line that mends each."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from enum import StrEnum

from tollhouse.config import Settings, warnings
from tollhouse.control import auditing, budgets, catalogue, keys, usage
from tollhouse.control.peppers import pepper_path
from tollhouse.domain.errors import StoreUnavailable
from tollhouse.domain.storing import SchemaTooNew, SchemaTooOld
from tollhouse.ports import Database
from tollhouse.sinks.keys import KeyUnusable
from tollhouse.storage import snapshots

UNUSED_MS = 30 * 86_400_000


class Health(StrEnum):
    OK = "ok"
    WARN = "warn"
    UNSAFE = "unsafe"


@dataclass(frozen=True, slots=True)
class Sign:
    """One thing that was looked at."""

    about: str
    health: Health
    says: str
    mend: str | None = None


async def examine(settings: Settings, database: Database, now_ms: int) -> list[Sign]:
    """Looks, and changes nothing."""
    signs = [*_settings(settings), *_limiter(settings), *_pepper(settings)]
    schema = await _schema(database)
    signs.append(schema)
    if schema.health is Health.OK:
        signs += [sign async for sign in _store(settings, database, now_ms)]
    return signs


def is_unsafe(signs: list[Sign]) -> bool:
    return any(sign.health is Health.UNSAFE for sign in signs)


def _settings(settings: Settings) -> Iterator[Sign]:
    noted = warnings(settings)
    for problem in noted:
        says = f"{problem.key}: {problem.found}; expected: {problem.expected}"
        yield Sign("settings", Health.WARN, says, problem.hint)
    if not noted:
        yield Sign("settings", Health.OK, "valid, nothing to remark")


def _limiter(settings: Settings) -> Iterator[Sign]:
    if settings.limits.requests_per_minute == 0:
        says = "no limit of requests per minute is set"
        yield Sign("limits", Health.WARN, says, "Set `requests_per_minute` under [limits].")
    elif settings.server.workers > 1 and not settings.limits.is_shared:
        says = (
            f"each of {settings.server.workers} workers counts alone, so a key may call up to "
            f"{settings.server.workers} times as often as it should"
        )
        mend = 'Set `store = "valkey://HOST:6379/0"` under [limits], or one worker.'
        yield Sign("limits", Health.WARN, says, mend)
    else:
        yield Sign("limits", Health.OK, "counted in one place")


def _pepper(settings: Settings) -> Iterator[Sign]:
    path = pepper_path(settings)
    if settings.auth.peppers:
        yield Sign("pepper", Health.OK, "given in the settings")
    elif not path.exists():
        yield Sign("pepper", Health.OK, "made with the first key")
    elif path.stat().st_mode & 0o077:
        mode = f"{path} has mode {path.stat().st_mode & 0o777:04o}: others can read it"
        yield Sign("pepper", Health.UNSAFE, mode, f"chmod 600 {path}")
    else:
        yield Sign("pepper", Health.OK, f"{path} is its owner's alone")


async def _schema(database: Database) -> Sign:
    try:
        await database.migrate(apply=False)
    except SchemaTooOld as error:
        return Sign("schema", Health.UNSAFE, str(error), "tollhouse migrate")
    except SchemaTooNew as error:
        return Sign("schema", Health.UNSAFE, str(error), "Run the newer version.")
    except StoreUnavailable as error:
        says = f"the store cannot be reached: {error.private}"
        return Sign("store", Health.UNSAFE, says, "Start it, or mend `url` under [store].")
    return Sign("schema", Health.OK, "up to date")


async def _store(settings: Settings, database: Database, now_ms: int) -> AsyncIterator[Sign]:
    yield await _balances(database)
    yield await _open(database)
    async for sign in _keys(database, now_ms):
        yield sign
    async for sign in _prices(settings, database, now_ms):
        yield sign
    yield await _audit(settings, database)


async def _balances(database: Database) -> Sign:
    differing = await budgets.verify(database)
    if not differing:
        return Sign("balances", Health.OK, "every balance agrees with its calls")
    owners = ", ".join(difference.owner for difference in differing[:5])
    says = f"{len(differing)} balances differ from their calls: {owners}"
    mend = "`tollhouse budgets verify` shows each; restore the store from a backup."
    return Sign("balances", Health.UNSAFE, says, mend)


async def _open(database: Database) -> Sign:
    unknown = [call for call in await usage.open_calls(database) if call.state == "unknown"]
    if not unknown:
        return Sign("holds", Health.OK, "no call is of unknown end")
    says = f"{len(unknown)} calls ended unseen; their holds wait for you"
    mend = f"`tollhouse usage open`, then `tollhouse usage resolve {unknown[0].id} --charge` or `--release`."
    return Sign("holds", Health.WARN, says, mend)


async def _keys(database: Database, now_ms: int) -> AsyncIterator[Sign]:
    active = [row for row in await keys.listed(database) if keys.state(row, now_ms) == "active"]
    endless = [row.id for row in active if row.expires_at_ms is None]
    unused = [
        row.id
        for row in active
        if row.last_used_at_ms is None and row.created_at_ms < now_ms - UNUSED_MS
    ]
    if endless:
        says = f"{len(endless)} keys never expire: {', '.join(endless[:5])}"
        mend = f"Issue keys that do, then `tollhouse keys revoke {endless[0]}`."
        yield Sign("keys", Health.WARN, says, mend)
    if unused:
        says = f"{len(unused)} keys of over 30 days were never used: {', '.join(unused[:5])}"
        yield Sign("keys", Health.WARN, says, f"tollhouse keys revoke {unused[0]}")
    if not endless and not unused:
        yield Sign("keys", Health.OK, f"{len(active)} active, all expire, none lies unused")


async def _prices(settings: Settings, database: Database, now_ms: int) -> AsyncIterator[Sign]:
    known = catalogue.models(settings)
    snapshot = await snapshots.load(database, known, requires_price=True)
    targets = {target.name: target for model in known.values() for target in model.targets}
    unpriced = [
        name for name, target in targets.items() if snapshot.price(target, now_ms / 1000) is None
    ]
    for name in unpriced:
        effect = "is refused" if settings.ledger.require_price else "is called and costs nothing"
        mend = f"tollhouse prices set {name} --input 3 --output 15   (or --free)"
        yield Sign("prices", Health.WARN, f"{name} has no price and {effect}", mend)
    if not unpriced:
        yield Sign("prices", Health.OK, f"{len(targets)} targets, all priced")


async def _audit(settings: Settings, database: Database) -> Sign:
    heads = await auditing.anchored(database, auditing.directory(settings))
    try:
        keys = auditing.public_keys(settings)
        verdict = auditing.verify(auditing.directory(settings), keys, heads)
    except (KeyUnusable, OSError) as error:
        return Sign("audit", Health.UNSAFE, str(error), "Mend the file's owner or mode.")
    if verdict.has_faults:
        says = f"the log is not whole: {verdict.findings[0].says}"
        return Sign("audit", Health.UNSAFE, says, "`tollhouse audit verify` names every fault.")
    return Sign("audit", Health.OK, f"{verdict.summary.records} records, whole")
