"""What is to be given back to an upstream, in messages that have no member for it.

`reasoning_details` is the list that clients of OpenAI's form give back as they got it. What another
dialect sealed stands in it as an entry of ours, with the thought that it belongs to; what an upstream
of this form put there goes home to such an upstream.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from tollhouse.domain.conversation import Reasoning, State

DIALECT = "openai_chat"
OURS = "tollhouse"
JOINED = ("text", "summary", "data")


class _Sealed(msgspec.Struct, omit_defaults=True):
    dialect: str
    raw: dict[str, Any]
    text: str = ""


_read = msgspec.json.Decoder(_Sealed).decode


def entries(state: State, thought: str, index: int) -> list[Any]:
    """To be given back, by a caller or to the upstream. A caller may have made a seal up itself."""
    if state.dialect == DIALECT:
        given = state.raw.get("reasoning_details")
        return given if isinstance(given, list) else []
    sealed = msgspec.json.encode(_Sealed(state.dialect, dict(state.raw), thought)).decode()
    return [{"type": "reasoning.encrypted", "format": OURS, "index": index, "data": sealed}]


def theirs(given: Sequence[dict[str, Any]]) -> State:
    return State(DIALECT, {"reasoning_details": list(given)})


def given_back(thought: str, given: Sequence[Any]) -> tuple[Reasoning, ...]:
    """The thoughts of a message; what is torn is left out, as no upstream would take it."""
    sealed = [found for each in given if _is_ours(each) and (found := _opened(each))]
    others = [each for each in given if isinstance(each, dict) and not _is_ours(each)]
    thoughts: list[Reasoning] = []
    for each in sealed:
        if not thought.startswith(each.text):
            continue
        thought = thought[len(each.text) :]
        thoughts.append(Reasoning(each.text, State(each.dialect, each.raw)))
    if thought or others:
        thoughts.append(Reasoning(thought, theirs(others) if others else None))
    return tuple(thoughts)


def merged(fragments: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """What came in fragments: those of one kind and index are one."""
    whole: dict[tuple[str, str], dict[str, Any]] = {}
    for each in fragments:
        place = (str(each.get("type")), str(each.get("index")))
        if place not in whole:
            whole[place] = {**each}
            continue
        for name, value in each.items():
            before = whole[place].get(name)
            is_more = name in JOINED and isinstance(before, str) and isinstance(value, str)
            if value is not None:
                whole[place][name] = before + value if is_more else value
    return list(whole.values())


def _is_ours(each: Any) -> bool:
    return isinstance(each, dict) and each.get("format") == OURS


def _opened(each: dict[str, Any]) -> _Sealed | None:
    try:
        return _read(each.get("data") or "")
    except (ValueError, RecursionError, TypeError):
        return None
