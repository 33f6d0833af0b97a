"""What of a call could not be said to its target: named, never dropped in silence.

A name is a path without numbers: of the caller's body for what has no place in a conversation
(`logit_bias`, `messages.content.video`), of the conversation for what the target has no words for
(`sampling.top_k`, `tools.mark`, `messages.image`, the last with the part's kind). Names come from
callers too, so what is shown of them is bounded.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

MOST_NAMES = 24
LONGEST_NAME = 48

_not_shown = re.compile(r"[^A-Za-z0-9_.-]+")


def tidy(names: Iterable[str]) -> tuple[str, ...]:
    """Each once, in order, in letters that fit a header; `...` stands for those that are too many."""
    known = tuple(dict.fromkeys(_not_shown.sub("_", name)[:LONGEST_NAME] for name in names))
    return known if len(known) <= MOST_NAMES else (*known[:MOST_NAMES], "...")
