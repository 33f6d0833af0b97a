"""From a provider's settings to the way that its calls take."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from certificates import Authority
from journeys.giver import account_file
from tollhouse.config import ConfigInvalid, Problem, Settings, parse
from tollhouse.domain.addresses import judge
from tollhouse.wiring import ways


def settings(*lines: str, url: str = "https://provider.example/v1", listen: str = "") -> Settings:
    text = ["[providers.p]", 'kind = "openai-compatible"', f'url = "{url}"', *lines, listen]
    return parse("\n".join(text), {})


@pytest.mark.req("OL-8")
def test_without_certificates_the_systems_roots_are_believed() -> None:
    it = settings()

    assert ways.way_of(it.providers["p"], it).tls is None


def test_declared_roots_and_our_own_certificate_are_taken(tmp_path: Path) -> None:
    ours = Authority(tmp_path)
    us = ours.certify("gateway")
    it = settings(
        f'ca_file = "{ours.file}"', f'client_certificate = "{us}"', f'client_key = "{us}"'
    )

    tls = ways.way_of(it.providers["p"], it).tls

    assert tls is not None
    connecting = tls.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname="gateway")
    assert len(connecting.context.get_ca_certs()) == 1
    assert list(ways.unusable(it)) == []


def test_a_file_without_certificates_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("nothing")

    (found,) = ways.unusable(settings(f'ca_file = "{tmp_path}/empty.pem"'))

    assert found.key == "providers.p.ca_file"
    with pytest.raises(ConfigInvalid):
        ways.refuse([found], None)


def test_roots_of_the_counters_that_are_none_are_named(tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("nothing")
    text = f'[limits]\nstore = "valkeys://h"\nca_file = "{tmp_path}/empty.pem"'

    (found,) = ways.unusable(parse(text, {}))

    assert (found.key, found.expected) == ("limits.ca_file", "a PEM file")


def test_where_nothing_is_wrong_nothing_is_refused() -> None:
    ways.refuse([], None)


def test_a_key_of_another_certificate_is_named(tmp_path: Path) -> None:
    ours = Authority(tmp_path)
    one, other = ours.certify("one"), ours.certify("other")

    (found,) = ways.unusable(settings(f'client_certificate = "{one}"', f'client_key = "{other}"'))

    assert found.key == "providers.p.client_certificate"


@pytest.mark.req("H-117")
@pytest.mark.parametrize("everywhere", ["0.0.0.0", "[::]"])
def test_a_listener_on_all_addresses_is_our_own_on_each_of_them(everywhere: str) -> None:
    it = settings(listen=f'[metrics]\nlisten = "{everywhere}:9999"')
    permit = ways.way_of(it.providers["p"], it).permit

    rules = {address: judge(address, 9999, permit).rule for address in ["127.0.0.1", *_own()]}

    assert set(rules.values()) == {"own-listener"}
    assert judge("8.8.8.8", 9999, permit).is_allowed


@pytest.mark.req("CN-4")
def test_a_name_that_leads_home_is_told_before_anything_is_opened() -> None:
    it = settings(url="https://localhost:9999/v1", listen='[metrics]\nlisten = "127.0.0.1:9999"')

    found = list(ways.forbidden(it))

    assert [problem.key for problem in found] == ["providers.p.url"]
    assert "own-listener" in found[0].found


def test_a_name_that_does_not_resolve_is_told_of_and_no_problem(
    capsys: pytest.CaptureFixture[str],
) -> None:
    found: list[Problem] = list(ways.forbidden(settings(url="https://name.invalid/v1")))

    assert found == []
    assert "name.invalid cannot be resolved yet" in capsys.readouterr().err


def _pem(key: RSAPrivateKey | Ed25519PrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@pytest.mark.parametrize(
    "pem",
    [
        "",
        "-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----\n",
        _pem(generate_private_key(65537, 1024)),
        _pem(Ed25519PrivateKey.generate()),
    ],
)
def test_a_key_that_signs_nothing_is_told_before_anything_is_opened(pem: str) -> None:
    text = '[providers.p]\nkind = "vertex"\nservice_account = "env:A"\n'
    url = "https://oauth2.googleapis.com/token"
    good, bad = (
        parse(text, {"A": account_file(url)}),
        parse(text, {"A": account_file(url, private_key=pem)}),
    )

    assert list(ways.unusable(good)) == []
    assert [found.key for found in ways.unusable(bad)] == ["providers.p.service_account"]


def _own() -> list[str]:
    """The address that this machine would be seen by, if it has one. No packet is sent."""
    with socket.socket(type=socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.88.98.1", 9))
        except OSError:
            return []
        return [probe.getsockname()[0]]
