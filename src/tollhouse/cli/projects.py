"""`tollhouse projects`"""

from __future__ import annotations

from typing import Annotated

import typer

from tollhouse.cli import members
from tollhouse.cli.house import Json, run
from tollhouse.cli.members import print_created, print_members, switch

app = typer.Typer(help="What keys are for: each project of a tenant may have a budget.")

Tenant = Annotated[str, typer.Argument(help="The tenant's id.")]
Project = Annotated[str, typer.Argument(help="The project's id, such as acme/website.")]


@app.command()
def create(
    context: typer.Context,
    tenant: Tenant,
    name: Annotated[str, typer.Argument(help="Its name within the tenant.")],
    as_json: Json = False,
) -> None:
    """Make a project of a tenant.

    Example: tollhouse projects create acme website
    """
    from tollhouse.control import tenancy

    created = run(
        context, lambda house: tenancy.create_project(house.store, tenant, name, house.now_ms)
    )
    print_created("project", created, as_json=as_json)


@app.command("list")
def list_(
    context: typer.Context,
    tenant: Annotated[str, typer.Option(help="Only those of this tenant.")] = "",
    as_json: Json = False,
) -> None:
    """List projects.

    Example: tollhouse projects list --tenant acme
    """
    from tollhouse.control import tenancy
    from tollhouse.storage.tenancy import Kind

    found = run(context, lambda house: tenancy.members(house.store, Kind.PROJECT, tenant))
    print_members(found, "project", as_json=as_json)


@app.command()
def disable(context: typer.Context, project: Project, as_json: Json = False) -> None:
    """Shut all keys of a project out, until it is enabled.

    Example: tollhouse projects disable acme/website
    """
    from tollhouse.storage.tenancy import Kind

    switch(context, Kind.PROJECT, project, is_disabled=True, as_json=as_json)


@app.command()
def enable(context: typer.Context, project: Project, as_json: Json = False) -> None:
    """Let the keys of a project in again.

    Example: tollhouse projects enable acme/website
    """
    from tollhouse.storage.tenancy import Kind

    switch(context, Kind.PROJECT, project, is_disabled=False, as_json=as_json)


@app.command()
def delete(context: typer.Context, project: Project, as_json: Json = False) -> None:
    """Delete a project that nothing holds: no key, file nor role.

    Example: tollhouse projects delete acme/website
    """
    from tollhouse.storage.tenancy import Kind

    members.delete(context, Kind.PROJECT, project, as_json=as_json)
