"""`tollhouse issuers`"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from tollhouse.cli.house import House, Json, run, settings_of
from tollhouse.cli.printing import print_json, table
from tollhouse.cli.times import shown

if TYPE_CHECKING:
    from tollhouse.domain.vouching import Stock, Voucher
    from tollhouse.storage.people import Revocation

NOBODY = "callers come by keys alone"
LONGEST_CERTIFICATE_S = 10 * 366 * 86_400
"""What was taken back of one is remembered for so long: nothing here says when it ends."""

app = typer.Typer(
    help="Those whose tokens and certificates let callers in, and what was taken back of them."
)


@app.command("list")
def list_(context: typer.Context, as_json: Json = False) -> None:
    """List issuers, authorities and tables of static tokens, and where each one's keys come from. Nobody is asked.

    Example: tollhouse issuers list
    """
    from tollhouse.wiring.vouching import configured

    found = configured(settings_of(context))
    if as_json:
        print_json([_voucher(each) for each in found])
        return
    rows = ((it.name, it.kind, it.about, it.source, str(it.rules)) for it in found)
    table(("name", "kind", "about", "keys from", "rules"), rows, empty=NOBODY)


@app.command()
def check(
    context: typer.Context,
    name: Annotated[
        str | None, typer.Argument(help="One of them, by its table. Left out, all.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Look for the keys of issuers, the roots of authorities and tokens in files now, by the way that a gateway takes.

    Exit status 1 if any cannot be had, or nobody could come in by it. What a gateway that serves has is at
    `/admin/v1/issuers`.

    Example: tollhouse issuers check okta
    """
    import asyncio

    from tollhouse.domain.storing import Conflict
    from tollhouse.wiring.vouching import configured, found_out

    settings = settings_of(context)
    names = [each.name for each in configured(settings)]
    if name is not None and name not in names:
        raise Conflict(f"there is no issuer, authority or table of static tokens {name!r}")
    found = asyncio.run(found_out(settings, names if name is None else [name]))
    if as_json:
        print_json([_voucher(each) for each in found])
    else:
        rows = ((it.name, it.kind, _seen(it)) for it in found)
        table(("name", "kind", "what was seen"), rows, empty=NOBODY)
    if any(each.is_ill for each in found):
        raise typer.Exit(1)


@app.command()
def revoke(
    context: typer.Context,
    issuer: Annotated[
        str,
        typer.Argument(
            help="The issuer or authority, as [issuers.NAME] or [authorities.NAME] calls it; `tollhouse` for our own."
        ),
    ],
    token_id: Annotated[
        str,
        typer.Option(
            "--token-id",
            help="The `jti` of the one token that is meant, or the thumbprint of a certificate.",
        ),
    ] = "",
    subject: Annotated[
        str, typer.Option(help="The `sub` whose tokens are meant, all that were issued until now.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Take a token back, or all about a subject. Within a second nobody comes in by it any more.

    Example: tollhouse issuers revoke okta --subject anna@example.com
    """
    from tollhouse.control import revoking
    from tollhouse.wiring.issuers import longest_lives_s

    settings = settings_of(context)
    longest_s = longest_lives_s(settings).get(issuer)
    if issuer in settings.authorities:
        longest_s = LONGEST_CERTIFICATE_S
    if longest_s is None:
        raise typer.BadParameter(
            f"there is no [issuers.{issuer}] or [authorities.{issuer}]", param_hint="ISSUER"
        )

    async def work(house: House) -> Revocation:
        at = (longest_s, token_id, subject, house.now_ms)
        return await revoking.revoke(house.store, issuer, *at)

    revocation = run(context, work)
    if as_json:
        print_json(_json(revocation))
    else:
        what = f"the token {token_id}" if token_id else f"all tokens about {subject} until now"
        print(f"{what} of {issuer}: nobody comes in by it any more")


@app.command()
def revoked(context: typer.Context, as_json: Json = False) -> None:
    """List what was taken back and could still be good otherwise.

    Example: tollhouse issuers revoked --json
    """
    from tollhouse.control import revoking

    found = run(context, lambda house: revoking.listed(house.store))
    if as_json:
        print_json([_json(each) for each in found])
        return
    table(
        ("issuer", "token", "subject", "taken back", "kept until"),
        (
            (each.issuer, each.token_id or "all", each.subject or "-", *_times(each))
            for each in found
        ),
        empty="nothing was taken back",
    )


def _seen(voucher: Voucher) -> str:
    return "; ".join(map(_said, voucher.stocks)) or "nothing that is looked at here"


def _said(stock: Stock) -> str:
    return stock.trouble or f"{stock.count} {stock.what}"


def _voucher(voucher: Voucher) -> dict[str, Any]:
    return {
        "name": voucher.name,
        "kind": voucher.kind,
        "about": voucher.about,
        "source": voucher.source,
        "rules": voucher.rules,
        "holds": [
            {"what": each.what, "count": each.count, "trouble": each.trouble or None}
            for each in voucher.stocks
        ],
    }


def _json(each: Revocation) -> dict[str, Any]:
    at, until = _times(each)
    return {
        "issuer": each.issuer,
        "token_id": each.token_id or None,
        "subject": each.subject or None,
        "at": at,
        "until": until,
    }


def _times(each: Revocation) -> tuple[str, str]:
    return shown(each.at_ms), shown(each.until_ms)
