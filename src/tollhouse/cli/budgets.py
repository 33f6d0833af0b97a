"""`tollhouse budgets`"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from tollhouse.cli.house import Json, run
from tollhouse.cli.printing import money, print_json, table
from tollhouse.domain.budget import dollars

if TYPE_CHECKING:
    from tollhouse.control.budgets import Grant
    from tollhouse.domain.budget import Account
    from tollhouse.storage.budgets import Difference

app = typer.Typer(help="What may be spent: a call needs room on its tenant, project, user and key.")


@app.command("set")
def set_(
    context: typer.Context,
    owner: Annotated[str, typer.Argument(help="tenant:ID, project:ID, user:ID or key:ID.")],
    limit: Annotated[str | None, typer.Option(help="Dollars in all, such as 10 or 0.50.")] = None,
    unlimited: Annotated[bool, typer.Option("--unlimited", help="No limit.")] = False,
    none: Annotated[bool, typer.Option("--none", help="No budget of its own.")] = False,
    as_json: Json = False,
) -> None:
    """Set what an owner may spend in all. What was spent stays spent.

    Example: tollhouse budgets set tenant:acme --limit 100
    """
    from tollhouse.control import budgets

    budget = _wanted(limit, unlimited=unlimited, none=none)
    account = run(context, lambda house: budgets.grant(house.store, owner, budget))
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

    accounts = run(context, lambda house: budgets.listed(house.store))
    if as_json:
        print_json([_json(account) for account in accounts])
    else:
        _print_accounts(accounts)


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
    from tollhouse.control import amounts, budgets

    if [limit is not None, unlimited, none].count(True) != 1:
        raise typer.BadParameter("say one of --limit DOLLARS, --unlimited, --none")
    if limit is not None:
        return budgets.Grant(is_granted=True, limit=amounts.nanos(limit, "limit"))
    return budgets.UNLIMITED if unlimited else budgets.NOTHING


def _json(account: Account) -> dict[str, Any]:
    from tollhouse.control import budgets

    return {
        "owner": account.owner,
        "has_budget": account.has_budget,
        **money("limit", account.limit),
        **money("spent", account.spent),
        **money("held", account.held),
        **money("left", budgets.left(account)),
    }


def _print_accounts(accounts: list[Account]) -> None:
    table(
        ("owner", ">limit", ">spent", ">held", ">left"),
        (_cells(account) for account in accounts),
        empty="no accounts",
    )


def _cells(account: Account) -> tuple[str, ...]:
    from tollhouse.control import budgets

    left = budgets.left(account)
    amounts = (dollars(account.spent), dollars(account.held))
    return account.owner, _limit(account), *amounts, "-" if left is None else dollars(left)


def _limit(account: Account) -> str:
    if not account.has_budget:
        return "none"
    return "unlimited" if account.limit is None else dollars(account.limit)


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
