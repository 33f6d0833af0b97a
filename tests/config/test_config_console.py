"""How browsers find the console."""

from __future__ import annotations

from pathlib import Path

import pytest
from configs import problem, read

LISTENING = '[admin]\nlisten = "127.0.0.1:8401"\n'
PROXIED = 'trusted_proxies = ["10.0.0.1"]\n'


def console(url: str, server: str = PROXIED) -> str:
    return f'[server]\n{server}{LISTENING}[console]\nurl = "{url}"\n'


def test_on_loopback_it_is_the_listeners_own_address() -> None:
    assert read(LISTENING).console_url == "http://127.0.0.1:8401"
    assert read('[admin]\nlisten = "[::1]:8401"\n').console_url == "http://[::1]:8401"
    assert read("").console_url is None


def test_where_others_reach_the_listener_nobody_logs_on_until_its_address_is_said() -> None:
    open_to_all = f'[server]\n{PROXIED}[admin]\nlisten = "10.0.0.7:8401"\n'

    assert read(open_to_all).console_url is None
    said = read(open_to_all + '[console]\nurl = "https://gate.example.com"\n')
    assert said.console_url == "https://gate.example.com"


@pytest.mark.req("S-38", "B-34")
@pytest.mark.parametrize(
    "url",
    [
        "http://gate.example.com",
        "http://10.0.0.7:8401",
        "https://gate.example.com/",
        "https://gate.example.com/console",
        "https://user@gate.example.com",
        "https://GATE.example.com",
        "ftp://gate.example.com",
        "gate.example.com",
        "https://gate.example.com:0",
        "",
    ],
)
def test_a_session_goes_nowhere_in_clear_and_an_origin_is_no_more_than_that(url: str) -> None:
    assert problem(console(url)).key == "console.url"


def test_an_https_address_needs_whoever_ends_tls() -> None:
    assert problem(console("https://gate.example.com", server="")).key == "console.url"
    assert read(console("http://localhost:8401", server="")).console_url


@pytest.mark.req("S-38", "B-34")
def test_where_the_listener_speaks_tls_the_console_is_not_at_http(tmp_path: Path) -> None:
    (tmp_path / "c").touch()
    tls = f'tls_certificate = "{tmp_path}/c"\ntls_key = "{tmp_path}/c"\n'

    assert problem(console("http://localhost:8401", tls)).key == "console.url"
    assert read(f"[server]\n{tls}{LISTENING}").console_url == "https://127.0.0.1:8401"
    assert read(console("https://localhost:8401", tls)).console_url == "https://localhost:8401"


def test_without_a_listener_it_has_no_effect() -> None:
    assert problem("[console]\nidle_s = 600\n").key == "console.idle_s"
