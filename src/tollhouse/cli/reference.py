"""The reference page of the command line, made from the program itself."""

from __future__ import annotations

from typing import Any

HEAD = """\
# Command line

`tollhouse [--config FILE] COMMAND`. The settings are those of `--config`, else of the environment's
`TOLLHOUSE_CONFIG`, else of `./tollhouse.toml` if there is one, else the defaults.

- Every command has `--help` with an example, and `--json` with stable keys. Money is a whole number of
  nano-dollars (`…_nanos`) and a text that reads (`…_dollars`); times are in UTC.
- Exit status: 0 done, 1 refused or failed, with one line on standard error that begins with a code,
  2 not understood; `doctor` says for itself what its 2 means.
- A SQLite store is made, and brought up to date, by the first command that needs it. PostgreSQL only
  by `tollhouse migrate`.

This page is made from the code by `make docs`.
"""


def page() -> str:
    import typer

    from tollhouse.cli.app import app

    program = typer.main.get_command(app)
    context = typer.Context(program, info_name="tollhouse")
    return HEAD + "".join(_sections(program, context))


def _sections(command: Any, context: Any) -> list[str]:
    """A command and, if it is a group, what is in it."""
    made = [] if context.parent is None else [_section(command, context)]
    for name, inner in getattr(command, "commands", {}).items():
        made += _sections(inner, type(context)(inner, info_name=name, parent=context))
    return made


def _section(command: Any, context: Any) -> str:
    level = "##" if context.parent.parent is None else "###"
    words, _, example = (command.help or "").partition("Example: ")
    lines = [f"\n{level} {context.command_path}\n", " ".join(words.split())]
    if hasattr(command, "commands"):
        return "\n".join(lines) + "\n"
    if options := [_row(each, context) for each in command.params if each.name != "as_json"]:
        lines += ["", "| | |", "|---|---|", *options]
    lines += ["", "```console", f"$ {example.strip()}", "```"]
    return "\n".join(lines) + "\n"


def _row(parameter: Any, context: Any) -> str:
    says = f"{(parameter.help or '').strip()}{_default(parameter)}"
    return f"| `{_form(parameter, context)}` | {says} |"


def _form(parameter: Any, context: Any) -> str:
    if parameter.param_type_name == "argument":
        return str(parameter.name).upper()
    written, _ = parameter.get_help_record(context)
    return str(written).replace("|", "\\|")


def _default(parameter: Any) -> str:
    if parameter.required and parameter.param_type_name == "option":
        return " Required."
    if getattr(parameter, "is_flag", True) or parameter.default in (None, "", ()):
        return ""
    return f" Default: `{_plain(parameter.default)}`."


def _plain(value: Any) -> str:
    return str(getattr(value, "value", value))
