"""Documents made by rule from good ones: cut, changed by a byte, nested, doubled, encoded otherwise."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest

from fuzz.bodies import ASK_SEEDS, openai_ask_target, strict_json_target
from tollhouse.dialects.strict_json import parse_object
from tollhouse.domain.errors import JsonTooDeep, JsonTooWide, Refusal

GOOD = [
    b'{"a":[1,-2.5e+3,{"b":"c\\n\\u00e9"},true,false,null,""],"":0}',
    b' {\t"key" : "\\ud83d\\ude00" ,\r\n "\xc3\xa9" : [ [ ] , { } ] } ',
    b'{"n":[0,-0,0.0,1e-400,1E9,123456789012345678901234567890]}',
]
BYTES = b"{}[],:\"\\/0129.-+eEunftrabx \t\n\r\0\x0b\x7f\x80\xc0\xe2\xed\xf4\xff'#"


def cut_anywhere(good: bytes) -> Iterator[bytes]:
    for at in range(len(good)):
        yield good[:at]
        yield good[at:]


def changed_by_a_byte(good: bytes) -> Iterator[bytes]:
    for at in range(len(good) + 1):
        for byte in BYTES:
            yield good[:at] + bytes([byte]) + good[at:]
            yield good[:at] + bytes([byte]) + good[at + 1 :]


def without_a_byte(good: bytes) -> Iterator[bytes]:
    for at in range(len(good)):
        yield good[:at] + good[at + 1 :]


def with_a_part_twice(good: bytes) -> Iterator[bytes]:
    for start in range(len(good)):
        for end in (start + 1, start + 4, len(good)):
            yield good[:end] + good[start:]


def encoded_otherwise(good: bytes) -> Iterator[bytes]:
    text = good.decode()
    for encoding in ("utf-8-sig", "utf-16", "utf-16-le", "utf-32", "utf-32-be", "utf-7", "cp1252"):
        yield text.encode(encoding, "ignore")


RULES = [cut_anywhere, changed_by_a_byte, without_a_byte, with_a_part_twice, encoded_otherwise]


@pytest.mark.req("S-11", "B-8", "H-44", "H-45", "H-48", "H-49", "H-50", "H-52", "H-53", "H-66")
@pytest.mark.parametrize("rule", RULES)
def test_each_is_judged_and_read_as_the_plainest_reader_does(rule: object) -> None:
    made = {document for good in GOOD for document in rule(good)}  # type: ignore[operator]

    for document in made:
        strict_json_target(document)

    refused = sum(map(_is_refused, made))
    assert refused > len(made) // 4


@pytest.mark.req("S-11", "B-8", "H-41", "H-42", "H-43", "H-66")
@pytest.mark.parametrize("good", ASK_SEEDS, ids=range(len(ASK_SEEDS)))
def test_what_leaves_means_what_was_judged(good: bytes) -> None:
    for rule in (without_a_byte, with_a_part_twice):
        for document in rule(good):
            openai_ask_target(document)


@pytest.mark.req("S-11", "H-51")
@pytest.mark.parametrize("opening", [b"[", b'{"":', b'[{"":'])
@pytest.mark.parametrize("levels", [65, 100_000])
def test_depth_is_refused_at_once(opening: bytes, levels: int) -> None:
    body = b'{"a":' + opening * levels

    began = time.process_time()
    with pytest.raises(Refusal):
        parse_object(body)
    with pytest.raises(JsonTooDeep):
        parse_object(body + b"1" + _closing(opening) * levels + b"}")

    assert time.process_time() - began < 0.1


@pytest.mark.req("S-11", "H-55")
@pytest.mark.parametrize(
    "body",
    [
        b'{"%b":1}' % (b"k" * 257),
        b'{"%b":1}' % (b"k" * 1_000_000),
        json.dumps({f"k{n}": n for n in range(10_001)}).encode(),
        json.dumps({"a": [{"b": n} for n in range(100_000)]}).encode(),
    ],
    ids=["a long name", "a name of a megabyte", "many names", "many objects"],
)
def test_width_is_refused_at_once(body: bytes) -> None:
    began = time.process_time()

    with pytest.raises(JsonTooWide):
        parse_object(body)

    assert time.process_time() - began < 0.4


@pytest.mark.req("S-11", "H-55")
def test_as_many_members_as_there_may_be_are_read() -> None:
    members = {f"k{n}": n for n in range(9_999)} | {"n" * 256: 0}

    assert parse_object(json.dumps(members).encode()) == members
    assert parse_object(json.dumps({"a": "::" * 30_000}).encode())


@pytest.mark.req("S-11", "H-55")
def test_of_many_colons_only_those_behind_a_name_are_counted() -> None:
    as_many = {f"k{n}": n for n in range(9_999)} | {"a": "::"}
    listed = {"a": "::" * 10_000, "b": [0] * 10_001}

    assert parse_object(json.dumps(as_many).encode()) == as_many
    assert parse_object(json.dumps(listed).encode()) == listed
    with pytest.raises(JsonTooWide):
        parse_object(json.dumps({**as_many, "b": 0}).encode())


def _is_refused(document: bytes) -> bool:
    try:
        parse_object(document)
    except Refusal:
        return True
    return False


def _closing(opening: bytes) -> bytes:
    return opening[::-1].translate(bytes.maketrans(b"[{", b"]}"), b'":')
