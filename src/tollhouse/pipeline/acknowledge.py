"""A call that asks nothing of its model: to load it, or to let it go, is its provider's business."""

from __future__ import annotations

from tollhouse.domain.errors import FieldInvalid
from tollhouse.domain.models import Ask
from tollhouse.pipeline.call import Call
from tollhouse.pipeline.lanes import NANOS_PER_S, stream_headers
from tollhouse.ports import Acknowledging


async def acknowledge(call: Call, ask: Ask) -> None:
    """Said as an answer without words. Nothing is held, and nobody is asked."""
    dialect = call.route.dialect
    if not isinstance(dialect, Acknowledging):
        raise FieldInvalid("Nothing is asked of the model.")
    body = dialect.acknowledgement(ask, call.began_ns // NANOS_PER_S)
    headers = (
        stream_headers(dialect) if ask.is_stream else ((b"content-type", b"application/json"),)
    )
    await call.reply.start(200, (*headers, (b"content-length", b"%d" % len(body))))
    await call.reply.end(body)
