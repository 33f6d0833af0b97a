"""Virtual keys: issued and rotated once in clear, granted, switched, revoked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from tollhouse.admin import telling
from tollhouse.admin.asking import Answer, Asking
from tollhouse.admin.resource import Resource
from tollhouse.control import key_rights, keys
from tollhouse.control.keys import Issued, Wish
from tollhouse.control.tenancy import DEFAULT_PROJECT
from tollhouse.domain import amounts
from tollhouse.domain.errors import FieldInvalid
from tollhouse.domain.identity import Naming, Priority
from tollhouse.domain.lifetimes import Lifetimes
from tollhouse.domain.roles import Place
from tollhouse.ports import Books
from tollhouse.storage.keys import KeyRow

SECRETS = ("key",)
MOST_MODELS = 1000


class NewKey(msgspec.Struct, forbid_unknown_fields=True):
    tenant: str
    name: str
    project: str = DEFAULT_PROJECT
    user: str | None = None
    models: list[str] = []
    expires_in_s: int | msgspec.UnsetType | None = msgspec.UNSET
    """Left out, 90 days or the longest there is; null is for ever."""

    limit: str | None = None
    priority: Priority = Priority.NORMAL
    networks: list[str] = []
    """Where it may be used from; nothing is everywhere."""

    purposes: list[str] = []
    """What it is for; nothing is everything."""


class Rotation(msgspec.Struct, forbid_unknown_fields=True):
    grace_s: int = 0
    expires_in_s: int | msgspec.UnsetType = msgspec.UNSET


class Nothing(msgspec.Struct, forbid_unknown_fields=True):
    pass


class OtherKey(msgspec.Struct, forbid_unknown_fields=True):
    """One member at a time: each is an operation of its own."""

    is_disabled: bool | msgspec.UnsetType = msgspec.UNSET
    priority: Priority | msgspec.UnsetType = msgspec.UNSET
    grant: list[str] | msgspec.UnsetType = msgspec.UNSET
    withdraw: list[str] | msgspec.UnsetType = msgspec.UNSET
    is_exempt: bool | msgspec.UnsetType = msgspec.UNSET
    """Whether its calls count on no account."""

    per_conversation: str | msgspec.UnsetType | None = msgspec.UNSET
    """Dollars that one conversation may come to; null lets it go on."""

    foreign_users: Naming | msgspec.UnsetType | None = msgspec.UNSET
    """What becomes of bodies that name another user; null leaves that to the settings."""

    networks: list[str] | msgspec.UnsetType = msgspec.UNSET
    """Where it may be used from; an empty list is everywhere."""

    purposes: list[str] | msgspec.UnsetType = msgspec.UNSET
    """What it is for; an empty list is everything."""

    hours: str | msgspec.UnsetType | None = msgspec.UNSET
    """When it may be used, as `mon-fri 08:00-18:00 Europe/Berlin`; null is at any time."""

    certificates: list[str] | msgspec.UnsetType = msgspec.UNSET
    """Thumbprints or SPIFFE IDs, of which the connection's is one; an empty list is any, and none."""

    proof_key: str | msgspec.UnsetType | None = msgspec.UNSET
    """The thumbprint of the key that each call proves (DPoP); null is none."""


def rows() -> Iterator[Resource]:
    yield Resource(
        name="keys_list",
        method="GET",
        path="/keys",
        serve=_listed,
        summary="The keys that you may see: what they are for, never what they are.",
        operations=("keys.list",),
        query=("tenant",),
        is_list=True,
    )
    yield Resource(
        name="keys_create",
        method="POST",
        path="/keys",
        serve=_create,
        summary="A key is issued. `key` is shown this once.",
        operations=("keys.create",),
        body=NewKey,
    )
    yield Resource(
        name="keys_show",
        method="GET",
        path="/keys/",
        serve=_show,
        summary="One key's record.",
        operations=("keys.show",),
    )
    yield Resource(
        name="keys_update",
        method="PATCH",
        path="/keys/",
        serve=_update,
        summary="One thing about a key is changed.",
        operations=(
            *("keys.disable", "keys.enable", "keys.prioritize", "keys.grant"),
            *("keys.withdraw", "keys.exempt", "keys.ceiling", "keys.bind"),
            *("keys.confine", "keys.constrain"),
        ),
        body=OtherKey,
    )
    yield Resource(
        name="keys_rotate",
        method="POST",
        path="/keys/{id}/rotate",
        serve=_rotate,
        summary="A key gets a new secret under the same id. `key` is shown this once.",
        operations=("keys.rotate",),
        body=Rotation,
    )
    yield Resource(
        name="keys_retire",
        method="POST",
        path="/keys/{id}/retire",
        serve=_retire,
        summary="The secret from before the last rotation dies before its time.",
        operations=("keys.retire",),
        body=Nothing,
    )
    yield Resource(
        name="keys_revoke",
        method="POST",
        path="/keys/{id}/revoke",
        serve=_revoke,
        summary="A key is shut out for good.",
        operations=("keys.revoke",),
        body=Nothing,
    )


def place(row: KeyRow) -> Place:
    return Place(row.tenant, row.project, row.user)


async def _listed(asking: Asking) -> Answer:
    found = await keys.listed(asking.store, asking.query.get("tenant", ""))
    seen = asking.seen("keys.list", found, place)
    return asking.page(seen, lambda row: row.id, lambda row: telling.key(row, asking.now_ms))


async def _show(asking: Asking) -> Answer:
    await asking.judge("keys.show", f"key:{asking.id}")
    return await _told(asking, asking.id)


async def _create(asking: Asking) -> Answer:
    new = asking.read(NewKey)
    _check_length(new.models)
    project = new.project if "/" in new.project else f"{new.tenant}/{new.project}"
    if not project.startswith(f"{new.tenant}/"):
        raise FieldInvalid("The project is one of the tenant's own.", param="project")
    lifetimes = asking.office.settings.keys.lifetimes
    wish = Wish(
        tenant=new.tenant,
        name=new.name,
        project=project,
        user=new.user,
        models=tuple(new.models),
        expires_in_s=_span(new.expires_in_s, lifetimes),
        limit=None if new.limit is None else amounts.nanos(new.limit, "limit"),
        priority=new.priority,
        networks=tuple(new.networks),
        purposes=tuple(new.purposes),
    )

    async def work(store: Books) -> Issued:
        return await keys.issue(
            store, asking.office.peppers, wish, asking.now_ms, lifetimes=lifetimes
        )

    issued = await asking.change("keys.create", {"project": project, "tenant": new.tenant}, work)
    return await _shown_once(asking, issued, status=201)


async def _rotate(asking: Asking) -> Answer:
    wish, key = asking.read(Rotation), asking.id
    lifetimes = asking.office.settings.keys.lifetimes
    at = (key, asking.now_ms, wish.grace_s, _span(wish.expires_in_s, lifetimes))

    async def work(store: Books) -> Issued:
        return await keys.rotate(store, asking.office.peppers, *at, lifetimes=lifetimes)

    issued = await asking.change("keys.rotate", {"key": key}, work)
    return await _shown_once(asking, issued)


async def _retire(asking: Asking) -> Answer:
    asking.read(Nothing)

    async def work(store: Books) -> None:
        await keys.retire(store, asking.id)

    await asking.change("keys.retire", {"key": asking.id}, work)
    return await _told(asking, asking.id)


async def _revoke(asking: Asking) -> Answer:
    asking.read(Nothing)

    async def work(store: Books) -> None:
        await keys.revoke(store, asking.id)

    await asking.change("keys.revoke", {"key": asking.id}, work)
    return await _told(asking, asking.id)


async def _update(asking: Asking) -> Answer:
    wish, key = asking.read(OtherKey), asking.id
    said = [name for name in wish.__struct_fields__ if getattr(wish, name) is not msgspec.UNSET]
    if len(said) != 1:
        names = ", ".join(wish.__struct_fields__)
        raise FieldInvalid(f"Say one of {names}: each is an operation of its own.")
    name, work = _operation(wish, key)
    await asking.change(name, {"key": key}, work)
    return await _told(asking, key)


def _operation(wish: OtherKey, key: str) -> tuple[str, Any]:
    match wish:
        case OtherKey(is_disabled=bool(is_disabled)):
            name = "keys.disable" if is_disabled else "keys.enable"
            return name, lambda store: keys.set_disabled(store, key, is_disabled=is_disabled)
        case OtherKey(priority=Priority() as priority):
            return "keys.prioritize", lambda store: key_rights.set_priority(store, key, priority)
        case OtherKey(grant=list(models)):
            _check_length(models)
            return "keys.grant", lambda store: key_rights.grant(store, key, models)
        case OtherKey(is_exempt=bool(is_exempt)):
            return "keys.exempt", lambda store: key_rights.set_exempt(
                store, key, is_exempt=is_exempt
            )
        case OtherKey(per_conversation=None | str() as dollars):
            limit = None if dollars is None else amounts.nanos(dollars, "per_conversation")
            return "keys.ceiling", lambda store: key_rights.set_ceiling(store, key, limit)
        case OtherKey(foreign_users=None | Naming() as naming):
            return "keys.bind", lambda store: key_rights.bind(store, key, naming)
        case OtherKey(networks=list(networks)):
            return "keys.confine", lambda store: key_rights.confine(store, key, networks)
        case OtherKey(purposes=list(purposes)):
            return "keys.confine", lambda store: key_rights.confine(store, key, None, purposes)
        case OtherKey(hours=None | str() as hours):
            return "keys.confine", lambda store: key_rights.confine(
                store, key, None, None, hours or ""
            )
        case OtherKey(certificates=list(shown)):
            return "keys.constrain", lambda store: key_rights.constrain(store, key, shown)
        case OtherKey(proof_key=None | str() as proves):
            return "keys.constrain", lambda store: key_rights.constrain(
                store, key, None, proves or ""
            )
        case _:
            gone = wish.withdraw if isinstance(wish.withdraw, list) else []
            return "keys.withdraw", lambda store: key_rights.withdraw(store, key, gone)


def _span(said: int | msgspec.UnsetType | None, lifetimes: Lifetimes) -> int | None:
    return lifetimes.usual_s if isinstance(said, msgspec.UnsetType) else said


def _check_length(models: list[str]) -> None:
    if len(models) > MOST_MODELS:
        raise FieldInvalid(f"A key is granted at most {MOST_MODELS} names.", param="models")


async def _told(asking: Asking, key: str) -> Answer:
    row = await keys.shown(asking.store, key)
    return Answer(telling.key(row, asking.now_ms), f"key:{row.id}")


async def _shown_once(asking: Asking, issued: Issued, status: int = 200) -> Answer:
    row = await keys.shown(asking.store, issued.id)
    told = {**telling.key(row, asking.now_ms), "key": issued.key}
    return Answer(told, f"key:{row.id}", SECRETS, status)
