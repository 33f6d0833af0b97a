"""Receipts, checked with a public key alone: without the gateway, its store and its log."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from tollhouse.sinks import receipts
from tollhouse.sinks.keys import PublicKey
from tollhouse.sinks.receipts import ReceiptForged


@dataclass(frozen=True, slots=True)
class Checked:
    """One line: what it says, or why nothing it says counts."""

    line: int
    claims: dict[str, Any] | None
    fault: str | None


def verify(text: str, keys: Iterable[PublicKey]) -> list[Checked]:
    """A receipt a line; lines without one are passed over."""
    known = list(keys)
    return [
        _checked(number, line.strip(), known)
        for number, line in enumerate(text.splitlines(), start=1)
        if line.strip()
    ]


def _checked(number: int, line: str, keys: list[PublicKey]) -> Checked:
    try:
        return Checked(number, receipts.opened(line, keys), None)
    except ReceiptForged as error:
        return Checked(number, None, str(error))
