"""Refusals and failures as Ollama's clients read them."""

from __future__ import annotations

import msgspec

from tollhouse.dialects import openai_problems
from tollhouse.domain.errors import Problem


class OllamaProblems:
    """The part of Dialect that is the same on all of its paths."""

    stream_type = b"application/x-ndjson"

    def error_message(self, body: bytes) -> str | None:
        return openai_problems.message_of(body)

    def error_kind(self, body: bytes) -> str:
        return openai_problems.kind_of(body)

    def problem(self, problem: Problem, request_id: str) -> bytes:
        """A text under `error` is all that Ollama's clients read; the code is for those who branch."""
        said = {"error": problem.detail, "code": problem.code, "request_id": request_id}
        return msgspec.json.encode(said)

    def problem_event(self, problem: Problem, request_id: str) -> bytes:
        return self.problem(problem, request_id) + b"\n"

    def silence(self) -> bytes:
        """A blank before the next line: an empty line would break some readers."""
        return b" "
