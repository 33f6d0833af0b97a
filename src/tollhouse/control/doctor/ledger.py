"""Checks of the store: its tables, its balances, its prices, the audit log that it anchors."""

from __future__ import annotations

from collections.abc import Iterator

from tollhouse.control.doctor.finding import Check, Ill, Mend, Severity, lines
from tollhouse.control.doctor.seen import Seen

STALE_MS = 2 * 3_600_000
"""No call may take this long: whatever is held still was not settled in time."""

BATCHES = "batch_create"
"""The route of what runs for a day, and is held for as long."""

SPARE_CONNECTIONS = 5


def _schema_behind(seen: Seen) -> Iterator[Ill]:
    if seen.schema == "behind":
        yield Ill("the tables are those of an older version", Mend(command="tollhouse migrate"))


def _schema_ahead(seen: Seen) -> Iterator[Ill]:
    if seen.schema == "ahead":
        yield Ill("the tables are those of a newer version", Mend(words="Run the newer version."))


def _database_pool(seen: Seen) -> Iterator[Ill]:
    most = seen.books.most_connections
    if most is None:
        return
    wanted = seen.settings.store.pool * seen.processes
    if wanted > most - SPARE_CONNECTIONS:
        fitting = max(1, (most - SPARE_CONNECTIONS) // seen.processes)
        found = f"{seen.processes} processes may open {wanted} connections of {most}"
        yield Ill(found, Mend(lines(("store",), pool=fitting)))


def _balances_differ(seen: Seen) -> Iterator[Ill]:
    for difference in seen.books.differences:
        words = "Restore the store from a backup; `tollhouse budgets verify` shows each."
        yield Ill(f"the balance of {difference.owner} differs from its calls", Mend(words=words))


def _open_holds(seen: Seen) -> Iterator[Ill]:
    for call in seen.books.open_calls:
        if call.state == "unknown":
            command = f"tollhouse usage resolve {call.id} --charge"
            words = "Or `--release`, if the provider did not bill it."
            found = f"call {call.id} ended unseen, and its hold stands"
            yield Ill(found, Mend(command=command, words=words))


def _arrears(seen: Seen) -> Iterator[Ill]:
    for call in seen.books.open_calls:
        is_late = call.created_at_ms < seen.now_ms - STALE_MS
        if call.state == "held" and is_late and call.route != BATCHES:
            words = "Restart the gateway that holds it: the call is then listed as unknown."
            yield Ill(f"call {call.id} has been held for over two hours", Mend(words=words))


def _price_not_required(seen: Seen) -> Iterator[Ill]:
    if not seen.settings.ledger.require_price:
        mend = lines(("ledger",), require_price=True)
        yield Ill("models without a price may be called", Mend(mend))


def _models_unpriced(seen: Seen) -> Iterator[Ill]:
    snapshot = seen.books.snapshot
    targets = {target for model in snapshot.names.models.values() for target in model.targets}
    is_refused = seen.settings.ledger.require_price
    for target in sorted(targets, key=lambda each: each.name):
        if snapshot.price(target, seen.now_ms / 1000) is None:
            found = (
                f"{target.name} has no price and {'is refused' if is_refused else 'costs nothing'}"
            )
            yield Ill(found, _pricing(target.name, target.kind))


def _pricing(target: str, kind: str) -> Mend:
    if kind in ("local", "echo"):
        return Mend(command=f"tollhouse prices set {target} --free")
    command = f"tollhouse prices set {target} --input 3 --output 15"
    return Mend(command=command, words="With the provider's rates, in dollars per million tokens.")


def _audit_lenient(seen: Seen) -> Iterator[Ill]:
    if not seen.settings.audit.strict:
        yield Ill(
            "calls go on while audit records cannot be written",
            Mend(lines(("audit",), strict=True)),
        )


def _audit_broken(seen: Seen) -> Iterator[Ill]:
    for fault in seen.books.audit_faults:
        words = "Copy everything first; then docs/how-to/audit.md, “What to do with a finding”."
        yield Ill(fault, Mend(words=words))


CHECKS = (
    Check(
        "schema-behind",
        Severity.UNFINISHED,
        "The gateway does not start on PostgreSQL, and on SQLite it makes them anew first.",
        ("deploy-store",),
        _schema_behind,
    ),
    Check(
        "schema-ahead",
        Severity.UNSAFE,
        "This version does not know what is in them.",
        ("deploy-store",),
        _schema_ahead,
    ),
    Check(
        "database-pool",
        Severity.UNFINISHED,
        "The last ones to ask get no connection, and refuse every call.",
        ("deploy-store",),
        _database_pool,
        on_store=True,
    ),
    Check(
        "balances-differ",
        Severity.UNSAFE,
        "Somebody wrote into the store beside the ledger.",
        ("operate-money",),
        _balances_differ,
        on_store=True,
    ),
    Check(
        "open-holds",
        Severity.UNFINISHED,
        "What is held cannot be spent, and what was spent is not yet owed.",
        ("operate-money",),
        _open_holds,
        on_store=True,
    ),
    Check(
        "arrears",
        Severity.UNFINISHED,
        "What that call cost waits to be written down.",
        ("operate-money",),
        _arrears,
        on_store=True,
    ),
    Check(
        "price-not-required",
        Severity.UNSAFE,
        "No budget bounds a model that costs nothing.",
        ("deploy-budgets",),
        _price_not_required,
    ),
    Check(
        "models-unpriced",
        Severity.UNFINISHED,
        "Without a price there is nothing to hold.",
        ("deploy-budgets", "deploy-complete"),
        _models_unpriced,
        on_store=True,
    ),
    Check(
        "audit-lenient",
        Severity.UNFINISHED,
        "Fill the disk, and what is done next is not written down.",
        ("deploy-audit",),
        _audit_lenient,
    ),
    Check(
        "audit-broken",
        Severity.UNSAFE,
        "The log was changed, or lost what the store remembers.",
        ("deploy-audit", "operate-audits"),
        _audit_broken,
        on_store=True,
    ),
)
