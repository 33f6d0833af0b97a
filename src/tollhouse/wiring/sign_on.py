"""Providers by which one logs on to the console, as the settings name them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from hashlib import sha256

from tollhouse.admin.console import pages
from tollhouse.auth.sign_on import Client, Giver, SignOn
from tollhouse.auth.tokens import Tokens
from tollhouse.config import Settings
from tollhouse.config.sections.issuers import IssuerSettings
from tollhouse.domain.sessions import Held
from tollhouse.domain.urls import parse
from tollhouse.wiring.issuers import expected, reached


def sign_ons(settings: Settings, tokens: Tokens, stack: AsyncExitStack) -> Mapping[str, SignOn]:
    return {
        name: _sign_on(name, issuer, issuer.client_id, settings, tokens, stack)
        for name, issuer in settings.issuers.items()
        if issuer.client_id is not None
    }


def rules(settings: Settings) -> Mapping[str, str]:
    """Of each of them a digest of whom it lets in: with another one, nobody stays whom it let in before."""
    return {
        name: sha256(_said(issuer).encode()).hexdigest()
        for name, issuer in settings.issuers.items()
        if issuer.client_id is not None
    }


def _said(issuer: IssuerSettings) -> str:
    rules = [rule.model_dump() for rule in issuer.rules]
    return json.dumps([issuer.issuer, issuer.client_id, rules], sort_keys=True, default=str)


def _sign_on(
    name: str,
    issuer: IssuerSettings,
    client_id: str,
    settings: Settings,
    tokens: Tokens,
    stack: AsyncExitStack,
) -> SignOn:
    url = parse(issuer.issuer)
    upstream = reached(url, issuer, settings, stack)
    giver = Giver(upstream)
    if issuer.token_url is not None:
        at = parse(issuer.token_url)
        giver = Giver(reached(at, issuer, settings, stack), at.path.encode() or b"/")
    return SignOn(
        client=Client(
            id=client_id,
            secret=issuer.client_secret.reveal() if issuer.client_secret else "",
            scopes=issuer.scopes,
            redirect_uri=f"{settings.console_url}{pages.BACK}/{name}",
            authorize_url=issuer.authorize_url,
        ),
        expected=replace(expected(name, issuer), audiences=frozenset({client_id})),
        given=[_given(rule.role, rule.role_at) for rule in issuer.rules],
        url=url,
        upstream=upstream,
        giver=giver,
        tokens=tokens,
    )


def _given(role: str, at: str) -> Held:
    return ((role, at),) if role else ()
