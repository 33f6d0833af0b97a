"""A Gemini answer, read into pieces of no dialect."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tollhouse.dialects.gemini import Gemini
from tollhouse.dialects.gemini_state import of_call, of_words
from tollhouse.domain.conversation import Citation
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
from tollhouse.domain.errors import Failure, UpstreamBroke, UpstreamFailed
from tollhouse.domain.pricing import Kinds, Usage
from tollhouse.ports import Reader


def candidate(*parts: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"index": 0, "content": {"role": "model", "parts": list(parts)}, **more}


def event(*candidates: dict[str, Any], **more: Any) -> bytes:
    answer = {"candidates": list(candidates), "modelVersion": "m", "responseId": "r-1", **more}
    return b"data: " + json.dumps(answer, ensure_ascii=False).encode() + b"\r\n\r\n"


USED = {
    "promptTokenCount": 30,
    "cachedContentTokenCount": 10,
    "toolUsePromptTokenCount": 5,
    "candidatesTokenCount": 7,
    "thoughtsTokenCount": 3,
    "totalTokenCount": 45,
    "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 30}],
    "trafficType": "ON_DEMAND",
}
LOOK = {"id": "fc-1", "name": "look", "args": {"at": "é", "n": 12345678901234567890}}
ANSWER = (
    event(candidate({"text": "Hm", "thought": True}), usageMetadata={"promptTokenCount": 30})
    + event(candidate({"text": "é"}))
    + event(
        candidate(
            {"functionCall": LOOK, "thoughtSignature": "c2ln"},
            {"functionCall": {"name": "find"}},
        )
    )
    + event(candidate(finishReason="STOP", safetyRatings=[]), usageMetadata=USED)
)
PIECES = [
    Began("r-1"),
    Thought("Hm"),
    Counted(Usage(30, 0)),
    Said("é"),
    Sealed(of_call("c2ln", 0)),
    Called(0, "fc-1", "look"),
    Argued(0, '{"at":"é","n":12345678901234567890}'),
    Called(1, "", "find"),
    Argued(1, "{}"),
    Stopped(Stop.TOOLS),
    Counted(Usage(25, 10, 10, kinds=Kinds(reasoning=3))),
]


@pytest.mark.req("P-15")
@pytest.mark.parametrize("cut", range(len(ANSWER) + 1))
def test_where_a_stream_is_cut_changes_nothing(cut: int) -> None:
    assert _streamed(ANSWER[:cut], ANSWER[cut:]) == PIECES


def test_an_answer_in_one_piece_reads_alike_however_it_is_laid_out() -> None:
    parts = [{"text": "Hm", "thought": True}, {"text": "4"}, {"functionCall": LOOK}]
    answer = {"candidates": [candidate(*parts, finishReason="STOP")], "usageMetadata": USED}

    assert _whole(answer) == [
        *(Began(), Thought("Hm"), Said("4"), Called(0, "fc-1", "look")),
        Argued(0, '{"at":"é","n":12345678901234567890}'),
        *(Stopped(Stop.TOOLS), Counted(Usage(25, 10, 10, kinds=Kinds(reasoning=3)))),
    ]


@pytest.mark.req("P-15")
def test_the_signature_of_words_stands_behind_the_thoughts() -> None:
    thought, said = {"text": "hm", "thought": True}, {"text": "so", "thoughtSignature": "c2ln"}
    pieces = [Thought("hm"), Sealed(of_words("c2ln")), Said("so"), Stopped(Stop.END)]

    assert _streamed(event(candidate(thought)) + event(candidate(said, finishReason="STOP"))) == [
        *(Began("r-1"), *pieces),
    ]
    assert _whole({"candidates": [candidate(thought, said, finishReason="STOP")]}) == [
        *(Began(), *pieces),
    ]


@pytest.mark.req("R-5")
@pytest.mark.parametrize("thoughts", [[], [{"text": "hm", "thought": True}]])
def test_where_clients_expect_the_last_word_no_signature_follows(
    thoughts: list[dict[str, Any]],
) -> None:
    last = candidate({"text": "", "thoughtSignature": "c2ln"}, finishReason="STOP")

    pieces = _streamed(event(candidate(*thoughts, {"text": "so"})) + event(last))

    assert pieces[-2:] == [Said("so"), Stopped(Stop.END)]


@pytest.mark.req("R-5")
def test_who_is_shown_no_thoughts_gets_the_words_first() -> None:
    said = candidate({"text": "so", "thoughtSignature": "c2ln"}, finishReason="STOP")

    assert _whole({"candidates": [said]}) == [Began(), Said("so"), Stopped(Stop.END)]


@pytest.mark.parametrize(
    ("reason", "stop"),
    [
        ("STOP", Stop.END),
        ("MAX_TOKENS", Stop.LENGTH),
        ("SAFETY", Stop.FILTERED),
        ("RECITATION", Stop.FILTERED),
        ("PROHIBITED_CONTENT", Stop.FILTERED),
        ("OTHER", Stop.END),
        ("NEVER_HEARD_OF", Stop.END),
    ],
)
def test_why_it_ended_is_told_in_our_words(reason: str, stop: Stop) -> None:
    said = candidate({"text": "hi"}, finishReason=reason)

    assert Stopped(stop) in _streamed(event(said))
    assert Stopped(stop) in _whole({"candidates": [said]})


@pytest.mark.req("R-10")
@pytest.mark.parametrize(
    "reason", ["MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "MISSING_THOUGHT_SIGNATURE"]
)
def test_a_call_that_the_model_wrote_wrong_is_no_end(reason: str) -> None:
    said = candidate(finishReason=reason)

    assert isinstance(_failure(event(said), is_stream=True), UpstreamBroke)
    assert isinstance(_failure(json.dumps({"candidates": [said]}).encode()), UpstreamBroke)


def test_a_prompt_that_is_blocked_is_an_answer_that_was_filtered() -> None:
    blocked = {
        "promptFeedback": {"blockReason": "PROHIBITED_CONTENT"},
        "usageMetadata": {"promptTokenCount": 4, "totalTokenCount": 4},
    }
    pieces = [Began(), Stopped(Stop.FILTERED), Counted(Usage(4))]

    assert _whole(blocked) == pieces
    assert _streamed(b"data: " + json.dumps(blocked).encode() + b"\n\n") == pieces


def test_what_was_blocked_is_blocked_once() -> None:
    blocked = event(promptFeedback={"blockReason": "OTHER"})

    assert _streamed(blocked + blocked) == [Began("r-1"), Stopped(Stop.FILTERED)]


def test_an_answer_ends_once() -> None:
    ended = event(candidate(finishReason="MAX_TOKENS"))

    assert _streamed(ended + event(candidate(finishReason="STOP"))) == [
        *(Began("r-1"), Stopped(Stop.LENGTH)),
    ]


@pytest.mark.parametrize(
    ("reason", "stop"),
    [("STOP", Stop.TOOLS), ("MAX_TOKENS", Stop.LENGTH), ("SAFETY", Stop.FILTERED)],
)
def test_a_call_that_was_cut_short_was_not_made(reason: str, stop: Stop) -> None:
    pieces = _streamed(event(candidate({"functionCall": {}}, finishReason=reason)))

    assert pieces[1:] == [Called(0, "", ""), Argued(0, "{}"), Stopped(stop)]


def test_words_are_sealed_once() -> None:
    thought = {"text": "hm", "thought": True}
    sealed = [{"thoughtSignature": name} for name in ("a", "b")]

    pieces = _streamed(event(candidate(thought, *sealed, finishReason="STOP")))

    assert pieces[1:] == [Thought("hm"), Sealed(of_words("a")), Stopped(Stop.END)]


@pytest.mark.parametrize("more", [{}, {"citationMetadata": {}}, {"content": None}, {"content": {}}])
def test_a_candidate_may_say_nothing(more: dict[str, Any]) -> None:
    said = {**candidate({"thought": True}, {"text": ""}, finishReason="STOP"), **more}

    assert _streamed(event(said))[1:] == [Stopped(Stop.END)]


@pytest.mark.req("P-11", "S-71")
def test_arguments_that_are_no_text_are_no_answer() -> None:
    said = event(candidate({"functionCall": {"name": "f", "args": {"x": "?"}}}))

    assert isinstance(_failure(said.replace(b"?", b"\xff"), is_stream=True), UpstreamBroke)


def test_several_candidates_are_kept_apart_and_all_must_end() -> None:
    one, two = candidate({"text": "a"}), {**candidate({"text": "b"}), "index": 1}
    first = event(one, two) + event(candidate(finishReason="STOP"))

    assert isinstance(_failure(first, is_stream=True), UpstreamBroke)
    assert _streamed(first + event({"index": 1, "finishReason": "STOP"})) == [
        *(Began("r-1"), Said("a"), Said("b", 1), Stopped(Stop.END), Stopped(Stop.END, choice=1)),
    ]


@pytest.mark.parametrize("name", ["citationSources", "citations"])
def test_what_it_recited_is_cited(name: str) -> None:
    source = {"startIndex": 1, "endIndex": 3, "uri": "https://example.com/", "title": "E"}
    said = candidate({"text": "abc"}, finishReason="STOP", citationMetadata={name: [source]})

    assert Cited(Citation("https://example.com/", "E", start=1, end=3)) in _streamed(event(said))


@pytest.mark.req("P-15")
@pytest.mark.parametrize(
    "part", [{"inlineData": {"mimeType": "image/png", "data": "eA=="}}, {"fileData": {}}]
)
def test_a_part_that_cannot_be_told_is_not_left_out_in_silence(part: dict[str, Any]) -> None:
    said = candidate(part, finishReason="STOP")

    assert isinstance(_failure(event(said), is_stream=True), UpstreamBroke)
    assert isinstance(_failure(json.dumps({"candidates": [said]}).encode()), UpstreamBroke)


@pytest.mark.req("R-10")
@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (b'data: {"error":{"code":500,"message":"x","status":"INTERNAL"}}\n\n', UpstreamFailed),
        (b'data: {"error":"x"}\n\n', UpstreamFailed),
        (b"data: {\n\n", UpstreamBroke),
        (b'data: {"candidates":[{"content":{"parts":[{"text":7}]}}]}\n\n', UpstreamBroke),
        (event(candidate({"text": "hi"})), UpstreamBroke),
        (event(), UpstreamBroke),
        (b"", UpstreamBroke),
    ],
)
def test_what_is_no_stream_is_none(said: bytes, kind: type[Failure]) -> None:
    assert type(_failure(said, is_stream=True)) is kind


@pytest.mark.req("R-10")
@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ({}, UpstreamBroke),
        ({"candidates": []}, UpstreamBroke),
        ({"candidates": [candidate({"text": "hi"})]}, UpstreamBroke),
        ({"promptFeedback": {}}, UpstreamBroke),
        ({"error": {"code": 500, "status": "INTERNAL"}}, UpstreamFailed),
    ],
)
def test_what_is_no_whole_answer_is_none(said: dict[str, Any], kind: type[Failure]) -> None:
    assert type(_failure(json.dumps(said).encode())) is kind


def _of(modality: str, **told: int | None) -> dict[str, Any]:
    """Usage of 9 tokens, of them 3 read, and 4 put out; some of one modality."""
    details = {
        f"{place}TokensDetails": [{"modality": modality, "tokenCount": count}]
        for place, count in told.items()
    }
    counts = {"promptTokenCount": 9, "cachedContentTokenCount": 3, "candidatesTokenCount": 4}
    return {**counts, **details}


def _kinds(**kinds: int) -> Counted:
    return Counted(Usage(6, 4, 3, kinds=Kinds(**kinds) if kinds else None))


@pytest.mark.req("P-11")
@pytest.mark.parametrize(
    ("told", "counted"),
    [
        ({"promptTokenCount": 9}, Counted(Usage(9, 0))),
        ({"promptTokenCount": 9, "candidatesTokenCount": 2}, Counted(Usage(9, 2))),
        (
            {"promptTokenCount": 9, "thoughtsTokenCount": 4},
            Counted(Usage(9, 4, kinds=Kinds(reasoning=4))),
        ),
        ({"promptTokenCount": 9, "cachedContentTokenCount": 10}, Counted(Usage(9, 0))),
        ({"promptTokenCount": 9, "thoughtsTokenCount": -4}, Counted(Usage(9, 0))),
        (
            {"promptTokenCount": 9, "candidatesTokenCount": 5, "thoughtsTokenCount": -4},
            Counted(Usage(9, 5)),
        ),
        ({"promptTokenCount": -1, "candidatesTokenCount": 2}, Counted(Usage(0, 2))),
        (
            {"promptTokenCount": 10**12, "candidatesTokenCount": 10**12},
            Counted(Usage(10**12, 10**12)),
        ),
        ({"promptTokenCount": 9, "candidatesTokenCount": 10**13}, None),
        ({"promptTokenCount": 9, "cachedContentTokenCount": 9}, Counted(Usage(0, 0, 9))),
        ({"promptTokenCount": 9, "cachedContentTokenCount": -3}, Counted(Usage(9))),
        (_of("AUDIO", prompt=5), _kinds(audio_input=5)),
        (_of("AUDIO", prompt=99), _kinds(audio_input=6)),
        (_of("AUDIO", prompt=-5), _kinds()),
        (_of("AUDIO", prompt=None), _kinds()),
        (_of("AUDIO", prompt=5, cache=2), _kinds(audio_input=3, audio_read=2)),
        (_of("AUDIO", cache=2), _kinds(audio_read=2)),
        (_of("AUDIO", cache=99), _kinds(audio_read=3)),
        (_of("AUDIO", candidates=99), _kinds(audio_output=4)),
        (_of("AUDIO", candidates=-5), _kinds()),
        (_of("IMAGE", prompt=5), _kinds(image_input=5)),
        (_of("IMAGE", prompt=99), _kinds(image_input=6)),
        (_of("IMAGE", prompt=5, cache=2), _kinds(image_input=3)),
        (_of("IMAGE", cache=2), _kinds()),
        (_of("IMAGE", candidates=99), _kinds(image_output=4)),
        ({"promptTokenCount": 10**13}, None),
        ({"candidatesTokenCount": 2}, None),
        ({"promptTokenCount": "9"}, None),
        ([], None),
    ],
)
def test_usage_is_believed_as_far_as_it_can_be(told: object, counted: Counted | None) -> None:
    pieces = _whole({"candidates": [candidate(finishReason="STOP")], "usageMetadata": told})

    assert [each for each in pieces if isinstance(each, Counted)] == ([counted] if counted else [])


def _streamed(*pieces: bytes) -> list[Delta]:
    reader = Gemini().reader(is_stream=True)
    deltas = [delta for piece in pieces for delta in reader.feed(piece)]
    return _finished(reader, deltas)


def _whole(answer: dict[str, Any]) -> list[Delta]:
    reader = Gemini().reader(is_stream=False)
    for byte in json.dumps(answer, indent=2, ensure_ascii=False).encode():
        assert reader.feed(bytes([byte])) == ()
    return _finished(reader, [])


def _finished(reader: Reader, deltas: list[Delta]) -> list[Delta]:
    deltas += reader.finish()
    assert reader.failure is None
    return deltas


def _failure(said: bytes, *, is_stream: bool = False) -> Failure | None:
    reader = Gemini().reader(is_stream=is_stream)
    reader.feed(said)
    if reader.failure is None:
        reader.finish()
    return reader.failure
