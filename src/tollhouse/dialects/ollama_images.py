"""Ollama's images: base64 alone, or a data URL as some of its clients write it."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any

from tollhouse.domain.conversation import Image
from tollhouse.domain.errors import FieldInvalid

USUAL = "image/jpeg"
"""What an image of an unknown kind is called."""

_data_url = re.compile(r"data:(image/[a-z0-9.+-]{1,40});base64,")
_base64 = re.compile(r"[A-Za-z0-9+/_-]+={0,2}")
_kinds = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"BM", "image/bmp"),
)


def images_of(holder: dict[str, Any]) -> list[str]:
    """Those of a message, or of a prompt; raises FieldInvalid for what is not base64."""
    images = holder.get("images")
    if images is None:
        return []
    if not isinstance(images, list) or not all(isinstance(each, str) for each in images):
        raise FieldInvalid("`images` must be a list of images in base64.", param="images")
    return images


def image(written: str) -> Image:
    """What kind it is, its first bytes say: Ollama's API has no place for that."""
    url = _data_url.match(written)
    data = written[url.end() :] if url else written
    if not _base64.fullmatch(data):
        raise FieldInvalid("Each of `images` must be an image in base64.", param="images")
    return Image(media_type=url[1] if url else _kind(data), data=data)


def _kind(data: str) -> str:
    try:
        start = base64.b64decode(data[:24])
    except binascii.Error:
        return USUAL
    if start.startswith(b"RIFF") and start[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for magic, kind in _kinds if start.startswith(magic)), USUAL)
