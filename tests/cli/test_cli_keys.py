from __future__ import annotations

import pytest
from console import Console

from tollhouse.domain import credentials


def test_a_new_house_issues_a_key_at_once(console: Console) -> None:
    console.run("tenants", "create", "bench")
    console.run("budgets", "set", "tenant:bench", "--limit", "1000000")
    console.run("prices", "set", "bench:bench-model", "--input", "1", "--output", "2")

    issued = console.json("keys", "create", "bench", "--name", "bench", "--models", "*")

    assert credentials.public_id(issued["key"]) == issued["id"]


def test_the_key_alone_is_on_standard_output(console: Console) -> None:
    console.run("tenants", "create", "acme")

    ended = console.run("keys", "create", "acme", "--name", "website")

    assert credentials.public_id(ended.out.strip()) is not None
    assert "only time it is shown" in ended.err
    assert "may call nothing yet" in ended.err


@pytest.mark.req("S-26", "OT-16")
def test_listing_and_showing_never_print_the_key(console: Console) -> None:
    console.run("tenants", "create", "acme")
    issued = console.json("keys", "create", "acme", "--name", "website")
    secret = issued["key"].split("_")[2]

    shown = [
        console.run("keys", "list").out,
        console.run("keys", "list", "--json").out,
        console.run("keys", "show", issued["id"]).out,
    ]

    assert all(issued["id"] in page and secret not in page for page in shown)


def test_a_key_goes_through_its_life(console: Console) -> None:
    console.run("tenants", "create", "acme")
    issued = console.json("keys", "create", "acme", "--name", "website", "--limit", "0.50")
    key = issued["id"]

    granted = console.json("keys", "grant", key, "small", "big-*")
    rotated = console.json("keys", "rotate", key, "--grace", "1h")
    console.run("keys", "revoke", key)

    record = console.json("keys", "show", key)
    assert granted["models"] == ["small", "big-*"]
    assert rotated["id"] == key
    assert rotated["key"] != issued["key"]
    assert record["state"] == "revoked"
    assert record["limit_nanos"] == 500_000_000
    assert record["limit_dollars"] == "$0.50"


@pytest.mark.req("B-40")
def test_a_key_has_a_priority_that_can_be_changed(console: Console) -> None:
    console.run("tenants", "create", "acme")
    key = console.json("keys", "create", "acme", "--name", "batch", "--priority", "low")["id"]
    given = console.json("keys", "show", key)["priority"]

    console.run("keys", "prioritize", key, "high")

    assert (given, console.json("keys", "show", key)["priority"]) == ("low", "high")
    assert console.run("keys", "prioritize", key, "highest").status == 2


def test_a_name_that_would_steer_the_terminal_is_refused(console: Console) -> None:
    console.run("tenants", "create", "acme")

    ended = console.run("keys", "create", "acme", "--name", "\x1b[2J")

    assert ended.status == 1
    assert "field_invalid" in ended.err


@pytest.mark.req("OT-53")
def test_a_tenant_is_given_names_of_its_own_and_they_are_taken_away(console: Console) -> None:
    console.run("tenants", "create", "acme")

    console.run("tenants", "name", "acme", "best", "small")
    console.run("tenants", "hide", "acme", "sm*")
    named = console.json("tenants", "names", "acme")
    console.run("tenants", "forget", "acme", "best")

    assert named == {"names": {"best": "small"}, "hidden": ["sm*"]}
    assert console.json("tenants", "names", "acme") == {"names": {}, "hidden": ["sm*"]}


@pytest.mark.req("B-21")
def test_a_key_is_confined_and_let_out_again(console: Console) -> None:
    console.run("tenants", "create", "acme")
    wish = ("--from", "10.0.0.0/8", "--for", "embeddings", "--for", "models")
    key = console.json("keys", "create", "acme", "--name", "web", *wish)["id"]

    made = console.json("keys", "show", key)
    moved = console.json("keys", "confine", key, "--from", "192.0.2.0/24")
    freed = console.json("keys", "confine", key, "--anywhere", "--anything")

    assert (made["networks"], made["purposes"]) == (["10.0.0.0/8"], ["embeddings", "models"])
    assert (moved["networks"], moved["purposes"]) == (["192.0.2.0/24"], ["embeddings", "models"])
    assert (freed["networks"], freed["purposes"]) == ([], [])


@pytest.mark.req("B-21")
def test_a_key_is_bound_to_hours_beside_what_it_was_bound_to(console: Console) -> None:
    console.run("tenants", "create", "acme")
    key = console.json("keys", "create", "acme", "--name", "web", "--for", "chat")["id"]

    bound = console.json("keys", "confine", key, "--hours", "mon-fri 08:00-18:00")
    moved = console.json("keys", "confine", key, "--from", "192.0.2.0/24")
    freed = console.json("keys", "confine", key, "--anytime")
    both = console.run("keys", "confine", key, "--anytime", "--hours", "mon")

    assert (bound["hours"], bound["purposes"]) == (
        "mon,tue,wed,thu,fri 08:00-18:00 UTC",
        ["chat"],
    )
    assert (moved["hours"], moved["networks"]) == (bound["hours"], ["192.0.2.0/24"])
    assert (freed["hours"], freed["networks"]) == (None, ["192.0.2.0/24"])
    assert both.status == 2


@pytest.mark.req("B-22")
def test_an_old_secret_is_told_of_and_retired(console: Console) -> None:
    console.run("tenants", "create", "acme")
    key = console.json("keys", "create", "acme", "--name", "web")["id"]
    console.run("keys", "rotate", key, "--grace", "1h")

    during = console.json("keys", "show", key)
    console.run("keys", "retire", key)
    after = console.json("keys", "show", key)

    assert (during["previous_until"] is None, during["previous_used_at"]) == (False, None)
    assert after["previous_until"] is None
    assert after["rotated_at"] == during["rotated_at"]


@pytest.mark.req("P-37")
@pytest.mark.parametrize("way", ["@", "-"])
def test_what_leaked_is_revoked_from_any_text_and_never_shown(
    console: Console, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    console.run("tenants", "create", "acme")
    issued = console.json("keys", "create", "acme", "--name", "web")
    token = console.run("admin", "token").out.strip()
    text = f"export KEY={issued['key']} TOKEN={token} \udcff"
    paste = console.directory / "paste.txt"
    paste.write_text(text, errors="surrogateescape")
    given = "-" if way == "-" else f"@{paste}"

    with paste.open() as stream:
        monkeypatch.setattr("sys.stdin", stream)
        ended = console.run("keys", "revoke", "--leaked", given, "--json")

    assert [(each["kind"], each["was"], each["is_revoked"]) for each in ended.json] == [
        ("key", "active", True),
        ("admin token", "active", True),
    ]
    assert console.json("keys", "show", issued["id"])["state"] == "revoked"
    acts = console.json("audit", "acts")
    done = [each["operation"] for each in acts[:2]]
    assert sorted(done) == ["admin.revoke", "keys.revoke"]
    log = "".join(file.read_text() for file in (console.directory / "data").rglob("*.jsonl"))
    for secret in (issued["key"].split("_")[2], token.rpartition("_")[2]):
        assert secret not in ended.out + ended.err + log


def test_either_a_key_is_named_or_a_text(console: Console) -> None:
    assert console.run("keys", "revoke").status == 2
    assert console.run("keys", "revoke", "0Ab1Cd2Ef3Gh", "--leaked", "x").status == 2


@pytest.mark.req("P-37")
def test_the_settings_bound_how_long_a_key_lives(console: Console) -> None:
    console.run("tenants", "create", "acme")
    settings = console.file.read_text()
    console.file.write_text(settings + "[keys]\nlongest_life_days = 30\n")
    wish = ("keys", "create", "acme", "--name", "web")

    usual = console.run(*wish)
    refused = [
        console.run(*wish, *more) for more in (("--never-expires",), ("--expires-in", "31d"))
    ]

    assert usual.status == 0
    assert all(each.status == 1 and "field_invalid" in each.err for each in refused)


@pytest.mark.req("B-21")
def test_a_key_is_bound_to_its_bearer_and_let_go(console: Console) -> None:
    console.run("tenants", "create", "acme")
    key = console.json("keys", "create", "acme", "--name", "web")["id"]

    bound = ("--certificate", "AB:" * 31 + "AB", "--proof-key", "A" * 43)
    said = console.json("keys", "constrain", key, *bound)
    wrong = console.run("keys", "constrain", key, "--proof-key", "A" * 42)
    freed = console.json("keys", "constrain", key, "--no-certificate", "--no-proof")

    assert (said["certificates"], said["proof_key"]) == (["ab" * 32], "A" * 43)
    assert (wrong.status, "field_invalid" in wrong.err) == (1, True)
    assert (freed["certificates"], freed["proof_key"]) == ([], None)
