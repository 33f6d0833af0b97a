"""Errors as OpenCode's clients know them: what is wrong with who comes is `detail` alone, anything else has a code."""

from __future__ import annotations

import json

from tollhouse.dialects.openai_chat import OpenAIChat
from tollhouse.domain.errors import KeyMissing, LoginFailed, Problem, Unauthenticated

NOBODY, WRONG = "Not authenticated", "Invalid or expired token"


class OpenCode(OpenAIChat):
    def problem(self, problem: Problem, request_id: str) -> bytes:
        if isinstance(problem, Unauthenticated) and not isinstance(problem, LoginFailed):
            return _encoded({"detail": NOBODY if isinstance(problem, KeyMissing) else WRONG})
        return _encoded(
            {
                "detail": problem.detail,
                "error_code": problem.code.upper(),
                "message": problem.detail,
                "trace_id": request_id,
            }
        )


def _encoded(body: dict[str, str]) -> bytes:
    return json.dumps(body).encode()
