"""The commands of `tollhouse keys` that make a secret, change it, or take it back."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from tollhouse.cli.house import House, Json, run
from tollhouse.cli.key_rights import FOR, FROM, PRIORITY, Key
from tollhouse.cli.printing import note, print_json, table
from tollhouse.cli.times import iso, span_s
from tollhouse.domain.identity import Priority

if TYPE_CHECKING:
    from tollhouse.control.keys import Issued
    from tollhouse.domain.lifetimes import Lifetimes

LEAKED = (
    "A text with secrets in it: `-` for standard input, `@FILE`, or the text itself, which the shell's "
    "history remembers. What of ours is in it is revoked."
)


def create(
    context: typer.Context,
    tenant: Annotated[str, typer.Argument(help="Whose key it is.")],
    name: Annotated[str, typer.Option(help="What the key is for.")],
    project: Annotated[str, typer.Option(help="The project that it works for.")] = "default",
    user: Annotated[
        str | None, typer.Option(help="The user that it belongs to; without one it has its own.")
    ] = None,
    models: Annotated[
        list[str] | None,
        typer.Option(help="What it may call; may be repeated. Nothing until granted."),
    ] = None,
    expires_in: Annotated[
        str,
        typer.Option(help="How long it lives; 90d, or the longest that [keys] has, if not said."),
    ] = "",
    never_expires: Annotated[bool, typer.Option("--never-expires", help="No end at all.")] = False,
    limit: Annotated[str | None, typer.Option(help="A budget of its own, in dollars.")] = None,
    priority: Annotated[Priority, typer.Option(help=PRIORITY)] = Priority.NORMAL,
    networks: Annotated[list[str] | None, typer.Option("--from", help=FROM)] = None,
    purposes: Annotated[list[str] | None, typer.Option("--for", help=FOR)] = None,
    as_json: Json = False,
) -> None:
    """Issue a key. It is shown this once, and kept only as a digest.

    Example: tollhouse keys create acme --name website --models 'gpt-*' --limit 20
    """
    from tollhouse.control import keys
    from tollhouse.control.peppers import opened
    from tollhouse.domain import amounts

    def lifetime_s(lifetimes: Lifetimes) -> int | None:
        if never_expires:
            return None
        return span_s(expires_in) if expires_in else lifetimes.usual_s

    wish = keys.Wish(
        tenant=tenant,
        name=name,
        project=project,
        user=user,
        models=tuple(models or ()),
        limit=None if limit is None else amounts.nanos(limit, "limit"),
        priority=priority,
        networks=tuple(networks or ()),
        purposes=tuple(purposes or ()),
    )

    async def work(house: House) -> Issued:
        peppers, lifetimes = (
            await opened(house.settings, house.store),
            house.settings.keys.lifetimes,
        )
        lasting = replace(wish, expires_in_s=lifetime_s(lifetimes))
        return await keys.issue(house.store, peppers, lasting, house.now_ms, lifetimes=lifetimes)

    _print_issued(run(context, work), as_json=as_json)
    if not wish.models:
        note("It may call nothing yet: grant models with `tollhouse keys grant`.")


def rotate(
    context: typer.Context,
    key: Key,
    grace: Annotated[str, typer.Option(help="How long the old secret still works.")] = "0s",
    expires_in: Annotated[
        str,
        typer.Option(help="How long the new one lives; 90d, or the longest, if not said."),
    ] = "",
    as_json: Json = False,
) -> None:
    """Give a key a new secret under the same id. The old one dies at once, or after the grace.

    Example: tollhouse keys rotate 0Ab1Cd2Ef3Gh --grace 24h
    """
    from tollhouse.control import keys
    from tollhouse.control.peppers import opened

    grace_s = span_s(grace)

    async def work(house: House) -> Issued:
        peppers, lifetimes = (
            await opened(house.settings, house.store),
            house.settings.keys.lifetimes,
        )
        life_s = span_s(expires_in) if expires_in else lifetimes.usual_s
        at = (key, house.now_ms, grace_s, life_s)
        return await keys.rotate(house.store, peppers, *at, lifetimes=lifetimes)

    _print_issued(run(context, work), as_json=as_json)


def retire(context: typer.Context, key: Key, as_json: Json = False) -> None:
    """Let the secret from before the last rotation die now, whatever is left of its grace.

    Example: tollhouse keys retire 0Ab1Cd2Ef3Gh
    """
    from tollhouse.control import keys

    run(context, lambda house: keys.retire(house.store, key))
    if as_json:
        print_json({"id": key, "previous_until": None})
    else:
        print(f"key {key} has one secret")


def revoke(
    context: typer.Context,
    key: Annotated[str, typer.Argument(help="The key's id, or its prefix thk_ID.")] = "",
    leaked: Annotated[str, typer.Option(help=LEAKED)] = "",
    as_json: Json = False,
) -> None:
    """Shut a key out for good: its digest is destroyed, its record stays. Or all whose secrets leaked in a text.

    Example: tollhouse keys revoke --leaked - < paste.txt
    """
    from tollhouse.control import keys

    if bool(key) is bool(leaked):
        raise typer.BadParameter("say the id of a key, or --leaked")
    if leaked:
        _take_back(context, leaked, as_json=as_json)
        return
    run(context, lambda house: keys.revoke(house.store, key))
    if as_json:
        print_json({"id": key, "state": "revoked"})
    else:
        print(f"key {key} is revoked")


def _take_back(context: typer.Context, text: str, *, as_json: bool) -> None:
    from tollhouse.cli.leaked import take_back

    done = take_back(context, text)
    if as_json:
        print_json(
            [
                {"kind": leak.kind, "id": leak.id, "was": leak.state, "is_revoked": is_ended}
                for leak, is_ended in done
            ]
        )
        return
    table(
        ("what", "id", "was", "now"),
        (
            (leak.kind, leak.id, leak.state, "revoked" if is_ended else "as it was")
            for leak, is_ended in done
        ),
        empty="nothing of ours is in it",
    )


def _print_issued(issued: Issued, *, as_json: bool) -> None:
    """The key alone on standard output, so that a script can catch it."""
    expires_at = iso(issued.expires_at_ms)
    if as_json:
        print_json({"id": issued.id, "key": issued.key, "expires_at": expires_at})
        return
    print(issued.key)
    note(
        f"This is the only time it is shown. Its id is {issued.id}; expires: {expires_at or 'never'}."
    )
