"""Files that a provider keeps for a project: listed, shown, read and deleted.

Whose they are is looked up here, before their keeper is asked anything. Another project's file is not
there, and neither is one that never was.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from tollhouse.dialects import openai_files
from tollhouse.dialects.openai_batch_lines import MOST_OF_A_LINE, LineCutter, shown
from tollhouse.domain.errors import FileUnknown, Problem, UpstreamNotFound
from tollhouse.domain.exchange import Errand
from tollhouse.domain.files import File, file_id
from tollhouse.domain.identity import Principal
from tollhouse.pipeline.call import Call
from tollhouse.pipeline.carry import carried
from tollhouse.pipeline.errand import Found, on_errand, told
from tollhouse.pipeline.house import House
from tollhouse.pipeline.identify import identify
from tollhouse.pipeline.limit import take_of_route, take_one
from tollhouse.pipeline.pages import page_of
from tollhouse.pipeline.record import recorded
from tollhouse.pipeline.within import within
from tollhouse.storage import files

LONGEST_PAGE = 10_000


@asynccontextmanager
async def come_in(call: Call, house: House) -> AsyncIterator[Principal]:
    """Recorded, within the deadline, known, and not too much: as for every call."""
    with recorded(call, house) as record, within(call.route.deadline_s) as stay:
        caller = record.caller = await identify(record, house)
        with carried(caller, record, stay, house):
            yield caller


async def list_files(call: Call, house: House) -> None:
    async with come_in(call, house) as caller:
        await take_of_route(call, caller, house)
        wanted = page_of(call, usual=LONGEST_PAGE, most=LONGEST_PAGE)
        found = await files.page(
            house.shelves.store,
            caller.project,
            purpose=wanted.purpose,
            after=wanted.after,
            limit=wanted.limit + 1,
            newest_first=wanted.newest_first,
            now_ms=house.now_ms(),
        )
        page = found[: wanted.limit]
        await answer(call, openai_files.listed(page, has_more=len(found) > len(page)))


async def show_file(call: Call, house: House) -> None:
    """From what is written down here."""
    async with come_in(call, house) as caller:
        await take_of_route(call, caller, house)
        file = await own_file(call.path_rest, caller, house)
        await answer(call, openai_files.one(file))


async def read_file(call: Call, house: House) -> None:
    """From its keeper, as it comes; cut off where it breaks: bytes of a file have no words for that."""
    async with come_in(call, house) as caller:
        file = await own_file(call.path_rest, caller, house)
        await take_one(call, caller, house)
        call.reply.last_words = _silence
        await _pass_on(call, file, house)


async def delete_file(call: Call, house: House) -> None:
    """At its keeper first: what cannot be deleted there is still known here."""
    async with come_in(call, house) as caller:
        file = await own_file(call.path_rest, caller, house)
        await take_one(call, caller, house)
        with suppress(UpstreamNotFound):  # it is gone there already
            await told(call, file.provider, Errand(b"DELETE", openai_files.path_of(file)), house)
        await files.forget(house.shelves.store, caller.project, file.id)
        await answer(call, openai_files.deleted(file.id))


async def own_file(named: str, caller: Principal, house: House) -> File:
    """Raises FileUnknown on one of another project, and on one whose keeper is not configured any more."""
    shelves = house.shelves
    file = await files.find(shelves.store, caller.project, file_id(named), house.now_ms())
    if file is None or file.provider not in shelves.keepers:
        raise FileUnknown(param="file_id")
    return file


async def answer(call: Call, body: bytes) -> None:
    headers = ((b"content-type", b"application/json"), (b"content-length", b"%d" % len(body)))
    await call.reply.start(200, headers)
    await call.reply.end(body)


async def _pass_on(call: Call, file: File, house: House) -> None:
    errand = Errand(b"GET", openai_files.path_of(file, "/content"))
    try:
        async with on_errand(call, file.provider, errand, house) as found:
            await call.reply.start(200, ((b"content-type", b"application/octet-stream"),))
            if file.answers_as is None:
                await _bytes(call, found)
            else:
                await _lines(call, found, file.answers_as)
            await call.reply.end()
    except UpstreamNotFound:
        raise FileUnknown("Its provider does not keep this file any more.") from None


async def _bytes(call: Call, found: Found) -> None:
    while chunk := await found.read():
        await call.reply.write(chunk)


async def _lines(call: Call, found: Found, model: str) -> None:
    """Of a batch: models bear the name that was asked."""
    cutter = LineCutter(MOST_OF_A_LINE)
    while chunk := await found.read():
        for _, line in cutter.push(chunk):
            await call.reply.write(shown(line, model))
    for _, line in cutter.drain():
        await call.reply.write(shown(line, model))


def _silence(_: Problem, __: str) -> bytes:
    return b""
