"""The models of the settings, as requests are planned on them."""

from __future__ import annotations

from tollhouse.config import Settings, TargetName
from tollhouse.config.sections.models import ModelSettings
from tollhouse.domain.snapshot import Model, Names, Target
from tollhouse.domain.tasks import Task


def names(settings: Settings) -> Names:
    models = {name: _model(settings, name, each) for name, each in settings.models.items()}
    wildcards = [model for name, model in models.items() if name.endswith("*")]
    return Names(
        {name: model for name, model in models.items() if not name.endswith("*")},
        tuple(sorted(wildcards, key=lambda model: -len(model.name))),
        settings.aliases,
    )


def _model(settings: Settings, name: str, model: ModelSettings) -> Model:
    ordered = sorted(model.targets, key=lambda target: target.weight is None)
    return Model(
        name,
        tuple(_target(settings, target) for target in ordered),
        model.max_output_tokens,
        model.image_tokens,
        frozenset(map(Task, model.does)),
        price_optional=frozenset(map(Task, settings.ledger.price_optional)),
        context_tokens=model.context_tokens,
        is_strict=model.strict,
        document_tokens=model.document_tokens,
        weights=tuple(target.weight for target in ordered if target.weight is not None),
        takes_tools=model.tools,
        refuses_more=model.more_output == "refuse",
        drops_prefix=model.star == "rest",
    )


def _target(settings: Settings, name: TargetName) -> Target:
    provider = settings.providers[name.provider]
    return Target(
        name.provider, provider.kind, name.model, provider.bounded_by, provider.may_ask_usage
    )
