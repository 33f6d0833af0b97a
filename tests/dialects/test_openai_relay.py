from __future__ import annotations

import json
import time
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tollhouse.dialects.openai_relay import DONE, StreamRelay, WholeRelay
from tollhouse.dialects.sse import LONGEST_EVENT
from tollhouse.dialects.sse_relay import MOST_WITHOUT_AN_EVENT
from tollhouse.domain.errors import Failure, UpstreamBroke, UpstreamFailed
from tollhouse.domain.pricing import Usage


def _event(**members: Any) -> bytes:
    return b"data: " + json.dumps(members, separators=(",", ":")).encode() + b"\n\n"


def _delta(text: str = "", finish: str | None = None, **further: Any) -> bytes:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": finish}
    return _event(id="c", choices=[choice], **further)


def _usage(output: int = 2) -> dict[str, int]:
    return {"prompt_tokens": 9, "completion_tokens": output, "total_tokens": 9 + output}


def _usage_event(output: int = 2) -> bytes:
    return _event(id="c", choices=[], usage=_usage(output))


USAGE = Usage(input=9, output=2)
HI, YOU, END = _delta("hi"), _delta(" you \u00e9"), _delta("", "stop")
WORDS = HI + YOU + END

STREAMS = {
    "as OpenAI sends it": WORDS + _usage_event() + DONE,
    "with null in every event": (
        _delta("hi", usage=None) + _delta("", "stop", usage=None) + _usage_event() + DONE
    ),
    "comments between": b": ping\n\n" + HI + b": ping\n\n\n" + YOU + END + _usage_event() + DONE,
    "an event of several lines": b'event: x\nid: 1\ndata: {"choices":\ndata: []}\n\n'
    + WORDS
    + DONE,
    "no space after data": WORDS.replace(b"data: ", b"data:") + b"data:[DONE]\n\n",
    "no DONE": WORDS + _usage_event(),
    "no blank line at the end": WORDS + _usage_event().rstrip(),
    "no blank line after DONE": WORDS + DONE.rstrip(),
    "no finish_reason": HI + YOU + _usage_event() + DONE,
    "usage before the words": _usage_event(0) + WORDS + DONE,
    "usage twice": WORDS + _usage_event(1) + _usage_event() + DONE,
    "a comment after DONE": WORDS + DONE + b": bye\n\n",
    "words about usage": _delta('"usage": "error" [DONE] data: x\n\ndata: y') + END + DONE,
    "an error": HI + _event(error={"message": "no"}),
    "broken JSON about usage": HI + b'data: {"usage": \n\n' + END,
    "cut": HI + YOU[:-5],
    "nothing": b"",
}


@dataclass
class Seen:
    out: bytes
    usage: Usage | None
    failure: type[Failure] | None
    counted: int


@pytest.mark.req("P-7", "P-8", "R-9")
@pytest.mark.parametrize("shows_usage", [False, True])
@pytest.mark.parametrize("newline", [b"\n", b"\r\n", b"\r"])
@given(stream=st.sampled_from(sorted(STREAMS)), cuts=st.lists(st.integers(0, 2000), max_size=40))
@example(stream="an error", cuts=[])
@example(stream="with null in every event", cuts=list(range(2000)))
@example(stream="usage twice", cuts=list(range(2000)))
def test_splitting_a_stream_at_any_byte_changes_nothing(
    stream: str, cuts: list[int], newline: bytes, shows_usage: bool
) -> None:
    recorded = STREAMS[stream].replace(b"\n", newline)
    whole = _through([STREAMS[stream]], shows_usage=shows_usage)

    split = _through(_cut(recorded, cuts), shows_usage=shows_usage)

    assert split == whole


@pytest.mark.req("R-9", "P-7")
def test_a_caller_who_asked_for_usage_gets_the_stream_as_it_came() -> None:
    recorded = STREAMS["with null in every event"]

    assert _through([recorded], shows_usage=True).out == recorded


@pytest.mark.req("R-9", "P-7")
def test_a_caller_who_did_not_ask_sees_nothing_of_usage() -> None:
    seen = _through([STREAMS["with null in every event"]])

    assert seen.out == _delta("hi") + END + DONE
    assert seen.usage == USAGE


@pytest.mark.req("P-7")
@pytest.mark.parametrize(
    "recorded",
    [
        WORDS + _usage_event() + DONE,
        WORDS + _usage_event(),
        _usage_event() + WORDS + DONE,
        HI + _usage_event() + YOU + END + DONE,
        WORDS + _usage_event() + _usage_event() + DONE,
        _delta("hi", usage=_usage(1)) + _delta("x", usage=_usage(2)) + END + DONE,
        HI + _delta("x", "stop", usage=_usage()) + DONE,
        WORDS + _event(choices=None, usage=_usage()) + DONE,
        WORDS + _event(usage=_usage()) + DONE,
        WORDS + _usage_event() + _event(choices=[], usage=None) + DONE,
        WORDS + _usage_event() + _event(choices=[], usage={"prompt_tokens": "many"}) + DONE,
        WORDS + _usage_event().rstrip(),
        WORDS.replace(b"\n", b"\r\n") + _usage_event().replace(b"\n", b"\r\n") + DONE,
    ],
    ids=[
        *("at the end", "without DONE", "early", "in the middle", "twice", "cumulative"),
        *("with the last choice", "with null choices", "without choices", "then null"),
        *("then nonsense", "torn after its last byte", "with CR LF"),
    ],
)
def test_usage_is_found_wherever_it_comes(recorded: bytes) -> None:
    seen = _through([recorded])

    assert seen.usage == USAGE
    assert b'"usage"' not in seen.out
    assert seen.out.count(b'"finish_reason":"stop"') == 1
    assert seen.out.endswith(DONE)


@pytest.mark.req("P-7")
def test_a_choice_that_comes_with_usage_is_kept() -> None:
    seen = _through([_delta("hi", usage=_usage(1)) + _delta("x", "stop", usage=_usage()) + DONE])

    assert seen.out == HI + _delta("x", "stop") + DONE


@pytest.mark.req("P-7")
def test_a_stream_without_usage_has_none_and_is_counted() -> None:
    seen = _through([WORDS + DONE])

    assert seen.usage is None
    assert seen.counted == 3  # "hi" and " you é" are 9 bytes


@pytest.mark.req("P-7")
def test_words_that_look_like_usage_are_only_words() -> None:
    recorded = STREAMS["words about usage"]

    seen = _through([recorded])

    assert (seen.usage, seen.failure, seen.out) == (None, None, recorded)


def test_no_null_is_taken_out_of_a_callers_words() -> None:
    said = _delta('{"a":1,"usage":null}')

    assert _through([said + END + DONE]).out == said + END + DONE


def test_a_missing_done_is_made_up_after_a_finish() -> None:
    assert _through([WORDS]).out == WORDS + DONE


@pytest.mark.req("P-29")
def test_a_missing_finish_reason_is_made_up_for_every_choice() -> None:
    seen = _through([HI + DONE], choices=2)

    made_up = json.loads(seen.out.removeprefix(HI).removesuffix(DONE).removeprefix(b"data: "))
    assert [(it["index"], it["finish_reason"]) for it in made_up["choices"]] == [
        (0, "stop"),
        (1, "stop"),
    ]
    assert made_up["object"] == "chat.completion.chunk"


@pytest.mark.req("P-8", "R-10")
@pytest.mark.parametrize("recorded", [b"", HI, HI + YOU[:-5], HI + YOU + b"\n", b": ping\n\n"])
def test_a_stream_that_just_stops_is_no_end(recorded: bytes) -> None:
    seen = _through([recorded])

    assert seen.failure is UpstreamBroke
    assert b"[DONE]" not in seen.out
    assert b"stop" not in seen.out


def test_what_is_torn_after_the_finish_does_no_harm() -> None:
    seen = _through([WORDS + _usage_event()[:-9]])

    assert (seen.failure, seen.usage, seen.out) == (None, None, WORDS + DONE)


@pytest.mark.req("R-10", "S-58")
@pytest.mark.parametrize("error", [{"message": "no"}, "no", {}, 500])
def test_an_error_within_a_stream_ends_it_after_what_came_before(error: Any) -> None:
    seen = _through([HI + _event(error=error) + YOU + END + DONE])

    assert (seen.out, seen.failure) == (HI, UpstreamFailed)


def test_an_error_of_null_is_none() -> None:
    recorded = HI + _event(choices=[], error=None) + END + DONE

    assert _through([recorded]).out == recorded


@pytest.mark.req("P-8")
def test_of_a_stream_that_is_cut_words_count_though_their_blank_line_is_missing() -> None:
    whole, cut = (
        StreamRelay(model="m", shows_usage=False, choices=1, tools=frozenset()) for _ in range(2)
    )
    whole.feed(HI + YOU)
    cut.feed(HI + YOU.rstrip())

    assert cut.counted_output() == whole.counted_output() == 3


@pytest.mark.req("R-9", "R-10")
@pytest.mark.parametrize("missing", [b"", b"\n", b"\n\n"])
def test_a_stream_ends_once_whatever_its_last_line_lacks(missing: bytes) -> None:
    seen = _through([WORDS, DONE.removesuffix(missing)])

    assert (seen.out, seen.failure) == (WORDS + DONE, None)


@pytest.mark.req("S-71", "H-145", "R-10")
def test_an_error_behind_the_finish_is_an_error_though_its_blank_line_is_missing() -> None:
    error = _event(error={"message": "no"})

    seen = _through([WORDS, error.rstrip()])

    assert (seen.out, seen.failure) == (WORDS, UpstreamFailed)


@pytest.mark.req("S-71", "H-145")
def test_after_a_failure_nothing_more_passes() -> None:
    relay = StreamRelay(model="m", shows_usage=True, choices=1, tools=frozenset())
    relay.feed(HI + b"data: no JSON\n\n")

    assert relay.feed(YOU + END + DONE) == b""
    with pytest.raises(UpstreamBroke):
        relay.finish()
    assert relay.usage is None


@pytest.mark.req("P-16")
def test_a_failure_keeps_the_providers_words_out_of_the_log() -> None:
    relay = _relay()
    relay.feed(_event(error={"message": "canary", "type": "server_error", "code": "Canary canary"}))

    assert relay.failure is not None
    assert relay.failure.private == "an error within the stream (server_error)"


@pytest.mark.req("S-71")
def test_an_event_without_end_is_not_kept_for_ever() -> None:
    relay = _relay()

    for _ in range(LONGEST_EVENT // 65_536 - 1):
        assert relay.feed(b"data: ".ljust(65_536, b"x")) == b""

    with pytest.raises(UpstreamBroke):
        relay.feed(b"x" * 65_536 * 2)


@pytest.mark.req("S-71", "B-8", "H-145")
@pytest.mark.parametrize(
    "foreign",
    [
        b"event: error\n\n",
        b"id: 7\n\n",
        b"retry: 1\n\n",
        b": a comment\n\n",
        b"dat\x00a: x\n\n",
        b'data : {"choices":[]}\n\n',
        b"\xef\xbb\xbf" + HI,
        b"data\n\n",
        b"\n\n\n",
        _event(object="error", message="canary"),
        _event(type="error", message="canary"),
        _event(detail="canary"),
        _event(usage=None, message="canary"),
    ],
)
def test_what_is_no_chunk_of_an_answer_stays_behind(foreign: bytes) -> None:
    seen = _through([HI + foreign + YOU, foreign + END + foreign + DONE])

    assert (seen.out, seen.failure) == (WORDS + DONE, None)


@pytest.mark.req("S-71", "S-58", "P-7")
def test_of_usage_without_choices_only_the_usage_is_shown() -> None:
    odd = _event(message="canary", usage=_usage())

    seen = _through([WORDS + odd + DONE], shows_usage=True)

    assert seen.out == WORDS + _event(choices=[], usage=_usage()) + DONE
    assert seen.usage == USAGE


@pytest.mark.req("S-71", "H-145")
@pytest.mark.parametrize("newline", [b"\n", b"\r\n", b"\r"])
def test_a_forged_event_within_an_event_is_only_its_data(newline: bytes) -> None:
    forged = HI.replace(b"\n\n", newline + b"event: error" + newline + b"id: 1" + newline * 2)

    assert _through([forged + END + DONE]).out == HI + END + DONE


@pytest.mark.req("S-71", "H-145")
@pytest.mark.parametrize(
    "broken",
    [
        *(b"data: hello\n\n", b"data: [1]\n\n", b"data: {\n\n", b"data: {}{}\n\n", b'data: "x"\n\n'),
        b'data: {"choices":[],"x":"\x00"}\n\n',
        b'data: {"choices":[],"x":"\x0b"}\n\n',
        b'data: {"choices":[],"x":"\xff"}\n\n',
        b'data: {"choices":[],"x":"\xed\xa0\x80"}\n\n',
        b'data: {"choices":[],"x":NaN}\n\n',
        b'data: {"choices":{}}\n\n',
        b'data: {"choices":[1]}\n\n',
        b'data: {"choices":[{"finish_reason":{}}]}\n\n',
        b'data: {"choices":[],"x":%b%b}\n\n' % (b"[" * 100_000, b"]" * 100_000),
        HI[:-2] + b"\n" + HI,
    ],
)  # fmt: skip
def test_what_is_not_json_of_the_dialect_ends_the_stream_after_what_came_before(
    broken: bytes,
) -> None:
    seen = _through([HI + broken + END + DONE])

    assert (seen.out, seen.failure) == (HI, UpstreamBroke)


@pytest.mark.req("S-58", "S-71")
@pytest.mark.parametrize("name", ["error", "\\u0065rror", "err\\u006fr"])
def test_an_error_does_not_hide_behind_an_escape(name: str) -> None:
    hidden = b'data: {"choices":[],"%b":{"message":"canary"}}\n\n' % name.encode()

    seen = _through([HI + hidden + END + DONE])

    assert (seen.out, seen.failure) == (HI, UpstreamFailed)


@pytest.mark.req("S-71")
@pytest.mark.parametrize("separator", ["\x85", "\u2028", "\u2029"])
def test_no_reader_finds_the_end_of_a_line_within_an_event(separator: str) -> None:
    said = f"one{separator}event: error{separator}data: forged"
    chunk = {"choices": [{"index": 0, "delta": {"content": said}}]}
    event = b"data: " + json.dumps(chunk, ensure_ascii=False).encode() + b"\n\n"

    out = _through([event + END + DONE]).out

    assert len(out.decode().splitlines()) == 6
    first = json.loads(out.split(b"\n")[0].removeprefix(b"data: "))
    assert first == chunk


@pytest.mark.req("S-71", "H-145")
def test_characters_may_be_split_between_chunks() -> None:
    recorded = _delta("\u8bed\U0001f600") + END + DONE

    split = [bytes([byte]) for byte in recorded]

    assert _through(split) == _through([recorded])
    assert _through(split).failure is None


@pytest.mark.req("S-71", "S-76", "H-145")
@pytest.mark.parametrize("noise", [b": still here\n\n", b"\n\n", b"event: x\n\n", _usage_event()])
def test_a_stream_of_nothing_but_noise_ends(noise: bytes) -> None:
    relay = _relay()
    relay.feed(HI)
    block = noise * (65_536 // len(noise))

    fed = 0
    while relay.failure is None:
        assert relay.feed(block) == b""
        fed += len(block)
        assert fed <= MOST_WITHOUT_AN_EVENT + len(block)

    assert isinstance(relay.failure, UpstreamBroke)


def test_signs_of_life_between_words_are_not_added_up() -> None:
    relay = _relay()

    for _ in range(2 * MOST_WITHOUT_AN_EVENT // 65_536):
        relay.feed(b": alive\n\n" * (65_536 // 9))
        relay.feed(HI)

    assert relay.failure is None


@pytest.mark.req("S-74")
@pytest.mark.parametrize(
    "said",
    [
        {"tool_calls": [{"index": 0, "function": {"name": "rm", "arguments": ""}}]},
        {"tool_calls": [{"function": {"name": "look"}}, {"function": {"name": "rm"}}]},
        {"tool_calls": [{"type": "custom", "custom": {"name": "rm"}}]},
        {"function_call": {"name": "rm", "arguments": "{}"}},
    ],
)
def test_a_tool_that_the_caller_did_not_declare_is_not_called(said: dict[str, Any]) -> None:
    event = _event(choices=[{"index": 0, "delta": said}])
    for written in (event, event.replace(b'"name"', b'"n\\u0061me"')):
        seen = _through([HI + written + END + DONE], tools=frozenset({"look"}))

        assert (seen.out, seen.failure) == (HI, UpstreamBroke)
    whole = WholeRelay(model="m", tools=frozenset({"look"}))
    whole.feed(json.dumps({"choices": [{"message": said}]}).encode())
    with pytest.raises(UpstreamBroke):
        whole.finish()


@pytest.mark.req("S-71", "H-145")
@pytest.mark.parametrize(
    "said",
    [
        {"tool_calls": [{"function": {"name": 7}}]},
        {"tool_calls": {"function": {"name": "look"}}},
        {"tool_calls": [["name", "look"]]},
        {"function_call": {"name": ["look"]}},
    ],
)
def test_the_call_of_a_tool_that_is_not_understood_ends_the_answer(said: dict[str, Any]) -> None:
    relay = StreamRelay(model="m", shows_usage=False, choices=1, tools=frozenset({"look"}))

    passed = relay.feed(HI + _event(id="c", choices=[{"index": 0, "delta": said}]) + END + DONE)

    assert (passed, type(relay.failure)) == (HI, UpstreamBroke)


def test_a_piece_of_a_call_may_repeat_an_empty_name() -> None:
    rest = {"tool_calls": [{"index": 0, "function": {"name": "", "arguments": "{}"}}]}
    recorded = _event(id="c", choices=[{"index": 0, "delta": rest}]) + END + DONE

    assert _through([recorded], tools=frozenset({"look"})).out == recorded


@pytest.mark.req("S-74", "P-7")
def test_a_declared_tool_is_called() -> None:
    first = {"tool_calls": [{"index": 0, "id": "c", "function": {"name": "look", "arguments": ""}}]}
    rest = {"tool_calls": [{"index": 0, "function": {"arguments": '{"name":"rm"}'}}]}
    recorded = b"".join(_event(choices=[{"delta": delta}]) for delta in (first, rest)) + END + DONE

    seen = _through([recorded], tools=frozenset({"look"}))

    assert (seen.out, seen.failure) == (recorded, None)


@pytest.mark.req("S-71")
def test_a_long_event_in_many_pieces_is_looked_at_once() -> None:
    relay, piece = _relay(), b"x" * 16
    relay.feed(b'data: {"choices":[],"x":"')

    began = time.process_time()
    for _ in range(LONGEST_EVENT // 16 - 10):
        relay.feed(piece)

    assert time.process_time() - began < 5  # to copy what waits each time takes minutes


def test_nothing_passes_after_the_end() -> None:
    relay = _relay()

    assert relay.feed(WORDS + DONE + HI) == WORDS + DONE
    assert relay.feed(HI) == b""
    assert relay.finish() == b""


@pytest.mark.req("P-7")
def test_a_whole_answer_passes_as_it_came_and_its_usage_is_noticed() -> None:
    body = b'{ "choices" : [], "usage":{"prompt_tokens":9,"completion_tokens":2}, "x":1e2 }'

    for size in range(1, len(body) + 1):
        relay = WholeRelay(model="m", tools=frozenset())
        pieces = [body[start : start + size] for start in range(0, len(body), size)]
        assert [relay.feed(piece) for piece in pieces] == [b""] * len(pieces)
        assert relay.finish() == body
        assert relay.usage == USAGE


@pytest.mark.parametrize(
    ("body", "failure"),
    [
        (b"", UpstreamBroke),
        (b"{", UpstreamBroke),
        (b"[]", UpstreamBroke),
        (b"<html>", UpstreamBroke),
        (b"{}", UpstreamBroke),
        (b'{"x":1}', UpstreamBroke),
        (b"\xff\xfe", UpstreamBroke),
        (b'{"choices":[]}\n{}', UpstreamBroke),
        (b'{"choices":null}', UpstreamBroke),
        (b'{"choices":{}}', UpstreamBroke),
        (b'{"choices":[],"x":"canary\xff"}', UpstreamBroke),
        (b'{"choices":[],"x":%b1%b}' % (b"[" * 100_000, b"]" * 100_000), UpstreamBroke),
        (b'{"error":{"message":"canary"}}', UpstreamFailed),
        (b'{"error":"canary","choices":[]}', UpstreamFailed),
    ],
)
def test_what_is_no_completion_is_a_failure_that_repeats_nothing(
    body: bytes, failure: type[Failure]
) -> None:
    relay = WholeRelay(model="m", tools=frozenset())
    relay.feed(body)

    with pytest.raises(failure) as failed:
        relay.finish()

    assert "canary" not in f"{failed.value.detail}{failed.value.private}"


def test_a_whole_answer_without_usage_is_counted() -> None:
    relay = WholeRelay(model="m", tools=frozenset())
    relay.feed(b'{"choices":[{"message":{"role":"assistant","content":"123456"}}]}')
    relay.finish()

    assert (relay.usage, relay.counted_output()) == (None, 2)


@pytest.mark.req("R-9", "S-71")
def test_what_is_torn_behind_the_end_is_not_passed_either() -> None:
    relay = _relay()

    assert relay.feed(WORDS + DONE + HI.rstrip()) == WORDS + DONE
    assert relay.finish() == b""


@pytest.mark.req("S-71", "P-8")
@pytest.mark.parametrize("torn", [YOU, _usage_event(), _event(error="no"), b"data: no JSON"])
def test_what_is_torn_behind_a_failure_is_neither_counted_nor_another_failure(torn: bytes) -> None:
    relay, before = _relay(), _relay()
    before.feed(HI)
    relay.feed(HI + b"data: no JSON\n\n" + torn.rstrip())
    first = relay.failure

    assert relay.counted_output() == before.counted_output()
    with pytest.raises(UpstreamBroke) as raised:
        relay.finish()
    assert (raised.value, relay.usage) == (first, None)


@pytest.mark.req("S-71", "S-74", "R-10")
def test_a_torn_finish_with_a_tool_that_nobody_declared_is_no_finish() -> None:
    called = {"tool_calls": [{"index": 0, "function": {"name": "rm", "arguments": "{}"}}]}
    choice = {"index": 0, "delta": called, "finish_reason": "tool_calls"}
    relay = _relay()

    assert relay.feed(HI + _event(id="c", choices=[choice]).rstrip()) == HI
    with pytest.raises(UpstreamBroke) as raised:
        relay.finish()
    assert raised.value.private == "a tool is called that the caller did not declare"


@pytest.mark.req("S-71", "S-76")
def test_an_error_behind_much_noise_is_that_error() -> None:
    relay = _relay()

    relay.feed(b": alive\n\n" * (MOST_WITHOUT_AN_EVENT // 9 + 1) + _event(error="no"))

    assert isinstance(relay.failure, UpstreamFailed)


@pytest.mark.req("S-71", "S-76")
def test_a_megabyte_of_noise_is_borne_and_not_a_byte_more() -> None:
    relay = _relay()

    relay.feed(b": x\n\n".rjust(MOST_WITHOUT_AN_EVENT, b":"))

    assert relay.failure is None
    relay.feed(b"\n\n")
    assert isinstance(relay.failure, UpstreamBroke)


def test_a_failure_holds_on_to_nobody() -> None:
    relay = _relay()
    relay.feed(b"data: no JSON\n\n")

    assert relay.failure is not None
    assert relay.failure.__traceback__ is None
    assert relay.failure.__context__ is None


@pytest.mark.req("S-71", "S-58", "P-7")
@pytest.mark.parametrize(
    "foreign", [_event(detail="canary"), _event(usage=None, message="canary"), _event(usage=None)]
)
def test_what_has_neither_choices_nor_usage_stays_behind_whoever_asks(foreign: bytes) -> None:
    seen = _through([HI + foreign + YOU + END + DONE], shows_usage=True)

    assert (seen.out, seen.failure) == (WORDS + DONE, None)


@pytest.mark.req("P-7", "R-9")
def test_an_event_without_words_keeps_what_it_says_beside_usage() -> None:
    filtered = {"id": "c", "choices": [], "prompt_filter_results": []}

    seen = _through([_event(**filtered, usage=None) + WORDS + DONE])

    assert seen.out == _event(**filtered) + WORDS + DONE


@pytest.mark.parametrize("body", [b"{}", b'{"choices":null}', b'{"choices":[]}'])
def test_where_no_choice_is_there_is_nothing_to_count(body: bytes) -> None:
    relay = WholeRelay(model="m", tools=frozenset())
    relay.feed(body)

    assert relay.counted_output() == 0


def _relay() -> StreamRelay:
    return StreamRelay(model="m", shows_usage=False, choices=1, tools=frozenset())


def _through(
    pieces: list[bytes],
    *,
    shows_usage: bool = False,
    choices: int = 1,
    tools: frozenset[str] = frozenset(),
) -> Seen:
    """As the pipeline does it: feed, write, look for a failure; then finish."""
    relay = StreamRelay(model="m", shows_usage=shows_usage, choices=choices, tools=tools)
    out = b""
    for piece in pieces:
        out += relay.feed(piece)
        if relay.failure is not None:
            return Seen(out, relay.usage, type(relay.failure), 0)
    try:
        out += relay.finish()
    except Failure as failure:
        return Seen(out, relay.usage, type(failure), 0)
    return Seen(out, relay.usage, None, relay.counted_output())


def _cut(recorded: bytes, cuts: list[int]) -> list[bytes]:
    places = [0, *sorted({cut for cut in cuts if 0 < cut < len(recorded)}), len(recorded)]
    return [recorded[start:end] for start, end in pairwise(places)]


@pytest.mark.req("P-15")
@pytest.mark.parametrize(("reads", "told"), [(True, "priority"), (False, None)])
def test_the_tier_that_an_answer_was_served_in_is_read_where_one_was_asked_for(
    reads: bool, told: str | None
) -> None:
    stream = StreamRelay(
        model="m", shows_usage=False, choices=1, tools=frozenset(), reads_tier=reads
    )
    whole = WholeRelay(model="m", tools=frozenset(), reads_tier=reads)
    answer = {"choices": [], "usage": _usage(), "service_tier": "priority"}

    stream.feed(WORDS + _event(**answer) + DONE)
    whole.feed(json.dumps(answer).encode())
    whole.finish()

    assert (stream.tier, whole.tier) == (told, told)
    assert stream.usage == whole.usage == USAGE


@pytest.mark.req("P-15")
def test_a_tier_stands_though_a_later_event_does_not_name_it() -> None:
    relay = StreamRelay(model="m", shows_usage=False, choices=1, tools=frozenset(), reads_tier=True)

    relay.feed(WORDS + _event(choices=[], usage=_usage(), service_tier="flex") + _usage_event())

    assert relay.tier == "flex"


def test_what_is_no_answer_is_counted_by_its_bytes() -> None:
    relay = WholeRelay(model="m", tools=frozenset())

    relay.feed(b"{" * 30)

    assert relay.counted_output() == 10


@pytest.mark.req("OT-4")
def test_an_answer_bears_the_name_that_was_asked() -> None:
    stream = StreamRelay(model="m", shows_usage=False, choices=1, tools=frozenset())
    whole = WholeRelay(model="m", tools=frozenset())

    whole.feed(b'{"model":"m-real","choices":[]}')

    assert b'"model":"m"' in stream.feed(_delta("hi", model="m-real"))
    assert whole.finish() == b'{"model":"m","choices":[]}'
