"""Lines of a batch, read however they were cut, and shown without what a caller should not read."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollhouse.dialects.openai_batch_lines import LineCutter, answered, read_line, shown, with_body
from tollhouse.domain.batches import TASKS
from tollhouse.domain.errors import BodyTooLarge, FieldInvalid, Refusal, UpstreamBroke
from tollhouse.domain.pricing import Usage

pytestmark = pytest.mark.req("OT-51")

LINE = {"custom_id": "a", "method": "POST", "url": "/v1/chat/completions", "body": {"model": "m"}}


@given(st.lists(st.binary(max_size=12)), st.integers(1, 7))
def test_however_bytes_come_their_lines_and_numbers_are_the_same(
    pieces: list[bytes], size: int
) -> None:
    whole = b"\n".join(pieces)

    at_once, cut = LineCutter(1000), LineCutter(1000)
    one = at_once.push(whole) + at_once.drain()
    many = [each for at in range(0, len(whole), size) for each in cut.push(whole[at : at + size])]

    assert many + cut.drain() == one
    assert [line for _, line in one] == [
        each.strip() for each in whole.split(b"\n") if each.strip()
    ]
    assert all(whole.split(b"\n")[number - 1].strip() == line for number, line in one)


@given(st.integers(1, 40), st.integers(1, 9))
def test_a_line_that_is_too_long_is_refused_however_it_comes(length: int, size: int) -> None:
    cutter, line = LineCutter(20), b"x" * length + b"\n"
    pieces = [line[at : at + size] for at in range(0, len(line), size)]

    if length <= 20:
        assert [each for piece in pieces for each in cutter.push(piece)] == [(1, line.strip())]
    else:
        with pytest.raises(BodyTooLarge, match="Line 1"):
            _ = [cutter.push(piece) for piece in pieces]


def test_a_line_keeps_its_members_and_gets_the_body_that_its_target_is_to_have() -> None:
    raw = json.dumps(LINE).encode()

    line = read_line(raw)

    assert (line.custom_id, line.url, json.loads(line.body)) == ("a", LINE["url"], {"model": "m"})
    assert json.loads(with_body(raw, b'{"x":1}')) == {**LINE, "body": {"x": 1}}


@given(st.binary(max_size=200))
def test_whatever_a_line_is_it_is_read_or_refused(raw: bytes) -> None:
    with suppress(Refusal):
        assert read_line(raw).url in TASKS


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["response", "status_code", "body", "usage", "error", "model", "message"]
                ),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    )
)
def test_whatever_a_provider_puts_into_a_line_it_is_read_or_broke(found: object) -> None:
    line = json.dumps(found).encode()

    for read in (answered, lambda it: shown(it, "m")):
        with suppress(UpstreamBroke):
            read(line)


@pytest.mark.parametrize(
    ("response", "wanted"),
    [
        (
            {"status_code": 200, "body": {"usage": {"prompt_tokens": 3, "completion_tokens": 2}}},
            (True, Usage(3, 2)),
        ),
        (
            {"status_code": 200, "body": {"usage": {"prompt_tokens": 3, "total_tokens": 3}}},
            (True, Usage(3)),
        ),
        ({"status_code": 200, "body": {"usage": {"prompt_tokens": -1}}}, (True, None)),
        ({"status_code": 200, "body": {}}, (True, None)),
        ({"status_code": 429, "body": {"usage": {"prompt_tokens": 3}}}, (False, None)),
        (None, (False, None)),
    ],
)
def test_an_answer_is_what_came_with_200(response: object, wanted: object) -> None:
    assert answered(json.dumps({"response": response}).encode()) == wanted


@pytest.mark.parametrize(
    "line", [b"", b"{", b"[]", b'{"response": 1}', b'{"response": {"body": []}}', b"\xff"]
)
def test_a_result_that_is_none_broke(line: bytes) -> None:
    with pytest.raises(UpstreamBroke):
        answered(line)


def test_errors_are_told_in_words_that_may_be_read() -> None:
    error = {"message": "denied for org-abcdefgh12345 at 10.0.0.1", "code": "BAD code", "type": "x"}
    line = {"error": error, "response": {"status_code": 400, "body": {"error": error}}}

    told = json.loads(shown(json.dumps(line).encode(), "m"))

    for found in (told["error"], told["response"]["body"]["error"]):
        assert "10.0.0.1" not in found["message"]
        assert "org-" not in found["message"]
        assert (found["type"], found["code"]) == ("x", None)


def test_a_member_of_another_name_is_refused() -> None:
    with pytest.raises(FieldInvalid, match="priority"):
        read_line(json.dumps({**LINE, "priority": 1}).encode())


@pytest.mark.parametrize(
    ("member", "wrong", "param"),
    [
        ("x" * 200, 1, "x" * 100),
        *(("custom_id", wrong, "custom_id") for wrong in (None, 7, "", "x" * 513, ["a"])),
        *(("method", wrong, "method") for wrong in (None, "GET", 7)),
        *(("url", wrong, "url") for wrong in (None, "/v1/files", 7, ["/v1/embeddings"])),
        *(("body", wrong, "body") for wrong in (None, "x", [])),
    ],
)
def test_a_member_that_is_none_is_refused_by_name(member: str, wrong: object, param: str) -> None:
    with pytest.raises(FieldInvalid) as refused:
        read_line(json.dumps({**LINE, member: wrong}).encode())

    assert refused.value.param == param


def test_a_line_goes_by_up_to_512_letters() -> None:
    assert read_line(json.dumps({**LINE, "custom_id": "x" * 512}).encode()).custom_id == "x" * 512


@pytest.mark.req("S-71")
def test_a_line_may_be_as_long_as_a_body_and_is_refused_before_its_end() -> None:
    assert LineCutter(20).push(b"x" * 20 + b"\n") == [(1, b"x" * 20)]
    with pytest.raises(BodyTooLarge):
        LineCutter(20).push(b"x" * 21)


@pytest.mark.parametrize("read", [answered, lambda it: shown(it, "m")])
def test_a_result_that_is_no_text_broke_also_where_nobody_reads(
    read: Callable[[bytes], object],
) -> None:
    with pytest.raises(UpstreamBroke):
        read(b'{"id": "\xff", "response": null}')


def test_an_answer_without_a_body_is_none() -> None:
    assert answered(b'{"response": {"status_code": 200}}') == (False, None)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ({"body": {"model": "real"}}, {"body": {"model": "m"}}),
        ({"body": {}}, {"body": {}}),
        ({"body": "words"}, {"body": "words"}),
        ({"response": None}, {"response": None}),
        ({"response": {"body": {"model": "real"}}}, {"response": {"body": {"model": "m"}}}),
        ({"response": {"body": "words"}}, {"response": {"body": "words"}}),
    ],
)
def test_a_line_bears_the_name_that_was_asked(line: object, told: object) -> None:
    assert json.loads(shown(json.dumps(line).encode(), "m")) == told


@pytest.mark.parametrize(
    ("error", "message"),
    [
        ({"message": "too long"}, "too long"),
        ({"message": ""}, "The provider did not answer this line."),
        ({"message": 7}, "The provider did not answer this line."),
    ],
)
def test_an_error_that_says_nothing_is_told_in_our_words(error: object, message: str) -> None:
    told = json.loads(shown(json.dumps({"error": error}).encode(), "m"))

    assert told["error"]["message"] == message
