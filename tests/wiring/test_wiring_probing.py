"""Providers are asked for their models by the way that calls take; what is wrong is told apart."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from journeys.giver import account_file, claims, giver
from tollhouse.config import Settings, parse
from tollhouse.control.checking import MOST_OF_A_LIST, Checked, Verdict
from tollhouse.wiring.probing import check_providers

KEY = {"K": "sk-canary-0123456789"}
LIST = b'{"object":"list","data":[{"id":"one"},{"id":"models/two"}]}'


@dataclass
class Vendor:
    """Answers each request with `answer`."""

    answer: bytes
    port: int = 0
    asked: list[str] = field(default_factory=list)

    def settings(self, kind: str = "openai-compatible", more: str = "") -> Settings:
        text = f'[providers.up]\nkind = "{kind}"\nkey = "env:K"\nurl = "http://127.0.0.1:{self.port}/base/v1"\n'
        return parse(text + more, KEY)


@asynccontextmanager
async def vendor(answer: bytes) -> AsyncIterator[Vendor]:
    it = Vendor(answer)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        it.asked.append((await reader.readuntil(b"\r\n\r\n")).decode())
        writer.write(it.answer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    it.port = server.sockets[0].getsockname()[1]
    try:
        yield it
    finally:
        server.close()


def response(body: bytes, status: str = "200 OK") -> bytes:
    return b"HTTP/1.1 %b\r\ncontent-length: %d\r\n\r\n%b" % (status.encode(), len(body), body)


async def test_a_provider_that_has_the_models_is_reachable() -> None:
    models = '[models.m]\ntargets = ["up:one", "up:two"]\n[models."x*"]\ntargets = ["up:*"]\n'

    async with vendor(response(LIST)) as up:
        checked = await _only(up.settings(more=models))

    assert (checked.verdict, checked.is_fine) == (Verdict.REACHABLE, True)
    (head,) = up.asked
    assert head.startswith("GET /base/v1/models HTTP/1.1\r\n")
    assert "authorization: Bearer sk-canary-0123456789\r\n" in head


async def test_gemini_is_asked_for_its_whole_list_in_its_own_way() -> None:
    listed = b'{"models":[{"name":"models/one","displayName":"One"}]}'

    async with vendor(response(listed)) as up:
        checked = await _only(up.settings("gemini", '[models.m]\ntargets = ["up:one"]\n'))

    assert checked.verdict is Verdict.REACHABLE
    (head,) = up.asked
    assert head.startswith("GET /base/v1/models?pageSize=1000 HTTP/1.1\r\n")
    assert "x-goog-api-key: sk-canary-0123456789\r\n" in head
    assert "authorization" not in head


@pytest.mark.parametrize(
    ("status", "verdict", "says"),
    [(200, Verdict.UNASKED, "tokens are given"), (403, Verdict.KEY_REFUSED, "invalid_grant")],
)
async def test_who_shows_tokens_is_checked_by_asking_for_one(
    status: int, verdict: Verdict, says: str
) -> None:
    async with giver(lambda form: bool(claims(form["assertion"]))) as google:
        google.status = status
        text = '[providers.up]\nkind = "vertex"\nservice_account = "env:A"\n'
        checked = await _only(parse(text, {"A": account_file(google.url)}))

    assert (checked.verdict, checked.is_fine) == (verdict, status == 200)
    assert says in checked.says
    assert len(google.asked) == 1


async def test_a_list_is_asked_for_with_a_token_and_without_the_secret_that_gets_one() -> None:
    entra = 'tenant = "t"\nclient_id = "c"\n'
    async with vendor(response(LIST)) as up, giver(lambda _: True) as giving:
        checked = await _only(up.settings("azure", f'{entra}token_url = "{giving.url}"\n'))

    assert checked.verdict is Verdict.REACHABLE
    (head,) = up.asked
    assert "authorization: Bearer token-1\r\n" in head
    assert KEY["K"] not in head


async def test_cohere_is_asked_where_it_has_its_list() -> None:
    async with vendor(response(b'{"models":[{"name":"one"}]}')) as up:
        checked = await _only(up.settings("cohere", '[models.m]\ntargets = ["up:one"]\n'))

    assert checked.verdict is Verdict.REACHABLE
    assert up.asked[0].startswith("GET /base/v1/v1/models?page_size=1000 HTTP/1.1\r\n")


async def test_a_model_that_is_not_there_is_named() -> None:
    async with vendor(response(LIST)) as up:
        checked = await _only(up.settings(more='[models.m]\ntargets = ["up:one", "up:three"]\n'))

    assert (checked.verdict, checked.missing) == (Verdict.MODEL_MISSING, ("three",))
    assert not checked.is_fine


@pytest.mark.parametrize("status", ["401 Unauthorized", "402 Payment Required", "403 Forbidden"])
async def test_a_key_that_is_refused_is_told_apart(status: str) -> None:
    async with vendor(response(b'{"error":{}}', status)) as up:
        checked = await _only(up.settings())

    assert checked.verdict is Verdict.KEY_REFUSED


@pytest.mark.parametrize(
    "answer",
    [
        response(b"<html>"),
        response(b'{"data":"x"}'),
        response(b"[" * 100_000),
        response(b"", "302 Found"),
        response(LIST, "500 Oops"),
    ],
)
async def test_whatever_is_no_list_of_models_is_strange(answer: bytes) -> None:
    async with vendor(answer) as up:
        checked = await _only(up.settings())

    assert checked.verdict is Verdict.STRANGE


@pytest.mark.parametrize(
    "answer",
    [b"", b"hello\r\n\r\n", response(b" " * (MOST_OF_A_LIST + 1))],
    ids=["cut", "noise", "endless"],
)
async def test_whoever_answers_nothing_that_ends_is_unreachable(answer: bytes) -> None:
    async with vendor(answer) as up:
        checked = await _only(up.settings())

    assert checked.verdict is Verdict.UNREACHABLE
    assert KEY["K"] not in checked.says


async def test_a_port_where_nobody_listens_is_unreachable() -> None:
    async with vendor(b"") as up:
        settings = up.settings()

    assert (await _only(settings)).verdict is Verdict.UNREACHABLE


async def test_a_key_stands_in_the_header_that_the_vendor_wants() -> None:
    async with vendor(response(LIST)) as up:
        await _only(up.settings("azure"))

    (head,) = up.asked
    assert "\r\napi-key: sk-canary-0123456789\r\n" in head
    assert "authorization" not in head


async def test_what_is_here_or_has_no_list_is_not_asked() -> None:
    settings = parse(
        '[providers.e]\nkind = "echo"\n[providers.p]\nkind = "perplexity"\nkey = "env:K"\n'
        '[providers.a]\nkind = "azure"\nkey = "env:K"\nurl = "https://a.example"\napi_version = "2024-10-21"',
        KEY,
    )

    checked = await check_providers(settings, ["e", "p", "a"])

    assert [each.verdict for each in checked] == [Verdict.HERE, Verdict.UNASKED, Verdict.UNASKED]
    assert all(each.is_fine for each in checked)


async def _only(settings: Settings) -> Checked:
    (checked,) = await check_providers(settings, ["up"])
    return checked
