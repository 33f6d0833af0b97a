"""Tokens of our own are signed for users and projects that are here, and for a while that may be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from stores import NOW
from tollhouse.control import own_tokens, revoking, tenancy
from tollhouse.control.own_tokens import Wish
from tollhouse.domain.claims import LEEWAY_S
from tollhouse.domain.errors import FieldInvalid
from tollhouse.domain.spiffe import LONGEST
from tollhouse.domain.storing import Conflict
from tollhouse.storage.sqlite import SqliteDatabase

LONGEST_LIFE_S = 600
pytestmark = pytest.mark.req("OP-2", "OP-10")


async def issued(store: SqliteDatabase, **wish: Any) -> list[Mapping[str, Any]]:
    """What was signed."""
    signed: list[Mapping[str, Any]] = []

    def sign(claims: Mapping[str, Any]) -> str:
        signed.append(claims)
        return "signed"

    wanted = {"user": "acme/anna", "project": "default", "models": ("m",), "lives_s": 60, **wish}
    assert await own_tokens.issue(store, sign, Wish(**wanted), LONGEST_LIFE_S, NOW) == "signed"
    return signed


@pytest.fixture
async def house(sqlite: SqliteDatabase) -> SqliteDatabase:
    await tenancy.create_tenant(sqlite, "acme", NOW)
    await tenancy.create_user(sqlite, "acme", "anna", NOW)
    return sqlite


@pytest.mark.parametrize("lives_s", [1, LONGEST_LIFE_S])
async def test_a_token_lives_as_long_as_any_may(house: SqliteDatabase, lives_s: int) -> None:
    (claims,) = await issued(house, lives_s=lives_s)

    assert claims["exp"] - claims["iat"] == lives_s
    assert (claims["sub"], claims["project"], claims["models"]) == ("acme/anna", "default", ["m"])


@pytest.mark.parametrize("lives_s", [-1, 0, LONGEST_LIFE_S + 1])
async def test_no_token_lives_longer_or_not_at_all(house: SqliteDatabase, lives_s: int) -> None:
    with pytest.raises(FieldInvalid, match="from 1 to 600 seconds"):
        await issued(house, lives_s=lives_s)


@pytest.mark.parametrize(
    ("wish", "what"),
    [
        ({"user": "acme/bob"}, "no user"),
        ({"user": "acme"}, "no user"),
        ({"project": "secret"}, "no project"),
    ],
    ids=range(3),
)
async def test_nobody_gets_one_who_is_not_here(
    house: SqliteDatabase, wish: dict[str, str], what: str
) -> None:
    with pytest.raises(Conflict, match=what):
        await issued(house, **wish)


@pytest.mark.parametrize(("token_id", "subject"), [("", ""), ("a", "b")])
async def test_one_token_is_taken_back_or_all_of_a_subject(
    sqlite: SqliteDatabase, token_id: str, subject: str
) -> None:
    with pytest.raises(FieldInvalid):
        await revoking.revoke(sqlite, "okta", 60, token_id, subject, NOW)

    assert await revoking.listed(sqlite) == []


@pytest.mark.parametrize("length", [LONGEST, LONGEST + 1])
async def test_whose_name_is_longer_than_any_is_not_taken_back(
    sqlite: SqliteDatabase, length: int
) -> None:
    if length > LONGEST:
        with pytest.raises(FieldInvalid, match="characters"):
            await revoking.revoke(sqlite, "okta", 60, "", "a" * length, NOW)
    else:
        await revoking.revoke(sqlite, "okta", 60, "", "a" * length, NOW)

    assert len(await revoking.listed(sqlite)) == (length == LONGEST)


async def test_it_is_kept_until_none_can_be_good_any_more(sqlite: SqliteDatabase) -> None:
    kept = await revoking.revoke(sqlite, "okta", 60, "one", "", NOW)

    assert kept.until_ms == NOW + (60 + LEEWAY_S) * 1000
    assert list(await revoking.listed(sqlite)) == [kept]
    later = await revoking.revoke(sqlite, "okta", 60, "", "anna", kept.until_ms)
    assert list(await revoking.listed(sqlite)) == [later]
