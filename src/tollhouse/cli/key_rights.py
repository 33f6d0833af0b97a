"""`tollhouse keys grant`, `withdraw`, `prioritize`, `exempt`, `ceiling` and `bind`: what a key may do"""

from __future__ import annotations

from typing import Annotated

import typer

from tollhouse.cli.house import Json, run
from tollhouse.cli.printing import money, print_json
from tollhouse.domain.budget import dollars
from tollhouse.domain.identity import Priority

Key = Annotated[str, typer.Argument(help="The key's id, or its prefix thk_ID.")]
PRIORITY = "`low` is refused first when there is too much to do, `high` last."
FROM = "A network that it may be used from, such as 10.0.0.0/8; may be repeated. Everywhere if none is named."
FOR = "What it is for, such as embeddings; may be repeated. Everything if nothing is named."
HOURS = "When it may be used, such as 'mon-fri 08:00-18:00 Europe/Berlin'; by the clocks of UTC if no place is named."
Models = Annotated[list[str], typer.Argument(help="Models: exact names, `prefix*`, or `*`.")]


def grant(context: typer.Context, key: Key, models: Models, as_json: Json = False) -> None:
    """Let a key call more models.

    Example: tollhouse keys grant 0Ab1Cd2Ef3Gh gpt-4.1 'local-*'
    """
    from tollhouse.control import key_rights

    granted = run(context, lambda house: key_rights.grant(house.store, key, models))
    _print_models(key, granted, as_json=as_json)


def withdraw(context: typer.Context, key: Key, models: Models, as_json: Json = False) -> None:
    """Take models from a key, each as it was granted.

    Example: tollhouse keys withdraw 0Ab1Cd2Ef3Gh 'local-*'
    """
    from tollhouse.control import key_rights

    granted = run(context, lambda house: key_rights.withdraw(house.store, key, models))
    _print_models(key, granted, as_json=as_json)


def prioritize(
    context: typer.Context,
    key: Key,
    priority: Annotated[Priority, typer.Argument(help=PRIORITY)],
    as_json: Json = False,
) -> None:
    """Say whose calls are refused first when there is too much to do.

    Example: tollhouse keys prioritize 0Ab1Cd2Ef3Gh low
    """
    from tollhouse.control import key_rights

    run(context, lambda house: key_rights.set_priority(house.store, key, priority))
    if as_json:
        print_json({"id": key, "priority": priority.value})
    else:
        print(f"key {key} has {priority} priority")


def exempt(
    context: typer.Context,
    key: Key,
    off: Annotated[bool, typer.Option("--off", help="Count its calls again.")] = False,
    as_json: Json = False,
) -> None:
    """Let a key call whatever the budgets say. Its calls are written down, and count on no account.

    Example: tollhouse keys exempt 0Ab1Cd2Ef3Gh
    """
    from tollhouse.control import key_rights

    run(context, lambda house: key_rights.set_exempt(house.store, key, is_exempt=not off))
    if as_json:
        print_json({"id": key, "is_exempt": not off})
    else:
        print(f"key {key} {'counts on its budgets' if off else 'is exempt from budgets'}")


def ceiling(
    context: typer.Context,
    key: Key,
    per_conversation: Annotated[
        str, typer.Option(help="Dollars for each `x-conversation-id`, such as 0.50; or none.")
    ],
    as_json: Json = False,
) -> None:
    """Say what one conversation of a key may come to, by the `x-conversation-id` of its calls.

    Example: tollhouse keys ceiling 0Ab1Cd2Ef3Gh --per-conversation 0.50
    """
    from tollhouse.control import key_rights
    from tollhouse.domain import amounts

    limit = None if per_conversation == "none" else amounts.nanos(per_conversation, "limit")
    run(context, lambda house: key_rights.set_ceiling(house.store, key, limit))
    if as_json:
        print_json({"id": key, **money("per_conversation", limit)})
    else:
        print(f"key {key}: {'no ceiling' if limit is None else dollars(limit)} for a conversation")


def bind(
    context: typer.Context,
    key: Key,
    foreign_users: Annotated[
        str,
        typer.Option(help="`known`, `refuse`, `tolerate`, or `default` for that of the settings."),
    ],
    as_json: Json = False,
) -> None:
    """Say what becomes of bodies that name another user than the key's, who pays in any case.

    Example: tollhouse keys bind 0Ab1Cd2Ef3Gh --foreign-users tolerate
    """
    from tollhouse.control import key_rights
    from tollhouse.domain.identity import Naming

    if foreign_users not in ("default", *Naming):
        raise typer.BadParameter(f"{foreign_users!r} is none of default, {', '.join(Naming)}")
    naming = None if foreign_users == "default" else Naming(foreign_users)
    run(context, lambda house: key_rights.bind(house.store, key, naming))
    if as_json:
        print_json({"id": key, "foreign_users": naming})
    else:
        print(f"key {key}: a body that names another user: {foreign_users}")


def confine(
    context: typer.Context,
    key: Key,
    networks: Annotated[list[str] | None, typer.Option("--from", help=FROM)] = None,
    purposes: Annotated[list[str] | None, typer.Option("--for", help=FOR)] = None,
    hours: Annotated[str, typer.Option("--hours", help=HOURS)] = "",
    anywhere: Annotated[bool, typer.Option("--anywhere", help="From everywhere.")] = False,
    anything: Annotated[bool, typer.Option("--anything", help="For everything.")] = False,
    anytime: Annotated[bool, typer.Option("--anytime", help="At any time.")] = False,
    as_json: Json = False,
) -> None:
    """Say which networks a key may be used from, what it is for, and when. What is not said stays.

    Example: tollhouse keys confine 0Ab1Cd2Ef3Gh --from 10.20.0.0/16 --for embeddings --for models

    Example: tollhouse keys confine 0Ab1Cd2Ef3Gh --hours 'mon-fri 08:00-18:00 Europe/Berlin'
    """
    from tollhouse.control import key_rights

    if (
        (anywhere and networks)
        or (anything and purposes)
        or (anytime and hours)
        or not (networks or purposes or hours or anywhere or anything or anytime)
    ):
        raise typer.BadParameter(
            "say --from or --anywhere, --for or --anything, --hours or --anytime"
        )
    where = [] if anywhere else networks or None
    what_for = [] if anything else purposes or None
    when = "" if anytime else hours or None
    row = run(context, lambda house: key_rights.confine(house.store, key, where, what_for, when))
    if as_json:
        told = {"networks": list(row.networks), "purposes": list(row.purposes)}
        print_json({"id": key, **told, "hours": row.hours or None})
    else:
        print(
            f"key {key} may be used from {', '.join(row.networks) or 'everywhere'}, "
            f"for {', '.join(row.purposes) or 'everything'}, {row.hours or 'at any time'}"
        )


def constrain(
    context: typer.Context,
    key: Key,
    certificates: Annotated[
        list[str] | None,
        typer.Option(
            "--certificate", help="A SHA-256 thumbprint in hex, or a SPIFFE ID; may be repeated."
        ),
    ] = None,
    proof_key: Annotated[
        str, typer.Option(help="The thumbprint (RFC 7638) of the key that each call proves: DPoP.")
    ] = "",
    no_certificate: Annotated[bool, typer.Option(help="None has to be shown.")] = False,
    no_proof: Annotated[bool, typer.Option(help="Nothing has to be proved.")] = False,
    as_json: Json = False,
) -> None:
    """Say what has to be shown or proved beside a key, so that a stolen one is not enough. What is not said stays.

    Example: tollhouse keys constrain 0Ab1Cd2Ef3Gh --certificate spiffe://prod.example.org/indexer
    """
    from tollhouse.control import key_rights

    said = (certificates or no_certificate, proof_key or no_proof)
    if not any(said) or (certificates and no_certificate) or (proof_key and no_proof):
        raise typer.BadParameter("say --certificate or --no-certificate, --proof-key or --no-proof")
    shows = [] if no_certificate else certificates or None
    proves = "" if no_proof else proof_key or None
    row = run(context, lambda house: key_rights.constrain(house.store, key, shows, proves))
    if as_json:
        told = {"certificates": list(row.certificates), "proof_key": row.proof_key or None}
        print_json({"id": key, **told})
    else:
        print(
            f"key {key} is used with the certificate {' or '.join(row.certificates) or 'of anybody'}, "
            f"and proofs by {row.proof_key or 'nobody'}"
        )


def _print_models(key: str, models: tuple[str, ...], *, as_json: bool) -> None:
    if as_json:
        print_json({"id": key, "models": list(models)})
    else:
        print(f"key {key} may call: {', '.join(models) or 'nothing'}")
