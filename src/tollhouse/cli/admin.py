"""`tollhouse admin` and `tollhouse openapi`"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tollhouse.cli.house import House, Json, run, settings_of
from tollhouse.cli.printing import note, print_json, table
from tollhouse.cli.times import iso, shown, span_s
from tollhouse.domain.operations import Role

if TYPE_CHECKING:
    from tollhouse.control.admin_tokens import Minted
    from tollhouse.control.sessions import Begun
    from tollhouse.storage.tokens import TokenRow

app = typer.Typer(help="Credentials for the admin listener.")

For = Annotated[
    str, typer.Option(help="For whom: it may what this user may. Without one: for you.")
]
Most = Annotated[Role, typer.Option(help="The most that it may be.")]
Where = Annotated[str, typer.Option(help="Where at most: house, tenant:ID or project:ID.")]


@app.command()
def token(
    context: typer.Context,
    ttl: Annotated[str, typer.Option(help="How long it lives: up to 12h.")] = "15m",
    user: For = "",
    role: Most = Role.OWNER,
    at: Where = "house",
    may: Annotated[
        list[str] | None,
        typer.Option(help="Only these operations, such as keys.list or keys.*; may be repeated."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Mint a token for the admin listener. It is shown this once, and kept nowhere.

    Whoever can read the pepper can mint one; a virtual key opens nothing there.

    Example: tollhouse admin token --ttl 15m --role finance --at tenant:acme
    """
    from tollhouse.cli.acts import operator
    from tollhouse.control import admin_tokens, peppers
    from tollhouse.domain.admin_tokens import Claims

    ttl_s, claims = span_s(ttl), Claims(user, role, at, tuple(may or ()))

    async def work(house: House) -> Minted:
        known = await peppers.opened(house.settings, house.store)
        by = operator().name
        return await admin_tokens.mint(house.store, known, claims, ttl_s, by, house.now_ms)

    minted = run(context, work)
    expires_at = iso(minted.expires_at_ms)
    if as_json:
        print_json({"id": minted.id, "token": minted.token, "expires_at": expires_at})
        return
    print(minted.token)
    note(
        f"This is the only time it is shown. Its id is {minted.id}; it is good until {expires_at}."
    )


@app.command()
def tokens(context: typer.Context, as_json: Json = False) -> None:
    """List the tokens that were minted: for whom, what for, until when, and when they were used last.

    Example: tollhouse admin tokens
    """
    from tollhouse.control import admin_tokens

    rows = run(context, lambda house: admin_tokens.listed(house.store))
    if as_json:
        print_json([_json(row) for row in rows])
        return
    table(
        ("token", "for", "role", "at", "may", "expires", "last used", "taken back"),
        (_cells(row) for row in rows),
        empty="no tokens",
    )


@app.command()
def revoke(
    context: typer.Context,
    token: Annotated[str, typer.Argument(help="The token's id, not the token.")],
    as_json: Json = False,
) -> None:
    """Take a token back: it opens nothing from the next request on.

    Example: tollhouse admin revoke 0Ab1Cd2Ef3Gh
    """
    from tollhouse.control import admin_tokens

    run(context, lambda house: admin_tokens.revoke(house.store, token, house.now_ms))
    if as_json:
        print_json({"id": token, "is_revoked": True})
    else:
        print(f"token {token} is taken back")


@app.command()
def claim(
    context: typer.Context,
    ttl: Annotated[str, typer.Option(help="How long it is good: up to 1h.")] = "10m",
    user: For = "",
    role: Most = Role.OWNER,
    at: Where = "house",
    as_json: Json = False,
) -> None:
    """Print a link by which a browser logs on to the admin listener, once. It is kept nowhere.

    Example: tollhouse admin claim --ttl 5m
    """
    from tollhouse.cli.acts import operator
    from tollhouse.control import sessions
    from tollhouse.domain.admin_tokens import Claims

    url = settings_of(context).console_url
    if url is None:
        raise typer.BadParameter("nobody logs on here: set `admin.listen`, or `console.url` too")
    ttl_s, claims = span_s(ttl), Claims(user, role, at)

    async def work(house: House) -> Begun:
        return await sessions.claim(house.store, claims, ttl_s, operator().name, house.now_ms)

    made = run(context, work)
    link, expires_at = f"{url}/console/claim?claim={made.secret}", iso(made.expires_at_ms)
    if as_json:
        print_json({"id": made.id, "link": link, "expires_at": expires_at})
        return
    print(link)
    note(f"It lets in once, until {expires_at}, whoever opens it.")


def openapi(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="It is JSON in any case.")] = False,  # noqa: ARG001
) -> None:
    """Print the OpenAPI document of this gateway: every path, and every code that it may answer.

    Example: tollhouse openapi > tollhouse.openapi.json
    """
    from tollhouse.wiring.admin import description

    print_json(description(settings_of(context)))


def _json(row: TokenRow) -> dict[str, object]:
    return {
        "id": row.id,
        "user": row.user or None,
        "role": row.role,
        "at": row.at,
        "may": list(row.operations),
        "minted_by": row.minted_by,
        "created_at": iso(row.created_at_ms),
        "expires_at": iso(row.expires_at_ms),
        "last_used_at": iso(row.last_used_at_ms),
        "revoked_at": iso(row.revoked_at_ms),
    }


def _cells(row: TokenRow) -> tuple[str, ...]:
    moments = (row.expires_at_ms, row.last_used_at_ms, row.revoked_at_ms)
    may = ", ".join(row.operations) or "all"
    return row.id, row.user or row.minted_by, row.role, row.at, may, *map(shown, moments)
