"""Providers as the settings name them, each with its one way out."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack

from tollhouse.config import Settings
from tollhouse.config.secrets import StoredSecret
from tollhouse.config.sections.providers import ProviderSettings
from tollhouse.dialects.anthropic_messages import AnthropicMessages
from tollhouse.dialects.bedrock_converse import BedrockConverse
from tollhouse.dialects.cohere_chat import CohereChat
from tollhouse.dialects.gemini import Gemini
from tollhouse.dialects.ollama_chat import OllamaChat
from tollhouse.dialects.openai_chat import OpenAIChat
from tollhouse.dialects.openai_responses import OpenAIResponses
from tollhouse.domain.exchange import Deadlines
from tollhouse.domain.urls import parse
from tollhouse.ports import Dialect, Provider, Upstream
from tollhouse.providers.anthropic_provider import AnthropicProvider
from tollhouse.providers.chat_provider import ChatProvider
from tollhouse.providers.cohere_provider import CohereProvider
from tollhouse.providers.converse_provider import ConverseProvider, signing
from tollhouse.providers.deployment_provider import DeploymentProvider
from tollhouse.providers.echo import Echo
from tollhouse.providers.gemini_provider import GeminiProvider, VertexProvider
from tollhouse.providers.local import LocalModel, LocalModelFailed
from tollhouse.providers.ollama_provider import OllamaProvider
from tollhouse.providers.showing import PLACE, ShowingUpstream
from tollhouse.providers.signed_provider import SignedProvider, WholeProvider
from tollhouse.providers.signing import SigningUpstream
from tollhouse.providers.sigv4 import Credentials, Scope
from tollhouse.upstream.client import HttpUpstream
from tollhouse.upstream.moving import MovingUpstream
from tollhouse.wiring.tokens import aws_credentials, bearing
from tollhouse.wiring.ways import way_of

CHAT, MESSAGES, OLLAMA = OpenAIChat(), AnthropicMessages(), OllamaChat()
GEMINI = Gemini()
CONVERSATIONS: Mapping[str, Dialect] = {each.name: each for each in (CHAT, OpenAIResponses())}
LOCAL_CONNECTIONS = 128
"""What the local engine has threads for."""


async def open_providers(settings: Settings, stack: AsyncExitStack) -> Mapping[str, Provider]:
    return {
        name: await _open_provider(each, settings, stack)
        for name, each in settings.providers.items()
    }


async def _open_provider(
    provider: ProviderSettings, settings: Settings, stack: AsyncExitStack
) -> Provider:
    deadlines = Deadlines(
        provider.connect_s, provider.first_byte_s, provider.between_s, provider.whole_s
    )
    if provider.kind == "echo":
        return ChatProvider(Echo(), CHAT, b"/v1", None)
    if provider.kind == "local":
        return await _open_local(deadlines, stack)
    http = HttpUpstream(
        way_of(provider, settings),
        deadlines=deadlines,
        max_connections=provider.max_connections,
        max_body_bytes=provider.max_answer_bytes,
        keep_alive_s=provider.keep_alive_s,
    )
    stack.push_async_callback(http.aclose)
    upstream = bearing(http, provider, settings, stack)
    base_path = http.base_path.encode()
    key = provider.key.reveal() if provider.key and upstream is http else None
    if key is not None and isinstance(provider.key, StoredSecret) and not provider.access_key:
        upstream, key = ShowingUpstream(http, provider.key.reveal), PLACE
    if provider.kind == "vertex":
        place = (provider.google_project or "", provider.location)
        return VertexProvider(upstream, GEMINI, base_path, place)
    if provider.is_anthropic:
        return AnthropicProvider(
            upstream, MESSAGES, base_path, key, provider.betas, provider.key_header
        )
    if provider.is_gemini:
        return GeminiProvider(upstream, GEMINI, base_path, key)
    if provider.kind == "ollama":
        return OllamaProvider(upstream, OLLAMA, base_path, key)
    if provider.is_cohere:
        return CohereProvider(upstream, CohereChat(), base_path, key)
    if (moving := _moving(upstream, provider, settings, stack)) is not None:
        if provider.is_converse:
            return ConverseProvider(moving, BedrockConverse(), base_path, None)
        chat = CONVERSATIONS[provider.dialects[0]]
        return WholeProvider(
            moving, chat, base_path, None, (*provider.dialects, "openai_embeddings")
        )
    if provider.is_converse:
        credentials = _signing(provider)
        host = parse(provider.base_url or "").authority
        proof = signing(host, *credentials, time.time) if credentials else key
        return ConverseProvider(upstream, BedrockConverse(), base_path, proof)
    speaks = (*provider.dialects, "openai_embeddings")
    conversation = CONVERSATIONS[provider.dialects[0]]
    if credentials := _signing(provider):
        origin = (parse(provider.base_url or "").authority, base_path)
        return SignedProvider(upstream, conversation, origin, credentials, time.time, speaks)
    if provider.api_version is not None:
        return DeploymentProvider(
            upstream, conversation, base_path, key, provider.api_version, speaks
        )
    return ChatProvider(
        upstream,
        conversation,
        base_path,
        key,
        speaks,
        key_header=provider.key_header,
    )


def _moving(
    upstream: Upstream, provider: ProviderSettings, settings: Settings, stack: AsyncExitStack
) -> SigningUpstream | None:
    """One that signs with credentials which may change; None where there are no such."""
    host = parse(provider.base_url or "").authority
    scope = Scope(provider.region or "", "bedrock")
    if (temporary := aws_credentials(provider, settings, stack)) is not None:
        return SigningUpstream(upstream, host, scope, temporary.current, time.time)
    given = (provider.access_key, provider.key, provider.session_token)
    if not (provider.access_key and any(isinstance(each, StoredSecret) for each in given)):
        return None

    async def current() -> Credentials:
        signing = _signing(provider)
        assert signing is not None  # noqa: S101 - the settings were checked
        return signing[0]

    return SigningUpstream(upstream, host, scope, current, time.time)


def _signing(provider: ProviderSettings) -> tuple[Credentials, Scope] | None:
    if not (provider.access_key and provider.key and provider.region):
        return None
    token = provider.session_token.reveal() if provider.session_token else None
    credentials = Credentials(provider.access_key.reveal(), provider.key.reveal(), token)
    return credentials, Scope(provider.region, "bedrock")


async def _open_local(deadlines: Deadlines, stack: AsyncExitStack) -> Provider:
    model = LocalModel()
    stack.push_async_callback(model.stop)
    try:
        await model.start()
    except LocalModelFailed as failed:
        print(f"The local model does not run: {failed}", file=sys.stderr)
    upstream = MovingUpstream(lambda: model.url, deadlines, LOCAL_CONNECTIONS)
    stack.push_async_callback(upstream.aclose)
    return ChatProvider(upstream, CHAT, b"/v1", model.key)
