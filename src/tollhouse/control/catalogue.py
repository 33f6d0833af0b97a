"""The models of the settings, as requests are planned on them."""

from __future__ import annotations

from tollhouse.config import Settings, TargetName
from tollhouse.domain.snapshot import Model, Target
from tollhouse.domain.tasks import Task


def models(settings: Settings) -> dict[str, Model]:
    return {
        name: Model(
            name,
            tuple(_target(settings, target) for target in model.targets),
            model.max_output_tokens,
            model.image_tokens,
            frozenset(map(Task, model.does)),
            is_strict=model.strict,
        )
        for name, model in settings.models.items()
    }


def _target(settings: Settings, name: TargetName) -> Target:
    provider = settings.providers[name.provider]
    return Target(name.provider, provider.kind, name.model, provider.bounded_by)
