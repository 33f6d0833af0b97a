from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dialects.response_events import (
    BEGINNING,
    COMPLETED,
    CREATED,
    DONE,
    FAILED,
    HI,
    ID,
    MESSAGE,
    STREAM,
    UNDER_WAY,
    USAGE,
    YOU,
    Marking,
    event,
    item,
    response,
)
from tollhouse.dialects.openai_responses import Bare
from tollhouse.dialects.responses_own import OwnNames
from tollhouse.dialects.responses_relay import ResponseStream, WholeResponse
from tollhouse.domain.errors import ContextTooLong, Failure, UpstreamBroke, UpstreamFailed
from tollhouse.domain.pricing import Kinds, Usage

SPENT = Usage(input=4, output=2, cache_read=3, cache_write=2, kinds=Kinds(reasoning=1))
STREAMS = {
    "as OpenAI sends it": STREAM,
    "comments between": b": ping\n\n" + BEGINNING + b": ping\n\n\n" + HI + DONE + COMPLETED,
    "no names": b"".join(each for each in STREAM.splitlines(keepends=True) if each[:1] != b"e"),
    "data in several lines": BEGINNING
    + b'event: x\ndata: {"type":\ndata: "response.refusal.delta"}\n\n'
    + COMPLETED,
    "no blank line at the end": STREAM.rstrip(),
    "DONE behind the end": STREAM + b"data: [DONE]\n\n",
    "words about the end": BEGINNING
    + event("response.output_text.delta", 4, delta='"type":"response.completed"\n\ndata: [DONE]')
    + COMPLETED,
    "incomplete": BEGINNING + event("response.incomplete", 5, response=response("incomplete")),
    "failed": BEGINNING + HI + FAILED,
    "an error": BEGINNING + HI + event("error", 5, code="x", message="canary"),
    "cut": BEGINNING + HI + YOU[:-5],
    "DONE without an end": BEGINNING + HI + b"data: [DONE]\n\n",
    "nothing": b"",
}


@dataclass
class Seen:
    out: bytes
    usage: Usage | None
    failure: type[Failure] | None
    counted: int


@pytest.mark.req("P-7", "P-8", "R-8", "R-9")
@pytest.mark.parametrize("newline", [b"\n", b"\r\n", b"\r"])
@given(stream=st.sampled_from(sorted(STREAMS)), cuts=st.lists(st.integers(0, 2500), max_size=40))
@example(stream="as OpenAI sends it", cuts=list(range(2500)))
@example(stream="failed", cuts=list(range(2500)))
@example(stream="cut", cuts=[])
def test_splitting_a_stream_at_any_byte_changes_nothing(
    stream: str, cuts: list[int], newline: bytes
) -> None:
    recorded = STREAMS[stream].replace(b"\n", newline)

    split = _through(_cut(recorded, cuts))

    assert split == _through([STREAMS[stream]])


@pytest.mark.req("R-8", "R-9", "P-18")
def test_a_stream_of_known_events_passes_as_it_came() -> None:
    seen = _through([STREAM])

    assert (seen.out, seen.failure, seen.usage) == (STREAM, None, SPENT)


@pytest.mark.req("R-19")
def test_the_model_bears_the_name_that_it_was_asked_by_and_nothing_else_changes() -> None:
    relay = ResponseStream(OwnNames("alias", None, Bare()), frozenset())
    body = json.dumps(response("completed", output=[MESSAGE]), indent=1).encode()
    whole = WholeResponse(OwnNames("alias", None, Bare()), frozenset())
    whole.feed(body)

    assert relay.feed(STREAM) == STREAM.replace(b'"m-real"', b'"alias"')
    assert whole.finish() == body.replace(b'"m-real"', b'"alias"')


@pytest.mark.req("R-6", "R-8")
def test_an_answer_has_one_id_of_ours_wherever_it_stands_and_the_rest_keeps_its_bytes() -> None:
    own = OwnNames("m-real", "resp_before", Marking())
    kept = STREAM.replace(b'"error":null', b'"error":null,"previous_response_id":"resp_0"')

    passed = ResponseStream(own, frozenset()).feed(kept)

    ours = kept.replace(b'"id":"resp_1"', b'"id":"sealed resp_1"')
    assert passed == ours.replace(b'"resp_0"', b'"resp_before"')


@pytest.mark.req("R-8", "P-12")
def test_what_was_encrypted_is_marked_wherever_it_stands_and_the_rest_keeps_its_bytes() -> None:
    thought = {"type": "reasoning", "id": "rs", "summary": [], "encrypted_content": "gAAA/+="}
    bare = {**thought, "encrypted_content": None}
    output = [thought, MESSAGE, {**thought, "encrypted_content": ""}, bare, {"type": "compaction"}]
    recorded = (
        BEGINNING
        + item(4, **_kind_first(bare))
        + item(5, **_kind_first(thought))
        + event("response.completed", 6, response=response("completed", output=output))
    )
    as_ours = recorded.replace(b"gAAA/+=", b"thr_x.gAAA/+=").replace(
        b'"resp_1"', b'"sealed resp_1"'
    )

    passed = ResponseStream(OwnNames("m-real", None, Marking()), frozenset()).feed(recorded)
    whole = WholeResponse(OwnNames("m-real", None, Marking()), frozenset())
    whole.feed(_without_name(recorded))

    assert passed == as_ours
    assert whole.finish() == _without_name(as_ours)


@pytest.mark.parametrize("given", [1, ["x"], {"text": "x"}, True])
def test_what_should_be_encrypted_and_is_no_text_ends_the_answer(given: Any) -> None:
    thought = {"type": "reasoning", "encrypted_content": given}

    seen = _through([BEGINNING + item(4, **_kind_first(thought)) + COMPLETED])

    assert (seen.out, seen.failure) == (BEGINNING, UpstreamBroke)


def test_an_id_without_end_is_none() -> None:
    long = CREATED.replace(b"resp_1", b"r" * 600)

    assert _through([long + HI]).failure is UpstreamBroke


@pytest.mark.req("R-9")
def test_events_get_the_names_that_their_types_give_them() -> None:
    assert _through([STREAMS["no names"]]).out == STREAM
    misnamed = STREAM.replace(b"event: response.output_text.delta", b"event: error")
    assert _through([misnamed]).out == STREAM


@pytest.mark.req("P-7")
def test_an_answer_that_reached_its_bound_ends_and_is_counted_when_nobody_says() -> None:
    recorded = BEGINNING + HI + event("response.incomplete", 5, response=response("incomplete"))

    seen = _through([recorded])

    assert (seen.out, seen.failure, seen.usage, seen.counted) == (recorded, None, None, 1)


@pytest.mark.req("P-8", "R-10")
@pytest.mark.parametrize(
    "recorded",
    [b"", CREATED, BEGINNING + HI, BEGINNING + HI + DONE, STREAMS["cut"], b": ping\n\n",
     STREAMS["DONE without an end"]],
)  # fmt: skip
def test_a_stream_that_just_stops_is_no_end(recorded: bytes) -> None:
    seen = _through([recorded])

    assert seen.failure is UpstreamBroke
    assert b"response.completed" not in seen.out
    assert b"[DONE]" not in seen.out


@pytest.mark.req("R-10", "S-58")
@pytest.mark.parametrize(
    "error",
    [
        FAILED,
        event("error", 5, code="server_error", message="canary"),
        b'data: {"error":{"message":"canary","code":"server_error"}}\n\n',
        event("response.output_text.delta", 5, error={"message": "canary"}),
        b'data: {"ty\\u0070e":"error","message":"canary"}\n\n',
        b'data: {"type":"response.failed"}\n\n',
    ],
)
def test_an_error_ends_the_stream_after_what_came_before(error: bytes) -> None:
    seen = _through([BEGINNING + HI + error + YOU + COMPLETED])

    assert (seen.out, seen.failure) == (BEGINNING + HI, UpstreamFailed)


@pytest.mark.req("R-8", "R-13")
def test_a_conversation_that_is_too_long_is_told_by_the_name_that_agents_know() -> None:
    error = {"code": "context_length_exceeded", "message": "canary"}
    failed = event("response.failed", 2, response=response("failed", error=error))
    whole = WholeResponse(OwnNames("m-real", None, Bare()), frozenset())
    whole.feed(json.dumps(response("failed", error=error)).encode())

    assert _through([CREATED + failed]).failure is ContextTooLong
    with pytest.raises(ContextTooLong) as caught:
        whole.finish()
    assert "canary" not in caught.value.detail


@pytest.mark.req("P-7")
def test_what_a_failed_answer_has_used_is_noted() -> None:
    assert _through([BEGINNING + HI + FAILED]).usage == SPENT


@pytest.mark.req("P-16")
def test_a_failure_names_its_code_and_keeps_the_words_out_of_the_log() -> None:
    relay = ResponseStream(OwnNames("m-real", None, Bare()), frozenset())

    relay.feed(BEGINNING + FAILED)

    assert relay.failure is not None
    assert relay.failure.private == "an error within the stream (server_error)"


@pytest.mark.req("R-8", "R-10")
def test_a_failure_is_told_under_the_id_with_which_the_answer_began() -> None:
    relay = ResponseStream(OwnNames("m-real", None, Bare()), frozenset())
    relay.feed(BEGINNING + HI)

    told = relay.problem_event(UpstreamBroke(), "request-1")

    name, data = told.decode().removesuffix("\n\n").split("\n")
    failed = json.loads(data.removeprefix("data: "))
    assert name == "event: response.failed"
    assert failed["sequence_number"] == 5
    assert failed["response"] == {
        **response("failed"),
        "error": {"code": "upstream_broke", "message": UpstreamBroke().detail},
    }


@pytest.mark.req("R-8", "R-10")
def test_an_answer_begins_only_with_its_beginning() -> None:
    relay = ResponseStream(OwnNames("m-real", None, Bare()), frozenset())
    odd = event("response.output_text.delta", 4, delta="hi", response=response(metadata={}))
    relay.feed(BEGINNING + odd)

    told = relay.problem_event(UpstreamBroke(), "request-1")

    assert "metadata" not in json.loads(told.split(b"data: ")[1])["response"]


@pytest.mark.req("R-8", "R-10")
def test_of_an_answer_that_never_began_the_beginning_is_made_up_too() -> None:
    relay = ResponseStream(OwnNames("m-real", None, Bare()), frozenset())

    told = relay.problem_event(UpstreamBroke(), "request-1")

    events = [json.loads(each.split(b"data: ")[1]) for each in told.split(b"\n\n") if each]
    assert [each["type"] for each in events] == ["response.created", "response.failed"]
    assert {each["response"]["id"] for each in events} == {"resp_request-1"}
    assert [each["sequence_number"] for each in events] == [0, 1]


@pytest.mark.req("S-71", "B-8", "H-145")
@pytest.mark.parametrize(
    "foreign",
    [
        b"event: error\n\n",
        b"id: 7\n\n",
        b"retry: 1\n\n",
        b": a comment\n\n",
        b"\n\n\n",
        b'data: {"choices":[]}\n\n',
        b'data: {"type":"keepalive"}\n\n',
        b"data: [DONE]\n\n",
        event("response.unheard_of", 4, delta="canary"),
        event("thread.created", 4),
    ],
)
def test_what_is_no_known_event_stays_behind(foreign: bytes) -> None:
    seen = _through([BEGINNING + foreign + HI, foreign + YOU + DONE + COMPLETED])

    assert (seen.out, seen.failure) == (STREAM, None)


@pytest.mark.req("S-71", "H-145")
@pytest.mark.parametrize(
    "broken",
    [
        *(b"data: hello\n\n", b"data: [1]\n\n", b"data: {\n\n", b'data: "x"\n\n'),
        b'data: {"type":1}\n\n',
        b'data: {"type":"response.refusal.delta","x":"\x00"}\n\n',
        b'data: {"type":"response.refusal.delta","x":"\xff"}\n\n',
        b'data: {"type":"response.refusal.delta","x":NaN}\n\n',
        b'data: {"type":"response.refusal.delta","x":%b%b}\n\n' % (b"[" * 100_000, b"]" * 100_000),
        b'data: {"type":"response.created","response":"x"}\n\n',
        b'data: {"type":"response.created"}\n\n',
        b'data: {"type":"response.completed"}\n\n',
        b'data: {"type":"response.completed","response":null}\n\n',
        b'data: {"type":"response.completed","response":{"output":[1]}}\n\n',
        b'data: {"type":"response.output_item.added","item":[]}\n\n',
    ],
)
def test_what_is_not_of_the_dialect_ends_the_stream_after_what_came_before(broken: bytes) -> None:
    seen = _through([BEGINNING + HI + broken + COMPLETED])

    assert (seen.out, seen.failure) == (BEGINNING + HI, UpstreamBroke)


CALLS: list[dict[str, Any]] = [
    {"type": "function_call", "name": "rm", "call_id": "c", "arguments": ""},
    {"type": "function_call", "name": "look", "namespace": "foreign"},
    {"type": "custom_tool_call", "name": "rm"},
    {"type": "function_call"},
    *({"type": kind} for kind in ("local_shell_call", "shell_call", "apply_patch_call")),
    *({"type": kind} for kind in ("computer_call", "mcp_call", "web_search_call", "unheard_of")),
    {},
]


@pytest.mark.req("S-74")
@pytest.mark.parametrize("called", CALLS)
def test_a_tool_that_the_caller_did_not_declare_is_not_called(called: dict[str, Any]) -> None:
    tools = frozenset({"look", ":code_interpreter"})
    added = event("response.output_item.added", 4, output_index=0, item=called)
    done = event("response.output_item.done", 4, output_index=0, item=called)
    at_the_end = event("response.completed", 4, response=response("completed", output=[called]))
    for sent in (added, done, at_the_end, added.replace(b'"item"', b'"it\\u0065m"')):
        seen = _through([BEGINNING + sent + COMPLETED], tools=tools)

        assert (seen.out, seen.failure) == (BEGINNING, UpstreamBroke)
    whole = WholeResponse(OwnNames("m-real", None, Bare()), tools)
    whole.feed(json.dumps(response("completed", output=[MESSAGE, called])).encode())
    with pytest.raises(UpstreamBroke):
        whole.finish()


@pytest.mark.req("S-74", "R-8")
@pytest.mark.parametrize(
    ("called", "tool"),
    [
        ({"type": "function_call", "name": "look"}, "look"),
        ({"type": "custom_tool_call", "name": "look"}, "look"),
        ({"type": "local_shell_call"}, ":local_shell"),
        ({"type": "web_search_call"}, ":web_search_preview"),
        ({"type": "unheard_of_call"}, ":unheard_of"),
        ({"type": "reasoning", "encrypted_content": "x"}, ""),
        ({"type": "compaction"}, ""),
    ],
)
def test_a_declared_tool_is_called(called: dict[str, Any], tool: str) -> None:
    recorded = BEGINNING + item(4, **_kind_first(called)) + COMPLETED

    seen = _through([recorded], tools=frozenset({tool}))

    assert (seen.out, seen.failure) == (recorded, None)


def test_a_tool_of_a_namespace_is_called_by_both_names() -> None:
    tools = frozenset({"look", "eyes.look"})
    recorded = BEGINNING + item(4, "function_call", name="look", namespace="eyes") + COMPLETED

    assert _through([recorded], tools=tools).failure is None


@pytest.mark.req("P-7")
def test_what_was_said_before_a_cut_is_counted() -> None:
    thought = event("response.reasoning_summary_text.delta", 4, delta="hm" * 30)
    argued = event("response.function_call_arguments.delta", 5, delta='{"a":1}')

    seen = _through([BEGINNING + thought + argued + HI])

    assert (seen.usage, seen.counted) == (None, 23)  # 60 and 7 and 2 bytes


def test_nothing_passes_after_the_end() -> None:
    relay = ResponseStream(OwnNames("m-real", None, Bare()), frozenset())

    assert relay.feed(STREAM + HI) == STREAM
    assert relay.feed(HI) == b""
    assert relay.finish() == b""


@pytest.mark.req("P-7", "P-18")
def test_a_whole_answer_passes_as_it_came_and_its_usage_is_noticed() -> None:
    body = json.dumps(response("completed", output=[MESSAGE], usage=USAGE), indent=1).encode()
    for size in (1, 7, len(body)):
        relay = WholeResponse(OwnNames("m-real", None, Bare()), frozenset())
        for start in range(0, len(body), size):
            assert relay.feed(body[start : start + size]) == b""

        assert relay.finish() == body
        assert relay.usage == SPENT


@pytest.mark.req("S-73", "S-58")
@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (response("failed", error={"message": "canary"}), UpstreamFailed),
        (response("failed"), UpstreamFailed),
        (response("completed", error={"message": "canary"}), UpstreamFailed),
        (response("completed", output=None), UpstreamBroke),
        (response("queued"), UpstreamBroke),
        (response("in_progress"), UpstreamBroke),
        ({"choices": []}, UpstreamBroke),
        ([], UpstreamBroke),
    ],
)
def test_what_is_no_whole_answer_does_not_pass(answer: Any, failure: type[Failure]) -> None:
    relay = WholeResponse(OwnNames("m-real", None, Bare()), frozenset())
    relay.feed(json.dumps(answer).encode())

    with pytest.raises(failure) as caught:
        relay.finish()

    assert "canary" not in f"{caught.value.detail} {caught.value.private}"


@pytest.mark.req("S-71", "H-145")
def test_a_whole_answer_is_text_wherever_one_looks() -> None:
    relay = WholeResponse(OwnNames("m-real", None, Bare()), frozenset())
    relay.feed(json.dumps(response("completed", x="?")).encode().replace(b"?", b"\xff"))

    with pytest.raises(UpstreamBroke):
        relay.finish()


@pytest.mark.req("P-7")
@pytest.mark.parametrize("body", [b"<html>", b'{"x":1}', b'{"output":null}'])
def test_what_is_no_answer_is_counted_by_its_bytes(body: bytes) -> None:
    relay = WholeResponse(OwnNames("m-real", None, Bare()), frozenset())
    relay.feed(body)

    assert relay.counted_output() == -(-len(body) // 3)


@pytest.mark.req("P-7")
def test_a_whole_answer_without_usage_is_counted_by_its_output_alone() -> None:
    relay = WholeResponse(OwnNames("m-real", None, Bare()), frozenset())
    relay.feed(json.dumps(response("completed", output=[MESSAGE], instructions="x" * 999)).encode())

    assert 3 <= relay.counted_output() < 20


@pytest.mark.req("S-71", "H-145")
@pytest.mark.parametrize("newline", [b"\n", b"\r\n", b"\r"])
def test_an_event_of_several_lines_goes_out_on_one(newline: bytes) -> None:
    parted = HI.replace(b',"item_id"', newline + b'data: ,"item_id"')

    seen = _through([BEGINNING + parted + COMPLETED])

    assert seen.out == BEGINNING + HI.replace(b',"item_id"', b' ,"item_id"') + COMPLETED


@pytest.mark.req("P-18")
def test_an_event_in_which_nothing_is_ours_keeps_its_bytes() -> None:
    begun, added = CREATED.replace(b'","', b'" , "'), item(2, "message", encrypted_content=None)
    recorded = begun + added.replace(b'"item":', b' "item" : ') + COMPLETED

    assert _through([recorded]).out == recorded


@pytest.mark.req("P-8")
def test_what_is_told_at_the_beginning_is_not_what_was_used() -> None:
    begun = event("response.created", 0, response=response(usage=USAGE))

    seen = _through([begun + HI])

    assert (seen.usage, seen.counted) == (None, 1)


def test_a_beginning_needs_no_output() -> None:
    begun = event("response.created", 0, response=response(output=None))

    assert _through([begun + HI + COMPLETED]).out == begun + HI + COMPLETED


def test_a_beginning_may_come_again() -> None:
    assert _through([CREATED + UNDER_WAY + UNDER_WAY + COMPLETED]).failure is None
    assert ID.encode() in CREATED


def _through(pieces: list[bytes], tools: frozenset[str] = frozenset()) -> Seen:
    relay = ResponseStream(OwnNames("m-real", None, Bare()), tools)
    out, failure = b"", None
    for piece in pieces:
        out += relay.feed(piece)
        if relay.failure is not None:
            return Seen(out, relay.usage, type(relay.failure), relay.counted_output())
        if relay.is_over:
            break
    try:
        out += relay.finish()
    except Failure as broken:
        failure = type(broken)
    return Seen(out, relay.usage, failure, relay.counted_output())


def _cut(recorded: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({min(cut, len(recorded)) for cut in cuts})
    edges = [0, *places, len(recorded)]
    return [recorded[a:b] for a, b in pairwise(edges)]


def _without_name(recorded: bytes) -> bytes:
    """The response of the last event."""
    return recorded.rpartition(b'"response":')[2].removesuffix(b"}\n\n")


def _kind_first(called: dict[str, Any]) -> dict[str, Any]:
    return {"kind": called["type"], **{k: v for k, v in called.items() if k != "type"}}


def test_a_failure_is_numbered_after_all_that_was_told() -> None:
    relay = ResponseStream(OwnNames("m", None, Bare()), frozenset())

    relay.feed(CREATED + event("response.output_text.delta", 9, delta="a"))
    relay.feed(event("response.output_text.delta", 2, delta="b"))

    assert b'"sequence_number":10' in relay.problem_event(UpstreamBroke(), "r")


def test_an_event_that_says_nothing_is_not_counted() -> None:
    relay = ResponseStream(OwnNames("m", None, Bare()), frozenset())

    relay.feed(BEGINNING + event("response.output_text.delta", 9, delta="ab"))

    assert relay.counted_output() == 1


@pytest.mark.parametrize(("reads", "tier"), [(True, "flex"), (False, None)])
def test_a_tier_is_read_where_one_was_asked_for(reads: bool, tier: str | None) -> None:
    stream = ResponseStream(OwnNames("m", None, Bare()), frozenset(), reads_tier=reads)
    whole = WholeResponse(OwnNames("m", None, Bare()), frozenset(), reads_tier=reads)
    answer = response("completed", service_tier="flex")

    stream.feed(BEGINNING + event("response.completed", 5, response=answer))
    whole.feed(json.dumps(answer).encode())
    whole.finish()

    assert (stream.tier, whole.tier) == (tier, tier)
