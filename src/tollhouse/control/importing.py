"""What another gateway was told, said in our words. What has no words here is named, and nothing is guessed.

It is only said: what comes of it is a settings file to read, prices to set, and a list of what is left.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

MILLION = 1_000_000
OF_THEIR_OWN = {"openai": "openai-compatible", "anthropic": "anthropic-compatible"}
"""What a kind is called when it is reached at a URL of its own."""

WITHOUT_URL = {"vllm", "lm-studio", "llama-cpp", "ollama"}
"""Kinds that are nowhere until a URL says where."""


@dataclass(slots=True)
class Moved:
    """`prices` are targets with dollars per million tokens by the option that sets them."""

    providers: dict[str, dict[str, str]] = field(default_factory=dict)
    models: dict[str, dict[str, Any]] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    prices: dict[str, dict[str, str]] = field(default_factory=dict)
    left: list[str] = field(default_factory=list)

    def toml(self) -> str:
        return "\n".join(_toml(self))

    def commands(self) -> list[str]:
        """Each sets a price."""
        return [
            f"tollhouse prices set {target} "
            + " ".join(f"--{option} {rate}" for option, rate in rates.items())
            for target, rates in self.prices.items()
        ]

    def price(self, target: str, rates: Mapping[str, Any], times: int, where: str) -> None:
        """By the option that sets each; `times` makes it one for a million tokens."""
        said = {}
        for option, rate in rates.items():
            try:
                said[option] = f"{(Decimal(str(rate)) * times).normalize():f}"
            except InvalidOperation:
                self.left.append(f"{where}: the rate {option} is no number")
        if "*" in target or not {"input", "output"} <= said.keys():
            self.left.append(
                f"{where}: the price of {target} needs a model, and rates for both ways"
            )
        else:
            self.prices[target] = said


def of_kind(kind: str, url: Any, key: str, where: str, moved: Moved) -> dict[str, str] | None:
    """A provider's table; None if it is nowhere."""
    if not url and kind in WITHOUT_URL:
        moved.left.append(f"{where}: its URL is not in the file")
        return None
    table = {"kind": OF_THEIR_OWN.get(kind, kind) if url else kind}
    if url:
        table["url"] = str(url)
    if key:
        table["key"] = key
    return table


def _toml(moved: Moved) -> Iterator[str]:
    """Strings of JSON are strings of TOML."""
    for kind, tables in (("providers", moved.providers), ("models", moved.models)):
        for name, table in tables.items():
            yield f"[{kind}.{_text(name)}]"
            yield from (f"{member} = {_text(value)}" for member, value in table.items())
            yield ""
    if moved.aliases:
        yield "[aliases]"
        yield from (f"{_text(name)} = {_text(meant)}" for name, meant in moved.aliases.items())
        yield ""


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
