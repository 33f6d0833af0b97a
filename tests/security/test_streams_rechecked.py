"""Streams whose bearers lose their credentials while they listen: each is told in its dialect, pays for what came,
and leaves one record."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest

from certificates import Authority, bundle
from issuing import AUDIENCE, ISSUER, TestIssuer
from journeys.caller import Caller
from journeys.gateway import MODEL, Gateway, ask, furnish, now_ms, prepared, until
from journeys.provider import STREAM_HEAD, Asked, Provider, chunk, provider, stream_events
from security.test_certificate_door import RULES, WEB, Place, exchange
from security.wire import request
from tollhouse.control import key_rights, keys, own_tokens, revoking, tenancy
from tollhouse.storage.tenancy import Kind
from tollhouse.wiring import Store, issuers

STATIC = "canary-of-the-static-token-0123"
CHAT, MESSAGES, OLLAMA = "/v1/chat/completions", "/v1/messages", "/api/chat"
EVENTS = {CHAT: b'data: {"type":"error",', MESSAGES: b"event: error\n", OLLAMA: b'{"error":'}
"""How a failure within a stream begins, by the dialect of each path."""

Taking = Callable[[Store], Awaitable[object]]


@dataclass
class Bearing:
    """One kind of credential: how it is shown, and what is told once it was taken away."""

    path: str
    code: str
    headers: dict[str, str] = field(default_factory=dict)
    chain: Path | None = None
    take: Taking | None = None


@pytest.mark.req("S-43")
async def test_whatever_let_a_stream_in_ends_it_once_it_is_taken_away(
    door: Gateway, place: Place, up: Provider
) -> None:
    kinds = await _kinds(door, place)
    kept = Bearing(CHAT, "", _bearer(door.key))
    async with AsyncExitStack() as stack:
        streams = {
            name: await _begun(stack, door, place, name, each)
            for name, each in {**kinds, "kept": kept}.items()
        }

        await _take_all(door, place, kinds)

        for name, each in kinds.items():
            told = await streams[name].to_the_end()
            assert EVENTS[each.path] in told, (name, told)
            assert each.code.encode() in told, (name, told)
        await until(lambda: _have_hung_up(up, len(kinds)), "nobody listens to what was ended")

    await door.nothing_is_held()
    await until(lambda: _are_recorded(door, len(kinds) + 1), "each has its record")
    rows = await door.rows("SELECT request_id, outcome, owed FROM calls")
    settled = {name: (outcome, owed) for name, outcome, owed in rows}
    for record in [each for each in door.calls() if each["model"]]:
        name, owed = record["request_id"], record["owed_nanos"]
        assert 0 < owed < record["held_nanos"]
        if name == "kept":
            assert (record["outcome"], settled[name]) == ("cut", ("cut_by_client", owed))
            continue
        assert (record["outcome"], record["code"], record["status"]) == (
            *("refused", kinds[name].code),
            200,
        )
        assert settled[name] == ("cut_by_gateway", owed)
    await door.is_consistent()


async def _kinds(door: Gateway, place: Place) -> Mapping[str, Bearing]:
    issued = [await door.new_key(models=(MODEL,)) for _ in range(3)]
    disabled, revoked, narrowed = issued
    signing = issuers.own_keys_of(door.settings)
    assert signing is not None
    wish = own_tokens.Wish("acme/bert", "default", (MODEL,), 600)
    ours = await door.on_store(
        lambda store: own_tokens.issue(store, signing.token, wish, 3600, now_ms())
    )
    signed = TestIssuer().token(sub="anna", jti="t1")
    await until(lambda: _is_known(door, place, narrowed.key), "the newest key is known")
    return {
        "disabled": Bearing(
            *(CHAT, "key_disabled", _bearer(disabled.key), None),
            lambda store: keys.set_disabled(store, disabled.id, is_disabled=True),
        ),
        "revoked": Bearing(
            *(OLLAMA, "key_unknown", _bearer(revoked.key), None),
            lambda store: keys.revoke(store, revoked.id),
        ),
        "narrowed": Bearing(
            *(MESSAGES, "model_not_granted", _bearer(narrowed.key), None),
            lambda store: key_rights.withdraw(store, narrowed.id, [MODEL]),
        ),
        "signed": Bearing(
            *(MESSAGES, "token_invalid", _bearer(signed), None),
            lambda store: revoking.revoke(store, "okta", 3600, "t1", "", now_ms()),
        ),
        "ours": Bearing(
            *(CHAT, "token_invalid", _bearer(ours), None),
            lambda store: tenancy.set_disabled(store, Kind.USER, "acme/bert", is_disabled=True),
        ),
        "static": Bearing(OLLAMA, "key_unknown", _bearer(STATIC)),
        "certificate": Bearing(CHAT, "certificate_invalid", {}, place.prod.svid(WEB)),
    }


async def _take_all(door: Gateway, place: Place, kinds: Mapping[str, Bearing]) -> None:
    exchange(place.folder / "token", b"another-canary-of-a-token-0123")
    exchange(place.folder / "bundle.json", bundle(Authority(place.folder, "new")))
    for each in kinds.values():
        if each.take is not None:
            await door.on_store(each.take)


async def _begun(
    stack: AsyncExitStack, door: Gateway, place: Place, name: str, each: Bearing
) -> Caller:
    """Once its first word has come."""
    raw = json.dumps(ask(stream=True, max_tokens=100)).encode()
    lines = [("content-type", "application/json"), ("x-request-id", name), *each.headers.items()]
    tls = place.showing(each.chain)
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port, ssl=tls)
    writer.write(request(raw, lines, target=each.path))
    caller = Caller(reader, writer)
    stack.callback(caller.leave)
    await caller.until(b"word")
    return caller


async def _is_known(door: Gateway, place: Place, key: str) -> bool:
    url = f"{door.base_url}/models"
    tls: ssl.SSLContext = place.showing(None)
    async with (
        aiohttp.ClientSession() as session,
        session.get(url, headers=_bearer(key), ssl=tls) as reply,
    ):
        return reply.status == 200


async def _have_hung_up(up: Provider, number: int) -> bool:
    return up.hung_up == number


async def _are_recorded(door: Gateway, number: int) -> bool:
    return len([each for each in door.calls() if each["model"]]) == number


def _bearer(credential: str) -> dict[str, str]:
    return {"authorization": f"Bearer {credential}"}


async def _word_and_pause(_: Provider, asked: Asked, writer: asyncio.StreamWriter) -> None:
    writer.write(STREAM_HEAD + b"".join(map(chunk, stream_events(asked.body, 5)[:3])))
    await asyncio.Event().wait()


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.fixture
async def up() -> AsyncIterator[Provider]:
    async with provider() as it:
        it.script = _word_and_pause
        yield it


@pytest.fixture
async def door(place: Place, up: Provider) -> AsyncIterator[Gateway]:
    (place.folder / "token").write_text(STATIC)
    (place.folder / "keys.json").write_bytes(TestIssuer().key_set)
    said = f"""
[auth]
failures_per_minute = 0
recheck_every_s = 1
[tokens]
secrets = {{ 1 = "env:SIGNING" }}
[static_tokens.asks]
file = "{place.folder}/token"
tenant = "acme"
user = "asks"
models = ["{MODEL}"]
[issuers.okta]
issuer = "{ISSUER}"
audiences = ["{AUDIENCE}"]
keys_file = "{place.folder}/keys.json"
[[issuers.okta.rules]]
tenant = "acme"
user = "claim:sub"
models = ["{MODEL}"]
"""
    it = prepared(place.folder, up.url, settings=said, server=place.server("optional") + RULES)
    it.tls = place.showing(None)
    it.environ["SIGNING"] = "canary-of-the-signing-secret-0123"
    await furnish(it, 10**12)
    async with _people(it), it.serving():
        yield it


@asynccontextmanager
async def _people(it: Gateway) -> AsyncIterator[None]:
    async def work(store: Store) -> None:
        for name in ("web", "anna", "bert", "asks"):
            await tenancy.create_user(store, "acme", name, now_ms())

    await it.on_store(work)
    yield
