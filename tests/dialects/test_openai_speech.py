from __future__ import annotations

import json
from typing import Any

import pytest

from tollhouse.dialects.openai_speech import MEDIA, OpenAISpeech
from tollhouse.domain.errors import FieldInvalid, Internal, UpstreamBroke
from tollhouse.domain.pricing import Usage
from tollhouse.domain.tasks import Task

pytestmark = pytest.mark.req("OT-49", "B-20")


def test_characters_are_counted_and_not_bytes() -> None:
    ask = OpenAISpeech().peek(_body(input="h\u00e9llo \u8bed"))

    assert (ask.most, ask.task, ask.is_stream) == (Usage(characters=7), Task.SPEECH, True)
    assert ask.max_output == 0


@pytest.mark.parametrize(("form", "media"), [(None, b"audio/mpeg"), *MEDIA.items()])
def test_the_type_of_the_answer_is_the_one_that_was_asked_for(form: Any, media: bytes) -> None:
    assert OpenAISpeech().peek(_body(response_format=form)).media == media


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        *(("input", wrong) for wrong in (None, "", 1, ["a"])),
        *(("response_format", wrong) for wrong in ("text/html", "MP3", 1, ["mp3"])),
        *(("stream_format", wrong) for wrong in ("sse", 1)),
        ("model", ""),
    ],
)
def test_a_member_of_a_wrong_kind_is_refused_by_name(name: str, wrong: Any) -> None:
    with pytest.raises(FieldInvalid) as refused:
        OpenAISpeech().peek(_body(**{name: wrong}))

    assert refused.value.param == name


def test_sound_passes_as_it_comes() -> None:
    relay = OpenAISpeech().relay(OpenAISpeech().peek(_body()))

    assert [relay.feed(b"\x00\xff"), relay.feed(b"\r\n\r\n"), relay.finish()] == [
        *(b"\x00\xff", b"\r\n\r\n", b""),
    ]


@pytest.mark.req("R-10")
def test_silence_is_no_answer() -> None:
    with pytest.raises(UpstreamBroke):
        OpenAISpeech().relay(OpenAISpeech().peek(_body())).finish()


@pytest.mark.req("R-10")
def test_nothing_of_ours_is_mixed_with_the_sound() -> None:
    assert OpenAISpeech().silence() == b""
    assert OpenAISpeech().problem_event(Internal(), "r") == b""


def _body(**members: Any) -> bytes:
    return json.dumps({"model": "m", "input": "hello", "voice": "alloy", **members}).encode()
