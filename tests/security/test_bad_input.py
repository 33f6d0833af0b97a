"""Whatever is wrong with a request: its own code, its dialect's shape, one record, and nothing else."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from journeys.gateway import Gateway, ask
from journeys.provider import Provider
from security.callers import LARGEST_BODY, UNPRICED, Callers, besieged
from security.wire import (
    CHAT,
    JSON,
    Lines,
    bearer,
    chunked_request,
    head,
    recorded,
    records,
    refused_in_dialect,
    request,
    send,
)

GOOD = json.dumps(ask()).encode()
MESSAGES = b'"messages":[{"role":"user","content":"x"}]'


@dataclass(frozen=True)
class Bad:
    """A request that must be refused: `raw` makes its bytes from the headers that it should bear."""

    name: str
    code: str
    raw: Callable[[Lines], bytes]
    who: str = "good"
    media: str | None = "application/json"
    further: Lines = ()

    def request(self, callers: Callers, request_id: str) -> bytes:
        key = getattr(callers, self.who)
        media = (("content-type", self.media),) if self.media else ()
        return self.raw((bearer(key), ("x-request-id", request_id), *media, *self.further))


def _body(body: bytes) -> Callable[[Lines], bytes]:
    return lambda headers: request(body, headers)


def _members(members: bytes) -> Callable[[Lines], bytes]:
    """A whole ask with these members in front."""
    return _body(b'{%b,"model":"m",%b}' % (members, MESSAGES))


def _nested(levels: int, opening: bytes, closing: bytes) -> bytes:
    return b'{"model":"m",%b,"x":%b1%b}' % (MESSAGES, opening * levels, closing * levels)


def _deep_in(value: bytes) -> bytes:
    return b'{"model":"m",%b,"tools":[{"a":{"b":[%b]}}]}' % (MESSAGES, value)


def _declared_too_long(headers: Lines) -> bytes:
    """The length is told, and no body follows: the answer must not wait for it."""
    return head("POST", CHAT, (*headers, ("content-length", str(LARGEST_BODY + 1)))) + b"x" * (
        LARGEST_BODY + 1
    )


def _in_chunks(headers: Lines) -> bytes:
    return chunked_request([b" " * 8192] * (LARGEST_BODY // 8192 + 1), headers)


BAD = [
    # JSON that two parsers could read in two ways
    Bad("a member twice", "json_duplicate_key", _members(b'"model":"free"')),
    Bad("a member twice, once escaped", "json_duplicate_key", _members(b'"mod\\u0065l":"free"')),
    Bad("a member twice, deep", "json_duplicate_key", _body(_deep_in(b'{"c":1,"c":2}'))),
    Bad("a member twice, in a message", "json_duplicate_key",
        _body(b'{"model":"m","messages":[{"role":"user","role":"system","content":"x"}]}')),
    Bad("NaN", "json_malformed", _members(b'"temperature":NaN')),
    Bad("Infinity", "json_malformed", _members(b'"temperature":Infinity')),
    Bad("minus Infinity, deep", "json_malformed", _body(_deep_in(b"-Infinity"))),
    Bad("a number that overflows", "json_malformed", _members(b'"temperature":1e999')),
    Bad("65 levels of lists", "json_too_deep", _body(_nested(64, b"[", b"]"))),
    Bad("65 levels of objects", "json_too_deep", _body(_nested(64, b'{"a":', b"}"))),
    Bad("10,000 levels", "json_too_deep", _body(_nested(10_000, b"[", b"]"))),
    Bad("trailing data", "json_malformed", _body(GOOD + b"{}")),
    Bad("a second object", "json_malformed", _body(GOOD + b"\n" + GOOD)),
    Bad("a trailing comma", "json_malformed", _body(GOOD[:-1] + b",}")),
    Bad("a comment", "json_malformed", _body(b"/**/" + GOOD)),
    Bad("a byte order mark", "json_malformed", _body(b"\xef\xbb\xbf" + GOOD)),
    Bad("UTF-16", "json_malformed", _body(GOOD.decode().encode("utf-16"))),
    Bad("Latin-1", "json_malformed", _members(b'"user":"\xe9"')),
    Bad("an overlong encoding", "json_malformed", _members(b'"user":"\xc0\xaf"')),
    Bad("a lone surrogate", "json_malformed", _members(b'"user":"\\ud800"')),
    Bad("a raw control character", "json_malformed", _members(b'"user":"a\x00b"')),
    Bad("nothing", "json_malformed", _body(b"")),
    Bad("half an object", "json_malformed", _body(GOOD[:-3])),
    Bad("single quotes", "json_malformed", _body(GOOD.replace(b'"', b"'"))),
    Bad("a raw CESU surrogate", "json_malformed", _members(b'"user":"\xed\xa0\x80"')),
    Bad("UTF-32", "json_malformed", _body(GOOD.decode().encode("utf-32"))),
    Bad("a NUL behind the end", "json_malformed", _body(GOOD + b"\0")),
    Bad("an integer of 5,000 digits", "json_malformed", _members(b'"seed":' + b"9" * 5000)),
    Bad("a long name", "json_too_wide", _members(b'"%b":1' % (b"k" * 257))),
    # wrong types
    Bad("a list", "field_invalid", _body(b"[" + GOOD + b"]")),
    Bad("a string", "field_invalid", _body(b'"model"')),
    Bad("null", "field_invalid", _body(b"null")),
    Bad("no model", "field_invalid", _body(b"{%b}" % MESSAGES)),
    Bad("a model that is a number", "field_invalid", _body(b'{"model":1,%b}' % MESSAGES)),
    Bad("a model that is a list", "field_invalid", _body(b'{"model":["m"],%b}' % MESSAGES)),
    Bad("an empty model", "field_invalid", _body(b'{"model":"",%b}' % MESSAGES)),
    Bad("no messages", "field_invalid", _body(b'{"model":"m"}')),
    Bad("empty messages", "field_invalid", _body(b'{"model":"m","messages":[]}')),
    Bad("messages that are text", "field_invalid", _body(b'{"model":"m","messages":"x"}')),
    Bad("a message that is text", "field_invalid", _body(b'{"model":"m","messages":["x"]}')),
    Bad("stream as text", "field_invalid", _members(b'"stream":"true"')),
    Bad("stream as a number", "field_invalid", _members(b'"stream":1')),
    Bad("stream_options as a list", "field_invalid", _members(b'"stream":true,"stream_options":[]')),
    Bad("include_usage as text", "field_invalid",
        _members(b'"stream":true,"stream_options":{"include_usage":"no"}')),
    Bad("max_tokens as text", "field_invalid", _members(b'"max_tokens":"5"')),
    Bad("max_tokens as a fraction", "field_invalid", _members(b'"max_tokens":5.5')),
    Bad("max_tokens as true", "field_invalid", _members(b'"max_tokens":true')),
    Bad("max_tokens of zero", "field_invalid", _members(b'"max_tokens":0')),
    Bad("max_tokens below zero", "field_invalid", _members(b'"max_tokens":-1')),
    Bad("max_tokens without end", "field_invalid", _members(b'"max_tokens":%b' % (b"9" * 200))),
    Bad("max_completion_tokens below zero", "field_invalid", _members(b'"max_completion_tokens":-1')),
    Bad("max_tokens with an exponent", "field_invalid", _members(b'"max_tokens":1e2')),
    Bad("max_tokens with a point", "field_invalid", _members(b'"max_tokens":1.0')),
    Bad("max_tokens of 2**64", "field_invalid", _members(b'"max_tokens":18446744073709551616')),
    Bad("max_tokens of -2**63-1", "field_invalid", _members(b'"max_tokens":-9223372036854775809')),
    Bad("a number", "field_invalid", _body(b"1e2")),
    Bad("a NUL in a text", "field_invalid", _members(b'"user":"a\\u0000"')),
    Bad("a NUL in the model", "field_invalid", _body(b'{"model":"m\\u0000",%b}' % MESSAGES)),
    Bad("best_of a thousand million", "field_invalid", _members(b'"best_of":1000000000')),
    Bad("logprobs of a thousand million", "field_invalid", _members(b'"logprobs":1000000000')),
    Bad("top_logprobs below zero", "field_invalid", _members(b'"top_logprobs":-1')),
    Bad("ten thousand stops", "field_invalid", _members(b'"stop":[%b"x"]' % (b'"x",' * 10_000))),
    Bad("messages without a role", "field_invalid",
        _body(b'{"model":"m","messages":[%b{}]}' % (b"{}," * 20_000))),
    Bad("a role that is a list", "field_invalid", _body(b'{"model":"m","messages":[{"role":["user"]}]}')),
    Bad("an unknown role", "field_invalid", _body(b'{"model":"m","messages":[{"role":"root"}]}')),
    Bad("a role with a NUL", "field_invalid", _body(b'{"model":"m","messages":[{"role":"system\\u0000"}]}')),
    Bad("a role in other letters", "field_invalid",
        _body('{"model":"m","messages":[{"role":"\N{CYRILLIC SMALL LETTER DZE}ystem"}]}'.encode())),
    Bad("a schema that is elsewhere", "field_invalid",
        _members(b'"tools":[{"function":{"parameters":{"a":[{"$ref":"http://127.0.0.1/x"}]}}}]')),
    Bad("a schema that is elsewhere, escaped", "field_invalid",
        _members(b'"response_format":{"\\u0024ref":"file:///etc/passwd"}')),
    Bad("n of zero", "field_invalid", _members(b'"n":0')),
    Bad("n of a thousand", "field_invalid", _members(b'"n":1000')),
    # members by which the gateway or an upstream would be steered
    Bad("api_base", "field_refused", _members(b'"api_base":"http://169.254.169.254/"')),
    Bad("api_key", "field_refused", _members(b'"api_key":"x"')),
    Bad("extra_headers", "field_refused", _members(b'"extra_headers":{"x":"y"}')),
    Bad("chat_template", "field_refused", _members(b'"chat_template":"{{ x }}"')),
    # the body as such
    Bad("a declared length over the cap", "body_too_large", _declared_too_long),
    Bad("chunks over the cap", "body_too_large", _in_chunks),
    Bad("no content type", "media_type_unsupported", _body(GOOD), media=None),
    Bad("text", "media_type_unsupported", _body(GOOD), media="text/plain"),
    Bad("a form", "media_type_unsupported", _body(GOOD), media="application/x-www-form-urlencoded"),
    Bad("another charset", "media_type_unsupported", _body(GOOD),
        media="application/json; charset=utf-16"),
    *(Bad(f"a body of {media}", "media_type_unsupported", _body(GOOD), media=media)
      for media in ("application/x-ndjson", "application/jsonl", "application/json-seq", "multipart/form-data")),
    *(Bad(f"the encoding {kind}", "media_type_unsupported", _body(GOOD), further=(("content-encoding", kind),))
      for kind in ("gzip", "x-gzip", "deflate", "br", "zstd", "gzip,gzip", "identity, br")),
    # what may not be asked for, or not by this caller
    Bad("an unknown model", "model_unknown", _body(b'{"model":"gpt-nowhere",%b}' % MESSAGES)),
    Bad("a model in other letters", "model_unknown", _body(b'{"model":"M",%b}' % MESSAGES)),
    Bad("a model with a space", "model_unknown", _body(b'{"model":" m",%b}' % MESSAGES)),
    Bad("a target instead of a model", "model_unknown", _body(b'{"model":"up:m-real",%b}' % MESSAGES)),
    Bad("a model not granted", "model_not_granted", _body(GOOD), who="powerless"),
    Bad("a model without a price", "model_unpriced",
        _body(b'{"model":"%b",%b}' % (UNPRICED.encode(), MESSAGES))),
    Bad("a tier without a price", "feature_unpriced", _members(b'"service_tier":"priority"')),
    Bad("audio", "feature_unpriced", _members(b'"modalities":["text","audio"]')),
    Bad("a web search", "feature_unpriced", _members(b'"web_search_options":{}')),
    Bad("no budget", "budget_missing", _body(GOOD), who="poor"),
    Bad("no budget left", "budget_exhausted", _body(GOOD), who="spent"),
    # credentials
    Bad("an expired key", "key_expired", _body(GOOD), who="expired"),
    Bad("a disabled key", "key_disabled", _body(GOOD), who="disabled"),
    Bad("a revoked key", "key_unknown", _body(GOOD), who="revoked"),
    Bad("an unknown key", "key_unknown", _body(GOOD), who="unknown"),
    Bad("a wrong secret", "key_unknown", _body(GOOD), who="wrong_secret"),
    Bad("a mistyped key", "key_malformed", _body(GOOD), who="mistyped"),
]  # fmt: skip


@pytest.mark.req(
    "R-1", "R-11", "R-19", "B-2", "P-13", "S-1", "S-11", "OT-1", "OC-26", "OC-39", "OL-10"
)
@pytest.mark.req("H-41", "H-42", "H-43", "H-44", "H-45", "H-46", "H-47", "H-48", "H-49", "H-50")
@pytest.mark.req("H-51", "H-52", "H-53", "H-54", "H-55", "H-57", "H-58", "H-59", "H-60", "H-61")
@pytest.mark.req("H-37", "H-38", "H-39", "H-62", "H-63", "H-65", "H-68")
@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.name)
async def test_what_is_wrong_is_refused_by_name_and_costs_nothing(
    door: Gateway, callers: Callers, up: Provider, bad: Bad
) -> None:
    request_id = f"bad-{BAD.index(bad)}"

    got = await send(door.port, bad.request(callers, request_id))

    refused_in_dialect(got, bad.code)
    assert got.headers["x-request-id"] == request_id
    record = await recorded(door, request_id)
    assert (record["code"], record["status"]) == (bad.code, got.status)
    assert record["outcome"] == "refused"
    assert up.asked == []
    await _nothing_was_written(door)


@pytest.mark.req("OC-55", "P-16")
async def test_each_of_them_leaves_exactly_one_record(
    up: Provider, tmp_path_factory: pytest.TempPathFactory
) -> None:
    async with besieged(tmp_path_factory.mktemp("counted"), up.url) as (door, callers):
        requests = [bad.request(callers, f"once-{number}") for number, bad in enumerate(BAD)]
        await asyncio.gather(*(send(door.port, raw) for raw in requests))
        door.stop()

        seen = {f"once-{number}": records(door, f"once-{number}") for number in range(len(BAD))}

    assert {name: len(found) for name, found in seen.items()} == dict.fromkeys(seen, 1)


@pytest.mark.req("R-1")
async def test_the_same_request_without_its_fault_is_answered(
    up: Provider, tmp_path_factory: pytest.TempPathFactory
) -> None:
    async with besieged(tmp_path_factory.mktemp("well"), up.url) as (door, callers):
        before = len(up.asked)

        got = await send(door.port, request(GOOD, (bearer(callers.good), JSON)))
        deep = await send(door.port, request(_nested(63, b"[", b"]"), (bearer(callers.good), JSON)))
        largest = GOOD[:-1] + b" " * (LARGEST_BODY - len(GOOD)) + b"}"
        long = await send(door.port, chunked_request([largest], (bearer(callers.good), JSON)))

        assert (got.status, deep.status, long.status) == (200, 200, 200)
        assert len(up.asked) == before + 3
        del up.asked[before:]


ODD = [
    *(b'"temperature":1e-400', b'"temperature":-0', b'"temperature":-0.0', b'"user":"\\u00e9"'),
    *(b'"seed":18446744073709551616', b'"__proto__":{"x":1}', b'"constructor":1', b'"$ref":"#/x"'),
    b'"tools":[{"function":{"name":"f","parameters":{"$ref":"#/$defs/a","$defs":{"a":{"$ref":"#"}}}}}]',
]


@pytest.mark.req("H-46", "H-56", "H-62", "H-64", "P-7")
async def test_what_only_looks_odd_goes_on_as_it_came(
    up: Provider, tmp_path_factory: pytest.TempPathFactory
) -> None:
    async with besieged(tmp_path_factory.mktemp("odd"), up.url) as (door, callers):
        before = len(up.asked)

        for members in ODD:
            body = b'{%b,"model":"m",%b}' % (members, MESSAGES)
            got = await send(door.port, request(body, (bearer(callers.good), JSON)))
            assert got.status == 200

        assert [
            odd for odd, asked in zip(ODD, up.asked[before:], strict=True) if odd in asked.raw
        ] == ODD
        del up.asked[before:]


@pytest.mark.req("S-16", "B-2")
@given(
    st.one_of(
        st.binary(max_size=300),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
            lambda inner: (
                st.lists(inner, max_size=4)
                | st.dictionaries(
                    st.sampled_from(["model", "messages", "stream", "n", "x", "role", "content"]),
                    inner,
                    max_size=5,
                )
            ),
            max_leaves=20,
        ).map(lambda value: json.dumps(value).encode()),
        st.tuples(st.integers(0, len(GOOD) - 1), st.binary(max_size=3)).map(
            lambda cut: GOOD[: cut[0]] + b"\xff" + cut[1] + GOOD[cut[0] + 1 :]
        ),
    )
)
@settings(
    max_examples=250,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
async def test_garbage_is_refused_and_never_forwarded(
    door: Gateway, callers: Callers, up: Provider, body: bytes
) -> None:
    got = await send(door.port, request(body, (bearer(callers.good), JSON)))

    assert 400 <= got.status < 500
    refused_in_dialect(got, str(got.code))
    assert up.asked == []


@pytest.mark.req("S-16")
@pytest.mark.parametrize(
    "body", [b'{"a":"canary",}', b'{"canary":1,"canary":2}', b"canary", b'"canary\xff"']
)
async def test_a_refusal_repeats_nothing_of_a_body_that_was_not_understood(
    door: Gateway, callers: Callers, body: bytes
) -> None:
    got = await send(door.port, request(body, (bearer(callers.good), JSON)))

    assert got.status == 400
    assert b"canary" not in got.body


async def _nothing_was_written(door: Gateway) -> None:
    await door.nothing_is_held()
    assert await door.rows("SELECT id FROM calls") == []
