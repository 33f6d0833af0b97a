from __future__ import annotations

import io

import pytest
from console import Console

PASSWORD = "canary horse battery"
pytestmark = pytest.mark.req("OP-6", "OP-10")


def given(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(text))


@pytest.fixture
def house(console: Console) -> Console:
    console.run("tenants", "create", "main")
    console.run("users", "create", "main", "anna")
    return console


def test_a_password_is_read_from_standard_input_and_shown_nowhere(
    house: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    given(monkeypatch, PASSWORD + "\n")

    ended = house.run("users", "password", "main/anna")

    (anna,) = house.json("users", "list")
    assert (ended.status, anna["password_set_at"] is not None) == (0, True)
    assert anna["last_login_at"] is None
    records = "".join(
        file.read_text() for file in (house.directory / "data" / "audit").glob("*/*.jsonl")
    )
    assert '"users.password"' in records
    assert "canary" not in ended.out + ended.err + records


def test_a_password_is_taken_away_again(house: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, PASSWORD + "\n")
    house.run("users", "password", "main/anna")

    told = house.json("users", "password", "main/anna", "--remove")

    (anna,) = house.json("users", "list")
    assert told == {"id": "main/anna", "has_password": False}
    assert anna["password_set_at"] is None


@pytest.mark.parametrize("text", ["", "\n", "short\n", "Password1234\n"])
def test_what_is_no_password_is_refused(
    house: Console, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    given(monkeypatch, text)

    ended = house.run("users", "password", "main/anna")

    (anna,) = house.json("users", "list")
    assert ended.status != 0
    assert anna["password_set_at"] is None
    assert not text.strip() or text.strip() not in ended.err
