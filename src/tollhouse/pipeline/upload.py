"""A file comes in: it is decided who keeps it, it is sent there, and written down here."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from functools import partial
from secrets import token_hex

from tollhouse.dialects import openai_files
from tollhouse.dialects.openai_files import Wish
from tollhouse.domain import naming
from tollhouse.domain.errors import (
    FieldInvalid,
    FileHomeUndecided,
    FilesNotKept,
    ModelUnknown,
    StoreUnavailable,
    TooManyFiles,
)
from tollhouse.domain.exchange import Errand
from tollhouse.domain.files import BATCH, PREFIX, File
from tollhouse.domain.identity import Principal
from tollhouse.domain.parcels import Parcel
from tollhouse.domain.storing import Conflict
from tollhouse.pipeline.batch_input import Judge
from tollhouse.pipeline.call import Call
from tollhouse.pipeline.errand import told
from tollhouse.pipeline.files import answer, come_in
from tollhouse.pipeline.house import House
from tollhouse.pipeline.limit import take_one
from tollhouse.pipeline.once import refuse_key
from tollhouse.storage import files


async def upload(call: Call, house: House) -> None:
    async with come_in(call, house) as caller:
        refuse_key(call)
        await take_one(call, caller, house)
        await _has_room(caller, house)
        form = await call.read_body()
        wish = openai_files.read_wish(form, house.shelves.most_bytes)
        if wish.purpose == BATCH:
            file = await _input_of_a_batch(call, caller, wish, house)
        else:
            provider = home_of(wish.model, caller, house)
            content = partial(form.content, wish.part)
            parcel = _packed(wish, wish.part.size, content)
            file = await _kept(call, _file(call, caller, wish, provider, house), parcel, house)
        await answer(call, openai_files.one(file))


async def _has_room(caller: Principal, house: House) -> None:
    shelves = house.shelves
    if await files.count(shelves.store, caller.project, house.now_ms()) >= shelves.most_files:
        raise TooManyFiles(
            f"The project {caller.project!r} has {shelves.most_files} files, as many as it may. "
            f"Delete some, or have `max_files` under [files] raised."
        )


def home_of(model: str | None, caller: Principal, house: House) -> str:
    """The provider that a model leads to; without one, the only one that any of this key's models does."""
    snapshot, keepers = house.snapshot, house.shelves.keepers
    if model is None:
        models = naming.callable_models(snapshot, caller, house.now_s()) if keepers else []
        found = {it.provider for each in models for it in each.targets if it.provider in keepers}
        if len(found) > 1:
            raise FileHomeUndecided(
                "Several providers could keep this file. Name a model of yours as `model` in the form: the "
                "file is kept where that one is answered.",
                param="model",
            )
    else:
        one = naming.callable_model(snapshot, caller, model)
        if one is None:
            raise ModelUnknown(
                f"There is no model {model[:100]!r} here for this key.", param="model"
            )
        first = next((it.provider for it in one.targets if it.provider in keepers), None)
        found = {first} if first else set()
    if not found:
        raise FilesNotKept(param="model")
    return found.pop()


async def _input_of_a_batch(call: Call, caller: Principal, wish: Wish, house: House) -> File:
    """Judged to its last line before the first one leaves, and once more, to the same end, while it does."""
    if wish.model is not None:
        raise FieldInvalid("The lines of a batch say which model they ask.", param="model")
    judge, size = Judge(caller, house), 0
    async for line in judge.judged(wish.form.content(wish.part)):
        size += len(line)
    file = replace(
        _file(call, caller, wish, judge.provider, house),
        load=judge.load,
        answers_as=judge.load.model,
    )
    parcel = _packed(wish, size, lambda: judge.again().judged(wish.form.content(wish.part)))
    return await _kept(call, file, parcel, house)


def _packed(wish: Wish, size: int, content: Callable[[], AsyncIterator[bytes]]) -> Parcel:
    """The boundary is drawn now: no content can have it in itself."""
    texts = {"purpose": wish.purpose}
    if wish.expires_in_s is not None:
        texts["expires_after[anchor]"] = "created_at"
        texts["expires_after[seconds]"] = str(wish.expires_in_s)
    return Parcel(token_hex(24).encode(), texts, wish.name, size, content)


def _file(call: Call, caller: Principal, wish: Wish, provider: str, house: House) -> File:
    """As it will be, once it is kept."""
    now_ms, lasts_s = house.now_ms(), wish.expires_in_s
    return File(
        id=PREFIX + call.id,
        project=caller.project,
        provider=provider,
        known_as="",
        purpose=wish.purpose,
        name=wish.name,
        bytes=wish.part.size,
        created_at_ms=now_ms,
        expires_at_ms=None if lasts_s is None else now_ms + lasts_s * 1000,
    )


async def _kept(call: Call, file: File, parcel: Parcel, house: House) -> File:
    errand = Errand(b"POST", b"/files", parcel, parcel.media)
    known_as = openai_files.read_kept(await told(call, file.provider, errand, house))
    kept = replace(file, known_as=known_as)
    await _written_down(call, kept, house)
    return kept


async def _written_down(call: Call, file: File, house: House) -> None:
    """What cannot be written down would belong to nobody: it is deleted where it is kept."""
    try:
        await files.add(house.shelves.store, file)
    except (Conflict, StoreUnavailable):
        await told(call, file.provider, Errand(b"DELETE", openai_files.path_of(file)), house)
        raise
