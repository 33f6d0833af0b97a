"""Records what the real local engine answers, in every dialect that it speaks itself: `python -m scripts.record`.

The contract suite reads the recordings. They have no path, no name of a machine and no time of day: what the
engine tells of its own speed is left out, ids and times are as if all had begun at the same moment.
"""

from __future__ import annotations

import asyncio
import json
import re
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tollhouse.providers.local import MODEL, LocalModel

HERE = Path(__file__).parents[1] / "tests" / "contracts" / "recorded" / "llama_cpp"
BEGAN = b"1800000000"
FEW, ENOUGH = 6, 40
SCHEMA = {
    "type": "object",
    "properties": {"at": {"enum": ["Zürich", "東京"]}},
    "required": ["at"],
    "additionalProperties": False,
}
CASES = {
    "words": ("Say hi.", ENOUGH, False),
    "cut_short": ("Tell me a long story.", FEW, False),
    "schema": ("Name a city.", ENOUGH, True),
}
"""What is asked, how many tokens there may be, and whether an object of the schema is."""

_times = re.compile(rb'"(created|created_at|completed_at)":\d+')
_timings = re.compile(rb',"timings":\{[^{}]*\}')
_ids = re.compile(rb"(chatcmpl-|resp_|msg_)[A-Za-z0-9]{24,}")


@dataclass(frozen=True)
class Asking:
    dialect: str
    path: str
    case: str
    body: dict[str, Any]

    @property
    def file(self) -> Path:
        return HERE / self.dialect / f"{self.case}.{'stream' if 'stream' in self.body else 'whole'}"


def askings() -> Iterator[Asking]:
    for case, (text, most, is_shaped) in CASES.items():
        said = [{"role": "user", "content": text}]
        shape = {"type": "json_schema", "schema": SCHEMA}
        named = {"type": "json_schema", "json_schema": {"name": "place", "schema": SCHEMA}}
        bodies: dict[tuple[str, str], dict[str, Any]] = {
            ("openai_chat", "/chat/completions"): {
                "messages": said,
                "max_tokens": most,
                **({"response_format": named} if is_shaped else {}),
            },
            ("openai_responses", "/responses"): {
                "input": text,
                "max_output_tokens": most,
                **({"text": {"format": {"name": "place", **shape}}} if is_shaped else {}),
            },
            ("anthropic_messages", "/messages"): {
                "messages": said,
                "max_tokens": most,
                **({"output_config": {"format": shape}} if is_shaped else {}),
            },
        }
        for (dialect, path), body in bodies.items():
            told = {"stream_options": {"include_usage": True}} if dialect == "openai_chat" else {}
            yield Asking(dialect, path, case, body)
            yield Asking(dialect, path, case, {**body, "stream": True, **told})


def scrubbed(answer: bytes) -> bytes:
    answer = _timings.sub(b"", _times.sub(rb'"\1":' + BEGAN, answer))
    return _ids.sub(rb"\1recorded", answer)


async def record() -> None:
    model = LocalModel()
    await model.start()
    try:
        for asking in askings():
            answer = await asyncio.to_thread(_asked, model, asking)
            asking.file.parent.mkdir(parents=True, exist_ok=True)
            asking.file.write_bytes(scrubbed(answer))
    finally:
        await model.stop()


def _asked(model: LocalModel, asking: Asking) -> bytes:
    headers = {"authorization": f"Bearer {model.key}", "content-type": "application/json"}
    body = json.dumps({"model": MODEL, "seed": 1, "temperature": 0, **asking.body}).encode()
    request = urllib.request.Request(model.url + asking.path, body, headers)  # noqa: S310 - our own engine
    with urllib.request.urlopen(request, timeout=120) as reply:  # noqa: S310
        answer: bytes = reply.read()
    return answer


if __name__ == "__main__":
    asyncio.run(record())
