"""Logging in and out as OpenCode's clients do, before a served gateway: what comes of it, and what is told to whom."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from journeys.gateway import Gateway, ask, furnish, now_ms, prepared, until
from journeys.provider import Provider, provider
from security.wire import Got, Lines, bearer, refused_in_dialect, request, send
from tollhouse.auth.passwords import Passwords
from tollhouse.control import members, passwords, peppers, tenancy
from tollhouse.domain.operations import Role
from tollhouse.domain.roles import HOUSE, Actor, Grant
from tollhouse.domain.tokens import read
from tollhouse.storage.tenancy import Kind
from tollhouse.wiring import Store

TOKEN, LOGOUT, CHAT = "/api/v1/auth/token", "/api/v1/auth/logout", "/api/v1/chat/completions"
JSON = ("content-type", "application/json")
PASSWORD = "canary horse battery"
SECRET = "canary-of-the-signing-secret-0123"
HOST = Actor("host:test", "host", (Grant(Role.OWNER, HOUSE),))
EXPIRED = "Invalid or expired token"


@pytest.mark.req("OP-6", "OP-1", "OP-7")
async def test_a_name_and_a_password_give_a_token_that_calls_and_its_record_says_so(
    door: Gateway,
) -> None:
    got = await login(door, "anna", request_id="login-anna")
    asked = await call(door, token_of(got))

    assert (got.status, got.json.keys()) == (200, {"access_token", "token_type", "expires_in"})
    assert (got.json["token_type"], got.json["expires_in"]) == ("bearer", 90 * 60)
    claims = read(token_of(got)).claims
    assert (claims["sub"], claims["username"], claims["role"]) == ("main/anna", "anna", "user")
    assert claims["exp"] - claims["iat"] == 90 * 60
    assert asked.status == 200
    (record,) = await records(door, "login-anna")
    assert (record["user"], record["proof"], record["status"]) == ("main/anna", "password", 200)
    await door.nothing_is_held()


@pytest.mark.req("OP-6", "S-25")
async def test_whatever_is_wrong_with_a_login_the_same_bytes_say_so_and_one_record_is_left(
    door: Gateway, up: Provider
) -> None:
    before = len(up.asked)
    wrong = {"anna": "wrong horse battery", "nobody": PASSWORD, "bert": PASSWORD, "\0": PASSWORD}

    answers = [
        await login(door, name, password, request_id=f"wrong-{at}")
        for at, (name, password) in enumerate(wrong.items())
    ]

    told = {each.body.replace(b"wrong-%d" % at, b"") for at, each in enumerate(answers)}
    assert [each.status for each in answers] == [401] * 4
    assert len(told) == 1
    assert answers[0].json["error_code"] == "LOGIN_FAILED"
    assert answers[0].headers["www-authenticate"].startswith("Bearer")
    for at in range(4):
        (record,) = await records(door, f"wrong-{at}")
        assert (record["code"], record["key"], record["user"]) == (
            "login_failed",
            "anonymous",
            None,
        )
    assert len(up.asked) == before


@pytest.mark.req("OP-8", "OP-3")
@pytest.mark.parametrize(
    ("headers", "detail"),
    [
        ((), "Not authenticated"),
        ((bearer("eyJhbGciOiJub25lIn0.e30."),), EXPIRED),
        ((bearer("thk_nobody"),), EXPIRED),
        ((("authorization", "Basic YTpi"),), EXPIRED),
    ],
)
async def test_who_shows_nothing_good_is_told_so_as_its_clients_know_it(
    door: Gateway, headers: Lines, detail: str
) -> None:
    got = await send(door.port, request(b"", headers, target=LOGOUT))

    assert (got.status, got.json) == (401, {"detail": detail})
    assert got.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.req("OP-20", "OP-6")
@pytest.mark.parametrize(
    "body",
    [
        {},
        {"username": "anna"},
        {"username": "anna", "password": 12},
        {"username": ["anna"], "password": PASSWORD},
        {"username": "anna", "password": PASSWORD, "otp": "1"},
    ],
)
async def test_a_login_that_is_none_is_422_and_not_told_again(door: Gateway, body: Any) -> None:
    got = await send(door.port, request(json.dumps(body).encode(), (JSON,), target=TOKEN))

    assert got.status == 422
    assert b"canary" not in got.body


@pytest.mark.req("OP-25", "OP-20")
@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b'{"username": "anna", "username": "bert", "password": "x"}', 400),
        (b'{"username": "' + b"a" * 5000 + b'"}', 413),
    ],
)
async def test_what_is_no_json_or_too_much_of_it_is_refused(
    door: Gateway, raw: bytes, status: int
) -> None:
    got = await send(door.port, request(raw, (JSON,), target=TOKEN))

    assert got.status == status


@pytest.mark.req("OP-10")
async def test_who_logged_out_is_out_at_once_and_other_logins_go_on(door: Gateway) -> None:
    one, other = [token_of(await login(door, "anna")) for _ in range(2)]

    left = await send(door.port, request(b"", (bearer(one),), target=LOGOUT))
    again = await send(door.port, request(b"", (bearer(one),), target=LOGOUT))

    assert (left.status, left.body) == (204, b"")
    assert (again.status, again.json) == (401, {"detail": EXPIRED})
    refused_in_dialect(await call(door, one), "token_invalid", CHAT)
    assert (await call(door, other)).status == 200


@pytest.mark.req("OP-10")
async def test_a_key_is_not_logged_out(door: Gateway) -> None:
    got = await send(door.port, request(b"", (bearer(door.key),), target=LOGOUT))

    assert (got.status, got.json["error_code"]) == (409, "CONFLICT")


@pytest.mark.req("OP-10", "H-140")
async def test_a_new_password_shuts_out_who_came_by_the_old_one(door: Gateway) -> None:
    token = token_of(await login(door, "carl"))
    assert (await call(door, token)).status == 200

    await door.on_store(lambda store: given(door, store, "carl", "another horse battery"))

    async def is_out() -> bool:
        return (await call(door, token)).status == 401

    await until(is_out, "the old token is refused")
    assert (await login(door, "carl")).status == 401
    fresh = await login(door, "carl", "another horse battery")
    assert (await call(door, token_of(fresh))).status == 200


@pytest.mark.req("OP-5")
async def test_who_only_reads_is_refused_what_spends_from_the_moment_on(
    door: Gateway, up: Provider
) -> None:
    token = token_of(await login(door, "dora"))
    before = len(up.asked)

    await door.on_store(
        lambda store: members.add(store, HOST, "main/dora", "tenant:main", Role.READONLY, now_ms())
    )

    async def is_refused() -> bool:
        return (await call(door, token)).code == "role_readonly"

    await until(is_refused, "the token only reads")
    spent = len(up.asked)
    refused_in_dialect(await call(door, token), "role_readonly", CHAT)
    again = token_of(await login(door, "dora"))
    assert read(again).claims["role"] == "readonly"
    refused_in_dialect(await call(door, again), "role_readonly", CHAT)
    assert len(up.asked) == spent >= before
    listed = await send(
        door.port, request(b"", (bearer(again),), method="GET", target="/v1/models")
    )
    assert listed.status == 200
    left = await send(door.port, request(b"", (bearer(again),), target=LOGOUT))
    assert left.status == 204
    await door.nothing_is_held()


@pytest.mark.req("B-24", "OP-6")
async def test_guesses_wait_before_any_proof_and_others_are_not_kept_out(
    tmp_path: Path, up: Provider
) -> None:
    further = "[logins]\nfailures_per_minute = 3\n"
    async with opened(tmp_path, up, further) as door:
        answers = [await login(door, "anna", f"guess number {n} of many") for n in range(8)]
        right = await login(door, "anna")
        other = await login(door, "carl")

    assert [each.status for each in answers] == [401] * 3 + [429] * 5
    assert answers[-1].json["error_code"] == "TOO_MANY_FAILURES"
    assert int(answers[-1].headers["retry-after"]) >= 1
    assert right.status == 429
    assert other.status == 200


@pytest.mark.req("OP-45", "OP-10", "S-25")
async def test_no_password_and_no_token_is_written_down_anywhere(door: Gateway) -> None:
    token = token_of(await login(door, "anna", request_id="written"))
    await login(door, "anna", "canary of a wrong one", request_id="written-not")
    await records(door, "written")
    await records(door, "written-not")

    said = door.log() + "".join(door.audit_lines())

    assert "canary" not in said
    assert token.split(".")[1] not in said
    rows = await door.rows("SELECT password FROM passwords")
    assert all(text.startswith("$argon2id$") for (text,) in rows)


@pytest.fixture(scope="module")
async def up() -> AsyncIterator[Provider]:
    async with provider() as it:
        yield it


@pytest.fixture(scope="module")
async def door(tmp_path_factory: pytest.TempPathFactory, up: Provider) -> AsyncIterator[Gateway]:
    async with opened(tmp_path_factory.mktemp("opencode"), up) as it:
        yield it


@asynccontextmanager
async def opened(
    directory: Path, up: Provider, further: str = "[logins]\nfailures_per_minute = 0\n"
) -> AsyncIterator[Gateway]:
    """Anna, Carl and Dora have passwords; Bert has one and is disabled."""
    it = prepared(directory, up.url, settings=further)
    it.profile = "opencode"
    it.environ |= {"JWT_SECRET": SECRET, "JWT_EXPIRE_MINUTES": "90"}
    await furnish(it, 10**12)

    async def people(store: Store) -> None:
        await tenancy.create_tenant(store, "main", now_ms())
        for name in ("anna", "bert", "carl", "dora"):
            await tenancy.create_user(store, "main", name, now_ms())
            await given(it, store, name)
        await tenancy.set_disabled(store, Kind.USER, "main/bert", is_disabled=True)

    await it.on_store(people)
    await it.budget(10**12, "tenant:main")
    async with it.serving():
        yield it


async def given(it: Gateway, store: Store, name: str, password: str = PASSWORD) -> None:
    secrets = await peppers.opened(it.settings, store)
    keep = Passwords(secrets.versions, secrets.current).kept
    user = f"main/{name}"
    await passwords.set_password(store, keep, frozenset(), user, password, 86_400, now_ms())


async def login(
    door: Gateway, name: str, password: str = PASSWORD, request_id: str = "some"
) -> Got:
    body = json.dumps({"username": name, "password": password}).encode()
    return await send(door.port, request(body, (JSON, ("x-request-id", request_id)), target=TOKEN))


def token_of(got: Got) -> str:
    return str(got.json["access_token"])


async def call(door: Gateway, token: str) -> Got:
    raw = request(json.dumps(ask()).encode(), (JSON, bearer(token)), target=CHAT)
    return await send(door.port, raw)


async def records(door: Gateway, request_id: str) -> list[dict[str, Any]]:
    def found() -> list[dict[str, Any]]:
        return [each for each in door.calls() if each["request_id"] == request_id]

    async def is_there() -> bool:
        return bool(found())

    await until(is_there, "it is recorded")
    return found()
