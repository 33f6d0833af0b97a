"""Where an agent listens: in SPIFFE's spelling, and on this host."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollhouse.domain import endpoints
from tollhouse.domain.endpoints import Endpoint, EndpointInvalid


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("unix:///run/spire/agent.sock", Endpoint(path="/run/spire/agent.sock")),
        ("unix:/run/spire/agent.sock", Endpoint(path="/run/spire/agent.sock")),
        ("tcp://127.0.0.1:8081", Endpoint(host="127.0.0.1", port=8081)),
        ("tcp://[::1]:65535", Endpoint(host="::1", port=65_535)),
        (f"unix:///{'a' * 106}", Endpoint(path=f"/{'a' * 106}")),
    ],
)
def test_both_kinds_are_read_and_written(text: str, found: Endpoint) -> None:
    assert endpoints.read(text) == found
    assert endpoints.read(str(found)) == found


@pytest.mark.parametrize(
    "text",
    [
        *("", "unix:", "unix://", "unix://run/agent.sock", "unix:agent.sock", "/run/agent.sock"),
        *("unix:////run/a", "unix:///run/a?x", "unix:///run/a#x", "unix:///run/%61", "unix:///a\0"),
        f"unix:///{'a' * 107}",
        *(
            "tcp://10.0.0.1:80",
            "tcp://0.0.0.0:80",
            "tcp://[::]:80",
            "tcp://localhost:80",
            "tcp://999.0.0.1:80",
        ),
        *("tcp://127.0.0.1", "tcp://127.0.0.1:0", "tcp://127.0.0.1:65536", "tcp://127.0.0.1:80/x"),
        *(
            "tcp://127.0.0.1:80\n",
            "tcp://u@127.0.0.1:80",
            "http://127.0.0.1:80",
            "tcp://[127.0.0.1]:80",
        ),
    ],
)
def test_what_is_no_address_of_this_host_is_none(text: str) -> None:
    with pytest.raises(EndpointInvalid):
        endpoints.read(text)


@given(st.text(max_size=40) | st.from_regex(r"\A(unix:|tcp://)[/0-9.:\[\]a-z%?]{0,30}\Z"))
def test_whatever_is_read_says_the_same_again(text: str) -> None:
    try:
        found = endpoints.read(text)
    except EndpointInvalid:
        return

    assert endpoints.read(str(found)) == found
