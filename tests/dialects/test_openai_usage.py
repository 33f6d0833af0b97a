from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollhouse.dialects import responses_usage
from tollhouse.dialects.openai_usage import read_count, read_input, read_made, read_usage
from tollhouse.domain.pricing import Kinds, Usage

_counts = st.none() | st.integers(-(10**12), 10**12)


@pytest.mark.req("P-7", "P-9")
@pytest.mark.parametrize(
    ("details", "expected"),
    [
        ({}, Usage(input=100, output=7)),
        ({"prompt_tokens_details": None}, Usage(input=100, output=7)),
        ({"prompt_tokens_details": {}}, Usage(input=100, output=7)),
        ({"prompt_tokens_details": {"cached_tokens": 60}}, Usage(40, 7, 60)),
        (
            {"prompt_tokens_details": {"cached_tokens": 60, "cache_write_tokens": 30}},
            Usage(10, 7, 60, 30),
        ),
        ({"prompt_tokens_details": {"cached_tokens": 101}}, Usage(100, 7)),
        ({"prompt_tokens_details": {"cached_tokens": 60, "cache_write_tokens": 41}}, Usage(100, 7)),
        ({"prompt_tokens_details": {"cached_tokens": -5}}, Usage(100, 7)),
        (
            {"completion_tokens_details": {"reasoning_tokens": 5}},
            Usage(100, 7, kinds=Kinds(reasoning=5)),
        ),
        ({"total_tokens": 1}, Usage(100, 7)),
        ({"prompt_cache_hit_tokens": 60}, Usage(40, 7, 60)),
        ({"cached_tokens": 60}, Usage(40, 7, 60)),
        (
            {"cached_tokens": 60, "prompt_tokens_details": {"cached_tokens": 10}},
            Usage(90, 7, 10),
        ),
    ],
)
def test_classes_are_disjoint_and_add_up_to_what_the_provider_says(
    details: dict[str, Any], expected: Usage
) -> None:
    raw = json.dumps({"prompt_tokens": 100, "completion_tokens": 7, **details}).encode()

    assert read_usage(raw) == expected
    assert expected.total == 107


@pytest.mark.req("P-7")
@pytest.mark.parametrize(
    "raw",
    [
        *(b"null", b"{}", b"[]", b"1", b'"x"', b'{"prompt_tokens":1}', b'{"completion_tokens":1}'),
        *(b'{"prompt_tokens":"1","completion_tokens":1}', b'{"prompt_tokens":1.5,"completion_tokens":1}'),
        *(b'{"prompt_tokens":null,"completion_tokens":1}', b'{"prompt_tokens":true,"completion_tokens":1}'),
        b'{"prompt_tokens":1,"completion_tokens":1,"prompt_tokens_details":[]}',
        b'{"prompt_tokens":1000000000001,"completion_tokens":1}',
        b'{"prompt_tokens":1,"completion_tokens":%b}' % (b"9" * 30),
        b'{"prompt_tokens":1,"completion_tokens":1,"x":%b}' % (b"[" * 100_000),
    ],
)  # fmt: skip
def test_what_cannot_be_believed_is_no_usage(raw: bytes) -> None:
    assert read_usage(raw) is None
    assert read_input(raw.replace(b"prompt_tokens", b"none")) is None
    assert responses_usage.read_usage(_in_responses(raw)) is None
    assert read_made(_in_responses(raw), 3).images == 3


def _in_responses(raw: bytes) -> bytes:
    return raw.replace(b"prompt_tokens", b"input_tokens").replace(b"completion", b"output")


@pytest.mark.req("P-9")
@given(_counts, _counts, _counts, _counts)
def test_no_class_is_ever_negative_or_lost(
    prompt: int | None, output: int | None, read: int | None, written: int | None
) -> None:
    details = {"cached_tokens": read, "cache_write_tokens": written}
    given_usage = {
        "prompt_tokens": prompt,
        "completion_tokens": output,
        "prompt_tokens_details": details,
    }

    usage = read_usage(json.dumps(given_usage).encode())

    if prompt is None or output is None:
        assert usage is None
    else:
        assert usage is not None
        assert min(usage.input, usage.output, usage.cache_read, usage.cache_write) >= 0
        assert usage.total == max(prompt, 0) + max(output, 0)


@pytest.mark.req("P-7", "P-9")
@pytest.mark.parametrize(
    ("prompt", "output", "details", "expected"),
    [
        (10**12, 10**12, {}, Usage(10**12, 10**12)),
        (0, 0, {}, Usage()),
        (-1, 7, {}, Usage(0, 7)),
        (7, -1, {}, Usage(7, 0)),
        (100, 7, {"cached_tokens": 60, "cache_write_tokens": 40}, Usage(0, 7, 60, 40)),
        (100, 7, {"cached_tokens": -60, "cache_write_tokens": 40}, Usage(60, 7, 0, 40)),
        (100, 7, {"cached_tokens": 60, "cache_write_tokens": -40}, Usage(40, 7, 60)),
        (100, 7, {"cache_write_tokens": 30}, Usage(70, 7, 0, 30)),
    ],
)
def test_a_count_at_its_bound_is_one(
    prompt: int, output: int, details: dict[str, Any], expected: Usage
) -> None:
    given = {
        "prompt_tokens": prompt,
        "completion_tokens": output,
        "prompt_tokens_details": details,
    }

    assert read_usage(json.dumps(given).encode()) == expected


@pytest.mark.req("P-7", "P-9")
@pytest.mark.parametrize(
    ("before", "after", "kinds"),
    [
        ({"audio_tokens": 60}, {}, Kinds(audio_input=60)),
        ({"audio_tokens": 500}, {}, Kinds(audio_input=100)),
        ({"audio_tokens": -5}, {}, None),
        ({"image_tokens": 60}, None, Kinds(image_input=60)),
        ({"image_tokens": 500}, {}, Kinds(image_input=100)),
        ({"audio_tokens": 60, "image_tokens": 60}, {}, Kinds(audio_input=60, image_input=40)),
        ({"audio_tokens": 70, "cached_tokens": 60}, {}, Kinds(audio_input=40, audio_read=30)),
        (
            {"audio_tokens": 70, "cached_tokens": 60, "cache_write_tokens": 30},
            {},
            Kinds(audio_input=10, audio_read=30),
        ),
        (None, {"audio_tokens": 500}, Kinds(audio_output=7)),
        ({}, {"image_tokens": 500}, Kinds(image_output=7)),
        ({}, {"audio_tokens": 5, "image_tokens": 5}, Kinds(audio_output=5, image_output=2)),
        ({}, {"image_tokens": 5, "reasoning_tokens": 5}, Kinds(image_output=5, reasoning=2)),
    ],
)
def test_of_a_kind_there_are_no_more_than_of_its_class(
    before: Any, after: Any, kinds: Kinds | None
) -> None:
    given = {
        "prompt_tokens": 100,
        "completion_tokens": 7,
        "prompt_tokens_details": before,
        "completion_tokens_details": after,
    }

    usage = read_usage(json.dumps(given).encode())

    assert usage is not None
    assert usage.kinds == kinds
    assert usage.total == 107


@pytest.mark.req("P-7")
@pytest.mark.parametrize(
    ("total", "unseen"), [(107, 0), (108, 1), (10**12, 10**12 - 107), (10**12 + 1, 0)]
)
def test_what_is_in_the_total_alone_was_thought(total: int, unseen: int) -> None:
    given = {"prompt_tokens": 100, "completion_tokens": 7, "total_tokens": total}

    usage = read_usage(json.dumps(given).encode())

    assert usage == Usage(100, 7 + unseen, kinds=Kinds(reasoning=unseen) if unseen else None)


@pytest.mark.req("P-7")
@pytest.mark.parametrize(
    ("told", "usage"),
    [
        ({"input_tokens": 5, "output_tokens": 9}, Usage(5, 9, images=2)),
        (
            {"input_tokens": 5, "input_tokens_details": {"image_tokens": 3}},
            Usage(5, images=2, kinds=Kinds(image_input=3)),
        ),
        (
            {"input_tokens": 5, "input_tokens_details": {"image_tokens": 9}},
            Usage(5, images=2, kinds=Kinds(image_input=5)),
        ),
        ({"input_tokens": 10**12, "output_tokens": 10**12 + 1}, Usage(10**12, images=2)),
        ({"input_tokens": -1}, Usage(images=2)),
    ],
)
def test_what_went_into_an_image_is_counted_if_it_can_be_believed(told: Any, usage: Usage) -> None:
    assert read_made(json.dumps(told).encode(), 2) == usage


@pytest.mark.req("P-7")
@pytest.mark.parametrize(("told", "thought"), [(None, 0), (0, 0), (3, 3), (7, 7), (8, 7), (-1, 0)])
def test_no_more_is_thought_than_was_put_out(told: int | None, thought: int) -> None:
    details = {"reasoning_tokens": told}
    given = {"prompt_tokens": 1, "completion_tokens": 7, "completion_tokens_details": details}

    counted = read_count(json.dumps(given).encode())

    assert counted is not None
    assert (counted.usage.total, counted.usage.reasoning) == (8, thought)


@pytest.mark.req("P-7")
@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (b'{"prompt_tokens":9,"total_tokens":12}', Usage(9)),
        (b'{"prompt_tokens":0,"total_tokens":12}', Usage()),
        (b'{"prompt_tokens":null,"total_tokens":12}', Usage(12)),
        (b'{"total_tokens":12}', Usage(12)),
        (b'{"total_tokens":1000000000000}', Usage(10**12)),
        (b'{"total_tokens":1000000000001}', None),
        (b'{"prompt_tokens":-1,"total_tokens":12}', None),
        (b'{"prompt_tokens":"9"}', None),
        *((nothing, None) for nothing in (b"{}", b"[]", b"null", b"", b"{")),
    ],
)
def test_what_went_in_is_read_from_either_count(given: bytes, expected: Usage | None) -> None:
    assert read_input(given) == expected


@pytest.mark.req("P-7")
@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (b'{"input_tokens":9,"output_tokens":4}', Usage(input=9, output=4, images=2)),
        (b'{"input_tokens":1000000000000}', Usage(input=10**12, images=2)),
        (b'{"input_tokens":1000000000001,"output_tokens":4}', Usage(output=4, images=2)),
        (b'{"input_tokens":9,"output_tokens":-4}', Usage(input=9, images=2)),
        *((nothing, Usage(images=2)) for nothing in (b"null", b"{}", b"[]", b"7", b"{")),
    ],
)
def test_what_was_made_is_counted_with_the_tokens_that_are_told(
    given: bytes, expected: Usage
) -> None:
    assert read_made(given, 2) == expected
