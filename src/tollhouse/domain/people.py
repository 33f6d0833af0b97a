"""Whose calls those of a token or a certificate are: found in the store and bound as those of a key are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from tollhouse.domain import access
from tollhouse.domain.claims import Claimed, Role
from tollhouse.domain.identity import Naming, Narrowing, Principal, Priority, Proof
from tollhouse.domain.limiting import Defaults, Rules
from tollhouse.domain.tokens import TokenRefused

Revocable = tuple[str, str]
"""An issuer by its name, and the id of a token or a subject of it."""


class Proved(Protocol):
    """Whose calls those of a credential are, whatever proved it."""

    @property
    def key(self) -> str: ...
    @property
    def tenant(self) -> str: ...
    @property
    def project(self) -> str: ...
    @property
    def user(self) -> str: ...
    @property
    def account(self) -> str: ...  # the whole name of the one in a key's place
    @property
    def models(self) -> tuple[str, ...]: ...
    @property
    def only(self) -> tuple[str, ...] | None: ...  # of those, where it lists some itself
    @property
    def priority(self) -> Priority: ...
    @property
    def proof(self) -> Proof: ...


@dataclass(frozen=True, slots=True)
class Member:
    """A tenant, project, user or issuer with its account."""

    account: int
    is_disabled: bool = False
    models: tuple[str, ...] | None = None
    """What a user may call at most; None is anything."""

    is_readonly: bool = False
    """A user who holds no other role than `readonly`."""


@dataclass(frozen=True, slots=True)
class People:
    """By their owner's name, such as `user:acme/anna`."""

    members: Mapping[str, Member]
    rules: Rules
    narrowed: Mapping[str, Sequence[Narrowing]] = field(default_factory=dict)
    naming: Naming = Naming.KNOWN
    revoked_ids: frozenset[Revocable] = frozenset()
    revoked_before: Mapping[Revocable, int] = field(default_factory=dict)
    """Tokens about a subject that were issued before a moment, in seconds."""

    gone: frozenset[str] = frozenset()
    """Users who were deleted: no token brings them back."""

    def principal(self, claimed: Claimed) -> Principal:
        """Raises TokenRefused where one of them is not here, is disabled, or the token was taken back."""
        self._insist_on_standing(claimed)
        found = self.standing_for(claimed)
        if claimed.bounds is not None:
            found = replace(found, bounds=claimed.bounds)
        return replace(found, is_readonly=True) if claimed.role is Role.READONLY else found

    def lacks_but_the_user(self, claimed: Claimed) -> bool:
        """Whether all is here but the user, who is made then. Raises TokenRefused as `principal` does."""
        if not claimed.creates or f"user:{claimed.user}" in self.members:
            return False
        self._insist_on_standing(claimed)
        for owner in (f"tenant:{claimed.tenant}", f"project:{claimed.project}", claimed.account):
            self._member(owner)
        return claimed.user not in self.gone

    def standing_for(self, proved: Proved) -> Principal:
        """Raises TokenRefused where one of them is not here, or is disabled."""
        owners = (
            *(f"tenant:{proved.tenant}", f"project:{proved.project}"),
            *(f"user:{proved.user}", proved.account),
        )
        tenant, project, user, fourth = map(self._member, owners)
        limits = self.rules.of_key(proved.key, proved.user, proved.project, proved.tenant)
        return Principal(
            key=proved.key,
            tenant=proved.tenant,
            project=proved.project,
            user=proved.user,
            accounts=(tenant.account, project.account, user.account, fourth.account),
            models=_granted(proved, user),
            priority=proved.priority,
            limits=limits,
            naming=self.naming,
            narrowed=tuple([each for owner in owners for each in self.narrowed.get(owner, ())]),
            proof=proved.proof,
            is_readonly=user.is_readonly,
        )

    def _member(self, owner: str) -> Member:
        member = self.members.get(owner)
        if member is None:
            raise TokenRefused(f"there is no {owner}")
        if member.is_disabled:
            raise TokenRefused(f"{owner} is disabled")
        return member

    def _insist_on_standing(self, claimed: Claimed) -> None:
        if (claimed.issuer, claimed.id) in self.revoked_ids:
            raise TokenRefused("it was taken back")
        before = self.revoked_before.get((claimed.issuer, claimed.subject))
        if before is not None and claimed.issued_at <= before:
            raise TokenRefused("all tokens of its subject from before were taken back")


def _granted(proved: Proved, user: Member) -> tuple[str, ...]:
    models = proved.models
    for most in (proved.only, user.models):
        if most is not None:
            models = access.narrowed(models, most)
    return models


NOBODY = People({}, Rules(Defaults(), {}))
