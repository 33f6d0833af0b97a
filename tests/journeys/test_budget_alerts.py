"""An operator hears of a budget that comes to an end, through the guarded way out."""

from __future__ import annotations

import base64
import hashlib
import hmac
from pathlib import Path

import aiohttp
import pytest

from journeys.gateway import ask, gateway, until
from journeys.provider import provider
from tollhouse.control import budgets
from tollhouse.control.budgets import Grant

SECRET = b"an alert's secret of our own"


@pytest.mark.req("B-18")
async def test_the_post_is_signed_and_says_whose_budget_it_is(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(SECRET)
    async with provider() as up, provider() as ear:
        settings = f'[alerts]\nurl = "{ear.url}/hook"\nsecret = "file:{secret}"'
        async with gateway(tmp_path, up.url, store=settings) as door:
            grant = Grant(is_granted=True, limit=30_000_000)
            await door.on_store(
                lambda store: budgets.grant(store, "tenant:acme", grant, alert_at=(1,))
            )

            for _ in range(15):
                await _call(door.base_url, door.headers)
                await door.has_settled()

            async def is_heard() -> bool:
                return bool(ear.asked)

            await until(is_heard, "the alert is posted", patience_s=60)

    heard = ear.asked[0]
    assert heard.path == "/v1/hook"
    assert heard.body["type"] == "budget.alert"
    assert (heard.body["owner"], heard.body["percent"]) == ("tenant:acme", 1)
    assert heard.headers["webhook-id"] == heard.body["id"]
    signed = f"{heard.body['id']}.{heard.headers['webhook-timestamp']}.".encode() + heard.raw
    proof = base64.b64encode(hmac.digest(SECRET, signed, hashlib.sha256)).decode()
    assert heard.headers["webhook-signature"] == f"v1,{proof}"
    assert "budget_alert" in door.log()


async def _call(url: str, headers: dict[str, str]) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{url}/chat/completions", json=ask(), headers=headers) as reply,
    ):
        await reply.read()
