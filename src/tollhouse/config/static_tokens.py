"""Whether tokens in files can be told apart, as far as the settings alone can tell."""

from __future__ import annotations

from collections.abc import Iterator

from tollhouse.config.clash import Clash
from tollhouse.config.problems import Place, shown
from tollhouse.config.settings import Settings
from tollhouse.domain.claims import FROM_CLAIM, OURS
from tollhouse.domain.static_tokens import TokensUnfit, read


def clashes(settings: Settings) -> Iterator[Clash]:
    named: dict[str, Place] = {}
    for name, table in settings.static_tokens.items():
        place: Place = ("static_tokens", name)
        if (table.file is None) == (table.token is None):
            about = ((*place, "file"), (*place, "token"))
            found = "neither" if table.file is None else "both"
            yield Clash(about, found, "a file with tokens, or a reference to one")
        if name == OURS:
            yield Clash((place,), "the name of our own tokens", "another")
        elif name in settings.issuers:
            about = (place, ("issuers", name))
            yield Clash(about, "the name of an issuer, whose account would pay", "another")
        for member in ("tenant", "project", "user"):
            if (said := getattr(table, member)).startswith(FROM_CLAIM):
                yield Clash(((*place, member),), shown(said), "a name: such a token has no claims")
        if table.token is not None:
            here = (*place, "token")
            text = table.token.reveal()
            if (other := named.setdefault(text, here)) != here:
                yield Clash((here, other), "the token of another table too", "one for each")
            try:
                read(text.encode())
            except TokensUnfit as unfit:
                hint = "Make one: `openssl rand -hex 32`."
                yield Clash((here,), f"{table.token.reference}: {unfit}", "a token", hint)
