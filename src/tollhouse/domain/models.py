"""From a model's public name to the targets that can answer, priced and bounded: the plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from tollhouse.domain import binding, naming
from tollhouse.domain.budget import Share
from tollhouse.domain.claims import OURS
from tollhouse.domain.errors import (
    FeatureUnpriced,
    ModelCannot,
    ModelNotGranted,
    ModelUnknown,
    ModelUnpriced,
    OutputOverLimit,
    StateUnknown,
    ToolsNotSupported,
)
from tollhouse.domain.homes import Home, Thought
from tollhouse.domain.identity import STATIC, Principal
from tollhouse.domain.pricing import NOTHING, Price, Usage
from tollhouse.domain.snapshot import Model, Snapshot, Target
from tollhouse.domain.tasks import Task
from tollhouse.domain.values import value
from tollhouse.domain.weighing import in_turn


@value
class Ask:
    """What a dialect read of a call's body, as far as a decision needs it."""

    model: str
    is_stream: bool
    wants_usage: bool
    input_bytes: int
    messages: int
    images: int
    choices: int
    max_output: int | None
    predicted_bytes: int
    unpriced_features: tuple[str, ...]
    tools: frozenset[str] = frozenset()
    """The names of those that the caller offers to the model."""

    task: Task = Task.CHAT
    tokens: int = 0
    """Those that came as tokens, not as text."""

    otherwise: str | None = None
    """Another way to write the same name, for where none is found under the first."""

    idle: str | None = None
    """Nothing is asked of the model, only that it be loaded or let go: the dialect's word for that."""

    previous: str | None = None
    """The id of an answer to go on from, as this gateway gave it."""

    home: Home | None = None
    """Where that one is kept, once its id was opened."""

    encrypted: tuple[str, ...] = ()
    """What a provider encrypted and the caller brings back, marked as this gateway gave it."""

    thoughts: Mapping[str, Thought] | None = None
    """The same by that name, once the marks were looked at."""

    most: Usage = NOTHING
    """What it may come to beside tokens."""

    likely: Usage | None = None
    """What it most likely comes to beside tokens, if that can be told from what it may."""

    variant: str = ""
    """What makes it dearer or cheaper than others at the same target: the size of an image."""

    media: bytes = b""
    """The type of an answer that has another than its dialect."""

    expects_usage: bool = True
    """Whether providers tell what such a call used."""

    documents: int = 0
    """Those whose tokens nobody here can count: pages in a file, or behind a URL."""

    added_tokens: int = 0
    """What the provider puts in itself for what was asked, such as instructions for tools."""

    may_keep_long: bool = False
    """Whether the provider is asked to keep some of the prompt for an hour, which it bills dearer."""

    tier: str = ""
    """The `service_tier` that is asked for, where it is none of the usual ones. It is the variant too."""

    named: tuple[str, ...] = ()
    """Whom the body calls its user. It is no reason for anything."""


@value
class Leg:
    """One target of a plan, with the price it is billed at and the most it may produce."""

    target: Target
    price: Price | None
    input_tokens: int
    output_tokens: int
    """The bound sent upstream, for each choice."""

    worst: int
    by_tier: Mapping[str, Price] | None = None
    """Where a tier was asked for: what the answer may say it was billed as. Unsaid, it is the dearer."""


@value
class Plan:
    """Ordered targets and the amount that covers any one of them."""

    ask: Ask
    model: Model
    legs: tuple[Leg, ...]
    hold: int
    tenant: str = ""
    caller: Principal | None = None
    """None where the house itself asks."""

    shares: tuple[Share, ...] = ()
    """Accounts beside the caller's four, on which it is held too."""

    @property
    def is_free(self) -> bool:
        return all(leg.price is None or leg.price.is_free for leg in self.legs)


PREVIOUS = "previous_response_id"
"""The member that names an answer to go on from."""

TEMPLATE_TOKENS = 512
"""What a provider's own preamble may add to a request: chat template, tool instructions."""

USUAL_TIERS = ("default", "standard")
"""What an answer calls the tier that a price without a variant is for."""

UNSAID = ""

BY_UNITS_ONLY = frozenset((Task.SPEECH,))
"""What providers never tell the tokens of."""

MESSAGE_TOKENS = 16
"""What a chat template may add around each message."""


def plan(snapshot: Snapshot, caller: Principal, ask: Ask, now: float, seed: float = 0.0) -> Plan:
    """By `seed`, from 0 to 1, targets that share the calls get theirs."""
    model = allowed(snapshot, caller, ask)
    if model.refuses_more:
        _insist_on_output(model, ask)
    if ask.named:
        binding.check(snapshot, caller, ask.named)
    targets = _targets(model, ask, seed)
    legs = tuple([_leg(snapshot, model, target, ask, now, caller.tenant) for target in targets])
    shares = _shares(caller, model, legs) if caller.narrowed else ()
    return Plan(ask, model, legs, max([leg.worst for leg in legs]), caller.tenant, caller, shares)


def _insist_on_output(model: Model, ask: Ask) -> None:
    if ask.max_output is not None and ask.max_output > model.max_output:
        raise OutputOverLimit(
            f"{model.name!r} produces at most {model.max_output} tokens here, and {ask.max_output} were asked for.",
            param="max_tokens",
        )


def _shares(caller: Principal, model: Model, legs: Sequence[Leg]) -> tuple[Share, ...]:
    """The narrowed accounts that an answer of one of the targets may be spent on."""
    providers = {leg.target.provider for leg in legs}
    targets = {leg.target.name for leg in legs}
    return (
        *[
            Share(it.account, f"{it.provider}:*")
            for it in caller.narrowed
            if it.provider in providers
        ],
        *[Share(it.account) for it in caller.narrowed if it.model == model.name],
        *[
            Share(it.account, it.model)
            for it in caller.narrowed
            if it.model in targets - {model.name}
        ],
    )


def allowed(snapshot: Snapshot, caller: Principal, ask: Ask) -> Model:
    """The model that is asked for, if it is there, does that, and may be called."""
    found = naming.find_either(snapshot, caller.tenant, ask.model, ask.otherwise)
    if found is None:
        raise ModelUnknown(
            f"There is no model {ask.model[:100]!r} here. `GET /v1/models` lists those this key may call.",
            param="model",
        )
    model = found.model
    if not naming.is_granted(found, caller):
        raise ModelNotGranted(
            f"This {'token' if caller.issuer else 'key'} may not call {ask.model!r}. An operator grants it "
            f"{_granting(caller, ask.model)}.",
            param="model",
        )
    if ask.task not in model.does:
        raise ModelCannot(
            f"{model.name!r} does {', '.join(sorted(model.does))} here, and this path asks for {ask.task}. "
            f"An operator who knows better lists it in `does` of the model.",
            param="model",
        )
    if ask.tools and not model.takes_tools:
        raise ToolsNotSupported(
            f"{ask.model!r} cannot call tools. Leave `tools` out, or ask a model that can.",
            param="tools",
        )
    return model


def _granting(caller: Principal, model: str) -> str:
    if caller.issuer == OURS:
        return "when the token is signed"
    if caller.proof.by.startswith(STATIC):
        return f"by `models` of [static_tokens.{caller.issuer}]"
    if caller.issuer:
        return f"by `models` of a rule of [issuers.{caller.issuer}]"
    return f"with `tollhouse keys grant {caller.key} {model}`"


def input_bound(ask: Ask, model: Model) -> int:
    """No tokenizer makes more tokens than there are bytes; templates and images come on top."""
    return (
        ask.input_bytes
        + TEMPLATE_TOKENS
        + MESSAGE_TOKENS * ask.messages
        + ask.images * model.image_tokens
        + (ask.home.tokens if ask.home else 0)
        + ask.documents * model.document_tokens
        + ask.added_tokens
    )


def _targets(model: Model, ask: Ask, seed: float) -> Sequence[Target]:
    """State goes home to the target that keeps it, and to no other."""
    if ask.home is None:
        targets = in_turn(model.targets, model.weights, seed) if model.weights else model.targets
        return _of_last_thought(targets, ask) if ask.thoughts else targets
    at_home = tuple([target for target in model.targets if target.name == ask.home.target])
    if not at_home:
        raise StateUnknown(
            f"What is to be gone on from was not answered by {model.name!r}.", param=PREVIOUS
        )
    return at_home


def _of_last_thought(targets: Sequence[Target], ask: Ask) -> Sequence[Target]:
    """Those of the provider that can read what was thought last; all, if none of them is there."""
    for thought in reversed(tuple((ask.thoughts or {}).values())):
        at_home = tuple([each for each in targets if each.provider == thought.provider])
        if at_home:
            return at_home
    return targets


def _leg(
    snapshot: Snapshot, model: Model, target: Target, ask: Ask, now: float, tenant: str
) -> Leg:
    price = snapshot.price(target, now, ask.variant, tenant)
    tokens_in = input_bound(ask, model)
    tokens_out = (
        min(ask.max_output, model.max_output) if ask.max_output is not None else model.max_output
    )
    if price is None:
        if snapshot.requires_price and ask.task not in model.price_optional:
            raise _unpriced(model, target)
        return Leg(target, None, tokens_in, tokens_out, 0)
    if ask.task in BY_UNITS_ONLY and not (price.is_free or price.has_units):
        raise _unmetered(target, ask)
    if ask.unpriced_features and not price.is_free:
        _insist_on_rates(price, target, ask)
    worst = price.worst(
        tokens_in,
        tokens_out * ask.choices + ask.predicted_bytes,
        ask.most,
        may_keep_long=ask.may_keep_long,
    )
    if not ask.tier:
        return Leg(target, price, tokens_in, tokens_out, worst)
    usual = replace(ask, tier="", variant="", unpriced_features=())
    otherwise = _leg(snapshot, model, target, usual, now, tenant)
    return _of_tier(Leg(target, price, tokens_in, tokens_out, worst), otherwise, ask.tier)


def _of_tier(asked: Leg, usual: Leg, tier: str) -> Leg:
    """Providers may answer in the usual tier instead, and say so: held is what covers both."""
    if asked.price is None or usual.price is None:
        return asked
    dearer = asked.price if asked.worst >= usual.worst else usual.price
    by_tier = dict.fromkeys(USUAL_TIERS, usual.price) | {tier: asked.price, UNSAID: dearer}
    return replace(asked, worst=max(asked.worst, usual.worst), by_tier=by_tier)


def _insist_on_rates(price: Price, target: Target, ask: Ask) -> None:
    """What is billed apart is let through where the row has a rate for it."""
    unpriced = [
        feature
        for feature in ask.unpriced_features
        if not (feature == "audio" and price.kind("audio_output") is not None)
        and not (feature == "service_tier" and ask.tier and price.model.endswith(f"@{ask.tier}"))
    ]
    if unpriced:
        raise FeatureUnpriced(
            f"{', '.join(unpriced)}: billed apart by providers, and the price of "
            f"{target.name} says nothing about it. Leave it out, or call a model that is free.",
            param=unpriced[0],
        )


def _unmetered(target: Target, ask: Ask) -> ModelUnpriced:
    return ModelUnpriced(
        f"The price of {target.name} is by the token, and nobody tells how many {ask.task} takes. Set one that has "
        f"a rate per character or per call: `tollhouse prices set {target.name} --per-character 0.000015`.",
        param="model",
    )


def _unpriced(model: Model, target: Target) -> ModelUnpriced:
    return ModelUnpriced(
        f"{model.name!r} would be answered by {target.name}, which has no price, so its cost cannot be held. "
        f"Three ways out: set a price (`tollhouse prices set {target.name} --input 3 --output 15`), declare it free "
        f"(`tollhouse prices set {target.name} --free`), or set `require_price = false` under [ledger].",
        param="model",
    )
