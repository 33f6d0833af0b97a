"""A provider's URL leads where the gateway may go, or the gateway does not start."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.configs import problem, read


def provider(url: str, *lines: str) -> str:
    return "\n".join(["[providers.p]", 'kind = "openai-compatible"', f'url = "{url}"', *lines])


@pytest.mark.req("OL-8")
@pytest.mark.parametrize(
    "url", ["http://8.8.8.8/v1", "http://[2606:4700::1111]/v1", "http://[64:ff9b::808:808]"]
)
def test_http_to_a_public_address_keeps_the_gateway_from_starting(url: str) -> None:
    found = problem(provider(url))

    assert (found.key, found.expected) == ("providers.p.url", "https")
    assert "public-without-tls" in found.found
    assert read(provider(url.replace("http:", "https:")))


@pytest.mark.req("OL-8")
@pytest.mark.parametrize("host", ["vllm", "api.example.com", "vllm.models.svc"])
def test_http_to_a_name_needs_the_network_that_it_is_in(host: str) -> None:
    found = problem(provider(f"http://{host}:8000/v1"))

    assert found.key == "providers.p.url"
    assert 'networks = ["10.0.0.0/8"]' in (found.hint or "")
    assert read(provider(f"http://{host}:8000/v1", 'networks = ["10.0.0.0/8"]'))


@pytest.mark.req("CN-14", "OL-8")
@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "10.0.0.7", "[::1]", "[fd00::7]", "100.64.0.1"]
)
def test_http_to_an_address_on_the_premises_needs_nothing_more(host: str) -> None:
    assert read(provider(f"http://{host}:8000/v1"))


@pytest.mark.req("H-117")
@pytest.mark.parametrize(
    ("url", "listeners"),
    [
        ("http://127.0.0.1:8400/v1", ""),
        ("http://127.0.0.1:9400", ""),
        ("http://127.0.0.1:8401", '[admin]\nlisten = "127.0.0.1:8401"'),
        ("http://[::ffff:127.0.0.1]:8400", ""),
        ("http://127.0.0.5:99", '[metrics]\nlisten = "0.0.0.0:99"'),
        ("http://[::1]:99", '[metrics]\nlisten = "[::]:99"'),
    ],
)
def test_a_provider_is_never_the_gateway_itself(url: str, listeners: str) -> None:
    found = problem(f"{listeners}\n{provider(url)}")

    assert found.key == "providers.p.url"
    assert "itself listens" in found.found


def test_a_provider_may_stand_beside_the_gateway() -> None:
    assert read(provider("http://127.0.0.1:8401/v1"))


@pytest.mark.parametrize(
    ("lines", "key"),
    [
        ('networks = ["8.8.8.0/24"]', "providers.p.networks[0]"),
        ('networks = ["0.0.0.0/0"]', "providers.p.networks[0]"),
        ('networks = ["169.254.169.254/32"]', "providers.p.networks[0]"),
        ('ca_file = "nowhere.pem"', "providers.p.ca_file"),
        ('client_certificate = "DIR/a.pem"', "providers.p.client_key"),
        ('client_key = "DIR/a.pem"', "providers.p.client_certificate"),
    ],
)
def test_what_cannot_help_is_named(lines: str, key: str, tmp_path: Path) -> None:
    (tmp_path / "a.pem").write_text("-")

    found = problem(provider("https://a.example/v1", lines.replace("DIR", str(tmp_path))))

    assert found.key == key


@pytest.mark.parametrize("name", ["ca_file", "client_key"])
def test_certificates_without_tls_are_named(name: str) -> None:
    found = problem(provider("http://127.0.0.1:8000", f'{name} = "x.pem"'))

    assert found.key == f"providers.p.{name}"
    assert "without effect" in found.found


@pytest.mark.parametrize("line", ['networks = ["10.0.0.0/8"]', 'ca_file = "x.pem"'])
def test_a_provider_that_is_here_has_no_way_out(line: str) -> None:
    found = problem(f'[providers.p]\nkind = "echo"\n{line}')

    assert "without effect" in found.found


def test_a_certificate_goes_with_its_key(tmp_path: Path) -> None:
    (tmp_path / "a.pem").write_text("-")
    pair = [f'{name} = "{tmp_path}/a.pem"' for name in ("client_certificate", "client_key")]

    assert read(provider("https://a.example/v1", *pair)).providers


@pytest.mark.req("OL-8", "H-117")
@pytest.mark.parametrize("url", ["http://8.8.8.8/hook", "http://127.0.0.1:8400/hook"])
def test_alerts_go_where_providers_may_be(url: str) -> None:
    assert problem(f'[alerts]\nurl = "{url}"').key == "alerts.url"
