"""`tollhouse usage`"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tollhouse.cli import anomalies, chargeback, outside, reconcile, reports, repricing
from tollhouse.cli.house import House, Json, run
from tollhouse.cli.printing import beside, money, note, print_json, table
from tollhouse.cli.times import age, iso, shown, since_ms
from tollhouse.domain.budget import dollars

if TYPE_CHECKING:
    from tollhouse.control.retention import Folded
    from tollhouse.control.usage import Whole
    from tollhouse.storage.calls import Call, Filter
    from tollhouse.storage.owners import Owner

app = typer.Typer(help="What was called, what it cost, and what is still open.")
app.command("anomalies")(anomalies.anomalies)
app.command("report")(reports.report)
app.command("reconcile")(reconcile.reconcile)
app.command("chargeback")(chargeback.chargeback)
app.command("import")(outside.import_)
app.command("reprice")(repricing.reprice)
app.command("corrections")(repricing.corrections)


class State(StrEnum):
    HELD = "held"
    UNKNOWN = "unknown"
    SETTLED = "settled"


Tenant = Annotated[str, typer.Option(help="Only of this tenant.")]
Key = Annotated[str, typer.Option(help="Only of this key, by its id.")]
Model = Annotated[str, typer.Option(help="Only for this model.")]
Since = Annotated[
    str | None, typer.Option(help="Only from then on: an ISO date or time, or a span such as 7d.")
]


@app.command("list")
def list_(
    context: typer.Context,
    tenant: Tenant = "",
    key: Key = "",
    model: Model = "",
    state: Annotated[State | None, typer.Option(help="Only in this state.")] = None,
    since: Since = None,
    limit: Annotated[int, typer.Option(help="How many at most.")] = 50,
    before: Annotated[str, typer.Option(help="Go on after this call: the last id shown.")] = "",
    as_json: Json = False,
) -> None:
    """List calls, the newest first.

    Example: tollhouse usage list --tenant acme --since 24h --json
    """
    from tollhouse.control import usage

    async def work(house: House) -> list[Call]:
        wanted = _filter(house, tenant, key, model, since, state)
        return await usage.listed(house.store, wanted, limit, before)

    calls = run(context, work)
    if as_json:
        print_json([_json(call) for call in calls])
        return
    table(
        (
            "call",
            "at",
            "key",
            "model",
            "state",
            "outcome",
            ">in",
            ">out",
            "beside",
            ">held",
            ">owed",
        ),
        (_cells(call) for call in calls),
        empty="no calls",
    )
    if len(calls) == limit:
        note(f"There may be more: --before {calls[-1].id}")


@app.command("open")
def open_(context: typer.Context, as_json: Json = False) -> None:
    """List holds that are under way, and those whose end nobody saw.

    Example: tollhouse usage open
    """
    from tollhouse.control import sweeping, usage

    async def work(house: House) -> tuple[list[Call], list[Owner], int]:
        calls = await usage.open_calls(house.store)
        return calls, await sweeping.living(house.store, house.now_ms), house.now_ms

    calls, living, now_ms = run(context, work)
    alive = {owner.id: owner for owner in living}
    if as_json:
        print_json([_open_json(call, alive.get(call.owner), now_ms) for call in calls])
        return
    table(
        ("call", "state", "age", "tenant", "key", "model", "held by", ">held"),
        (_open_cells(call, alive.get(call.owner), now_ms) for call in calls),
        empty="nothing is open",
    )


@app.command()
def resolve(
    context: typer.Context,
    call: Annotated[str, typer.Argument(help="The call's id.")],
    owed: Annotated[str | None, typer.Option(help="What it cost, in dollars.")] = None,
    release: Annotated[bool, typer.Option("--release", help="It cost nothing.")] = False,
    charge: Annotated[bool, typer.Option("--charge", help="It cost the whole hold.")] = False,
    as_json: Json = False,
) -> None:
    """Settle a call whose end nobody saw.

    Example: tollhouse usage resolve 01J8ZC --owed 0.0125
    """
    from tollhouse.control import usage

    wanted = _owed(owed, release=release, charge=charge)
    amount = run(
        context,
        lambda house: usage.resolve(house.store, house.store, call, wanted, house.now_ms),
    )
    if as_json:
        print_json({"id": call, "state": "settled", **money("owed", amount)})
    else:
        print(f"call {call} is settled at {dollars(amount)}")


@app.command()
def fold(context: typer.Context, as_json: Json = False) -> None:
    """Fold settled calls that are older than `[ledger] keep_days` into their days. Serving does it each hour.

    Example: tollhouse usage fold
    """
    from tollhouse.control import retention

    async def work(house: House) -> Folded | None:
        keep_days = house.settings.ledger.keep_days
        return await retention.fold(house.store, keep_days, house.now_ms) if keep_days else None

    folded = run(context, work)
    if as_json:
        before = iso(folded.before_ms) if folded else None
        print_json({"calls": folded.calls if folded else 0, "before": before})
    elif folded is None:
        print("every call keeps its row: [ledger] keep_days is 0")
    else:
        print(
            f"{folded.calls} calls from before {iso(folded.before_ms)} were folded into their days"
        )


def _filter(
    house: House,
    tenant: str,
    key: str,
    model: str,
    since: str | None,
    state: State | None = None,
) -> Filter:
    from tollhouse.storage.calls import Filter

    since_at = 0 if since is None else since_ms(since, house.now_ms)
    return Filter(tenant, key.removeprefix("thk_"), model, state.value if state else "", since_at)


def _owed(owed: str | None, *, release: bool, charge: bool) -> int | Whole:
    from tollhouse.control import usage
    from tollhouse.domain import amounts

    if [owed is not None, release, charge].count(True) != 1:
        raise typer.BadParameter("say one of --owed DOLLARS, --release, --charge")
    if owed is not None:
        return amounts.nanos(owed, "owed")
    return usage.Whole.RELEASE if release else usage.Whole.CHARGE


def _json(call: Call) -> dict[str, Any]:
    return {
        "id": call.id,
        "request_id": call.request_id,
        "tenant": call.tenant,
        "project": call.project,
        "user": call.user,
        "key": call.key,
        "route": call.route,
        "model": call.model,
        "state": call.state,
        "outcome": call.outcome,
        **money("held", call.held),
        **money("owed", call.owed),
        "input": call.input,
        "output": call.output,
        "cache_read": call.cache_read,
        "cache_write": call.cache_write,
        "images": call.images,
        "seconds": call.seconds,
        "characters": call.characters,
        "kinds": call.told_kinds,
        "source": call.source,
        "target": call.target,
        "price": call.price,
        "anomaly": call.anomaly,
        "created_at": iso(call.created_at_ms),
        "settled_at": iso(call.settled_at_ms),
    }


def _cells(call: Call) -> tuple[str, ...]:
    tokens = (_number(call.input), _number(call.output))
    owed = "-" if call.owed is None else dollars(call.owed)
    what = (call.key, call.model, call.state, call.outcome or "-")
    return (
        call.id,
        shown(call.created_at_ms),
        *what,
        *tokens,
        beside(call),
        dollars(call.held),
        owed,
    )


def _open_json(call: Call, owner: Owner | None, now_ms: int) -> dict[str, Any]:
    return {
        **_json(call),
        "age_s": (now_ms - call.created_at_ms) // 1000,
        "owner": call.owner,
        "owner_lives": owner is not None,
        "host": owner.host if owner else None,
        "pid": owner.pid if owner else None,
    }


def _open_cells(call: Call, owner: Owner | None, now_ms: int) -> tuple[str, ...]:
    holder = f"{owner.host}, pid {owner.pid}" if owner else f"{call.owner}, gone"
    what = (age(now_ms - call.created_at_ms), call.tenant, call.key, call.model)
    return call.id, call.state, *what, holder, dollars(call.held)


def _number(count: int | None) -> str:
    return "-" if count is None else str(count)
