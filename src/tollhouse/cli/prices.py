"""`tollhouse prices`"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tollhouse.cli import price_updates
from tollhouse.cli.house import House, Json, run
from tollhouse.cli.printing import note, print_json, table
from tollhouse.cli.times import iso, moment_ms, shown

if TYPE_CHECKING:
    from tollhouse.control.prices import Rates, Seeded
    from tollhouse.storage.prices import NewPrice, PriceRow

app = typer.Typer(help="What targets cost, in dollars per million tokens or per unit.")
app.command("update")(price_updates.update)
app.command("diff")(price_updates.diff)
app.command("approve")(price_updates.approve)
app.command("reject")(price_updates.reject)
app.command("recompute")(price_updates.recompute)

Target = Annotated[
    str, typer.Argument(help="provider:model, or kind:model for every provider of a kind.")
]
Rate = Annotated[str | None, typer.Option(help="Dollars per million tokens, such as 0.15.")]

Unit = Annotated[str | None, typer.Option(help="Dollars a unit, such as 0.04.")]
"""For what is not billed by the token."""


@app.command("set")
def set_(
    context: typer.Context,
    target: Target,
    rate_in: Annotated[str | None, typer.Option("--input", help="Tokens in.")] = None,
    rate_out: Annotated[str | None, typer.Option("--output", help="Tokens out.")] = None,
    cache_read: Rate = None,
    cache_write: Rate = None,
    per_call: Unit = None,
    per_image: Unit = None,
    per_second: Unit = None,
    per_character: Unit = None,
    free: Annotated[bool, typer.Option("--free", help="It costs nothing.")] = False,
    kind: Annotated[
        list[str] | None,
        typer.Option(help="Tokens of a kind, such as audio_input=40, reasoning=3 or long_write=6."),
    ] = None,
    above: Annotated[
        list[str] | None,
        typer.Option(help="What longer prompts cost, such as 200000:input=5,output=22.5."),
    ] = None,
    tenant: Annotated[str, typer.Option(help="Only for this tenant.")] = "",
    effective_at: Annotated[
        str | None, typer.Option(help="From when it holds, as an ISO date or time; else from now.")
    ] = None,
    effective_to: Annotated[
        str | None, typer.Option(help="From when it does not hold any more; else it stays.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Set a price. It is a new row: calls that are settled keep the price they had.

    Example: tollhouse prices set gemini:gemini-2.5-pro --input 1.25 --output 10 --above 200000:input=2.5,output=15
    """
    from tollhouse.cli.acts import operator
    from tollhouse.control import prices

    units = {
        "per_call": per_call,
        "per_image": per_image,
        "per_second": per_second,
        "per_character": per_character,
    }
    finer = {"kinds": _pairs(kind or ()), "tiers": [_tier(each) for each in above or ()]}
    rates = _rates(rate_in, rate_out, cache_read, cache_write, units, finer, free=free)
    moment = None if effective_at is None else moment_ms(effective_at)
    until = None if effective_to is None else moment_ms(effective_to)
    whose = prices.Whose(tenant, until, operator().name)
    price = run(
        context,
        lambda house: prices.set_price(house.store, target, rates, moment, house.now_ms, whose),
    )
    if as_json:
        print_json(_json(price))
    else:
        _print_prices([price])


@app.command("list")
def list_(context: typer.Context, as_json: Json = False) -> None:
    """List the prices in force.

    Example: tollhouse prices list
    """
    from tollhouse.control import prices

    rows = run(context, lambda house: prices.in_force(house.store, house.now_ms))
    _show(rows, as_json=as_json)


@app.command()
def show(context: typer.Context, target: Target, as_json: Json = False) -> None:
    """Show every price a target ever had, the newest first.

    Example: tollhouse prices show openai:gpt-4.1
    """
    from tollhouse.control import prices

    rows = run(context, lambda house: prices.history(house.store, target))
    _show(rows, as_json=as_json)


@app.command()
def seed(context: typer.Context, as_json: Json = False) -> None:
    """Add the price book that ships with this version. What an operator priced is left alone.

    Example: tollhouse prices seed
    """
    from tollhouse.control import prices
    from tollhouse.data import seed_prices

    book = seed_prices()

    async def work(house: House) -> Seeded:
        return await prices.seed(house.store, book.listings, house.now_ms)

    seeded = run(context, work)
    if as_json:
        added = [_json(price) for price in seeded.added]
        print_json({"version": book.version, "added": added, "kept": list(seeded.kept)})
        return
    _print_prices(seeded.added)
    note(f"price book {book.version}: {len(seeded.added)} added, {len(seeded.kept)} left alone")


def _rates(
    rate_in: str | None,
    rate_out: str | None,
    cache_read: str | None,
    cache_write: str | None,
    units: dict[str, str | None],
    finer: dict[str, Any],
    *,
    free: bool,
) -> Rates:
    from tollhouse.control import prices

    if free:
        if any((rate_in, rate_out, cache_read, cache_write, *units.values(), *finer.values())):
            raise typer.BadParameter("--free stands alone")
        return prices.FREE
    if not any(units.values()) and (rate_in is None or rate_out is None):
        raise typer.BadParameter("say --input and --output, a rate per unit, or --free")
    cached = {"cache_read": cache_read, "cache_write": cache_write}
    given: dict[str, Any] = {**cached, **units, **finer}
    return prices.Rates(rate_in or "0", rate_out or "0", **given)


def _pairs(given: Iterable[str]) -> dict[str, str]:
    """Of `name=rate`."""
    pairs = [each.partition("=") for each in given]
    if any(not rate for _, _, rate in pairs):
        raise typer.BadParameter("say it as NAME=RATE, such as audio_input=40")
    return {name: rate for name, _, rate in pairs}


def _tier(given: str) -> dict[str, object]:
    """Of `200000:input=5,output=22.5`."""
    above, _, rates = given.partition(":")
    if not above.isascii() or not above.isdigit() or not rates:
        raise typer.BadParameter("say it as TOKENS:NAME=RATE,…, such as 200000:input=5,output=22.5")
    return {"above": int(above), **_pairs(rates.split(","))}


def _show(rows: list[PriceRow], *, as_json: bool) -> None:
    if as_json:
        print_json([{"id": row.id, **_json(row), "set_at": iso(row.created_at_ms)} for row in rows])
    else:
        _print_prices(rows)


def _json(price: NewPrice) -> dict[str, Any]:
    return {
        "target": price.model,
        "tenant": price.tenant or None,
        **_rate("input", price.input),
        **_rate("output", price.output),
        **_rate("cache_read", price.cache_read),
        **_rate("cache_write", price.cache_write),
        "kinds": _by_million(price.kinds),
        "tiers": [{"above": tier.above, **_by_million(tier.rates)} for tier in price.tiers],
        **_units(price),
        "effective_at": iso(price.effective_at_ms),
        "effective_to": iso(price.effective_to_ms),
        "source": price.source,
        "set_by": price.set_by or None,
    }


def _rate(name: str, picos: int) -> dict[str, Any]:
    """A rate is finer than a nano-dollar: whole pico-dollars per token."""
    return {f"{name}_picos_per_token": picos, f"{name}_dollars_per_million": _dollars(picos)}


def _units(price: NewPrice) -> dict[str, Any]:
    from tollhouse.domain.pricebook import UNITS, dollars_per_unit

    picos = {name: getattr(price, name) for name in UNITS}
    return {
        **{f"{name}_picos": rate for name, rate in picos.items()},
        **{f"{name}_dollars": dollars_per_unit(rate) for name, rate in picos.items()},
    }


def _print_prices(prices: Iterable[NewPrice]) -> None:
    table(
        ("target", ">input", ">output", ">cache read", ">cache write", "beside", "from", "source"),
        (_cells(price) for price in prices),
        empty="no prices",
    )


def _cells(price: NewPrice) -> tuple[str, ...]:
    rates = (price.input, price.output, price.cache_read, price.cache_write)
    name = f"{price.model} for {price.tenant}" if price.tenant else price.model
    beside = filter(None, (_per_unit(price), *_finer(price)))
    since = shown(price.effective_at_ms)
    span = since if price.effective_to_ms is None else f"{since} to {iso(price.effective_to_ms)}"
    return name, *map(_dollars, rates), "; ".join(beside), span, price.source


def _finer(price: NewPrice) -> Iterator[str]:
    """As `audio_input 40` and `above 200000: input 5, output 22.5`; nothing for most."""
    for name, rate in _by_million(price.kinds).items():
        yield f"{name} {rate}"
    for tier in price.tiers:
        rates = (f"{name} {rate}" for name, rate in _by_million(tier.rates).items())
        yield f"above {tier.above}: {', '.join(rates)}"


def _by_million(rates: Iterable[tuple[str, int]]) -> dict[str, str]:
    return {name: _dollars(picos) for name, picos in rates}


def _per_unit(price: NewPrice) -> str:
    """As `0.04 per image`; nothing for most."""
    from tollhouse.domain.pricebook import UNITS, dollars_per_unit

    said = (
        f"{dollars_per_unit(rate)} {name.replace('_', ' ')}"
        for name in UNITS
        if (rate := getattr(price, name))
    )
    return ", ".join(said)


def _dollars(picos: int) -> str:
    from tollhouse.domain.pricebook import dollars_per_million

    return dollars_per_million(picos)
