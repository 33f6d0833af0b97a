"""An upstream that speaks Anthropic's API: where a request goes, and what of the caller's headers goes along."""

from __future__ import annotations

import re

from tollhouse.domain.access import is_granted
from tollhouse.domain.exchange import Outgoing, Sending
from tollhouse.ports import Headers, Spoken, Upstream
from tollhouse.providers.chat_provider import USER_AGENT, shown

PATHS = {
    "anthropic_messages": b"/v1/messages",
    "anthropic_count": b"/v1/messages/count_tokens",
}
USUAL_VERSION = b"2023-06-01"
KEY_HEADER = "x-api-key"
MOST_BETAS = 64
BETA, BETA_BYTES = "anthropic-beta", b"anthropic-beta"

_version = re.compile(rb"[0-9]{4}-[0-9]{2}-[0-9]{2}").fullmatch
_beta = re.compile(r"[A-Za-z0-9._-]{1,100}").fullmatch


class AnthropicProvider:
    """Implements Provider and Withholding. The key is bound to the one upstream that it was given with."""

    def __init__(
        self,
        upstream: Upstream,
        dialect: Spoken,
        base_path: bytes,
        key: str | None,
        betas: tuple[str, ...],
        key_header: str = KEY_HEADER,
    ) -> None:
        self.upstream = upstream
        self.dialect = dialect
        base_path = base_path.rstrip(b"/").removesuffix(b"/v1")
        self._paths = {dialect: base_path + path for dialect, path in PATHS.items()}
        self._betas = betas
        self._headers = (
            (b"content-type", b"application/json"),
            (b"accept", b"application/json, text/event-stream"),
            (b"accept-encoding", b"identity"),
            (b"user-agent", USER_AGENT),
            *shown(key, key_header),
        )

    def speaks(self, dialect: str) -> bool:
        return dialect in self._paths

    def sending(self, outgoing: Outgoing) -> Sending:
        """Of the caller's headers two go out, read and written anew."""
        version = USUAL_VERSION
        for name, value in outgoing.headers:
            if name == b"anthropic-version" and _version(value):
                version = value
        passed = ",".join(filter(self._may_pass, _betas(outgoing.headers))).encode()
        bound = ((b"anthropic-beta", passed),) if passed else ()
        own = (*self._headers, (b"anthropic-version", version), *bound)
        return Sending(b"POST", self._paths[outgoing.dialect], own, outgoing.body)

    def withheld(self, headers: Headers) -> tuple[str, ...]:
        """The betas that are asked for and not allowed."""
        return tuple([f"{BETA}.{each}" for each in _betas(headers) if not self._may_pass(each)])

    def _may_pass(self, beta: str) -> bool:
        return _beta(beta) is not None and is_granted(beta, self._betas)


def _betas(headers: Headers) -> list[str]:
    """Each once, as far as anybody asks for so many."""
    given = ",".join([value.decode("latin-1") for name, value in headers if name == BETA_BYTES])
    asked = dict.fromkeys([beta.strip(" \t") for beta in given.split(",", MOST_BETAS - 1)])
    return [beta for beta in asked if beta]
