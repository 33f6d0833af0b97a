"""`tollhouse admin` and `tollhouse openapi`"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tollhouse.cli.house import House, Json, run, settings_of
from tollhouse.cli.printing import note, print_json
from tollhouse.cli.times import iso, span_s

if TYPE_CHECKING:
    from tollhouse.control.admin_tokens import Minted

app = typer.Typer(help="Credentials for the admin listener.")


@app.command()
def token(
    context: typer.Context,
    ttl: Annotated[str, typer.Option(help="How long it lives: up to 12h.")] = "15m",
    as_json: Json = False,
) -> None:
    """Mint a token for the admin listener. It is shown this once, and kept nowhere.

    Whoever can read the pepper can mint one; a virtual key opens nothing there.

    Example: tollhouse admin token --ttl 15m
    """
    from tollhouse.control import admin_tokens, peppers

    ttl_s = span_s(ttl)

    async def work(house: House) -> Minted:
        known = await peppers.opened(house.settings, house.store)
        return admin_tokens.mint(known, ttl_s, house.now_ms)

    minted = run(context, work)
    expires_at = iso(minted.expires_at_ms)
    if as_json:
        print_json({"id": minted.id, "token": minted.token, "expires_at": expires_at})
        return
    print(minted.token)
    note(
        f"This is the only time it is shown. Its id is {minted.id}; it is good until {expires_at}."
    )


def openapi(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="It is JSON in any case.")] = False,  # noqa: ARG001
) -> None:
    """Print the OpenAPI document of this gateway: every path, and every code that it may answer.

    Example: tollhouse openapi > tollhouse.openapi.json
    """
    from tollhouse.wiring.admin import description

    print_json(description(settings_of(context)))
