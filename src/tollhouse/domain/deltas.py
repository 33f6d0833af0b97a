"""An answer in no dialect, piece by piece. An answer in one piece is a stream whose pieces come at once.

The order is that of the answer: one `Began`, pieces, one `Stopped` for each choice. `Counted` may come
at any time and more than once; the last one holds. Pieces of different tool calls may take turns, each
with its index.
"""

from __future__ import annotations

from enum import StrEnum

from tollhouse.domain.conversation import Citation, State
from tollhouse.domain.pricing import Usage
from tollhouse.domain.values import value


class Stop(StrEnum):
    """Why an answer ended."""

    END = "end"
    LENGTH = "length"
    SEQUENCE = "sequence"
    TOOLS = "tools"
    FILTERED = "filtered"
    REFUSED = "refused"
    PAUSED = "paused"


@value
class Began:
    """Its id at the upstream, and when in seconds since the epoch; empty and 0 if it did not say."""

    id: str = ""
    created: int = 0


@value
class Said:
    text: str
    choice: int = 0


@value
class Declined:
    """The model's own words for that it will not."""

    text: str
    choice: int = 0


@value
class Thought:
    text: str
    choice: int = 0


@value
class Sealed:
    """The thought so far ends here, and this is to be given back with it."""

    state: State
    choice: int = 0


@value
class Cited:
    citation: Citation
    choice: int = 0


@value
class Called:
    """A tool call begins. Its arguments follow in pieces of the same index."""

    index: int
    id: str
    name: str
    choice: int = 0


@value
class Argued:
    index: int
    fragment: str
    choice: int = 0


@value
class Stopped:
    stop: Stop
    sequence: str | None = None
    choice: int = 0


@value
class Counted:
    usage: Usage


Delta = Began | Said | Declined | Thought | Sealed | Cited | Called | Argued | Stopped | Counted
