"""The reference page of the settings, made from their descriptions."""

from __future__ import annotations

import json

from tollhouse.config.problems import Place
from tollhouse.config.shapes import Shape, sections, shape_at, takes

HEAD = """\
# Configuration

One TOML file says how the gateway works: `tollhouse --config tollhouse.toml serve`. Without a file,
every default below holds. Keys, users, budgets and prices are not in it: they are in the store.

- **Nothing is ignored.** An unknown key, a wrong value or a combination that is not safe keeps the gateway
  from starting. Every problem is reported at once, with its line, what was found and what is expected.
- **Secrets are named, not written.** `"env:NAME"` is an environment variable, `"file:PATH"` the text of a file;
  where it says so, `"store:NAME"` a sealed row of the store.
  A literal is refused, and so is a value that anybody would guess.
- **Relative paths are under `data_dir`**, which itself is under the working directory.

This page is made from the code by `make docs`.
"""

UNSAFE = """\

## What is refused though each value is valid

- `virtual_keys = false`: there is no other way to prove who calls.
- A `listen` address that others can reach, without TLS and without `trusted_proxies`.
- `tls_certificate` without `tls_key`, or the reverse, or a file that is not there.
- `metrics.listen` or `admin.listen` on the port of another listener.
- PostgreSQL without a pepper; a pepper of less than 32 bytes; a `pepper_version` that is not listed.
- A secret that is empty, or that anybody would guess, such as `changeme`.
- A provider without the `url` or `key` that its kind needs, or with one that its kind cannot use.
- A target whose provider is not declared, or with a `*` where its table's name has none.
- An alias that leads to itself, to nothing, or has the name of a model.
- A setting without effect: a password for SQLite or memory, a burst where there is no limit.

## What is warned about

- Files of secrets that other users can read.
- Metrics on an address that others can reach.
- `http` to a public provider, and databases that are reached without required encryption.
- No models.
"""


def page() -> str:
    """The whole page, as docs/reference/configuration.md must be."""
    parts = [HEAD]
    top = {name: shape for name, shape in sections().items() if "default" in shape}
    parts.append(_section("The top of the file", "Above the first section.", top, set()))
    for name, shape in sections().items():
        if "properties" in shape:
            parts.append(_described(f"[{name}]", shape))
        elif "additionalProperties" in shape:
            inner = shape_at((name, "NAME"))
            is_table = "properties" in inner
            parts.append(_described(f"[{name}.NAME]", inner) if is_table else _named(name, shape))
            parts += _within(f"{name}.NAME", (name, "NAME"), inner)
    return "\n".join(parts) + UNSAFE


def _within(title: str, place: Place, shape: Shape) -> list[str]:
    """Lists of tables in it."""
    listed = {
        name: shape_at((*place, name, 0))
        for name, each in shape.get("properties", {}).items()
        if each.get("type") == "array"
    }
    return [
        _described(f"[[{title}.{name}]]", inner)
        for name, inner in listed.items()
        if "properties" in inner
    ]


def _described(title: str, shape: Shape) -> str:
    required = set(shape.get("required", ()))
    return _section(f"`{title}`", shape["description"], shape["properties"], required)


def _named(name: str, shape: Shape) -> str:
    """A table of single texts."""
    row = {"NAME": {**shape_at((name, "NAME")), "description": "What `NAME` stands for."}}
    return _section(f"`[{name}]`", shape["description"], row, set())


def _section(title: str, intro: str, fields: dict[str, Shape], required: set[str]) -> str:
    rows = [_row(name, shape, is_required=name in required) for name, shape in fields.items()]
    head = ["| key | takes | default | what it does |", "|---|---|---|---|"]
    return "\n".join([f"## {title}", "", intro, "", *head, *rows, ""])


def _row(name: str, shape: Shape, *, is_required: bool) -> str:
    if is_required:
        default = "required"
    elif "default" in shape:
        default = f"`{json.dumps(shape['default'])}`"
    else:
        default = "not set"
    cells = [f"`{name}`", takes(shape), default, shape["description"]]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
