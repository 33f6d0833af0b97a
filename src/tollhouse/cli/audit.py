"""`tollhouse audit`"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tollhouse.cli.house import House, Json, run, settings_of
from tollhouse.cli.printing import note, print_json, table
from tollhouse.cli.times import iso

if TYPE_CHECKING:
    from tollhouse.control.auditing import Verdict
    from tollhouse.domain.chain import Head
    from tollhouse.storage.heads import Anchored

app = typer.Typer(help="The audit log: one record for each request, chained and signed.")


@app.command()
def verify(
    context: typer.Context,
    directory: Annotated[
        Path | None, typer.Option(help="The log's directory, if not that of the settings.")
    ] = None,
    public_key: Annotated[
        list[Path] | None, typer.Option(help="A public key to trust beside the gateway's own.")
    ] = None,
    offline: Annotated[
        bool, typer.Option("--offline", help="Without the store: what was cut off is not noticed.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Read every record and say what was edited, deleted, moved, cut or forged.

    Exit status 1 if anything was.

    Example: tollhouse audit verify --json
    """
    from tollhouse.control import auditing

    settings = settings_of(context)
    place = directory or auditing.directory(settings)
    heads = {} if offline else run(context, lambda house: auditing.anchored(house.store, place))
    keys = auditing.public_keys(settings, public_key or ())
    verdict = auditing.verify(place, keys, heads)
    if as_json:
        print_json(_json(verdict))
    else:
        _print(verdict)
    if verdict.has_faults:
        raise typer.Exit(1)


@app.command()
def key(context: typer.Context, as_json: Json = False) -> None:
    """Print the public key that verifies the log. Keep a copy where the gateway cannot write.

    Example: tollhouse audit key > audit.pub
    """
    from tollhouse.control import auditing
    from tollhouse.domain.storing import Conflict

    path = auditing.public_key_path(settings_of(context))
    if not path.exists():
        raise Conflict(f"there is no {path} yet: the gateway makes it when it starts")
    (public,) = auditing.public_keys(settings_of(context))
    if as_json:
        print_json({"id": public.id, "file": str(path), "pem": path.read_text("ascii")})
    else:
        print(path.read_text("ascii"), end="")
        note(f"key id {public.id}")


@app.command()
def acts(
    context: typer.Context,
    operation: Annotated[str, typer.Option(help="Only this operation, such as keys.rotate.")] = "",
    actor: Annotated[str, typer.Option(help="Only by this one: a user, or host:LOGIN.")] = "",
    subject: Annotated[str, typer.Option(help="Only on this one, such as key:0Ab1Cd2Ef3Gh.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many at most.")] = 50,
    as_json: Json = False,
) -> None:
    """List who changed what, the newest first, as far as the log in this directory goes.

    Example: tollhouse audit acts --subject tenant:acme
    """
    from tollhouse.control import acts, auditing

    async def work(house: House) -> list[dict[str, Any]]:
        directory = auditing.directory(house.settings)
        return await acts.acts(directory, acts.Wanted(operation, actor, subject), limit)

    rows = run(context, work)
    if as_json:
        print_json(rows)
        return
    table(
        ("at", "actor", "role", "operation", "subject", "outcome", "changed"),
        (_act(row) for row in rows),
        empty="nothing was changed",
    )


def _act(row: dict[str, Any]) -> tuple[str, ...]:
    said = (row["actor"], row["role"] or "-", row["operation"], row["subject"])
    changed = ", ".join(f"{name}: {was} → {now}" for name, (was, now) in row["changed"].items())
    return f"{row['at'][:19]}Z", *said, row["code"] or row["outcome"], changed


@app.command("list")
def list_(context: typer.Context, as_json: Json = False) -> None:
    """List the writers, their files, and how far the store has anchored each.

    Example: tollhouse audit list
    """
    from tollhouse.control import auditing
    from tollhouse.storage import heads

    async def work(house: House) -> list[Anchored]:
        return await heads.heads(house.store)

    anchored = {head.writer: head for head in run(context, work)}
    place = auditing.directory(settings_of(context))
    here = {path.name for path in place.iterdir() if path.is_dir()} if place.is_dir() else set()
    rows = [_writer(place / name, anchored.get(name)) for name in sorted(here | anchored.keys())]
    if as_json:
        print_json(rows)
        return
    table(
        ("writer", ">files", ">bytes", ">anchored", "at"),
        ([str("-" if cell is None else cell) for cell in row.values()] for row in rows),
        empty="no records yet",
    )


def _writer(place: Path, head: Anchored | None) -> dict[str, Any]:
    sizes = [path.stat().st_size for path in place.glob("*.jsonl")]
    return {
        "writer": place.name,
        "files": len(sizes),
        "bytes": sum(sizes),
        "anchored_seq": head.seq if head else None,
        "anchored_at": iso(head.at_ms) if head else None,
    }


def _json(verdict: Verdict) -> dict[str, Any]:
    summary = verdict.summary
    return {
        "is_sound": not verdict.has_faults,
        "records": summary.records,
        "writers": summary.writers,
        "checkpoints": summary.checkpoints,
        "unsigned": summary.unsigned,
        "unanchored": summary.unanchored,
        "first_at": summary.first_at,
        "last_at": summary.last_at,
        "heads": [_head(head) for head in summary.heads.values()],
        "findings": [
            {
                "file": finding.file,
                "line": finding.line,
                "seq": finding.seq,
                "kind": finding.kind.value,
                "is_fault": finding.is_fault,
                "says": finding.says,
            }
            for finding in verdict.findings
        ],
        "unlisted": verdict.unlisted,
    }


def _head(head: Head) -> dict[str, Any]:
    return {"writer": head.writer, "seq": head.seq, "hash": head.hash}


def _print(verdict: Verdict) -> None:
    for finding in verdict.findings:
        line = f":{finding.line}" if finding.line else ""
        print(f"{finding.kind.value}: {finding.file}{line}: {finding.says}")
    if verdict.unlisted:
        print(f"… and {verdict.unlisted} more")
    summary = verdict.summary
    print(
        f"{summary.records} records of {summary.writers} writers, {summary.checkpoints} checkpoints; "
        f"{summary.unsigned} not yet signed, {summary.unanchored} not yet anchored"
    )
    print("the log is NOT whole" if verdict.has_faults else "the log is whole")
