"""`tollhouse users`"""

from __future__ import annotations

from typing import Annotated

import typer

from tollhouse.cli import members
from tollhouse.cli.house import House, Json, run, settings_of
from tollhouse.cli.members import print_created, print_members, switch
from tollhouse.cli.printing import print_json
from tollhouse.cli.times import span_s
from tollhouse.cli.typed import typed

app = typer.Typer(help="Whose keys are: each user of a tenant may have a budget.")

Tenant = Annotated[str, typer.Argument(help="The tenant's id.")]
User = Annotated[str, typer.Argument(help="The user's id, such as acme/anna.")]


@app.command()
def create(
    context: typer.Context,
    tenant: Tenant,
    name: Annotated[str, typer.Argument(help="Its name within the tenant.")],
    as_json: Json = False,
) -> None:
    """Make a user of a tenant.

    Example: tollhouse users create acme anna
    """
    from tollhouse.control import tenancy

    created = run(
        context, lambda house: tenancy.create_user(house.store, tenant, name, house.now_ms)
    )
    print_created("user", created, as_json=as_json)


@app.command("list")
def list_(
    context: typer.Context,
    tenant: Annotated[str, typer.Option(help="Only those of this tenant.")] = "",
    as_json: Json = False,
) -> None:
    """List users.

    Example: tollhouse users list --tenant acme
    """
    from tollhouse.control import tenancy
    from tollhouse.storage.tenancy import Kind

    found = run(context, lambda house: tenancy.members(house.store, Kind.USER, tenant))
    print_members(found, "user", as_json=as_json)


@app.command()
def allow(
    context: typer.Context,
    user: User,
    models: Annotated[
        list[str] | None, typer.Argument(help="Models: exact names, `prefix*`, or none at all.")
    ] = None,
    everything: Annotated[bool, typer.Option("--everything", help="No bound.")] = False,
    as_json: Json = False,
) -> None:
    """Bound what the keys of a user may call, whatever they were or will be granted.

    Example: tollhouse users allow acme/anna 'gpt-*' local-small
    """
    from tollhouse.control import granting

    if everything and models:
        raise typer.BadParameter("--everything stands alone")
    most = None if everything else tuple(models or ())
    run(context, lambda house: granting.allow(house.store, user, most))
    if as_json:
        print_json({"id": user, "models": None if most is None else list(most)})
    else:
        said = "whatever they are granted" if most is None else ", ".join(most) or "nothing"
        print(f"the keys of {user} may call at most: {said}")


@app.command()
def describe(
    context: typer.Context,
    user: User,
    alias: Annotated[str, typer.Option(help="What people call the user; empty for nothing.")],
    as_json: Json = False,
) -> None:
    """Say what people call a user. Nothing is decided on it.

    Example: tollhouse users describe acme/anna --alias 'Anna of the web team'
    """
    from tollhouse.control import tenancy

    run(
        context,
        lambda house: tenancy.describe(house.store, user, alias or None, None, house.now_ms),
    )
    if as_json:
        print_json({"id": user, "alias": alias or None})
    else:
        print(f"user {user} is called {alias or 'nothing else'}")


@app.command()
def disable(context: typer.Context, user: User, as_json: Json = False) -> None:
    """Shut all keys of a user out, until it is enabled.

    Example: tollhouse users disable acme/anna
    """
    from tollhouse.storage.tenancy import Kind

    switch(context, Kind.USER, user, is_disabled=True, as_json=as_json)


@app.command()
def enable(context: typer.Context, user: User, as_json: Json = False) -> None:
    """Let the keys of a user in again.

    Example: tollhouse users enable acme/anna
    """
    from tollhouse.storage.tenancy import Kind

    switch(context, Kind.USER, user, is_disabled=False, as_json=as_json)


@app.command()
def delete(context: typer.Context, user: User, as_json: Json = False) -> None:
    """Delete a user that nothing holds: no key nor role.

    Example: tollhouse users delete acme/anna
    """
    from tollhouse.storage.tenancy import Kind

    members.delete(context, Kind.USER, user, as_json=as_json)


@app.command()
def password(
    context: typer.Context,
    user: User,
    remove: Annotated[bool, typer.Option("--remove", help="Nobody logs in as the user.")] = False,
    as_json: Json = False,
) -> None:
    """Give a user a password to log in with, asked for at the terminal or read from standard input.

    It is kept as a hash. Tokens that the user logged in to before are taken back.

    Example: tollhouse users password main/anna < password.txt
    """
    from tollhouse.auth.passwords import Passwords
    from tollhouse.config.secrets import weak
    from tollhouse.control import passwords, peppers

    given = "" if remove else typed("Password")

    async def work(house: House) -> None:
        at = (house.settings.tokens.max_life_s, house.now_ms)
        if remove:
            await passwords.remove_password(house.store, user, *at)
            return
        secrets = await peppers.opened(house.settings, house.store)
        keep = Passwords(secrets.versions, secrets.current).kept
        await passwords.set_password(house.store, keep, weak(), user, given, *at)

    run(context, work)
    if as_json:
        print_json({"id": user, "has_password": not remove})
    else:
        print(f"user {user} has {'no' if remove else 'a new'} password")


@app.command()
def token(
    context: typer.Context,
    user: User,
    models: Annotated[
        list[str] | None,
        typer.Option(help="A model that may be called; `prefix*` and `*` stand for more."),
    ] = None,
    project: Annotated[
        str, typer.Option(help="Its project, by the name after the slash.")
    ] = "default",
    lives: Annotated[str, typer.Option(help="How long it is good, such as 30m.")] = "15m",
    as_json: Json = False,
) -> None:
    """Sign a token for a user, with the secret under [tokens]. It is shown once and kept nowhere.

    Example: tollhouse users token acme/anna --models 'gpt-*' --lives 30m
    """
    from tollhouse.control import own_tokens
    from tollhouse.wiring import issuers

    settings = settings_of(context)
    keys = issuers.own_keys_of(settings)
    if keys is None:
        raise typer.BadParameter("there are no secrets under [tokens] to sign it with")
    wish = own_tokens.Wish(user, project, tuple(models or ()), span_s(lives))
    longest_s = settings.tokens.max_life_s

    async def work(house: House) -> str:
        return await own_tokens.issue(house.store, keys.token, wish, longest_s, house.now_ms)

    signed = run(context, work)
    if as_json:
        print_json({"user": user, "token": signed})
    else:
        print(signed)
