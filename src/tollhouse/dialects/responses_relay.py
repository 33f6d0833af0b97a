"""An answer of OpenAI Responses on its way through: known events pass as they came, with their names.

An upstream is not trusted. Of an event its one object passes, named by its own type; what is of no
known type stays behind. A failure is told in our words, under the id with which the answer began.
"""

from __future__ import annotations

from tollhouse.dialects import openai_tiers, responses_problems, sse, strict_json
from tollhouse.dialects.openai_count import tokens_of
from tollhouse.dialects.openai_events import NOTHING, is_given, on_one_line, text_of
from tollhouse.dialects.responses_events import (
    BEGINNINGS,
    ENDINGS,
    FAILED,
    KNOWN,
    Event,
    Response,
    output_within,
    read_event,
    read_response,
)
from tollhouse.dialects.responses_own import OwnNames
from tollhouse.dialects.responses_tools import insist_on_declared
from tollhouse.dialects.responses_usage import read_usage
from tollhouse.dialects.sse_relay import SseRelay
from tollhouse.dialects.whole import Whole
from tollhouse.domain.counting import tokens_in
from tollhouse.domain.errors import Problem, UpstreamBroke


class ResponseStream(SseRelay):
    """Implements Relay and LastWords for `stream: true`."""

    def __init__(self, own: OwnNames, tools: frozenset[str], *, reads_tier: bool = False) -> None:
        super().__init__()
        self.tier: str | None = None
        self._reads_tier = reads_tier
        self._own = own
        self._tools = tools
        self._begun = b""
        self._number = 0

    def problem_event(self, problem: Problem, request_id: str) -> bytes:
        if not self._begun:
            return responses_problems.failed_at_once(problem, request_id)
        return responses_problems.failed(problem, self._begun, self._number)

    def _pass_event(self, event: bytes) -> bytes:
        data = sse.data_of(event)
        if not data or data == b"[DONE]":
            return b""
        if sse.LF in data:
            data = data.replace(b"\n", b" ").strip()
        if not data.isascii():
            data = on_one_line(data)
        read = read_event(data)
        if read.type == FAILED and read.response is not None:
            self._take_usage(read.response)
        if read.type in (FAILED, "error") or is_given(read.error):
            raise responses_problems.failure_within(data, "within the stream")
        if read.type not in KNOWN:
            return b""
        self._look_at(read)
        if read.response is not None:
            data = self._as_ours(data, read, read.response)
        elif read.item is not None and is_given(read.item.encrypted_content):
            data = self._marked(data)
        return b"event: %b\ndata: %b" % (read.type.encode(), data)

    def _as_ours(self, data: bytes, read: Event, found: Response) -> bytes:
        members = strict_json.members(data)
        before = bytes(members["response"])
        response = self._own.put(before, found)
        if read.type in BEGINNINGS:
            self._begun = response
        if response == before:
            return data
        return strict_json.join({**members, "response": strict_json.Raw(response)})

    def _marked(self, data: bytes) -> bytes:
        members = strict_json.members(data)
        item = self._own.put_in_item(bytes(members["item"]))
        return strict_json.join({**members, "item": strict_json.Raw(item)})

    def _look_at(self, read: Event) -> None:
        self._number = max(self._number, (read.sequence_number or 0) + 1)
        if read.item is not None:
            insist_on_declared(read.item.type, read.item.name, read.item.namespace, self._tools)
        if read.response is not None:
            look_at(read.response, self._tools)
        elif read.type in BEGINNINGS or read.type in ENDINGS:
            raise UpstreamBroke(private="an event has no response")
        if read.delta is not NOTHING:
            self._count.keep(bytes(read.delta))
        if read.type in ENDINGS and read.response is not None:
            self._take_usage(read.response)
            self.is_over = True

    def _take_usage(self, response: Response) -> None:
        if is_given(response.usage):
            self.usage = read_usage(response.usage)
        if self._reads_tier:
            self.tier = openai_tiers.named(response.service_tier) or self.tier


class WholeResponse(Whole):
    """Implements Relay for an answer in one piece, which passes as it came."""

    def __init__(self, own: OwnNames, tools: frozenset[str], *, reads_tier: bool = False) -> None:
        super().__init__()
        self.tier: str | None = None
        self._reads_tier = reads_tier
        self._own = own
        self._tools = tools

    def finish(self) -> bytes:
        body = bytes(self._body)
        text_of(body)
        read = read_response(body)
        if is_given(read.usage):
            self.usage = read_usage(read.usage)
        if self._reads_tier:
            self.tier = openai_tiers.named(read.service_tier)
        if is_given(read.error) or read.status == "failed":
            raise responses_problems.failure_within(body, "with status 200")
        if read.output is None or read.status not in (None, "completed", "incomplete"):
            raise UpstreamBroke(private="the answer has no output")
        look_at(read, self._tools)
        return self._own.put(body, read)

    def counted_output(self) -> int:
        try:
            is_answer = read_response(bytes(self._body)).output is not None
        except UpstreamBroke:
            is_answer = False
        if not is_answer:
            return tokens_in(len(self._body))
        return tokens_of([output_within(bytes(self._body))])


def look_at(response: Response, tools: frozenset[str]) -> None:
    for item in response.output or ():
        insist_on_declared(item.type, item.name, item.namespace, tools)
