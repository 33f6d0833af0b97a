"""`tollhouse members`"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tollhouse.cli.house import House, Json, run
from tollhouse.cli.printing import print_json, table
from tollhouse.cli.times import iso, shown
from tollhouse.domain.operations import Role

if TYPE_CHECKING:
    from tollhouse.storage.memberships import Membership

app = typer.Typer(help="Who may administer what: users hold roles at the house, tenants, projects.")

User = Annotated[str, typer.Argument(help="The user's id, such as acme/anna.")]
At = Annotated[str, typer.Option(help="Where: house, tenant:ID or project:ID.")]
AsRole = Annotated[Role, typer.Option(help="What the user is there.")]


@app.command()
def add(context: typer.Context, user: User, at: At, role: AsRole, as_json: Json = False) -> None:
    """Give a user a role. What each role may do: docs/reference/roles.md.

    Example: tollhouse members add acme/anna --at tenant:acme --role admin
    """
    from tollhouse.cli.acts import operator
    from tollhouse.control import members

    async def work(house: House) -> Membership:
        return await members.add(house.store, operator(), user, at, role, house.now_ms)

    _print(run(context, work), as_json=as_json)


@app.command("list")
def list_(
    context: typer.Context,
    at: Annotated[str, typer.Option(help="Only those at this place.")] = "",
    user: Annotated[str, typer.Option(help="Only those of this user.")] = "",
    as_json: Json = False,
) -> None:
    """List who holds which role where.

    Example: tollhouse members list --at tenant:acme
    """
    from tollhouse.control import members

    rows = run(context, lambda house: members.listed(house.store, at, user))
    if as_json:
        print_json([_json(row) for row in rows])
        return
    table(
        ("user", "role", "at", "since"),
        ((row.user, row.role, row.at, shown(row.created_at_ms)) for row in rows),
        empty="nobody holds a role",
    )


@app.command()
def change(context: typer.Context, user: User, at: At, role: AsRole, as_json: Json = False) -> None:
    """Give a user another role instead of the one it has there.

    Example: tollhouse members change acme/anna --at tenant:acme --role auditor
    """
    from tollhouse.cli.acts import operator
    from tollhouse.control import members

    row = run(context, lambda house: members.change(house.store, operator(), user, at, role))
    _print(row, as_json=as_json)


@app.command()
def remove(context: typer.Context, user: User, at: At, as_json: Json = False) -> None:
    """Take a user's role away. The last owner of a place stays.

    Example: tollhouse members remove acme/anna --at tenant:acme
    """
    from tollhouse.cli.acts import operator
    from tollhouse.control import members

    row = run(context, lambda house: members.remove(house.store, operator(), user, at))
    if as_json:
        print_json(_json(row))
    else:
        print(f"{row.user} has no role at {row.at} any more")


def _print(row: Membership, *, as_json: bool) -> None:
    if as_json:
        print_json(_json(row))
    else:
        print(f"{row.user} is {row.role} at {row.at}")


def _json(row: Membership) -> dict[str, object]:
    return {
        "id": row.id,
        "user": row.user,
        "at": row.at,
        "role": row.role,
        "created_at": iso(row.created_at_ms),
    }
