"""The page, the schema and the starter file say what the code does."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from configs import read

from tollhouse.config import Settings, load, schema, starter, warnings
from tollhouse.config.reference import page
from tollhouse.config.shapes import sections, shape_at, takes

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "configuration.md"


def test_the_reference_page_is_what_the_code_says() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run `make docs`"


def test_every_setting_is_described_for_operators() -> None:
    for name, fields in tables().items():
        for key, shape in fields.items():
            assert shape["description"].endswith("."), (name, key)
            assert takes(shape) != "nothing", (name, key)


@pytest.mark.req("P-35")
def test_the_schema_knows_every_key_and_forbids_all_others() -> None:
    published = schema()

    assert json.loads(json.dumps(published)) == published
    assert set(published["properties"]) == set(Settings.model_fields)
    closed = [published, *published["$defs"].values()]
    assert all(each["additionalProperties"] is False for each in closed)


def test_the_starter_file_loads_as_it_is() -> None:
    settings = read(starter())

    assert settings.providers["local"].kind == "local"
    assert warnings(settings) == []


def test_the_starter_file_says_the_defaults() -> None:
    settings = read(starter())

    same = {"providers", "models"}
    assert settings.model_dump(exclude=same) == load(None, {}).model_dump(exclude=same)


def test_what_the_starter_file_leaves_switched_off_can_be_switched_on() -> None:
    _, openai = starter().split("# OpenAI. ")
    rows = [row.removeprefix("#").strip() for row in openai.splitlines()[1:]]
    text = "\n".join(row for row in rows if row.startswith("[") or " = " in row)

    settings = read(text, OPENAI_API_KEY="sk-canary-0123")

    assert settings.providers["openai"].key
    assert settings.providers["vllm"].base_url
    assert tomllib.loads(text)["models"]


def tables() -> dict[str, dict[str, Any]]:
    named = {name: shape for name, shape in sections().items() if "default" not in shape}
    return {
        name: shape.get("properties")
        or shape_at((name, "NAME")).get("properties")
        or {"NAME": shape_at((name, "NAME")) | {"description": shape["description"]}}
        for name, shape in named.items()
    }
