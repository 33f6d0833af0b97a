"""What each tenant is charged, in the columns of FOCUS 1.2, the FinOps Foundation's form of a bill.

A row is a day of a project's, user's and key's use of one target. Nothing is granted or discounted here, so all
four costs are what the ledger settled, and their sum is its sum. Columns that begin with `x_` are our own.
"""

from __future__ import annotations

import json
from calendar import monthrange
from datetime import UTC, datetime, timedelta

from tollhouse.control.reports import added_up
from tollhouse.domain.reports import By, Scope, Sums
from tollhouse.domain.sheets import Cell, Column, Kind
from tollhouse.ports import Database
from tollhouse.storage.days import DAY_MS
from tollhouse.storage.reports import Group

UNKNOWN = "unknown:unknown"
"""The target of what an operator charged though nobody saw where it went."""

TOLD = (By.TENANT, By.PROJECT, By.USER, By.KEY, By.MODEL, By.TARGET)

_COSTS = ("BilledCost", "ContractedCost", "EffectiveCost", "ListCost")
_MOMENTS = ("BillingPeriodStart", "BillingPeriodEnd", "ChargePeriodStart", "ChargePeriodEnd")
_COUNTS = ("PricingQuantity", "ConsumedQuantity")
_OWN_NAMES = {
    "calls": "x_Calls",
    "input": "x_InputTokens",
    "output": "x_OutputTokens",
    "cache_read": "x_CacheReadTokens",
    "cache_write": "x_CacheWriteTokens",
    "images": "x_Images",
    "seconds": "x_Seconds",
    "characters": "x_Characters",
}
NAMES = (
    *("BilledCost", "BillingAccountId", "BillingAccountName", "BillingCurrency"),
    *(
        "BillingPeriodEnd",
        "BillingPeriodStart",
        "ChargeCategory",
        "ChargeClass",
        "ChargeDescription",
    ),
    *(
        "ChargeFrequency",
        "ChargePeriodEnd",
        "ChargePeriodStart",
        "ConsumedQuantity",
        "ConsumedUnit",
    ),
    *("ContractedCost", "EffectiveCost", "InvoiceIssuerName", "ListCost", "PricingCategory"),
    *(
        "PricingQuantity",
        "PricingUnit",
        "ProviderName",
        "PublisherName",
        "ResourceId",
        "ResourceName",
    ),
    *(
        "ResourceType",
        "ServiceCategory",
        "ServiceName",
        "ServiceSubcategory",
        "SkuId",
        "SubAccountId",
    ),
    *("SubAccountName", "Tags", *_OWN_NAMES.values()),
)


def _kind(name: str) -> Kind:
    if name in _COSTS:
        return Kind.MONEY
    if name in _MOMENTS:
        return Kind.MOMENT
    return Kind.COUNT if name in _COUNTS or name.startswith("x_") else Kind.TEXT


COLUMNS = tuple(Column(name, _kind(name)) for name in NAMES)


async def chargeback(database: Database, scope: Scope, issuer: str) -> list[tuple[Cell, ...]]:
    """By days in UTC. What is still open is not charged yet; what was free has a row and costs nothing."""
    groups = await added_up(database, TOLD, DAY_MS, scope)
    charged = [group for group in groups if group.labels[By.TARGET] or group.sums.owed]
    charged.sort(key=lambda group: (group.began_ms, *group.labels.values()))
    return [_row(group, issuer) for group in charged]


def _row(group: Group, issuer: str) -> tuple[Cell, ...]:
    labels, sums = group.labels, group.sums
    target = labels[By.TARGET] or UNKNOWN
    provider, _, model = target.partition(":")
    start, end = _month(group.began_ms)
    quantity, unit = _quantity(sums)
    cells: dict[str, Cell] = {
        **dict.fromkeys(_COSTS, sums.owed),
        "BillingAccountId": labels[By.TENANT],
        "BillingAccountName": labels[By.TENANT],
        "BillingCurrency": "USD",
        "BillingPeriodStart": start,
        "BillingPeriodEnd": end,
        "ChargeCategory": "Usage",
        "ChargeClass": None,
        "ChargeDescription": f"{sums.calls} calls of {labels[By.MODEL]}, answered by {target}",
        "ChargeFrequency": "Usage-Based",
        "ChargePeriodStart": group.began_ms,
        "ChargePeriodEnd": group.began_ms + DAY_MS,
        "ConsumedQuantity": quantity,
        "ConsumedUnit": unit,
        "InvoiceIssuerName": issuer,
        "PricingCategory": "Standard",
        "PricingQuantity": quantity,
        "PricingUnit": unit,
        "ProviderName": provider,
        "PublisherName": provider,
        "ResourceId": labels[By.MODEL],
        "ResourceName": labels[By.MODEL],
        "ResourceType": "Model",
        "ServiceCategory": "AI and Machine Learning",
        "ServiceName": model,
        "ServiceSubcategory": "Generative AI",
        "SkuId": target,
        "SubAccountId": labels[By.PROJECT],
        "SubAccountName": labels[By.PROJECT],
        "Tags": json.dumps({"key": labels[By.KEY], "user": labels[By.USER]}),
        **{name: getattr(sums, own) for own, name in _OWN_NAMES.items()},
    }
    return tuple(cells[name] for name in NAMES)


def _quantity(sums: Sums) -> tuple[int, str]:
    """What there is most of a kind: tokens, or what is not billed by them."""
    tokens = sums.input + sums.output + sums.cache_read + sums.cache_write
    kinds = (
        (tokens, "Tokens"),
        (sums.images, "Images"),
        (sums.seconds, "Seconds"),
        (sums.characters, "Characters"),
    )
    return next(((count, unit) for count, unit in kinds if count), (sums.calls, "Requests"))


def _month(at_ms: int) -> tuple[int, int]:
    day = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at_ms)
    start = at_ms - (day.day - 1) * DAY_MS
    return start, start + monthrange(day.year, day.month)[1] * DAY_MS
