"""A served gateway with callers of every kind before its door: who may, who may not, and why not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from journeys.gateway import MODEL, Gateway, furnish, now_ms, prepared
from tollhouse.control import keys, peppers, tenancy
from tollhouse.domain import credentials
from tollhouse.wiring import Store

LARGEST_BODY = 64 * 1024
UNPRICED = "unpriced"
SETTINGS = f"""
[models.{UNPRICED}]
targets = ["up:nobody-knows-what-it-costs"]
"""


@dataclass(frozen=True)
class Callers:
    """Their keys. `good` may call the model and has a budget."""

    good: str
    good_id: str
    powerless: str
    expired: str
    disabled: str
    revoked: str
    poor: str
    spent: str
    mistyped: str
    unknown: str
    wrong_secret: str


@asynccontextmanager
async def besieged(
    directory: Path, upstream_url: str, further: str = "", *, first_byte_s: float | None = None
) -> AsyncIterator[tuple[Gateway, Callers]]:
    door = prepared(
        directory,
        upstream_url,
        server=f"max_body_bytes = {LARGEST_BODY}",
        store=SETTINGS + further,
    )
    text = door.config.read_text()
    if "[metrics]" in further:
        text = text.replace('[metrics]\nlisten = "off"\n', "")
    if first_byte_s is not None:
        text = text.replace("[providers.up]\n", f"[providers.up]\nfirst_byte_s = {first_byte_s}\n")
    door.config.write_text(text)
    await furnish(door, 10**12)
    callers = await door.on_store(lambda store: _issued(door, store))
    async with door.serving():
        yield door, callers


async def _issued(door: Gateway, store: Store) -> Callers:
    secrets = await peppers.opened(door.settings, store)

    async def issue(
        name: str, *, tenant: str = "acme", limit: int | None = None, at_ms: int | None = None
    ) -> keys.Issued:
        wish = keys.Wish(tenant, name, models=(MODEL, UNPRICED), limit=limit, expires_in_s=3600)
        return await keys.issue(store, secrets, wish, at_ms or now_ms())

    await tenancy.create_tenant(store, "other", now_ms())
    disabled, revoked = await issue("disabled"), await issue("revoked")
    await keys.set_disabled(store, disabled.id, is_disabled=True)
    await keys.revoke(store, revoked.id)
    good = await issue("good")
    powerless = await keys.issue(store, secrets, keys.Wish("acme", "powerless"), now_ms())
    return Callers(
        good=good.key,
        good_id=good.id,
        powerless=powerless.key,
        expired=(await issue("expired", at_ms=now_ms() - 7_200_000)).key,
        disabled=disabled.key,
        revoked=revoked.key,
        poor=(await issue("poor", tenant="other")).key,
        spent=(await issue("spent", limit=1)).key,
        mistyped=mistyped(good.key),
        unknown=credentials.assemble("0" * credentials.ID_LENGTH, "A" * credentials.SECRET_LENGTH),
        wrong_secret=credentials.assemble(good.id, "A" * credentials.SECRET_LENGTH),
    )


def mistyped(key: str) -> str:
    return key[:-1] + ("x" if key[-1] != "x" else "y")
