"""OpenAI's Responses: what a caller asks, what a provider answers, and both put into another dialect."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from fuzz.bodies import LEG
from fuzz.cutting import ways
from tollhouse.dialects.openai_responses import Bare, OpenAIResponses
from tollhouse.dialects.responses_ask import BOUND
from tollhouse.dialects.responses_events import KNOWN
from tollhouse.dialects.responses_own import OwnNames
from tollhouse.dialects.responses_relay import ResponseStream
from tollhouse.domain.errors import Failure, Refusal
from tollhouse.domain.models import Ask
from tollhouse.pipeline.translation import Translation
from tollhouse.ports import Relay

TOOLS = frozenset({"look", "look()", "eyes.look", "eyes__look", ":local_shell"})
ENDS = ("response.completed", "response.incomplete")

ASK_SEEDS = [
    b'{"model":"m","input":"x"}',
    b'{"model":"m","instructions":"y","stream":true,"max_output_tokens":9,"input":[{"role":"user","content":'
    b'[{"type":"input_text","text":"x"},{"type":"input_image","image_url":"data:image/png;base64,AA"},'
    b'{"type":"input_file","filename":"f","file_data":"data:x/y;base64,AA"}]}]}',
    b'{"model":"m","tools":[{"type":"function","name":"look","parameters":{}},{"type":"custom","name":"c"},'
    b'{"type":"namespace","name":"n","tools":[{"type":"function","name":"f"}]},{"type":"web_search"}],'
    b'"tool_choice":{"type":"function","name":"look"},"input":[{"type":"function_call","call_id":"c","name":"f",'
    b'"namespace":"n","arguments":"{}"},{"type":"function_call_output","call_id":"c","output":"x"},'
    b'{"type":"custom_tool_call","call_id":"d","name":"c","input":"x"},{"type":"reasoning","summary":[],'
    b'"encrypted_content":"tollhouse:{}"},{"type":"web_search_call"}]}',
    b'{"model":"m","input":"x","reasoning":{"effort":"low"},"text":{"format":{"type":"json_schema","name":"n",'
    b'"schema":{}}},"temperature":1,"include":[],"previous_response_id":null}',
    b'{"model":"m","input":[{"type":"item_reference","id":"x"}],"background":true}',
]
_R = b'"response":{"id":"r","status":"completed","model":"m","output":[]'
STREAM_SEEDS = [
    b'event: response.created\ndata: {"type":"response.created","sequence_number":0,' + _R + b"}}\n\n"
    b'data: {"type":"response.output_item.added","output_index":0,"item":{"type":"message","id":"i"}}\n\n'
    b'data: {"type":"response.output_text.delta","output_index":0,"delta":"hi"}\n\n'
    b'data: {"type":"response.completed",' + _R + b',"usage":{"input_tokens":9,"output_tokens":2}}}\n\n',
    b'data: {"type":"response.output_item.done","output_index":1,"item":{"type":"function_call","name":"look",'
    b'"call_id":"c","arguments":"{}"}}\r\n\r\ndata: {"type":"response.incomplete","response":{"incomplete_details":'
    b'{"reason":"content_filter"}}}\r\n\r\n',
    b'data: {"type":"response.reasoning_summary_text.delta","delta":"hm"}\n\n'
    b'data: {"type":"response.failed","response":{"error":{"code":"x"}}}\n\n',
    b'data: {"type":"error","message":"x"}\n\ndata: [DONE]\n\n',
    b': x\n\ndata: {"type":"response.output_item.added","item":{"type":"local_shell_call"}}\n\n',
]  # fmt: skip
WORDS = (
    *(b'"input"', b'"type"', b'"role"', b'"tools"', b'"name"', b'"namespace"', b'"custom"', b'"content"', b'"item"'),
    *(b'"response"', b'"delta"', b'"output"', b'"output_index"', b'"function_call"', b'"message"', b'"reasoning"'),
    *(b'"response.completed"', b'"response.created"', b'"response.output_item.done"', b'"usage"', b'"arguments"'),
    *(b"data: ", b"event: ", b"\n\n", b"\r\n", b"\r", b": ", b"[DONE]", b"\xe2\x80\xa8"),
)  # fmt: skip


def responses_ask_target(data: bytes) -> None:
    """What leaves is what was judged, but for what the gate sets; so is what is said in other words."""
    dialect = OpenAIResponses()
    try:
        ask = dialect.peek(data)
    except Refusal:
        return
    asked = json.loads(data)
    outgoing = json.loads(dialect.outgoing(data, ask, LEG))
    assert outgoing == {**asked, "model": LEG.target.model, BOUND: LEG.output_tokens}
    try:
        conversation = dialect.decode(data)
    except Refusal:
        return
    said, _ = dialect.encode(conversation, LEG)
    if conversation.messages:
        again = dialect.peek(said)
        assert again.is_stream == ask.is_stream
        assert {tool.name for tool in conversation.tools} <= ask.tools
        assert again.tools <= ask.tools | {""}


def responses_relay_target(data: bytes) -> None:
    """The same however it is cut; out come known events by their names, in one line each."""
    whole = _relayed([data])
    for pieces in ways(data):
        assert _relayed(pieces) == whole
    _is_clean(*whole)


def responses_translated_target(data: bytes) -> None:
    """Read and written again: the same answer however it is cut, whole or failed under one id."""
    whole = _translated([data])
    for pieces in ways(data):
        assert _joined(_translated(pieces)[0]) == _joined(whole[0])
    out, failure = whole
    _is_clean(out, failure)


def _relayed(pieces: Sequence[bytes]) -> tuple[bytes, type[Failure] | None]:
    return _through(ResponseStream(OwnNames("asked", None, Bare()), TOOLS), pieces)


def _translated(pieces: Sequence[bytes]) -> tuple[bytes, type[Failure] | None]:
    dialect, ask = OpenAIResponses(), _ask()
    reader, writer = dialect.reader(is_stream=True), dialect.writer(ask, "id", 1)
    return _through(Translation(reader, writer, ask, "id"), pieces)


def _through(relay: Relay, pieces: Sequence[bytes]) -> tuple[bytes, type[Failure] | None]:
    out = b""
    for piece in pieces:
        out += relay.feed(piece)
        if relay.failure is not None:
            return out, type(relay.failure)
        if relay.is_over:
            break
    try:
        out += relay.finish()
    except Failure as failure:
        return out, type(failure)
    finally:
        assert relay.counted_output() >= 0
    return out, None


def _is_clean(out: bytes, failure: type[Failure] | None) -> None:
    *events, rest = out.decode().split("\n\n")
    assert rest == ""
    assert len(out.decode().splitlines()) == 3 * len(events)
    kinds = []
    for each in events:
        name, line = each.split("\n")
        event: dict[str, Any] = json.loads(line.removeprefix("data: "))
        kinds.append(event["type"])
        assert name == f"event: {event['type']}"
        assert event["type"] in KNOWN
        assert _called(event.get("item")) <= TOOLS | {None}
        assert event.get("error") is None
        assert (event.get("response") or {}).get("model", "asked") == "asked"
    assert not set(kinds[:-1]) & set(ENDS)
    assert (failure is None) == bool(kinds and kinds[-1] in ENDS)
    assert failure is None or issubclass(failure, Failure)


def _called(item: Any) -> set[str | None]:
    is_call = isinstance(item, dict) and item.get("type") == "function_call"
    return {item.get("name")} if is_call else set()


def _joined(out: bytes) -> dict[str, str]:
    """What was said in all, by its kind: where a text is cut says nothing."""
    said: dict[str, str] = {}
    for each in out.decode().split("\n\n")[:-1]:
        event = json.loads(each.split("\ndata: ")[1])
        said[event["type"]] = said.get(event["type"], "") + str(event.get("delta", ""))
    return said


def _ask() -> Ask:
    return Ask("asked", True, True, 1, 1, 0, 1, None, 0, (), TOOLS)
