"""What the settings say of targets that fail, or have no room."""

from __future__ import annotations

from tollhouse.config import Settings
from tollhouse.domain.breaker import Tripping
from tollhouse.domain.retries import Retrying
from tollhouse.pipeline.standing import Room, Rules


def standing_rules(settings: Settings) -> Rules:
    breaker, retries = settings.breaker, settings.retries
    return Rules(
        Tripping(breaker.failures, breaker.open_s, breaker.successes),
        Retrying(
            retries.most,
            retries.first_wait_s,
            retries.patience_s,
            retries.share_percent,
            retries.after_errors,
        ),
        breaker.outlier_s,
        {
            name: Room(provider.most_at_once, provider.max_waiting, provider.wait_s)
            for name, provider in settings.providers.items()
        },
    )
