"""What wraps the secrets of the store, as far as the settings can be wrong about it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tollhouse.config import ConfigInvalid, load
from tollhouse.config.secrets import StoredSecret

KEY = "1f0c91ab" * 8
ENVIRON = {"KEY": KEY, "SHORT": "1f0c91ab"}
VAULT = '[vault]\nkeys = { 1 = "env:KEY" }\n'
UP = '[providers.up]\nkind = "openai"\n'

pytestmark = pytest.mark.req("S-61", "S-29")


def test_a_providers_key_may_be_one_of_the_store(tmp_path: Path) -> None:
    settings = load(_file(tmp_path, VAULT + UP + 'key = "store:open-ai_2"\n'), ENVIRON)

    key = settings.providers["up"].key
    assert isinstance(key, StoredSecret)
    assert (key.name, str(key)) == ("open-ai_2", "Secret(store:open-ai_2)")


@pytest.mark.parametrize(
    ("text", "about"),
    [
        (UP + 'key = "store:up"\n', "vault.keys"),
        (VAULT + UP + 'key = "store:"\n', "providers.up.key"),
        (VAULT + UP + 'key = "store:sk-Canary/1"\n', "providers.up.key"),
        ('[vault]\nkeys = { 1 = "env:SHORT" }\n', "vault.keys.1"),
        ('[vault]\nkeys = { 0 = "env:KEY" }\n', "vault.keys.0"),
        (VAULT.replace("\n", "\nkey_version = 2\n", 1), "vault.key_version"),
        ('[vault]\nkeys = { 1 = "store:up" }\n', "vault.keys.1"),
        (VAULT + '[limits]\npassword = "store:up"\n', "limits.password"),
    ],
)
def test_what_cannot_be_is_named(tmp_path: Path, text: str, about: str) -> None:
    with pytest.raises(ConfigInvalid) as invalid:
        load(_file(tmp_path, text), ENVIRON)

    assert about in [problem.key for problem in invalid.value.problems]
    assert KEY not in str(invalid.value) + repr(invalid.value)
    assert "Canary" not in invalid.value.render()


def _file(directory: Path, text: str) -> Path:
    file = directory / "tollhouse.toml"
    file.write_text(text)
    return file
