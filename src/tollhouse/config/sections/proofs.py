"""Proofs of possession, as RFC 9449 has them."""

from __future__ import annotations

from typing import Annotated

from tollhouse.config import addresses
from tollhouse.config.fields import Section, setting
from tollhouse.config.texts import Text


class ProofsSettings(Section):
    """What proofs of possession (DPoP) have to say, which keys and tokens may be bound to."""

    origin: Annotated[str, Text(str, addresses.read_http, addresses.HTTP)] | None = setting(
        'What clients call this gateway by, such as "https://gateway.example.com": their proofs are for it. '
        "Left out, it is what the request's own `Host` says, which is as good as `hosts` under [server]."
    )
