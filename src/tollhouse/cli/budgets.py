"""`tollhouse budgets`"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tollhouse.cli.house import Json, run
from tollhouse.cli.printing import money, print_json, table
from tollhouse.cli.times import iso, shown
from tollhouse.domain.budget import dollars

if TYPE_CHECKING:
    from tollhouse.cli.house import House
    from tollhouse.config import Settings
    from tollhouse.control.budgets import Grant, Scope, Start
    from tollhouse.domain.budget import Account, Roll
    from tollhouse.storage.alerts import Alert
    from tollhouse.storage.budgets import Difference

NEVER = "never"

app = typer.Typer(help="What may be spent: a call needs room on its tenant, project, user and key.")


@app.command("set")
def set_(
    context: typer.Context,
    owner: Annotated[
        str, typer.Argument(help="tenant:ID, project:ID, user:ID, key:ID or issuer:NAME.")
    ],
    limit: Annotated[str | None, typer.Option(help="Dollars in all, such as 10 or 0.50.")] = None,
    unlimited: Annotated[bool, typer.Option("--unlimited", help="No limit.")] = False,
    none: Annotated[bool, typer.Option("--none", help="No budget of its own.")] = False,
    every: Annotated[
        str | None,
        typer.Option(
            help="Anew each day, week or month, or after a span such as 30d; `never` ends that."
        ),
    ] = None,
    zone: Annotated[str, typer.Option(help="Whose midnights count, as Europe/Berlin.")] = "UTC",
    provider: Annotated[str, typer.Option(help="For the answers of this provider alone.")] = "",
    model: Annotated[
        str, typer.Option(help="For those of this model, or PROVIDER:MODEL, alone.")
    ] = "",
    alert_at: Annotated[
        str | None, typer.Option(help="Tell at these percents of the limit, as 50,80,100; or none.")
    ] = None,
    soft: Annotated[
        bool, typer.Option("--soft", help="The limit tells, and refuses nothing.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Set what an owner may spend, in all or in each period. What was spent stays spent.

    Example: tollhouse budgets set tenant:acme --limit 100 --every month --zone Europe/Berlin
    """
    from tollhouse.control import alerting, budgets

    budget = replace(_wanted(limit, unlimited=unlimited, none=none), is_soft=soft)

    async def work(house: House) -> Account:
        parts = None if alert_at is None else alerting.percents(alert_at)
        start, named = _start(every, zone, house.now_ms), owner
        if provider or model:
            scope = budgets.Scope(provider, model)
            _check_scope(scope, house.settings)
            named = await budgets.narrow(house.store, owner, scope)
        return await budgets.grant(house.store, named, budget, start, parts)

    account = run(context, work)
    if as_json:
        print_json(_json(account))
    else:
        _print_accounts([account])


@app.command("list")
def list_(context: typer.Context, as_json: Json = False) -> None:
    """List all accounts: limit, spent, held by calls under way, and left.

    Example: tollhouse budgets list --json
    """
    from tollhouse.control import budgets

    accounts = run(context, lambda house: budgets.listed(house.store, house.now_ms))
    if as_json:
        print_json([_json(account) for account in accounts])
    else:
        _print_accounts(accounts)


@app.command()
def history(
    context: typer.Context,
    owner: Annotated[
        str, typer.Argument(help="tenant:ID, project:ID, user:ID, key:ID or issuer:NAME.")
    ],
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many at most.")] = 20,
    as_json: Json = False,
) -> None:
    """List the windows of a budget that are over, and what was spent in each; the last one first.

    Example: tollhouse budgets history tenant:acme
    """
    from tollhouse.control import budgets

    rolls = run(context, lambda house: budgets.rolls(house.store, owner, limit))
    if as_json:
        print_json([_roll(roll) for roll in rolls])
        return
    table(
        ("from", "until", ">spent", "begun anew"),
        (
            (shown(it.started_at), shown(it.ended_at), dollars(it.spent), shown(it.rolled_at))
            for it in rolls
        ),
        empty="no window is over",
    )


@app.command()
def alerts(
    context: typer.Context,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many at most.")] = 20,
    as_json: Json = False,
) -> None:
    """List which parts of limits were reached, of those that `--alert-at` asks for; the last one first.

    Example: tollhouse budgets alerts --json
    """
    from tollhouse.control import alerting

    found = run(context, lambda house: alerting.last(house.store, limit))
    if as_json:
        print_json([_alert(each) for each in found])
        return
    table(
        ("owner", ">percent", ">spent", ">limit", "reached", "told"),
        (
            (
                *(each.owner, str(each.percent), dollars(each.spent), dollars(each.limit)),
                *(shown(each.fired_at), "yes" if each.due_at is None else "not yet"),
            )
            for each in found
        ),
        empty="nothing was reached",
    )


@app.command()
def verify(context: typer.Context, as_json: Json = False) -> None:
    """Recompute every balance from the rows of its calls. Exit status 1 if any differs.

    Example: tollhouse budgets verify
    """
    from tollhouse.control import budgets

    differences = run(context, lambda house: budgets.verify(house.store))
    if as_json:
        print_json({"is_sound": not differences, "differences": [_gap(it) for it in differences]})
    elif differences:
        _print_differences(differences)
    else:
        print("every balance agrees with its calls")
    if differences:
        raise typer.Exit(1)


def _wanted(limit: str | None, *, unlimited: bool, none: bool) -> Grant:
    from tollhouse.control import budgets
    from tollhouse.domain import amounts

    if [limit is not None, unlimited, none].count(True) != 1:
        raise typer.BadParameter("say one of --limit DOLLARS, --unlimited, --none")
    if limit is not None:
        return budgets.Grant(is_granted=True, limit=amounts.nanos(limit, "limit"))
    return budgets.UNLIMITED if unlimited else budgets.NOTHING


def _check_scope(scope: Scope, settings: Settings) -> None:
    """A name that nothing here has would count nothing."""
    if scope.provider and scope.provider not in settings.providers:
        raise typer.BadParameter(f"the settings have no provider {scope.provider!r}")
    targets = [str(target) for model in settings.models.values() for target in model.targets]
    if scope.model and scope.model not in (*settings.models, *targets):
        raise typer.BadParameter(f"the settings have no model or target {scope.model!r}")


def _start(every: str | None, zone: str, now_ms: int) -> Start | None:
    from tollhouse.control.budgets import Start
    from tollhouse.domain import periods

    if every is None:
        return None
    return Start(None if every == NEVER else periods.period(every, zone), now_ms)


def _roll(roll: Roll) -> dict[str, Any]:
    return {
        "started_at": iso(roll.started_at),
        "ended_at": iso(roll.ended_at),
        "rolled_at": iso(roll.rolled_at),
        **money("spent", roll.spent),
    }


def _alert(alert: Alert) -> dict[str, Any]:
    return {
        "id": alert.id,
        "owner": alert.owner,
        "percent": alert.percent,
        **money("spent", alert.spent),
        **money("limit", alert.limit),
        "fired_at": iso(alert.fired_at),
        "is_told": alert.due_at is None,
    }


def _json(account: Account) -> dict[str, Any]:
    from tollhouse.control import budgets

    return {
        "owner": account.owner,
        "has_budget": account.has_budget,
        **money("limit", account.limit),
        **money("spent", account.spent),
        **money("held", account.held),
        **money("left", budgets.left(account)),
        "is_soft": account.is_soft,
        "every": account.period.word if account.period else None,
        "zone": account.period.zone if account.period else None,
        "started_at": iso(account.started_at) if account.period else None,
        "ends_at": iso(account.ends_at),
    }


def _print_accounts(accounts: list[Account]) -> None:
    table(
        ("owner", ">limit", ">spent", ">held", ">left", "anew"),
        (_cells(account) for account in accounts),
        empty="no accounts",
    )


def _cells(account: Account) -> tuple[str, ...]:
    from tollhouse.control import budgets

    left = budgets.left(account)
    amounts = (dollars(account.spent), dollars(account.held))
    return (
        account.owner,
        _limit(account),
        *amounts,
        "-" if left is None else dollars(left),
        shown(account.ends_at),
    )


def _limit(account: Account) -> str:
    if not account.has_budget:
        return "none"
    if account.limit is None:
        return "unlimited"
    return dollars(account.limit) + (" (soft)" if account.is_soft else "")


def _gap(difference: Difference) -> dict[str, Any]:
    return {
        "owner": difference.owner,
        **money("spent", difference.spent),
        **money("spent_by_calls", difference.spent_by_calls),
        **money("held", difference.held),
        **money("held_by_calls", difference.held_by_calls),
    }


def _print_differences(differences: list[Difference]) -> None:
    table(
        ("owner", ">spent", ">by its calls", ">held", ">by its calls"),
        (
            (it.owner, *map(dollars, (it.spent, it.spent_by_calls, it.held, it.held_by_calls)))
            for it in differences
        ),
        empty="",
    )
