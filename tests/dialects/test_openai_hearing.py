from __future__ import annotations

import json
from typing import Any

import pytest

from fuzz.bodies import LEG
from fuzz.cutting import ways
from journeys.recordings import BOUNDARY, file, form, read, text, wav
from tollhouse.dialects.openai_hearing import OpenAIHearing
from tollhouse.dialects.openai_usage import MOST_TOKENS
from tollhouse.domain.errors import FieldInvalid, FieldRefused, UpstreamBroke, UpstreamFailed
from tollhouse.domain.models import Ask
from tollhouse.domain.pricing import Kinds, Usage
from tollhouse.domain.tasks import Task
from tollhouse.ports import Relay

EAR = OpenAIHearing(Task.TRANSCRIPTIONS)
MODEL = text("model", "ear")
HEARD = Usage(input=30, output=4, seconds=3, kinds=Kinds(audio_input=30))
TOKENS = {"type": "tokens", "input_tokens": 30, "output_tokens": 4, "total_tokens": 34}


def peek(*parts: bytes, dialect: OpenAIHearing = EAR) -> Ask:
    return dialect.peek(read(form(*parts)))


def ask(**texts: Any) -> Ask:
    return peek(MODEL, file(wav(3)), *(text(*each) for each in texts.items()))


@pytest.mark.req("B-20", "OT-49")
def test_a_recording_is_weighed_by_how_long_it_is() -> None:
    asked = ask(prompt="twenty letters long.")

    assert (asked.model, asked.task, asked.is_stream) == ("ear", "transcriptions", False)
    assert (asked.most, asked.likely) == (Usage(seconds=3), Usage(seconds=3))
    assert (asked.input_bytes, asked.added_tokens, asked.tokens) == (23, 96, 30)
    assert asked.expects_usage


@pytest.mark.req("B-20")
def test_samples_of_the_speakers_are_held_for_too() -> None:
    sample = text("known_speaker_references[]", "data:audio/wav;base64," + "A" * 10_000)

    assert peek(MODEL, file(wav(3)), sample, sample).most.seconds == 3 + 2 * 20


@pytest.mark.parametrize("flag", ["true", "True"])
def test_a_stream_is_asked_for_as_clients_write_it(flag: str) -> None:
    written = b'Content-Disposition: form-data; name="stream"\r\n\r\n' + flag.encode()

    assert peek(MODEL, file(wav(1)), written).is_stream


@pytest.mark.parametrize("form_of_answer", ["text", "srt", "vtt"])
def test_formats_that_are_no_json_are_text_and_tell_no_usage(form_of_answer: str) -> None:
    asked = ask(response_format=form_of_answer)

    assert asked.media == b"text/plain; charset=utf-8"
    assert not asked.expects_usage


@pytest.mark.parametrize(
    ("parts", "param"),
    [
        ((file(b"x"),), "model"),
        ((text("model", ""), file(b"x")), "model"),
        ((file(b"ear", name="model"), file(b"x")), "model"),
        ((text("model", "ear\r\nx"), file(b"x")), "model"),
        ((text("model", f"ear/{BOUNDARY}"), file(b"x")), "model"),
        ((MODEL,), "file"),
        ((MODEL, text("file", "x")), "file"),
        ((MODEL, file(b"")), "file"),
        ((MODEL, file(b"x"), file(b"x", name="other")), "file"),
        ((MODEL, file(b"x", name="file[]")), "file"),
        ((MODEL, file(b"x"), text("stream", "yes")), "stream"),
        ((MODEL, file(b"x"), text("response_format", "html")), "response_format"),
    ],
)
def test_what_is_missing_or_wrong_is_named(parts: tuple[bytes, ...], param: str) -> None:
    with pytest.raises(FieldInvalid) as refused:
        peek(*parts)

    assert refused.value.param == param


def test_a_stream_is_no_text() -> None:
    assert ask(stream=True, response_format="text").media == b""


def test_a_translation_is_never_a_stream() -> None:
    with pytest.raises(FieldInvalid, match="in one piece"):
        peek(MODEL, file(b"x"), text("stream", "true"), dialect=OpenAIHearing(Task.TRANSLATIONS))


@pytest.mark.req("S-67")
def test_what_would_steer_the_gateway_is_refused() -> None:
    with pytest.raises(FieldRefused):
        ask(api_base="http://evil.example")


async def test_only_the_name_of_the_model_changes_on_the_way() -> None:
    body = form(text("prompt", "ear"), MODEL, file(b"ear\r\nmodel\0"))
    upload = EAR.outgoing(read(body), ask(), LEG)

    sent = b"".join([piece async for piece in upload.pieces()])

    changed = text("model", LEG.target.model)
    assert sent == form(text("prompt", "ear"), changed, file(b"ear\r\nmodel\0"))
    assert len(upload) == len(sent)


def _with_sound(tokens: int) -> dict[str, Any]:
    return {"input_token_details": {"audio_tokens": tokens}}


def _heard(sound: int) -> Usage:
    return Usage(input=30, output=4, seconds=3, kinds=Kinds(audio_input=sound))


WHOLE: list[tuple[dict[str, Any], Usage | None]] = [
    ({"usage": TOKENS}, HEARD),
    ({"usage": {"type": "duration", "seconds": 2.1}}, Usage(seconds=3)),
    ({"duration": 2.1}, Usage(seconds=3)),
    ({"duration": "2.1"}, Usage(seconds=3)),
    ({"duration": 9, "usage": {"seconds": 2}}, Usage(seconds=2)),
    ({}, None),
    ({"usage": None}, None),
    ({"usage": {"type": "duration", "seconds": -1}}, None),
    ({"usage": {"type": "duration", "seconds": 1e300}}, None),
    ({"usage": {"input_tokens": "many"}}, None),
    ({"duration": "long"}, None),
    ({"duration": "nan"}, None),
    ({"duration": "inf"}, None),
    ({"duration": 0}, Usage(seconds=0)),
    ({"duration": MOST_TOKENS}, Usage(seconds=MOST_TOKENS)),
    ({"usage": {"input_tokens": -1, "output_tokens": 2**60}}, Usage(0, MOST_TOKENS, seconds=3)),
    ({"usage": {**TOKENS, **_with_sound(12)}}, _heard(12)),
    ({"usage": {**TOKENS, **_with_sound(99)}}, _heard(30)),
    ({"usage": {**TOKENS, **_with_sound(-1)}}, Usage(30, 4, seconds=3)),
]


@pytest.mark.req("B-20", "OT-49", "OT-57")
@pytest.mark.parametrize(("told", "usage"), WHOLE)
def test_usage_is_what_the_provider_tells_if_it_can_be_believed(
    told: dict[str, Any], usage: Usage | None
) -> None:
    body = json.dumps({"text": "two pence", **told}).encode()
    relay = EAR.relay(ask())

    assert passed(relay, body) == body
    assert relay.usage == usage
    assert (relay.counted_output() > 0) == (usage is None)


@pytest.mark.parametrize("model", ["ear-2-secret", 7])
def test_an_answer_bears_the_name_that_was_asked(model: object) -> None:
    relay = EAR.relay(ask())

    assert json.loads(passed(relay, json.dumps({"text": "x", "model": model}).encode())) == {
        "text": "x",
        "model": "ear",
    }


@pytest.mark.parametrize("body", [b"", b"[]", b'{"text":1}', b"{}", b"words", b'{"text":"\xff"}'])
def test_what_is_no_transcription_is_no_answer(body: bytes) -> None:
    with pytest.raises(UpstreamBroke):
        passed(EAR.relay(ask()), body)


@pytest.mark.parametrize("form_of_answer", ["json", "text", "srt"])
def test_an_error_under_a_good_status_is_one(form_of_answer: str) -> None:
    with pytest.raises(UpstreamFailed):
        passed(EAR.relay(ask(response_format=form_of_answer)), b'{"error":{"message":"secret"}}')


@pytest.mark.parametrize("body", [b"", b"words\n", b"{braces} in words", "größe".encode()])
def test_text_passes_as_it_came(body: bytes) -> None:
    relay = EAR.relay(ask(response_format="text"))

    assert passed(relay, body) == body
    assert relay.usage is None


def test_text_that_is_none_does_not_pass() -> None:
    with pytest.raises(UpstreamBroke):
        passed(EAR.relay(ask(response_format="text")), b"\xff\xfe")


DELTA = b'data: {"type":"transcript.text.delta","delta":"two pence"}\n\n'
SEGMENT = b'data: {"type":"transcript.text.segment","id":"s","text":"two","speaker":"A"}\n\n'
DONE = b'data: {"type":"transcript.text.done","text":"two pence","usage":%b}\n\n' % (
    json.dumps(TOKENS).encode()
)


@pytest.mark.req("OT-49", "R-9")
def test_of_a_stream_the_known_events_pass_and_nothing_else() -> None:
    relay = EAR.relay(ask(stream=True))
    other = b': ping\n\nevent: x\ndata: {"type":"other","delta":"y"}\n\n'

    assert passed(relay, other + DELTA + other + SEGMENT + DONE + DELTA) == DELTA + SEGMENT + DONE
    assert relay.is_over
    assert relay.usage == HEARD
    assert relay.counted_output() == 0


@pytest.mark.req("R-9")
def test_a_stream_is_the_same_however_it_is_cut() -> None:
    stream = (b"event: a\r\n" + DELTA + SEGMENT + DONE).replace(b"\n\n", b"\r\n\r\n")

    for pieces in ways(stream):
        assert passed(EAR.relay(ask(stream=True)), *pieces) == DELTA + SEGMENT + DONE


@pytest.mark.req("OT-57")
def test_a_stream_that_is_cut_is_counted_and_gets_no_end() -> None:
    relay = EAR.relay(ask(stream=True))

    assert relay.feed(DELTA * 3) == DELTA * 3
    assert relay.counted_output() == 9
    with pytest.raises(UpstreamBroke):
        relay.finish()


CHUNK = b'data: {"object":"transcription.chunk","model":"%b","choices":[{"delta":{"content":"two"}%b}]}\n\n'
STOP = b',"finish_reason":"stop"'
COUNT = b'data: {"choices":[],"usage":{"prompt_tokens":30,"completion_tokens":4}}\n\n'
LAST = b"data: [DONE]\n\n"


@pytest.mark.req("OT-49", "R-9")
def test_chunks_as_vllm_sends_them_pass_under_the_name_that_was_asked() -> None:
    relay = EAR.relay(ask(stream=True))
    came = CHUNK % (b"whisper", STOP) + CHUNK % (b"whisper", b"") + COUNT + LAST

    assert passed(relay, came + DELTA) == came.replace(b"whisper", b"ear")
    assert relay.is_over
    assert relay.usage == HEARD


@pytest.mark.req("R-9", "OT-57")
@pytest.mark.parametrize("stop", [b"", STOP])
def test_chunks_without_their_end_are_counted_and_get_none(stop: bytes) -> None:
    relay = EAR.relay(ask(stream=True))

    assert relay.feed(CHUNK % (b"ear", stop) * 3) == CHUNK % (b"ear", stop) * 3
    assert relay.counted_output() == 3
    with pytest.raises(UpstreamBroke):
        relay.finish()


def test_chunks_that_never_stop_have_no_end() -> None:
    relay = EAR.relay(ask(stream=True))

    assert relay.feed(CHUNK % (b"ear", b"") + LAST) == CHUNK % (b"ear", b"")
    with pytest.raises(UpstreamBroke):
        relay.finish()


def test_a_count_stands_though_words_come_after_it() -> None:
    relay = EAR.relay(ask(stream=True))

    passed(relay, COUNT + CHUNK % (b"ear", STOP) + LAST)

    assert relay.usage == HEARD


def test_what_was_heard_calls_no_tools() -> None:
    relay = EAR.relay(ask(stream=True))
    called = b'{"choices":[{"delta":{"tool_calls":[{"function":{"name":"rm"}}]}}]}'

    assert relay.feed(b"data: " + called + b"\n\n") == b""
    assert isinstance(relay.failure, UpstreamBroke)


@pytest.mark.parametrize("end", [b"data: [DONE]\n\n", b""])
def test_an_end_without_the_words_is_none(end: bytes) -> None:
    with pytest.raises(UpstreamBroke):
        passed(EAR.relay(ask(stream=True)), DELTA + end)


@pytest.mark.parametrize(
    "event",
    [
        b'{"error":{"message":"secret"}}',
        b'{"type":"error","message":"secret"}',
        b'{"type":"transcript.text.delta","delta":1}',
        b'{"type":"transcript.text.delta"}',
        b"{",
        b"[]",
        b'{"type":"transcript.text.delta","delta":"\xff"}',
    ],
)
def test_a_broken_event_ends_the_stream_after_what_came_before_it(event: bytes) -> None:
    relay = EAR.relay(ask(stream=True))

    assert relay.feed(DELTA + b"data: " + event + b"\n\n" + DONE) == DELTA
    assert isinstance(relay.failure, (UpstreamBroke, UpstreamFailed))
    assert "secret" not in str(relay.failure)


def passed(relay: Relay, *pieces: bytes) -> bytes:
    out = b"".join(map(relay.feed, pieces))
    if relay.failure is not None:
        raise relay.failure
    return out + relay.finish()
