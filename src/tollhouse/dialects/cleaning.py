"""A provider's sentence, without what a caller should not read in it.

Taken out: secrets and account ids by their shape, links, hosts, addresses and paths, and every
character that is not seen. What looks like a program that fell over is not passed on at all.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache

LONGEST_MESSAGE = 400
LONGEST_LOOKED_AT = 4 * LONGEST_MESSAGE

_CRASH = r"Traceback \(most recent call last\)|\bFile \"[^\"]+\", line \d"
_RULES = (
    ("[link]", r"[\w+.-]{0,20}://\S*"),
    (
        "[removed]",
        r"(?i)\b(?:sk|th[ka]|pk|rk|gsk|hf|xai|ghp|gho|ghs|glpat|xox[abprs]|key|bearer|basic)[-_ ]"
        r"[a-z0-9_\-.]{8,}"
        r"|\b(?:org|proj|acct|user|req)[-_][a-z0-9]{8,}"
        r"|\b(?:akia|asia)[0-9a-z]{16,}|\baiza[\w-]{30,}|\beyj[\w-]{5,}\.[\w.-]+"
        r"|\b(?:password|passwd|secret|token)\s*[=:]\s*\S+"
        r"|[a-z0-9+/_-]{40,}",
    ),
    ("[address]", r"\b[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,9}\b"),
    (
        "[host]",
        r"(?i)\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b"
        r"|\[?\b[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){3,7}\b\]?(?::\d+)?"
        r"|\b(?:[a-z0-9_-]{1,63}\.){1,9}(?:[a-z0-9-]{1,63}:\d{1,5}"
        r"|ai|app|cloud|cluster|co|com|corp|dev|home|intra|internal|io|lan|local|localdomain"
        r"|net|org|svc|test)\b(?:\.?:\d+)?"
        r"|\blocalhost\b(?::\d+)?"
        r"|\b[a-z][a-z0-9-]{0,62}-[a-z0-9-]{0,63}:\d{2,5}\b",
    ),
    ("[path]", r"(?<![\w.\]])~?(?:/[\w.@+-]+){2,}/?|\b[A-Za-z]:\\\S+"),
)


def cleaned(text: str) -> str | None:
    """One line of printable characters; None if nothing of it is fit to be passed on."""
    seen = "".join(map(_visible, text[:LONGEST_LOOKED_AT]))
    if re.search(_CRASH, seen):
        return None
    for put_in, rule in _rules():
        seen = rule.sub(put_in, seen)
    return " ".join(seen.split()) or None


@cache
def _rules() -> tuple[tuple[str, re.Pattern[str]], ...]:
    """Compiled when the first is needed: they take as long as a twentieth of a whole start."""
    return tuple((put_in, re.compile(rule)) for put_in, rule in _RULES)


def cut(text: str) -> str:
    return text if len(text) <= LONGEST_MESSAGE else text[: LONGEST_MESSAGE - 1] + "…"


def _visible(char: str) -> str:
    """What has no form of its own goes without a trace: it could part a secret in two."""
    if char.isprintable():
        return char
    return "" if unicodedata.category(char) == "Cf" else " "
