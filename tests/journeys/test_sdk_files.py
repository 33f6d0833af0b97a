"""OpenAI's own client keeps files at a provider, for its project and for nobody else."""

from __future__ import annotations

import openai
import pytest
from aiohttp import web
from openai import AsyncOpenAI

from journeys.gateway import Gateway
from journeys.shelf import Shelf
from journeys.shelves import kept

pytestmark = pytest.mark.req("OT-50", "P-18", "S-48")

FOREIGN = [
    *("file-" + "0" * 32, "file-UPSTREAM1", "file-", "x", "file-a.b", "file-%2e%2e", "file-" + "a" * 300),
]  # fmt: skip


async def test_a_file_is_shown_and_read_under_the_id_that_the_gateway_gave(
    shelf_door: Gateway, shelf_client: AsyncOpenAI, shelf: Shelf
) -> None:
    file_id = await kept(shelf_door, shelf, b"\x00\xff" * 100_000)

    shown = await shelf_client.files.retrieve(file_id)
    content = await shelf_client.files.content(file_id)

    assert (shown.id, shown.bytes, shown.filename) == (file_id, 200_000, "notes.txt")
    assert (shown.object, shown.purpose, shown.status) == ("file", "user_data", "processed")
    assert content.content == b"\x00\xff" * 100_000
    assert shelf.asked == ["GET /files/file-UPSTREAM1/content"]
    assert shelf.keys == {"Bearer sk-upstream-canary-0123456789"}


@pytest.mark.req("S-72")
async def test_what_is_in_a_file_is_bytes_to_download_whatever_the_provider_calls_it(
    shelf_door: Gateway, shelf_client: AsyncOpenAI, shelf: Shelf
) -> None:
    file_id = await kept(shelf_door, shelf, b"<script>")

    content = await shelf_client.files.content(file_id)

    headers = content.response.headers
    assert headers["content-type"] == "application/octet-stream"
    assert headers["x-content-type-options"] == "nosniff"


async def test_a_list_has_pages_in_both_orders_and_is_narrowed_by_purpose(
    shelf_door: Gateway, shelf_client: AsyncOpenAI, shelf: Shelf
) -> None:
    ids = [await kept(shelf_door, shelf) for _ in range(5)]

    newest = [file.id async for file in shelf_client.files.list(limit=2)]
    oldest = [file.id async for file in shelf_client.files.list(limit=2, order="asc")]
    others = [file.id async for file in shelf_client.files.list(purpose="batch")]

    assert newest == ids[::-1]
    assert oldest == ids
    assert others == []
    assert shelf.asked == []


async def test_a_deleted_file_is_gone_at_its_provider_too(
    shelf_door: Gateway, shelf_client: AsyncOpenAI, shelf: Shelf
) -> None:
    file_id = await kept(shelf_door, shelf)

    gone = await shelf_client.files.delete(file_id)

    assert (gone.id, gone.deleted) == (file_id, True)
    assert shelf.files == {}
    with pytest.raises(openai.NotFoundError):
        await shelf_client.files.retrieve(file_id)


async def test_a_file_that_its_provider_has_lost_is_not_there_and_can_be_deleted(
    shelf_door: Gateway, shelf_client: AsyncOpenAI, shelf: Shelf
) -> None:
    file_id = await kept(shelf_door, shelf)
    shelf.files.clear()
    shelf.contents.clear()

    with pytest.raises(openai.NotFoundError) as refused:
        await shelf_client.files.content(file_id)
    gone = await shelf_client.files.delete(file_id)

    assert refused.value.code == "file_unknown"
    assert gone.deleted
    assert [file.id async for file in shelf_client.files.list()] == []


@pytest.mark.req("P-2")
async def test_another_project_gets_what_it_would_get_for_a_file_that_never_was(
    shelf_door: Gateway, shelf_stranger: AsyncOpenAI, shelf: Shelf
) -> None:
    theirs = await kept(shelf_door, shelf)
    never = "file-" + "f" * 32

    told = [
        [await refusal(shelf_stranger, method, file_id) for method in ("GET", "content", "DELETE")]
        for file_id in (theirs, never)
    ]

    assert told[0] == told[1]
    assert {(status, code) for status, code, _ in told[0]} == {(404, "file_unknown")}
    assert [file.id async for file in shelf_stranger.files.list()] == []
    assert [file.id async for file in shelf_stranger.files.list(after=theirs, order="asc")] == []
    assert shelf.asked == []


@pytest.mark.parametrize("file_id", FOREIGN)
async def test_an_id_that_is_none_of_ours_is_unknown_and_nobody_is_asked(
    shelf_door: Gateway, shelf_client: AsyncOpenAI, shelf: Shelf, file_id: str
) -> None:
    await kept(shelf_door, shelf)

    told = [await refusal(shelf_client, method, file_id) for method in ("GET", "content", "DELETE")]

    assert {(status, code) for status, code, _ in told} == {(404, "file_unknown")}
    assert shelf.asked == []


@pytest.mark.req("S-60", "P-3")
async def test_each_request_about_a_file_leaves_one_record_and_holds_nothing(
    shelf_door: Gateway, shelf_client: AsyncOpenAI, shelf: Shelf
) -> None:
    file_id = await kept(shelf_door, shelf)

    await shelf_client.files.list()
    await shelf_client.files.retrieve(file_id)
    await shelf_client.files.content(file_id)
    await shelf_client.files.delete(file_id)
    shelf_door.stop()

    routes = [record["route"] for record in shelf_door.calls()]
    assert routes == ["file_list", "file_show", "file_content", "file_delete"]
    assert {record["outcome"] for record in shelf_door.calls()} == {"ok"}
    assert all("UPSTREAM" not in line for line in shelf_door.audit_lines())
    assert await shelf_door.rows("SELECT id FROM calls") == []


async def test_a_provider_that_fails_loses_no_file(
    shelf_door: Gateway, shelf_client: AsyncOpenAI, shelf: Shelf
) -> None:
    file_id = await kept(shelf_door, shelf)
    shelf.refuses = lambda _: web.json_response({"error": {"message": "at 10.0.0.1"}}, status=500)

    with pytest.raises(openai.InternalServerError) as failed:
        await shelf_client.files.delete(file_id)

    assert failed.value.code == "upstream_failed"
    assert "10.0.0.1" not in str(failed.value.body)
    assert (await shelf_client.files.retrieve(file_id)).id == file_id


@pytest.mark.req("S-73")
async def test_what_comes_compressed_is_not_passed_on(
    shelf_door: Gateway, shelf_client: AsyncOpenAI, shelf: Shelf
) -> None:
    file_id = await kept(shelf_door, shelf)
    shelf.refuses = lambda _: web.Response(body=b"x", headers={"content-encoding": "br"})

    with pytest.raises(openai.InternalServerError) as broke:
        await shelf_client.files.content(file_id)

    assert broke.value.code == "upstream_broke"


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "limit=-1", "limit=10001", "order=up"])
async def test_a_page_that_cannot_be_is_refused(shelf_client: AsyncOpenAI, query: str) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        await shelf_client.get(f"/files?{query}", cast_to=object)

    assert refused.value.code == "field_invalid"


async def refusal(caller: AsyncOpenAI, method: str, file_id: str) -> tuple[int, str | None, object]:
    """The status, the code, and all that is said but for the request's id."""
    verb = "DELETE" if method == "DELETE" else "GET"
    path = f"/files/{file_id}" + ("/content" if method == "content" else "")
    ask = caller.delete if verb == "DELETE" else caller.get
    with pytest.raises(openai.APIStatusError) as refused:
        await ask(path, cast_to=object)
    return refused.value.status_code, refused.value.code, refused.value.body
