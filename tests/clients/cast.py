"""The clients as parameters of a test; those that cannot be had here are left out, with the reason."""

from __future__ import annotations

import pytest

from clients.roster import CLIENTS, Client


def _played(client: Client) -> object:
    why = client.is_left_out
    marks = [
        pytest.mark.xdist_group(client.program),  # each program is started once
        pytest.mark.skipif(
            bool(why), reason=f"left out: {client.package} ({client.runtime}): {why}"
        ),
    ]
    return pytest.param(client, id=client.id, marks=marks)


every_client = pytest.mark.parametrize("client", [_played(each) for each in CLIENTS])
every_streaming_client = pytest.mark.parametrize(
    "client", [_played(each) for each in CLIENTS if each.is_stream]
)
