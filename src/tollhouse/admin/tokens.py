"""Admin tokens, listed and taken back. They are minted on the host alone."""

from __future__ import annotations

from collections.abc import Iterator

from tollhouse.admin import telling
from tollhouse.admin.asking import Answer, Asking
from tollhouse.admin.resource import Resource
from tollhouse.control import admin_tokens, places
from tollhouse.domain.errors import NotThere
from tollhouse.ports import Books
from tollhouse.storage import tokens


def rows() -> Iterator[Resource]:
    yield Resource(
        name="tokens_list",
        method="GET",
        path="/tokens",
        serve=_listed,
        summary="The admin tokens that you may see, and when each was used last. Never a token.",
        operations=("admin.tokens",),
        is_list=True,
    )
    yield Resource(
        name="tokens_show",
        method="GET",
        path="/tokens/",
        serve=_show,
        summary="One token's record.",
        operations=("admin.tokens",),
    )
    yield Resource(
        name="tokens_revoke",
        method="DELETE",
        path="/tokens/",
        serve=_revoke,
        summary="A token is taken back: it opens nothing from the next request on.",
        operations=("admin.revoke",),
    )


async def _listed(asking: Asking) -> Answer:
    found = await admin_tokens.listed(asking.store)
    seen = asking.seen("admin.tokens", found, lambda row: places.of_user(row.user))
    return asking.page(seen, lambda row: row.id, telling.token)


async def _show(asking: Asking) -> Answer:
    await asking.judge("admin.tokens", f"token:{asking.id}")
    row = await tokens.token(asking.store, asking.id)
    if row is None:
        raise NotThere
    return Answer(telling.token(row), f"token:{row.id}")


async def _revoke(asking: Asking) -> Answer:
    token = asking.id

    async def work(store: Books) -> None:
        await admin_tokens.revoke(store, token, asking.now_ms)

    await asking.change("admin.revoke", {"token": token}, work)
    return Answer({"id": token, "is_revoked": True})
