"""Links that log on, and who is logged on."""

from __future__ import annotations

import pytest
from console import Console, logged_on

LISTENING = '[admin]\nlisten = "127.0.0.1:8401"\n'


@pytest.mark.req("S-27", "S-26")
def test_a_link_is_printed_alone_and_kept_nowhere(console: Console) -> None:
    console.file.write_text(console.file.read_text() + LISTENING)

    ended = console.run("admin", "claim", "--ttl", "5m")

    link = ended.out.strip()
    assert ended.status == 0
    assert link.startswith("http://127.0.0.1:8401/console/claim?claim=thc_")
    assert "lets in once" in ended.err
    secret = link.partition("=")[2].removeprefix("thc_").encode()
    kept = [path for path in console.directory.rglob("*") if path.is_file()]
    assert not any(secret in path.read_bytes() for path in kept)


def test_where_nobody_logs_on_no_link_is_made(console: Console) -> None:
    ended = console.run("admin", "claim")

    assert ended.status == 2
    assert "admin.listen" in ended.err


@pytest.mark.parametrize("ttl", ["0s", "2h"])
def test_a_link_is_good_for_minutes(console: Console, ttl: str) -> None:
    console.file.write_text(console.file.read_text() + LISTENING)

    ended = console.run("admin", "claim", "--ttl", ttl)

    assert ended.status == 1
    assert "up to an hour" in ended.err


@pytest.mark.req("S-27")
def test_a_session_is_listed_and_ended_by_its_id(console: Console) -> None:
    console.run("tenants", "list")
    begun = logged_on(console)

    (listed,) = console.json("sessions", "list")
    ended = console.run("sessions", "revoke", begun.id)
    again = console.run("sessions", "revoke", begun.id)

    assert (listed["id"], listed["name"], listed["state"]) == (begun.id, "host:root", "open")
    assert begun.secret not in str(listed)
    assert (ended.status, again.status) == (0, 1)
    assert console.json("sessions", "list")[0]["state"].startswith("ended: host:")
    assert "ended: host:" in console.run("sessions", "list").out
