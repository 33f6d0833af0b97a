"""Who vouches for callers, and what was taken back of that: read here, changed in the settings and on the host."""

from __future__ import annotations

from collections.abc import Iterator

from tollhouse.admin import telling
from tollhouse.admin.asking import Answer, Asking
from tollhouse.admin.resource import Resource
from tollhouse.control import revoking
from tollhouse.domain.errors import NotThere
from tollhouse.storage.people import Revocation


def rows() -> Iterator[Resource]:
    yield Resource(
        name="issuers_list",
        method="GET",
        path="/issuers",
        serve=_listed,
        summary="Issuers, authorities and tables of static tokens: how many keys hold, when they were read, and what "
        "hindered the last look. Never a key.",
        operations=("issuers.list",),
        is_list=True,
    )
    yield Resource(
        name="issuers_show",
        method="GET",
        path="/issuers/",
        serve=_show,
        summary="One of them.",
        operations=("issuers.list",),
    )
    yield Resource(
        name="revocations_list",
        method="GET",
        path="/revocations",
        serve=_revoked,
        summary="What was taken back of tokens and certificates, and could still be good otherwise.",
        operations=("issuers.revoked",),
        is_list=True,
    )


async def _listed(asking: Asking) -> Answer:
    await asking.judge("issuers.list", "house")
    now_ms = asking.now_ms
    return asking.page(
        asking.office.vouchers(), lambda row: row.name, lambda row: telling.voucher(row, now_ms)
    )


async def _show(asking: Asking) -> Answer:
    await asking.judge("issuers.list", "house")
    found = next((row for row in asking.office.vouchers() if row.name == asking.id), None)
    if found is None:
        raise NotThere
    return Answer(telling.voucher(found, asking.now_ms))


async def _revoked(asking: Asking) -> Answer:
    await asking.judge("issuers.revoked", "house")
    return asking.page(await revoking.listed(asking.store), _position, telling.revocation)


def _position(row: Revocation) -> str:
    """By the moment, and what else tells two apart."""
    return f"{row.at_ms:015d} {row.issuer} {row.token_id} {row.subject}"
