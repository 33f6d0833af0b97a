"""An upstream where each model is a deployment with a URL of its own: Azure OpenAI before its `/openai/v1`."""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import quote

from tollhouse.domain.exchange import Outgoing, Sending
from tollhouse.ports import Spoken, Upstream
from tollhouse.providers.chat_provider import OTHER_TASKS, PATHS, USUAL, ChatProvider


class DeploymentProvider(ChatProvider):
    """Implements Provider. The deployment is the target's model."""

    def __init__(
        self,
        upstream: Upstream,
        dialect: Spoken,
        base_path: bytes,
        key: str | None,
        api_version: str,
        speaks: Collection[str] = USUAL,
    ) -> None:
        super().__init__(upstream, dialect, base_path, key, speaks, key_header="api-key")
        self._before = base_path.rstrip(b"/") + b"/openai/deployments/"
        self._after = {
            name: PATHS[name] + f"?api-version={api_version}".encode()
            for name in (*speaks, *OTHER_TASKS)
        }

    def sending(self, outgoing: Outgoing) -> Sending:
        deployment = quote(outgoing.model, safe="").encode()
        path = self._before + deployment + self._after[outgoing.dialect]
        return self._sending(path, outgoing)
