"""Forms, as the echo takes them apart."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from tollhouse.domain.errors import FormMalformed
from tollhouse.domain.exchange import Sending
from tollhouse.domain.forms import Part
from tollhouse.domain.multipart import FormReader, boundary_of


def parts_of(sending: Sending) -> Sequence[Part]:
    try:
        boundary = boundary_of(dict(sending.headers).get(b"content-type", b""))
        reader = FormReader(boundary or b"-")
        reader.feed(sending.whole)
        return reader.finish()
    except FormMalformed as malformed:
        raise msgspec.ValidationError(malformed.detail) from None
