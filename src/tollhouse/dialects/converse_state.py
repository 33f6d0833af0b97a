"""What Converse gives to be given back: the signature of a thought, or a thought that nobody may read."""

from __future__ import annotations

from typing import Any

from tollhouse.domain.conversation import Reasoning, State

DIALECT = "bedrock_converse"
SIGNATURE, REDACTED = "signature", "redactedContent"


def signed(signature: str) -> State:
    return State(DIALECT, {SIGNATURE: signature})


def redacted(content: str) -> State:
    return State(DIALECT, {REDACTED: content})


def block(thought: Reasoning) -> dict[str, Any] | None:
    """As Converse takes it back: only what it sealed itself."""
    state = thought.state
    if state is None or state.dialect != DIALECT:
        return None
    if REDACTED in state.raw:
        return {"reasoningContent": {REDACTED: state.raw[REDACTED]}}
    said = {"text": thought.text, SIGNATURE: state.raw.get(SIGNATURE)}
    return {"reasoningContent": {"reasoningText": said}}
