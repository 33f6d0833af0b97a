"""Passwords of users: set by whoever sits at the host, and proved when somebody logs in.

Whatever is wrong with a login, the work is one proof and the answer the same: no name, a disabled one, one
without a password, another password.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection

from tollhouse.control.tenancy import is_user
from tollhouse.domain.claims import LEEWAY_S, OURS
from tollhouse.domain.errors import FieldInvalid, LoginFailed
from tollhouse.domain.passwords import Kept, Proved, normal, weakness
from tollhouse.domain.storing import Conflict
from tollhouse.ports import Database
from tollhouse.storage import passwords, people, tenancy
from tollhouse.storage.people import Revocation
from tollhouse.storage.tenancy import Kind

MS_PER_S = 1000

Prove = Callable[[str, Kept | None], Awaitable[Proved]]
"""Where passwords are proved: never in the loop."""


async def set_password(
    database: Database,
    keep: Callable[[str], Kept],
    known: Collection[str],
    user: str,
    password: str,
    longest_life_s: int,
    now_ms: int,
) -> None:
    """Takes back all tokens that the user logged in to before. Raises FieldInvalid, Conflict."""
    await _insist_on(database, user)
    weak = weakness(normal(password), user, known)
    if weak is not None:
        raise FieldInvalid(f"A password {weak}.", param="password")
    await database.write(
        passwords.setting(user, keep(password), now_ms),
        *people.revoking(_before(user, longest_life_s, now_ms)),
    )


async def remove_password(database: Database, user: str, longest_life_s: int, now_ms: int) -> None:
    await _insist_on(database, user)
    await database.write(
        passwords.removing(user), *people.revoking(_before(user, longest_life_s, now_ms))
    )


async def log_in(database: Database, prove: Prove, user: str, password: str, now_ms: int) -> int:
    """The second from which on tokens about the user are good. Raises LoginFailed, Overloaded."""
    is_name = is_user(user)
    account = await passwords.account(database, user, OURS) if is_name else None
    kept = None if account is None or account.is_disabled else account.kept
    proved = await prove(password, kept)
    if account is None or not proved.holds:
        raise LoginFailed(private=f"of {user}" if account else "of nobody who has a password")
    renewing = [passwords.renewing(user, account.kept, proved.renewed)] if proved.renewed else []
    await database.write(passwords.used(user, now_ms), *renewing)
    taken_back = account.revoked_at_ms
    now = now_ms // MS_PER_S
    return now if taken_back is None else max(now, taken_back // MS_PER_S + 1)


def _before(user: str, longest_life_s: int, now_ms: int) -> Revocation:
    """Of our own tokens alone: what others signed, a password of ours did not let in."""
    return Revocation(OURS, "", user, now_ms, now_ms + (longest_life_s + LEEWAY_S) * MS_PER_S)


async def _insist_on(database: Database, user: str) -> None:
    found = await tenancy.members(database, Kind.USER, user.partition("/")[0])
    if not any(each.id == user and not each.is_virtual for each in found):
        raise Conflict(f"there is no user {user[:100]!r}")
