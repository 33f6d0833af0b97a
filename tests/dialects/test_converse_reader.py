"""What AWS Bedrock answers, event by event: what is an answer is read, and nothing else is."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from scripts.fidelity.bedrock import event

from tollhouse.dialects import converse_state
from tollhouse.dialects.bedrock_converse import BedrockConverse
from tollhouse.dialects.event_stream import written
from tollhouse.domain.conversation import Citation, Reasoning, State
from tollhouse.domain.deltas import (
    Argued,
    Began,
    Called,
    Cited,
    Counted,
    Delta,
    Said,
    Sealed,
    Stop,
    Stopped,
    Thought,
)
from tollhouse.domain.errors import (
    ContextTooLong,
    Failure,
    UpstreamBroke,
    UpstreamFailed,
    UpstreamRateLimited,
    UpstreamRejected,
    UpstreamTimeout,
)
from tollhouse.domain.pricing import Kinds, Usage
from tollhouse.ports import Reader

BEGIN = event("messageStart", {"role": "assistant"})
USAGE = {"inputTokens": 9, "outputTokens": 2, "totalTokens": 11}
END = event("messageStop", {"stopReason": "end_turn"})
METADATA = event("metadata", {"usage": USAGE, "metrics": {"latencyMs": 3}})
COUNTED = Counted(Usage(9, 2))


def delta(index: int, **said: Any) -> bytes:
    return event("contentBlockDelta", {"contentBlockIndex": index, "delta": said})


def start(index: int, **said: Any) -> bytes:
    return event("contentBlockStart", {"contentBlockIndex": index, "start": said})


def stop(index: int) -> bytes:
    return event("contentBlockStop", {"contentBlockIndex": index})


def test_words_need_no_beginning_of_their_own() -> None:
    reader, deltas = read(BEGIN, delta(0, text="h"), delta(0, text="i"), stop(0), END, METADATA)

    assert deltas == [Began(), Said("h"), Said("i"), Stopped(Stop.END), COUNTED]
    assert (reader.is_over, reader.failure) == (True, None)


def test_calls_come_in_fragments_and_take_turns() -> None:
    _, deltas = read(
        BEGIN,
        start(1, toolUse={"toolUseId": "t1", "name": "look"}),
        start(2, toolUse={"toolUseId": "t2", "name": "find"}),
        delta(2, toolUse={"input": '{"q"'}),
        delta(1, toolUse={"input": "{}"}),
        delta(2, toolUse={"input": ":1}"}),
        stop(1),
        stop(2),
        event("messageStop", {"stopReason": "tool_use"}),
        METADATA,
    )

    assert deltas[1:-1] == [
        Called(1, "t1", "look"),
        Called(2, "t2", "find"),
        Argued(2, '{"q"'),
        Argued(1, "{}"),
        Argued(2, ":1}"),
        Stopped(Stop.TOOLS),
    ]


@pytest.mark.parametrize("pieces", [[], [delta(0, toolUse={"input": ""})]], ids=["none", "empty"])
def test_a_call_without_arguments_has_none(pieces: list[bytes]) -> None:
    called = start(0, toolUse={"toolUseId": "t1", "name": "look"})

    _, deltas = read(BEGIN, called, *pieces, stop(0), END, METADATA)

    assert deltas[1:3] == [Called(0, "t1", "look"), Argued(0, "{}")]


def test_a_call_that_was_not_closed_is_closed_by_the_end() -> None:
    _, deltas = read(BEGIN, start(0, toolUse={"toolUseId": "t1", "name": "look"}), END, METADATA)

    assert deltas[2:4] == [Argued(0, "{}"), Stopped(Stop.END)]


def test_what_the_provider_runs_itself_is_no_call_of_ours() -> None:
    theirs = {"toolUseId": "t1", "name": "search", "type": "server_tool_use"}

    reader, deltas = read(
        BEGIN, start(0, toolUse=theirs), delta(0, toolUse={"input": "{}"}), stop(0), END, METADATA
    )

    assert deltas == [Began(), Stopped(Stop.END), COUNTED]
    assert reader.failure is None


def test_thoughts_have_their_seal_at_the_end() -> None:
    _, deltas = read(
        BEGIN,
        delta(0, reasoningContent={"text": "h"}),
        delta(0, reasoningContent={"text": "m"}),
        delta(0, reasoningContent={"signature": "c2"}),
        delta(0, reasoningContent={"signature": "ln"}),
        stop(0),
        delta(1, reasoningContent={"redactedContent": "aGk="}),
        stop(1),
        END,
        METADATA,
    )

    assert deltas[1:5] == [
        Thought("h"),
        Thought("m"),
        Sealed(State("bedrock_converse", {"signature": "c2ln"})),
        Sealed(State("bedrock_converse", {"redactedContent": "aGk="})),
    ]


@pytest.mark.parametrize(
    ("events", "pieces"),
    [
        ([stop(7)], []),
        ([start(0)], []),
        ([event("contentBlockStart", {"contentBlockIndex": 0})], []),
        ([event("contentBlockDelta", {"contentBlockIndex": 0})], []),
        ([delta(0)], []),
        ([start(0, toolUse={})], [Called(0, "", ""), Argued(0, "{}")]),
        ([delta(0, citation={})], [Cited(Citation())]),
        ([delta(0, citation={"sourceContent": [{}]})], [Cited(Citation())]),
        ([event("messageStop", {})], []),
    ],
)
def test_events_may_say_little(events: list[bytes], pieces: list[Delta]) -> None:
    reader, deltas = read(BEGIN, *events, END, METADATA)

    assert reader.failure is None
    assert deltas == [Began(), *pieces, Stopped(Stop.END), COUNTED]


def test_an_end_without_a_reason_is_none() -> None:
    cut = event("messageStop", {"stopReason": "max_tokens"})

    _, deltas = read(BEGIN, event("messageStop", {}), cut, METADATA)

    assert deltas == [Began(), Stopped(Stop.LENGTH), COUNTED]


def test_what_the_end_has_closed_is_not_closed_again() -> None:
    called = start(0, toolUse={"toolUseId": "t1", "name": "look"})

    _, deltas = read(BEGIN, called, END, stop(0), METADATA)

    assert deltas.count(Argued(0, "{}")) == 1


@pytest.mark.parametrize(
    "block",
    [
        {"citationsContent": {}},
        {"citationsContent": {"content": [{}], "citations": []}},
        {"toolUse": {"name": "x", "type": "server_tool_use", "input": {"a": 1}}},
        {"reasoningContent": {}},
        {},
    ],
)
def test_a_block_may_say_nothing(block: dict[str, Any]) -> None:
    reader, deltas = read_whole(answer([block]))

    assert reader.failure is None
    assert deltas == [Began(), Stopped(Stop.END), COUNTED]


def test_a_message_may_have_no_content() -> None:
    said = b'{"output":{"message":{}},"stopReason":"max_tokens"}'

    assert read_whole(said)[1] == [Began(), Stopped(Stop.LENGTH)]


@pytest.mark.req("P-11", "S-71")
def test_arguments_that_are_no_text_are_no_answer() -> None:
    said = answer([{"toolUse": {"toolUseId": "t1", "name": "look", "input": {"at": "?"}}}])

    reader, _ = read_whole(said.replace(b"?", b"\xff"))

    assert isinstance(reader.failure, UpstreamBroke)


def test_a_thought_without_a_seal_does_not_go_home() -> None:
    assert converse_state.block(Reasoning("hm")) is None


def test_citations_say_where() -> None:
    web = {
        "title": "E",
        "sourceContent": [{"text": "so"}],
        "location": {"web": {"url": "https://example.com/"}},
    }
    page = {"title": "D", "location": {"documentChar": {"documentIndex": 0, "start": 1, "end": 2}}}

    _, deltas = read(BEGIN, delta(0, citation=web), delta(0, citation=page), stop(0), END, METADATA)

    assert deltas[1:3] == [
        Cited(Citation("https://example.com/", "E", "so")),
        Cited(Citation(None, "D", None, 1, 2)),
    ]


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("end_turn", Stop.END),
        ("tool_use", Stop.TOOLS),
        ("max_tokens", Stop.LENGTH),
        ("model_context_window_exceeded", Stop.LENGTH),
        ("stop_sequence", Stop.SEQUENCE),
        ("guardrail_intervened", Stop.FILTERED),
        ("content_filtered", Stop.FILTERED),
        ("something_new", Stop.END),
    ],
)
def test_each_end_has_its_reason(reason: str, expected: Stop) -> None:
    _, deltas = read(BEGIN, event("messageStop", {"stopReason": reason}), METADATA)
    _, whole = read_whole(answer([{"text": "hi"}], stopReason=reason))

    assert deltas[1] == Stopped(expected)
    assert whole[2] == Stopped(expected)


@pytest.mark.parametrize("reason", ["malformed_model_output", "malformed_tool_use"])
def test_what_the_model_garbled_is_no_answer(reason: str) -> None:
    reader, _ = read(BEGIN, event("messageStop", {"stopReason": reason}), METADATA)
    again, _ = read_whole(answer([], stopReason=reason))

    assert isinstance(reader.failure, UpstreamBroke)
    assert isinstance(again.failure, UpstreamBroke)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("throttlingException", UpstreamRateLimited),
        ("validationException", UpstreamRejected),
        ("modelStreamErrorException", UpstreamFailed),
        ("internalServerException", UpstreamFailed),
        ("serviceUnavailableException", UpstreamFailed),
        ("modelTimeoutException", UpstreamTimeout),
        ("somethingNewException", UpstreamFailed),
    ],
)
def test_an_exception_within_a_stream_ends_it(kind: str, expected: type[Failure]) -> None:
    reader, deltas = read(BEGIN, delta(0, text="hi"), exception(kind, "no"), END, METADATA)

    assert deltas == [Began(), Said("hi")]
    assert type(reader.failure) is expected
    assert kind in str(reader.failure.private)


def test_what_an_exception_says_is_told_only_where_it_helps() -> None:
    secret = "no: sk-abcDEF123456789 at arn:aws:bedrock:eu-central-1:123456789012:x"

    failed, _ = read(BEGIN, exception("modelStreamErrorException", secret))
    rejected, _ = read(BEGIN, exception("validationException", "maxTokens " + secret))

    assert failed.failure is not None
    assert failed.failure.detail == UpstreamFailed.title
    assert rejected.failure is not None
    assert "maxTokens" in rejected.failure.detail
    assert "sk-abc" not in rejected.failure.detail


def test_an_exception_without_a_name_of_letters_has_none_in_the_log() -> None:
    reader, _ = read(BEGIN, exception("no\nname", "no"))

    assert isinstance(reader.failure, UpstreamFailed)
    assert reader.failure.private == "an error within the answer"


def test_a_conversation_that_is_too_long_is_told_by_that_name() -> None:
    reader, _ = read(BEGIN, exception("validationException", "Input is too long for this model."))

    assert isinstance(reader.failure, ContextTooLong)


@pytest.mark.req("P-11")
@pytest.mark.parametrize(
    ("kind", "message", "failure", "wait_s"),
    [
        ("throttlingException", "prompt is too long: 9 tokens > 8 maximum", UpstreamRateLimited, 5),
        (
            "modelTimeoutException",
            "prompt is too long: 9 tokens > 8 maximum",
            UpstreamTimeout,
            None,
        ),
    ],
)
def test_an_exception_is_told_by_its_kind(
    kind: str, message: str, failure: type[Failure], wait_s: int | None
) -> None:
    reader, _ = read(BEGIN, exception(kind, message))

    assert type(reader.failure) is failure
    assert reader.failure is not None
    assert reader.failure.retry_after_s == wait_s


def test_an_error_that_is_no_exception_ends_the_stream_too() -> None:
    headers = {":message-type": "error", ":error-code": "x", ":error-message": "y"}

    reader, _ = read(BEGIN, written(headers, b""))

    assert isinstance(reader.failure, UpstreamFailed)


def test_events_of_other_kinds_say_nothing() -> None:
    reader, deltas = read(BEGIN, event("somethingNew", {"text": "hi"}), END, METADATA)

    assert deltas == [Began(), Stopped(Stop.END), COUNTED]
    assert reader.failure is None


@pytest.mark.parametrize(
    "event_",
    [
        delta(0, toolUse={"input": "{}"}),
        written({":message-type": "event", ":event-type": "contentBlockDelta"}, b"{"),
        written({":message-type": "event", ":event-type": "contentBlockDelta"}, b'{"delta":1}'),
        written({":message-type": "event", ":event-type": "messageStop"}, b"\xff"),
        start(0, toolUse={"toolUseId": 1, "name": "look"}),
    ],
    ids=["no-call", "no-json", "no-delta", "no-text", "no-id"],
)
def test_what_is_not_of_its_form_ends_the_stream(event_: bytes) -> None:
    reader, deltas = read(BEGIN, event_, END, METADATA)

    assert deltas == [Began()]
    assert isinstance(reader.failure, UpstreamBroke)


def test_a_stream_without_its_end_has_none() -> None:
    reader, _ = read(BEGIN, delta(0, text="hi"), stop(0))
    counted, _ = read(BEGIN, delta(0, text="hi"), METADATA)

    assert isinstance(reader.failure, UpstreamBroke)
    assert isinstance(counted.failure, UpstreamBroke)


@pytest.mark.parametrize("rest", [b"", METADATA[:20]], ids=["nothing", "torn"])
def test_an_answer_whose_count_did_not_come_is_an_answer(rest: bytes) -> None:
    reader, deltas = read(BEGIN, delta(0, text="hi"), END, rest)

    assert deltas[-1] == Stopped(Stop.END)
    assert reader.failure is None


def test_an_end_that_is_told_twice_is_one() -> None:
    _, deltas = read(BEGIN, END, event("messageStop", {"stopReason": "max_tokens"}), METADATA)

    assert deltas == [Began(), Stopped(Stop.END), COUNTED]


def test_what_comes_after_the_count_is_not_looked_at() -> None:
    reader, deltas = read(BEGIN, END, METADATA, delta(0, text="more"), b"\xff" * 40)

    assert deltas == [Began(), Stopped(Stop.END), COUNTED]
    assert reader.failure is None


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({}, Usage(9, 2)),
        ({"cacheReadInputTokens": 7, "cacheWriteInputTokens": 5}, Usage(9, 2, 7, 5)),
        (
            {
                "cacheWriteInputTokens": 5,
                "cacheDetails": [
                    {"ttl": "1h", "inputTokens": 3},
                    {"ttl": "5m", "inputTokens": 2},
                ],
            },
            Usage(9, 2, 0, 5, kinds=Kinds(long_write=3)),
        ),
        (
            {"cacheWriteInputTokens": 1, "cacheDetails": [{"ttl": "1h", "inputTokens": 99}]},
            Usage(9, 2, 0, 1, kinds=Kinds(long_write=1)),
        ),
        ({"cacheDetails": [{"ttl": "1h", "inputTokens": -1}, {"ttl": "1h"}]}, Usage(9, 2)),
        ({"inputTokens": 10**12, "outputTokens": 0}, Usage(10**12, 0)),
    ],
)
def test_the_classes_of_tokens_are_disjoint(usage: dict[str, Any], expected: Usage) -> None:
    _, deltas = read(BEGIN, END, event("metadata", {"usage": {**USAGE, **usage}}))
    _, whole = read_whole(answer([], usage={**USAGE, **usage}))

    assert deltas[-1] == Counted(expected)
    assert whole[-1] == Counted(expected)


@pytest.mark.parametrize(
    "usage",
    [
        {"inputTokens": -1},
        {"inputTokens": None},
        {"outputTokens": 10**13},
        {"cacheReadInputTokens": -7},
        {"outputTokens": "2"},
    ],
)
def test_a_count_that_no_call_can_have_is_none(usage: dict[str, Any]) -> None:
    _, deltas = read(BEGIN, END, event("metadata", {"usage": {**USAGE, **usage}}))

    assert deltas == [Began(), Stopped(Stop.END)]


def test_a_whole_answer_says_the_same() -> None:
    cited = {
        "content": [{"text": "so"}],
        "citations": [{"title": "E", "location": {"web": {"url": "https://example.com/"}}}],
    }
    _, deltas = read_whole(
        answer(
            [
                {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "c2ln"}}},
                {"reasoningContent": {"redactedContent": "aGk="}},
                {"text": "hi"},
                {"citationsContent": cited},
                {"toolUse": {"toolUseId": "t1", "name": "look", "input": {"at": 1}}},
                {"toolUse": {"toolUseId": "t2", "name": "look"}},
                {"toolUse": {"toolUseId": "t3", "name": "x", "type": "server_tool_use"}},
                {"somethingNew": {}},
            ]
        )
    )

    assert deltas == [
        Began(),
        Thought("hm"),
        Sealed(State("bedrock_converse", {"signature": "c2ln"})),
        Sealed(State("bedrock_converse", {"redactedContent": "aGk="})),
        Said("hi"),
        Said("so"),
        Cited(Citation("https://example.com/", "E")),
        Called(4, "t1", "look"),
        Argued(4, '{"at": 1}'),
        Called(5, "t2", "look"),
        Argued(5, "{}"),
        Stopped(Stop.END),
        COUNTED,
    ]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"message":"no"}',
        b'{"output":{},"stopReason":"end_turn"}',
        b'{"output":{"message":{"content":[]}}}',
        b'{"output":{"message":{"content":{}}},"stopReason":"end_turn"}',
    ],
)
def test_what_is_no_whole_answer_is_none(body: bytes) -> None:
    reader, deltas = read_whole(body)

    assert deltas == []
    assert isinstance(reader.failure, UpstreamBroke)


@pytest.mark.parametrize(
    ("body", "kind", "message"),
    [
        (b'{"message":"no maxTokens"}', "", "no maxTokens"),
        (b'{"Message":"no"}', "", "no"),
        (b'{"__type":"ValidationException","message":"no"}', " (ValidationException)", "no"),
        (b'{"__type":"com.amazon#AccessDeniedException"}', " (AccessDeniedException)", None),
        (b'{"__type":"<script>","message":7}', "", None),
        (b'{"message":"prompt is too long: 9 tokens > 8 maximum"}', " (context_length_exceeded)", "prompt is too long"),
        (b"<html>", "", None),
        (b"[[", "", None),
    ],
)  # fmt: skip
def test_a_refusal_is_told_in_our_words(body: bytes, kind: str, message: str | None) -> None:
    dialect = BedrockConverse()

    told = dialect.error_message(body)

    assert dialect.error_kind(body) == kind
    assert (told is None) if message is None else (told is not None and message in told)


def exception(kind: str, message: str) -> bytes:
    headers = {":message-type": "exception", ":exception-type": kind}
    return written(headers, json.dumps({"message": message}).encode())


def answer(content: list[Any], **more: Any) -> bytes:
    said = {"output": {"message": {"role": "assistant", "content": content}}}
    return json.dumps({**said, "stopReason": "end_turn", "usage": USAGE, **more}).encode()


def read(*events: bytes) -> tuple[Reader, Sequence[Delta]]:
    reader = BedrockConverse().reader(is_stream=True)
    deltas = [each for it in events for each in reader.feed(it)]
    return reader, [*deltas, *([] if reader.is_over or reader.failure else reader.finish())]


def read_whole(body: bytes) -> tuple[Reader, Sequence[Delta]]:
    reader = BedrockConverse().reader(is_stream=False)
    reader.feed(body)
    return reader, list(reader.finish())
