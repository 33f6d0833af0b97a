"""Batches: the lines that callers send, the results that providers give, and what is said of either."""

from __future__ import annotations

import json
from typing import Any

from fuzz.cutting import ways
from tollhouse.dialects import openai_batches
from tollhouse.dialects.openai_batch_lines import (
    LONGEST_ID,
    LineCutter,
    answered,
    read_line,
    shown,
    with_body,
)
from tollhouse.domain.batches import STATUSES, TASKS
from tollhouse.domain.errors import Refusal, UpstreamBroke

MOST = 400
LINE_SEEDS = [
    b'{"custom_id":"a","method":"POST","url":"/v1/embeddings","body":{"model":"m","input":"x"}}',
    b'{"custom_id":"a","method":"POST","url":"/v1/chat/completions","body":{"model":"m"}}\n\n \n{"custom_id":"b"}',
]
RESULT_SEEDS = [
    b'{"id":"x","custom_id":"a","response":{"status_code":200,"body":{"model":"r","usage":{"prompt_tokens":1,"completion_tokens":2}}}}',
    b'{"custom_id":"a","response":{"status_code":400,"body":{"error":{"message":"at 10.0.0.1"}}},"error":null}',
    b'{"custom_id":"a","response":null,"error":{"code":"batch_expired","message":"late"}}',
]
TOLD_SEEDS = [
    b'{"id":"batch_1","status":"completed","output_file_id":"file-1","request_counts":{"total":1},"errors":{"data":[{"line":1}]}}',
    b'{"input_file_id":"file-1","endpoint":"/v1/embeddings","completion_window":"24h","metadata":{"a":"b"}}',
]
WORDS = (
    *(b'"custom_id"', b'"method"', b'"POST"', b'"url"', b'"body"', b'"response"', b'"status_code"', b'"usage"'),
    *(b'"error"', b'"message"', b'"model"', b'"output_file_id"', b'"status"', b"\\u006dodel", b"\n"),
)  # fmt: skip


def batch_line_target(data: bytes) -> None:
    """The same lines however they come; of one that is taken only the body is ever another."""
    read = [_lines(pieces) for pieces in ([data], *ways(data))]
    assert read[1:] == read[:-1]
    for _, raw in read[0] if isinstance(read[0], list) else ():
        try:
            line = read_line(raw)
        except Refusal:
            continue
        said = json.loads(raw)
        assert line.url in TASKS
        assert 0 < len(line.custom_id) <= LONGEST_ID
        assert json.loads(line.body) == said["body"]
        assert json.loads(with_body(raw, b"[]")) == {**said, "body": []}


def batch_result_target(data: bytes) -> None:
    """Read or broken off; what is shown is one line of JSON, whose models bear the name that was asked."""
    try:
        is_answer, usage = answered(data)
    except UpstreamBroke:
        pass
    else:
        assert is_answer or usage is None
        assert usage is None or min(usage.input, usage.output, usage.cache_read) >= 0
    try:
        told = shown(data, "asked")
    except UpstreamBroke:
        return
    assert told.endswith(b"\n")
    assert b"\n" in data or told.count(b"\n") == 1
    body = _within(json.loads(told), "response", "body")
    assert not isinstance(body, dict) or body.get("model", "asked") == "asked"


def batch_told_target(data: bytes) -> None:
    """A state that there is, and names that may stand in a path; a wish leaves as it was said."""
    try:
        told = openai_batches.read_told(data)
        assert told.status in STATUSES
        assert "/" not in f"{told.id}{told.output_file_id}{told.error_file_id}"
    except UpstreamBroke:
        pass
    try:
        wish = openai_batches.read_wish(data)
    except Refusal:
        return
    said = {name: value for name, value in json.loads(data).items() if value is not None}
    assert json.loads(openai_batches.outgoing(wish, wish.file)) == said


def _lines(pieces: list[bytes]) -> list[tuple[int, bytes]] | str:
    cutter = LineCutter(MOST)
    try:
        return [each for piece in pieces for each in cutter.push(piece)] + cutter.drain()
    except Refusal as refusal:
        return refusal.code


def _within(found: Any, *names: str) -> Any:
    for name in names:
        found = found.get(name) if isinstance(found, dict) else None
    return found
