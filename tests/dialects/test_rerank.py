from __future__ import annotations

import json
from typing import Any

import pytest

from tollhouse.dialects.rerank import MOST_DOCUMENTS, Rerank
from tollhouse.domain.errors import FieldInvalid, UpstreamBroke
from tollhouse.domain.pricing import Usage
from tollhouse.domain.tasks import Task
from tollhouse.ports import Relay

pytestmark = pytest.mark.req("OT-48")


def test_the_query_is_read_with_each_document() -> None:
    body = _body(query="\u00e9" * 10, documents=["a", {"text": "b"}, "c"])

    ask = Rerank().peek(body)

    assert (ask.messages, ask.task, ask.max_output) == (3, Task.RERANK, 0)
    assert ask.input_bytes == len(body) + 2 * 20


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        *(("query", wrong) for wrong in (None, "", 1, ["a"])),
        *(("documents", wrong) for wrong in (None, [], "a", [1], [{}], [{"text": 1}])),
        ("documents", ["a"] * (MOST_DOCUMENTS + 1)),
        *(("top_n", wrong) for wrong in (0, "1", True)),
        *(("model", None), ("stream", True)),
    ],
)
def test_a_member_of_a_wrong_kind_is_refused_by_name(name: str, wrong: Any) -> None:
    with pytest.raises(FieldInvalid) as refused:
        Rerank().peek(_body(**{name: wrong}))

    assert refused.value.param == name


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({"usage": {"total_tokens": 9}}, Usage(input=9)),
        ({"usage": {"prompt_tokens": 8, "total_tokens": 9}}, Usage(input=8)),
        ({"meta": {"billed_units": {"search_units": 1}}}, None),
    ],
)
def test_results_pass_as_they_came(usage: dict[str, Any], expected: Usage | None) -> None:
    results = [{"index": 1, "relevance_score": 0.9}, {"index": 0, "relevance_score": -1}]
    answer = json.dumps({"results": results, **usage}, indent=1).encode()
    relay = _fed(answer)

    assert relay.finish() == answer
    assert relay.usage == expected


@pytest.mark.req("S-71")
@pytest.mark.parametrize(
    "results",
    [
        None,
        {},
        [{"index": 2, "relevance_score": 1}],
        [{"index": -1, "relevance_score": 1}],
        [{"index": 0, "relevance_score": 1}, {"index": 0, "relevance_score": 1}],
        [{"index": 0}],
        [{"index": "0", "relevance_score": 1}],
        [{"index": 0, "relevance_score": "high"}],
    ],
)
def test_results_for_what_was_not_given_do_not_pass(results: Any) -> None:
    with pytest.raises(UpstreamBroke):
        _fed(json.dumps({"results": results}).encode()).finish()


def test_so_many_documents_are_sorted_at_once() -> None:
    assert Rerank().peek(_body(documents=["a"] * 2048)).messages == 2048


def _body(**members: Any) -> bytes:
    return json.dumps({"model": "m", "query": "q", "documents": ["a", "b"], **members}).encode()


def _fed(answer: bytes) -> Relay:
    relay = Rerank().relay(Rerank().peek(_body()))
    relay.feed(answer)
    return relay
