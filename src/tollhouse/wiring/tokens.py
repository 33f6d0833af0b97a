"""Where a provider wants a token that is asked for first: by whom, and of whom."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import partial

from tollhouse.config import Settings, accounts
from tollhouse.config.sections.providers import ProviderSettings
from tollhouse.domain.exchange import Deadlines, Sending
from tollhouse.ports import Upstream
from tollhouse.providers import workloads
from tollhouse.providers.bearing import BearingUpstream
from tollhouse.providers.tokens import Tokens, form
from tollhouse.providers.workloads import AwsCredentials
from tollhouse.upstream.client import HttpUpstream
from tollhouse.wiring.ways import way_of

MOST_BYTES = 64 * 1024


def bearing(
    upstream: Upstream, provider: ProviderSettings, settings: Settings, stack: AsyncExitStack
) -> Upstream:
    """The same upstream, if it asks for no token. Raises ValueError where a key is none."""
    tokens = tokens_of(provider, settings, stack)
    return upstream if tokens is None else BearingUpstream(upstream, tokens)


def tokens_of(
    provider: ProviderSettings, settings: Settings, stack: AsyncExitStack
) -> Tokens | None:
    if provider.tokens_url is None:
        return None
    giver = _giver(provider, settings, provider.tokens_url, stack)
    asking = _asking(provider, settings, giver.base_path.encode() or b"/")
    return Tokens(giver, asking)


def aws_credentials(
    provider: ProviderSettings, settings: Settings, stack: AsyncExitStack
) -> AwsCredentials | None:
    """Temporary ones, for the token of the workload."""
    if provider.sts_url is None or provider.role is None or provider.identity_token is None:
        return None
    giver = _giver(provider, settings, provider.sts_url, stack)
    token = settings.at(provider.identity_token)
    asking = workloads.of_aws(giver.base_path.encode() or b"/", provider.role, token)
    return AwsCredentials(giver, asking, time.time)


def _giver(
    provider: ProviderSettings, settings: Settings, url: str, stack: AsyncExitStack
) -> HttpUpstream:
    giver = HttpUpstream(
        way_of(provider, settings, url),
        deadlines=Deadlines(provider.connect_s),
        max_connections=1,
        max_body_bytes=MOST_BYTES,
    )
    stack.push_async_callback(giver.aclose)
    return giver


def _asking(provider: ProviderSettings, settings: Settings, path: bytes) -> Callable[[], Sending]:
    if provider.identity_token is not None:
        token = settings.at(provider.identity_token)
        if provider.audience is not None:
            return workloads.of_google(path, provider.audience, token)
        return workloads.of_azure(path, provider.client_id or "", token)
    if provider.service_account is not None:
        from tollhouse.providers.google_tokens import Statement

        return Statement(accounts.opened(provider.service_account), path, time.time).asking
    return partial(_asking_entra, provider, path)


def _asking_entra(provider: ProviderSettings, path: bytes) -> Sending:
    members = {
        "grant_type": "client_credentials",
        "client_id": provider.client_id or "",
        "client_secret": provider.key.reveal() if provider.key else "",
        "scope": workloads.AZURE_SCOPE,
    }
    return form(path, members)
