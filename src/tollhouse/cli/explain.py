"""`tollhouse explain`"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from tollhouse.cli.house import House, Json, run
from tollhouse.cli.printing import money, print_json

if TYPE_CHECKING:
    from tollhouse.control.explain import Explanation


def explain(
    context: typer.Context,
    key: Annotated[str, typer.Argument(help="The key's id, or its prefix thk_ID.")],
    model: Annotated[str, typer.Argument(help="The model that would be called.")],
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
    """
    from tollhouse.control import catalogue
    from tollhouse.control import explain as explaining
    from tollhouse.storage import snapshots
    from tollhouse.wiring.asking import ask_on

    ask = ask_on(path, model, input_bytes, max_tokens)

    async def work(house: House) -> Explanation:
        known = catalogue.names(house.settings)
        requires_price = house.settings.ledger.require_price
        snapshot = await snapshots.load(house.store, known, requires_price=requires_price)
        key_id = key.removeprefix("thk_")
        now = house.now_ms / 1000
        return await explaining.explain(house.store, snapshot, key_id, ask, now)

    explanation = run(context, work)
    if as_json:
        print_json(_json(explanation))
    else:
        _print(explanation)
    if not explanation.is_allowed:
        raise typer.Exit(1)


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
