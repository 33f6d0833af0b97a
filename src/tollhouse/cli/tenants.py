"""`tollhouse tenants`"""

from __future__ import annotations

from typing import Annotated

import typer

from tollhouse.cli import members
from tollhouse.cli.house import House, Json, run
from tollhouse.cli.members import print_created, print_members, switch
from tollhouse.cli.printing import print_json, table

app = typer.Typer(help="Who the house serves: each tenant has projects, users, keys and a budget.")

Name = Annotated[str, typer.Argument(help="A name of a model.")]
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


@app.command()
def delete(context: typer.Context, tenant: Tenant, as_json: Json = False) -> None:
    """Delete a tenant that nothing holds: no project, user, key nor role.

    Example: tollhouse tenants delete acme
    """
    from tollhouse.storage.tenancy import Kind

    members.delete(context, Kind.TENANT, tenant, as_json=as_json)


@app.command()
def names(context: typer.Context, tenant: Tenant, as_json: Json = False) -> None:
    """List what a tenant calls models by, beside what everybody calls them.

    Example: tollhouse tenants names acme
    """
    from tollhouse.control import views

    view = run(context, lambda house: views.view(house.store, tenant))
    if as_json:
        print_json({"names": dict(view.names), "hidden": list(view.hidden)})
        return
    rows = [*view.names.items(), *((name, "(hidden)") for name in view.hidden)]
    table(("name", "model"), rows, empty="no names of its own")


@app.command()
def name(
    context: typer.Context,
    tenant: Tenant,
    own: Name,
    model: Annotated[str, typer.Argument(help="The public name that it stands for.")],
    as_json: Json = False,
) -> None:
    """Let a tenant call a model by a name of its own. It comes before a public one.

    Example: tollhouse tenants name acme best gpt-4.1
    """
    from tollhouse.control import catalogue, views

    async def work(house: House) -> None:
        known = catalogue.names(house.settings)
        await views.name(house.store, known, tenant, own, model)

    run(context, work)
    _print_put(tenant, own, model, as_json=as_json)


@app.command()
def hide(
    context: typer.Context,
    tenant: Tenant,
    pattern: Annotated[str, typer.Argument(help="A public name, or `prefix*`.")],
    as_json: Json = False,
) -> None:
    """Let a public name be unknown to a tenant. What it is granted by other names stays.

    Example: tollhouse tenants hide acme 'gpt-*'
    """
    from tollhouse.control import views

    run(context, lambda house: views.hide(house.store, tenant, pattern))
    _print_put(tenant, pattern, None, as_json=as_json)


@app.command()
def forget(context: typer.Context, tenant: Tenant, own: Name, as_json: Json = False) -> None:
    """Take a name of a tenant's own away, or show a hidden one again.

    Example: tollhouse tenants forget acme best
    """
    from tollhouse.control import views

    run(context, lambda house: views.forget(house.store, tenant, own))
    if as_json:
        print_json({"tenant": tenant, "name": own})
    else:
        print(f"{own} is as for everybody")


def _print_put(tenant: str, name: str, model: str | None, *, as_json: bool) -> None:
    if as_json:
        print_json({"tenant": tenant, "name": name, "model": model})
    else:
        print(f"{name} is {model} for {tenant}" if model else f"{name} is hidden from {tenant}")
