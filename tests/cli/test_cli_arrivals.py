"""Users, keys, budgets and prices that come with another gateway."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import apsw
import pytest
from console import Console

pytestmark = pytest.mark.req("OT-13", "OT-15", "OT-23", "OT-35", "B-7")

OLD = {name: f"gw-{name}-{'x' * 48}" for name in ("web", "lost", "bare", "off")}
CONFIG = """
providers: {ollama: {api_base: 'http://127.0.0.1:11434'}}
pricing: {'ollama:m': {input_price_per_million: 1, output_price_per_million: 2}}
"""
BUDGET = {
    "budget_id": "b1",
    "name": "small",
    "max_budget": 12.5,
    "budget_duration_sec": None,
    "reset_alignment": "calendar_month",
}
USERS = [
    {
        "user_id": "Anna Smith",
        "alias": None,
        "budget_id": "b1",
        "allowed_models": '["ollama:*"]',
        "blocked": 0,
        "deleted_at": None,
        "metadata": '{"team": "web"}',
    },
    {"user_id": "bert", "alias": "Bert", "budget_id": None, "blocked": 1},
    {"user_id": "gone", "deleted_at": "2026-01-01 00:00:00"},
]
PRICES = [
    {
        "model_key": target,
        "effective_at": "2026-01-01 00:00:00",
        "input_price_per_million": 0.1,
        "output_price_per_million": 2,
    }
    for target in ("ollama:big", "openai:gpt-4o")
]


def digest(name: str) -> str:
    return sha256(OLD[name].encode()).hexdigest()


KEYS: list[dict[str, Any]] = [
    {
        "id": "k1",
        "key_hash": digest("web"),
        "key_name": "web",
        "key_suffix": "abcd",
        "user_id": "Anna Smith",
        "expires_at": "2030-01-01 00:00:00.000000",
        "is_active": 1,
        "allowed_models": None,
        "exclude_from_budget": 1,
        "reject_user_mismatch": 0,
    },
    {"id": "k2", "key_hash": digest("off"), "user_id": "bert", "is_active": 0},
    {"id": "k3", "key_hash": digest("lost"), "user_id": "gone", "is_active": 1},
    {"id": "k4", "key_hash": "no digest", "user_id": "bert", "is_active": 1},
    {"id": "k5", "key_hash": digest("bare"), "key_name": "bare", "is_active": 1},
]
TABLES = {"budgets": [BUDGET], "users": USERS, "api_keys": KEYS, "model_pricing": PRICES}


def otari(console: Console, *more: str) -> Any:
    config = console.directory / "config.yml"
    config.write_text(CONFIG)
    return console.json("import", "otari", str(config), "--store", str(_database(console)), *more)


def _database(console: Console) -> Path:
    file = console.directory / "otari.db"
    if file.exists():
        return file
    connection = apsw.Connection(str(file))
    for table, rows in TABLES.items():
        columns = list(dict.fromkeys(name for row in rows for name in row))
        connection.execute(f"CREATE TABLE {table} ({', '.join(columns)})")
        for row in rows:
            values = ", ".join("?" * len(columns))
            connection.execute(
                f"INSERT INTO {table} VALUES ({values})", [row.get(name) for name in columns]
            )
    connection.close()
    return file


def test_without_apply_it_is_only_said(console: Console) -> None:
    told = otari(console)

    assert "make the user main/anna-smith" in told["acts"]
    assert "take in the key 'web'" in told["acts"]
    assert console.json("tenants", "list") == []


def test_all_of_it_comes_along_act_by_act(console: Console) -> None:
    told = otari(console, "--apply")

    keys = {row["name"]: row for row in console.json("keys", "list")}
    users = {row["id"]: row for row in console.json("users", "list")}
    accounts = {row["owner"]: row for row in console.json("budgets", "list")}
    assert set(keys) == {"web", "unnamed", "bare"}
    assert keys["web"]["user"] == "main/anna-smith"
    assert keys["web"]["models"] == ["ollama:*"]
    assert keys["web"]["expires_at"] == "2030-01-01T00:00:00Z"
    assert keys["unnamed"]["state"] == "disabled"
    assert keys["bare"]["models"] == ["*"]
    assert users["main/bert"]["is_disabled"]
    assert users["main/anna-smith"]["models"] == ["ollama:*"]
    anna = accounts["user:main/anna-smith"]
    assert (anna["limit_nanos"], anna["every"]) == (12_500_000_000, "month")
    assert accounts["user:main/bert"]["has_budget"]
    by_hand = [row for row in console.json("prices", "list") if row["source"] == "operator"]
    assert sorted(row["target"] for row in by_hand) == ["ollama:big", "ollama:m", "openai:gpt-4o"]
    records = [each["operation"] for each in acts(console)]
    assert len(records) == len(told["acts"])
    assert records.count("keys.create") == 3
    assert console.json("audit", "verify")["is_sound"]


def test_what_cannot_come_is_named_and_no_key_comes_without_its_user(console: Console) -> None:
    left = "\n".join(otari(console, "--apply")["left"])

    assert "users.gone: it was deleted" in left
    assert "api_keys.k3: its user gone does not come" in left
    assert "api_keys.k4: it is kept as no SHA-256" in left
    assert "users.Anna Smith: is called anna-smith here" in left
    assert not [secret for secret in (*OLD.values(), digest("web")) if secret in left]


def test_it_may_be_done_again_and_changes_nothing_that_is_there(console: Console) -> None:
    otari(console, "--apply")
    before = console.json("keys", "list"), console.json("plans", "list")

    again = otari(console, "--apply")

    assert again["acts"] == []
    assert (console.json("keys", "list"), console.json("plans", "list")) == before


def test_no_digest_of_theirs_is_in_the_store_or_in_an_export(console: Console) -> None:
    otari(console, "--apply")
    out = console.directory / "out"

    console.run("export", str(out))

    stored = (console.directory / "data" / "tollhouse.db").read_bytes()
    exported = (out / "keys.jsonl").read_text()
    assert digest("web").encode() not in stored
    assert "foreign_digest" not in exported


LITELLM = {
    "LiteLLM_BudgetTable": [{"budget_id": "b", "max_budget": 3, "budget_duration": "30d"}],
    "LiteLLM_UserTable": [
        {"user_id": "anna", "user_email": "anna@example.com", "max_budget": 10, "models": []}
    ],
    "LiteLLM_VerificationToken": [
        {
            "token": digest("web"),
            "key_alias": "web",
            "key_name": "sk-...abcd",
            "user_id": "anna",
            "models": ["gpt"],
            "budget_id": "b",
            "tpm_limit": 5,
        },
        {
            "token": digest("off"),
            "key_alias": "off",
            "models": ["all-team-models"],
            "blocked": True,
        },
    ],
}


def test_litellms_users_and_keys_come_with_the_budgets_that_stand_on_them(
    console: Console,
) -> None:
    config, store = console.directory / "config.json", console.directory / "tables.json"
    config.write_text('{"model_list": []}')
    store.write_text(json.dumps(LITELLM))

    told = console.json(
        *("import", "litellm", str(config), "--store", str(store), "--tenant", "acme", "--apply")
    )

    keys = {row["name"]: row for row in console.json("keys", "list")}
    accounts = {row["owner"]: row for row in console.json("budgets", "list")}
    web, off = keys["web"], keys["off"]
    assert (web["models"], web["tail"], off["models"], off["state"]) == (
        *(["gpt"], "abcd", [], "disabled"),
    )
    own = accounts[f"key:{web['id']}"]
    assert (own["limit_nanos"], own["every"]) == (3_000_000_000, "2592000s")
    assert accounts["user:acme/anna"]["limit_nanos"] == 10_000_000_000
    assert any("tpm_limit" in each for each in told["left"])
    assert any("teams do not come" in each for each in told["left"])


@pytest.mark.parametrize("text", ["[]", '{"users": {}}', '{"users": [1]}'])
def test_a_store_that_is_no_tables_is_refused(console: Console, text: str) -> None:
    config, store = console.directory / "config.json", console.directory / "tables.json"
    config.write_text('{"model_list": []}')
    store.write_text(text)

    ended = console.run("import", "litellm", str(config), "--store", str(store), "--apply")

    assert ended.status == 2


def test_a_file_that_is_no_database_is_refused(console: Console) -> None:
    config, store = console.directory / "config.json", console.directory / "otari.db"
    config.write_text('{"model_list": []}')
    store.write_text("no database at all, and long enough to be looked at")

    assert console.run("import", "litellm", str(config), "--store", str(store)).status == 2


def acts(console: Console) -> list[dict[str, Any]]:
    files = sorted((console.directory / "data" / "audit").glob("*/*.jsonl"))
    records = [json.loads(line) for file in files for line in file.read_text().splitlines()]
    return [record for record in records if record["kind"] == "act"]
