"""What the settings say of targets that fail."""

from __future__ import annotations

from tollhouse.config import Settings
from tollhouse.domain.breaker import Tripping
from tollhouse.pipeline.standing import Rules


def standing_rules(settings: Settings) -> Rules:
    breaker = settings.breaker
    tripping = Tripping(breaker.failures, breaker.open_s, breaker.successes)
    return Rules(tripping, breaker.outlier_s)
