"""Providers as the settings name them, asked for their models by the way that calls take."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import AsyncExitStack

from tollhouse.config import Settings
from tollhouse.config.sections.providers import ProviderSettings
from tollhouse.control import vault
from tollhouse.control.checking import Checked, Verdict, check
from tollhouse.control.secrets import stored
from tollhouse.domain.errors import UpstreamTokenUnavailable
from tollhouse.domain.exchange import Deadlines, Sending
from tollhouse.ports import Headers
from tollhouse.providers.bearing import BearingUpstream
from tollhouse.providers.chat_provider import USER_AGENT, shown
from tollhouse.upstream.client import HttpUpstream
from tollhouse.wiring.store import open_database
from tollhouse.wiring.tokens import tokens_of
from tollhouse.wiring.ways import way_of

ANTHROPIC_VERSION = (b"anthropic-version", b"2023-06-01")


async def check_providers(settings: Settings, names: Iterable[str]) -> list[Checked]:
    await _fill(settings)
    return list(await asyncio.gather(*(_checked(settings, name) for name in names)))


async def _fill(settings: Settings) -> None:
    """What is kept in the store. Raises Conflict."""
    if stored(settings):
        store = open_database(settings)
        try:
            await vault.opened(settings, store)
        finally:
            await store.close()


async def _checked(settings: Settings, name: str) -> Checked:
    provider = settings.providers[name]
    if provider.base_url is None:
        return Checked(name, Verdict.HERE, "a part of this program")
    if not provider.lists_models and provider.tokens_url is None:
        return Checked(name, Verdict.UNASKED, "it has no list of models to ask for")
    targets = [target for model in settings.models.values() for target in model.targets]
    wanted = {it.model for it in targets if it.provider == name and "*" not in it.model}
    try:
        way = way_of(provider, settings)
    except OSError as error:
        return Checked(name, Verdict.UNREACHABLE, f"its certificates cannot be used: {error}")
    deadlines = Deadlines(provider.connect_s, provider.first_byte_s, provider.between_s)
    async with AsyncExitStack() as stack:
        upstream = HttpUpstream(way, deadlines=deadlines, max_connections=1)
        stack.push_async_callback(upstream.aclose)
        asking = _asking(provider, upstream.base_path)
        try:
            tokens = tokens_of(provider, settings, stack)
            if tokens is None:
                return await check(name, upstream, asking, sorted(wanted))
            await tokens.current()
        except UpstreamTokenUnavailable as unavailable:
            return Checked(name, Verdict.KEY_REFUSED, unavailable.private or unavailable.detail)
        except ValueError as error:
            return Checked(name, Verdict.KEY_REFUSED, str(error))
        if not provider.lists_models:
            return Checked(name, Verdict.UNASKED, "tokens are given; it has no list of models")
        return await check(name, BearingUpstream(upstream, tokens), asking, sorted(wanted))


def _asking(provider: ProviderSettings, base_path: str) -> Sending:
    key = provider.key.reveal() if provider.key and provider.tokens_url is None else None
    base = base_path.encode().rstrip(b"/")
    path = base + b"/models"
    bearing: Headers = shown(key, provider.key_header)
    if provider.is_anthropic:
        path = base.removesuffix(b"/v1") + b"/v1/models"
        bearing = (*bearing, ANTHROPIC_VERSION)
    if provider.is_gemini:
        path += b"?pageSize=1000"
    if provider.is_cohere:
        path = base + b"/v1/models?page_size=1000"
    headers = (
        (b"accept", b"application/json"),
        (b"accept-encoding", b"identity"),
        (b"user-agent", USER_AGENT),
        *bearing,
    )
    return Sending(b"GET", path, headers, b"")
