"""Credentials as no client sends them: 401 in the dialect's shape, one record, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from journeys.gateway import Gateway, ask, until
from journeys.provider import Provider
from security.callers import Callers, besieged
from security.wire import CHAT, JSON, Got, bearer, recorded, refused_in_dialect, request, send
from tollhouse.control import tenancy
from tollhouse.domain.credentials import assemble

BODY = json.dumps(ask()).encode()
HEADERS = ("authorization", "x-api-key", "otari-key", "x-goog-api-key")
UNICODE = "thk_\N{FULLWIDTH LATIN SMALL LETTER A}1b2c3d4e5f6_".encode().decode("latin-1")

NO_KEY = [
    *("", "Bearer", "bearer", "Bearer ", "Bearer  ", "Bearer\t", "Bearer \t ", "\t"),
    *("Bearer ,", "Bearer null", "Bearer undefined", "Bearer Bearer", "Bearer thk_", "Bearer *"),
    *("Bearer " + "A" * 8000, "Bearer \xff\xfe\xfd", "Bearer \xa0", "Bearer %0d%0a", "Bearer {}"),
    *("Bearer " + UNICODE, "Bearer $ENV_KEY", "Bearer ${jndi:ldap://127.0.0.1/x}", "Bearer ../../etc"),
]  # fmt: skip
AROUND = [
    *("Bearer {},", "Bearer {};", "Bearer ,{}", 'Bearer "{}"', "Bearer '{}'", "Bearer <{}>"),
    *("Bearer\t{}", "Bearer:{}", "Bearer={}", "Bearer {} {}", "Bearer {}, Bearer {}", "Bearer Bearer {}"),
    *("Bearer {}\xa0", "Bearer \xa0{}", "Bearer {}\x85", "Bearer {}%00", "Bearer {}%0d%0ax: y", "{}"),
    *("Token {}", "Basic {}", "Digest {}", "Negotiate {}", "ApiKey {}", "Bearer key={}"),
]  # fmt: skip
SQL = [
    *("' OR '1'='1", "' OR 1=1 --", '" OR ""="', "'; DROP TABLE keys; --", "1 UNION SELECT * FROM keys"),
    *("admin'--", "%' OR '1'='1", "\\' OR 1=1 #", "') OR ('1'='1", "thk_' OR '1'='1"),
]  # fmt: skip
SCHEMES = ["Basic dXNlcjpwYXNz", 'Digest username="root", realm="x", nonce="y", uri="/"',
           "Negotiate YIIJvwYGKwYBBQUC", "NTLM TlRMTVNTUAAB", "AWS4-HMAC-SHA256 Credential=x", "Bearer2 x"]  # fmt: skip


@pytest.mark.req("H-80", "OL-5")
async def test_no_credential_at_all(door: Gateway, up: Provider) -> None:
    got = await _asked(door, "none")

    await _turned_away(door, up, got, "key_missing", "none")


@pytest.mark.req("H-81")
@pytest.mark.parametrize("value", NO_KEY, ids=range(len(NO_KEY)))
async def test_a_header_without_a_key(door: Gateway, up: Provider, value: str) -> None:
    name = f"no-key-{NO_KEY.index(value)}"

    got = await _asked(door, name, ("authorization", value))

    await _turned_away(door, up, got, "key_malformed", name)


@pytest.mark.req("H-81", "S-25")
@pytest.mark.parametrize("around", AROUND, ids=range(len(AROUND)))
async def test_something_around_a_good_key(
    door: Gateway, callers: Callers, up: Provider, around: str
) -> None:
    name = f"around-{AROUND.index(around)}"

    got = await _asked(door, name, ("authorization", around.replace("{}", callers.good)))

    await _turned_away(door, up, got, "key_malformed", name)


@pytest.mark.req("H-82", "S-12", "S-16")
@pytest.mark.parametrize("header", HEADERS)
async def test_sql_in_a_key_is_a_key_that_is_none_and_always_the_same_answer(
    door: Gateway, up: Provider, header: str
) -> None:
    scheme = "Bearer " if header == "authorization" else ""

    names = [f"sql-{header}-{number}" for number in range(len(SQL))]
    answers = [
        await _asked(door, name, (header, scheme + each))
        for name, each in zip(names, SQL, strict=True)
    ]

    assert (
        len(
            {
                each.body.replace(name.encode(), b"")
                for name, each in zip(names, answers, strict=True)
            }
        )
        == 1
    )
    for name, each in zip(names, answers, strict=True):
        await _turned_away(door, up, each, "key_malformed", name)


@pytest.mark.req("H-83", "S-25")
async def test_a_key_that_is_unknown_revoked_wrong_or_from_elsewhere_is_answered_with_the_same_bytes(
    door: Gateway, callers: Callers
) -> None:
    elsewhere = assemble("k" * 12, "E" * 32)
    bad = [callers.unknown, callers.revoked, callers.wrong_secret, elsewhere]

    answers = [await _asked(door, "same", bearer(key)) for key in bad]

    assert {(each.status, each.body) for each in answers} == {(401, answers[0].body)}
    assert len({tuple(each.headers.items()) for each in answers}) == 1
    refused_in_dialect(answers[0], "key_unknown")


@pytest.mark.req("H-83", "S-25")
async def test_every_kind_of_bad_key_has_the_same_status_and_headers(
    door: Gateway, callers: Callers
) -> None:
    bad = [callers.unknown, callers.expired, callers.disabled, callers.mistyped, "x"]

    answers = [await _asked(door, "same", bearer(key)) for key in bad]

    assert {each.status for each in answers} == {401}
    assert len({tuple(each.headers) for each in answers}) == 1
    rests = [{**each.headers, "content-length": "any"} for each in answers]
    assert all(each == rests[0] for each in rests)


@pytest.mark.req("H-84", "S-44")
async def test_two_different_credentials(door: Gateway, callers: Callers, up: Provider) -> None:
    both = (bearer(callers.good), ("x-api-key", callers.powerless))

    got = await _asked(door, "two", *both)

    await _turned_away(door, up, got, "ambiguous_credentials", "two")


@pytest.mark.req("H-85", "OL-6", "P-16")
@pytest.mark.parametrize("place", ["query", "cookie", "other"])
async def test_a_key_where_none_belongs_is_no_key_and_is_written_down_nowhere(
    door: Gateway, callers: Callers, up: Provider, place: str
) -> None:
    places = {
        "query": (f"{CHAT}?key={callers.good}&api_key={callers.good}", ()),
        "cookie": (CHAT, (("cookie", f"authorization={callers.good}"),)),
        "other": (CHAT, (("x-auth-token", callers.good), ("proxy-authorization", callers.good))),
    }
    target, headers = places[place]

    got = await _asked(door, place, *headers, target=target)

    await _turned_away(door, up, got, "key_missing", place)
    secret = callers.good[17:]
    assert secret not in door.log()
    assert not any(secret in line for line in door.audit_lines())


@pytest.mark.req("H-86")
@pytest.mark.parametrize("value", SCHEMES, ids=lambda value: value.split()[0])
async def test_another_scheme(door: Gateway, up: Provider, value: str) -> None:
    name = f"scheme-{value.split()[0]}"

    got = await _asked(door, name, ("authorization", value))

    await _turned_away(door, up, got, "key_malformed", name)
    assert got.headers["www-authenticate"] == 'Bearer realm="tollhouse"'


@pytest.mark.req("H-87")
async def test_a_good_key_in_other_letters(door: Gateway, callers: Callers, up: Provider) -> None:
    key = callers.good
    variants = {
        *(key.upper(), key.lower(), key.swapcase(), key.title(), "THK" + key[3:], "Thk" + key[3:]),
        *(key[:17].swapcase() + key[17:], key[:20] + key[20:].swapcase(), key[::-1]),
        *(_wide(key), _wide(key[:4]) + key[4:], key[:4] + _wide(key[4:])),
        *(f"{key[:10]}\xad{key[10:]}", f"{key[:10]} {key[10:]}", key.replace("_", "-")),
    }

    answers = [await _asked(door, "letters", bearer(each)) for each in variants - {key}]

    assert {each.status for each in answers} == {401}
    assert {each.code for each in answers} <= {"key_malformed", "key_unknown"}
    assert up.asked == []


@pytest.mark.req("H-90", "S-25")
async def test_a_key_of_a_tenant_that_was_disabled(tmp_path: Path, up: Provider) -> None:
    async with besieged(tmp_path, up.url) as (door, callers):
        before = len(up.asked)
        assert (await _asked(door, "before", bearer(callers.good))).status == 200
        await door.on_store(
            lambda store: tenancy.set_disabled(store, "tenant", "acme", is_disabled=True)
        )

        async def is_out() -> bool:
            return (await _asked(door, "after", bearer(callers.good))).status == 401

        await until(is_out, "the key is out with its tenant", 2)
        refused_in_dialect(await _asked(door, "after", bearer(callers.good)), "key_disabled")
        del up.asked[before:]


async def _asked(
    door: Gateway, request_id: str, *headers: tuple[str, str], target: str = CHAT
) -> Got:
    lines = (*headers, JSON, ("x-request-id", request_id))
    return await send(door.port, request(BODY, lines, target=target))


async def _turned_away(door: Gateway, up: Provider, got: Got, code: str, request_id: str) -> None:
    refused_in_dialect(got, code)
    record = await recorded(door, request_id)
    assert (record["code"], record["status"], record["key"]) == (code, 401, "anonymous")
    assert up.asked == []
    await door.nothing_is_held()


def _wide(text: str) -> str:
    """In full-width forms, as their UTF-8 bytes."""
    wide = "".join(chr(ord(letter) + 0xFEE0) if "!" <= letter <= "~" else letter for letter in text)
    return wide.encode().decode("latin-1")
