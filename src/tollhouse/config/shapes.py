"""The JSON schema of the settings, and what it says about one place, in words.

`takes` is our own keyword: what a text must be, where a pattern would not be understood.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from tollhouse.config.problems import Place
from tollhouse.config.settings import Settings

Shape = dict[str, Any]


class _TomlSchema(GenerateJsonSchema):
    """TOML has no null: what may be left out is left out."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])


def schema() -> Shape:
    """What editors and linters need to check a file while it is written."""
    made = Settings.model_json_schema(schema_generator=_TomlSchema)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **_without_nulls(made)}


def shape_at(place: Place) -> Shape:
    """What belongs at a place; empty if nothing does."""
    shape = _schema()
    for part in place:
        shape = _resolved(_step(shape, part))
    return shape


def members(place: Place) -> tuple[str, ...]:
    return tuple(shape_at(place).get("properties", ()))


def sections() -> dict[str, Shape]:
    return {name: _resolved(shape) for name, shape in _schema()["properties"].items()}


def takes(shape: Shape) -> str:
    """What may stand here, in words."""
    match shape:
        case {"takes": str(words)}:
            return words
        case {"enum": list(values)}:
            return "one of " + ", ".join(f'"{value}"' for value in values)
        case {"type": "boolean"}:
            return "true or false"
        case {"type": "integer"}:
            return "a whole number" + _bounds(shape)
        case {"type": "number"}:
            return "a number" + _bounds(shape)
        case {"type": "array"}:
            few = "of at least one" if shape.get("minItems") else "of any number"
            return f"a list, {few}, each {takes(_resolved(shape['items']))}"
        case {"type": "object"}:
            return "a table"
        case _:
            return "nothing"


@cache
def _schema() -> Shape:
    return schema()


def _step(shape: Shape, part: str | int) -> Shape:
    if isinstance(part, int):
        found = shape.get("items", {})
    else:
        found = shape.get("properties", {}).get(part) or shape.get("additionalProperties") or {}
    return found if isinstance(found, dict) else {}


def _resolved(shape: Shape) -> Shape:
    if "$ref" not in shape:
        return shape
    name = shape["$ref"].rpartition("/")[2]
    target: Shape = _schema()["$defs"][name]
    return target


def _bounds(shape: Shape) -> str:
    least, most, above = (shape.get(k) for k in ("minimum", "maximum", "exclusiveMinimum"))
    if least is not None:
        return (
            f" from {least:g} to {most:g}"
            if isinstance(least, float)
            else f" from {least} to {most}"
        )
    return f" above {above:g}, up to {most:g}" if above is not None else ""


def _without_nulls(node: Any) -> Any:
    """Drops defaults of null, which a file cannot say."""
    if isinstance(node, dict):
        return {k: _without_nulls(v) for k, v in node.items() if not (k == "default" and v is None)}
    if isinstance(node, list):
        return [_without_nulls(item) for item in node]
    return node
