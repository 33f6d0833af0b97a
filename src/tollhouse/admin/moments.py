"""Moments, as a request names them."""

from __future__ import annotations

import re
from datetime import datetime

from tollhouse.domain.errors import FieldInvalid


def moment_ms(text: str, name: str) -> int:
    """Raises FieldInvalid for what is no moment, or one of no zone."""
    try:
        moment = datetime.fromisoformat(text) if re.match(r"[0-9]{4}-", text) else None
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise FieldInvalid(f"`{name}` is a time such as 2026-01-31T00:00:00Z.", param=name)
    return round(moment.timestamp() * 1000)
