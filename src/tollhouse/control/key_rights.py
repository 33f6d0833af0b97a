"""What a key may: nothing until it is granted, and within what it is bound to."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from tollhouse.control import granting
from tollhouse.control.keys import shown
from tollhouse.data import zones
from tollhouse.domain import bounds
from tollhouse.domain import hours as times
from tollhouse.domain.errors import FieldInvalid
from tollhouse.domain.identity import Naming, Priority
from tollhouse.domain.storing import Conflict
from tollhouse.ports import Database
from tollhouse.storage import bindings, keys
from tollhouse.storage.keys import KeyRow


async def grant(database: Database, key: str, models: Iterable[str]) -> tuple[str, ...]:
    """Allow more models; what the key may call then."""
    wanted = granting.patterns(models)
    await granting.insist_on_allowed(database, (await shown(database, key)).user, wanted)
    return await _change_models(database, key, lambda has: tuple(dict.fromkeys((*has, *wanted))))


async def withdraw(database: Database, key: str, models: Iterable[str]) -> tuple[str, ...]:
    """Take grants back, each as it was given; what the key may call then."""
    gone = set(models)
    return await _change_models(
        database, key, lambda has: tuple(model for model in has if model not in gone)
    )


async def set_priority(database: Database, key: str, priority: Priority) -> None:
    row = await shown(database, key)
    await keys.set_priority(database, row.id, priority)


async def set_exempt(database: Database, key: str, *, is_exempt: bool) -> None:
    """What a key that is exempt costs is written down, and counts on no account."""
    row = await shown(database, key)
    await bindings.set_exempt(database, row.id, is_exempt=is_exempt)


async def set_ceiling(database: Database, key: str, limit: int | None) -> None:
    """What one conversation may come to, in nano-dollars; None lets it go on."""
    row = await shown(database, key)
    await bindings.set_ceiling(database, row.id, limit)


async def bind(database: Database, key: str, naming: Naming | None) -> None:
    """Whom its calls may name as their user; None leaves that to the settings."""
    row = await shown(database, key)
    await bindings.set_naming(database, row.id, naming)


async def confine(
    database: Database,
    key: str,
    networks: Iterable[str] | None = None,
    purposes: Iterable[str] | None = None,
    hours: str | None = None,
) -> KeyRow:
    """Where it may be used from, what for and when: None leaves what there is, nothing takes the bound away."""
    row = await shown(database, key)
    when = row.hours if hours is None else _read_hours(hours)
    where = row.networks if networks is None else bounds.read_networks(networks)
    what_for = row.purposes if purposes is None else bounds.read_purposes(purposes)
    await keys.confine(database, row.id, where, what_for, when)
    return await shown(database, key)


def _read_hours(text: str) -> str:
    """As they are kept. Raises FieldInvalid."""
    if not text:
        return text
    read = times.read(text, zones.clock_of)
    if read.clock is None:
        raise FieldInvalid(
            f"Nobody here knows what clocks show in {read.zone[:60]!r}. Take a name such as Europe/Berlin, and see "
            "that this machine has the tables: its package `tzdata`, or `pip install tzdata`.",
            param="hours",
        )
    return str(read)


async def constrain(
    database: Database,
    key: str,
    certificates: Iterable[str] | None = None,
    proof_key: str | None = None,
) -> KeyRow:
    """What is shown or proved beside it: None leaves what there is, nothing takes the bound away."""
    row = await shown(database, key)
    shows = row.certificates if certificates is None else bounds.read_certificates(certificates)
    proves = row.proof_key if proof_key is None else bounds.read_proof_key(proof_key)
    await keys.bind(database, row.id, shows, proves)
    return await shown(database, key)


async def _change_models(
    database: Database, key: str, change: Callable[[tuple[str, ...]], tuple[str, ...]]
) -> tuple[str, ...]:
    row = await shown(database, key)
    models = change(row.models)
    if not await keys.set_models(database, row.id, models, before=row.models):
        raise Conflict(f"the grants of key {row.id} were changed at the same time: try again")
    return models
