"""`tollhouse providers`"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tollhouse.cli.house import Json, settings_of
from tollhouse.cli.printing import print_json, table

if TYPE_CHECKING:
    from tollhouse.control.checking import Checked

app = typer.Typer(
    help="Who answers for models: what is known of vendors, and whether yours answer."
)

Name = Annotated[
    str | None, typer.Argument(help="A provider of the settings. Left out, all of them.")
]


@app.command("list")
def list_(context: typer.Context, as_json: Json = False) -> None:
    """List the vendors and engines that are known, and by which names the settings use them.

    Example: tollhouse providers list --json
    """
    from tollhouse.data import catalogue

    used: dict[str, list[str]] = {}
    for name, provider in settings_of(context).providers.items():
        used.setdefault(provider.kind, []).append(name)
    vendors = catalogue().values()
    if as_json:
        print_json(
            [
                {
                    "kind": vendor.kind,
                    "name": vendor.name,
                    "url": vendor.url,
                    "api": vendor.api,
                    "supports": sorted(vendor.supports),
                    "docs": vendor.docs,
                    "used_as": used.get(vendor.kind, []),
                }
                for vendor in vendors
            ]
        )
        return
    rows = (
        (
            vendor.kind,
            vendor.name,
            vendor.url or "(yours)",
            vendor.api,
            ", ".join(used.get(vendor.kind, ())),
        )
        for vendor in vendors
    )
    table(("kind", "name", "url", "api", "used as"), rows, empty="no vendors")


@app.command()
def check(context: typer.Context, name: Name = None, as_json: Json = False) -> None:
    """Ask providers for their list of models, by the way that calls take. Nothing is generated.

    Exit status 1 if one cannot be reached, refuses the key, or has not a model that a target names.

    Example: tollhouse providers check openai
    """
    import asyncio

    from tollhouse.domain.storing import Conflict
    from tollhouse.wiring.probing import check_providers

    settings = settings_of(context)
    if name is not None and name not in settings.providers:
        raise Conflict(f"there is no provider {name!r} in the settings")
    names = [name] if name is not None else list(settings.providers)
    checked = asyncio.run(check_providers(settings, names))
    if as_json:
        print_json([_json(each) for each in checked])
    else:
        rows = ((each.provider, each.verdict, _says(each)) for each in checked)
        table(("provider", "verdict", "what was seen"), rows, empty="no providers")
    if not all(each.is_fine for each in checked):
        raise typer.Exit(1)


def _says(checked: Checked) -> str:
    return f"not there: {', '.join(checked.missing)}" if checked.missing else checked.says


def _json(checked: Checked) -> dict[str, object]:
    return {
        "provider": checked.provider,
        "verdict": checked.verdict,
        "says": checked.says,
        "missing": list(checked.missing),
    }
