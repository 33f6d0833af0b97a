"""`tollhouse export`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tollhouse.cli.config import plain
from tollhouse.cli.house import Json, run
from tollhouse.cli.printing import bar, print_json, table


def export(
    context: typer.Context,
    directory: Annotated[Path, typer.Argument(help="Where to: an empty directory, or none yet.")],
    as_json: Json = False,
) -> None:
    """Write everything the store holds as lines of JSON, and the settings: no secret among them.

    Example: tollhouse export /var/backups/tollhouse-export
    """
    from tollhouse.control import exporting

    exported = run(
        context,
        lambda house: exporting.export(house.store, plain(house.settings), directory, house.now_ms),
    )
    if as_json:
        print_json([{"file": it.file, "rows": it.rows, "sha256": it.sha256} for it in exported])
        return
    most = max(each.rows for each in exported)
    table(
        ("file", ">rows", ""),
        ((each.file, str(each.rows), bar(each.rows, most)) for each in exported),
        empty="",
    )
