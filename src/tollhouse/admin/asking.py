"""One request to the Admin API: who asks, for what, and the ways in which it may be answered."""

from __future__ import annotations

import json
import re
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import msgspec

from tollhouse.config import Settings
from tollhouse.control import acting
from tollhouse.control.acting import Asked, Desk
from tollhouse.control.peppers import Peppers
from tollhouse.control.replaying import Once
from tollhouse.control.sessions import Admission
from tollhouse.domain import operations
from tollhouse.domain.errors import FieldInvalid, FieldRefused, RoleInsufficient
from tollhouse.domain.roles import Actor, Place
from tollhouse.domain.vouching import Voucher
from tollhouse.ports import Books, Register

T = TypeVar("T")
S = TypeVar("S", bound=msgspec.Struct)

USUAL_PAGE = 100
LARGEST_PAGE = 1000
_FIELD = re.compile(r"field `([^`]{1,100})`|at `\$\.([^`]{1,100})`")


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """What the Admin API works with."""

    settings: Settings
    peppers: Peppers
    desk: Desk
    console: Admission | None = None
    """How long somebody who logged on stays, and where browsers find us; None where nobody logs on."""

    routes: Collection[str] = ()
    """Those whose requests are counted."""

    vouchers: Callable[[], Sequence[Voucher]] = tuple
    """Who vouches for callers, as this process has it."""

    register: Register | None = None
    """Where the further acts of one request are entered, if it may come to several."""

    refresh: Callable[[], Awaitable[None]] | None = None
    """Lets what was changed hold for calls too, before the answer says that it is."""


@dataclass(frozen=True, slots=True)
class Answer:
    value: Any
    subject: str = ""
    """What its ETag is of."""

    secrets: Sequence[str] = ()
    """Members that are shown this once, and are null when the answer is told again."""

    status: int = 200

    def body(self, *, is_kept: bool = False) -> bytes:
        value = self.value
        if is_kept and self.secrets:
            value = {**value, **dict.fromkeys(self.secrets)}
        return json.dumps(value, ensure_ascii=False).encode()


@dataclass(slots=True, kw_only=True)
class Asking:
    office: Office
    desk: Desk
    actor: Actor
    request_id: str
    id: str
    """The one in the path, or none."""

    body: Mapping[str, Any]
    query: Mapping[str, str]
    expected: str | None = None
    """The ETag that was seen."""

    once: Once | None = None

    @property
    def store(self) -> Books:
        return self.desk.store

    @property
    def now_ms(self) -> int:
        return self.desk.now_ms()

    def read(self, kind: type[S]) -> S:
        return read_as(self.body, kind)

    async def judge(self, name: str, place: str) -> None:
        """Whether it may be read there. Raises RoleInsufficient, NotThere."""
        await acting.judge_at(self.store, self.actor, operations.found(name), place)

    def seen(self, name: str, rows: Iterable[T], place: Callable[[T], Place]) -> list[T]:
        """Of all rows, those that may be seen. Raises RoleInsufficient where none ever may."""
        operation = operations.found(name)
        if not self.actor.may_anywhere(operation):
            raise RoleInsufficient(f"No role that you hold may do {name}.")
        return [row for row in rows if self.actor.role_for(operation, place(row))]

    async def change(
        self, name: str, arguments: Mapping[str, Any], work: Callable[[Books], Awaitable[T]]
    ) -> T:
        """The one act that a request comes to."""
        beside = self.once.claim(self.now_ms) if self.once else ()
        asked = Asked(request_id=self.request_id, expected=self.expected, beside=beside)
        operation = operations.found(name)
        return await acting.act(self.desk, self.actor, operation, arguments, work, asked)

    async def further(
        self, name: str, arguments: Mapping[str, Any], work: Callable[[Books], Awaitable[T]]
    ) -> T:
        """One more act of the same request, with an id and a record of its own."""
        register = self.office.register or self.desk.register
        desk = replace(self.office.desk, register=register)
        asked = Asked(request_id=self.request_id)
        return await acting.act(desk, self.actor, operations.found(name), arguments, work, asked)

    def page(self, rows: Iterable[T], name: Callable[[T], str], tell: Callable[[T], Any]) -> Answer:
        """Sorted by name; the next page goes on behind the last one."""
        after, limit = self._after(), self._limit()
        ordered = sorted((row for row in rows if name(row) > after), key=name)
        told = [tell(row) for row in ordered[:limit]]
        is_more = len(ordered) > limit
        return Answer(
            {"data": told, "next": _cursor(name(ordered[limit - 1])) if is_more else None}
        )

    async def pages(
        self,
        fetch: Callable[[int, str], Awaitable[list[T]]],
        name: Callable[[T], str],
        tell: Callable[[T], Any],
    ) -> Answer:
        """As `page`, of rows that the store gives page by page."""
        limit = self._limit()
        rows = await fetch(limit, self._after())
        is_more = len(rows) == limit
        told = [tell(row) for row in rows]
        return Answer({"data": told, "next": _cursor(name(rows[-1])) if is_more else None})

    def _limit(self) -> int:
        given = self.query.get("limit", str(USUAL_PAGE))
        if not re.fullmatch(r"[0-9]{1,4}", given) or not 1 <= int(given) <= LARGEST_PAGE:
            raise FieldInvalid(
                f"`limit` is a whole number from 1 to {LARGEST_PAGE}.", param="limit"
            )
        return int(given)

    def _after(self) -> str:
        given = self.query.get("after", "")
        try:
            padded = given.encode("ascii") + b"=" * (-len(given) % 4)
            return b64decode(padded, b"-_", validate=True).decode()
        except ValueError:
            raise FieldInvalid("`after` is the `next` of the page before.", param="after") from None


def read_as(body: Mapping[str, Any], kind: type[S]) -> S:
    """Strictly: every member is known and of its type, or is named in the refusal."""
    try:
        return msgspec.convert(body, kind)
    except msgspec.ValidationError as error:
        raise _refusal(str(error)) from None


def _cursor(name: str) -> str:
    return urlsafe_b64encode(name.encode()).decode().rstrip("=")


def _refusal(says: str) -> FieldInvalid | FieldRefused:
    match = _FIELD.search(says)
    named = (match[1] or match[2]) if match else None
    if "unknown field" in says:
        return FieldRefused(f"There is no member `{named}` here.", param=named)
    return FieldInvalid(f"{says}.", param=named)
