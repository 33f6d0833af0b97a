"""Settings that are written as a text and read into a value of their own type."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationInfo
from pydantic.json_schema import JsonSchemaValue
from pydantic_core.core_schema import (
    CoreSchema,
    no_info_plain_validator_function,
    plain_serializer_function_ser_schema,
    with_info_plain_validator_function,
)

from tollhouse.config import secrets
from tollhouse.config.problems import Unfit, kind, shown
from tollhouse.config.secrets import Secret, Sources
from tollhouse.domain import endpoints
from tollhouse.domain.endpoints import Endpoint, EndpointInvalid

PATH = "a path; a relative one is under data_dir"
ENDPOINT = '"unix:///PATH", "tcp://ADDRESS:PORT" with an address of loopback, or "env:NAME"'


@dataclass(frozen=True, slots=True)
class Text:
    """Marks a field: which type it becomes, how the text is read, what it takes in words."""

    type: type | tuple[type, ...]
    read: Callable[[str], object]
    takes: str
    write: Callable[[Any], str] = str

    def value(self, given: object) -> object:
        """The value; one that is of the type already is taken as it is."""
        if isinstance(given, str):
            return self.read(given)
        if isinstance(given, self.type):
            return given
        raise Unfit(shown(given), hint="A text stands in quotes.")

    def __get_pydantic_core_schema__(self, _: object, __: GetCoreSchemaHandler) -> CoreSchema:
        return no_info_plain_validator_function(
            self.value, serialization=plain_serializer_function_ser_schema(self.write)
        )

    def __get_pydantic_json_schema__(
        self, _: CoreSchema, __: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {"type": "string", "takes": self.takes}


class SecretText:
    """Marks a reference to a secret. Validation is given the `Sources` as its context.

    Written out, a secret is its reference again.
    """

    def value(self, given: object, info: ValidationInfo) -> Secret:
        if isinstance(given, Secret):
            return given
        if isinstance(given, str):
            return self.read(self._sources(info), given)
        raise Unfit(kind(given), hint=secrets.HOW)

    def read(self, sources: Sources, reference: str) -> Secret:
        return sources.secret(reference)

    def __get_pydantic_core_schema__(self, _: object, __: GetCoreSchemaHandler) -> CoreSchema:
        return with_info_plain_validator_function(
            self.value, serialization=plain_serializer_function_ser_schema(_reference)
        )

    def __get_pydantic_json_schema__(
        self, _: CoreSchema, __: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {"type": "string", "takes": secrets.TAKES}

    def _sources(self, info: ValidationInfo) -> Sources:
        return info.context if isinstance(info.context, Sources) else Sources()


class StoredText(SecretText):
    """Marks a reference that may also be to a secret of the store."""

    def read(self, sources: Sources, reference: str) -> Secret:
        return sources.kept(reference)

    def __get_pydantic_json_schema__(
        self, _: CoreSchema, __: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {"type": "string", "takes": secrets.TAKES_STORED}


class EndpointText(SecretText):
    """Marks an address of this host, which may stand in a variable."""

    def value(self, given: object, info: ValidationInfo) -> Any:
        if isinstance(given, Endpoint):
            return given
        if not isinstance(given, str):
            raise Unfit(shown(given), expected=ENDPOINT)
        text = self._sources(info).secret(given).reveal() if given.startswith("env:") else given
        try:
            return endpoints.read(text)
        except EndpointInvalid as invalid:
            raise Unfit(f"{shown(text)}: {invalid}", expected=ENDPOINT) from None

    def __get_pydantic_core_schema__(self, _: object, __: GetCoreSchemaHandler) -> CoreSchema:
        return with_info_plain_validator_function(
            self.value, serialization=plain_serializer_function_ser_schema(str)
        )

    def __get_pydantic_json_schema__(
        self, _: CoreSchema, __: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {"type": "string", "takes": ENDPOINT}


def read_path(text: str) -> Path:
    if not text.strip() or not text.isprintable():
        raise Unfit(shown(text))
    if text.startswith("~"):
        raise Unfit(shown(text), hint="~ is not expanded here: write the whole path.")
    return Path(text)


def read_file_reference(text: str) -> Path:
    """A path, with or without "file:" before it."""
    if text.startswith("env:") or "-----BEGIN" in text:
        raise Unfit("a key, or a variable that holds one (not shown)", hint="Name a file.")
    return read_path(text.removeprefix("file:"))


def _reference(secret: Secret) -> str:
    return secret.reference
