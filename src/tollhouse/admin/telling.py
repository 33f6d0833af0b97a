"""How rows are told: stable names, times in UTC, money as decimal text. Never a secret."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tollhouse.control import budgets
from tollhouse.control.access_review import Reviewed
from tollhouse.control.keys import state
from tollhouse.control.price_updates import Change, Update
from tollhouse.domain import periods
from tollhouse.domain.budget import Account, dollars
from tollhouse.domain.limiting import Amounts
from tollhouse.domain.price_changes import Move
from tollhouse.domain.pricebook import UNITS, dollars_per_million, dollars_per_unit
from tollhouse.domain.vouching import Stock, Voucher
from tollhouse.storage.calls import Call
from tollhouse.storage.keys import KeyRow
from tollhouse.storage.memberships import Membership
from tollhouse.storage.people import Revocation
from tollhouse.storage.prices import NewPrice, PriceRow
from tollhouse.storage.sessions import Session
from tollhouse.storage.tenancy import Member
from tollhouse.storage.tokens import TokenRow

Told = dict[str, Any]
TOKENS = ("input", "output", "cache_read", "cache_write")


def money(nanos: int | None) -> str | None:
    return None if nanos is None else dollars(nanos).replace("$", "")


def moment(ms: int | None) -> str | None:
    return None if ms is None else periods.iso(ms)


def member(row: Member) -> Told:
    return {
        "id": row.id,
        "tenant": row.tenant,
        "is_disabled": row.is_disabled,
        "is_virtual": row.is_virtual,
        "models": None if row.models is None else list(row.models),
        "created_at": moment(row.created_at_ms),
        "password_set_at": moment(row.password_set_at_ms),
        "last_login_at": moment(row.last_login_at_ms),
    }


def membership(row: Membership) -> Told:
    return {
        "id": row.id,
        "user": row.user,
        "at": row.at,
        "role": row.role,
        "created_at": moment(row.created_at_ms),
    }


def key(row: KeyRow, now_ms: int) -> Told:
    return {
        "id": row.id,
        "prefix": f"thk_{row.id}",
        "tail": row.tail,
        "name": row.name,
        "tenant": row.tenant,
        "project": row.project,
        "user": row.user,
        "state": state(row, now_ms),
        "models": list(row.models),
        "priority": row.priority.value,
        "is_exempt": row.is_exempt,
        "foreign_users": row.foreign_users,
        "per_conversation": money(row.conversation_limit),
        "networks": list(row.networks),
        "purposes": list(row.purposes),
        "certificates": list(row.certificates),
        "proof_key": row.proof_key or None,
        "hours": row.hours or None,
        "expires_at": moment(row.expires_at_ms),
        "created_at": moment(row.created_at_ms),
        "last_used_at": moment(row.last_used_at_ms),
        "rotated_at": moment(row.rotated_at_ms),
        "previous_until": moment(row.previous_until_ms),
        "previous_used_at": moment(row.previous_used_at_ms),
    }


def account(row: Account) -> Told:
    return {
        "owner": row.owner,
        "is_granted": row.has_budget,
        "is_soft": row.is_soft,
        "limit": money(row.limit),
        "spent": money(row.spent),
        "held": money(row.held),
        "left": money(budgets.left(row)),
        "every": row.period.word if row.period else None,
        "zone": row.period.zone if row.period else None,
        "ends_at": moment(row.ends_at),
    }


def limits(subject: str, amounts: Amounts) -> Told:
    return {"subject": subject, **{measure.value: amount for measure, amount in amounts.items()}}


def price(row: NewPrice | PriceRow) -> Told:
    return {
        "target": row.model,
        **{name: dollars_per_million(getattr(row, name)) for name in TOKENS},
        **{name: dollars_per_unit(getattr(row, name)) for name in UNITS},
        "kinds": _by_million(row.kinds),
        "tiers": [{"above": tier.above, **_by_million(tier.rates)} for tier in row.tiers],
        "tenant": row.tenant or None,
        "effective_at": moment(row.effective_at_ms),
        "effective_to": moment(row.effective_to_ms),
        "source": row.source,
        "set_by": row.set_by or None,
    }


def _by_million(rates: Iterable[tuple[str, int]]) -> dict[str, str]:
    return {name: dollars_per_million(picos) for name, picos in rates}


def price_update(update: Update) -> Told:
    head = update.proposal
    return {
        "id": head.id,
        "book": head.book,
        "version": head.version,
        "made_by": head.made_by,
        "made_at": moment(head.made_at_ms),
        "open": sum(each.is_open for each in update.changes),
        "jumps": [
            each.row.new.model for each in update.changes if each.is_open and each.row.is_jump
        ],
        "gone": list(head.gone),
    }


def price_change(change: Change) -> Told:
    row = change.row
    return {
        "target": row.new.model,
        "source": row.new.source,
        "effective_at": moment(row.new.effective_at_ms),
        "old_price": row.old_price,
        "is_jump": row.is_jump,
        "verdict": row.verdict,
        "decided_by": row.decided_by,
        "decided_at": moment(row.decided_at_ms),
        "moves": [_move(each) for each in change.moves],
    }


def _move(move: Move) -> Told:
    tell = dollars_per_unit if move.rate in UNITS else dollars_per_million
    return {
        "rate": move.rate,
        "above": move.above,
        "old": tell(move.old),
        "new": tell(move.new),
    }


def reviewed(each: Reviewed) -> Told:
    key = each.key
    return {
        "key": key.id,
        "name": key.name,
        "tenant": key.tenant,
        "project": key.project,
        "user": key.user,
        "grants": list(key.models),
        "reaches": list(each.reaches),
        "unused": list(each.unused),
        "findings": [finding.value for finding in each.findings],
        "limit": money(each.limit),
        "created_at": moment(key.created_at_ms),
        "last_used_at": moment(key.last_used_at_ms),
        "expires_at": moment(key.expires_at_ms),
    }


def call(row: Call) -> Told:
    return {
        "id": row.id,
        "request_id": row.request_id,
        "tenant": row.tenant,
        "project": row.project,
        "user": row.user,
        "key": row.key,
        "route": row.route,
        "model": row.model,
        "target": row.target,
        "state": row.state,
        "outcome": row.outcome,
        "held": money(row.held),
        "owed": money(row.owed),
        **{name: getattr(row, name) for name in (*TOKENS, "images", "seconds", "characters")},
        "kinds": row.told_kinds,
        "source": row.source,
        "price": row.price,
        "anomaly": row.anomaly,
        "created_at": moment(row.created_at_ms),
        "settled_at": moment(row.settled_at_ms),
    }


def token(row: TokenRow) -> Told:
    return {
        "id": row.id,
        "user": row.user or None,
        "role": row.role,
        "at": row.at,
        "may": list(row.operations),
        "minted_by": row.minted_by,
        "created_at": moment(row.created_at_ms),
        "expires_at": moment(row.expires_at_ms),
        "last_used_at": moment(row.last_used_at_ms),
        "revoked_at": moment(row.revoked_at_ms),
    }


def session(row: Session) -> Told:
    return {
        "id": row.id,
        "name": row.name,
        "user": row.claims.user or None,
        "issuer": row.issuer or None,
        "role": row.claims.role,
        "at": row.claims.at,
        "peer": row.peer,
        "created_at": moment(row.created_at_ms),
        "last_used_at": moment(row.last_used_at_ms),
        "expires_at": moment(row.expires_at_ms),
        "ended_at": moment(row.ended_at_ms),
        "ended_by": row.ended_by,
    }


def voucher(row: Voucher, now_ms: int) -> Told:
    return {
        "name": row.name,
        "kind": row.kind,
        "about": row.about,
        "source": row.source,
        "rules": row.rules,
        "holds": [_stock(each, now_ms) for each in row.stocks],
    }


def _stock(stock: Stock, now_ms: int) -> Told:
    def at(seconds: float | None) -> str | None:
        return None if seconds is None else moment(now_ms + int(seconds * 1000))

    return {
        "what": stock.what,
        "count": stock.count,
        "read_at": at(stock.read_s),
        "next_at": at(stock.next_s),
        "trouble": stock.trouble or None,
    }


def revocation(row: Revocation) -> Told:
    return {
        "issuer": row.issuer,
        "token_id": row.token_id or None,
        "subject": row.subject or None,
        "at": moment(row.at_ms),
        "until": moment(row.until_ms),
    }
