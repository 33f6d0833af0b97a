"""Models as Ollama's clients look them up, and what they may not do with them here."""

from __future__ import annotations

from tollhouse.dialects import fields, ollama_models, strict_json
from tollhouse.domain import naming
from tollhouse.domain.errors import ModelUnknown, NotOffered
from tollhouse.domain.identity import Principal
from tollhouse.pipeline.call import Call
from tollhouse.pipeline.house import House
from tollhouse.pipeline.identify import credential_of, identify
from tollhouse.pipeline.record import Journal, recorded
from tollhouse.pipeline.route import Serve
from tollhouse.pipeline.within import within


def tags(*, is_open: bool) -> Serve:
    """The list of models. If it is open, who shows no key sees all of them."""

    async def list_tags(call: Call, house: House) -> None:
        with recorded(call, house) as record, within(call.route.deadline_s):
            snapshot = house.snapshot
            caller = await _caller(record, house, is_open=is_open)
            models = (
                naming.callable_models(snapshot, caller, house.now_s())
                if caller
                else naming.public_models(snapshot.names)
            )
            await _send(call, ollama_models.tags(models))

    return list_tags


def show(*, is_open: bool) -> Serve:
    """One model, by either way to write its name."""

    async def show_model(call: Call, house: House) -> None:
        with recorded(call, house) as record, within(call.route.deadline_s):
            caller = await _caller(record, house, is_open=is_open)
            name = _name(await call.read_body())
            tenant = caller.tenant if caller else ""
            found = naming.find_either(house.snapshot, tenant, name, ollama_models.also(name))
            if found is None or (caller and not naming.is_granted(found, caller)):
                raise ModelUnknown(
                    f"There is no model {name[:100]!r} here for this key.", param="model"
                )
            await _send(call, ollama_models.shown(found.model))

    return show_model


async def list_running(call: Call, house: House) -> None:
    with recorded(call, house) as record, within(call.route.deadline_s):
        record.caller = await identify(record, house)
        await _send(call, ollama_models.running())


async def offer_nothing(call: Call, house: House) -> None:
    """Which models there are is the operator's business: nothing is pulled, made or deleted."""
    with recorded(call, house) as record, within(call.route.deadline_s):
        record.caller = await identify(record, house)
        raise NotOffered


async def _caller(record: Journal, house: House, *, is_open: bool) -> Principal | None:
    """None for a stranger to whom this is open. A key that is shown must be good all the same."""
    if not is_open or credential_of(record.call) is not None:
        record.caller = await identify(record, house)
    return record.caller


def _name(body: bytes) -> str:
    """Older clients say `name`."""
    asked = strict_json.parse_object(body)
    return fields.model({"model": asked.get("model") or asked.get("name")})


async def _send(call: Call, body: bytes) -> None:
    length = (b"content-length", b"%d" % len(body))
    await call.reply.start(200, ((b"content-type", b"application/json"), length))
    await call.reply.end(body)
