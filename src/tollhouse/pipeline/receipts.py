"""A receipt for a call that is over, to who made it: of a stream it cannot be told in a header."""

from __future__ import annotations

import json
import re

from tollhouse.domain.errors import ReceiptPending, ReceiptUnknown
from tollhouse.domain.identity import Principal
from tollhouse.domain.receipts import Receipt
from tollhouse.pipeline.call import Call
from tollhouse.pipeline.files import answer, come_in
from tollhouse.pipeline.house import House
from tollhouse.storage import calls
from tollhouse.storage.calls import Call as Row

PENDING_S = 2

_is_call_id = re.compile(r"[0-9a-f]{32}").fullmatch


async def show_receipt(call: Call, house: House) -> None:
    """To the keys of the user who made the call, in the project that it was made for."""
    async with come_in(call, house) as caller:
        if house.receipts is None:
            raise ReceiptUnknown("This gateway gives no receipts.")
        row = await calls.call(house.shelves.store, _call_id(call.path_rest))
        if row is None or not _is_own(row, caller):
            raise ReceiptUnknown()
        if row.state != "settled":
            raise ReceiptPending(retry_after_s=PENDING_S)
        receipt = _receipt(row)
        told = {"object": "receipt", "receipt": house.receipts(receipt), **receipt.claims()}
        await answer(call, json.dumps(told).encode())


def _call_id(text: str) -> str:
    if not _is_call_id(text):
        raise ReceiptUnknown()
    return text


def _is_own(row: Row, caller: Principal) -> bool:
    """A user's name says of which tenant they are; a key that nobody owns has a user of its own."""
    return row.user == caller.user and row.project == caller.project


def _receipt(row: Row) -> Receipt:
    usage = row.usage
    return Receipt(
        call=row.id,
        request=row.request_id,
        tenant=row.tenant,
        project=row.project,
        user=row.user,
        key=row.key,
        route=row.route,
        model=row.model,
        target=row.target,
        outcome=row.outcome or "",
        source=row.source or "",
        input=usage.input,
        output=usage.output,
        cache_read=usage.cache_read,
        cache_write=usage.cache_write,
        images=usage.images,
        seconds=usage.seconds,
        characters=usage.characters,
        owed=row.owed or 0,
        price=row.price,
        began_at=row.created_at_ms,
        settled_at=row.settled_at_ms or 0,
    )
