"""What a caller gets to keep of a call: what was used and what it cost, as it was settled."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from tollhouse.domain.budget import Hold, Settlement


@dataclass(frozen=True, slots=True)
class Receipt:
    """Of one settled call. `price` is the row of the price book, `owed` are nano-dollars, times milliseconds."""

    call: str
    request: str
    tenant: str
    project: str
    user: str
    key: str
    route: str
    model: str
    target: str | None
    outcome: str
    source: str
    input: int
    output: int
    cache_read: int
    cache_write: int
    images: int
    seconds: int
    characters: int
    owed: int
    price: int | None
    began_at: int
    settled_at: int

    def claims(self) -> dict[str, Any]:
        return asdict(self)


def of(hold: Hold, settlement: Settlement) -> Receipt:
    usage = settlement.usage
    return Receipt(
        call=hold.call,
        request=hold.request_id,
        tenant=hold.tenant,
        project=hold.project,
        user=hold.user,
        key=hold.key,
        route=hold.route,
        model=hold.model,
        target=settlement.target,
        outcome=settlement.outcome.value,
        source=settlement.source.value,
        input=usage.input,
        output=usage.output,
        cache_read=usage.cache_read,
        cache_write=usage.cache_write,
        images=usage.images,
        seconds=usage.seconds,
        characters=usage.characters,
        owed=settlement.owed,
        price=settlement.price,
        began_at=hold.created_at_ms,
        settled_at=settlement.settled_at_ms,
    )
