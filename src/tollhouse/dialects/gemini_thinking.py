"""How hard Gemini is to think: up to its second generation in tokens, since then in levels."""

from __future__ import annotations

from typing import Any

from tollhouse.dialects.gemini_state import generation_of
from tollhouse.domain.conversation import Thinking

LEVELS = {"minimal": "minimal", "low": "low", "medium": "medium", "high": "high", "xhigh": "high"}
BUDGETS = {"minimal": 512, "low": 1024, "medium": 8192, "high": 24_576, "xhigh": 24_576}
AS_IT_LIKES = -1
LEAST_OF_A_THINKER = 128
"""Of models that cannot but think."""


def config(thinking: Thinking | None, model: str) -> tuple[dict[str, Any], tuple[str, ...]]:
    """And what cannot be said. Who says nothing about it gets what the model does by itself."""
    if thinking is None:
        return {}, ()
    is_older = generation_of(model) in (1, 2)
    if not thinking.is_on:
        return _off(model, is_older=is_older)
    shown = {"includeThoughts": True}
    budget, effort = thinking.budget_tokens, thinking.effort
    if is_older:
        if budget is None:
            budget = BUDGETS.get(effort or "", AS_IT_LIKES)
        return {**shown, "thinkingBudget": budget}, ()
    if effort is None:
        return shown | ({} if budget is None else {"thinkingBudget": budget}), ()
    unsaid = () if budget is None else ("thinking.budget_tokens",)
    return {**shown, "thinkingLevel": LEVELS.get(effort, "high")}, unsaid


def _off(model: str, *, is_older: bool) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The newer ones cannot be told to stop thinking, and of the older the largest."""
    if is_older and "pro" not in model:
        return {"thinkingBudget": 0}, ()
    if is_older:
        return {"thinkingBudget": LEAST_OF_A_THINKER}, ("thinking.is_on",)
    return {"thinkingLevel": "low" if "pro" in model else "minimal"}, ("thinking.is_on",)
