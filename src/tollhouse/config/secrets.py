"""Secrets, which the file never holds: it names where they are.

    env:NAME     an environment variable
    file:PATH    the text of a file; a relative path is under data_dir
    store:NAME   a row of the store, sealed: for providers, whose keys change while the gateway runs

Invariant: nothing but `reveal` gives the value away.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import NoReturn

from tollhouse.config.problems import Unfit
from tollhouse.domain.errors import UpstreamSecretUnavailable

TAKES = 'a reference to a secret: "env:NAME" or "file:PATH"'
STORED = "store:"
TAKES_STORED = 'a reference to a secret: "env:NAME", "file:PATH" or "store:NAME"'
HOW = 'Put the value into an environment variable or a file, and write "env:NAME" or "file:PATH" here.'
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
STORED_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
MAX_BYTES = 64 * 1024


class Secret:
    """A value that shows only where it comes from."""

    __slots__ = ("_value", "reference")

    def __init__(self, value: str, reference: str) -> None:
        self._value = value
        self.reference = reference

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return f"Secret({self.reference})"

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._value.encode(), other._value.encode())

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a secret is neither pickled nor copied")


class StoredSecret(Secret):
    """One whose value is in the store: it is filled in when that was read, and may become another."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        super().__init__("", f"{STORED}{name}")
        self.name = name

    def reveal(self) -> str:
        """Raises UpstreamSecretUnavailable."""
        if not self._value:
            raise UpstreamSecretUnavailable(
                private=f"{self.reference} is not there, or does not open"
            )
        return self._value

    def fill(self, value: str) -> None:
        """With nothing where there is none any more."""
        self._value = value


@dataclass(frozen=True, slots=True)
class Sources:
    """Where references lead. The environment is given, never read from the process."""

    environ: Mapping[str, str] = field(default_factory=dict, repr=False)
    data_dir: Path = Path()

    def secret(self, reference: str) -> Secret:
        """Raises Unfit, which never repeats the value, nor a text that is no reference."""
        value = self._value(reference)
        check(value, reference)
        return Secret(value, reference)

    def kept(self, reference: str) -> Secret:
        """The same, or one of the store."""
        if not reference.startswith(STORED):
            return self.secret(reference)
        if not STORED_NAME.fullmatch(name := reference.removeprefix(STORED)):
            raise Unfit('a text after "store:" that is not the name of a secret (not shown)')
        return StoredSecret(name)

    def document(self, reference: str) -> Secret:
        """One of several lines, such as a key file in JSON."""
        return Secret(self._value(reference), reference)

    def _value(self, reference: str) -> str:
        scheme, _, name = reference.partition(":")
        if scheme == "env":
            return self._variable(name)
        if scheme == "file":
            return self._text(name)
        raise Unfit(_literal(reference), hint=HOW)

    def _variable(self, name: str) -> str:
        if not NAME.fullmatch(name):
            raise Unfit(
                'a text after "env:" that is not the name of a variable (not shown)', hint=HOW
            )
        if name not in self.environ:
            raise Unfit(
                f"the environment variable {name} is not set",
                hint=f"Set {name} in the environment that the gateway starts in.",
            )
        return self.environ[name]

    def _text(self, name: str) -> str:
        path = self.data_dir / name
        if not name.strip() or "\0" in name:
            raise Unfit('"file:" without a usable path', hint=HOW)
        try:
            if not path.is_file():
                raise Unfit(f"there is no file {path}", hint="Relative paths are under data_dir.")
            with path.open("rb") as file:
                text = file.read(MAX_BYTES + 1)
        except OSError as error:
            raise Unfit(f"{path} cannot be read: {error.strerror}") from None
        if len(text) > MAX_BYTES:
            raise Unfit(f"{path} is larger than {MAX_BYTES} bytes", hint="Is it the right file?")
        try:
            return text.decode().rstrip("\r\n")
        except UnicodeDecodeError:
            raise Unfit(f"{path} is not text", hint="Write random bytes as hex.") from None


def file_of(secret: Secret, data_dir: Path) -> Path | None:
    """The file that a secret was read from, if it was one."""
    scheme, _, name = secret.reference.partition(":")
    return data_dir / name if scheme == "file" else None


def is_readable_by_others(path: Path) -> bool:
    try:
        return bool(path.stat().st_mode & 0o077)
    except OSError:
        return False


def is_guessed(value: str) -> bool:
    """Whether it is in a manual, an example, or one character over and over."""
    return value.casefold() in weak() or len(set(value)) == 1


def check(value: str, reference: str) -> None:
    """Raises Unfit for what protects nothing, or cannot stand in a header."""
    if not value.strip():
        raise Unfit(f"{reference} is empty", hint="An empty secret protects nothing.")
    if value != value.strip() or not value.isprintable():
        raise Unfit(f"{reference} has spaces around it, or line breaks or control characters in it")
    if is_guessed(value):
        raise Unfit(
            f"{reference} is a value that anybody would guess (not shown)",
            expected="a secret of your own",
            hint="Make one: `openssl rand -hex 32`.",
        )


@cache
def weak() -> frozenset[str]:
    """Values from manuals, examples and other people's defaults."""
    return frozenset(Path(__file__).with_name("weak.txt").read_text(encoding="utf-8").split())


def _literal(text: str) -> str:
    return "a literal value (not shown)" if text.strip() else "an empty text"
