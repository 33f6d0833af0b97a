"""Addresses as they stand in the file."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollhouse.config.addresses import (
    Listen,
    read_counters,
    read_http,
    read_listen,
    read_network,
    read_own_network,
    read_store,
    read_target,
)
from tollhouse.config.problems import Unfit


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


def test_an_address_within_a_network_is_told_its_network() -> None:
    with pytest.raises(Unfit) as caught:
        read_network("10.1.2.3/8")

    assert caught.value.hint == 'The network of this address is "10.0.0.0/8".'


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
        "postgresql://u@h:x/db",
        "postgresql://u@h/d b",
    ],
)
def test_anything_else_is_no_store(text: str) -> None:
    with pytest.raises(Unfit):
        read_store(text)


def test_counters_stand_in_memory_or_in_valkey() -> None:
    assert read_counters("memory") == "memory"
    assert read_counters("valkey://h:6379/2") == "valkey://h:6379/2"
    for text in ("", "redis://h", "valkey://:p@h", "valkey://h/x", "valkey:///1", "Memory"):
        with pytest.raises(Unfit):
            read_counters(text)


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
    for text in ("", "x", ":x", "x:", "x:a b", "x:" + "a" * 201):
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
    ],
)
def test_any_text_is_read_or_unfit(read: object, text: str) -> None:
    assert callable(read)
    for prefix in ("", "http://", "postgresql://u@", "valkey://", "127.0.0.1:"):
        with suppress(Unfit):
            read(prefix + text)
