"""A refusal in the caller's dialect, or as RFC 9457 where there is none."""

from __future__ import annotations

import json

from tollhouse.domain.errors import Problem, Unauthenticated
from tollhouse.pipeline.call import Call
from tollhouse.ports import Concluding, Reply

OF_OTARI = "/api/v1/"
"""Where otari's clients call: of an error they show what is in `detail`, and else the whole of it."""


async def send_problem(call: Call, problem: Problem) -> None:
    """Before the first byte as a status; after it as the dialect's own event.

    No clean end follows it, unless the event is one: there are clients that take a torn stream for what
    happened, and forget what they were told.
    """
    dialect, reply = call.route.dialect, call.reply
    if reply.is_started:
        tell = reply.last_words or dialect.problem_event
        reply.cut(tell(problem, call.request_id), is_end=isinstance(dialect, Concluding))
        return
    body = dialect.problem(problem, call.request_id)
    if call.route.path.startswith(OF_OTARI) and not body.startswith(b'{"detail"'):
        body = b'{"detail":%b,%b' % (json.dumps(problem.detail).encode(), body[1:])
    await _send(reply, problem, body, b"application/json")


async def send_plain_problem(call: Call, problem: Problem) -> None:
    body = {
        "type": f"urn:tollhouse:error:{problem.code}",
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
        "instance": f"urn:tollhouse:request:{call.request_id}",
        "request_id": call.request_id,
        "code": problem.code,
        **({"param": problem.param} if problem.param else {}),
    }
    await _send(call.reply, problem, json.dumps(body).encode(), b"application/problem+json")


async def _send(reply: Reply, problem: Problem, body: bytes, media_type: bytes) -> None:
    headers = [(b"content-type", media_type), (b"content-length", b"%d" % len(body))]
    if not problem.is_worth_a_retry:
        headers.append((b"x-should-retry", b"false"))
    if problem.retryable or problem.retry_after_s is not None:
        headers.append((b"retry-after", b"%d" % (problem.retry_after_s or 1)))
    if isinstance(problem, Unauthenticated):
        headers.append((b"www-authenticate", problem.challenge))
    await reply.start(problem.status, headers)
    await reply.end(body)
