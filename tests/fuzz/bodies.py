"""What a caller sends in a body: one reading of it, and what leaves in its place means the same."""

from __future__ import annotations

import json
import math
from typing import Any

from tollhouse.dialects import strict_json
from tollhouse.dialects.openai_chat import BOUNDS, OpenAIChat
from tollhouse.domain.errors import Refusal
from tollhouse.domain.models import Leg
from tollhouse.domain.snapshot import Target

LEG = Leg(Target("up", "openai-compatible", "m-real", "max_tokens"), None, 1, 7, 0)

JSON_SEEDS = [
    *(b"{}", b'{"a":1}', b'{"a":1,"a":2}', b'{"a":1,"\\u0061":2}', b'{"a":{"b":[1,-0.5e-3,true,null,""]}}'),
    *(b'{"a":NaN}', b'{"a":1e400}', b'{"a":1e308}', b'{"a":-Infinity}', b'{"a":"\\ud83d\\ude00"}', b'{"a":"\\ud800"}'),
    *(b'{"a":"\xc3\xa9"}', b'{"a":"\xff"}', b'\xef\xbb\xbf{"a":1}', b'{"a":1}{}', b'{"a":1,}', b"[1]", b'"x"', b""),
    *(b'{"a":' + b"[" * 63 + b"]" * 63 + b"}", b'{"a":' + b"[" * 64 + b"]" * 64 + b"}", b'{"a":"\x00"}'),
]  # fmt: skip
ASK_SEEDS = [
    b'{"model":"m","messages":[{"role":"user","content":"x"}]}',
    b'{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"x"},{"image_url":'
    b'{"url":"data:image/png;base64,AA"}}]}],"max_tokens":5,"max_completion_tokens":9,"n":2}',
    b'{"stream":true,"stream_options":{"include_usage":false,"x":[1, 2]},"model":"m","messages":[{"role":"user"}]}',
    b'{"stream":true,"stream_options":null,"m\\u006fdel":"m","messages":[{"role":"tool","content":[1,{"file":{"file_id":"x"}}]}]}',
    b'{"model":"m","messages":[{"role":"user"}],"tools":[{"function":{"name":"look"}}],"functions":[{"name":"f"}],"api_base":1}',
    b'{"model":"m","messages":[{"role":"user"}],"service_tier":"priority","modalities":["audio"],"prediction":{}}',
]


def strict_json_target(data: bytes) -> None:
    """Accepted is what the plainest reader accepts under the same rules, and it means the same."""
    try:
        expected = _plainly_read(data)
    except (ValueError, RecursionError):
        expected = None
    try:
        found = strict_json.parse_object(data)
    except Refusal:
        found = None
    assert found == expected
    if found is None:
        return
    assert json.dumps(found) == json.dumps(expected)  # True is not 1, nor -0.0 the same as 0
    joined = strict_json.join(strict_json.members(data))
    assert strict_json.parse_object(joined) == found
    assert list(json.loads(joined)) == list(found)


def openai_ask_target(data: bytes) -> None:
    """What leaves is what was judged, but for what the gate sets; and it stands the same trial."""
    chat = OpenAIChat()
    try:
        ask = chat.peek(data)
    except Refusal:
        return
    asked = json.loads(data)
    assert ask.model == asked["model"]
    outgoing = chat.outgoing(data, ask, LEG)
    assert json.loads(outgoing) == _replaced(asked, is_stream=ask.is_stream)
    again = chat.peek(outgoing)
    assert (again.model, again.max_output) == ("m-real", LEG.output_tokens)
    assert (again.is_stream, again.choices, again.messages) == (
        *(ask.is_stream, ask.choices, ask.messages),
    )
    assert (again.images, again.tools, again.unpriced_features) == (
        *(ask.images, ask.tools, ask.unpriced_features),
    )


def _replaced(asked: dict[str, Any], *, is_stream: bool) -> dict[str, Any]:
    kept = {name: value for name, value in asked.items() if name not in BOUNDS}
    ours: dict[str, Any] = {"model": "m-real", "max_tokens": LEG.output_tokens}
    if is_stream:
        ours["stream_options"] = {**(asked.get("stream_options") or {}), "include_usage": True}
    return {**kept, **ours}


def _plainly_read(data: bytes) -> dict[str, Any]:
    value = json.loads(
        data.decode("utf-8"),
        object_pairs_hook=_once_each,
        parse_constant=_no_constant,
        parse_float=_finite,
    )
    json.dumps(value, ensure_ascii=False).encode()  # a lone surrogate cannot be
    if not isinstance(value, dict) or _depth(value) > strict_json.DEEPEST:
        raise ValueError("no object, or too deep")
    if any(len(name) > strict_json.LONGEST_NAME for name in value):
        raise ValueError("a name too long")
    return value


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a member twice")
    return dict(pairs)


def _no_constant(name: str) -> float:
    raise ValueError(name)


def _finite(text: str) -> float:
    if math.isinf(value := float(text)):
        raise ValueError(text)
    return value


def _depth(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + max(map(_depth, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(_depth, value), default=0)
    return 0
