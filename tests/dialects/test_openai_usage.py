from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollhouse.dialects.openai_usage import read_usage
from tollhouse.domain.pricing import Usage

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
        ({"completion_tokens_details": {"reasoning_tokens": 5}}, Usage(100, 7)),
        ({"total_tokens": 1}, Usage(100, 7)),
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
    ],
)  # fmt: skip
def test_what_cannot_be_believed_is_no_usage(raw: bytes) -> None:
    assert read_usage(raw) is None


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
