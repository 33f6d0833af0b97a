"""A provider that cannot prove its name gets no call: neither the key nor a word of the content."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from certificates import Authority, serving
from journeys.gateway import ask, gateway
from journeys.provider import completion, json_response, provider
from security.wire import JSON, bearer, recorded, refused_in_dialect, request, send

HOST = "127.0.0.1"
CANARIES = (b"sk-upstream-canary", b"canary of the caller")


@asynccontextmanager
async def secure_provider(chain: Path) -> AsyncIterator[tuple[str, bytearray]]:
    """Its URL, and all that it was told."""
    heard = bytearray()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while piece := await reader.read(65536):
            heard.extend(piece)
            if piece.endswith(b"}"):
                writer.write(json_response(completion({"model": "m"}, 5)))
        writer.close()

    server = await asyncio.start_server(serve, HOST, 0, ssl=serving(chain))
    try:
        yield f"https://{HOST}:{server.sockets[0].getsockname()[1]}/v1", heard
    finally:
        server.close()


@pytest.mark.req("H-118", "S-70", "OL-8")
@pytest.mark.parametrize(
    ("certified", "age_h", "authority"),
    [("127.0.0.9", 0, "root"), (HOST, 3, "root"), (HOST, 0, "stranger")],
    ids=["another name", "expired", "an authority that nobody trusts"],
)
async def test_who_cannot_prove_its_name_is_told_nothing(
    tmp_path: Path, certified: str, age_h: int, authority: str
) -> None:
    ours = Authority(tmp_path)
    theirs = ours if authority == "root" else Authority(tmp_path, authority)
    chain = theirs.certify(certified, age=dt.timedelta(hours=age_h))

    async with (
        secure_provider(chain) as (url, heard),
        gateway(tmp_path, url, up=f'ca_file = "{ours.file}"') as door,
    ):
        headers = (bearer(door.key), JSON, ("x-request-id", "untrusted"))
        got = await send(
            door.port, request(json.dumps(ask("canary of the caller")).encode(), headers)
        )

        refused_in_dialect(got, "upstream_untrusted")
        assert (await recorded(door, "untrusted"))["code"] == "upstream_untrusted"
        await door.nothing_is_held()
        assert bytes(heard) == b""
        assert "certificate" in door.log()


@pytest.mark.req("S-70")
async def test_who_proves_its_name_is_asked(tmp_path: Path) -> None:
    ours = Authority(tmp_path)

    async with (
        secure_provider(ours.certify(HOST)) as (url, heard),
        gateway(tmp_path, url, up=f'ca_file = "{ours.file}"') as door,
    ):
        got = await send(
            door.port,
            request(json.dumps(ask("canary of the caller")).encode(), (bearer(door.key), JSON)),
        )

        assert got.status == 200
        assert all(canary in heard for canary in CANARIES)


@pytest.mark.req("S-69")
async def test_an_answer_larger_than_was_set_is_broken_off(tmp_path: Path) -> None:
    async with provider() as up, gateway(tmp_path, up.url, up="max_answer_bytes = 1024") as door:
        fits = await send(door.port, request(json.dumps(ask()).encode(), (bearer(door.key), JSON)))
        up.completion_tokens = 1000
        too_large = await send(
            door.port, request(json.dumps(ask()).encode(), (bearer(door.key), JSON))
        )

        assert fits.status == 200
        refused_in_dialect(too_large, "upstream_broke")
