"""`tollhouse sessions`"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from tollhouse.cli.house import House, Json, run, settings_of
from tollhouse.cli.printing import print_json, table
from tollhouse.cli.times import iso, shown

if TYPE_CHECKING:
    from tollhouse.storage.sessions import Session

app = typer.Typer(help="Who is logged on to the console.")


@app.command("list")
def list_(context: typer.Context, as_json: Json = False) -> None:
    """List sessions: whose, from where, when they were used last, and what ended them.

    Example: tollhouse sessions list
    """
    from tollhouse.control import sessions
    from tollhouse.domain.sessions import Terms

    console = settings_of(context).console
    terms = Terms(console.idle_s, console.longest_s)

    async def work(house: House) -> list[tuple[Session, str]]:
        found = await sessions.listed(house.store)
        return [(row, sessions.state(row, terms, house.now_ms)) for row in found]

    rows = run(context, work)
    if as_json:
        print_json([_json(row, state) for row, state in rows])
        return
    table(
        ("session", "who", "by", "from", "began", "last used", "until", "state"),
        (_cells(row, state) for row, state in rows),
        empty="no sessions",
    )


@app.command()
def revoke(
    context: typer.Context,
    session: Annotated[str, typer.Argument(help="The session's id, as `sessions list` has it.")],
    as_json: Json = False,
) -> None:
    """End a session: it opens nothing from the next request on.

    Example: tollhouse sessions revoke 0Ab1Cd2Ef3Gh
    """
    from tollhouse.cli.acts import operator
    from tollhouse.control import sessions

    by = operator().name
    run(context, lambda house: sessions.revoke(house.store, session, by, house.now_ms))
    if as_json:
        print_json({"id": session, "is_revoked": True})
    else:
        print(f"session {session} is over")


def _json(row: Session, state: str) -> dict[str, Any]:
    return {
        "id": row.id,
        "name": row.name,
        "user": row.claims.user or None,
        "issuer": row.issuer or None,
        "role": row.claims.role,
        "at": row.claims.at,
        "peer": row.peer,
        "state": state,
        "created_at": iso(row.created_at_ms),
        "last_used_at": iso(row.last_used_at_ms),
        "expires_at": iso(row.expires_at_ms),
        "ended_at": iso(row.ended_at_ms),
    }


def _cells(row: Session, state: str) -> tuple[str, ...]:
    moments = (row.created_at_ms, row.last_used_at_ms, row.expires_at_ms)
    return row.id, row.name, row.issuer or "claim", row.peer, *map(shown, moments), state
