"""What the dialects themselves cost: the native lane beside the translated one, in one process.

`python -m bench.lanes SECONDS` prints the figures as JSON. What is compared takes turns, so that
both see the same machine.
"""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable, Sequence
from statistics import median

import msgspec

from bench import wire
from tollhouse.dialects import strict_json
from tollhouse.dialects.openai_chat import OpenAIChat
from tollhouse.dialects.openai_responses import OpenAIResponses
from tollhouse.domain.models import Ask, Leg
from tollhouse.domain.snapshot import Target
from tollhouse.pipeline.translation import Translation
from tollhouse.ports import Relay

CHAT, RESPONSES = OpenAIChat(), OpenAIResponses()
LEG = Leg(Target("bench", "openai-compatible", wire.MODEL), None, 1000, 1000, 0)
CHUNKS = 256
AGENT_BYTES = 500 * 1024
TURNS = 9


def measured(seconds: float) -> dict[str, float]:
    agent = agent_question()
    share = seconds / 4
    native, translated = taking_turns([relayed, said_anew], share)
    chunks, *_ = taking_turns([streamed_anew], share)
    parse, relay = taking_turns(
        [lambda: strict_json.parse_object(agent), lambda: _relayed(agent)], share
    )
    return {
        "native_lane_us": native,
        "translated_lane_us": translated,
        "translated_chunk_us": chunks / CHUNKS,
        "agent_parse_us": parse,
        "agent_relay_us": relay,
        "agent_x_parse": relay / parse,
    }


def relayed() -> None:
    _through(_relayed(QUESTION), WHOLE)


def said_anew() -> None:
    """A caller of Responses before an upstream of chat."""
    ask = RESPONSES.peek(ANEW)
    CHAT.encode(RESPONSES.decode(ANEW), LEG)
    _through(_translation(ask), WHOLE)


def streamed_anew() -> None:
    translation = _translation(STREAM_ASK)
    for event in EVENTS:
        translation.feed(event)
    translation.finish()


def taking_turns(works: Sequence[Callable[[], object]], seconds: float) -> list[float]:
    """The median CPU of one run of each, in microseconds."""
    took: list[list[float]] = [[] for _ in works]
    times = [_times(work, seconds / TURNS / len(works)) for work in works]
    gc.collect()
    gc.freeze()
    for _ in range(TURNS):
        for work, count, each in zip(works, times, took, strict=True):
            began = time.process_time()
            for _ in range(count):
                work()
            each.append((time.process_time() - began) * 1e6 / count)
    return [median(each) for each in took]


def agent_question() -> bytes:
    """As coding agents ask: many tools, and a long talk with what the tools showed."""
    tools = [
        {
            "type": "function",
            "function": {
                "name": f"tool_{number}",
                "description": "Does what its name says, and says so at some length. " * 8,
                "parameters": {"type": "object", "properties": {"path": {"type": "string"}}},
            },
        }
        for number in range(40)
    ]
    messages: list[dict[str, object]] = [{"role": "system", "content": "Be brief. " * 1000}]
    asked: dict[str, object] = {"model": wire.MODEL, "tools": tools, "messages": messages}
    shown = "def toll(road):\n    return road.length * RATE\n" * 40
    while len(msgspec.json.encode(asked)) < AGENT_BYTES:
        call_id = f"call_{len(messages)}"
        function = {"name": "tool_1", "arguments": '{"path":"src/toll.py"}'}
        call = {"id": call_id, "type": "function", "function": function}
        messages.append({"role": "assistant", "content": None, "tool_calls": [call]})
        messages.append({"role": "tool", "tool_call_id": call_id, "content": shown})
    return msgspec.json.encode(asked)


def _relayed(body: bytes) -> Relay:
    ask = CHAT.peek(body)
    CHAT.outgoing(body, ask, LEG)
    return CHAT.relay(ask)


def _translation(ask: Ask) -> Translation:
    reader = CHAT.reader(is_stream=ask.is_stream)
    return Translation(reader, RESPONSES.writer(ask, "bench", 1), ask, "bench")


def _through(relay: Relay, answer: bytes) -> None:
    relay.feed(answer)
    relay.finish()


def _times(work: Callable[[], object], seconds: float) -> int:
    began = time.perf_counter()
    work()
    return max(1, int(seconds / max(time.perf_counter() - began, 1e-6)))


QUESTION, WHOLE = wire.question(), wire.answer()
ANEW, _ = RESPONSES.encode(CHAT.decode(QUESTION), LEG)
STREAM_ASK = RESPONSES.peek(
    RESPONSES.encode(CHAT.decode(wire.question(wire.Flow(CHUNKS, 0))), LEG)[0]
)
EVENTS = [
    *map(wire.word_event, range(CHUNKS)),
    wire.last_events(CHUNKS, with_usage=True),
]

if __name__ == "__main__":
    print(msgspec.json.encode(measured(float(sys.argv[1]))).decode())
