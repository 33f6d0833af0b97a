"""`tollhouse keys`"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from tollhouse.cli import key_rights, key_secrets
from tollhouse.cli.house import House, Json, run
from tollhouse.cli.key_rights import Key
from tollhouse.cli.printing import money, print_json, table
from tollhouse.cli.times import iso, shown, span_s

if TYPE_CHECKING:
    from tollhouse.storage.keys import KeyRow

app = typer.Typer(help="Virtual keys: who may call which models, and until when.")
app.command("create")(key_secrets.create)


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


app.command("rotate")(key_secrets.rotate)
app.command("retire")(key_secrets.retire)
app.command("revoke")(key_secrets.revoke)
app.command("grant")(key_rights.grant)
app.command("withdraw")(key_rights.withdraw)
app.command("prioritize")(key_rights.prioritize)
app.command("exempt")(key_rights.exempt)
app.command("ceiling")(key_rights.ceiling)
app.command("bind")(key_rights.bind)
app.command("confine")(key_rights.confine)
app.command("constrain")(key_rights.constrain)


def _switch(context: typer.Context, key: str, *, is_disabled: bool, as_json: bool) -> None:
    from tollhouse.control import keys

    run(context, lambda house: keys.set_disabled(house.store, key, is_disabled=is_disabled))
    state = "disabled" if is_disabled else "enabled"
    if as_json:
        print_json({"id": key, "is_disabled": is_disabled})
    else:
        print(f"key {key} is {state}")


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
