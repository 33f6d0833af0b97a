"""otari's SDK: an administrator makes a user and a key, the key spends and is refused, and the usage is read."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from otari import OtariClient
from otari._client import (
    CreateBudgetRequest,
    CreateKeyRequest,
    CreateUserRequest,
    ExternalEventsRequest,
    ExternalUsageEvent,
    Model,
    SetPricingRequest,
    UpdateBudgetRequest,
    UpdateKeyRequest,
    UpdateUserRequest,
    UsageSetPriceRequest,
)
from otari.errors import OtariError
from told import Door, play

ASKED = [{"role": "user", "content": "hello"}]


def journey(door: Door) -> dict[str, Any]:
    """`key` is an administrator's token, `model` has no price yet."""
    admin = OtariClient(door.origin, api_key="unused", admin_key=door.key).control_plane
    target = "shop:real-model"
    told: dict[str, Any] = {}

    price = admin.pricing.set(
        SetPricingRequest(
            model_key=target, input_price_per_million=1.25, output_price_per_million=10
        )
    )
    told["price"] = [price.input_price_per_million, price.output_price_per_million]
    told["history"] = len(admin.pricing.get_history(target))
    budget = admin.budgets.create(
        CreateBudgetRequest(name="small", max_budget=5.0, reset_alignment="calendar_month")
    )
    user = admin.users.create(
        CreateUserRequest(user_id="anna", alias="Anna", budget_id=budget.budget_id)
    )
    told["user"] = [user.user_id, user.alias, user.spend, bool(user.next_budget_reset_at)]
    made = admin.keys.create(
        CreateKeyRequest(
            key_name="web", user_id="anna", allowed_models=[door.model], metadata={"team": "web"}
        )
    )
    listed = {key.id: key for key in admin.keys.list()}
    told["key"] = [listed[made.id].key_name, listed[made.id].metadata, made.key_prefix]
    told["shown_once"] = made.key.startswith(made.key_prefix)

    caller = OtariClient(door.origin, api_key=made.key)
    told["models"] = [model.id for model in caller.list_models()]
    said = caller.completion(model=door.model, messages=ASKED, max_tokens=10)
    told["whole"] = said.choices[0].message.content
    chunks = caller.completion(model=door.model, messages=ASKED, max_tokens=10, stream=True)
    told["stream"] = "".join(
        chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices
    )

    admin.budgets.update(budget.budget_id, UpdateBudgetRequest(max_budget=0.0))
    told["over_budget"] = refused(lambda: caller.completion(model=door.model, messages=ASKED))
    admin.budgets.update(budget.budget_id, UpdateBudgetRequest(max_budget=5.0))
    told["other_model"] = refused(lambda: caller.completion(model="chat", messages=ASKED))
    admin.keys.update(made.id, UpdateKeyRequest(is_active=False))
    told["switched_off"] = refused(lambda: caller.completion(model=door.model, messages=ASKED))
    fresh = admin.keys.raw.keys_rotate_key(made.id)
    admin.keys.update(made.id, UpdateKeyRequest(is_active=True))
    told["rotated"] = fresh.id == made.id and fresh.key != made.key
    admin.users.update("anna", UpdateUserRequest(blocked=True))
    told["blocked"] = admin.users.get("anna").blocked

    told["no_admin"] = refused(
        lambda: OtariClient(door.origin, api_key="x", admin_key=fresh.key).control_plane.keys.list()
    )
    told["unknown"] = refused(lambda: admin.users.get("nobody"))
    told["unfit"] = refused(lambda: admin.pricing.get("nothing:here"))
    told["usage"] = [
        [row.model, row.provider, row.status, row.prompt_tokens, row.completion_tokens, row.cost]
        for row in until_some(lambda: admin.usage.list(user_id="anna"), 2)
    ]
    told["spend"] = admin.users.get("anna").spend
    told["total"] = admin.budgets.get(budget.budget_id).total_spend
    told["of_user"] = len(admin.users.get_usage("anna"))
    told["outside"] = outside(admin)
    admin.keys.delete(made.id)
    told["deleted"] = refused(lambda: admin.keys.get(made.id))
    return told


def outside(admin: Any) -> list[Any]:
    """Told twice, it counts once; then all calls of that model are priced anew."""
    event = ExternalUsageEvent(
        source_event_id="e-1",
        timestamp=datetime.now(UTC),
        provider="shop",
        model="real-model",
        input_tokens=1_000_000,
    )
    batch = ExternalEventsRequest(source="collector", user_id="anna", events=[event])
    told = [admin.usage.raw.usage_ingest_external_usage(batch) for _ in range(2)]
    rates = UsageSetPriceRequest(
        by_filter=True,
        provider="shop",
        model=Model("real-model"),
        input_price_per_million=2.5,
        output_price_per_million=10,
    )
    found = admin.usage.raw.usage_set_usage_price_rows(rates)
    rows = [row.cost for row in admin.usage.list(user_id="anna") if row.source == "collector"]
    return [[it.accepted, it.duplicate] for it in told] + [[found.matched, found.updated], rows]


def refused(ask: Any) -> list[Any]:
    """How the SDK shows it."""
    try:
        ask()
    except OtariError as error:
        return [type(error).__name__, error.status_code, error.message]
    return ["nothing", 0, ""]


def until_some(read: Any, count: int) -> Any:
    """A settlement is not waited for by its answer."""
    for _ in range(1000):
        rows = read()
        if len(rows) >= count:
            break
    return rows


play({"journey": journey})
