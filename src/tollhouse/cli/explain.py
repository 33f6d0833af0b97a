"""`tollhouse explain`"""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tollhouse.cli.house import House, Json, run
from tollhouse.cli.printing import money, print_json

if TYPE_CHECKING:
    from tollhouse.config import Settings
    from tollhouse.control.explain import Arrival, Explanation
    from tollhouse.domain.snapshot import Snapshot


def explain(
    context: typer.Context,
    key: Annotated[
        str,
        typer.Argument(
            help="The key's id, or its prefix thk_ID. Left out with --token and --certificate."
        ),
    ],
    model: Annotated[str, typer.Argument(help="The model that would be called.")] = "",
    token: Annotated[
        str,
        typer.Option(
            metavar="FILE",
            help="Instead of a key: the file that a token is in, or `-` for standard input.",
        ),
    ] = "",
    certificate: Annotated[
        str,
        typer.Option(
            metavar="FILE",
            help="Instead of a key: a client certificate, as a PEM file, with what stands between it and its root.",
        ),
    ] = "",
    input_bytes: Annotated[
        int, typer.Option("--bytes", min=0, help="How large the text going in is.")
    ] = 1000,
    max_tokens: Annotated[
        int | None, typer.Option(min=1, help="How many tokens may come out.")
    ] = None,
    path: Annotated[
        str, typer.Option(help="Where it would be called, such as /api/chat or /v1/embeddings.")
    ] = "/v1/chat/completions",
    as_json: Json = False,
) -> None:
    """Say whether a call would be let in, what would be held, and who would answer.

    The same rules decide as for a call; nothing is held or sent. Exit status 1 if refused.

    Example: tollhouse explain 0Ab1Cd2Ef3Gh gpt-4.1 --bytes 4000 --max-tokens 500

    With --token, what a token of one of [issuers] says, which rule fits and who that is, or in which of
    [static_tokens] it stands. With --certificate, who vouches for it and for whom it stands. Nobody is called for it.

    Example: tollhouse explain --token token.jwt gpt-4.1

    Example: tollhouse explain --certificate svid.pem gpt-4.1
    """
    from tollhouse.control import catalogue
    from tollhouse.control import explain as explaining
    from tollhouse.storage import snapshots
    from tollhouse.wiring.asking import ask_on

    if sum(map(bool, (token, certificate, model))) != 1:
        raise typer.BadParameter("name a key and a model, or a model and --token or --certificate")
    ask = ask_on(path, model or key, input_bytes, max_tokens)
    text = _text(token) if token else ""
    is_named = bool(model)

    async def work(house: House) -> Explanation:
        known = catalogue.names(house.settings)
        if not is_named:
            await _open_accounts(house)
        snapshot = await snapshots.load(
            house.store,
            known,
            requires_price=house.settings.ledger.require_price,
            takes_tokens=not is_named,
        )
        now = house.now_ms / 1000
        if is_named:
            key_id = key.removeprefix("thk_")
            return await explaining.explain(house.store, snapshot, key_id, ask, now)
        if certificate:
            arrival = _shown(snapshot, Path(certificate), house.settings, now)
        else:
            arrival = _arrival(snapshot, text, house.settings, now)
        return await explaining.explained(house.store, snapshot, arrival, ask, now)

    explanation = run(context, work)
    if as_json:
        print_json(_json(explanation))
    else:
        _print(explanation)
    if not explanation.is_allowed:
        raise typer.Exit(1)


def _text(source: str) -> str:
    """A token on a command line would be in every list of processes."""
    if source.startswith("eyJ"):
        raise typer.BadParameter("put the token into a file, or `-` for standard input")
    text = sys.stdin.read() if source == "-" else Path(source).read_text("utf-8")
    return text.strip()


async def _open_accounts(house: House) -> None:
    """As the gateway does when it starts: it may not have started with these settings yet."""
    from tollhouse.wiring import issuers

    await issuers.open_accounts(house.settings, house.store)


def _arrival(snapshot: Snapshot, text: str, settings: Settings, now: float) -> Arrival:
    from tollhouse.control.explain_shown import by_static_token
    from tollhouse.control.explain_token import by_token
    from tollhouse.domain.tokens import SHAPE
    from tollhouse.wiring import issuers, static_tokens

    if not text.startswith(SHAPE):
        return by_static_token(snapshot, text, static_tokens.tables(settings))
    holds = partial(issuers.holds, settings=settings)
    return by_token(snapshot, text, issuers.known(settings), holds, now)


def _shown(snapshot: Snapshot, file: Path, settings: Settings, now: float) -> Arrival:
    from tollhouse.auth.chains import ChainInvalid
    from tollhouse.control.explain_shown import by_certificate
    from tollhouse.wiring import trust

    if settings.server.client_certificates == "off":
        raise typer.BadParameter("nobody is asked for one: [server] client_certificates is off")
    try:
        shown = trust.read_certificate(file, settings)
    except ChainInvalid as invalid:
        raise typer.BadParameter(f"{file}: {invalid}") from None
    if settings.announced:
        print("note: roots that SPIFFE's agent has are not asked for here", file=sys.stderr)
    return by_certificate(snapshot, shown, trust.known(settings), now)


def _print(explanation: Explanation) -> None:
    for step in explanation.steps:
        print(f"{'no ' if step.code else 'yes'}  {step.name:<7} {step.says}")
    code = next((step.code for step in explanation.steps if step.code), None)
    print(f"refused: {code}" if code else "allowed")


def _json(explanation: Explanation) -> dict[str, Any]:
    plan = explanation.plan
    return {
        "is_allowed": explanation.is_allowed,
        "code": next((step.code for step in explanation.steps if step.code), None),
        **money("hold", plan.hold if plan else None),
        "targets": [leg.target.name for leg in plan.legs] if plan else [],
        "steps": [
            {"name": step.name, "says": step.says, "code": step.code} for step in explanation.steps
        ],
    }
