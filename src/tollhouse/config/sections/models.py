"""One model as callers know it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from tollhouse.config import addresses
from tollhouse.config.addresses import TargetName
from tollhouse.config.fields import Section, TaskName, setting
from tollhouse.config.texts import Text

Targets = tuple[
    Annotated[TargetName, Text(TargetName, addresses.read_target, addresses.TARGET)], ...
]


class ModelSettings(Section):
    """One model as callers know it. The name of the table is its name; `gpt-*` stands for all that begin so."""

    targets: Targets = Field(
        strict=False,
        min_length=1,
        description="Who answers for it, as `provider:model`, in order: the next is asked when one "
        "cannot answer. Those with a weight share the calls by it, and come before the others. Under a "
        "name with `*`, a `*` here stands for the name that was asked.",
    )
    star: Literal["name", "rest"] = setting(
        "What `*` in a target stands for: the whole `name` that was asked, or the `rest` of it, after "
        "the beginning that this table names.",
        "name",
    )
    tools: bool = setting(
        "Whether it can call tools. If false, a request that offers any is refused with "
        "`model_does_not_support_tools`.",
        default=True,
    )
    max_output_tokens: int = setting(
        "The most that one answer may produce. It is held for, and sent to the provider as the "
        "bound.",
        4096,
        ge=1,
        le=10_000_000,
    )
    more_output: Literal["lower", "refuse"] = setting(
        "What becomes of a call that asks for more than `max_output_tokens`: its bound is made `lower`, or it is "
        "refused with `output_over_limit`.",
        "lower",
    )
    strict: bool = setting(
        "Refuse with `not_translatable` what its target's dialect cannot say in full. If false, the "
        "call goes on without it, and `x-tollhouse-unsaid` and the audit record name what was left out.",
        default=False,
    )
    context_tokens: int = setting(
        "How many tokens of a conversation it holds, as `/api/show` tells Ollama's clients. The "
        "gateway itself does not keep to it.",
        32_768,
        ge=1,
        le=1_000_000_000,
    )
    image_tokens: int = setting(
        "What one image is held for, in tokens. Must not be less than the provider can bill.",
        50_000,
        ge=0,
        le=10_000_000,
    )
    document_tokens: int = setting(
        "What one document is held for, in tokens: a file of pages, or one that the provider fetches. Must "
        "not be less than the provider can bill; the model's context window always is enough.",
        200_000,
        ge=0,
        le=10_000_000,
    )

    does: tuple[TaskName, ...] = setting(
        "What callers may ask of it: `chat` in every dialect, and what else it can. Anything that is not "
        "listed is refused with `model_cannot`.",
        ("chat",),
        strict=False,
        min_length=1,
    )
