"""An upstream that speaks OpenAI's API: where a request goes and what it bears."""

from __future__ import annotations

from tollhouse import __version__
from tollhouse.domain.exchange import Sending
from tollhouse.ports import Upstream

USER_AGENT = b"tollhouse/" + __version__.encode()


class ChatProvider:
    """Implements Provider. The key is bound to the one upstream that it was given with."""

    def __init__(self, upstream: Upstream, base_path: bytes, key: str | None) -> None:
        self.upstream = upstream
        self._path = base_path.rstrip(b"/") + b"/chat/completions"
        bearer = ((b"authorization", b"Bearer " + key.encode()),) if key else ()
        self._headers = (
            (b"content-type", b"application/json"),
            (b"accept", b"application/json, text/event-stream"),
            (b"accept-encoding", b"identity"),
            (b"user-agent", USER_AGENT),
            *bearer,
        )

    def sending(self, body: bytes) -> Sending:
        return Sending(b"POST", self._path, self._headers, body)
