"""Each command that changes anything leaves one record in the audit log, whatever became of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from console import Console, logged_on

from tollhouse.domain.operations import OPERATIONS

MORE = """
[admin]
listen = "127.0.0.1:8401"
[vault]
keys = { 1 = "file:vault" }
[issuers.okta]
issuer = "https://login.example.com"
audiences = ["llm"]
[[issuers.okta.rules]]
tenant = "acme"
user = "anna"
[tokens]
secrets = { 1 = "file:signing" }
"""

pytestmark = pytest.mark.req("B-12", "S-109", "P-39", "B-23")


def test_every_command_that_changes_anything_leaves_exactly_one_record(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", Typed())
    for words in story(console):
        before = len(acts(console))
        ended = console.run(*words)

        added = acts(console)[before:]
        assert [act["operation"] for act in added] == [".".join(words[:2])], ended.err
        assert added[0]["outcome"] == ("refused" if ended.status else "ok"), ended.err
        assert added[0]["actor"].startswith("host:")

    done = {act["operation"] for act in acts(console) if act["outcome"] == "ok"}
    assert done == {row.name for row in OPERATIONS.values() if row.mutates} - {"usage.resolve"}
    assert console.json("audit", "verify")["is_sound"]


def test_a_command_that_only_reads_leaves_none(console: Console) -> None:
    console.run("tenants", "create", "acme")

    for words in (("tenants", "list"), ("keys", "list"), ("members", "list"), ("usage", "list")):
        assert console.run(*words).status == 0

    assert len(acts(console)) == 1


def test_a_record_says_what_was_changed_and_no_secret(console: Console) -> None:
    console.run("tenants", "create", "acme")
    issued = console.json("keys", "create", "acme", "--name", "web", "--models", "small")
    fresh = console.json("keys", "rotate", issued["id"])

    token = console.json("admin", "token")

    record = acts(console)[-2]
    assert record["subject"] == f"key:{issued['id']}"
    assert record["changed"]["tail"] == [issued["key"][-4:], fresh["key"][-4:]]
    logged = json.dumps(acts(console))
    assert not [s for s in (issued["key"], fresh["key"], token["token"]) if s in logged]


def test_what_is_refused_leaves_a_record_too(console: Console) -> None:
    ended = console.run("keys", "revoke", "000000000000")

    (record,) = acts(console)
    assert ended.status == 1
    assert (record["outcome"], record["code"]) == ("refused", "conflict")


def test_where_no_record_can_be_written_nothing_is_changed(console: Console) -> None:
    console.run("tenants", "create", "acme")
    (console.directory / "data" / "audit" / "home").unlink()
    (console.directory / "data" / "audit" / "home").mkdir()

    ended = console.run("tenants", "create", "bolt")

    assert ended.status == 1
    assert [each["id"] for each in console.json("tenants", "list")] == ["acme"]


def test_who_changed_what_is_listed_with_the_newest_first(console: Console) -> None:
    for name in ("acme", "bolt", "acme"):
        console.run("tenants", "create", name)

    told = console.json("audit", "acts", "--operation", "tenants.create")
    drawn = console.run("audit", "acts", "--subject", "tenant:bolt")

    assert [act["code"] for act in told] == ["conflict", None, None]
    assert [act["subject"] for act in told[1:]] == ["tenant:bolt", "tenant:acme"]
    assert drawn.out.count("tenants.create") == 1


class Typed:
    """Somebody who gives the same whenever something is asked for, and is no terminal."""

    def isatty(self) -> bool:
        return False

    def read(self, _size: int = -1) -> str:
        return "canary horse battery staple"

    readline = read


def story(console: Console) -> Any:
    """Commands, each as soon as what it needs is there."""
    yield "tenants", "create", "acme"
    yield "tenants", "create", "acme"  # refused: it is there
    yield "tenants", "disable", "acme"
    yield "tenants", "enable", "acme"
    yield "limits", "set", "tenant:acme", "--requests-per-minute", "60"
    yield "limits", "set", "model:nothing", "--concurrent", "4"  # refused: there is none
    yield "limits", "remove", "tenant:acme"
    yield "tenants", "name", "acme", "best", "small"
    yield "tenants", "hide", "acme", "gpt-*"
    yield "tenants", "forget", "acme", "best"
    yield "tenants", "forget", "acme", "gpt-*"
    with console.file.open("a") as file:
        file.write(MORE)
    for name, digits in (("signing", "0f"), ("vault", "1e")):
        secret = console.directory / "data" / name
        secret.write_text(digits * 32)
        secret.chmod(0o600)
    yield "issuers", "revoke", "okta", "--subject", "anna"
    yield "issuers", "revoke", "okta"  # refused: it names nothing
    yield "projects", "create", "acme", "web"
    yield "projects", "disable", "acme/web"
    yield "projects", "enable", "acme/web"
    for name in ("anna", "bert"):
        yield "users", "create", "acme", name
        yield "members", "add", f"acme/{name}", "--at", "tenant:acme", "--role", "owner"
    yield "users", "token", "acme/bert", "--models", "small"
    yield "users", "token", "acme/nobody"  # refused: there is none
    yield "users", "disable", "acme/bert"
    yield "users", "enable", "acme/bert"
    yield "users", "allow", "acme/bert", "gpt-*"
    yield "users", "describe", "acme/bert", "--alias", "Bert"
    yield "users", "password", "acme/bert"
    yield "plans", "create", "acme", "--name", "small", "--limit", "5", "--every", "month"
    (plan,) = [each["id"] for each in console.json("plans", "list")]
    yield "plans", "give", "acme/bert", plan
    yield "plans", "change", plan, "--limit", "6"
    yield "plans", "delete", plan  # refused: somebody has it
    yield "plans", "give", "acme/bert", "--none"
    yield "plans", "delete", plan
    yield "members", "change", "acme/bert", "--at", "tenant:acme", "--role", "auditor"
    yield "members", "remove", "acme/anna", "--at", "tenant:acme"  # refused: the last owner
    yield "members", "remove", "acme/bert", "--at", "tenant:acme"
    yield "users", "delete", "acme/bert"
    yield "projects", "delete", "acme/web"
    yield "keys", "create", "acme", "--name", "web"
    (key,) = [each["id"] for each in console.json("keys", "list")]
    yield "keys", "grant", key, "small"
    yield "keys", "withdraw", key, "small"
    yield "keys", "prioritize", key, "low"
    yield "keys", "describe", key, "--name", "shop"
    yield "keys", "expire", key, "--in", "30d"
    yield "keys", "exempt", key
    yield "keys", "ceiling", key, "--per-conversation", "0.50"
    yield "keys", "bind", key, "--foreign-users", "tolerate"
    yield "keys", "disable", key
    yield "keys", "enable", key
    yield "keys", "confine", key, "--from", "10.0.0.0/8"
    yield "keys", "constrain", key, "--certificate", "ab" * 32
    yield "keys", "rotate", key
    yield "keys", "retire", key
    yield "keys", "revoke", key
    yield "budgets", "set", "tenant:acme", "--limit", "10"
    yield "prices", "set", "echo:echo", "--free"
    yield "prices", "seed"
    book = console.directory / "book.toml"
    for dollars, verdict in (("3", "approve"), ("4", "reject")):
        book.write_text(
            f'version = "x"\n[[price]]\ntarget = "up:m"\ninput = "{dollars}"\noutput = "1"\n'
            'source = "a list"\neffective = 2026-11-01\n'
        )
        yield "prices", "update", str(book)
        (update,) = [each["id"] for each in console.json("prices", "diff")]
        yield "prices", verdict, update
    yield "admin", "token"
    (token,) = [each["id"] for each in console.json("admin", "tokens")]
    yield "admin", "revoke", token
    yield "admin", "claim"
    yield "sessions", "revoke", logged_on(console).id
    yield "secrets", "set", "openai"
    yield "secrets", "rewrap"
    yield "secrets", "remove", "openai"
    yield "usage", "resolve", "nothing", "--release"  # refused: there is no such call
    events = console.directory / "events.jsonl"
    event = {"id": "1", "at": "2026-01-31T12:00:00Z", "user": "acme/anna", "target": "up:m"}
    events.write_text(json.dumps({**event, "owed": "0.25"}))
    yield "usage", "import", str(events), "--tenant", "acme", "--source", "meter", "--apply"
    yield "usage", "reprice", "up:m", "--apply"
    yield "usage", "fold"
    yield "tenants", "create", "bolt"
    yield "tenants", "delete", "bolt"


def acts(console: Console) -> list[dict[str, Any]]:
    files: list[Path] = sorted((console.directory / "data" / "audit").glob("*/*.jsonl"))
    records = [json.loads(line) for file in files for line in file.read_text().splitlines()]
    return [record for record in records if record["kind"] == "act"]
