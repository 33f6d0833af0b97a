"""`/keys`: what otari's clients issue, change, rotate and delete."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from tollhouse.admin.asking import Answer, Asking
from tollhouse.admin.keys import place
from tollhouse.admin.otari import notes, users
from tollhouse.admin.otari.desk import (
    PAGES,
    Step,
    Told,
    do,
    insist_on,
    moment_ms,
    name_of,
    page,
    refuse,
    tenant,
    told_moment,
    user_of,
    workspace,
)
from tollhouse.admin.resource import Resource
from tollhouse.control import key_rights, keys, plans, tenancy
from tollhouse.control.budgets import UNLIMITED
from tollhouse.control.keys import Issued, Wish
from tollhouse.domain.errors import NotThere
from tollhouse.domain.identity import Naming
from tollhouse.domain.lifetimes import Lifetimes
from tollhouse.domain.roles import Place
from tollhouse.ports import Books
from tollhouse.storage.keys import KeyRow
from tollhouse.storage.tenancy import Kind

SECRETS = ("key",)
EVERYTHING = ("*",)
PREFIX_LENGTH = 10
UNNAMED = "unnamed"


class NewKey(msgspec.Struct, forbid_unknown_fields=True):
    key_name: str | None = None
    user_id: str | None = None
    expires_at: str | None = None
    allowed_models: list[str] | None = None
    metadata: dict[str, Any] | None = None
    exclude_from_budget: bool | None = False
    reject_user_mismatch: bool | None = None
    capture_agent_telemetry: bool | None = None
    workspace_id: str | None = None


class OtherKey(msgspec.Struct, forbid_unknown_fields=True):
    """What is left out stays; null is a value where there is one for it."""

    key_name: str | UnsetType | None = UNSET
    is_active: bool | UnsetType | None = UNSET
    expires_at: str | UnsetType | None = UNSET
    allowed_models: list[str] | UnsetType | None = UNSET
    metadata: dict[str, Any] | UnsetType | None = UNSET
    exclude_from_budget: bool | UnsetType | None = UNSET
    reject_user_mismatch: bool | UnsetType | None = UNSET
    capture_agent_telemetry: bool | UnsetType | None = UNSET


def rows() -> Iterator[Resource]:
    yield Resource(
        name="otari_keys_list",
        method="GET",
        path="/keys",
        serve=_listed,
        summary="Keys: what they are for, never what they are.",
        operations=("keys.list",),
        query=PAGES,
    )
    yield Resource(
        name="otari_keys_create",
        method="POST",
        path="/keys",
        serve=_create,
        summary="A key is issued, and shown this once.",
        operations=("keys.create", "users.create", "plans.give", "keys.exempt", "keys.bind"),
        body=NewKey,
    )
    yield Resource(
        name="otari_keys_show",
        method="GET",
        path="/keys/{id}",
        serve=_show,
        summary="One key's record.",
        operations=("keys.show",),
    )
    yield Resource(
        name="otari_keys_update",
        method="PATCH",
        path="/keys/{id}",
        serve=_update,
        summary="What is said of a key is changed.",
        operations=(
            *("keys.describe", "keys.disable", "keys.enable", "keys.expire", "keys.grant"),
            *("keys.withdraw", "keys.exempt", "keys.bind"),
        ),
        body=OtherKey,
    )
    yield Resource(
        name="otari_keys_delete",
        method="DELETE",
        path="/keys/{id}",
        serve=_delete,
        summary="A key is shut out for good.",
        operations=("keys.revoke",),
    )
    yield Resource(
        name="otari_keys_rotate",
        method="POST",
        path="/keys/{id}/rotate",
        serve=_rotate,
        summary="A key gets a new secret under the same id.",
        operations=("keys.rotate",),
    )


async def _listed(asking: Asking) -> Answer:
    found = await keys.listed(asking.store, tenant(asking))
    seen = asking.seen("keys.list", found, place)
    there = [row for row in seen if not row.is_revoked]
    return Answer([_told(row) for row in page(asking, there)])


async def _show(asking: Asking) -> Answer:
    await asking.judge("keys.show", f"key:{asking.id}")
    return Answer(_told(await _row(asking)))


async def _create(asking: Asking) -> Answer:
    new = asking.read(NewKey)
    _check_telemetry(new)
    kept = notes.written(new.metadata)
    wish = Wish(
        tenant=tenant(asking),
        name=new.key_name or UNNAMED,
        project=await _project(asking, new.workspace_id),
        user=new.user_id,
        models=await _models(asking, new),
        expires_in_s=None,
        expires_at_ms=_end_ms(asking, new.expires_at),
    )
    for name in _needed(new):
        user = user_of(asking, new.user_id or UNNAMED)
        insist_on(asking, name, Place(wish.tenant, wish.project, user))
    if new.user_id is not None:
        await asking.judge("keys.create", f"project:{wish.project}")
        await users.make_if_missing(asking, new.user_id)
    issued = await _issue(asking, wish, kept)
    row = await keys.shown(asking.store, issued.id)
    for step in _settings_of(asking, row, new):
        await asking.further(step.operation, step.arguments, step.work)
    told = {**_told(await keys.shown(asking.store, issued.id)), "key": issued.key}
    return Answer(told, secrets=SECRETS)


def _needed(new: NewKey) -> Iterator[str]:
    """What is done to a key once it is there: none is made of which not all may be said."""
    if new.user_id is None:
        yield "plans.give"
    if new.exclude_from_budget:
        yield "keys.exempt"
    if new.reject_user_mismatch is not None:
        yield "keys.bind"


async def _issue(asking: Asking, wish: Wish, kept: str) -> Issued:
    arguments = {"project": wish.project, "tenant": wish.tenant}

    async def work(store: Books) -> Issued:
        issued = await keys.issue(
            store, asking.office.peppers, wish, asking.now_ms, lifetimes=_lifetimes(asking)
        )
        if kept != "{}":
            await keys.describe(store, issued.id, None, kept)
        return issued

    issued: Issued = await asking.change("keys.create", arguments, work)
    return issued


def _settings_of(asking: Asking, row: KeyRow, new: NewKey) -> Iterator[Step]:
    """What is said of a key once it is there. A user that stands for it has no limit of its own, as in otari."""
    if new.user_id is None:
        yield Step(
            "plans.give",
            {"user": row.user},
            lambda store: plans.give(store, row.user, None, asking.now_ms, UNLIMITED),
        )
    if new.exclude_from_budget:
        yield _exempting(row.id, is_exempt=True)
    if new.reject_user_mismatch is not None:
        yield _binding(row.id, is_refused=new.reject_user_mismatch)


async def _update(asking: Asking) -> Answer:
    other, key = asking.read(OtherKey), asking.id
    row = await _row(asking, "keys.show")
    await do(asking, list(_steps(asking, row, other)))
    return Answer(_told(await keys.shown(asking.store, key)))


def _steps(asking: Asking, row: KeyRow, other: OtherKey) -> Iterator[Step]:
    key, about = row.id, {"key": row.id}
    _check_telemetry(other)
    if other.key_name is not UNSET or other.metadata is not UNSET:
        name = other.key_name or None
        kept = None if isinstance(other.metadata, UnsetType) else notes.written(other.metadata)
        yield Step("keys.describe", about, lambda store: keys.describe(store, key, name, kept))
    if isinstance(other.is_active, bool):
        is_disabled = not other.is_active
        yield Step(
            "keys.disable" if is_disabled else "keys.enable",
            about,
            lambda store: keys.set_disabled(store, key, is_disabled=is_disabled),
        )
    if not isinstance(other.expires_at, UnsetType):
        end_ms = _end_ms(asking, other.expires_at)
        yield Step(
            "keys.expire",
            about,
            lambda store: keys.expire(store, key, end_ms, asking.now_ms, _lifetimes(asking)),
        )
    if not isinstance(other.allowed_models, UnsetType):
        yield from _granting(row, _names(other.allowed_models))
    if isinstance(other.exclude_from_budget, bool):
        yield _exempting(key, is_exempt=other.exclude_from_budget)
    if not isinstance(other.reject_user_mismatch, UnsetType):
        yield _binding(key, is_refused=other.reject_user_mismatch)


def _granting(row: KeyRow, wanted: tuple[str, ...]) -> Iterator[Step]:
    fresh = [model for model in wanted if model not in row.models]
    gone = [model for model in row.models if model not in wanted]
    about = {"key": row.id}
    if fresh:
        yield Step("keys.grant", about, lambda store: key_rights.grant(store, row.id, fresh))
    if gone:
        yield Step("keys.withdraw", about, lambda store: key_rights.withdraw(store, row.id, gone))


def _exempting(key: str, *, is_exempt: bool) -> Step:
    return Step(
        "keys.exempt",
        {"key": key},
        lambda store: key_rights.set_exempt(store, key, is_exempt=is_exempt),
    )


def _binding(key: str, *, is_refused: bool | None) -> Step:
    naming = {True: Naming.REFUSE, False: Naming.TOLERATE, None: None}[is_refused]
    return Step("keys.bind", {"key": key}, lambda store: key_rights.bind(store, key, naming))


async def _delete(asking: Asking) -> Answer:
    await _row(asking, "keys.show")

    async def work(store: Books) -> None:
        await keys.revoke(store, asking.id)

    await asking.change("keys.revoke", {"key": asking.id}, work)
    return Answer(None, status=204)


async def _rotate(asking: Asking) -> Answer:
    """The old secret dies at once. How long the key lives stays as it was said."""
    row = await _row(asking, "keys.show")

    async def work(store: Books) -> Issued:
        return await keys.rotate(
            store,
            asking.office.peppers,
            row.id,
            asking.now_ms,
            keeps_expiry=True,
            lifetimes=_lifetimes(asking),
        )

    issued = await asking.change("keys.rotate", {"key": row.id}, work)
    told = {**_told(await keys.shown(asking.store, row.id)), "key": issued.key}
    return Answer(told, secrets=SECRETS)


def _lifetimes(asking: Asking) -> Lifetimes:
    return asking.office.settings.keys.lifetimes


async def _row(asking: Asking, judged: str = "") -> KeyRow:
    """One of this tenant that was not deleted."""
    if judged:
        await asking.judge(judged, f"key:{asking.id}")
    row = await keys.shown(asking.store, asking.id)
    if row.tenant != tenant(asking) or row.is_revoked:
        raise NotThere(f"API key with id '{asking.id}' not found")
    return row


async def _models(asking: Asking, new: NewKey) -> tuple[str, ...]:
    """Null is whatever the user may call."""
    if new.allowed_models is None and new.user_id is not None:
        people = await tenancy.members(asking.store, Kind.USER, tenant(asking))
        most = next((it.models for it in people if it.id == user_of(asking, new.user_id)), None)
        if most is not None:
            return most
    return _names(new.allowed_models)


def _names(models: list[str] | None) -> tuple[str, ...]:
    return EVERYTHING if models is None else tuple(models)


async def _project(asking: Asking, wanted: str | None) -> str:
    projects = await tenancy.members(asking.store, Kind.PROJECT, tenant(asking))
    if wanted is None:
        return f"{tenant(asking)}/{tenancy.DEFAULT_PROJECT}"
    for project in projects:
        if workspace(project.id) == wanted.lower():
            return project.id
    raise NotThere(f"Workspace '{wanted[:60]}' not found")


def _end_ms(asking: Asking, expires_at: str | None) -> int | None:
    if expires_at is None:
        return None
    end_ms = moment_ms(expires_at, "expires_at")
    if end_ms <= asking.now_ms:
        raise refuse("expires_at", "is a time to come.")
    return end_ms


def _check_telemetry(wish: NewKey | OtherKey) -> None:
    if wish.capture_agent_telemetry is True:
        raise refuse("capture_agent_telemetry", "is not offered here: none is kept.")


def _is_refused(row: KeyRow) -> bool | None:
    return None if row.foreign_users is None else row.foreign_users is Naming.REFUSE


def _told(row: KeyRow) -> Told:
    return {
        "id": row.id,
        "key_prefix": f"thk_{row.id}"[:PREFIX_LENGTH],
        "key_suffix": row.tail,
        "key_name": None if row.name == UNNAMED else row.name,
        "user_id": name_of(row.user),
        "created_at": told_moment(row.created_at_ms),
        "last_used_at": told_moment(row.last_used_at_ms),
        "expires_at": told_moment(row.expires_at_ms),
        "is_active": not row.is_disabled,
        "allowed_models": None if row.models == EVERYTHING else list(row.models),
        "exclude_from_budget": row.is_exempt,
        "reject_user_mismatch": _is_refused(row),
        "capture_agent_telemetry": None,
        "workspace_id": workspace(row.project),
        "metadata": notes.told(row.notes),
    }
