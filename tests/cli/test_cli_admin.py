"""Tokens for the admin listener, and the document that it serves."""

from __future__ import annotations

import pytest
from console import Console


@pytest.mark.req("B-23", "S-26")
def test_a_token_is_shown_once_alone_and_kept_nowhere(console: Console) -> None:
    ended = console.run("admin", "token", "--ttl", "5m")

    token = ended.out.strip()
    assert ended.status == 0
    assert token.startswith("tha_1_")
    assert "only time it is shown" in ended.err
    kept = [path for path in console.directory.rglob("*") if path.is_file()]
    assert not any(token.encode() in path.read_bytes() for path in kept)


@pytest.mark.req("B-23")
@pytest.mark.parametrize("ttl", ["0s", "13h", "30d"])
def test_a_token_lives_for_minutes_or_hours(console: Console, ttl: str) -> None:
    ended = console.run("admin", "token", "--ttl", ttl)

    assert ended.status == 1
    assert "up to 12 hours" in ended.err


@pytest.mark.req("S-139")
def test_the_document_is_printed_without_a_listener(console: Console) -> None:
    document = console.json("openapi")

    assert document["openapi"] == "3.1.0"
    assert "/openapi.json" not in document["paths"]
