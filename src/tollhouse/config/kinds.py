"""What a provider may be: one of our own kinds, or a vendor of the catalogue."""

from __future__ import annotations

from difflib import get_close_matches

from tollhouse.config.problems import Unfit, shown
from tollhouse.data import catalogue

OWN = (
    *("openai", "openai-compatible", "anthropic", "anthropic-compatible"),
    *("ollama", "local", "echo"),
)
KIND = (
    ", ".join(f'"{kind}"' for kind in OWN)
    + ', or a vendor of `tollhouse providers list`, such as "groq"'
)


def read_kind(text: str) -> str:
    if text in OWN or text in catalogue():
        return text
    close = get_close_matches(text.lower(), [*OWN, *catalogue()], n=1, cutoff=0.6)
    raise Unfit(shown(text), hint=f'Did you mean "{close[0]}"?' if close else None)
