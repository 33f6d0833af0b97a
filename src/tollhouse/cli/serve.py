"""`tollhouse serve`"""

from __future__ import annotations

import typer

from tollhouse.cli.house import Invocation, settings_of


def serve(context: typer.Context) -> None:
    """Open the door: serve until asked to stop.

    Example: tollhouse --config tollhouse.toml serve
    """
    import gc

    gc.disable()  # what is made before the door opens stays: the server enables it again
    from tollhouse.wiring.serving import serve as open_door

    invocation: Invocation = context.obj
    open_door(settings_of(context), invocation.file, invocation.profile)
