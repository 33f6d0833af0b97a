"""`tollhouse receipts`"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tollhouse.cli.house import Json, settings_of
from tollhouse.cli.printing import print_json, table
from tollhouse.cli.times import iso
from tollhouse.domain.budget import dollars

if TYPE_CHECKING:
    from tollhouse.control.receipts import Checked

LARGEST_FILE = 64 * 2**20

app = typer.Typer(help="What callers were given to keep of their calls, signed.")


@app.callback()
def _receipts() -> None:
    """With one command alone, it would be named by the group."""


@app.command()
def verify(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="Receipts, one a line.")],
    key: Annotated[
        list[Path] | None, typer.Option(help="A public key to trust, instead of the gateway's own.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Check receipts offline, with the public key alone. Exit status 1 if one is forged or none is there.

    Example: tollhouse receipts verify receipts.txt --key audit.pub
    """
    from tollhouse.control import auditing, receipts
    from tollhouse.sinks.keys import load_public

    keys = (
        [load_public(path) for path in key] if key else auditing.public_keys(settings_of(context))
    )
    if file.stat().st_size > LARGEST_FILE:
        raise typer.BadParameter(f"{file} is larger than {LARGEST_FILE // 2**20} MiB")
    checked = receipts.verify(file.read_text("utf-8", "replace"), keys)
    if as_json:
        print_json([_json(each) for each in checked])
    else:
        table(
            ("line", "call", "at", "key", "model", ">in", ">out", ">owed", "verdict"),
            (_cells(each) for each in checked),
            empty="no receipt",
        )
    if not checked or any(each.fault for each in checked):
        raise typer.Exit(1)


def _json(each: Checked) -> dict[str, Any]:
    return {
        "line": each.line,
        "is_genuine": each.fault is None,
        "fault": each.fault,
        "claims": each.claims,
    }


def _cells(each: Checked) -> tuple[str, ...]:
    claims = each.claims
    if claims is None:
        return str(each.line), *["-"] * 7, each.fault or "-"
    what = (claims["call"], iso(claims["began_at"]) or "-", claims["key"], claims["model"])
    tokens = (claims["input"] + claims["cache_read"] + claims["cache_write"], claims["output"])
    return str(each.line), *what, *map(str, tokens), dollars(claims["owed"]), "genuine"
