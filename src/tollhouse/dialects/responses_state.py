"""What another dialect sealed, within the one member that a reasoning item has for such things.

OpenAI's own goes home to an upstream of this dialect as it came.
"""

from __future__ import annotations

from typing import Any

import msgspec

from tollhouse.domain.conversation import State
from tollhouse.domain.homes import unmarked

DIALECT = "openai_responses"
OURS = "tollhouse:"


class _Sealed(msgspec.Struct):
    dialect: str
    raw: dict[str, Any]


_read = msgspec.json.Decoder(_Sealed).decode


def encrypted(text: str) -> State:
    """As an upstream of this dialect gives it, and takes it back."""
    return State(DIALECT, {"encrypted_content": text})


def written(state: State) -> str:
    """For the caller, to be given back as `encrypted_content`."""
    if state.dialect == DIALECT:
        return str(state.raw.get("encrypted_content", ""))
    return OURS + msgspec.json.encode(_Sealed(state.dialect, dict(state.raw))).decode()


def given_back(marked: str) -> State | None:
    """Of what its mark was looked at before. None for what is torn: no upstream would take it."""
    text = unmarked(marked)
    if not text.startswith(OURS):
        return encrypted(text)
    try:
        sealed = _read(text.removeprefix(OURS))
    except (ValueError, RecursionError):
        return None
    return State(sealed.dialect, sealed.raw)
