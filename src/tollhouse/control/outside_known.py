"""What an event from outside may name: who is there, and models; and what these cost when it happened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tollhouse.config import Settings
from tollhouse.control import prices
from tollhouse.control.prices import ByTarget
from tollhouse.domain import outside
from tollhouse.domain.errors import FieldInvalid
from tollhouse.domain.outside import Event
from tollhouse.ports import Database
from tollhouse.storage import bindings, keys, tenancy
from tollhouse.storage import prices as stored
from tollhouse.storage.bindings import Narrowings
from tollhouse.storage.keys import KeyRow
from tollhouse.storage.outside import Whose
from tollhouse.storage.tenancy import Kind


@dataclass(frozen=True, slots=True)
class Known:
    """What the settings say of models: their targets, and of which kind providers are."""

    targets: frozenset[str]
    kinds: Mapping[str, str]
    requires_price: bool = True


@dataclass(frozen=True, slots=True)
class Register:
    """What there is, of one tenant, for events of one source."""

    tenant: str
    source: str
    known: Known
    users: frozenset[str]
    projects: frozenset[str]
    keys: Mapping[str, KeyRow]
    prices: ByTarget
    narrowings: Narrowings

    def whose(self, event: Event) -> Whose:
        """Raises FieldInvalid for whoever is not there."""
        return self._of_key(event) if event.key else self._of_user(event)

    def owed(self, event: Event) -> tuple[int, int | None]:
        """With the price row that it was made from, if it was."""
        names = self._priced_as(event.target)
        if event.target not in self.known.targets and not any(
            each in self.prices for each in names
        ):
            raise FieldInvalid(
                f"There is no model {event.target[:100]!r} here: no setting and no price names it.",
                param="target",
            )
        if event.owed is not None:
            return event.owed, None
        row = prices.found(self.prices, names, self.tenant, event.at_ms)
        if row is not None:
            cost = row.price(row.id).cost(event.usage)
            if cost > outside.MOST_OWED:
                raise FieldInvalid("That comes to more than can be owed.", param="usage")
            return cost, row.id
        if self.known.requires_price:
            raise FieldInvalid(
                f"{event.target[:100]} had no price then: say what is `owed`, or set a price from before.",
                param="owed",
            )
        return 0, None

    def further(self, whose: Whose, target: str) -> tuple[str, ...]:
        """The narrowed accounts beside the four that count it too."""
        return tuple(
            [
                bindings.narrowed_owner(owner, provider=each.provider, model=each.model)
                for owner in whose.owners
                for each in self.narrowings.get(owner, ())
                if outside.is_spent_on(each.provider, each.model, target)
            ]
        )

    def _of_key(self, event: Event) -> Whose:
        key = self.keys.get(event.key.removeprefix("thk_"))
        if key is None:
            raise FieldInvalid(f"{self.tenant} has no key {event.key[:60]!r}.", param="key")
        for name, said, is_ in (
            ("user", event.user, key.user),
            ("project", event.project, key.project),
        ):
            if said not in ("", is_):
                raise FieldInvalid(f"The key's {name} is {is_}, and not {said[:60]!r}.", param=name)
        return Whose(key.project, key.user, key.id, f"key:{key.id}", is_exempt=key.is_exempt)

    def _of_user(self, event: Event) -> Whose:
        project = event.project or f"{self.tenant}/default"
        if event.user not in self.users:
            raise FieldInvalid(f"{self.tenant} has no user {event.user[:60]!r}.", param="user")
        if project not in self.projects:
            raise FieldInvalid(f"{self.tenant} has no project {project[:60]!r}.", param="project")
        name = f"outside:{self.source}"
        return Whose(project, event.user, name, f"outside:{self.tenant}/{self.source}")

    def _priced_as(self, target: str) -> tuple[str, str]:
        provider, _, model = target.partition(":")
        return target, f"{self.known.kinds.get(provider, provider)}:{model}"


def known(settings: Settings) -> Known:
    targets = {
        f"{target.provider}:{target.model}"
        for model in settings.models.values()
        for target in model.targets
    }
    kinds = {name: provider.kind for name, provider in settings.providers.items()}
    return Known(frozenset(targets), kinds, settings.ledger.require_price)


async def register(database: Database, tenant: str, source: str, known: Known) -> Register:
    """Raises FieldInvalid when there is no such tenant."""
    if not tenant or not await tenancy.members(database, Kind.TENANT, tenant):
        raise FieldInvalid(f"There is no tenant {tenant[:60]!r}.", param="tenant")
    users = await tenancy.members(database, Kind.USER, tenant)
    projects = await tenancy.members(database, Kind.PROJECT, tenant)
    rows = [row for row in await stored.rows(database) if row.tenant in ("", tenant)]
    return Register(
        tenant,
        source,
        known,
        frozenset([row.id for row in users]),
        frozenset([row.id for row in projects]),
        {row.id: row for row in await keys.keys(database, tenant)},
        prices.by_target(rows),
        await bindings.narrowings(database),
    )
