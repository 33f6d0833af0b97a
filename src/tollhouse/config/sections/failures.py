"""What becomes of targets that fail."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from tollhouse.config.fields import Seconds, Section, setting


class BreakerSettings(Section):
    """When a target that fails is left alone. Each worker keeps its own count."""

    failures: int = setting(
        "Failures in a row after which a target is not asked any more; half of its last 20 calls do it "
        "too. 0 asks it whatever happens.",
        5,
        ge=0,
        le=20,
    )
    open_s: Seconds = setting(
        "How long it is left alone, if the provider does not say it with `Retry-After`. Then single "
        "calls probe it.",
        60,
    )
    successes: int = setting("Probes that it must answer to be used again.", 3, ge=1, le=100)
    outlier_s: Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)] = setting(
        "How long a target that fails far more often than the model's others, or denies call after call, is asked "
        "after them. 0 keeps the order as it is written.",
        30,
    )


class RetriesSettings(Section):
    """When a call is sent once more: to the same target only after all have failed, and if it surely did no work."""

    most: int = setting("Retries of one call. 0 leaves all of them to the caller.", 2, ge=0, le=10)
    first_wait_s: Seconds = setting(
        "The wait before the first, a quarter more or less; doubled each time. A provider's "
        "`Retry-After` is kept to.",
        1,
    )
    patience_s: Seconds = setting(
        "What the waits of one call may come to. Rather than wait longer, the caller is told how long.",
        10,
    )
    share_percent: int = setting(
        "Tries for a hundred calls of one model, at most, beyond the first of each, at the same target or at another.",
        20,
        ge=1,
        le=100,
    )
    after_errors: bool = setting(
        "Retry after 500 and its like too, though the provider may have done work. 503 with "
        "`Retry-After` is retried in any case.",
        default=False,
    )
