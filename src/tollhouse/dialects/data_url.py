"""Bytes within a URL: `data:image/png;base64,…`."""

from __future__ import annotations

UNKNOWN = "application/octet-stream"


def split(url: str) -> tuple[str, str] | None:
    """Its media type and its bytes in base64; None if it is another kind of URL."""
    head, comma, data = url.partition(",")
    if not comma or head[:5].lower() != "data:" or not head.lower().endswith(";base64"):
        return None
    media_type, *_ = head[5:].split(";")
    return media_type or UNKNOWN, data


def join(media_type: str | None, data: str) -> str:
    return f"data:{media_type or UNKNOWN};base64,{data}"
