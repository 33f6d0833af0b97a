"""What this key may call: the same rule that lets it call."""

from __future__ import annotations

from urllib.parse import parse_qs

from tollhouse.dialects import openai_models
from tollhouse.domain import naming
from tollhouse.domain.errors import FieldInvalid, ModelUnknown
from tollhouse.domain.snapshot import Model
from tollhouse.pipeline.call import Call
from tollhouse.pipeline.house import House
from tollhouse.pipeline.identify import identify
from tollhouse.pipeline.record import recorded
from tollhouse.pipeline.within import within

LONGEST_PAGE = 1000


async def list_models(call: Call, house: House) -> None:
    with recorded(call, house) as record, within(call.route.deadline_s):
        caller = record.caller = identify(record, house)
        if call.path_rest:
            body = _one(call, naming.callable_model(house.snapshot, caller, call.path_rest))
        else:
            body = _page(call, naming.callable_models(house.snapshot, caller, house.now_s()))
        headers = ((b"content-type", b"application/json"), (b"content-length", b"%d" % len(body)))
        await call.reply.start(200, headers)
        await call.reply.end(body)


def _one(call: Call, model: Model | None) -> bytes:
    """A model that may not be called answers like one that is not there."""
    if model is None:
        raise ModelUnknown(
            f"There is no model {call.path_rest[:100]!r} here for this key.", param="model"
        )
    if _is_anthropic(call):
        return openai_models.anthropic_one(model)
    return openai_models.openai_one(model)


def _page(call: Call, models: list[Model]) -> bytes:
    query = {name: values[-1] for name, values in parse_qs(call.query.decode("latin-1")).items()}
    after, limit = query.get("after_id") or query.get("after"), _limit(query.get("limit"))
    names = [model.name for model in models]
    start = names.index(after) + 1 if after in names else 0
    page = models[start : start + limit]
    if _is_anthropic(call):
        return openai_models.anthropic_list(page, has_more=start + limit < len(models))
    return openai_models.openai_list(page)


def _limit(given: str | None) -> int:
    if given is None:
        return LONGEST_PAGE
    if not given.isascii() or not given.isdigit() or not 1 <= int(given[:6]) <= LONGEST_PAGE:
        raise FieldInvalid(
            f"`limit` must be a whole number from 1 to {LONGEST_PAGE}.", param="limit"
        )
    return int(given)


def _is_anthropic(call: Call) -> bool:
    return call.header(b"anthropic-version") is not None
