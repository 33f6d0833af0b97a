"""Where callers come in: a socket of our own, with room behind it, and TLS that is not of the old kind."""

from __future__ import annotations

import resource
import socket
import ssl
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from certificates import Authority
from tollhouse.config import Listen, Settings, parse
from tollhouse.server import listening

ANY = Listen("127.0.0.1", 0)


@pytest.fixture
def files() -> Iterator[tuple[int, int]]:
    """How many may be open, and at most; as it was, afterwards."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield before
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_who_calls_the_url_that_is_told_is_let_in(host: str) -> None:
    with closing(listening.listen(Listen(host, 0))) as listener:
        url = listening.url_of(listener, is_tls=False)
        with socket.create_connection((host, listener.getsockname()[1])) as caller:
            listener.setblocking(True)
            visitor, _ = listener.accept()
            with visitor:
                assert visitor.getpeername() == caller.getsockname()

    shown = f"[{host}]" if ":" in host else host
    assert url.startswith(f"http://{shown}:")


def test_the_url_of_a_door_with_tls_says_so() -> None:
    with closing(listening.listen(ANY)) as listener:
        assert listening.url_of(listener, is_tls=True).startswith("https://127.0.0.1:")


def test_a_listener_never_makes_the_loop_wait() -> None:
    with closing(listening.listen(ANY)) as listener, pytest.raises(BlockingIOError):
        listener.accept()


def test_an_address_that_is_taken_is_named_and_nothing_is_left_open() -> None:
    with closing(listening.listen(ANY)) as first:
        taken = Listen("127.0.0.1", first.getsockname()[1])

        open_before = len(list(Path("/dev/fd").iterdir()))
        with pytest.raises(OSError) as refused:
            listening.listen(taken)
        open_after = len(list(Path("/dev/fd").iterdir()))

    assert str(taken) in str(refused.value)
    assert open_after == open_before


def test_an_address_is_listened_on_again_while_its_last_connections_pass_away() -> None:
    with closing(listening.listen(ANY)) as listener:
        address = Listen("127.0.0.1", listener.getsockname()[1])
        listener.setblocking(True)
        with socket.create_connection((address.host, address.port)) as caller:
            listener.accept()[0].close()  # whoever closes first keeps the address for a minute
            assert caller.recv(1) == b""

    with closing(listening.listen(address)) as again:
        assert again.getsockname()[1] == address.port


@pytest.mark.req("S-81")
def test_the_system_keeps_little_of_what_a_caller_does_not_read() -> None:
    with closing(listening.listen(ANY)) as listener:
        listener.setblocking(True)
        with socket.create_connection(listener.getsockname()):
            visitor, _ = listener.accept()
            with visitor:
                kept = visitor.getsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT)

    assert kept == listening.MOST_UNSENT


def test_as_many_files_may_be_open_as_the_system_allows(files: tuple[int, int]) -> None:
    _, most = files
    resource.setrlimit(resource.RLIMIT_NOFILE, (most - 1, most))

    listening.make_room()

    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (most, most)


def test_without_a_certificate_there_is_no_tls() -> None:
    assert listening.tls(parse("", {})) is None


def test_no_tls_older_than_1_2_is_spoken(tmp_path: Path) -> None:
    context = listening.tls(_certified(tmp_path))

    assert context is not None
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2


def test_the_certificate_that_was_set_is_the_one_that_is_shown(tmp_path: Path) -> None:
    settings = _certified(tmp_path)
    theirs, ours = ssl.MemoryBIO(), ssl.MemoryBIO()
    trusting = ssl.create_default_context(cafile=tmp_path / "root.pem")
    context = listening.tls(settings)
    assert context is not None
    client = trusting.wrap_bio(theirs, ours, server_hostname="localhost")
    server = context.wrap_bio(ours, theirs, server_side=True)

    for end in (client, server, client, server):
        try:
            end.do_handshake()
        except ssl.SSLWantReadError:
            continue

    assert client.getpeercert()["subject"] == ((("commonName", "localhost"),),)


def _certified(folder: Path) -> Settings:
    chain = Authority(folder).certify("localhost")
    return parse(f'[server]\ntls_certificate = "{chain}"\ntls_key = "{chain}"\n', {})


@pytest.mark.req("OC-76", "S-40")
@pytest.mark.parametrize(
    ("how", "mode"), [("optional", ssl.CERT_OPTIONAL), ("required", ssl.CERT_REQUIRED)]
)
def test_a_door_that_asks_for_certificates_speaks_tls_1_3_and_resumes_nothing(
    tmp_path: Path, how: str, mode: ssl.VerifyMode
) -> None:
    """What goes on from an earlier session has no chain to be looked at."""
    authority = Authority(tmp_path)
    chain = authority.certify("localhost")
    text = f"""
[server]
tls_certificate = "{chain}"
tls_key = "{chain}"
client_certificates = "{how}"
[authorities.corp]
bundle_file = "{authority.file}"
"""

    context = listening.tls(parse(text, {}), authority.root)

    assert context is not None
    assert context.verify_mode is mode
    assert context.minimum_version is ssl.TLSVersion.TLSv1_3
    assert context.num_tickets == 0
    assert context.get_ca_certs(binary_form=True) == [authority.root]


def test_a_door_that_asks_for_none_knows_no_roots(tmp_path: Path) -> None:
    context = listening.tls(_certified(tmp_path))

    assert context is not None
    assert context.verify_mode is ssl.CERT_NONE
