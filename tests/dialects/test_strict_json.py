from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollhouse.dialects.strict_json import DEEPEST, MOST_MEMBERS, join, members, parse_object
from tollhouse.domain.errors import (
    FieldInvalid,
    JsonDuplicateKey,
    JsonMalformed,
    JsonTooDeep,
    JsonTooWide,
)

TAKEN = [
    *(b"{}", b" \t\r\n{ \t\r\n} \t\r\n", b'{"a":1}', b'{"":0}', b'{"a":[]}', b'{"a":{}}', b'{"a":null}'),
    *(b'{"a":true,"b":false}', b'{"a":-0}', b'{"a":-0.0}', b'{"a":0.1}', b'{"a":1e5}', b'{"a":1E+05}'),
    *(b'{"a":1e-999}', b'{"a":123456789012345678901234567890}', b'{"a":1e308}', b'{"a":"1e999"}'),
    *(b'{"a":"\\u0061\\n\\/\\\\\\""}', b'{"a":"\\ud83d\\ude00"}', b'{"a":"\xf0\x9f\x98\x80"}'),
    *(b'{"a":"\\u0000"}', b'{"a":"\x7f"}', b'{"a":"\xe2\x80\xa8"}', b'{"a":"NaN"}', b'{"a":1,"A":2}'),
    *(b'{"a":{"b":1},"b":{"b":1}}', b'{"a":[{"b":1},{"b":1}]}', b'{"a":"[[[[{{{{"}', b'{"a":"' + b"[" * 200 + b'"}'),
    *(b'{"a":' + b"9" * 400 + b"}", b'{"\xc3\xa9":1,"e\xcc\x81":2}'),
]  # fmt: skip
MALFORMED = [
    *(b"", b" ", b"{", b"}", b'{"a"}', b'{"a":}', b'{"a":1', b'{"a":1,}', b'{,"a":1}', b'{"a":1,,"b":2}'),
    *(b'{"a" 1}', b'{"a"::1}', b"{'a':1}", b"{a:1}", b"{1:1}", b"{null:1}", b'{"a":1 "b":2}', b'{"a":1;"b":2}'),
    *(b'{"a":[1,]}', b'{"a":[,1]}', b'{"a":[1}', b'{"a":1]', b'{"a":[1 2]}', b'{"a":"b}', b'{"a":b}'),
    *(b'{"a":NaN}', b'{"a":Infinity}', b'{"a":-Infinity}', b'{"a":nan}', b'{"a":inf}', b'{"a":-NaN}'),
    *(b'{"a":1e309}', b'{"a":-1e999}', b'{"a":[[1e400]]}', b'{"a":1E+0000400}', b'{"a":' + b"9" * 400 + b".0}"),
    *(b'{"a":01}', b'{"a":+1}', b'{"a":.5}', b'{"a":1.}', b'{"a":1e}', b'{"a":1e+}', b'{"a":0x1}', b'{"a":--1}'),
    *(b'{"a":1_000}', b'{"a":-}', b'{"a":1.e1}', b'{"a":\xef\xbc\x91}', b'{"a":True}', b'{"a":None}', b'{"a":tru}'),
    *(b'{"a":"\n"}', b'{"a":"\t"}', b'{"a":"\x00"}', b'{"a":"\\x61"}', b'{"a":"\\u00g0"}', b'{"a":"\\u12"}'),
    *(b'{"a":"\\"}', b'{"a":"\\a"}', b'{"a":"\\U00000061"}', b'{"\n":1}'),
    *(b'{"a":"\\ud800"}', b'{"a":"\\udc00"}', b'{"a":"\\ude00\\ud83d"}', b'{"a":"\\ud800\\u0061"}', b'{"\\ud800":1}'),
    *(b'{"a":"\xff"}', b'{"a":"\xc0\xaf"}', b'{"a":"\xed\xa0\x80"}', b'{"a":"\xf4\x90\x80\x80"}', b'{"a":"\xe2\x82"}'),
    *(b'{"\xff":1}', b'\xef\xbb\xbf{"a":1}', '{"a":1}'.encode("utf-16"), '{"a":1}'.encode("utf-32-be")),
    *(b'{"a":1}x', b'{"a":1}{}', b'{"a":1},', b'{"a":1}]', b'{"a":1}\x00', b'x{"a":1}', b'{"a":1}//', b"/**/{}"),
    *(b'{"a":1}#', b'{"a":/**/1}', b'{"a":1\xc2\xa0}', b'{"a":1\x0c}', b'{"a":1\xe2\x80\xa8}', b")]}'\n{}", b"{}\n{}"),
]  # fmt: skip
TWICE = [
    *(b'{"a":1,"a":1}', b'{"a":1,"b":2,"a":3}', b'{"":1,"":2}', b'{"a":{"b":1,"b":2}}', b'{"a":[{"b":1,"b":2}]}'),
    *(b'{"a":1,"\\u0061":2}', b'{"\\/":1,"/":2}', b'{"\xc3\xa9":1,"\\u00e9":2}'),
    b'{"\\ud83d\\ude00":1,"\xf0\x9f\x98\x80":2}',
    *(b'{"a":[[[[{"x":{"y":0,"z":0,"y":0}}]]]]}', b'{"a":null,"a":null}', b'{"model":"a","mod\\u0065l":"b"}'),
]  # fmt: skip

_scalars = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
)
_values = st.recursive(
    _scalars | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=25,
)
_objects = st.dictionaries(st.text(), _values, max_size=8)


@pytest.mark.parametrize("body", TAKEN)
def test_what_is_json_is_read_as_python_reads_it(body: bytes) -> None:
    assert parse_object(body) == json.loads(body)


@pytest.mark.req("S-1", "S-13")
@pytest.mark.parametrize("body", MALFORMED)
def test_what_is_not_json_is_refused(body: bytes) -> None:
    with pytest.raises(JsonMalformed):
        parse_object(body)


@pytest.mark.req("S-1", "S-13")
@pytest.mark.parametrize("body", TWICE)
def test_a_member_that_comes_twice_is_refused_at_any_depth(body: bytes) -> None:
    with pytest.raises(JsonDuplicateKey):
        parse_object(body)


@pytest.mark.parametrize("body", [b"[]", b"1", b'"a"', b"null", b"true", b'[{"a":1}]'])
def test_what_is_no_object_is_refused(body: bytes) -> None:
    with pytest.raises(FieldInvalid):
        parse_object(body)


@pytest.mark.req("S-8")
@pytest.mark.parametrize(
    ("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}"), (b'[{"a":', b"}]")]
)
def test_the_sixty_fourth_level_is_the_last(opening: bytes, closing: bytes) -> None:
    levels = opening.count(b"[") + opening.count(b"{")
    rest, times = (DEEPEST - 1) % levels, (DEEPEST - 1) // levels
    inside = opening * times + b"[" * rest + b"1" + b"]" * rest + closing * times

    parse_object(b'{"a":%b}' % inside)
    with pytest.raises(JsonTooDeep):
        parse_object(b'{"a":[%b]}' % inside)


@pytest.mark.req("S-8")
@pytest.mark.parametrize("levels", [65, 199, 200, 201, 5_000, 500_000])
def test_any_more_levels_are_refused_in_the_same_words(levels: int) -> None:
    with pytest.raises(JsonTooDeep) as refused:
        parse_object(b'{"a":' + b"[" * levels + b"]" * levels + b"}")

    assert refused.value.detail == JsonTooDeep.title


def test_many_shallow_lists_are_not_deep() -> None:
    assert len(parse_object(b'{"a":[' + b"[],{}," * 500 + b"[]]}")["a"]) == 1001


@pytest.mark.req("S-16", "P-16")
@given(st.binary(max_size=60))
def test_a_refusal_says_where_and_never_what(body: bytes) -> None:
    with pytest.raises((JsonMalformed, JsonDuplicateKey, JsonTooDeep)) as refused:
        parse_object(b'{"canary-name":"canary-value"' + body.replace(b"}", b""))

    assert "canary" not in refused.value.detail
    assert refused.value.private is None


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"a":\n01}', "The body is not valid JSON: invalid number (at line 2 column 2)."),
        (b'{"a":1}x', "The body is not valid JSON: trailing characters (at line 1 column 8)."),
        (b'{"a":1,\n"a":2}', "An object in the body names a member twice (at line 2 column 5)."),
    ],
)
def test_a_refusal_says_what_is_wrong_and_where(body: bytes, said: str) -> None:
    with pytest.raises((JsonMalformed, JsonDuplicateKey)) as refused:
        parse_object(body)

    assert refused.value.detail == said


@given(_objects, st.booleans(), st.sampled_from([None, 0, 2]))
def test_whatever_python_writes_is_read_and_joined_again(
    written: dict[str, Any], is_ascii: bool, indent: int | None
) -> None:
    body = json.dumps(written, ensure_ascii=is_ascii, indent=indent).encode(errors="surrogatepass")

    assert parse_object(body) == written
    parts = members(body)
    assert json.loads(join(parts)) == written
    assert members(join(parts)) == parts  # each member's own bytes


@pytest.mark.req("S-1")
@given(st.binary(max_size=80) | st.text(max_size=80).map(str.encode))
def test_what_is_accepted_means_the_same_to_another_parser(body: bytes) -> None:
    try:
        found = parse_object(body)
    except (JsonMalformed, JsonDuplicateKey, JsonTooDeep, FieldInvalid):
        return

    assert found == json.loads(body)


def test_a_joined_name_is_escaped_anew() -> None:
    parts = members(b'{"a\\"b\\u0041\xc3\xa9" : [1,  2] }')

    assert join(parts) == b'{"a\\"bA\xc3\xa9":[1,  2]}'


@pytest.mark.req("H-55", "S-8")
def test_members_are_counted_wherever_they_stand() -> None:
    half = ",".join(f'"{number}":0' for number in range(MOST_MEMBERS // 2))

    parse_object(f'{{"a":{{{half}}}}}'.encode())
    with pytest.raises(JsonTooWide):
        parse_object(f'{{"a":[{{{half}}},{{"b":{{{half}}}}}]}}'.encode())
