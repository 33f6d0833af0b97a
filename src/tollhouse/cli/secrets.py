"""`tollhouse secrets`"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tollhouse.cli.house import House, Json, run, settings_of
from tollhouse.cli.printing import print_json, table
from tollhouse.cli.times import iso, shown

if TYPE_CHECKING:
    from tollhouse.control.secrets import Kept
    from tollhouse.storage.secrets import SecretRow

app = typer.Typer(
    help="Secrets of providers in the store, each sealed, for `store:NAME` in settings."
)
Name = Annotated[str, typer.Argument(help="What `store:NAME` calls it.")]


@app.command("set")
def set_(context: typer.Context, name: Name, as_json: Json = False) -> None:
    """Keep a secret, or another value of one. It is asked for, or read from standard input; never an argument.

    Example: tollhouse secrets set openai < key.txt
    """
    from tollhouse.control import secrets

    wrap, value = secrets.wrapping(settings_of(context)), _value()

    async def work(house: House) -> SecretRow:
        return await secrets.put(house.store, wrap, name, value, house.now_ms)

    row = run(context, work)
    if as_json:
        print_json({"name": name, "version": row.version, "key_version": row.key_version})
    else:
        print(f"secret {name} has version {row.version}: `store:{name}`")


@app.command("list")
def list_(context: typer.Context, as_json: Json = False) -> None:
    """List what is kept: since when, by which key it is wrapped, and whether it opens. Never what it is.

    Example: tollhouse secrets list
    """
    from tollhouse.control import secrets

    settings = settings_of(context)
    wrap = secrets.wrapping(settings) if settings.vault.keys else None
    found = run(context, lambda house: secrets.listed(house.store, wrap))
    _print(found, as_json=as_json, empty="no secrets")


@app.command()
def rewrap(context: typer.Context, as_json: Json = False) -> None:
    """Wrap every secret by the current key, while gateways serve. Give all of them both keys first.

    Exit status 1 if one does not open.

    Example: tollhouse secrets rewrap
    """
    from tollhouse.control import secrets

    wrap = secrets.wrapping(settings_of(context))
    done = run(context, lambda house: secrets.rewrap(house.store, wrap))
    _print(done, as_json=as_json, empty="all are wrapped by the current key")
    if any(each.flaw for each in done):
        raise typer.Exit(1)


@app.command()
def remove(context: typer.Context, name: Name, as_json: Json = False) -> None:
    """Forget a secret that no setting names.

    Example: tollhouse secrets remove openai
    """
    from tollhouse.control import secrets

    run(context, lambda house: secrets.remove(house.store, house.settings, name))
    if as_json:
        print_json({"name": name})
    else:
        print(f"secret {name} is gone")


def _value() -> str:
    from tollhouse.config.secrets import MAX_BYTES

    if sys.stdin.isatty():
        return str(typer.prompt("Its value", hide_input=True, confirmation_prompt=True))
    return sys.stdin.read(MAX_BYTES + 2).rstrip("\r\n")


def _print(found: list[Kept], *, as_json: bool, empty: str) -> None:
    if as_json:
        print_json([_json(each) for each in found])
        return
    table(
        ("name", "version", "set", "key", ""),
        (
            (
                each.row.name,
                str(each.row.version),
                shown(each.row.set_at_ms),
                str(each.row.key_version),
                each.flaw or "opens",
            )
            for each in found
        ),
        empty=empty,
    )


def _json(each: Kept) -> dict[str, Any]:
    return {
        "name": each.row.name,
        "version": each.row.version,
        "set_at": iso(each.row.set_at_ms),
        "key_version": each.row.key_version,
        "opens": not each.flaw,
        "flaw": each.flaw or None,
    }
