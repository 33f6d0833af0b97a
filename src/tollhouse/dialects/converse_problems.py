"""What AWS Bedrock tells in the midst of an answer, by the name of its exception."""

from __future__ import annotations

import re
from collections.abc import Mapping

from tollhouse.dialects.plain_problems import kind_of, message_of
from tollhouse.domain.errors import (
    ContextTooLong,
    Failure,
    UpstreamFailed,
    UpstreamRateLimited,
    UpstreamRejected,
    UpstreamTimeout,
)

KINDS: Mapping[str, type[Failure]] = {
    "modelTimeoutException": UpstreamTimeout,
    "throttlingException": UpstreamRateLimited,
    "validationException": UpstreamRejected,
}
USUAL_RETRY_S = 5

_name = re.compile(r"[A-Za-z]{1,64}").fullmatch


def within(kind: str, body: bytes) -> Failure:
    named = f" ({kind})" if _name(kind) else ""
    private = "an error within the answer" + named
    failure = KINDS.get(kind, UpstreamFailed)
    if failure is UpstreamRateLimited:
        return failure(private=private, retry_after_s=USUAL_RETRY_S)
    if failure is UpstreamRejected and ContextTooLong.code in kind_of(body):
        failure = ContextTooLong
    detail = message_of(body) if issubclass(failure, UpstreamRejected) else None
    return failure(detail, private=private)
