"""What this key may call: the same rule that lets it call."""

from __future__ import annotations

from urllib.parse import parse_qs

from tollhouse.dialects import model_metadata, openai_models
from tollhouse.domain import naming
from tollhouse.domain.errors import ModelUnknown
from tollhouse.domain.identity import Principal
from tollhouse.domain.pricing import Price
from tollhouse.domain.snapshot import Model, Target
from tollhouse.pipeline.call import Call
from tollhouse.pipeline.house import House
from tollhouse.pipeline.identify import identify
from tollhouse.pipeline.limit import take_of_route
from tollhouse.pipeline.pages import number_within
from tollhouse.pipeline.record import recorded
from tollhouse.pipeline.within import within

LONGEST_PAGE = 1000


async def list_models(call: Call, house: House) -> None:
    with recorded(call, house) as record, within(call.route.deadline_s):
        caller = record.caller = await identify(record, house)
        await take_of_route(call, caller, house)
        if call.path_rest:
            body = _one(call, naming.callable_model(house.snapshot, caller, call.path_rest))
        else:
            page, has_more = _page(call, house, caller)
            body = (
                openai_models.anthropic_list(page, has_more=has_more)
                if _is_anthropic(call)
                else openai_models.openai_list(page)
            )
        await _send(call, body)


async def describe_models(call: Call, house: House) -> None:
    with recorded(call, house) as record, within(call.route.deadline_s):
        caller = record.caller = await identify(record, house)
        await take_of_route(call, caller, house)
        page, _ = _page(call, house, caller)
        snapshot, now_s = house.snapshot, house.now_s()

        def price_of(target: Target) -> Price | None:
            return snapshot.price(target, now_s, tenant=caller.tenant)

        await _send(call, model_metadata.described(page, price_of))


def _one(call: Call, model: Model | None) -> bytes:
    """A model that may not be called answers like one that is not there."""
    if model is None:
        raise ModelUnknown(
            f"There is no model {call.path_rest[:100]!r} here for this key.", param="model"
        )
    if _is_anthropic(call):
        return openai_models.anthropic_one(model)
    return openai_models.openai_one(model)


def _page(call: Call, house: House, caller: Principal) -> tuple[list[Model], bool]:
    """Some of what this key may call, and whether there is more."""
    query = {name: values[-1] for name, values in parse_qs(call.query.decode("latin-1")).items()}
    after, limit = query.get("after_id") or query.get("after"), _limit(query.get("limit"))
    models = naming.callable_models(house.snapshot, caller, house.now_s())
    if provider := query.get("provider"):
        models = [model for model in models if _is_answered_by(provider, model)]
    names = [model.name for model in models]
    start = names.index(after) + 1 if after in names else 0
    return models[start : start + limit], start + limit < len(models)


def _is_answered_by(provider: str, model: Model) -> bool:
    """By any of its targets. A provider that nobody knows answers for nothing."""
    return any(target.provider == provider for target in model.targets)


def _limit(given: str | None) -> int:
    return LONGEST_PAGE if given is None else number_within(given, LONGEST_PAGE)


def _is_anthropic(call: Call) -> bool:
    return call.header(b"anthropic-version") is not None


async def _send(call: Call, body: bytes) -> None:
    length = (b"content-length", b"%d" % len(body))
    await call.reply.start(200, ((b"content-type", b"application/json"), length))
    await call.reply.end(body)
