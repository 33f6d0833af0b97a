"""An upstream where each model is a deployment with a URL of its own: Azure OpenAI before its `/openai/v1`."""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import quote

import msgspec

from tollhouse.domain.exchange import Sending
from tollhouse.ports import Dialect, Headers, Upstream
from tollhouse.providers.chat_provider import PATHS, USUAL, ChatProvider


class _Named(msgspec.Struct):
    model: str


_named = msgspec.json.Decoder(_Named).decode


class DeploymentProvider(ChatProvider):
    """Implements Provider. The deployment is the `model` of the body that the gate made."""

    def __init__(
        self,
        upstream: Upstream,
        dialect: Dialect,
        base_path: bytes,
        key: str | None,
        api_version: str,
        speaks: Collection[str] = USUAL,
    ) -> None:
        super().__init__(upstream, dialect, base_path, key, speaks, key_header="api-key")
        self._before = base_path.rstrip(b"/") + b"/openai/deployments/"
        self._after = {
            name: PATHS[name] + f"?api-version={api_version}".encode() for name in speaks
        }

    def sending(self, dialect: str, body: bytes, _: Headers = ()) -> Sending:
        deployment = quote(_named(body).model, safe="").encode()
        path = self._before + deployment + self._after[dialect]
        return Sending(b"POST", path, self._headers, body)
