"""A hold, what may become of it, and why one is refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from tollhouse.domain import periods
from tollhouse.domain.errors import BudgetExhausted, BudgetMissing
from tollhouse.domain.periods import Period
from tollhouse.domain.pricing import NANOS_PER_DOLLAR, Usage
from tollhouse.domain.values import value


class Outcome(StrEnum):
    """How a call, or one attempt within it, ended."""

    NOT_SENT = "not_sent"  # nothing left the house: nothing is owed
    REFUSED = "refused"  # the provider answered with an error: nothing is owed
    COMPLETED = "completed"
    CUT_BY_CLIENT = "cut_by_client"  # owed for what was produced
    CUT_BY_UPSTREAM = "cut_by_upstream"  # owed for what was produced
    CUT_BY_GATEWAY = "cut_by_gateway"  # a deadline or a shutdown; owed for what was produced
    UNKNOWN = "unknown"  # it left, and its end was not seen: the hold stays until resolved


class Source(StrEnum):
    """Where the amounts of a settled call come from."""

    PROVIDER = "provider"
    COUNTED = "counted"
    NOTHING = "nothing"
    OPERATOR = "operator"
    HOLD = "hold"  # the end was never seen: the whole hold is owed
    OUTSIDE = "outside"  # it was told of afterwards: nothing was held for it


@value
class Share:
    """A further account of a call, and whose answer is spent on it: any's, `PROVIDER:*`, or one target's."""

    account: int
    target: str = ""

    def is_spent_by(self, target: str | None) -> bool:
        """Where nobody knows who answered, it may have been this one."""
        if target is None or self.target in ("", target):
            return True
        return self.target == f"{target.partition(':')[0]}:*"


@value
class Hold:
    """An upper bound, reserved on every account before anything leaves."""

    call: str
    request_id: str
    owner: str
    accounts: tuple[int, int, int, int]
    key: str
    tenant: str
    project: str
    user: str
    route: str
    model: str
    amount: int
    created_at_ms: int
    shares: tuple[Share, ...] = ()
    """Accounts beside the four, on which it stands too."""

    end_user: str | None = None
    """Whom the body named beside the user who pays."""


@value
class Attempt:
    """One try at one target."""

    target: str
    outcome: Outcome
    status: int | None = None


@value
class Settlement:
    """How a hold ends. Under `Outcome.UNKNOWN` the amount stays held and the call is listed."""

    call: str
    outcome: Outcome
    owed: int
    usage: Usage
    source: Source
    target: str | None
    price: int | None
    settled_at_ms: int
    attempts: tuple[Attempt, ...] = ()
    anomaly: str | None = None


@dataclass(slots=True)
class Account:
    """A balance: what was spent, what is held, and the limit if there is one."""

    id: int
    owner: str
    has_budget: bool
    limit: int | None
    spent: int
    held: int
    is_soft: bool = False
    """Whether the limit only tells, and refuses nothing."""

    period: Period | None = None
    started_at: int = 0
    """When its window began, in milliseconds since the epoch, and when that ends."""

    ends_at: int | None = None

    def has_room_for(self, amount: int) -> bool:
        if not self.has_budget or self.limit is None or self.is_soft:
            return True
        taken = self.spent + self.held
        return taken < self.limit and taken + amount <= self.limit


@value
class Roll:
    """A window that is over, with what was spent in it."""

    account: int
    spent: int
    started_at: int
    ended_at: int
    rolled_at: int


def roll(account: Account, now_ms: int) -> Roll | None:
    """Start anew if the window is over. What is held stays held; a clock that went back starts nothing."""
    period, ends_at = account.period, account.ends_at
    if period is None or ends_at is None or now_ms < ends_at:
        return None
    over = Roll(account.id, account.spent, account.started_at, ends_at, now_ms)
    window = periods.window(period, now_ms)
    account.spent, account.started_at, account.ends_at = 0, window.start, window.end
    return over


NEAR_MS = 86_400_000
"""A window that ends within a day is worth waiting for."""


def check(accounts: Sequence[Account], amount: int, now_ms: int) -> None:
    """Refuse an amount that does not fit on every account, or that stands on no budget."""
    if not any(account.has_budget for account in accounts):
        raise BudgetMissing(
            "No budget was granted to this key, its user, project or tenant. An operator grants one with "
            "`tollhouse budgets set tenant:NAME --limit 10`, or with `--unlimited`."
        )
    for account in accounts:
        if not account.has_room_for(amount):
            raise exhausted(account, amount, now_ms)


def exhausted(account: Account, amount: int, now_ms: int) -> BudgetExhausted:
    limit, ends_at = account.limit or 0, account.ends_at
    renewal, wait_ms = "", None
    if ends_at is not None and amount <= limit:
        renewal, wait_ms = f" It starts anew at {periods.iso(ends_at)}.", max(0, ends_at - now_ms)
    return BudgetExhausted(
        f"The budget of {account.owner} has {dollars(limit)}: {dollars(account.spent)} spent, "
        f"{dollars(account.held)} held by calls under way. This call could cost up to {dollars(amount)}. "
        f"Ask for a smaller `max_tokens`, wait for calls under way, or have the budget raised.{renewal}",
        retry_after_s=-(-wait_ms // 1000) if wait_ms is not None and wait_ms < NEAR_MS else None,
    )


def dollars(nanos: int) -> str:
    """Exact, with at least two decimals: 1_500_000 nano-dollars are $0.0015."""
    sign = "-" if nanos < 0 else ""
    whole, rest = divmod(abs(nanos), NANOS_PER_DOLLAR)
    decimals = f"{rest:09d}".rstrip("0").ljust(2, "0")
    return f"{sign}${whole}.{decimals}"
