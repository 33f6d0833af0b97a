"""Texts or tokens, one or many: how OpenAI's older paths take what they are to work on."""

from __future__ import annotations

from typing import Any

from tollhouse.domain.errors import FieldInvalid

MOST_INPUTS = 2048
LARGEST_TOKEN = 2**31 - 1


def weighed(given: Any, name: str) -> tuple[int, int]:
    """How many there are, and how many tokens in those that came as tokens."""
    if isinstance(given, str) and given:
        return 1, 0
    if isinstance(given, list) and given:
        if _are_tokens(given):
            return 1, len(given)
        if len(given) > MOST_INPUTS:
            raise FieldInvalid(f"`{name}` takes at most {MOST_INPUTS} texts.", param=name)
        if all(isinstance(each, str) and each for each in given):
            return len(given), 0
        if all(isinstance(each, list) and each and _are_tokens(each) for each in given):
            return len(given), sum(map(len, given))
    raise FieldInvalid(
        f"`{name}` must be a text, a list of texts, a list of tokens, or a list of such lists; none of them empty.",
        param=name,
    )


def _are_tokens(given: list[Any]) -> bool:
    return all(type(each) is int and 0 <= each <= LARGEST_TOKEN for each in given)
