"""Where an issuer's keys come from: what it answers is looked at, and it leads nowhere else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fakes import FakeAnswer, FakeExchange, FakeProvider
from tollhouse.auth.fetching import DISCOVERY, MOST_BYTES, discovered, published, read_file
from tollhouse.domain.errors import UpstreamBroke
from tollhouse.domain.urls import parse

ISSUER = "https://login.example.com/realms/acme"
KEYS = b'{"keys": []}'

pytestmark = pytest.mark.req("S-34", "H-124")


def answering(*bodies: bytes, status: int = 200) -> FakeProvider:
    pieces = [[body[:9], body[9:]] if len(body) < 99 else [body] for body in bodies]
    return FakeProvider(*(FakeExchange(FakeAnswer(status, each)) for each in pieces))


def document(**members: Any) -> bytes:
    return json.dumps({"issuer": ISSUER, "jwks_uri": f"{ISSUER}/keys", **members}).encode()


async def refused(*bodies: bytes, status: int = 200) -> str:
    upstream = answering(*bodies, status=status)
    with pytest.raises(UpstreamBroke) as caught:
        await discovered(upstream, parse(ISSUER), ISSUER)
    assert len(upstream.sent) == len(bodies)
    return caught.value.private or ""


async def test_the_document_says_where_the_keys_are() -> None:
    upstream = answering(document(jwks_uri=f"{ISSUER}/keys?of=acme"), KEYS)

    assert await discovered(upstream, parse(ISSUER), ISSUER) == KEYS
    paths = [sending.path for sending in upstream.sent]
    assert paths == [f"/realms/acme{DISCOVERY}".encode(), b"/realms/acme/keys?of=acme"]


async def test_keys_at_the_origin_itself() -> None:
    upstream = answering(document(jwks_uri="https://login.example.com"), KEYS)

    await discovered(upstream, parse(ISSUER), ISSUER)

    assert upstream.sent[1].path == b"/"


@pytest.mark.parametrize("status", [201, 204, 301, 302, 404, 500])
async def test_anything_but_a_whole_answer(status: int) -> None:
    assert str(status) in await refused(document(), status=status)


async def test_as_much_as_a_set_may_have_and_no_more() -> None:
    assert len(await published(answering(b" " * MOST_BYTES), b"/keys")) == MOST_BYTES

    with pytest.raises(UpstreamBroke):
        await published(answering(b" " * (MOST_BYTES + 1)), b"/keys")


@pytest.mark.parametrize(
    "said",
    [
        document(jwks_uri=None),
        document(jwks_uri="no url"),
        document(jwks_uri=7),
    ],
    ids=range(3),
)
async def test_a_document_that_says_no_place(said: bytes) -> None:
    assert "no `jwks_uri`" in await refused(said)


@pytest.mark.parametrize("said", [b"<html>", b"[]", b"", b'{"issuer": 1, "issuer": 2}'])
async def test_what_is_no_document(said: bytes) -> None:
    assert "no document" in await refused(said)


@pytest.mark.parametrize("issuer", [None, "https://other.example.com", f"{ISSUER}/", [ISSUER]])
async def test_the_document_of_another_issuer(issuer: Any) -> None:
    assert "of another issuer" in await refused(document(issuer=issuer))


@pytest.mark.parametrize(
    "place",
    [
        "https://other.example.com/keys",
        "http://login.example.com/keys",
        "https://login.example.com:8443/keys",
        "https://169.254.169.254/latest/meta-data",
        "https://login.example.com.attacker.example.com/keys",
    ],
)
async def test_keys_at_another_origin_are_not_asked_for(place: str) -> None:
    assert "name that as `keys_url`" in await refused(document(jwks_uri=place))


def test_no_more_of_a_file_is_read_than_a_set_may_have_and_one_byte(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    path.write_bytes(b" " * (2 * MOST_BYTES))

    assert len(read_file(path)) == MOST_BYTES + 1
