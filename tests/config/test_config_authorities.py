"""Who vouches for certificates, as far as the file alone can tell."""

from __future__ import annotations

from pathlib import Path

import pytest

from certificates import Authority
from tollhouse.config import ConfigInvalid, parse


@pytest.fixture
def certified(tmp_path: Path) -> str:
    """A door with TLS, beside a bundle."""
    authority = Authority(tmp_path)
    chain = authority.certify("localhost")
    return f"""
data_dir = "{tmp_path}"
[server]
tls_certificate = "{chain}"
tls_key = "{chain}"
client_certificates = "required"
"""


AUDIENCES = 'audiences = ["llm"]\n'
PLAIN = '[authorities.prod]\nbundle_file = "root.pem"\n'
PROD = '[authorities.prod]\nbundle_file = "root.pem"\ntrust_domain = "prod.example.org"\n'


def test_a_door_may_ask_for_certificates_that_somebody_vouches_for(certified: str) -> None:
    settings = parse(certified + PROD, {})

    assert settings.server.client_certificates == "required"
    assert settings.authorities["prod"].trust_domain == "prod.example.org"


def test_several_may_vouch_for_certificates_without_a_trust_domain(certified: str) -> None:
    two = PLAIN + PLAIN.replace("prod", "other")

    assert set(parse(certified + two, {}).authorities) == {"prod", "other"}


def test_tokens_of_a_trust_domain_come_in_where_a_rule_says_whose_they_are(certified: str) -> None:
    rule = '[[authorities.prod.rules]]\ntenant = "acme"\nuser = "anna"'

    assert parse(f"{certified}{PROD}{AUDIENCES}{rule}", {}).authorities["prod"].audiences


@pytest.mark.parametrize("name", ["tls_certificate", "tls_key"])
def test_half_of_what_tls_takes_is_told_once(certified: str, name: str) -> None:
    half = "\n".join(line for line in certified.split("\n") if not line.startswith(name))

    with pytest.raises(ConfigInvalid) as refused:
        parse(half + PROD, {})

    assert [each.key for each in refused.value.problems] == [f"server.{name}"]


def test_nobody_is_asked_by_default() -> None:
    assert parse("", {}).server.client_certificates == "off"


@pytest.mark.parametrize(
    ("more", "key"),
    [
        ("", "server.client_certificates"),
        (PROD.replace("root.pem", "nowhere.pem"), "authorities.prod.bundle_file"),
        (PROD.replace("prod.example", "Prod.example"), "authorities.prod.trust_domain"),
        (PROD.replace("prod.example", "spiffe://prod.example"), "authorities.prod.trust_domain"),
        (
            PROD + PROD.replace("authorities.prod", "authorities.two"),
            "authorities.two.trust_domain",
        ),
        (PROD.replace("authorities.prod", "authorities.tollhouse"), "authorities.tollhouse"),
        (
            f'{PROD}[[authorities.prod.rules]]\ntenant = "claim:/path/1"\nuser = "anna"',
            "authorities.prod.rules[0].tenant",
        ),
        (PROD + AUDIENCES, "authorities.prod.audiences"),
        (
            f'{PLAIN}{AUDIENCES}[[authorities.prod.rules]]\ntenant = "acme"\nuser = "anna"',
            "authorities.prod.audiences",
        ),
    ],
)
def test_what_cannot_work_is_told_at_the_start(certified: str, more: str, key: str) -> None:
    with pytest.raises(ConfigInvalid) as refused:
        parse(certified + more, {})

    assert [each.key for each in refused.value.problems] == [key]


AGENT = '[workload_api]\nsocket = "unix:///run/agent.sock"\n'
MESH = '[authorities.mesh]\nbundle_from = "workload-api"\ntrust_domain = "mesh.example.org"\n'


def test_a_bundle_may_come_from_the_agent_of_this_host(certified: str) -> None:
    settings = parse(certified + AGENT + MESH, {})

    assert str(settings.workload_api.socket) == "unix:///run/agent.sock"


@pytest.mark.parametrize(
    ("more", "key"),
    [
        (MESH, "workload_api.socket"),
        (AGENT + PROD, "workload_api.socket"),
        (MESH.replace("workload-api", "file"), "authorities.mesh.bundle_file"),
        (AGENT + MESH.replace("trust_domain", "# "), "authorities.mesh.trust_domain"),
        (AGENT + MESH + 'bundle_file = "root.pem"\n', "authorities.mesh.bundle_file"),
        (AGENT.replace("unix:", "http:") + MESH, "workload_api.socket"),
        (
            AGENT.replace("unix:///run/agent.sock", "tcp://10.0.0.1:80") + MESH,
            "workload_api.socket",
        ),
        (AGENT.replace("unix:///run/agent.sock", "env:NO_SUCH") + MESH, "workload_api.socket"),
    ],
)
def test_what_could_not_come_from_there_is_told_at_the_start(
    certified: str, more: str, key: str
) -> None:
    with pytest.raises(ConfigInvalid) as refused:
        parse(certified + more, {})

    assert [each.key for each in refused.value.problems] == [key]


def test_the_doors_certificate_comes_from_one_place(certified: str, tmp_path: Path) -> None:
    svid = '[server]\ncertificate_from = "workload-api"\n'
    both = certified.replace("[server]\n", svid) + PROD + AGENT
    nowhere = f'data_dir = "{tmp_path}"\n{svid}'

    for text, key in ((both, "server.tls_certificate"), (nowhere, "workload_api.socket")):
        with pytest.raises(ConfigInvalid) as refused:
            parse(text, {})
        assert [each.key for each in refused.value.problems] == [key]
    assert parse(nowhere + AGENT, {}).server.ends_tls


def test_the_agents_address_may_stand_in_the_variable_that_spiffe_has_for_it(
    certified: str,
) -> None:
    more = AGENT.replace("unix:///run/agent.sock", "env:SPIFFE_ENDPOINT_SOCKET") + MESH
    settings = parse(certified + more, {"SPIFFE_ENDPOINT_SOCKET": "unix:/run/spire/agent.sock"})

    assert str(settings.workload_api.socket) == "unix:///run/spire/agent.sock"


def test_certificates_are_not_asked_for_in_clear(tmp_path: Path) -> None:
    Authority(tmp_path)
    text = f'data_dir = "{tmp_path}"\n[server]\nclient_certificates = "optional"\n{PROD}'

    with pytest.raises(ConfigInvalid) as refused:
        parse(text, {})

    assert [each.key for each in refused.value.problems] == ["server.client_certificates"]


def test_an_authority_has_a_name_that_no_issuer_has(certified: str) -> None:
    issuer = """
[issuers.prod]
issuer = "https://login.example.com"
audiences = ["x"]
[[issuers.prod.rules]]
tenant = "acme"
user = "anna"
"""

    with pytest.raises(ConfigInvalid) as refused:
        parse(certified + PROD + issuer, {})

    assert [each.key for each in refused.value.problems] == ["authorities.prod"]


@pytest.mark.req("OC-3")
@pytest.mark.parametrize("line", ['role = "admin"', 'role_at = "tenant:acme"', "creates = true"])
def test_what_only_rules_of_issuers_say_is_refused_and_told_where_it_belongs(
    certified: str, line: str
) -> None:
    rule = f'[[authorities.prod.rules]]\ntenant = "acme"\nuser = "web"\n{line}\n'

    with pytest.raises(ConfigInvalid) as refused:
        parse(certified + PROD + rule, {})

    name = line.partition(" ")[0]
    (problem,) = refused.value.problems
    assert problem.key == f"authorities.prod.rules[0].{name}"
    assert problem.found == "a key that is unknown in [authorities.prod.rules[0]]"
    assert problem.expected.endswith("calls_as")
    assert problem.hint == f"`{name}` belongs to [[issuers.NAME.rules]]."
