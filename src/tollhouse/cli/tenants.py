"""`tollhouse tenants`"""

from __future__ import annotations

from typing import Annotated

import typer

from tollhouse.cli.house import Json, run
from tollhouse.cli.members import print_created, print_members, switch

app = typer.Typer(help="Who the house serves: each tenant has projects, users, keys and a budget.")

Tenant = Annotated[str, typer.Argument(help="The tenant's id, such as acme.")]


@app.command()
def create(context: typer.Context, tenant: Tenant, as_json: Json = False) -> None:
    """Make a tenant, with a project `default`.

    Example: tollhouse tenants create acme
    """
    from tollhouse.control import tenancy

    created = run(context, lambda house: tenancy.create_tenant(house.store, tenant, house.now_ms))
    print_created("tenant", created, as_json=as_json)


@app.command("list")
def list_(context: typer.Context, as_json: Json = False) -> None:
    """List tenants.

    Example: tollhouse tenants list --json
    """
    from tollhouse.control import tenancy
    from tollhouse.storage.tenancy import Kind

    found = run(context, lambda house: tenancy.members(house.store, Kind.TENANT))
    print_members(found, "tenant", as_json=as_json)


@app.command()
def disable(context: typer.Context, tenant: Tenant, as_json: Json = False) -> None:
    """Shut all keys of a tenant out, until it is enabled.

    Example: tollhouse tenants disable acme
    """
    from tollhouse.storage.tenancy import Kind

    switch(context, Kind.TENANT, tenant, is_disabled=True, as_json=as_json)


@app.command()
def enable(context: typer.Context, tenant: Tenant, as_json: Json = False) -> None:
    """Let the keys of a tenant in again.

    Example: tollhouse tenants enable acme
    """
    from tollhouse.storage.tenancy import Kind

    switch(context, Kind.TENANT, tenant, is_disabled=False, as_json=as_json)
