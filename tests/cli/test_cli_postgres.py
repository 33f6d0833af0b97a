from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from console import Console


def test_postgres_is_migrated_only_when_asked(
    console: Console, postgres_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PEPPER", "5f0c91ab" * 8)
    url = urlsplit(postgres_database)
    monkeypatch.setenv("PASSWORD", url.password or "")
    place = postgres_database.replace(f":{url.password}@", "@")
    with console.file.open("a") as file:
        file.write(
            f'[store]\nurl = "{place}"\npassword = "env:PASSWORD"\n[auth.peppers]\n1 = "env:PEPPER"\n'
        )

    early = console.run("tenants", "list")
    steps = console.json("migrate")["steps"]
    again = console.json("migrate")["steps"]
    created = console.json("tenants", "create", "acme")
    console.run("keys", "create", "acme", "--name", "x")
    sums = console.run("usage", "report", "--by", "day", "--json")

    assert early.status == 1
    assert "schema: the database needs `tollhouse migrate` first" in early.err
    assert (bool(steps), again) == (True, [])
    assert created == {"id": "acme"}
    assert sums.json["rows"] == []
    assert len(console.json("prices", "list")) > 100
