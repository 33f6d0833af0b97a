"""The clients as parameters of a test; those that cannot be had here are left out, with the reason."""

from __future__ import annotations

from typing import Any

import pytest

from clients.roster import CLIENTS, Client
from clients.stage import KINDS


def _played(client: Client, *more: str) -> Any:
    why = client.is_left_out
    marks = [
        pytest.mark.skipif(
            bool(why), reason=f"left out: {client.package} ({client.runtime}): {why}"
        ),
    ]
    return pytest.param(client, *more, id="-".join((client.id, *more)), marks=marks)


every_client = pytest.mark.parametrize("client", [_played(each) for each in CLIENTS])
every_streaming_client = pytest.mark.parametrize(
    "client", [_played(each) for each in CLIENTS if each.is_stream]
)
every_pair = pytest.mark.parametrize(
    ("client", "behind"),
    [_played(each, behind) for each in CLIENTS for behind in KINDS],
)
"""Each client before a provider of each dialect."""
