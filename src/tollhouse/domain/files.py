"""What providers keep for a project: a file, as this gateway knows it and as its keeper does."""

from __future__ import annotations

import re

from tollhouse.domain.batches import Load
from tollhouse.domain.errors import FieldInvalid, FileUnknown
from tollhouse.domain.values import value

PREFIX = "file-"
BATCH = "batch"
PURPOSES = ("assistants", "batch", "evals", "fine-tune", "user_data", "vision")
"""Those that a caller may name, as OpenAI has them."""

LONGEST_NAME = 128
LONGEST_ID = 200

_is_known_as = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,199}").fullmatch
_is_letter = re.compile(r"[A-Za-z0-9._ ()+@=,-]").fullmatch


@value
class File:
    id: str
    """Ours. It begins with the time, so that the order of ids is that of uploads."""

    project: str
    provider: str
    known_as: str
    """As its provider knows it: this never leaves."""

    purpose: str
    name: str
    bytes: int
    created_at_ms: int
    expires_at_ms: int | None = None
    load: Load | None = None
    """What its lines come to, if it may be the input of a batch."""

    answers_as: str | None = None
    """The name that models within it bear for its project: another than that of the target."""


def known_as(found: object) -> str | None:
    """What a provider calls a thing, if it may stand in a path."""
    return found if isinstance(found, str) and _is_known_as(found) else None


def file_id(text: str) -> str:
    """Raises FileUnknown on what no file of ours is called."""
    if not text.startswith(PREFIX) or not _is_known_as(text):
        raise FileUnknown(param="file_id")
    return text


def purpose(text: str | None) -> str:
    if text not in PURPOSES:
        raise FieldInvalid(f"`purpose` is one of {', '.join(PURPOSES)}.", param="purpose")
    return text


def plain_name(given: str) -> str:
    """The last part of a path, of letters that no header, shell or page takes for anything else.

    Nothing is ever stored under it.
    """
    last = given.replace("\\", "/").rpartition("/")[2]
    letters = "".join(letter if _is_letter(letter) else "_" for letter in last[-LONGEST_NAME:])
    return letters.lstrip(". ") or "file"
