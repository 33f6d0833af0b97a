"""OpenCode's paths beside the calls: who proves passwords there, and what signs the tokens."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AsyncExitStack
from functools import partial

from tollhouse.admin.opencode.logging_in import Reception
from tollhouse.admin.opencode.routes import opencode_routes
from tollhouse.auth.passwords import Passwords, Proofs
from tollhouse.config import Settings
from tollhouse.control.keeping import SnapshotKeeper
from tollhouse.control.peppers import Peppers
from tollhouse.dialects.opencode import OpenCode
from tollhouse.domain.logins import Logins
from tollhouse.domain.passwords import Kept, Proved
from tollhouse.pipeline.route import Route
from tollhouse.wiring import issuers
from tollhouse.wiring.store import Store


def served_opencode(
    settings: Settings,
    peppers: Peppers,
    store: Store,
    keeper: SnapshotKeeper,
    stack: AsyncExitStack,
) -> Iterable[Route]:
    keys = issuers.own_keys_of(settings)
    if keys is None or settings.opencode.tenant is None:
        raise RuntimeError("there is nothing to sign tokens with, or nobody to log in")
    logins = settings.logins
    known, proofs = Passwords(peppers.versions, peppers.current), Proofs()
    stack.callback(proofs.close)

    async def prove(password: str, kept: Kept | None) -> Proved:
        return await proofs.done(partial(known.proved, password, kept))

    reception = Reception(
        store=store,
        logins=Logins(logins.failures_per_minute),
        prove=prove,
        sign=keys.token,
        refresh=keeper.refresh,
        tenant=settings.opencode.tenant,
        project=logins.project,
        models=logins.models,
        lives_s=logins.minutes * 60,
        longest_lives_s=issuers.longest_lives_s(settings),
    )
    return opencode_routes(OpenCode(), reception)
