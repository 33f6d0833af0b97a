"""An Ollama answer on its way to an Ollama client: what passes, what stays behind, what ends it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tollhouse.dialects.ndjson import LONGEST_LINE
from tollhouse.dialects.ollama_chat import OllamaChat
from tollhouse.dialects.ollama_generate import OllamaGenerate
from tollhouse.dialects.ollama_relay import MOST_WITHOUT_A_LINE
from tollhouse.domain.errors import Failure, UpstreamBroke, UpstreamFailed
from tollhouse.domain.pricing import Usage
from tollhouse.ports import Relay

END: dict[str, Any] = {"done": True, "done_reason": "stop", "prompt_eval_count": 9, "eval_count": 2}
TOOL = {"type": "function", "function": {"name": "look"}}


def line(**members: Any) -> bytes:
    return json.dumps({"model": "m", **members}, ensure_ascii=False).encode() + b"\n"


SAID = line(message={"role": "assistant", "content": "é"}, done=False, unheard_of=[1, {"b": 2}])
LAST = line(message={"role": "assistant", "content": ""}, total_duration=7, **END)


@pytest.mark.req("P-12", "OL-39")
@pytest.mark.parametrize("cut", range(len(SAID + LAST) + 1))
def test_an_answer_passes_as_it_came_wherever_it_is_cut(cut: int) -> None:
    relay = _relay()

    passed = relay.feed((SAID + LAST)[:cut]) + relay.feed((SAID + LAST)[cut:])

    assert passed == SAID + LAST
    assert relay.is_over
    assert relay.usage == Usage(9, 2)
    assert relay.finish() == b""


@pytest.mark.req("P-12")
def test_a_generated_answer_passes_too() -> None:
    answer = line(response="x", done=False) + line(response="", **END)
    body = b'{"model":"m","prompt":"x"}'
    relay = OllamaGenerate().relay(OllamaGenerate().peek(body))

    assert relay.feed(answer) == answer
    assert relay.usage == Usage(9, 2)


@pytest.mark.req("R-19", "P-12")
def test_the_name_is_the_one_that_was_asked_and_all_else_is_as_it_came() -> None:
    came = b'{"created_at": 1,  "model" : "m-real","message":{"content":"\\"model\\":\\"m-real\\""} }\n'
    whole = came.replace(b"}", b'}, "done":true', 1)
    relay, one = _relay(), _relay(stream=False)
    one.feed(whole)

    assert relay.feed(came + came) == came.replace(b'"m-real",', b'"m",') * 2
    assert one.finish() == whole.replace(b'"m-real",', b'"m",')


def test_the_last_line_needs_no_end() -> None:
    relay = _relay()

    assert relay.feed(SAID + LAST.rstrip()) == SAID
    assert relay.finish() == LAST


@pytest.mark.req("S-71", "R-10")
@pytest.mark.parametrize(
    ("bad", "failure"),
    [
        (line(error="CUDA out of memory"), UpstreamFailed),
        (b"<html>\n", UpstreamBroke),
        (b"[]\n", UpstreamBroke),
        (b'{"message":{"content":"\xff"}}\n', UpstreamBroke),
        (b'{"x":"\xff","message":{}}\n', UpstreamBroke),
        (line(message={"tool_calls": [{"function": {"name": "rm"}}]}), UpstreamBroke),
        (line(message={"tool_calls": [{"function": {}}]}), UpstreamBroke),
        (line(message={"tool_calls": [{"x": 1}]}), UpstreamBroke),
    ],
)
def test_what_breaks_an_answer_ends_it_after_what_came_before(
    bad: bytes, failure: type[Failure]
) -> None:
    relay = _relay(tools=[TOOL])

    assert relay.feed(SAID + bad + LAST) == SAID
    assert isinstance(relay.failure, failure)
    assert relay.feed(LAST) == b""
    assert not relay.is_over


@pytest.mark.req("S-71")
def test_a_tool_that_was_offered_may_be_called() -> None:
    called = line(message={"tool_calls": [{"function": {"name": "look", "arguments": {}}}]})

    assert _relay(tools=[TOOL]).feed(called) == called


@pytest.mark.req("S-71")
def test_what_is_no_answer_stays_behind() -> None:
    relay = _relay()

    assert relay.feed(b"\n" + line(status="loading") + SAID + LAST + SAID) == SAID + LAST
    assert relay.feed(SAID) == b""


@pytest.mark.req("R-10", "S-71")
def test_an_end_that_was_not_seen_is_not_made_up() -> None:
    relay = _relay()
    relay.feed(SAID)

    with pytest.raises(UpstreamBroke):
        relay.finish()


@pytest.mark.req("S-71")
def test_a_megabyte_without_a_line_is_no_answer() -> None:
    relay = _relay()
    for _ in range(17):
        relay.feed(b"\n" * 65536)

    assert isinstance(relay.failure, UpstreamBroke)


def test_one_line_is_one_for_every_reader() -> None:
    passed = _relay().feed(line(message={"content": "a\u2028b"}))

    assert len(passed.decode().splitlines()) == 1
    assert json.loads(passed)["message"]["content"] == "a\u2028b"


@pytest.mark.req("P-7")
def test_without_counts_the_words_are_counted() -> None:
    relay = _relay()
    relay.feed(line(message={"role": "assistant", "content": "x" * 30, "thinking": "y" * 30}))
    relay.feed(line(message={"role": "assistant", "content": "z" * 30}).rstrip())

    assert relay.counted_output() == 30
    assert relay.usage is None


@pytest.mark.req("P-12")
def test_an_answer_in_one_piece_passes_as_it_came() -> None:
    relay = _relay(stream=False, tools=[TOOL])
    whole = json.dumps(
        {"message": {"content": "x", "tool_calls": [{"function": {"name": "look"}}]}, **END},
        indent=2,
    ).encode()

    assert relay.feed(whole[:9]) + relay.feed(whole[9:]) == b""
    assert relay.finish() == whole
    assert relay.usage == Usage(9, 2)


@pytest.mark.req("S-71", "R-10")
@pytest.mark.parametrize(
    ("body", "failure"),
    [
        (b'{"error":"x"}', UpstreamFailed),
        (SAID, UpstreamBroke),
        (b"", UpstreamBroke),
        (b'{"done":true,"message":{"tool_calls":[{"function":{"name":"rm"}}]}}', UpstreamBroke),
    ],
)
def test_what_is_no_whole_answer_is_none(body: bytes, failure: type[Failure]) -> None:
    relay = _relay(stream=False)
    relay.feed(body)

    assert relay.counted_output() >= 0
    with pytest.raises(failure):
        relay.finish()


@pytest.mark.req("S-71")
def test_a_megabyte_is_borne_and_not_a_byte_more() -> None:
    relay = _relay()
    relay.feed(b"\n" * MOST_WITHOUT_A_LINE)

    assert relay.failure is None
    relay.feed(b"\n")
    assert isinstance(relay.failure, UpstreamBroke)


@pytest.mark.req("S-71")
def test_blank_lines_between_words_are_not_added_up() -> None:
    relay = _relay()
    for _ in range(3):
        relay.feed(b"\n" * (MOST_WITHOUT_A_LINE // 2))
        assert relay.feed(SAID) == SAID

    assert relay.failure is None


@pytest.mark.req("S-71", "S-76")
def test_an_error_behind_many_blank_lines_is_that_error() -> None:
    relay = _relay()
    relay.feed(b"\n" * (MOST_WITHOUT_A_LINE + 1) + line(error="no"))

    assert isinstance(relay.failure, UpstreamFailed)


@pytest.mark.req("S-71")
def test_a_line_without_end_is_not_waited_for() -> None:
    relay = _relay()
    relay.feed(SAID)

    assert relay.feed(b"x" * (LONGEST_LINE + 1)) == b""
    assert isinstance(relay.failure, UpstreamBroke)
    assert relay.failure.__traceback__ is None
    assert relay.feed(LAST) == b""


@pytest.mark.req("R-10", "S-71")
def test_after_a_failure_the_end_is_that_failure_whatever_was_torn() -> None:
    relay, before = _relay(), _relay()
    before.feed(SAID)
    relay.feed(SAID + line(error="no") + SAID.rstrip())
    first = relay.failure

    assert relay.counted_output() == before.counted_output()
    assert first is not None
    assert first.__traceback__ is None
    with pytest.raises(UpstreamFailed) as raised:
        relay.finish()
    assert raised.value is first


@pytest.mark.req("R-9", "S-71")
def test_what_is_torn_behind_the_end_is_neither_passed_nor_counted() -> None:
    relay, before = _relay(), _relay()
    before.feed(SAID + LAST)
    relay.feed(SAID + LAST + SAID.rstrip())

    assert relay.finish() == b""
    assert relay.counted_output() == before.counted_output()


@pytest.mark.req("S-71")
@pytest.mark.parametrize("noise", [b"\n" * (MOST_WITHOUT_A_LINE + 1), b"x" * (LONGEST_LINE + 1)])
def test_noise_behind_the_end_is_no_failure(noise: bytes) -> None:
    relay = _relay()
    relay.feed(SAID + LAST)

    assert relay.feed(noise) == b""
    assert relay.failure is None


@pytest.mark.req("P-8")
def test_what_is_told_before_the_end_is_not_what_was_used() -> None:
    relay = _relay()
    relay.feed(line(message={"content": "x"}, prompt_eval_count=9, eval_count=2, done=False))

    assert relay.usage is None


@pytest.mark.req("P-7")
def test_a_whole_answer_without_counts_is_counted() -> None:
    relay = _relay(stream=False)
    relay.feed(line(message={"content": "x" * 30, "thinking": "y" * 30}, done=True))

    assert relay.counted_output() == 20


@pytest.mark.req("P-7")
def test_what_is_no_answer_is_counted_by_its_bytes() -> None:
    relay = _relay(stream=False)
    relay.feed(b'["xxxxxx"')

    assert relay.counted_output() == 3


def _relay(**members: Any) -> Relay:
    chat = OllamaChat()
    body = {"model": "m", "messages": [{"role": "user", "content": "x"}], **members}
    return chat.relay(chat.peek(json.dumps(body).encode()))
