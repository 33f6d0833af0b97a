"""Keys at the served door: one credential is one principal, wherever a client puts it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from journeys.gateway import Gateway, ask, furnish, now_ms, prepared, until
from journeys.provider import Provider
from security.callers import Callers, besieged
from security.wire import JSON, Got, Lines, bearer, recorded, refused_in_dialect, request, send
from tollhouse.control import keys, peppers
from tollhouse.domain import credentials
from tollhouse.domain.audit import fingerprint
from tollhouse.wiring import Store

BODY = json.dumps(ask()).encode()
PEPPERS = {1: "first-pepper-" + "1" * 32, 2: "second-pepper-" + "2" * 32}


@pytest.fixture
def unasked(up: Provider) -> Iterator[None]:
    """Whatever the test does, the provider hears nothing of it."""
    before = len(up.asked)
    yield
    assert len(up.asked) == before


@pytest.mark.req("R-1", "OT-12")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Authorization", "Bearer {}"),
        ("authorization", "bearer {}"),
        ("AUTHORIZATION", "BEARER   {}"),
        ("x-api-key", "{}"),
        ("X-API-Key", "Bearer {}"),
        ("Otari-Key", "Bearer {}"),
        ("otari-key", "{}"),
        ("x-goog-api-key", "{}"),
    ],
)
async def test_a_key_is_taken_wherever_a_client_puts_it(
    door: Gateway, callers: Callers, name: str, value: str
) -> None:
    got = await _ask(door, (name, value.format(callers.good)))

    assert got.status == 200


@pytest.mark.req("R-1")
async def test_the_same_key_in_two_headers_is_one_key(door: Gateway, callers: Callers) -> None:
    got = await _ask(door, bearer(callers.good), ("x-api-key", callers.good))

    assert got.status == 200


@pytest.mark.req("S-24", "R-1", "OT-12")
@pytest.mark.usefixtures("unasked")
@pytest.mark.parametrize("second", ["poor", "powerless", "unknown", "mistyped"])
@pytest.mark.parametrize("is_first", [True, False])
async def test_two_different_credentials_are_refused_even_if_one_is_good(
    door: Gateway, callers: Callers, second: str, is_first: bool
) -> None:
    both = [bearer(callers.good), ("x-api-key", getattr(callers, second))]

    got = await _ask(door, *(both if is_first else reversed(both)))

    refused_in_dialect(got, "ambiguous_credentials")


@pytest.mark.req("S-24", "S-1")
@pytest.mark.usefixtures("unasked")
@pytest.mark.parametrize("name", ["authorization", "x-api-key"])
async def test_one_header_sent_twice_is_refused_even_with_the_same_key(
    door: Gateway, callers: Callers, name: str
) -> None:
    twice = (name, f"Bearer {callers.good}")

    refused_in_dialect(await _ask(door, twice, twice), "ambiguous_credentials")


@pytest.mark.req("S-25", "B-7")
@pytest.mark.usefixtures("unasked")
async def test_an_unknown_id_a_wrong_secret_and_a_revoked_key_are_answered_alike(
    door: Gateway, callers: Callers
) -> None:
    answers = [
        await _ask(door, bearer(key), ("x-request-id", "same"))
        for key in (callers.unknown, callers.wrong_secret, callers.revoked)
    ]

    refused_in_dialect(answers[0], "key_unknown")
    assert answers[0] == answers[1] == answers[2]


@pytest.mark.req("R-1")
@pytest.mark.usefixtures("unasked")
async def test_a_bad_credential_does_not_fall_through_to_a_good_one(
    door: Gateway, callers: Callers
) -> None:
    got = await _ask(door, ("authorization", "Basic dXNlcjpwYXNz"), ("x-api-key", callers.good))

    assert got.status == 401


@pytest.mark.req("S-22")
@pytest.mark.usefixtures("unasked")
async def test_the_body_of_a_stranger_is_not_waited_for(door: Gateway) -> None:
    """The length is declared and nothing comes: who reads first would hang."""
    raw = request(headers=(JSON,)).replace(b"content-length: 0", b"content-length: 1000")

    refused_in_dialect(await send(door.port, raw), "key_missing")


@pytest.mark.req("P-16")
async def test_the_record_tells_credentials_apart_without_telling_them(
    door: Gateway, callers: Callers
) -> None:
    await _ask(door, bearer(callers.good), ("x-request-id", "who-good"))
    await _ask(door, bearer(callers.unknown), ("x-request-id", "who-unknown"))

    good = await recorded(door, "who-good")
    unknown = await recorded(door, "who-unknown")

    assert (good["key"], good["credential"]) == (callers.good_id, fingerprint(callers.good))
    assert (unknown["key"], unknown["credential"]) == ("anonymous", fingerprint(callers.unknown))


@pytest.mark.req("S-22", "S-26", "B-7")
async def test_the_store_knows_of_a_key_only_its_digest_and_its_last_four_characters(
    door: Gateway, callers: Callers
) -> None:
    stored = await door.rows("SELECT * FROM keys")
    secret = callers.good.removeprefix(f"thk_{callers.good_id}_")

    cells = [str(cell) for row in stored for cell in row]

    assert callers.good_id in cells
    assert secret[-4:] in cells
    assert not any(secret[start : start + 5] in cell for cell in cells for start in range(34))


@pytest.mark.req("S-26", "B-7")
async def test_after_a_rotation_both_secrets_work_until_the_grace_ends(
    tmp_path: Path, up: Provider
) -> None:
    async with besieged(tmp_path, up.url) as (door, callers):
        fresh = await _rotated(door, callers.good_id, grace_s=2)
        await _becomes(door, fresh, 200)

        assert (await _ask(door, bearer(callers.good))).status == 200
        await _becomes(door, callers.good, 401)
        assert (await _ask(door, bearer(fresh))).status == 200


@pytest.mark.req("S-26")
async def test_after_a_rotation_without_grace_the_old_secret_is_out_within_a_second(
    tmp_path: Path, up: Provider
) -> None:
    async with besieged(tmp_path, up.url) as (door, callers):
        fresh = await _rotated(door, callers.good_id, grace_s=0)

        await _becomes(door, callers.good, 401, patience_s=1)
        assert (await _ask(door, bearer(fresh))).status == 200


@pytest.mark.req("P-2", "S-24")
async def test_a_revoked_key_is_out_within_a_second(tmp_path: Path, up: Provider) -> None:
    async with besieged(tmp_path, up.url) as (door, callers):
        assert (await _ask(door, bearer(callers.good))).status == 200
        await door.on_store(lambda store: keys.revoke(store, callers.good_id))

        await _becomes(door, callers.good, 401, patience_s=1)


@pytest.mark.req("S-25")
async def test_a_key_expires_while_the_gateway_runs(tmp_path: Path, up: Provider) -> None:
    async with besieged(tmp_path, up.url) as (door, _):
        short = (await door.new_key(models=("m",), expires_in_s=2)).key
        await _becomes(door, short, 200)

        await _becomes(door, short, 401)
        refused_in_dialect(await _ask(door, bearer(short)), "key_expired")


@pytest.mark.req("B-7")
async def test_a_pepper_that_is_withdrawn_takes_its_keys_with_it(
    tmp_path: Path, up: Provider
) -> None:
    door = prepared(tmp_path, up.url, store=_peppers(1, 1))
    door.environ |= {f"PEPPER_{version}": text for version, text in PEPPERS.items()}
    await furnish(door, 10**12)
    old = door.key
    try:
        door.config.write_text(door.config.read_text().replace(_peppers(1, 1), _peppers(2, 1, 2)))
        new = (await door.new_key(models=("m",))).key
        await door.start()
        both = [(await _ask(door, bearer(key))).status for key in (old, new)]
        door.stop()

        door.config.write_text(door.config.read_text().replace(_peppers(2, 1, 2), _peppers(2, 2)))
        await door.start()
        one = [(await _ask(door, bearer(key))).status for key in (old, new)]
    finally:
        while door.processes:
            door.kill()

    assert both == [200, 200]
    assert one == [401, 200]


@pytest.mark.req("B-7", "S-22")
async def test_who_writes_a_digest_into_the_store_without_the_pepper_does_not_get_in(
    tmp_path: Path, up: Provider
) -> None:
    async with besieged(tmp_path, up.url) as (door, callers):
        forged = credentials.assemble(callers.good_id, "F" * credentials.SECRET_LENGTH)
        planted = credentials.digest(forged, b"").hex()
        sql = "UPDATE keys SET digest = $1 WHERE id = $2"
        await door.on_store(lambda store: store.write((sql, (planted, callers.good_id))))

        await _becomes(door, callers.good, 401)
        refused_in_dialect(await _ask(door, bearer(forged)), "key_unknown")


async def _ask(door: Gateway, *headers: tuple[str, str]) -> Got:
    lines: Lines = (*headers, JSON)
    return await send(door.port, request(BODY, lines))


async def _becomes(door: Gateway, key: str, status: int, patience_s: float = 10) -> None:
    async def has_become() -> bool:
        return (await _ask(door, bearer(key))).status == status

    await until(has_become, f"a key is answered with {status}", patience_s)


async def _rotated(door: Gateway, key_id: str, grace_s: int) -> str:
    async def rotate(store: Store) -> str:
        secrets = await peppers.opened(door.settings, store)
        return (await keys.rotate(store, secrets, key_id, now_ms(), grace_s)).key

    return await door.on_store(rotate)


def _peppers(current: int, *versions: int) -> str:
    listed = "\n".join(f'{version} = "env:PEPPER_{version}"' for version in versions)
    return f"[auth]\npepper_version = {current}\n[auth.peppers]\n{listed}\n"
