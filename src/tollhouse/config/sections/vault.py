"""What wraps the secrets that are kept in the store."""

from __future__ import annotations

from pydantic import Field

from tollhouse.config.fields import Count, Section, setting
from tollhouse.config.sections.callers import Peppers


class VaultSettings(Section):
    """The keys that secrets in the store are wrapped by: `store:NAME` in a provider's `key`, `tollhouse secrets`."""

    keys: Peppers = Field(
        default_factory=dict,
        description="Versions, and where the keys are, of at least 32 bytes. All replicas need the same. One that "
        "still wraps a row must stay listed: `tollhouse secrets rewrap` wraps all by the current one.",
    )
    key_version: Count = setting("The key that secrets are wrapped by when they are set.", 1)
