"""An object of a body, taken member by member: typed, and what nobody took is named.

The body was parsed strictly before. What is wrong with a member is told by its path.
"""

from __future__ import annotations

import re
from typing import Any

from tollhouse.domain.errors import FieldInvalid

NOTHING: tuple[object, ...] = (None, [], {})
_numbers = re.compile(r"\[\d+\]")


class Taking:
    """A member that is null is one that is not there. `leave` names in `unsaid` what nobody took and says something."""

    __slots__ = ("_at", "_given", "_unsaid")

    def __init__(self, given: Any, at: str, unsaid: list[str]) -> None:
        if not isinstance(given, dict):
            raise FieldInvalid(f"`{at}` must be an object.", param=at)
        self._given: dict[str, Any] = {**given}
        self._at = at
        self._unsaid = unsaid

    def text(self, name: str) -> str | None:
        value = self._given.pop(name, None)
        if value is not None and not isinstance(value, str):
            raise self.invalid(name, "a text")
        return value

    def needed(self, name: str) -> str:
        value = self.text(name)
        if value is None:
            raise self.invalid(name, "a text")
        return value

    def flag(self, name: str) -> bool | None:
        value = self._given.pop(name, None)
        if value is not None and not isinstance(value, bool):
            raise self.invalid(name, "true or false")
        return value

    def number(self, name: str) -> float | None:
        value = self._given.pop(name, None)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.invalid(name, "a number")
        return value

    def whole(self, name: str) -> int | None:
        value = self.number(name)
        if isinstance(value, float):
            if not value.is_integer():
                raise self.invalid(name, "a whole number")
            return int(value)
        return value

    def any(self, name: str) -> Any:
        return self._given.pop(name, None)

    def object(self, name: str) -> dict[str, Any] | None:
        value = self._given.pop(name, None)
        if value is not None and not isinstance(value, dict):
            raise self.invalid(name, "an object")
        return value

    def within(self, name: str) -> Taking | None:
        """The object of a member, to be taken apart in turn."""
        value = self.object(name)
        return None if value is None else Taking(value, self.path(name), self._unsaid)

    def inside(self, name: str) -> Taking:
        """One that must be there."""
        return Taking(self._given.pop(name, None), self.path(name), self._unsaid)

    def each(self, name: str) -> list[Taking]:
        """The objects of a list; none if there is no such member."""
        value = self._given.pop(name, None)
        if value is None:
            return []
        if not isinstance(value, list):
            raise self.invalid(name, "a list")
        at = self.path(name)
        return [Taking(item, f"{at}[{number}]", self._unsaid) for number, item in enumerate(value)]

    def texts(self, name: str) -> tuple[str, ...]:
        value = self._given.pop(name, None)
        if value is None:
            return ()
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self.invalid(name, "a list of texts")
        return tuple(value)

    def peek(self, name: str) -> Any:
        """What stands there, without taking it."""
        return self._given.get(name)

    def skip(self, *names: str) -> None:
        """What is said elsewhere, or says nothing."""
        for name in names:
            self._given.pop(name, None)

    def unsay(self, name: str) -> None:
        """Taken, and there is no place for it."""
        self._given.pop(name, None)
        self._unsaid.append(_numbers.sub("", self.path(name)))

    def leave(self) -> None:
        for name, value in self._given.items():
            if value not in NOTHING:
                self._unsaid.append(_numbers.sub("", self.path(name)))

    def path(self, name: str) -> str:
        return f"{self._at}.{name}" if self._at else name

    def invalid(self, name: str, expected: str) -> FieldInvalid:
        at = self.path(name)[:100]
        return FieldInvalid(f"`{at}` must be {expected}.", param=at)
