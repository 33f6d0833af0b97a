"""Who may act where: roles, the places they are held at, and what holding one opens."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase

from tollhouse.domain.errors import FieldInvalid
from tollhouse.domain.operations import OPERATIONS, Operation, Role


class Kind(StrEnum):
    """Where a role can be held. Each one lies within the one before."""

    HOUSE = "house"
    TENANT = "tenant"
    PROJECT = "project"


_AT = re.compile(r"house|tenant:[^\s/:]{1,60}|project:[^\s/:]{1,60}/[^\s/:]{1,70}")


@dataclass(frozen=True, slots=True)
class Place:
    """Where something is: in a project of a tenant, and whose. All of it empty is the house itself."""

    tenant: str = ""
    project: str = ""
    user: str = ""

    @property
    def above(self) -> Place:
        """Where it is decided what may go on here."""
        if self.user:
            return self
        return Place(self.tenant) if self.project else HOUSE

    def covers(self, other: Place) -> bool:
        return self.tenant in ("", other.tenant) and self.project in ("", other.project)


HOUSE = Place()


def place_of(at: str) -> Place:
    """`house`, `tenant:acme` or `project:acme/web`."""
    if not _AT.fullmatch(at):
        raise FieldInvalid(
            f"A role is held at `house`, tenant:ID or project:ID, not {at[:60]!r}.", param="at"
        )
    kind, _, name = at.partition(":")
    if kind == Kind.PROJECT:
        return Place(name.partition("/")[0], name)
    return Place(name)


@dataclass(frozen=True, slots=True)
class Grant:
    role: Role
    at: Place

    def opens(self, operation: Operation, place: Place, user: str) -> bool:
        if not self.at.covers(place):
            return False
        is_own = user != "" and place.user == user and self.role in operation.own
        return is_own or self.role in operation.roles


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts. What a token was narrowed to, and what its user holds at this moment, both have to allow it."""

    name: str
    source: str
    """`host` for who sits at the machine, `api` for who shows a token."""

    grants: tuple[Grant, ...]
    user: str = ""
    token: str = ""
    peer: str = ""
    ceiling: Grant | None = None
    only: tuple[str, ...] = ()
    """Names of operations, or `prefix.*`; nothing is all."""

    def role_for(self, operation: Operation, place: Place) -> Role | None:
        """The role that opens it there; None if none does."""
        if not self._lets(operation, place):
            return None
        opening = (grant for grant in self.grants if grant.opens(operation, place, self.user))
        return next((grant.role for grant in opening), None)

    def may_anywhere(self, operation: Operation) -> bool:
        """Whether there is a place at which it might."""
        return any(
            self.role_for(operation, Place(grant.at.tenant, grant.at.project, self.user))
            for grant in (*self.grants, *([self.ceiling] if self.ceiling else []))
        )

    def knows(self, place: Place) -> bool:
        """Whether it may learn that the place is there."""
        return any(grant.at.covers(place) or place.covers(grant.at) for grant in self.grants)

    def may_give(self, role: Role, at: Place) -> bool:
        """Nobody gives more than they have."""
        return all(self.role_for(each, at) for each in OPERATIONS.values() if role in each.roles)

    def _lets(self, operation: Operation, place: Place) -> bool:
        if self.only and not any(fnmatchcase(operation.name, each) for each in self.only):
            return False
        return self.ceiling is None or self.ceiling.opens(operation, place, self.user)
