"""What this key may call: the same rule that lets it call."""

from __future__ import annotations

from urllib.parse import parse_qs

from tollhouse.dialects import openai_models
from tollhouse.domain import access
from tollhouse.domain.errors import FieldInvalid, ModelUnknown
from tollhouse.domain.identity import Principal
from tollhouse.domain.snapshot import Model, Snapshot
from tollhouse.pipeline.call import Call
from tollhouse.pipeline.house import House
from tollhouse.pipeline.identify import identify
from tollhouse.pipeline.record import recorded
from tollhouse.pipeline.within import within

LONGEST_PAGE = 1000


async def list_models(call: Call, house: House) -> None:
    with recorded(call, house) as record, within(call.route.deadline_s):
        caller = record.caller = identify(record, house)
        callable_models = _callable(house.snapshot, caller)
        body = _one(call, callable_models) if call.path_rest else _page(call, callable_models)
        headers = ((b"content-type", b"application/json"), (b"content-length", b"%d" % len(body)))
        await call.reply.start(200, headers)
        await call.reply.end(body)


def _callable(snapshot: Snapshot, caller: Principal) -> list[Model]:
    models = snapshot.models.values()
    return [model for model in models if access.is_granted(model.name, caller.models)]


def _one(call: Call, models: list[Model]) -> bytes:
    """A model that may not be called answers like one that is not there."""
    for model in models:
        if model.name == call.path_rest:
            return (
                openai_models.anthropic_one(model)
                if _is_anthropic(call)
                else openai_models.openai_one(model)
            )
    raise ModelUnknown(
        f"There is no model {call.path_rest[:100]!r} here for this key.", param="model"
    )


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
