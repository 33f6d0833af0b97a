"""A provider's refusal in our words; its own only where they help, cleaned by the dialect."""

from __future__ import annotations

import re

from tollhouse.domain.errors import (
    ContextTooLong,
    Failure,
    UpstreamBroke,
    UpstreamDenied,
    UpstreamFailed,
    UpstreamNotFound,
    UpstreamRateLimited,
    UpstreamRejected,
    UpstreamTimeout,
)
from tollhouse.ports import Answer, Labelled, Spoken

MOST_OF_AN_ERROR = 16 * 1024
LONGEST_RETRY_S = 60
USUAL_RETRY_S = 5

_name = re.compile(rb"[A-Za-z]{1,64}").match


async def problem_of(answer: Answer, dialect: Spoken, retry_after_s: int | None) -> Failure:
    """The time is how long the provider wishes to be left alone."""
    body = await _beginning(answer)
    kind_of_it = _label(answer, dialect) + dialect.error_kind(body)
    private = f"the provider answered {answer.status}{kind_of_it}"
    match answer.status:
        case 400 | 409 | 413 | 422:
            if UpstreamDenied.code in private:
                return UpstreamDenied(private=private)
            kind = ContextTooLong if ContextTooLong.code in private else UpstreamRejected
            return kind(dialect.error_message(body), private=private)
        case 404:
            return UpstreamNotFound(private=private)
        case 401 | 402 | 403:
            return UpstreamDenied(private=private)
        case 408 | 504:
            return UpstreamTimeout(private=private)
        case 429:
            wait_s = min(retry_after_s or USUAL_RETRY_S, LONGEST_RETRY_S)
            return UpstreamRateLimited(private=private, retry_after_s=wait_s)
    return UpstreamFailed(private=private)


def _label(answer: Answer, dialect: Spoken) -> str:
    """Its kind, if that looks like a name; behind it may stand where it is described."""
    if not isinstance(dialect, Labelled):
        return ""
    label = _name(answer.headers.get(dialect.error_header, b""))
    return f" ({label[0].decode()})" if label else ""


async def _beginning(answer: Answer) -> bytes:
    body = b""
    try:
        while len(body) < MOST_OF_AN_ERROR and (piece := await answer.read()):
            body += piece
    except (UpstreamBroke, UpstreamTimeout):
        return body
    return body[:MOST_OF_AN_ERROR]
