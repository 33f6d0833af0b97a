from __future__ import annotations

import pytest
from console import Console


@pytest.mark.req("OP-22", "OT-42")
def test_limits_are_set_listed_and_removed(console: Console) -> None:
    console.run("tenants", "create", "acme")
    console.run("limits", "set", "tenant:acme", "--requests-per-minute", "60", "--concurrent", "4")
    console.run("limits", "set", "route:chat", "--input-tokens-per-minute", "0")

    listed = console.json("limits", "list")
    removed = console.json("limits", "remove", "tenant:acme")

    assert listed == [
        {"subject": "route:chat", "input_tokens_per_minute": 0},
        {"subject": "tenant:acme", "concurrent": 4, "requests_per_minute": 60},
    ]
    assert removed == {"subject": "tenant:acme", "is_removed": True}
    assert "unlimited" in console.run("limits", "list").out


def test_a_model_of_the_settings_may_be_limited_and_no_other(console: Console) -> None:
    set_, refused = (
        console.run("limits", "set", f"model:{name}", "--requests-per-day", "5")
        for name in ("small", "large")
    )

    assert "requests per day" in set_.out
    assert (set_.status, refused.status) == (0, 1)
    assert "there is no model 'large'" in refused.err


def test_a_limit_is_said(console: Console) -> None:
    ended = console.run("limits", "set", "route:chat")

    assert ended.status == 2
    assert "at least one limit" in ended.err
