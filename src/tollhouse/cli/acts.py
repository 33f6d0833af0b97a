"""What a command changes goes through the one way in which anything is changed, in the operator's name."""

from __future__ import annotations

import os
import pwd
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from typing import Any, TypeVar

from tollhouse.cli.house import House
from tollhouse.control import acting
from tollhouse.control.acting import Desk
from tollhouse.domain.operations import Operation, Role
from tollhouse.domain.roles import HOUSE, Actor, Grant
from tollhouse.ports import Books
from tollhouse.server.request_id import new_call_id
from tollhouse.wiring.audit import AuditRegister, open_audit

T = TypeVar("T")


def operator() -> Actor:
    """Whoever sits at the machine and can read the pepper owns the house."""
    return Actor(f"host:{_login()}", "host", (Grant(Role.OWNER, HOUSE),))


async def written_down(
    house: House,
    operation: Operation,
    arguments: Mapping[str, Any],
    work: Callable[[House], Awaitable[T]],
) -> T:
    """Raises what the work raises. The log is opened first: where it cannot be, nothing is changed."""
    async with AsyncExitStack() as stack:
        desk = await desk_of(house, stack)

        async def done(store: Books) -> T:
            return await work(House(house.settings, store, house.now_ms))

        return await acting.act(desk, operator(), operation, arguments, done)


async def desk_of(house: House, stack: AsyncExitStack) -> Desk:
    """With an audit log that is open until the stack is left."""
    log = await open_audit(house.settings, house.store, stack)
    return Desk(
        store=house.store,
        register=AuditRegister(log),
        new_id=new_call_id,
        now_ms=lambda: house.now_ms,
    )


def _login() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())
