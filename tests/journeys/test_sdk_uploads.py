"""OpenAI's own client uploads files: who keeps one is decided, and what cannot be is refused."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import aiohttp
import openai
import pytest
from aiohttp import web
from openai import AsyncOpenAI

from journeys.gateway import MODEL, Gateway, gateway, until
from journeys.shelf import Shelf, running_shelf
from journeys.shelves import asking, is_known

pytestmark = pytest.mark.req("OT-50", "S-10")

SECOND = """
[providers.second]
kind = "openai-compatible"
url = "{url}"
key = "env:UP_KEY"
keeps_files = true
[models.other]
targets = ["second:x"]
"""
NAMES = {
    "../../etc/cron.d/x": "x",
    "..\\..\\boot.ini": "boot.ini",
    'a"; name="purpose': "a_22_ name=_22purpose",
    "a" * 5000 + ".pdf": "a" * 124 + ".pdf",
    ".bashrc": "bashrc",
    "rückgrat.txt": "r_ckgrat.txt",
    "/": "file",
}


@pytest.mark.parametrize("size", [0, 5, 70_000, 3_000_000])
async def test_a_file_is_kept_at_the_provider_byte_for_byte(
    shelf_door: Gateway, shelf_client: AsyncOpenAI, shelf: Shelf, size: int
) -> None:
    content = bytes(number % 251 for number in range(size))

    file = await shelf_client.files.create(file=("notes.bin", content), purpose="user_data")

    assert (file.bytes, file.filename, file.purpose, file.status) == (
        size,
        "notes.bin",
        "user_data",
        "processed",
    )
    assert abs(file.created_at - time.time()) < 60
    assert shelf.forms == [{"purpose": "user_data", "filename": "notes.bin"}]
    assert list(shelf.contents.values()) == [content]
    assert (await shelf_client.files.content(file.id)).content == content
    assert shelf.keys == {"Bearer sk-upstream-canary-0123456789"}


async def test_the_id_is_ours_and_outlives_a_restart(
    shelf_door: Gateway, shelf_client: AsyncOpenAI, shelf: Shelf
) -> None:
    file = await shelf_client.files.create(file=b"hello", purpose="user_data")
    shelf_door.stop()
    await shelf_door.start()

    again = await shelf_client.files.retrieve(file.id)

    assert again == file
    assert file.id not in shelf.files
    assert not any("UPSTREAM" in line for line in shelf_door.audit_lines())


@pytest.mark.req("H-75")
@pytest.mark.parametrize("given", NAMES, ids=range(len(NAMES)))
async def test_a_name_is_only_shown_and_has_only_plain_letters(
    shelf_door: Gateway, shelf_client: AsyncOpenAI, shelf: Shelf, given: str
) -> None:
    file = await shelf_client.files.create(file=(given, b"hello"), purpose="user_data")

    assert file.filename == NAMES[given]
    assert shelf.forms == [{"purpose": "user_data", "filename": NAMES[given]}]


async def test_a_file_expires_when_it_was_told_to(
    shelf_door: Gateway, shelf_client: AsyncOpenAI, shelf: Shelf
) -> None:
    after: Any = {"anchor": "created_at", "seconds": 3600}

    file = await shelf_client.files.create(file=b"hello", purpose="user_data", expires_after=after)

    assert file.expires_at == pytest.approx(time.time() + 3600, abs=60)
    told = {name: value for name, value in shelf.forms[0].items() if name.startswith("expires")}
    assert told == {"expires_after[anchor]": "created_at", "expires_after[seconds]": "3600"}


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"purpose": "nonsense"}, "purpose"),
        ({"purpose": "batch_output"}, "purpose"),
        ({"purpose": "user_data", "extra_body": {"vector_store": "x"}}, "vector_store"),
        (
            {"purpose": "user_data", "expires_after": {"anchor": "created_at", "seconds": 1}},
            "expires_after",
        ),
        (
            {"purpose": "user_data", "expires_after": {"anchor": "last_used", "seconds": 3600}},
            "expires_after",
        ),
        (
            {"purpose": "user_data", "extra_body": {"expires_after[seconds]": "٣٦٠٠"}},
            "expires_after",
        ),
    ],
)
async def test_what_is_wrong_with_a_form_is_named_and_nothing_leaves(
    shelf_door: Gateway,
    shelf_client: AsyncOpenAI,
    shelf: Shelf,
    members: dict[str, Any],
    param: str,
) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        await shelf_client.files.create(file=b"hello", **members)

    assert (refused.value.code, refused.value.param) == ("field_invalid", param)
    assert shelf.asked == []
    assert [file.id async for file in shelf_client.files.list()] == []


async def test_a_form_without_its_file_is_refused(shelf_door: Gateway, shelf: Shelf) -> None:
    form = aiohttp.FormData({"purpose": "user_data", "file": "no file"}, default_to_multipart=True)
    headers = {"authorization": f"Bearer {shelf_door.key}"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{shelf_door.base_url}/files", data=form, headers=headers) as reply,
    ):
        told = await reply.json()

    assert (reply.status, told["error"]["param"]) == (400, "file")
    assert shelf.asked == []


@pytest.mark.req("P-2")
async def test_a_key_without_a_model_there_keeps_nothing_there(
    shelf_door: Gateway, shelf: Shelf
) -> None:
    powerless = await shelf_door.new_key()
    async with asking(shelf_door, powerless.key) as caller:
        await until(lambda: is_known(caller), "the key is known")
        with pytest.raises(openai.APIStatusError) as refused:
            await caller.files.create(file=b"hello", purpose="user_data")
        with pytest.raises(openai.NotFoundError) as unknown:
            await caller.files.create(
                file=b"hello", purpose="user_data", extra_body={"model": MODEL}
            )

    assert (refused.value.status_code, refused.value.code) == (501, "files_not_kept")
    assert unknown.value.code == "model_unknown"
    assert shelf.asked == []


async def test_where_no_provider_keeps_files_none_is_taken(tmp_path: Path, shelf: Shelf) -> None:
    async with gateway(tmp_path, shelf.url) as it, asking(it, it.key) as caller:
        with pytest.raises(openai.APIStatusError) as refused:
            await caller.files.create(file=b"hello", purpose="user_data")

    assert (refused.value.status_code, refused.value.code) == (501, "files_not_kept")
    assert shelf.asked == []


async def test_between_two_providers_a_model_decides(tmp_path: Path, shelf: Shelf) -> None:
    async with running_shelf() as second, two_providers(tmp_path, shelf, second) as (_, caller):
        with pytest.raises(openai.BadRequestError) as refused:
            await caller.files.create(file=b"hello", purpose="user_data")
        assert (refused.value.code, refused.value.param) == ("file_home_undecided", "model")
        assert shelf.asked == second.asked == []

        file = await caller.files.create(
            file=b"hello", purpose="user_data", extra_body={"model": "other"}
        )
        await caller.files.content(file.id)
        await caller.files.delete(file.id)

    assert shelf.asked == []
    assert len(second.asked) == 3
    assert "model" not in second.forms[0]


async def test_a_project_has_so_many_files_and_no_more(tmp_path: Path, shelf: Shelf) -> None:
    few = "[files]\nmax_files = 2\n"
    async with (
        gateway(tmp_path, shelf.url, up="keeps_files = true", store=few) as it,
        asking(it, it.key) as caller,
    ):
        files = [await caller.files.create(file=b"x", purpose="user_data") for _ in range(2)]
        with pytest.raises(openai.ConflictError) as refused:
            await caller.files.create(file=b"x", purpose="user_data")
        await caller.files.delete(files[0].id)
        await caller.files.create(file=b"x", purpose="user_data")

    assert refused.value.code == "too_many_files"


async def test_a_file_that_is_too_large_is_refused_before_anything_leaves(
    tmp_path: Path, shelf: Shelf
) -> None:
    small = "[files]\nmax_bytes = 100000\n"
    async with (
        gateway(tmp_path, shelf.url, up="keeps_files = true", store=small) as it,
        asking(it, it.key) as caller,
    ):
        await caller.files.create(file=b"x" * 100_000, purpose="user_data")
        with pytest.raises(openai.APIStatusError) as refused:
            await caller.files.create(file=b"x" * 200_000, purpose="user_data")
        with pytest.raises(openai.APIStatusError) as just_so:
            await caller.files.create(file=b"x" * 100_001, purpose="user_data")

    assert (refused.value.status_code, refused.value.code) == (413, "body_too_large")
    assert (just_so.value.status_code, just_so.value.code) == (413, "body_too_large")
    assert len(shelf.files) == 1


@pytest.mark.parametrize(
    "answer", ["", "[]", "{}", '{"id": 7}', '{"id": "../x"}', '{"id": "a b"}', "x" * 1_100_000]
)
async def test_an_answer_that_tells_of_no_file_is_none(
    shelf_door: Gateway, shelf_client: AsyncOpenAI, shelf: Shelf, answer: str
) -> None:
    shelf.refuses = lambda _: web.Response(text=answer, content_type="application/json")

    with pytest.raises(openai.InternalServerError) as failed:
        await shelf_client.files.create(file=b"hello", purpose="user_data")

    assert failed.value.code == "upstream_broke"
    assert [file.id async for file in shelf_client.files.list()] == []


async def test_what_the_provider_refuses_is_told_cleaned(
    shelf_door: Gateway, shelf_client: AsyncOpenAI, shelf: Shelf
) -> None:
    error = {"error": {"message": "Invalid file format, see http://10.0.0.1/x", "type": "x"}}
    shelf.refuses = lambda _: web.json_response(error, status=400)

    with pytest.raises(openai.BadRequestError) as refused:
        await shelf_client.files.create(file=b"hello", purpose="user_data")

    assert refused.value.code == "upstream_rejected"
    assert "10.0.0.1" not in refused.value.message
    assert "Invalid file format" in refused.value.message


@pytest.mark.req("S-60", "P-3")
async def test_an_upload_leaves_one_record_and_costs_nothing(
    shelf_door: Gateway, shelf_client: AsyncOpenAI, shelf: Shelf
) -> None:
    await shelf_client.files.create(file=("secret-name.txt", b"canary"), purpose="user_data")
    shelf_door.stop()

    (record,) = shelf_door.calls()
    assert (record["route"], record["status"], record["outcome"]) == ("file_upload", 200, "ok")
    assert (record["held_nanos"], record["owed_nanos"]) == (0, 0)
    assert not any("secret-name" in line or "canary" in line for line in shelf_door.audit_lines())


async def test_many_at_once_are_all_kept(
    shelf_door: Gateway, shelf_client: AsyncOpenAI, shelf: Shelf
) -> None:
    contents = [bytes([number]) * 100_000 for number in range(12)]

    files = await asyncio.gather(
        *(shelf_client.files.create(file=content, purpose="user_data") for content in contents)
    )

    read = [(await shelf_client.files.content(file.id)).content for file in files]
    assert read == contents


class two_providers:  # noqa: N801 - read as a participle
    def __init__(self, directory: Path, first: Shelf, second: Shelf) -> None:
        settings = SECOND.format(url=second.url)
        self._gateway = gateway(
            directory, first.url, up="keeps_files = true", settings="", store=settings
        )

    async def __aenter__(self) -> tuple[Gateway, AsyncOpenAI]:
        it = await self._gateway.__aenter__()
        issued = await it.new_key(models=(MODEL, "other"))
        self._asking = asking(it, issued.key)
        caller = await self._asking.__aenter__()
        await until(lambda: is_known(caller), "the key is known")
        return it, caller

    async def __aexit__(self, *error: Any) -> None:
        await self._asking.__aexit__(*error)
        await self._gateway.__aexit__(*error)
