"""`tollhouse plans`"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from tollhouse.cli.house import House, Json, run
from tollhouse.cli.printing import money, print_json, table
from tollhouse.cli.times import iso
from tollhouse.domain.budget import dollars

if TYPE_CHECKING:
    from tollhouse.control.plans import Terms
    from tollhouse.storage.plans import Plan

app = typer.Typer(help="Budgets with a name, given to users: to each of them its own.")

PlanId = Annotated[str, typer.Argument(help="The plan's id.")]
Name = Annotated[str | None, typer.Option(help="What it is called.")]
Limit = Annotated[str | None, typer.Option(help="Dollars for each user; without it, no limit.")]
Every = Annotated[
    str | None, typer.Option(help="Anew each day, week or month in UTC, or after a span as 30d.")
]


@app.command("list")
def list_(
    context: typer.Context,
    tenant: Annotated[str, typer.Option(help="Only those of this tenant.")] = "",
    as_json: Json = False,
) -> None:
    """List plans.

    Example: tollhouse plans list --tenant acme
    """
    from tollhouse.control import plans

    found = run(context, lambda house: plans.listed(house.store, tenant))
    if as_json:
        print_json([_json(plan) for plan in found])
        return
    table(("id", "tenant", "name", ">limit", "anew"), map(_cells, found), empty="no plans")


@app.command()
def create(
    context: typer.Context,
    tenant: Annotated[str, typer.Argument(help="The tenant's id.")],
    name: Name = None,
    limit: Limit = None,
    every: Every = None,
    as_json: Json = False,
) -> None:
    """Make a plan, which nobody has yet.

    Example: tollhouse plans create acme --name small --limit 5 --every month
    """
    from tollhouse.control import plans

    terms = _terms(name, limit, every)
    _print(
        run(context, lambda house: plans.create(house.store, tenant, terms, house.now_ms)),
        as_json=as_json,
    )


@app.command()
def change(
    context: typer.Context,
    plan: PlanId,
    name: Name = None,
    limit: Limit = None,
    every: Every = None,
    as_json: Json = False,
) -> None:
    """Say anew what a plan is, for all who have it. What they spent stays spent.

    Example: tollhouse plans change 0Ab1Cd2Ef3Gh --name small --limit 8 --every month
    """
    from tollhouse.control import plans

    terms = _terms(name, limit, every)
    _print(
        run(context, lambda house: plans.change(house.store, plan, terms, house.now_ms)),
        as_json=as_json,
    )


@app.command()
def give(
    context: typer.Context,
    user: Annotated[str, typer.Argument(help="The user's id, such as acme/anna.")],
    plan: Annotated[str | None, typer.Argument(help="The plan's id.")] = None,
    none: Annotated[
        bool, typer.Option("--none", help="No plan, and no budget of its own.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Give a user the budget of a plan.

    Example: tollhouse plans give acme/anna 0Ab1Cd2Ef3Gh
    """
    from tollhouse.control import plans

    if (plan is None) is not none:
        raise typer.BadParameter("say one of PLAN, --none")

    async def work(house: House) -> None:
        await plans.give(house.store, user, plan, house.now_ms)

    run(context, work)
    if as_json:
        print_json({"user": user, "plan": plan})
    else:
        print(f"user {user} has {f'plan {plan}' if plan else 'no plan'}")


@app.command()
def delete(context: typer.Context, plan: PlanId, as_json: Json = False) -> None:
    """Delete a plan that nobody has.

    Example: tollhouse plans delete 0Ab1Cd2Ef3Gh
    """
    from tollhouse.control import plans

    run(context, lambda house: plans.delete(house.store, plan))
    if as_json:
        print_json({"id": plan, "is_deleted": True})
    else:
        print(f"plan {plan} is deleted")


def _terms(name: str | None, limit: str | None, every: str | None) -> Terms:
    from tollhouse.control.plans import Terms
    from tollhouse.domain import amounts, periods

    nanos = None if limit is None else amounts.nanos(limit, "limit")
    return Terms(name, nanos, periods.period(every) if every else None)


def _print(plan: Plan, *, as_json: bool) -> None:
    if as_json:
        print_json(_json(plan))
    else:
        print(f"plan {plan.id}: {' '.join(_cells(plan)[3:])}")


def _json(plan: Plan) -> dict[str, Any]:
    return {
        "id": plan.id,
        "tenant": plan.tenant,
        "name": plan.name,
        **money("limit", plan.limit),
        "every": plan.period.word if plan.period else None,
        "created_at": iso(plan.created_at_ms),
        "changed_at": iso(plan.changed_at_ms),
    }


def _cells(plan: Plan) -> tuple[str, ...]:
    limit = "unlimited" if plan.limit is None else dollars(plan.limit)
    return plan.id, plan.tenant, plan.name or "-", limit, plan.period.word if plan.period else "-"
