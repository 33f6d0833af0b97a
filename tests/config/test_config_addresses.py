"""Addresses as they stand in the file."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollhouse.config.addresses import (
    Listen,
    is_loopback,
    read_api_version,
    read_beta,
    read_counters,
    read_directory,
    read_host,
    read_http,
    read_listen,
    read_listen_or_off,
    read_network,
    read_origin,
    read_own_network,
    read_project,
    read_region,
    read_store,
    read_target,
)
from tollhouse.config.problems import Unfit

Read = Callable[[str], object]


def test_a_listener_is_an_address_and_a_port() -> None:
    assert read_listen("0.0.0.0:80") == Listen("0.0.0.0", 80)
    assert str(read_listen("[::1]:8400")) == "[::1]:8400"
    assert read_listen("localhost:1") == Listen("127.0.0.1", 1)


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":80",
        "127.0.0.1",
        "::1:80",
        "example.com:80",
        "1.2.3:80",
        "127.0.0.1:65536",
        "[127.0.0.1]:80",
    ],
)
def test_anything_else_is_no_listener(text: str) -> None:
    with pytest.raises(Unfit):
        read_listen(text)


def test_a_listener_may_be_off() -> None:
    assert read_listen_or_off("off") is None
    assert read_listen_or_off("127.0.0.1:9400") == Listen("127.0.0.1", 9400)


def test_the_last_port_is_65535() -> None:
    assert read_listen("127.0.0.1:65535").port == 65535


@pytest.mark.parametrize(
    ("one", "other", "collide"),
    [
        ("127.0.0.1:80", "127.0.0.1:80", True),
        ("127.0.0.1:80", "127.0.0.1:81", False),
        ("127.0.0.1:80", "127.0.0.2:80", False),
        ("0.0.0.0:80", "127.0.0.2:80", True),
        ("127.0.0.1:80", "[::]:80", True),
        ("127.0.0.1:0", "127.0.0.1:0", False),
    ],
)
def test_two_listeners_collide_where_one_would_take_the_other_s_place(
    one: str, other: str, collide: bool
) -> None:
    assert read_listen(one).collides_with(read_listen(other)) is collide


@pytest.mark.req("B-10")
def test_loopback_is_known_by_its_addresses_and_by_its_name() -> None:
    assert all(map(is_loopback, ("localhost", "127.0.0.1", "127.8.8.8", "::1")))
    assert not any(map(is_loopback, ("localhost.example", "10.0.0.1", "::2")))


def test_an_address_within_a_network_is_told_its_network() -> None:
    with pytest.raises(Unfit) as caught:
        read_network("10.1.2.3/8")

    assert caught.value.hint == 'The network of this address is "10.0.0.0/8".'


@pytest.mark.parametrize("text", ["10.0.0.0/8", "192.0.2.7", "192.0.2.7/32", "fd00::/8", "FD00::1"])
def test_a_network_may_be_one_address(text: str) -> None:
    assert read_network(text).with_prefixlen.startswith(text.lower())


@pytest.mark.parametrize("text", ["", "example.com", "10.0.0.0/33", "10.1.2.3/8"])
def test_anything_else_is_no_network(text: str) -> None:
    with pytest.raises(Unfit):
        read_network(text)


@pytest.mark.req("S-66")
@pytest.mark.parametrize("text", ["0.0.0.0/0", "::/0"])
def test_everybody_is_no_network_to_trust(text: str) -> None:
    with pytest.raises(Unfit, match="which is everybody"):
        read_network(text)


@pytest.mark.parametrize(
    "text",
    [
        "sqlite:a.db",
        "sqlite:/var/lib/a.db",
        "postgresql://u@h/db",
        "postgresql://u@/db?host=/run/pg",
    ],
)
def test_a_store_is_a_file_or_a_server(text: str) -> None:
    assert read_store(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a.db",
        "sqlite:",
        "sqlite::memory:",
        "sqlite:///a.db",
        "sqlite:a.db?mode=memory",
        "mysql://u@h/db",
        "postgres://u@h/db",
        "postgresql://h/db",
        "postgresql://u@h",
        "postgresql://u:p@h/db",
        "postgresql://u@h/db?password=p",
        "postgresql://u@h/db?passwd=p",
        "postgresql://u@h/db?x=1&PASSWORD=p",
        "postgresql://u:@h/db",
        "postgresql://u@/db",
        "postgresql://u@h/",
        "postgresql:u@h/db",
        "postgresql://u@h:x/db",
        "postgresql://u@h:0/db",
        "postgresql://u@h/db#x",
        "postgresql://u@h/d b",
        "postgresql://u@h/d\u00e9",
        "postgresql://u@h/" + "d" * 2000,
        "sqlite: ",
        "sqlite:a\nb",
        "sqlite:?x",
    ],
)
def test_anything_else_is_no_store(text: str) -> None:
    with pytest.raises(Unfit):
        read_store(text)


@pytest.mark.parametrize(
    ("text", "found", "hint"),
    [
        ("postgres://u@h/db", "the scheme postgres://", "Write postgresql:// instead."),
        ("mysql://u@h/db", 'the scheme "mysql"', None),
        ("postgresql:u@h/db", "a text that is no URL", None),
        ("a.db", "a text that is no URL", None),
    ],
)
def test_what_stands_there_instead_of_a_store_is_told(
    text: str, found: str, hint: str | None
) -> None:
    with pytest.raises(Unfit) as caught:
        read_store(text)

    assert (caught.value.found, caught.value.hint) == (found, hint)


def test_counters_stand_in_memory_or_in_valkey() -> None:
    assert read_counters("memory") == "memory"
    for text in (
        "valkey://h:6379/2",
        "valkey://h",
        "valkey://h/",
        "valkey://h/9999",
        "valkeys://h:6380",
    ):
        assert read_counters(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "redis://h",
        "rediss://h",
        "valkeys://:p@h",
        "valkey://:p@h",
        "valkey://h/x",
        "valkey:///1",
        "valkey://h/10000",
        "valkey://h/1?x=1",
        "Memory",
    ],
)
def test_anything_else_is_no_place_for_counters(text: str) -> None:
    with pytest.raises(Unfit):
        read_counters(text)


@pytest.mark.parametrize("text", ["redis://h", "rediss://h"])
def test_who_knows_counters_by_another_name_is_told_ours(text: str) -> None:
    with pytest.raises(Unfit) as caught:
        read_counters(text)

    assert (caught.value.hint or "").startswith(f"Write {text.replace('redis', 'valkey')[:-1]}")


def test_the_url_of_a_provider_loses_its_last_slash() -> None:
    assert read_http("https://api.example.com:8443/v1/") == "https://api.example.com:8443/v1"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "api.example.com",
        "ftp://h/v1",
        "https://",
        "https://u@h/v1",
        "https://u:p@h/v1",
        "https://h/v1?x=1",
        "https://h/v1?",
        "https://h/v1#x",
        "https://h:0/v1",
        "https://h:99999/v1",
        "https://h /v1",
        "https://h\n/v1",
        "https://h_é/v1",
        "https://[::1/v1",
    ],
)
def test_anything_but_a_plain_url_is_no_provider(text: str) -> None:
    with pytest.raises(Unfit):
        read_http(text)


@pytest.mark.parametrize(
    ("text", "hint"), [("https://u:p@h/v1", "Set `key` instead."), ("ftp://h/v1", None)]
)
def test_who_writes_a_key_into_a_url_is_told_where_it_belongs(text: str, hint: str | None) -> None:
    with pytest.raises(Unfit) as caught:
        read_http(text)

    assert caught.value.hint == hint


@pytest.mark.req("CN-3", "CN-14")
@pytest.mark.parametrize(
    "host",
    [
        "169.254.169.254",
        "169.254.170.2",
        "169.254.170.23",
        "100.100.100.200",
        "168.63.129.16",
        "[fd00:ec2::254]",
        "[fe80::1]",
        "[::ffff:169.254.169.254]",
        "[64:ff9b::a9fe:a9fe]",
        "[2002:a9fe:a9fe::]",
        "metadata.google.internal",
        "METADATA.google.internal.",
        "0.0.0.0",
        "2852039166",
        "0xa9fea9fe",
        "0251.0376.0251.0376",
        "169.254.43518",
    ],
)
def test_no_provider_is_a_metadata_service_however_it_is_written(host: str) -> None:
    with pytest.raises(Unfit):
        read_http(f"http://{host}/v1")


@pytest.mark.req("CN-14")
@pytest.mark.parametrize(
    "host", ["127.0.0.1", "10.0.0.7", "192.168.1.1", "[::1]", "vllm", "a1.example"]
)
def test_a_provider_may_stand_on_the_premises(host: str) -> None:
    assert read_http(f"http://{host}/v1")


def test_the_first_colon_parts_the_provider_from_its_model() -> None:
    target = read_target("local:llama3:8b")

    assert (target.provider, target.model) == ("local", "llama3:8b")
    assert read_target("x:" + "a" * 200).model == "a" * 200


@pytest.mark.parametrize("text", ["", "x", ":x", "x:", "x:a\u2003b", "x:a\x7f", "x:" + "a" * 201])
def test_anything_else_is_no_target(text: str) -> None:
    with pytest.raises(Unfit):
        read_target(text)


@pytest.mark.parametrize(
    "text", ["10.0.0.0/8", "192.168.1.7/32", "fd00::/8", "127.0.0.1/32", "100.64.0.0/10"]
)
def test_a_network_of_a_provider_is_on_the_premises(text: str) -> None:
    assert str(read_own_network(text)) == text


@pytest.mark.req("S-66")
@pytest.mark.parametrize(
    "text",
    ["0.0.0.0/0", "::/0", "169.254.0.0/16", "8.8.8.0/24", "10.0.0.0/7", "fe80::/10", "224.0.0.0/4"],
)
def test_nothing_else_can_be_declared_for_a_provider(text: str) -> None:
    with pytest.raises(Unfit):
        read_own_network(text)


def test_a_target_may_have_its_share_of_the_calls() -> None:
    assert read_target("a:b weight=9999").weight == 9999
    assert read_target("a:b  weight=1 ").weight == 1
    assert str(read_target("a:b weight=3")) == "a:b weight=3"
    assert str(read_target("a:b")) == "a:b"


@pytest.mark.parametrize("share", ["0", "-1", "10000", "1.5", "", "01", "3 x"])
def test_any_other_share_is_refused(share: str) -> None:
    with pytest.raises(Unfit, match=r"weight=") as caught:
        read_target(f"a:b weight={share}")

    assert "from 1 to 9999" in (caught.value.hint or "")


@pytest.mark.req("B-10")
def test_a_host_is_a_name_or_an_address_in_small_letters() -> None:
    longest = ".".join(["a" * 63] * 3 + ["a" * 61])

    for text in ("LLM.example.com", "192.0.2.7", "[::1]", "a_b", "a.", longest):
        assert read_host(text) == text.lower()


PLAIN: dict[Read, tuple[list[str], list[str]]] = {
    read_host: (
        [],
        ["", "a b", "a:80", "::1", "[::1", "[a]", "[[::1]]", "a/b", "a" * 64, "-a", "*"],
    ),
    read_origin: (
        ["*", "https://chat.example.com", "http://127.0.0.1:3000", "app-x://y"],
        [
            "",
            "null",
            "https://",
            "https://A.example",
            "https://a/",
            "https://a:x",
            "https://*",
            "**",
        ],
    ),
    read_api_version: (
        ["2024-10-21", "2025-04-01-preview"],
        ["", "2024-10-21-beta", "1999-01-01", "2024-1-1", "2024-10-21&x=1", "x2024-10-21"],
    ),
    read_region: (
        ["eu-central-1", "a", "a" * 40],
        ["", "EU", "a.b", "a/b", "a@b", "a" * 41],
    ),
    read_project: (
        ["my-project-1", "example.com:p", "a" * 63],
        ["", "-a", "A", "a/b", "a b", "a" * 64],
    ),
    read_directory: (
        ["72f988bf-86f1-41af-91ab-2d7cd011db47", "example.com", "a" * 100],
        ["", "-a", "a/b", "a?b", "a#b", "a" * 101],
    ),
    read_beta: (
        ["interleaved-thinking-2025-05-14", "interleaved-*", "*", "a" * 100],
        ["", "a,b", "a b", "a*b", "**", "a\nb", "a" * 101],
    ),
}
GOOD = [(read, text) for read, (good, _) in PLAIN.items() for text in good]
BAD = [(read, text) for read, (_, bad) in PLAIN.items() for text in bad]


@pytest.mark.parametrize(("read", "text"), GOOD)
def test_what_goes_into_a_url_or_a_header_is_plain(read: Read, text: str) -> None:
    assert read(text) == text


@pytest.mark.parametrize(("read", "text"), BAD)
def test_what_would_change_a_url_or_a_header_is_refused(read: Read, text: str) -> None:
    with pytest.raises(Unfit):
        read(text)


@given(st.text(max_size=40))
@pytest.mark.parametrize(
    "read",
    [
        read_listen,
        read_network,
        read_own_network,
        read_store,
        read_counters,
        read_http,
        read_target,
        *PLAIN,
    ],
)
def test_any_text_is_read_or_unfit(read: Read, text: str) -> None:
    for prefix in ("", "http://", "postgresql://u@", "valkey://", "127.0.0.1:"):
        with suppress(Unfit):
            read(prefix + text)
