"""What must not stand among the arguments, where every process of the machine can read it."""

from __future__ import annotations

import sys

import typer

LONGEST = 1024


def typed(what: str) -> str:
    """Asked for twice at a terminal; elsewhere the first line of standard input."""
    if sys.stdin.isatty():
        return str(typer.prompt(what, hide_input=True, confirmation_prompt=True))
    line = sys.stdin.readline(LONGEST)
    if not line.strip():
        raise typer.BadParameter(f"there is no {what.lower()} on standard input")
    return line.rstrip("\r\n")
