"""`tollhouse keys`"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tollhouse.cli import key_rights
from tollhouse.cli.house import House, Json, run
from tollhouse.cli.key_rights import FOR, FROM, PRIORITY, Key
from tollhouse.cli.printing import money, note, print_json, table
from tollhouse.cli.times import iso, shown, span_s
from tollhouse.domain.identity import Priority

if TYPE_CHECKING:
    from tollhouse.control.keys import Issued
    from tollhouse.domain.lifetimes import Lifetimes
    from tollhouse.storage.keys import KeyRow

LEAKED = (
    "A text with secrets in it: `-` for standard input, `@FILE`, or the text itself, which the shell's "
    "history remembers. What of ours is in it is revoked."
)
app = typer.Typer(help="Virtual keys: who may call which models, and until when.")


@app.command()
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


@app.command("list")
def list_(
    context: typer.Context,
    tenant: Annotated[str, typer.Option(help="Only those of this tenant.")] = "",
    as_json: Json = False,
) -> None:
    """List keys: what they are for and may do, never what they are.

    Example: tollhouse keys list --tenant acme
    """
    from tollhouse.control import keys
    from tollhouse.control.keys import state

    async def work(house: House) -> list[tuple[KeyRow, str]]:
        rows = await keys.listed(house.store, tenant)
        return [(row, state(row, house.now_ms)) for row in rows]

    found = run(context, work)
    if as_json:
        print_json([_json(row, state) for row, state in found])
        return
    table(
        ("key", "ends", "name", "tenant", "state", "models", "expires", "last used"),
        (_cells(row, state) for row, state in found),
        empty="no keys",
    )


@app.command()
def show(context: typer.Context, key: Key, as_json: Json = False) -> None:
    """Show one key's record and its account.

    Example: tollhouse keys show 0Ab1Cd2Ef3Gh
    """
    from tollhouse.control import budgets, keys

    async def work(house: House) -> dict[str, Any]:
        row = await keys.shown(house.store, key)
        account = await budgets.found(house.store, f"key:{row.id}")
        return {
            **_json(row, keys.state(row, house.now_ms)),
            "has_budget": account.has_budget,
            **money("limit", account.limit),
            **money("spent", account.spent),
            **money("held", account.held),
        }

    record = run(context, work)
    if as_json:
        print_json(record)
    else:
        table(("", ""), ((name, _text(value)) for name, value in record.items()), empty="")


@app.command()
def disable(context: typer.Context, key: Key, as_json: Json = False) -> None:
    """Shut a key out, until it is enabled.

    Example: tollhouse keys disable 0Ab1Cd2Ef3Gh
    """
    _switch(context, key, is_disabled=True, as_json=as_json)


@app.command()
def enable(context: typer.Context, key: Key, as_json: Json = False) -> None:
    """Let a key in again.

    Example: tollhouse keys enable 0Ab1Cd2Ef3Gh
    """
    _switch(context, key, is_disabled=False, as_json=as_json)


@app.command()
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


@app.command()
def describe(
    context: typer.Context,
    key: Key,
    name: Annotated[str, typer.Option(help="What the key is for.")],
    as_json: Json = False,
) -> None:
    """Give a key another name.

    Example: tollhouse keys describe 0Ab1Cd2Ef3Gh --name website
    """
    from tollhouse.control import keys

    run(context, lambda house: keys.describe(house.store, key, name, None))
    if as_json:
        print_json({"id": key, "name": name})
    else:
        print(f"key {key} is for {name}")


@app.command()
def expire(
    context: typer.Context,
    key: Key,
    in_: Annotated[str | None, typer.Option("--in", help="From now on, such as 30d.")] = None,
    never: Annotated[bool, typer.Option("--never", help="No end at all.")] = False,
    as_json: Json = False,
) -> None:
    """Say until when a key lives, whatever was said before.

    Example: tollhouse keys expire 0Ab1Cd2Ef3Gh --in 30d
    """
    from tollhouse.control import keys

    if (in_ is None) is not never:
        raise typer.BadParameter("say one of --in SPAN, --never")
    lifetime_s = None if in_ is None else span_s(in_)

    async def work(house: House) -> int | None:
        wanted = keys.expiry(lifetime_s, house.now_ms)
        lifetimes = house.settings.keys.lifetimes
        return await keys.expire(house.store, key, wanted, house.now_ms, lifetimes)

    ends_at = iso(run(context, work))
    if as_json:
        print_json({"id": key, "expires_in_s": lifetime_s, "expires_at": ends_at})
    else:
        print(f"key {key} {f'expires at {ends_at}' if ends_at else 'never expires'}")


@app.command()
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


@app.command()
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


app.command("grant")(key_rights.grant)
app.command("withdraw")(key_rights.withdraw)
app.command("prioritize")(key_rights.prioritize)
app.command("exempt")(key_rights.exempt)
app.command("ceiling")(key_rights.ceiling)
app.command("bind")(key_rights.bind)
app.command("confine")(key_rights.confine)
app.command("constrain")(key_rights.constrain)


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


def _switch(context: typer.Context, key: str, *, is_disabled: bool, as_json: bool) -> None:
    from tollhouse.control import keys

    run(context, lambda house: keys.set_disabled(house.store, key, is_disabled=is_disabled))
    state = "disabled" if is_disabled else "enabled"
    if as_json:
        print_json({"id": key, "is_disabled": is_disabled})
    else:
        print(f"key {key} is {state}")


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


def _json(row: KeyRow, state: str) -> dict[str, Any]:
    return {
        "id": row.id,
        "prefix": f"thk_{row.id}",
        "tail": row.tail,
        "name": row.name,
        "tenant": row.tenant,
        "project": row.project,
        "user": row.user,
        "state": state,
        "models": list(row.models),
        "priority": row.priority.value,
        "is_exempt": row.is_exempt,
        "foreign_users": row.foreign_users,
        **money("per_conversation", row.conversation_limit),
        "networks": list(row.networks),
        "purposes": list(row.purposes),
        "certificates": list(row.certificates),
        "proof_key": row.proof_key or None,
        "hours": row.hours or None,
        "expires_at": iso(row.expires_at_ms),
        "created_at": iso(row.created_at_ms),
        "last_used_at": iso(row.last_used_at_ms),
        "rotated_at": iso(row.rotated_at_ms),
        "previous_until": iso(row.previous_until_ms),
        "previous_used_at": iso(row.previous_used_at_ms),
    }


def _cells(row: KeyRow, state: str) -> tuple[str, ...]:
    models = ", ".join(row.models) or "nothing"
    ends = (shown(row.expires_at_ms), shown(row.last_used_at_ms))
    return f"thk_{row.id}", f"…{row.tail}", row.name, row.tenant, state, models, *ends


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(value) or "nothing"
    return "-" if value is None else str(value)
