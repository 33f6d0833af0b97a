"""From the name that a caller uses to the model that answers for it.

The most specific rule wins: a tenant's own name, then a model of exactly this name, an alias, and
last the wildcard with the longest beginning. What a tenant does not see is not there for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from itertools import repeat

from tollhouse.domain import access
from tollhouse.domain.identity import Principal
from tollhouse.domain.snapshot import Model, Names, Snapshot, Target
from tollhouse.domain.values import value

_member = re.compile(r"(?!.*(?:\.\.|//))[A-Za-z0-9][A-Za-z0-9._:@/+-]{0,199}")
"""What a `*` may stand for: a name that no upstream could take for a path or a pattern."""


@value
class Found:
    """A model, and every name by which it may have been granted."""

    model: Model
    names: tuple[str, ...]
    rules: tuple[str, ...] = ()
    """How the name led there, step by step, for whoever asks."""


def find(snapshot: Snapshot, tenant: str, asked: str) -> Found | None:
    names = snapshot.names
    view = snapshot.views.get(tenant)
    if view is None:
        return _public(names, asked)
    own = view.names.get(asked)
    if own is not None:
        found = _public(names, own)
        rule = f"{asked!r} is {tenant}'s own name for {own!r}"
        return found and Found(found.model, (asked, *found.names), (rule, *found.rules))
    if any(access.matches(asked, hidden) for hidden in view.hidden):
        return None
    return _public(names, asked)


def find_either(snapshot: Snapshot, tenant: str, asked: str, otherwise: str | None) -> Found | None:
    """By a second name too, where a dialect has two for a model: a wildcard is only tried last."""
    found = find(snapshot, tenant, asked)
    if otherwise is None or (found and found.model.name in snapshot.names.models):
        return found
    other = find(snapshot, tenant, otherwise)
    if other and other.model.name in snapshot.names.models:
        return other
    return found or other


def find_public(names: Names, asked: str) -> Model | None:
    """As for a tenant without a view of its own."""
    found = _public(names, asked)
    return found.model if found else None


def public_models(names: Names) -> list[Model]:
    """All but wildcards, each by its public name: for who is told them without a key."""
    found = [(name, find_public(names, name)) for name in (*names.models, *names.aliases)]
    return [replace(model, name=name) for name, model in found if model]


def callable_models(snapshot: Snapshot, caller: Principal, now: float) -> list[Model]:
    """What a key may call, each by its public name. Of a wildcard: what has a price, or was granted."""
    candidates = dict.fromkeys(_candidates(snapshot, caller, now))
    found = [(name, find(snapshot, caller.tenant, name)) for name in candidates]
    return [
        it.model if it.model.name == name else replace(it.model, name=name)
        for name, it in found
        if it is not None and is_granted(it, caller)
    ]


def callable_model(snapshot: Snapshot, caller: Principal, asked: str) -> Model | None:
    found = find(snapshot, caller.tenant, asked)
    if found is None or not is_granted(found, caller):
        return None
    return replace(found.model, name=asked)


def is_granted(found: Found, caller: Principal) -> bool:
    return any(map(access.is_granted, found.names, repeat(caller.models)))


def _public(names: Names, asked: str) -> Found | None:
    model = names.models.get(asked)
    if model is not None:
        return Found(model, (asked,))
    meant = names.aliases.get(asked)
    if meant is None:
        return _of_wildcard(names, asked)
    rule = f"{asked!r} is an alias of {meant!r}"
    found = _public(names, meant)
    return found and Found(found.model, (asked, *found.names), (rule, *found.rules))


def _of_wildcard(names: Names, asked: str) -> Found | None:
    for wildcard in names.wildcards:
        prefix = wildcard.name[:-1]
        if len(asked) > len(prefix) and asked.startswith(prefix) and _member.fullmatch(asked):
            rule = f"{asked!r} is one of {wildcard.name!r}"
            return Found(_concrete(wildcard, asked), (asked,), (rule,))
    return None


@lru_cache(maxsize=1024)
def _concrete(wildcard: Model, asked: str) -> Model:
    stands_for = asked[len(wildcard.name) - 1 :] if wildcard.drops_prefix else asked
    targets = [replace(it, model=it.model.replace("*", stands_for)) for it in wildcard.targets]
    return replace(wildcard, name=asked, targets=tuple(targets))


def _candidates(snapshot: Snapshot, caller: Principal, now: float) -> Iterator[str]:
    names = snapshot.names
    view = snapshot.views.get(caller.tenant)
    yield from view.names if view else ()
    yield from names.models
    yield from names.aliases
    if names.wildcards:
        yield from caller.models
        yield from sorted(_priced_members(snapshot, now))


def _priced_members(snapshot: Snapshot, now: float) -> Iterator[str]:
    """Names of which every target has a price."""
    for wildcard in snapshot.names.wildcards:
        first = wildcard.targets[0]
        for priced in snapshot.prices:
            name = _asked_for(wildcard, first, priced)
            found = _of_wildcard(snapshot.names, name) if name else None
            if found and all(snapshot.price(target, now) for target in found.model.targets):
                yield found.model.name


def _asked_for(wildcard: Model, target: Target, priced: str) -> str | None:
    """The name that would lead to what this price is for."""
    provider, _, model = priced.partition(":")
    before, star, after = target.model.partition("*")
    fits = provider in (target.provider, target.kind) and star
    if not fits or not model.startswith(before) or not model.endswith(after):
        return None
    stood = model[len(before) : len(model) - len(after)]
    name = wildcard.name[:-1] + stood if wildcard.drops_prefix else stood
    return name if name.startswith(wildcard.name[:-1]) else None
