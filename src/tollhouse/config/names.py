"""Whether the public names lead somewhere, and to one place each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain

from tollhouse.config.clash import Clash
from tollhouse.config.problems import shown
from tollhouse.config.sections.models import ModelSettings
from tollhouse.config.settings import Settings
from tollhouse.config.wording import did_you_mean

LONGEST_CHAIN = 8


def clashes(settings: Settings) -> Iterator[Clash]:
    aliases = (_alias(settings, alias) for alias in settings.aliases)
    models = (_stars(name, model) for name, model in settings.models.items())
    return chain.from_iterable((*aliases, *models))


def _alias(settings: Settings, alias: str) -> Iterator[Clash]:
    here = ("aliases", alias)
    meant = settings.aliases[alias]
    if alias in settings.models:
        yield Clash(
            (here, ("models", alias)), "the name of a model too", "a name that leads to one place"
        )
    way = _way(settings.aliases, alias)
    if len(way) > LONGEST_CHAIN:
        round_about = "itself" if way.count(alias) > 1 else "ever more aliases"
        yield Clash(
            (here, *(("aliases", name) for name in dict.fromkeys(way))),
            f"an alias that leads to {round_about}",
            f"a model, over at most {LONGEST_CHAIN} names",
        )
    elif meant not in settings.aliases and not _is_known(settings, meant):
        yield Clash(
            (here, ("models", meant)),
            f"{shown(meant)}, which is no model",
            "a name under [models] or in [aliases], or one that a wildcard there stands for",
            did_you_mean(meant, (*settings.models, *settings.aliases)),
        )


def _way(aliases: Mapping[str, str], name: str) -> list[str]:
    """The names that are passed, up to one more than there may be."""
    way: list[str] = []
    while name in aliases and len(way) <= LONGEST_CHAIN:
        way.append(name)
        name = aliases[name]
    return way


def _is_known(settings: Settings, name: str) -> bool:
    wildcards = (model for model in settings.models if model.endswith("*"))
    return name in settings.models or any(
        name.startswith(wildcard[:-1]) and len(name) >= len(wildcard) for wildcard in wildcards
    )


def _stars(name: str, model: ModelSettings) -> Iterator[Clash]:
    here = ("models", name)
    is_wildcard = name.endswith("*")
    if model.star != "name" and not is_wildcard:
        yield Clash(((*here, "star"),), "a setting without effect: the name has no `*`", "nothing")
    for index, target in enumerate(model.targets):
        if target.model.count("*") > is_wildcard:
            expected = "at most one `*`" if is_wildcard else "a model, as the provider names it"
            yield Clash(((*here, "targets", index),), shown(target.name), expected)
