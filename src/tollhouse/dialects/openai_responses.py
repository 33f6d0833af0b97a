"""OpenAI Responses: what a body asks for, what leaves in its place, and how it is translated."""

from __future__ import annotations

from collections.abc import Callable

from tollhouse.dialects import (
    responses_ask,
    responses_decode,
    responses_encode,
    responses_kept,
    responses_problems,
    responses_state,
    responses_tools,
    strict_json,
)
from tollhouse.dialects.openai_api import OpenAIEndpoint
from tollhouse.dialects.reading import Events, StreamReader, WholeReader
from tollhouse.dialects.responses_own import OwnNames
from tollhouse.dialects.responses_reader import ResponseMeaning, read_whole
from tollhouse.dialects.responses_relay import ResponseStream, WholeResponse
from tollhouse.dialects.responses_writer import ResponseStreamWriter, ResponseWholeWriter
from tollhouse.domain.conversation import Conversation, State
from tollhouse.domain.errors import Problem
from tollhouse.domain.models import PREVIOUS, Ask, Leg
from tollhouse.ports import Keeper, Reader, Relay, Writer

SEARCHES_OFFERED = frozenset(f":{kind}" for kind in responses_tools.SEARCHES)


class OpenAIResponses(OpenAIEndpoint):
    """Implements Heard, Told, Keeping and Concluding."""

    name = "openai_responses"
    failure_is_an_end = True

    def peek(self, body: bytes) -> Ask:
        return responses_ask.read(body)

    def outgoing(self, body: bytes, ask: Ask, leg: Leg) -> bytes:
        """The caller's members as they came, but for what the gate must set.

        A search on the web is billed by the call, which no price row says: where tokens are paid
        for it is left out, as an agent offers it with every call and is answered without it too.
        """
        members = strict_json.members(body)
        parts: dict[str, strict_json.Member] = {**members}
        if _searches_left_out(ask, leg):
            parts["tools"] = responses_tools.without_searches(members["tools"])
        parts["model"] = leg.target.model
        parts[responses_ask.BOUND] = leg.output_tokens
        if ask.home is not None:
            parts[PREVIOUS] = ask.home.id
        if ask.thoughts:
            told = responses_kept.at_home(
                bytes(members["input"]), ask.thoughts, leg.target.provider
            )
            parts["input"] = strict_json.Raw(told)
        return strict_json.join(parts)

    def left_out(self, ask: Ask, leg: Leg) -> tuple[str, ...]:
        searches = _searches_left_out(ask, leg)
        if all(each.provider == leg.target.provider for each in (ask.thoughts or {}).values()):
            return searches
        return (*searches, responses_kept.LEFT_BEHIND)

    def relay(self, ask: Ask) -> Relay:
        return self.keeping_relay(ask, Bare())

    def keeping_relay(self, ask: Ask, keeper: Keeper) -> Relay:
        kind = ResponseStream if ask.is_stream else WholeResponse
        own = OwnNames(ask.model, ask.previous, keeper)
        return kind(own, ask.tools, reads_tier=bool(ask.tier))

    def marked(self, state: State, keeper: Keeper) -> State:
        return responses_state.encrypted(keeper.mark(responses_state.written(state)))

    def unmarked(self, state: State, unmark: Callable[[str], str | None]) -> State | None:
        """What a caller made up beside it stays behind."""
        marked = state.raw.get(responses_kept.ENCRYPTED)
        if state.dialect != responses_state.DIALECT or not isinstance(marked, str):
            return None
        text = unmark(marked)
        return None if text is None else responses_state.encrypted(text)

    def decode(self, body: bytes) -> Conversation:
        return responses_decode.decode(body)

    def encode(self, conversation: Conversation, leg: Leg) -> tuple[bytes, tuple[str, ...]]:
        return responses_encode.encode(conversation, leg)

    def reader(self, *, is_stream: bool) -> Reader:
        return StreamReader(Events(), ResponseMeaning()) if is_stream else WholeReader(read_whole)

    def writer(self, ask: Ask, reply_id: str, created: int) -> Writer:
        kind = ResponseStreamWriter if ask.is_stream else ResponseWholeWriter
        return kind(ask, reply_id, created)

    def problem_event(self, problem: Problem, request_id: str) -> bytes:
        return responses_problems.failed_at_once(problem, request_id)


class Bare:
    """Implements Keeper where nothing is to be hidden: all leaves as it came."""

    def seal(self, known_as: str) -> str:
        return known_as

    def mark(self, encrypted: str) -> str:
        return encrypted


def _searches_left_out(ask: Ask, leg: Leg) -> tuple[str, ...]:
    if leg.price is None or leg.price.is_free:
        return ()
    return tuple(sorted(f"tools.{kind[1:]}" for kind in ask.tools & SEARCHES_OFFERED))
