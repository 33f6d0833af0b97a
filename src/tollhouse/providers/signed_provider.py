"""An upstream that wants each request signed: AWS Bedrock behind OpenAI's API."""

from __future__ import annotations

from collections.abc import Callable, Collection

from tollhouse.domain.exchange import Outgoing, Sending
from tollhouse.ports import Spoken, Upstream
from tollhouse.providers.chat_provider import FORMS, USUAL, ChatProvider
from tollhouse.providers.sigv4 import Credentials, Scope, signed


class WholeProvider(ChatProvider):
    """Implements Provider, for an upstream that signs."""

    def speaks(self, dialect: str) -> bool:
        """A signature is over the whole body, so nothing that leaves in pieces."""
        return dialect not in FORMS and super().speaks(dialect)


class SignedProvider(WholeProvider):
    """Implements Provider. The secret signs, and never leaves."""

    def __init__(
        self,
        upstream: Upstream,
        dialect: Spoken,
        origin: tuple[str, bytes],
        signing: tuple[Credentials, Scope],
        clock_s: Callable[[], float],
        speaks: Collection[str] = USUAL,
    ) -> None:
        host, base_path = origin
        super().__init__(upstream, dialect, base_path, None, speaks)
        self._host = host
        self._credentials, self._scope = signing
        self._clock_s = clock_s

    def sending(self, outgoing: Outgoing) -> Sending:
        plain = super().sending(outgoing)
        return signed(plain, self._host, self._credentials, self._scope, self._clock_s())
