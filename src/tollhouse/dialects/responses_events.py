"""One event of an OpenAI response, or a whole one, read as far as a relay must.

The parse is strict and shallow, and tells the events that are known from those that are not.
"""

from __future__ import annotations

import msgspec
from msgspec import Raw, Struct

from tollhouse.dialects.openai_events import NOTHING
from tollhouse.domain.errors import UpstreamBroke

BEGINNINGS = frozenset({"response.created", "response.queued", "response.in_progress"})
ENDINGS = frozenset({"response.completed", "response.incomplete"})
FAILED = "response.failed"

_ITEMS = {"response.output_item.added", "response.output_item.done"}
_STEPS = {
    "web_search_call": ("in_progress", "searching", "completed"),
    "file_search_call": ("in_progress", "searching", "completed"),
    "code_interpreter_call": ("in_progress", "interpreting", "completed"),
    "image_generation_call": ("in_progress", "generating", "partial_image", "completed"),
    "mcp_call": ("in_progress", "completed", "failed"),
    "mcp_list_tools": ("in_progress", "completed", "failed"),
    "compaction": ("compacting",),
}
_PIECES = {
    "content_part": ("added", "done"),
    "output_text": ("delta", "done", "annotation.added"),
    "refusal": ("delta", "done"),
    "function_call_arguments": ("delta", "done"),
    "custom_tool_call_input": ("delta", "done"),
    "reasoning_summary_part": ("added", "done"),
    "reasoning_summary_text": ("delta", "done"),
    "reasoning_text": ("delta", "done"),
    "code_interpreter_call_code": ("delta", "done"),
    "mcp_call_arguments": ("delta", "done"),
    "shell_call_command": ("added", "delta", "done"),
    "shell_call_output_content": ("delta", "done"),
    "audio": ("delta", "done"),
    "audio.transcript": ("delta", "done"),
}
KNOWN = (
    BEGINNINGS
    | ENDINGS
    | _ITEMS
    | {f"response.{of}.{step}" for table in (_STEPS, _PIECES) for of, steps in table.items() for step in steps}
)  # fmt: skip


class Item(Struct, gc=False):
    type: str = ""
    name: str | None = None
    namespace: str | None = None
    encrypted_content: Raw = NOTHING


class Response(Struct, gc=False):
    id: str | None = None
    status: str | None = None
    error: Raw = NOTHING
    usage: Raw = NOTHING
    service_tier: Raw = NOTHING
    output: list[Item] | None = None


class Event(Struct, gc=False):
    type: str = ""
    sequence_number: int | None = None
    response: Response | None = None
    item: Item | None = None
    delta: Raw = NOTHING
    error: Raw = NOTHING


class _Whole(Struct, gc=False):
    output: Raw = NOTHING


_decode = msgspec.json.Decoder(Event).decode
_decode_response = msgspec.json.Decoder(Response).decode
_decode_whole = msgspec.json.Decoder(_Whole).decode


def read_event(data: bytes) -> Event:
    """Raises UpstreamBroke on what is not one JSON object of this dialect's form."""
    try:
        return _decode(data)
    except (ValueError, RecursionError):
        raise UpstreamBroke(private="what should be an event is none") from None


def read_response(data: bytes) -> Response:
    try:
        return _decode_response(data)
    except (ValueError, RecursionError):
        raise UpstreamBroke(private="what should be a response is none") from None


def output_within(data: bytes) -> bytes:
    """Of a response that was read before, what was produced."""
    return bytes(_decode_whole(data).output)
