"""The one way to change anything: judged by the table, done once, and written down once.

The command line and the Admin API come through here with the same operations. Whatever happens inside,
one record is on disk before anybody is told how it went: done, refused, failed or cut.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from tollhouse.control.guarded import Guarded
from tollhouse.control.places import standing_at
from tollhouse.control.subjects import State, digest, looked_at
from tollhouse.domain.acts import Act, changed
from tollhouse.domain.audit import Ending
from tollhouse.domain.errors import (
    ConflictingState,
    Failure,
    NotThere,
    PreconditionFailed,
    Problem,
    Refusal,
    RoleInsufficient,
)
from tollhouse.domain.operations import Operation, Role
from tollhouse.domain.roles import Actor
from tollhouse.domain.storing import Conflict
from tollhouse.ports import Books, Database, Register, Statement
from tollhouse.storage import versions

T = TypeVar("T")
Arguments = Mapping[str, Any]
Work = Callable[[Books], Awaitable[T]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Where acts are done: the store, and the register they are entered in."""

    store: Books
    register: Register
    new_id: Callable[[], str]
    now_ms: Callable[[], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What came with the act: the request that asked for it, and what must hold for it to be done."""

    request_id: str = ""
    expected: str | None = None
    """The ETag that the subject must have."""

    beside: Sequence[Statement] = ()
    """Done in one transaction with the act, or neither is."""


async def act(
    desk: Desk,
    actor: Actor,
    operation: Operation,
    arguments: Arguments,
    work: Work[T],
    asked: Asked = Asked(),
) -> T:
    """Raises what the work raises, RoleInsufficient, NotThere, PreconditionFailed, AuditUnavailable."""
    journal = _Journal(desk, actor, operation, arguments, asked)
    try:
        result = await journal.done(work)
    except BaseException as error:
        journal.fail(error)
        raise
    finally:
        await journal.enter()
    return result


async def judge(
    database: Database, actor: Actor, operation: Operation, arguments: Arguments
) -> Role:
    """The role that opens it. Of what one may not know of, one learns no more than of what is not there."""
    if actor.source == "host":
        return Role.OWNER
    return await judge_at(database, actor, operation, operation.place.format(**arguments))


async def judge_at(database: Database, actor: Actor, operation: Operation, at: str) -> Role:
    """As `judge`, at KIND:ID."""
    if operation.is_of_host or not actor.may_anywhere(operation):
        raise RoleInsufficient(f"No role that you hold may do {operation.name}.")
    place = await standing_at(database, at)
    if place is None or not actor.knows(place):
        raise NotThere
    role = actor.role_for(operation, place.above if operation.is_above else place)
    if role is None:
        raise RoleInsufficient(f"No role that you hold here may do {operation.name}.")
    return role


async def etag(database: Database, subject: str) -> str:
    """Another one whenever the subject was changed, and only then."""
    state = await looked_at(database, subject)
    return tag(await versions.version(database, subject), state)


def tag(version: int, state: State | None) -> str:
    return f'"{version}-{(digest(state) or "")[:16]}"'


class _Journal:
    """What became known of an act, in the order in which it did."""

    def __init__(
        self, desk: Desk, actor: Actor, operation: Operation, arguments: Arguments, asked: Asked
    ) -> None:
        self._desk = desk
        self._asked = asked
        self._arguments = arguments
        self._began = time.monotonic()
        self._before: State | None = None
        self._subject = ""
        act_id = desk.new_id()
        self._act = Act(
            id=act_id,
            request_id=asked.request_id or act_id,
            at_ms=desk.now_ms(),
            actor=actor,
            operation=operation,
            subject=_filled(operation.place, arguments),
            outcome="ok",
            changed={},
        )

    async def done(self, work: Work[T]) -> T:
        desk, operation, arguments = self._desk, self._act.operation, self._arguments
        role = await judge(desk.store, self._act.actor, operation, arguments)
        self._act = replace(self._act, role=role)
        guards = list(self._asked.beside)
        version = 0
        if "{made" not in operation.changes:
            self._subject = operation.changes.format(**arguments)
            self._act = replace(self._act, subject=self._subject)
            version = await versions.version(desk.store, self._subject)
            self._before = await looked_at(desk.store, self._subject)
            self._insist_on_tag(version)
            guards.append(versions.following(self._subject, version, desk.now_ms()))
        guarded = Guarded(desk.store, guards)
        try:
            result = await work(guarded)
        except Conflict:
            if guarded.is_contested:
                await self._insist_on_version(version)
            raise
        self._subject = operation.changes.format(**{**arguments, "made": result})
        self._act = replace(self._act, subject=self._subject)
        return result

    def fail(self, error: BaseException) -> None:
        outcome: Ending = "failed"
        code, status = "internal", 500
        if isinstance(error, Problem):
            code, status = error.code, error.status
            outcome = "refused" if isinstance(error, Refusal) else "failed"
        elif isinstance(error, Conflict):
            code, status, outcome = ConflictingState.code, ConflictingState.status, "refused"
        elif not isinstance(error, Exception):
            code, outcome = "cut", "cut"
        self._act = replace(self._act, outcome=outcome, code=code, status=status)

    async def enter(self) -> None:
        with suppress(Failure):  # the record is written, whatever became of the store
            await self._see_after()
        latency_ms = int((time.monotonic() - self._began) * 1000)
        await self._desk.register.enter(replace(self._act, latency_ms=latency_ms).fields())

    async def _see_after(self) -> None:
        after = await looked_at(self._desk.store, self._subject)
        self._act = replace(
            self._act,
            before=digest(self._before),
            after=digest(after),
            changed=changed(self._before, after),
        )

    def _insist_on_tag(self, version: int) -> None:
        if self._asked.expected not in (None, tag(version, self._before)):
            raise PreconditionFailed

    async def _insist_on_version(self, version: int) -> None:
        if await versions.version(self._desk.store, self._subject) != version:
            raise PreconditionFailed("It was changed at the same time: look again.")


def _filled(template: str, arguments: Arguments) -> str:
    try:
        return template.format(**arguments)
    except (LookupError, AttributeError):
        return template
