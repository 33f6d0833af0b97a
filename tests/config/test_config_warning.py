"""What works, and yet an operator should know."""

from __future__ import annotations

from pathlib import Path

import pytest
from configs import ENVIRON, full, read

from tollhouse.config import parse, warnings

MODEL = '[providers.e]\nkind = "echo"\n[models.m]\ntargets = ["e:m"]\n'


def test_a_sound_configuration_has_no_warnings(tmp_path: Path) -> None:
    assert warnings(parse(full(tmp_path), ENVIRON)) == []


def test_a_gateway_without_models_says_so() -> None:
    assert keys("") == ["models"]


@pytest.mark.req("S-55")
@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("pepper-2", "auth.peppers.2"),
        ("tls.key", "server.tls_key"),
        ("signing.key", "audit.key"),
        ("us.key", "providers.openai.client_key"),
    ],
)
@pytest.mark.parametrize("mode", [0o640, 0o604])
def test_a_secret_that_others_can_read_is_warned_about(
    tmp_path: Path, name: str, key: str, mode: int
) -> None:
    settings = parse(full(tmp_path), ENVIRON)
    (tmp_path / name).touch()
    (tmp_path / name).chmod(mode)

    (warning,) = warnings(settings)

    assert warning.key == key
    assert warning.hint == f"Run `chmod 600 {tmp_path}/{name}`."


@pytest.mark.req("B-34")
def test_metrics_that_others_can_reach_are_warned_about() -> None:
    assert keys(MODEL + '[metrics]\nlisten = "0.0.0.0:9400"') == ["metrics.listen"]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql://u@db.internal/db", ["store.url"]),
        ("postgresql://u@db.internal/db?sslmode=prefer", ["store.url"]),
        ("postgresql://u@db.internal/db?sslmode=verify-full", []),
        ("postgresql://u@127.0.0.1/db", []),
        ("postgresql://u@/db?host=/run/pg", []),
    ],
)
def test_a_database_that_may_be_reached_in_the_clear_is_warned_about(
    url: str, expected: list[str]
) -> None:
    text = MODEL + f'[store]\nurl = "{url}"\n[auth]\npeppers = {{ 1 = "env:PEPPER" }}'

    assert keys(text) == expected


def keys(text: str) -> list[str]:
    return [warning.key for warning in warnings(read(text, **ENVIRON))]
