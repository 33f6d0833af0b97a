"""What is known of a vendor or an engine before anybody configures it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from tollhouse.domain.errors import FieldInvalid


class Api(StrEnum):
    """Whose API it offers."""

    OPENAI = "openai"
    ANTHROPIC = "anthropic"
    BEDROCK = "bedrock"
    GEMINI = "gemini"
    COHERE = "cohere"


class Feature(StrEnum):
    TOOLS = "tools"
    STREAM_USAGE = "stream_usage"  # tells the usage at the end of a stream
    EMBEDDINGS = "embeddings"
    JSON_SCHEMA = "json_schema"
    RESPONSES = "responses"  # offers OpenAI's Responses beside chat, as agents ask it


@dataclass(frozen=True, slots=True)
class Vendor:
    """A row of the catalogue."""

    kind: str
    name: str
    docs: str
    url: str | None = None
    """None for an engine: it is where its operator runs it."""

    api: Api = Api.OPENAI
    needs_key: bool = False
    key_header: str = "authorization"
    """In which the key stands: in this one as a bearer's, in any other by itself."""

    output_bound: str = "max_tokens"
    asks_usage: bool = True
    """Whether it may be asked for the usage of a stream. If not, it tells it unasked."""

    lists_models: bool = True
    supports: frozenset[Feature] = frozenset()


USUAL_HEADERS = {Api.ANTHROPIC.value: "x-api-key"}
"""In which such an API wants its key."""

_MEMBERS = {
    *(
        "name",
        "docs",
        "url",
        "api",
        "needs_key",
        "key_header",
        "output_bound",
        "asks_usage",
        "lists_models",
        "supports",
    ),
}


def vendors(table: Mapping[str, Mapping[str, object]]) -> dict[str, Vendor]:
    """Raises FieldInvalid on a row that is none."""
    return {kind: _vendor(kind, row) for kind, row in table.items()}


def _vendor(kind: str, row: Mapping[str, object]) -> Vendor:
    if unknown := row.keys() - _MEMBERS:
        raise FieldInvalid(f"{kind}: {', '.join(sorted(unknown))} is no member of a row")
    url = row.get("url")
    usual_header = USUAL_HEADERS.get(str(row.get("api")), "authorization")
    features = row.get("supports", ())
    try:
        return Vendor(
            kind,
            str(row["name"]),
            str(row["docs"]),
            None if url is None else str(url),
            Api(str(row.get("api", Api.OPENAI))),
            bool(row.get("needs_key", url is not None)),
            str(row.get("key_header", usual_header)),
            str(row.get("output_bound", "max_tokens")),
            bool(row.get("asks_usage", True)),
            bool(row.get("lists_models", True)),
            frozenset(map(Feature, features if isinstance(features, list) else ())),
        )
    except (KeyError, ValueError) as wrong:
        raise FieldInvalid(f"{kind}: {wrong}") from None
