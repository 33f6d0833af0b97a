"""What sections are made of: the types of their members, with the words for what fits."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from tollhouse.config import addresses
from tollhouse.config.problems import Unfit, shown
from tollhouse.config.secrets import Secret
from tollhouse.config.texts import PATH, SecretText, StoredText, Text, read_path

MIB = 1024 * 1024
DATA_DIR = "a path; a relative one is under the working directory"
PROVIDER_NAME = "a name of 1 to 40 lower-case letters, digits and dashes"
MODEL_NAME = "a name of 1 to 200 printable characters without spaces"
MODEL_PATTERN = f"{MODEL_NAME}, perhaps with a `*` at its end"
PEPPER_VERSION = "the number of a version, from 1, as a key"


def _provider_name(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9-]{1,40}", text):
        raise Unfit(shown(text))
    return text


def _model_name(text: str) -> str:
    if not addresses.is_plain(text) or "*" in text:
        raise Unfit(shown(text))
    return text


def _model_pattern(text: str) -> str:
    if not addresses.is_plain(text) or "*" in text[:-1]:
        raise Unfit(shown(text))
    return text


SecretRef = Annotated[Secret, SecretText()]
StoredRef = Annotated[Secret, StoredText()]
FilePath = Annotated[Path, Text(Path, read_path, PATH)]
Seconds = Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1, le=1_000_000)]
ProviderName = Annotated[str, Text(str, _provider_name, PROVIDER_NAME)]
ModelName = Annotated[str, Text(str, _model_name, MODEL_NAME)]
ModelPattern = Annotated[str, Text(str, _model_pattern, MODEL_PATTERN)]
TaskName = Literal[
    "chat",
    "completions",
    "embeddings",
    "moderations",
    "rerank",
    "images",
    "speech",
    "transcriptions",
    "translations",
]


def setting(what: str, default: Any = None, **more: Any) -> Any:
    """A field with its description. A default is written as in the file, and read like it."""
    return Field(default, description=what, **more)


def part(kind: type) -> Any:
    """A section, or a table of them, that may be left out."""
    return Field(default_factory=kind)


class Section(BaseModel):
    model_config = ConfigDict(
        strict=True,
        extra="forbid",
        frozen=True,
        validate_default=True,
        hide_input_in_errors=True,
        arbitrary_types_allowed=True,
    )
