"""An upstream behind HTTP and a bearer's key: where a request of a dialect goes and what it bears."""

from __future__ import annotations

from collections.abc import Collection

from tollhouse import __version__
from tollhouse.domain.exchange import Errand, Outgoing, Sending
from tollhouse.ports import Headers, Spoken, Upstream

USER_AGENT = b"tollhouse/" + __version__.encode()

BEARER = "authorization"
CONVERSATIONS = {
    "openai_chat": b"/chat/completions",
    "openai_responses": b"/responses",
}
OTHER_TASKS = {
    "openai_completions": b"/completions",
    "openai_embeddings": b"/embeddings",
    "openai_moderations": b"/moderations",
    "rerank": b"/rerank",
    "openai_images": b"/images/generations",
    "openai_edits": b"/images/edits",
    "openai_variations": b"/images/variations",
    "openai_speech": b"/audio/speech",
    "openai_transcriptions": b"/audio/transcriptions",
    "openai_translations": b"/audio/translations",
}
"""Nothing is translated into these: what is asked for stands with the model."""

FORMS = frozenset(
    ("openai_transcriptions", "openai_translations", "openai_edits", "openai_variations")
)
"""Of those, what is sent as a form."""

PATHS = {**CONVERSATIONS, **OTHER_TASKS}
"""Where each dialect is spoken, under the base."""

USUAL = ("openai_chat",)


class ChatProvider:
    """Implements FileKeeper. The key is bound to the one upstream that it was given with."""

    def __init__(
        self,
        upstream: Upstream,
        dialect: Spoken,
        base_path: bytes,
        key: str | None,
        speaks: Collection[str] = USUAL,
        *,
        key_header: str = BEARER,
    ) -> None:
        """`speaks` are the conversations; any other task is asked as it came."""
        self.upstream = upstream
        self.dialect = dialect
        base_path = base_path.rstrip(b"/")
        self._base_path = base_path
        self._paths = {dialect: base_path + PATHS[dialect] for dialect in (*speaks, *OTHER_TASKS)}
        self._shown = (
            (b"accept-encoding", b"identity"),
            (b"user-agent", USER_AGENT),
            *shown(key, key_header),
        )
        self._headers = (
            (b"content-type", b"application/json"),
            (b"accept", b"application/json, text/event-stream"),
            *self._shown,
        )

    def speaks(self, dialect: str) -> bool:
        return dialect in self._paths

    def sending(self, outgoing: Outgoing) -> Sending:
        return self._sending(self._paths[outgoing.dialect], outgoing)

    def _sending(self, path: bytes, outgoing: Outgoing) -> Sending:
        body, headers = outgoing.body, self._headers
        if not isinstance(body, bytes):
            headers = ((b"content-type", body.media), *headers[1:])
        return Sending(b"POST", path, headers, body)

    def errand(self, errand: Errand) -> Sending:
        media = ((b"content-type", errand.media),) if errand.body else ()
        path = self._base_path + errand.path
        return Sending(errand.method, path, (*media, *self._shown), errand.body)


def shown(key: str | None, header: str = BEARER) -> Headers:
    """How a key is shown: as a bearer's, or by itself in a header of its own."""
    if key is None:
        return ()
    scheme = b"Bearer " if header == BEARER else b""
    return ((header.encode(), scheme + key.encode()),)
