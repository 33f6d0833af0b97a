"""What is to be given back to an upstream, in a block of thought: its signature.

Anthropic's own goes out and comes back as it is. What another dialect sealed takes its place under a
prefix of ours, and goes home from there.
"""

from __future__ import annotations

import base64
from typing import Any

import msgspec

from tollhouse.domain.conversation import Reasoning, State

DIALECT = "anthropic_messages"
OURS = "tollhouse."
REDACTED = "redacted_thinking"


class _Sealed(msgspec.Struct):
    dialect: str
    raw: dict[str, Any]


_read = msgspec.json.Decoder(_Sealed).decode


def signed(signature: str) -> State:
    return State(DIALECT, {"signature": signature})


def redacted(data: str) -> State:
    return State(DIALECT, {"type": REDACTED, "data": data})


def block(thought: Reasoning) -> dict[str, Any] | None:
    """As Anthropic takes it back: only what it signed itself."""
    state = thought.state
    if state is None or state.dialect != DIALECT:
        return None
    if state.raw.get("type") == REDACTED:
        return {"type": REDACTED, "data": state.raw.get("data")}
    return {"type": "thinking", "thinking": thought.text, "signature": state.raw.get("signature")}


def signature(state: State) -> str:
    """For the caller, to be given back."""
    if state.dialect == DIALECT:
        return str(state.raw.get("signature") or "")
    sealed = msgspec.json.encode(_Sealed(state.dialect, dict(state.raw)))
    return OURS + base64.urlsafe_b64encode(sealed).decode()


def given_back(text: str, found: str | None) -> Reasoning:
    """What is torn is left out, as no upstream would take it."""
    if not found:
        return Reasoning(text)
    if not found.startswith(OURS):
        return Reasoning(text, signed(found))
    try:
        sealed = _read(base64.urlsafe_b64decode(found.removeprefix(OURS)))
    except (ValueError, RecursionError):
        return Reasoning(text)
    return Reasoning(text, State(sealed.dialect, sealed.raw))
