from __future__ import annotations

import json

import pytest
from console import Console

from tollhouse.config.loading import parse

SECRET = "k7Jq2ZpR9xWv4TnB8mYc"
YAML = """
model_list:
  - model_name: gpt
    litellm_params:
      {model: openai/gpt-4o, api_key: os.environ/MY_KEY, rpm: 10,
       input_cost_per_token: 2.5e-06, output_cost_per_token: 0.00001}
"""


def test_a_configuration_is_printed_as_settings_and_the_rest_is_named(console: Console) -> None:
    file = console.directory / "config.yaml"
    file.write_text(YAML)

    ended = console.run("import", "litellm", str(file))

    settings = parse(ended.out, {"MY_KEY": SECRET})
    assert set(settings.models) == {"gpt"}
    assert "# tollhouse prices set openai:gpt-4o --input 2.5 --output 10\n" in ended.out
    assert "model_list[0].litellm_params.rpm" in ended.err


def test_json_is_read_too_and_told(console: Console) -> None:
    file = console.directory / "config.json"
    file.write_text(json.dumps({"model_list": []}))

    told = console.json("import", "litellm", str(file))
    assert told == {"toml": "", "prices": [], "left": [], "acts": []}


def test_an_otari_configuration_is_printed(console: Console) -> None:
    file = console.directory / "config.yml"
    file.write_text("providers: {ollama: {api_base: 'http://127.0.0.1:11434'}}")

    assert set(parse(console.run("import", "otari", str(file)).out, {}).models) == {"ollama:*"}


@pytest.mark.parametrize(("name", "text"), [("c.json", "{"), ("c.yaml", "a: [")])
def test_what_cannot_be_read_is_refused(console: Console, name: str, text: str) -> None:
    file = console.directory / name
    file.write_text(text)

    assert console.run("import", "litellm", str(file)).status == 2
