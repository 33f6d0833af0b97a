"""The model bears the name it was asked by, and nothing else of an answer changes."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tollhouse.dialects.naming import AskedName
from tollhouse.dialects.openai_relay import DONE, StreamRelay, WholeRelay

LOOKALIKES = (
    *("model", '"model":"up"', ',"model":"up"', '\\"model":"up"', "\\u006dodel", '{"model":"up"}'),
    *("\n\n", "é", "\u2028", "data: [DONE]", "usage"),
)
texts = st.one_of(st.sampled_from(LOOKALIKES), st.text(max_size=4))
values = st.recursive(
    st.one_of(texts, st.integers(), st.none()),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(texts, inner, max_size=3)),
    max_leaves=6,
)
others = st.dictionaries(texts.filter(lambda name: name not in RESERVED), values, max_size=4)
written = st.sampled_from([(",", ":"), (", ", ": "), (" ,\n", "\t: ")])
RESERVED = ("model", "choices", "usage", "error")


@pytest.mark.req("OT-53", "R-19")
@given(
    before=others,
    after=others,
    told=st.one_of(texts, st.integers(), st.none()),
    asked=texts,
    separators=written,
    is_ascii=st.booleans(),
)
@example(
    before={"a": {"model": "up"}},
    after={},
    told="up",
    asked="x",
    separators=(",", ":"),
    is_ascii=True,
)
@example(
    before={'"model': "model"},
    after={},
    told="model",
    asked="x",
    separators=(",", ":"),
    is_ascii=True,
)
def test_only_the_top_level_member_changes(
    before: dict[str, Any],
    after: dict[str, Any],
    told: Any,
    asked: str,
    separators: tuple[str, str],
    *,
    is_ascii: bool,
) -> None:
    answer = {**before, "model": told, **{k: v for k, v in after.items() if k not in before}}
    data = json.dumps(answer, separators=separators, ensure_ascii=is_ascii).encode()
    name = AskedName(asked)

    first = name.put(data, _told(data))
    again = name.put(data, _told(data))

    assert json.loads(first) == {**answer, "model": asked}
    assert list(json.loads(first)) == list(answer)
    assert again == first


@pytest.mark.req("OT-53")
@pytest.mark.parametrize(
    "data",
    [
        b'{"\\u006dodel":"up","a":{"model":"up"}}',
        b'{"a":{"model":"up"},"\\u006Dodel":"up"}',
        b'{"\\u006d\\u006f\\u0064\\u0065\\u006c":"up","a":"model"}',
        b'{"model":"up","a":{"model":"up"},"b":"\\"model\\":\\"up\\""}',
    ],
)
def test_a_name_behind_an_escape_is_found_and_its_double_is_not_taken_for_it(data: bytes) -> None:
    put = json.loads(AskedName("x").put(data, _told(data)))

    assert put == {**json.loads(data), "model": "x"}


@pytest.mark.req("OT-53")
def test_a_member_that_comes_twice_leaves_once_under_the_asked_name() -> None:
    data = b'{"model":"up","id":1,"model":"other"}'

    assert AskedName("x").put(data, _told(data)) == b'{"model":"x","id":1}'


@pytest.mark.req("OT-53")
@pytest.mark.parametrize("second", [b'{"model":12,"model":1}', b'{"model":1 ,"model":1}'])
def test_a_number_is_not_taken_for_the_beginning_of_another(second: bytes) -> None:
    name = AskedName("x")
    name.put(b'{"model":1}', b"1")

    assert json.loads(name.put(second, _told(second))) == {"model": "x"}


@pytest.mark.req("OT-53")
@pytest.mark.parametrize(
    "data",
    [
        b'{"model":"up","id":"c"}',
        b'{\n  "id": "c",\n  "model" :  "up",\n  "choices": [ ]\n}',
        b'{"choices":[{"text":"say \\"model\\": \\"up\\""}],"model":"up"}',
    ],
)
def test_every_other_byte_stays_as_it_came(data: bytes) -> None:
    put = AskedName("asked").put(data, _told(data))

    begin = data.rindex(b'"up"') if data.endswith(b'"up"}') else data.index(b'"up"')
    assert put == data[:begin] + b'"asked"' + data[begin + 4 :]


@pytest.mark.req("OT-53", "P-7")
@given(cuts=st.lists(st.integers(0, 900), max_size=30), words=st.lists(texts, max_size=4))
@example(cuts=list(range(900)), words=['"model":"up"', ',"model":"up"'])
def test_each_chunk_of_a_stream_bears_the_asked_name_at_any_cut(
    cuts: list[int], words: list[str]
) -> None:
    came = b"".join([_chunk("up", word) for word in words] + [_chunk("up", "", "stop"), DONE])
    relay = StreamRelay(model="asked", shows_usage=True, choices=1, tools=frozenset())

    out = b"".join(map(relay.feed, _cut(came, cuts))) + relay.finish()

    assert out == b"".join(
        [_chunk("asked", word) for word in words] + [_chunk("asked", "", "stop"), DONE]
    )


@pytest.mark.req("OT-53")
def test_a_chunk_without_a_name_is_given_none() -> None:
    relay = StreamRelay(model="asked", shows_usage=True, choices=1, tools=frozenset())
    nameless = b'data: {"choices":[{"delta":{"model":"up"}}]}\n\n'

    assert relay.feed(nameless) == nameless


@pytest.mark.req("OT-53")
def test_the_finish_that_an_upstream_forgot_bears_the_asked_name() -> None:
    relay = StreamRelay(model="asked", shows_usage=True, choices=1, tools=frozenset())

    out = relay.feed(_chunk("up", "hi") + DONE)

    assert out.count(b'"model":"asked"') == 2


@pytest.mark.req("OT-53")
def test_a_whole_answer_bears_the_asked_name() -> None:
    relay = WholeRelay(model="asked", tools=frozenset())
    relay.feed(b'{\n "model": "up",\n "choices": [{"message":{"content":"the \\"model\\":"}}]}')

    assert relay.finish() == (
        b'{\n "model": "asked",\n "choices": [{"message":{"content":"the \\"model\\":"}}]}'
    )


class _Told(msgspec.Struct):
    model: msgspec.Raw


def _told(data: bytes) -> bytes:
    return bytes(msgspec.json.decode(data, type=_Told).model)


def _chunk(model: str, text: str, finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": finish}
    event = {"id": "c", "model": model, "choices": [choice]}
    return b"data: " + json.dumps(event, separators=(",", ":")).encode() + b"\n\n"


def _cut(stream: bytes, cuts: list[int]) -> list[bytes]:
    at = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    return [stream[begin:end] for begin, end in pairwise(at)]
