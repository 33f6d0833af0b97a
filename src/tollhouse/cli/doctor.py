"""`tollhouse doctor`"""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from tollhouse.cli.house import House, Json, run_as_it_is, settings_of
from tollhouse.cli.printing import print_json

if TYPE_CHECKING:
    from tollhouse.control.doctor import Sign

MARKS = {"ok": "ok     ", "warn": "warning", "unsafe": "UNSAFE "}


def doctor(context: typer.Context, as_json: Json = False) -> None:
    """Look for what is unsafe or could be better, each with what mends it.

    Exit status 1 if anything is unsafe.

    Example: tollhouse doctor
    """
    from tollhouse.control.doctor import examine, is_unsafe

    async def work(house: House) -> list[Sign]:
        return await examine(house.settings, house.store, house.now_ms)

    signs = run_as_it_is(settings_of(context), work)
    if as_json:
        print_json({"is_safe": not is_unsafe(signs), "signs": [_json(sign) for sign in signs]})
    else:
        _print(signs)
    if is_unsafe(signs):
        raise typer.Exit(1)


def _print(signs: list[Sign]) -> None:
    for sign in signs:
        print(f"{MARKS[sign.health]}  {sign.about:<9} {sign.says}")
        if sign.mend:
            print(f"{'':<19} → {sign.mend}")


def _json(sign: Sign) -> dict[str, str | None]:
    return {"about": sign.about, "health": sign.health, "says": sign.says, "mend": sign.mend}
