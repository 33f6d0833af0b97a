"""Values that are made anew for every call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True)
def value(cls: type[T]) -> type[T]:
    """A frozen, slotted dataclass, of which the type checker alone sees to it that it stays as it is.

    To guard that at run time doubles what making one costs, and a call makes eighty fields of them.
    """
    return dataclass(slots=True, unsafe_hash=True)(cls)
