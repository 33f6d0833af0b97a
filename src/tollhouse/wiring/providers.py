"""Providers as the settings name them, each with its one way out."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import AsyncExitStack

from tollhouse.config import Settings
from tollhouse.config.settings import ProviderSettings
from tollhouse.domain.exchange import Deadlines
from tollhouse.ports import Provider
from tollhouse.providers.chat_provider import ChatProvider
from tollhouse.providers.echo import Echo
from tollhouse.providers.local import LocalModel, LocalModelFailed
from tollhouse.upstream.client import HttpUpstream
from tollhouse.upstream.moving import MovingUpstream

LOCAL_CONNECTIONS = 128
"""What the local engine has threads for."""


async def open_providers(settings: Settings, stack: AsyncExitStack) -> Mapping[str, Provider]:
    return {name: await _open_provider(each, stack) for name, each in settings.providers.items()}


async def _open_provider(settings: ProviderSettings, stack: AsyncExitStack) -> Provider:
    deadlines = Deadlines(
        settings.connect_s, settings.first_byte_s, settings.between_s, settings.whole_s
    )
    if settings.kind == "echo":
        return ChatProvider(Echo(), b"/v1", None)
    if settings.kind == "local":
        return await _open_local(deadlines, stack)
    upstream = HttpUpstream(
        settings.base_url or "", deadlines=deadlines, max_connections=settings.max_connections
    )
    stack.push_async_callback(upstream.aclose)
    return ChatProvider(
        upstream, upstream.base_path.encode(), settings.key.reveal() if settings.key else None
    )


async def _open_local(deadlines: Deadlines, stack: AsyncExitStack) -> Provider:
    model = LocalModel()
    stack.push_async_callback(model.stop)
    try:
        await model.start()
    except LocalModelFailed as failed:
        print(f"The local model does not run: {failed}", file=sys.stderr)
    upstream = MovingUpstream(lambda: model.url, deadlines, LOCAL_CONNECTIONS)
    stack.push_async_callback(upstream.aclose)
    return ChatProvider(upstream, b"/v1", model.key)
