"""Google's Gemini API, and Vertex AI's: which model is asked, and whether for a stream, stands in the path."""

from __future__ import annotations

from urllib.parse import quote

from tollhouse.domain.exchange import Outgoing, Sending
from tollhouse.ports import Spoken, Upstream
from tollhouse.providers.chat_provider import USER_AGENT, shown

KEY_HEADER = "x-goog-api-key"
FAMILIES = ("models", "tunedModels")
WHOLE, STREAM = b":generateContent", b":streamGenerateContent?alt=sse"

OTHER_TASKS = {"openai_embeddings": b"/openai/embeddings"}
"""Beside its own API it has some of OpenAI's paths, which take the key as a bearer's."""


class GeminiProvider:
    """Implements Provider. The key is bound to the one upstream that it was given with."""

    def __init__(
        self, upstream: Upstream, dialect: Spoken, base_path: bytes, key: str | None
    ) -> None:
        self.upstream = upstream
        self.dialect = dialect
        self._base = base_path.rstrip(b"/")
        self._headers = (
            (b"content-type", b"application/json"),
            (b"accept", b"application/json, text/event-stream"),
            (b"accept-encoding", b"identity"),
            (b"user-agent", USER_AGENT),
        )
        self._bearing = shown(key, KEY_HEADER)
        self._as_bearer = shown(key)

    def speaks(self, dialect: str) -> bool:
        return dialect in OTHER_TASKS

    def sending(self, outgoing: Outgoing) -> Sending:
        if (task := OTHER_TASKS.get(outgoing.dialect)) is not None:
            headers = (*self._headers, *self._as_bearer)
            return Sending(b"POST", self._base + task, headers, outgoing.body)
        path = self._base + b"/" + _named(outgoing.model)
        path += STREAM if outgoing.is_stream else WHOLE
        return Sending(b"POST", path, (*self._headers, *self._bearing), outgoing.body)


class VertexProvider(GeminiProvider):
    """Implements Provider. Its upstream bears the token of who asks, and each project has its own place."""

    def __init__(
        self, upstream: Upstream, dialect: Spoken, base_path: bytes, place: tuple[str, str]
    ) -> None:
        project, location = place
        within = f"/projects/{project}/locations/{location}/publishers/google"
        super().__init__(upstream, dialect, base_path.rstrip(b"/") + within.encode(), None)

    def speaks(self, _: str) -> bool:
        return False


def _named(model: str) -> bytes:
    """A name may come from a caller, by a wildcard: it cannot leave its place in the path."""
    family, slash, name = model.partition("/")
    if not slash or family not in FAMILIES:
        family, name = FAMILIES[0], model
    return f"{family}/{quote(name, safe='')}".encode()
