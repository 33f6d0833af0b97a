"""AWS Bedrock's own API: the model and whether to stream stand in the path, and each request is signed."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

from tollhouse.domain.exchange import Outgoing, Sending
from tollhouse.ports import Spoken, Upstream
from tollhouse.providers.chat_provider import USER_AGENT, shown
from tollhouse.providers.sigv4 import Credentials, Scope, signed

WHOLE, STREAM = b"/converse", b"/converse-stream"

Signing = Callable[[Sending], Sending]


class ConverseProvider:
    """Implements Provider. `proof` is a Bedrock API key, or what signs."""

    def __init__(
        self, upstream: Upstream, dialect: Spoken, base_path: bytes, proof: Signing | str | None
    ) -> None:
        self.upstream = upstream
        self.dialect = dialect
        self._base_path = base_path.rstrip(b"/")
        self._signing = proof if callable(proof) else None
        media = b"application/json, " + dialect.stream_type
        self._headers = (
            (b"content-type", b"application/json"),
            (b"accept", media),
            (b"accept-encoding", b"identity"),
            (b"user-agent", USER_AGENT),
            *shown(proof if isinstance(proof, str) else None),
        )

    def speaks(self, dialect: str) -> bool:
        return dialect == self.dialect.name

    def sending(self, outgoing: Outgoing) -> Sending:
        plain = Sending(
            b"POST",
            path_of(self._base_path, outgoing.model, is_stream=outgoing.is_stream),
            self._headers,
            outgoing.body,
        )
        return self._signing(plain) if self._signing else plain


def path_of(base_path: bytes, model: str, *, is_stream: bool) -> bytes:
    """The names of models have colons in them, and those of profiles slashes."""
    named = quote(model, safe="").encode()
    return base_path + b"/model/" + named + (STREAM if is_stream else WHOLE)


def signing(
    host: str, credentials: Credentials, scope: Scope, clock_s: Callable[[], float]
) -> Signing:
    return lambda sending: signed(sending, host, credentials, scope, clock_s())
