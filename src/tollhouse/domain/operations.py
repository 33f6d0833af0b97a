"""Who may do what: one row for each administrative operation, and what has no row does not exist.

The name is that of the command, `tollhouse keys revoke` being `keys.revoke`; the Admin API uses the same
names. To add an operation, add a row: its name, whether it changes anything, where it is done, and who
may. The templates take the arguments of the command by their names (`{key}`), and `{made}` is what the use
case returned. The state before and after is read by the subject's kind: `control/subjects`.

- `place`: what it is judged on, as KIND:ID; `house` is everything.
- `is_above`: it decides what may go on at the place, so it takes a role above it: whoever owns a tenant
  does not raise that tenant's budget.
- `own`: roles that may do it to what is their own.
- `is_of_host`: it is done on the machine alone, and no token opens it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What a person is, at the house, a tenant or a project."""

    OWNER = "owner"
    ADMIN = "admin"
    FINANCE = "finance"
    AUDITOR = "auditor"
    MEMBER = "member"
    READONLY = "readonly"


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    name: str
    says: str
    mutates: bool
    place: str
    roles: frozenset[Role]
    own: frozenset[Role] = frozenset()
    subject: str = ""
    """What changes; left out, the place."""

    is_above: bool = False
    is_of_host: bool = False

    @property
    def changes(self) -> str:
        return self.subject or self.place


def _roles(words: str) -> frozenset[Role]:
    return frozenset(map(Role, words.split()))


RUNS = "owner admin"
MONEY = "owner finance"
SETS_BUDGETS = "owner admin finance"
READS = "owner admin finance auditor readonly"
AUDITS = "owner auditor"
EVERYBODY = "owner admin finance auditor member readonly"


def _read(
    name: str, place: str, roles: str, says: str, *, own: str = "", is_of_host: bool = False
) -> Operation:
    return Operation(
        name=name,
        says=says,
        mutates=False,
        place=place,
        roles=_roles(roles),
        own=_roles(own),
        is_of_host=is_of_host,
    )


def _change(
    name: str,
    place: str,
    roles: str,
    says: str,
    *,
    subject: str = "",
    own: str = "",
    is_above: bool = False,
    is_of_host: bool = False,
) -> Operation:
    return Operation(
        name=name,
        says=says,
        mutates=True,
        place=place,
        roles=_roles(roles),
        own=_roles(own),
        subject=subject,
        is_above=is_above,
        is_of_host=is_of_host,
    )


TENANT, PROJECT, USER, KEY = "tenant:{tenant}", "project:{project}", "user:{user}", "key:{key}"
OF_NAMES = "names:{tenant}"

_ROWS = (
    _read("tenants.list", "house", READS, "List tenants."),
    _change("tenants.create", "house", RUNS, "Make a tenant.", subject="tenant:{made}"),
    _change("tenants.disable", TENANT, RUNS, "Shut a tenant out.", is_above=True),
    _change("tenants.enable", TENANT, RUNS, "Let a tenant in again.", is_above=True),
    _change("tenants.delete", TENANT, RUNS, "Delete a tenant that nothing holds.", is_above=True),
    _read("tenants.names", TENANT, READS, "What a tenant calls models by."),
    _change("tenants.name", TENANT, RUNS, "Give a model a name of its own.", subject=OF_NAMES),
    _change("tenants.hide", TENANT, RUNS, "Hide models from a tenant.", subject=OF_NAMES),
    _change("tenants.forget", TENANT, RUNS, "Take such a name back.", subject=OF_NAMES),
    _read("projects.list", TENANT, READS, "List projects."),
    _change("projects.create", TENANT, RUNS, "Make a project.", subject="project:{made}"),
    _change("projects.disable", PROJECT, RUNS, "Shut a project out.", is_above=True),
    _change("projects.enable", PROJECT, RUNS, "Let a project in again.", is_above=True),
    _change(
        "projects.delete", PROJECT, RUNS, "Delete a project that nothing holds.", is_above=True
    ),
    _read("users.list", TENANT, READS, "List users."),
    _change("users.create", TENANT, RUNS, "Make a user.", subject="user:{made}"),
    _change("users.disable", USER, RUNS, "Shut a user out."),
    _change("users.enable", USER, RUNS, "Let a user in again."),
    _change("users.token", USER, "owner", "Sign a token for a user.", is_of_host=True),
    _change("users.password", USER, "owner", "Give a user a password.", is_of_host=True),
    _change("users.allow", USER, RUNS, "Bound what the keys of a user may call."),
    _change("users.describe", USER, RUNS, "Say what a user is called."),
    _change("users.delete", USER, RUNS, "Delete a user that nothing holds."),
    _read("members.list", "{at}", "owner admin auditor", "Who holds which role."),
    _change("members.add", "{at}", RUNS, "Give a user a role.", subject="members:{at}"),
    _change("members.change", "{at}", RUNS, "Give another role instead.", subject="members:{at}"),
    _change("members.remove", "{at}", RUNS, "Take a role away.", subject="members:{at}"),
    _read("keys.list", TENANT, READS, "List keys.", own="member"),
    _read("keys.show", KEY, READS, "Show a key's record.", own="member"),
    _change("keys.create", PROJECT, RUNS, "Issue a key.", subject="key:{made.id}"),
    _change("keys.grant", KEY, RUNS, "Let a key call more models."),
    _change("keys.withdraw", KEY, RUNS, "Take models from a key."),
    _change("keys.prioritize", KEY, RUNS, "Say whose calls are refused first."),
    _change("keys.describe", KEY, RUNS, "Say what a key is for."),
    _change("keys.expire", KEY, RUNS, "Say until when a key lives."),
    _change("keys.exempt", KEY, SETS_BUDGETS, "Let a key call without a budget.", is_above=True),
    _change("keys.ceiling", KEY, SETS_BUDGETS, "Bound a conversation of a key.", is_above=True),
    _change("keys.bind", KEY, RUNS, "Say whom a key's calls may name."),
    _change("keys.confine", KEY, RUNS, "Say where a key may be used from, and what for."),
    _change("keys.constrain", KEY, RUNS, "Say what a key's bearer has to show or prove."),
    _change("keys.disable", KEY, RUNS, "Shut a key out.", own="member"),
    _change("keys.enable", KEY, RUNS, "Let a key in again."),
    _change("keys.rotate", KEY, RUNS, "Give a key a new secret."),
    _change("keys.retire", KEY, RUNS, "Let a key's old secret die before its time."),
    _change("keys.revoke", KEY, RUNS, "Shut a key out for good.", own="member"),
    _read("budgets.list", "house", READS, "List accounts."),
    _read("budgets.history", "{owner}", READS, "The windows that are over."),
    _read("budgets.alerts", "house", READS, "Which parts of limits were reached."),
    _read("budgets.verify", "house", READS, "Recompute every balance."),
    _change(
        *("budgets.set", "{owner}", SETS_BUDGETS, "Set what may be spent."),
        subject="budget:{owner}",
        is_above=True,
    ),
    _read("plans.list", TENANT, READS, "Budgets that are given by their names."),
    _change("plans.create", TENANT, SETS_BUDGETS, "Make a plan.", subject="plan:{made.id}"),
    _change("plans.change", "plan:{plan}", SETS_BUDGETS, "Change it for all who have it."),
    _change("plans.give", USER, SETS_BUDGETS, "Give a user a plan's budget.", is_above=True),
    _change("plans.delete", "plan:{plan}", SETS_BUDGETS, "Delete a plan that nobody has."),
    _read("limits.list", "house", READS, "What is said of the limits of one or another."),
    _change(
        *("limits.set", "{subject}", RUNS, "Say how much one may take."),
        subject="limits:{subject}",
        is_above=True,
    ),
    _change(
        *("limits.remove", "{subject}", RUNS, "Let what holds for each hold again."),
        subject="limits:{subject}",
        is_above=True,
    ),
    _read("prices.list", "house", READS, "List the prices in force."),
    _read("prices.show", "house", READS, "Every price a target ever had."),
    _change("prices.set", "house", MONEY, "Set a price.", subject="price:{target}"),
    _change("prices.seed", "house", MONEY, "Add the price book.", subject="prices:all"),
    _read("prices.diff", "house", READS, "What price books would change."),
    _change("prices.update", "house", MONEY, "Lay a price book before.", subject="prices:all"),
    _change("prices.approve", "house", MONEY, "Let a price update hold.", subject="prices:all"),
    _change("prices.reject", "house", MONEY, "Drop a price update.", subject="prices:all"),
    _read("prices.recompute", "house", READS, "Work out anew what calls owe."),
    _read("usage.list", TENANT, READS, "List calls.", own="member"),
    _read("usage.report", TENANT, READS, "Add calls up."),
    _read("usage.reconcile", "house", READS, "Lay the books beside a provider's."),
    _read("usage.chargeback", "house", READS, "What each owes, in FOCUS columns."),
    _read("usage.anomalies", "house", READS, "What is odd about calls."),
    _read("usage.open", "house", READS, "Calls that are held or unknown."),
    _change("usage.resolve", "call:{call}", MONEY, "Settle an unknown call by hand."),
    _change(
        *("usage.reprice", "house", MONEY, "Price settled calls anew."),
        subject="repricing:{made.id}",
    ),
    _read("usage.corrections", "house", READS, "What calls were billed before."),
    _change(
        *("usage.import", TENANT, MONEY, "Count usage that happened outside."),
        subject="outside:{made.id}",
    ),
    _change(
        *("usage.fold", "house", "owner", "Fold old calls into their days."),
        subject="usage:days",
        is_of_host=True,
    ),
    _read("issuers.list", "house", "owner admin auditor", "Who vouches for callers."),
    _read("issuers.revoked", "house", "owner admin auditor", "Which tokens were taken back."),
    _change(
        *("issuers.revoke", "house", RUNS, "Take tokens of an issuer back."),
        subject="revocations:{issuer}",
    ),
    _read("secrets.list", "house", "owner admin auditor", "Which secrets the store keeps."),
    _change(
        *("secrets.set", "house", "owner", "Keep a provider's secret."),
        subject="secret:{name}",
        is_of_host=True,
    ),
    _change(
        *("secrets.remove", "house", "owner", "Forget a provider's secret."),
        subject="secret:{name}",
        is_of_host=True,
    ),
    _change(
        *("secrets.rewrap", "house", "owner", "Wrap all secrets by the current key."),
        subject="secrets:all",
        is_of_host=True,
    ),
    _read("access.review", "house", "owner admin auditor", "Who can reach what."),
    _read("export", "house", "owner", "Write out everything.", is_of_host=True),
    _read("explain", "house", READS, "Why a call would be let in, or not."),
    _read("audit.verify", "house", AUDITS, "Is the log whole?"),
    _read("audit.acts", "house", AUDITS, "Who changed what."),
    _read("audit.list", "house", AUDITS, "The writers and their files."),
    _read("admin.tokens", "house", "owner admin auditor", "List admin tokens.", own=EVERYBODY),
    _change(
        *("admin.token", "house", "owner", "Mint an admin token."),
        subject="token:{made.id}",
        is_of_host=True,
    ),
    _change(
        *("admin.revoke", "token:{token}", RUNS, "Take an admin token back."),
        own=EVERYBODY,
    ),
    _change(
        *("admin.claim", "house", "owner", "Print a link that logs an operator on once."),
        subject="claim:{made.id}",
        is_of_host=True,
    ),
    _read("sessions.list", "house", "owner admin auditor", "List sessions.", own=EVERYBODY),
    _change(
        *("sessions.revoke", "session:{session}", RUNS, "End a session."),
        own=EVERYBODY,
    ),
)

OPERATIONS = {row.name: row for row in _ROWS}


def found(name: str) -> Operation:
    """Raises LookupError: what is not in the table is not done."""
    operation = OPERATIONS.get(name)
    if operation is None:
        raise LookupError(f"{name!r} has no row in domain/operations, so nobody may do it")
    return operation
