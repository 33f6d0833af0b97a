"""Tokens in files as the settings name them, and what keeps a gateway with them from starting."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from tollhouse.auth.static_tokens import FixedToken, StaticTokens, TokenFile, tokens_in
from tollhouse.config import Settings
from tollhouse.config.problems import Problem, dotted
from tollhouse.config.sections.static_tokens import StaticTokenSettings
from tollhouse.domain import claims, static_tokens
from tollhouse.domain.identity import Priority
from tollhouse.domain.static_tokens import Bearer, TokensMissing, TokensUnfit

MAKING = "Make one: `openssl rand -hex 32`."


def open_static_tokens(settings: Settings) -> StaticTokens:
    tables = settings.static_tokens.items()
    return StaticTokens([(source_of(name, it, settings), _bearer(name, it)) for name, it in tables])


def tables(settings: Settings) -> list[tuple[tuple[bytes, ...], str, Bearer]]:
    """As they are now: digests, what hinders a look, and whose calls they are."""
    return [
        (source.digests(), source.stock().trouble, bearer)
        for source, bearer in open_static_tokens(settings).tables
    ]


def unusable(settings: Settings) -> Iterator[Problem]:
    """Files that are there and have no tokens, or those of another table. One that is not there may come."""
    known: dict[str, str] = {
        table.token.reveal(): name
        for name, table in settings.static_tokens.items()
        if table.token is not None
    }
    for name, table in settings.static_tokens.items():
        if table.file is None:
            continue
        key = dotted(("static_tokens", name, "file"))
        path = settings.at(table.file)
        try:
            tokens = _present(path)
        except TokensUnfit as unfit:
            yield Problem(key, f"{path}: {unfit}", "a token in each line", MAKING)
            continue
        others = {known[token] for token in tokens if token in known}
        if others:
            found = f"a token of [static_tokens.{min(others)}] as well"
            yield Problem(key, found, "tokens that are nobody else's", MAKING)
        known |= dict.fromkeys(tokens, name)


def _present(path: Path) -> tuple[str, ...]:
    with suppress(OSError, TokensMissing):
        return tokens_in(path)
    return ()


def source_of(name: str, table: StaticTokenSettings, settings: Settings) -> TokenFile | FixedToken:
    if table.file is not None:
        return TokenFile(name, settings.at(table.file))
    return FixedToken(static_tokens.digest(table.token.reveal() if table.token else ""))


def _bearer(name: str, table: StaticTokenSettings) -> Bearer:
    return Bearer(
        key=name,
        tenant=table.tenant,
        project=f"{table.tenant}/{table.project}",
        user=f"{table.tenant}/{table.user}",
        models=table.models,
        priority=Priority(table.priority),
        account=claims.account(name, table.account),
    )
