"""The paths beside conversations: what is asked on them, and what an upstream answers."""

from __future__ import annotations

import json
from typing import Any

from fuzz.bodies import LEG
from fuzz.cutting import ways
from journeys.endpoints import EXAMPLES
from tollhouse.dialects.openai_completions import OpenAICompletions
from tollhouse.dialects.openai_embeddings import OpenAIEmbeddings
from tollhouse.dialects.openai_images import OpenAIImages
from tollhouse.dialects.openai_moderations import OpenAIModerations
from tollhouse.dialects.openai_speech import OpenAISpeech
from tollhouse.dialects.rerank import Rerank
from tollhouse.domain.errors import Refusal, UpstreamBroke, UpstreamFailed
from tollhouse.domain.models import Ask
from tollhouse.ports import Dialect

DIALECTS: dict[str, Dialect] = {
    "completions": OpenAICompletions(),
    "embeddings": OpenAIEmbeddings(),
    "moderations": OpenAIModerations(),
    "rerank": Rerank(),
    "images": OpenAIImages(),
    "speech": OpenAISpeech(),
}
WHOLE = [name for name in DIALECTS if name != "speech"]
ASK_SEEDS = [json.dumps(EXAMPLES[name]).encode() for name in DIALECTS]
ANSWER_SEEDS = [
    b'{"choices":[{"index":0,"text":"x","finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":2},"model":"a"}',
    b'{"data":[{"index":0,"embedding":[0.5,-1e3]}],"usage":{"prompt_tokens":1,"total_tokens":1},"model":"a"}',
    b'{"data":[{"embedding":"AAAA"}],"m\\u006fdel":"a"}',
    b'{"results":[{"flagged":true,"categories":{"hate":false}}],"model":"a"}',
    b'{"results":[{"index":1,"relevance_score":0.5},{"index":0,"relevance_score":-1}],"usage":{"total_tokens":3}}',
    b'{"data":[{"url":"https://x/1.png"},{"b64_json":"AA"}],"usage":{"input_tokens":1,"output_tokens":9}}',
    b'{"error":{"message":"x"},"data":[]}',
]
WORDS = (
    *(b'"input"', b'"prompt"', b'"documents"', b'"query"', b'"text"', b'"size"', b'"quality"', b'"1024x1024"'),
    *(b'"data"', b'"results"', b'"embedding"', b'"flagged"', b'"relevance_score"', b'"url"', b'"b64_json"'),
)  # fmt: skip


def task_ask_target(data: bytes) -> None:
    """What leaves is what was judged, but for what the gate sets; the bounds are those of the body."""
    for name, dialect in DIALECTS.items():
        try:
            ask = dialect.peek(data)
        except Refusal:
            continue
        asked = json.loads(data)
        assert ask.task == name
        assert json.loads(dialect.outgoing(data, ask, LEG)) == _replaced(name, asked, ask)
        assert ask.tokens <= ask.input_bytes
        assert ask.choices >= 1
        assert all(count >= 0 for count in (ask.most.images, ask.most.characters, ask.messages))


def task_answer_target(data: bytes) -> None:
    """It passes as it came but for the model's name, or not at all."""
    for name in WHOLE:
        dialect = DIALECTS[name]
        relay = dialect.relay(dialect.peek(json.dumps(EXAMPLES[name]).encode()))
        for piece in ways(data)[1]:
            assert relay.feed(piece) == b""
        assert relay.counted_output() >= 0
        try:
            passed = relay.finish()
        except (UpstreamBroke, UpstreamFailed):
            continue
        came = json.loads(data)
        assert came.get("error") is None
        assert json.loads(passed) == ({**came, "model": "m"} if "model" in came else came)
        usage = relay.usage
        assert usage is None or min(usage.input, usage.output, usage.images) >= 0


def _replaced(name: str, asked: dict[str, Any], ask: Ask) -> dict[str, Any]:
    ours: dict[str, Any] = {"model": LEG.target.model}
    if name == "completions":
        ours["max_tokens"] = LEG.output_tokens
        if ask.is_stream:
            ours["stream_options"] = {**(asked.get("stream_options") or {}), "include_usage": True}
    return {**asked, **ours}
