"""What it costs."""

from __future__ import annotations

from tollhouse.domain.errors.problem import Refusal


class ModelUnpriced(Refusal):
    code = "model_unpriced"
    status = 402
    title = "This model has no price, so its cost cannot be held."


class FeatureUnpriced(Refusal):
    code = "feature_unpriced"
    status = 402
    title = "The body asks for something that is billed apart and has no price here."


class BudgetExhausted(Refusal):
    code = "budget_exhausted"
    status = 402
    title = "The budget does not have enough left for this call."


class CostOverCeiling(Refusal):
    code = "cost_over_ceiling"
    status = 402
    title = "The call could cost more than its caller wants to pay for it."


class BudgetMissing(Refusal):
    code = "budget_missing"
    status = 402
    title = "No budget was granted to this key, its user, project or tenant."


class RateLimited(Refusal):
    code = "rate_limited"
    status = 429
    title = "Too many requests."
    retryable = True


class TokensLimited(Refusal):
    code = "tokens_limited"
    status = 429
    title = "Too many tokens."
    retryable = True


class ConcurrencyLimited(Refusal):
    code = "concurrency_limited"
    status = 429
    title = "Too many calls at once."
    retryable = True


class OutputOverLimit(Refusal):
    """More than the model may produce here, where that is not bounded silently."""

    code = "output_over_limit"
    status = 400
    title = "The call asks for more output than this model may produce."


class CallOverLimit(Refusal):
    """Of tokens: more than its limit ever lets through."""

    code = "call_over_limit"
    status = 413
    title = "This call is larger than its limit of tokens."
