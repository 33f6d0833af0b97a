"""Who pays is decided by the key. What a body says of its user is looked at, and never believed.

Clients put opaque names there, of their own sessions and customers. So the default refuses only what
names another user of the same tenant: there somebody seems to believe that it counts.
"""

from __future__ import annotations

from collections.abc import Sequence

from tollhouse.domain.errors import UserMismatch
from tollhouse.domain.identity import Naming, Principal
from tollhouse.domain.snapshot import Snapshot

LONGEST_TAG = 200


def check(snapshot: Snapshot, caller: Principal, named: Sequence[str]) -> None:
    """Raises UserMismatch."""
    if caller.naming is Naming.TOLERATE:
        return
    for name in named:
        user = _full(caller, name)
        if user == caller.user:
            continue
        if caller.naming is Naming.REFUSE or user in snapshot.users:
            raise UserMismatch(
                "The body names a user who is not the one of this key. The user of a key pays for its calls. "
                f"Leave the name out, or use a key of that user. An operator may let it pass as a mere note: "
                f"{_letting_pass(caller)}.",
                param="user",
            )


def _letting_pass(caller: Principal) -> str:
    if caller.issuer:
        return '`foreign_users = "tolerate"` under [auth]'
    return f"`tollhouse keys bind {caller.key} --foreign-users tolerate`"


def end_user(caller: Principal, named: Sequence[str]) -> str | None:
    """Whom the body names beside the user who pays, where that is written down."""
    if caller.naming is not Naming.TOLERATE:
        return None
    others = [name for name in named if _full(caller, name) != caller.user]
    return "".join(filter(str.isprintable, others[0][:LONGEST_TAG])) or None if others else None


def _full(caller: Principal, name: str) -> str:
    return name if name.startswith(f"{caller.tenant}/") else f"{caller.tenant}/{name}"
