"""Tokens that stand in files which somebody else writes, such as a Secret that is mounted."""

from __future__ import annotations

from tollhouse.config.fields import FilePath, SecretRef, setting
from tollhouse.config.sections.issuers import WhoseSettings


class StaticTokenSettings(WhoseSettings):
    """Whose calls those are of a token that stands in a file. The name of the table is its name."""

    file: FilePath | None = setting(
        "The file, with a token of 16 to 4096 characters in each line: several while one is exchanged for another. "
        "It is looked at with each call, so a mounted Secret may change at any time. What cannot be read any more "
        "holds for a minute. While no file has a token, who shows one gets `authentication_unconfigured`."
    )
    token: SecretRef | None = setting(
        "The token itself instead, by a reference such as `env:BEARER_TOKEN`; it is read once."
    )
