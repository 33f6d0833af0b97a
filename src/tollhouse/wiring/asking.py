"""A plain call on one of the paths, read as its dialect reads it, without anybody calling."""

from __future__ import annotations

import json
from dataclasses import replace

from tollhouse.domain.errors import FieldInvalid
from tollhouse.domain.models import Ask
from tollhouse.pipeline.route import Metered, Route, Takes
from tollhouse.server.routes import route_table
from tollhouse.wiring.dialects import dialects

USUAL_PATH = "/v1/chat/completions"
SAYING = "say"
PLAIN = (
    {"messages": [{"role": "user", "content": SAYING}], "max_tokens": 1},
    {"input": SAYING, "voice": SAYING},
    {"prompt": SAYING},
    {"query": SAYING, "documents": [SAYING]},
)
"""The members by which one dialect or another is told a text."""


def ask_on(path: str, model: str, input_bytes: int, max_output: int | None) -> Ask:
    """Raises FieldInvalid where no model is called by a body of JSON."""
    routes, _ = route_table(dialects(), max_body_bytes=1).find(path)
    route = routes.get("POST")
    if route is None or route.metered is not Metered.TOKENS or route.takes is Takes.FORM:
        raise FieldInvalid(f"{path[:100]!r} is no path on which a model is called.", param="path")
    ask = _plain(route, model)
    produces = ask.max_output is None or ask.max_output > 0
    return replace(ask, input_bytes=input_bytes, max_output=max_output if produces else 0)


def _plain(route: Route, model: str) -> Ask:
    for members in PLAIN:
        try:
            return route.dialect.peek(json.dumps({"model": model, **members}).encode())
        except FieldInvalid as missing:
            refused = missing
    raise refused
