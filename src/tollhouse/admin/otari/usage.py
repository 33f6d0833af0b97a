"""`/usage`: calls, told as otari tells them. Its prompt tokens are all that went in, cached ones too."""

from __future__ import annotations

from collections.abc import Iterator

from tollhouse.admin.asking import Answer, Asking
from tollhouse.admin.otari.desk import (
    PAGES,
    Told,
    dollars,
    moment_ms,
    name_of,
    tenant,
    told_moment,
    user_of,
    window,
)
from tollhouse.admin.resource import Resource
from tollhouse.control import keys, tenancy, usage
from tollhouse.domain.budget import Outcome
from tollhouse.domain.outside import ROUTE
from tollhouse.domain.pricing import Kinds
from tollhouse.domain.reports import EVER_MS
from tollhouse.storage.calls import Call, Filter
from tollhouse.storage.tenancy import Kind

WANTED = ("start_date", "end_date", "user_id", "api_key_id", "model")
ENDPOINTS = {
    "chat": "/v1/chat/completions",
    "responses": "/v1/responses",
    "completions": "/v1/completions",
    "messages": "/v1/messages",
    "embeddings": "/v1/embeddings",
    "moderations": "/v1/moderations",
    "rerank": "/v1/rerank",
    "images": "/v1/images/generations",
    "speech": "/v1/audio/speech",
    "transcriptions": "/v1/audio/transcriptions",
    "translations": "/v1/audio/translations",
    "batch_create": "/v1/batches",
    ROUTE: "external",
}
BRIEF = (
    *("id", "user_id", "api_key_id", "timestamp", "model", "provider", "endpoint"),
    *("prompt_tokens", "completion_tokens", "total_tokens", "cost", "status", "error_message"),
    "latency_ms",
)
"""What is told of a call under its user."""


def rows() -> Iterator[Resource]:
    yield Resource(
        name="otari_usage_list",
        method="GET",
        path="/usage",
        serve=_listed,
        summary="Settled calls, the newest first.",
        operations=("usage.list",),
        query=(*WANTED, *PAGES),
    )
    yield Resource(
        name="otari_usage_count",
        method="GET",
        path="/usage/count",
        serve=_count,
        summary="How many there are.",
        operations=("usage.list",),
        query=WANTED,
    )


async def of_user(asking: Asking) -> Answer:
    user = user_of(asking, asking.id)
    await asking.judge("usage.list", f"user:{user}")
    wanted = Filter(tenant=tenant(asking), user=user, state="settled")
    told = await _page(asking, wanted)
    return Answer([{name: line[name] for name in BRIEF} for line in told])


async def _listed(asking: Asking) -> Answer:
    return Answer(await _page(asking, await _wanted(asking)))


async def _count(asking: Asking) -> Answer:
    return Answer({"total": await usage.count(asking.store, await _wanted(asking))})


async def _wanted(asking: Asking) -> Filter:
    asked = asking.query
    user = user_of(asking, asked["user_id"]) if "user_id" in asked else ""
    await asking.judge("usage.list", f"user:{user}" if user else f"tenant:{tenant(asking)}")
    return Filter(
        tenant=tenant(asking),
        key=asked.get("api_key_id", ""),
        model=asked.get("model", ""),
        state="settled",
        since_ms=moment_ms(asked["start_date"], "start_date") if "start_date" in asked else 0,
        user=user,
        until_ms=moment_ms(asked["end_date"], "end_date") if "end_date" in asked else EVER_MS,
    )


async def _page(asking: Asking, wanted: Filter) -> list[Told]:
    skip, limit = window(asking)
    found = await usage.listed(asking.store, wanted, limit, skip=skip)
    names = {row.id: row.name for row in await keys.listed(asking.store, tenant(asking))}
    people = await tenancy.members(asking.store, Kind.USER, tenant(asking))
    aliases = {row.id: row.alias for row in people}
    return [_told(call, names.get(call.key), aliases.get(call.user)) for call in found]


def _told(call: Call, key_name: str | None, alias: str | None) -> Told:
    used, is_whole = call.usage, call.outcome == Outcome.COMPLETED
    is_outside = call.route == ROUTE
    settled_at_ms = call.settled_at_ms or call.created_at_ms
    return {
        "id": call.id,
        "api_key_id": None if key_name is None and is_outside else call.key,
        "api_key_name": key_name,
        "user_id": name_of(call.user),
        "user_alias": alias,
        "timestamp": told_moment(call.created_at_ms),
        "model": call.target.partition(":")[2] if call.target else call.model,
        "provider": call.target.partition(":")[0] if call.target else None,
        "endpoint": ENDPOINTS.get(call.route, call.route),
        "prompt_tokens": used.total_input,
        "completion_tokens": used.output,
        "total_tokens": used.total,
        "cache_read_tokens": used.cache_read,
        "cache_write_tokens": used.cache_write,
        "cache_write_1h_tokens": (used.kinds or Kinds()).long_write,
        "cost": dollars(call.owed or 0),
        "status": "success" if is_whole else "error",
        "status_code": None,
        "error_message": None if is_whole else call.outcome,
        "latency_ms": None if is_outside else settled_at_ms - call.created_at_ms,
        "billing_meters": None,
        "pricing_breakdown": None,
        "bulk_editable": False,
        "counts_toward_budget": not call.is_exempt,
        "source": call.request_id.partition(":")[0] if is_outside else "gateway",
        "source_label": None,
        "policy_name": None if is_outside else call.model,
        "selection_reason": None,
        "attempt_position": None,
        "attempt_count": None,
        "request_group_id": None,
    }
