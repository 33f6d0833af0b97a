"""What does not go together, or is not safe, though each part is valid by itself."""

from __future__ import annotations

from pathlib import Path

import pytest
from configs import problem, problems, read

KEY = "sk-canary-0123456789"
PEPPER = "a pepper of thirty-two bytes, or even more"


@pytest.mark.req("S-20")
def test_a_gateway_without_authentication_does_not_start() -> None:
    assert problem("[auth]\nvirtual_keys = false").key == "auth.virtual_keys"


@pytest.mark.req("S-20")
@pytest.mark.parametrize("value", ['""', '" "', '"false"', "0", "[]", "{}", '"off"', '"none"'])
def test_no_value_turns_authentication_off(value: str) -> None:
    assert problem(f"[auth]\nvirtual_keys = {value}").key == "auth.virtual_keys"


@pytest.mark.req("S-20")
@pytest.mark.parametrize("text", ["", "[auth]", "[auth]\npeppers = {}", "auth = {}"])
def test_authentication_that_is_not_mentioned_is_on(text: str) -> None:
    assert read(text).auth.virtual_keys


@pytest.mark.req("B-34", "S-38")
@pytest.mark.parametrize("host", ["0.0.0.0", "[::]", "192.0.2.1", "10.0.0.1", "[2001:db8::1]"])
def test_an_address_that_others_can_reach_needs_tls_or_a_proxy(host: str) -> None:
    assert problem(f'[server]\nlisten = "{host}:8400"').key == "server.listen"


@pytest.mark.req("S-38")
@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "[::1]", "localhost"])
def test_a_loopback_address_needs_nothing(host: str) -> None:
    assert read(f'[server]\nlisten = "{host}:8400"').server.listen.is_loopback


@pytest.mark.req("S-38")
def test_a_proxy_that_ends_tls_opens_the_address() -> None:
    text = '[server]\nlisten = "0.0.0.0:8400"\ntrusted_proxies = ["10.0.0.0/8"]'

    assert not read(text).server.listen.is_loopback


@pytest.mark.req("S-38")
@pytest.mark.parametrize("network", ["0.0.0.0/0", "::/0"])
def test_trusting_everybody_is_no_proxy(network: str) -> None:
    text = f'[server]\nlisten = "0.0.0.0:8400"\ntrusted_proxies = ["{network}"]'

    assert problem(text).key == "server.trusted_proxies[0]"


@pytest.mark.req("OP-24", "S-18")
def test_cookies_for_every_page_are_refused() -> None:
    everybody = '[server]\ncors_origins = ["https://a.example", "*"]\n'

    found = problem(everybody + "cors_credentials = true")

    assert found.key in {"server.cors_origins", "server.cors_credentials"}
    assert "*" in read(everybody).server.cors_origins


@pytest.mark.req("OP-24", "S-18")
@pytest.mark.parametrize(
    "origin",
    ["", "null", "chat.example.com", "https://", "https://a.example/", "https://A.example", "https://*.example"],
)  # fmt: skip
def test_a_page_that_no_browser_would_name_so_is_refused(origin: str) -> None:
    assert problem(f'[server]\ncors_origins = ["{origin}"]').key == "server.cors_origins[0]"


@pytest.mark.req("S-38")
def test_a_certificate_opens_the_address(tmp_path: Path) -> None:
    (tmp_path / "c").touch()
    text = f'data_dir = "{tmp_path}"\n[server]\nlisten = "0.0.0.0:8400"\n'

    settings = read(text + 'tls_certificate = "c"\ntls_key = "c"')

    assert settings.server.tls_key == Path("c")


def test_certificate_and_key_go_together_and_must_be_there(tmp_path: Path) -> None:
    (tmp_path / "c").touch()
    top = f'data_dir = "{tmp_path}"\n[server]\ntls_certificate = "c"\n'

    assert problem(top).key == "server.tls_key"
    assert problem(top + 'tls_key = "none"').found == f"no file at {tmp_path}/none"


@pytest.mark.parametrize(
    ("api", "metrics"),
    [
        ("127.0.0.1:9", "127.0.0.1:9"),
        ("127.0.0.1:9", "0.0.0.0:9"),
        ("127.0.0.1:9", "[::]:9"),
        ("localhost:9", "127.0.0.1:9"),
        ("[::1]:9", "[0:0::1]:9"),
    ],
)
def test_two_listeners_do_not_share_an_address(api: str, metrics: str) -> None:
    text = f'[server]\nlisten = "{api}"\n[metrics]\nlisten = "{metrics}"'

    assert problem(text).key == "metrics.listen"


def test_metrics_can_be_off_and_ports_can_be_left_to_the_system() -> None:
    assert read('[metrics]\nlisten = "off"').metrics.listen is None
    assert read('[metrics]\nlisten = "off"\n[admin]\nlisten = "127.0.0.1:8401"').admin.listen
    read('[server]\nlisten = "127.0.0.1:0"\n[metrics]\nlisten = "127.0.0.1:0"')


def test_postgresql_needs_a_pepper() -> None:
    text = '[store]\nurl = "postgresql://gate@db/gate"\n'

    assert problem(text).key == "auth.peppers"
    read(text + '[auth]\npeppers = { 1 = "env:P" }', P=PEPPER)


@pytest.mark.req("OP-4")
def test_a_short_pepper_is_refused() -> None:
    only = problem('[auth]\npeppers = { 1 = "env:P" }', P="x1" * 15 + "y")

    assert (only.key, only.found) == ("auth.peppers.1", "env:P has 31 bytes")


@pytest.mark.req("OP-4", "S-61")
@pytest.mark.parametrize("where", ["[auth]\npeppers", "[vault]\nkeys"])
def test_thirty_two_bytes_are_enough(where: str) -> None:
    assert read(f'{where} = {{ 1 = "env:P" }}', P="x1" * 16)
    assert "31 bytes" in problem(f'{where} = {{ 1 = "env:P" }}', P="x1" * 15 + "y").found


def test_the_version_for_new_keys_must_be_listed() -> None:
    made_here = problem("[auth]\npepper_version = 2")
    listed = problem('[auth]\npepper_version = 2\npeppers = { 1 = "env:P" }', P=PEPPER)

    assert (made_here.key, listed.key) == ("auth.pepper_version", "auth.pepper_version")
    assert "made here" in made_here.expected
    assert "listed" in listed.expected


@pytest.mark.req("P-35")
@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('[store]\npassword = "env:P"', "store.password"),
        ('[limits]\npassword = "env:P"', "limits.password"),
        ('[limits]\nstore = "valkey://h"\nca_file = "x.pem"', "limits.ca_file"),
        ("[limits]\nrequests_per_minute = 0\nburst = 5", "limits.burst"),
        ('[providers.p]\nkind = "echo"\nkey = "env:P"', "providers.p.key"),
        ('[providers.p]\nkind = "local"\nurl = "http://127.0.0.1"', "providers.p.url"),
    ],
)
def test_a_setting_without_effect_is_a_problem(text: str, key: str) -> None:
    assert problem(text, P=PEPPER).key == key


def test_each_kind_of_provider_asks_for_what_it_needs() -> None:
    assert problem('[providers.p]\nkind = "openai"').key == "providers.p.key"
    assert problem('[providers.p]\nkind = "openai-compatible"').key == "providers.p.url"
    assert problem('[providers.p]\nkind = "anthropic"').key == "providers.p.key"
    assert problem('[providers.p]\nkind = "anthropic-compatible"').key == "providers.p.url"


def test_each_kind_of_provider_has_its_own_defaults() -> None:
    text = """
[providers.a]
kind = "openai"
key = "env:P"
[providers.b]
kind = "echo"
"""

    providers = read(text, P=PEPPER).providers

    assert providers["a"].base_url == "https://api.openai.com/v1"
    assert providers["a"].bounded_by == "max_completion_tokens"
    assert providers["b"].base_url is None
    assert providers["b"].bounded_by == "max_tokens"


def test_a_target_needs_a_declared_provider() -> None:
    text = '[providers.openai]\nkind = "echo"\n[models.m]\ntargets = ["opnai:x"]'

    only = problem(text)

    assert only.key == "models.m.targets[0]"
    assert only.hint == 'Did you mean "openai"?'
    assert only.expected == "one of openai"
    assert "[providers]" in problem('[models.m]\ntargets = ["opnai:x"]').expected


@pytest.mark.req("S-52")
def test_an_admin_listener_that_others_can_reach_needs_tls() -> None:
    assert problem('[admin]\nlisten = "0.0.0.0:8401"').key == "admin.listen"


@pytest.mark.req("S-52")
@pytest.mark.parametrize("port", [8400, 9400])
def test_the_admin_listener_has_an_address_of_its_own(port: int) -> None:
    assert problem(f'[admin]\nlisten = "127.0.0.1:{port}"').key == "admin.listen"


@pytest.mark.req("S-52", "CN-22")
def test_there_is_no_admin_listener_by_default() -> None:
    assert read("").admin.listen is None


def test_a_vendor_asks_for_a_key_and_an_engine_for_its_place() -> None:
    vendor, engine = (
        problem('[providers.p]\nkind = "groq"'),
        problem('[providers.p]\nkind = "vllm"'),
    )

    assert (vendor.key, vendor.hint) == ("providers.p.key", 'Such as "env:GROQ_API_KEY".')
    assert engine.key == "providers.p.url"


def test_a_kind_that_is_none_is_named_with_what_was_meant() -> None:
    assert problem('[providers.p]\nkind = "grok"').hint == 'Did you mean "groq"?'


@pytest.mark.parametrize(
    "line", ['speaks = ["chat"]', "asks_usage = true", 'output_bound = "max_tokens"']
)
@pytest.mark.parametrize(
    "kind", ['"gemini"', '"cohere"', '"bedrock"\nurl = "https://bedrock.example"']
)
def test_what_is_openais_alone_does_nothing_for_who_has_another_api(kind: str, line: str) -> None:
    text = f'[providers.p]\nkind = {kind}\nkey = "env:P"\n{line}'

    assert problem(text, P=PEPPER).key == f"providers.p.{line.split()[0]}"


BEDROCK = '[providers.p]\nkind = "bedrock"\nurl = "https://bedrock.example"\nkey = "env:P"\n'


def test_a_bedrock_key_of_its_own_signs_nothing() -> None:
    provider = read(BEDROCK, P=PEPPER).providers["p"]

    assert (provider.access_key, provider.region) == (None, None)


@pytest.mark.parametrize(
    ("region", "url"),
    [
        ("eu-central-1", "https://bedrock-runtime.eu-central-1.amazonaws.com"),
        ("cn-north-1", "https://bedrock-runtime.cn-north-1.amazonaws.com.cn"),
    ],
)
def test_where_bedrock_is_follows_from_its_region(region: str, url: str) -> None:
    text = f'[providers.p]\nkind = "bedrock"\nkey = "env:P"\nregion = "{region}"'

    provider = read(text, P=PEPPER).providers["p"]

    assert (provider.base_url, provider.is_converse) == (url, True)


def test_bedrock_without_a_region_is_nowhere() -> None:
    text = '[providers.p]\nkind = "bedrock"\nkey = "env:P"'

    assert problem(text, P=PEPPER).key == "providers.p.region"


def test_bedrocks_openai_api_is_a_kind_of_its_own() -> None:
    text = BEDROCK.replace('"bedrock"', '"bedrock-openai"') + 'access_key = "env:P"\nregion = "x"'

    provider = read(text, P=PEPPER).providers["p"]

    assert (provider.is_converse, provider.may_sign) == (False, True)


def test_signing_needs_a_region() -> None:
    assert problem(f'{BEDROCK}access_key = "env:P"', P=PEPPER).key == "providers.p.region"


@pytest.mark.parametrize("line", ['region = "eu-central-1"', 'session_token = "env:P"'])
def test_what_goes_with_an_access_key_does_nothing_without_one(line: str) -> None:
    assert problem(BEDROCK + line, P=PEPPER).key == f"providers.p.{line.split()[0]}"


@pytest.mark.parametrize("line", ['region = "eu-central-1"', 'access_key = "env:P"'])
def test_whoever_signs_nothing_has_no_use_for_what_signs(line: str) -> None:
    text = f'[providers.p]\nkind = "openai"\nkey = "env:P"\n{line}'

    assert problem(text, P=PEPPER).key == f"providers.p.{line.split()[0]}"


@pytest.mark.parametrize("region", ["", "EU", "eu central", "a/b", "x" * 41])
def test_a_region_is_a_plain_name(region: str) -> None:
    text = f'{BEDROCK}access_key = "env:P"\nregion = "{region}"'

    assert {each.key for each in problems(text, P=PEPPER)} == {"providers.p.region"}


def test_only_azure_has_versions() -> None:
    text = '[providers.p]\nkind = "openai"\nkey = "env:P"\napi_version = "2024-10-21"'

    assert problem(text, P=PEPPER).key == "providers.p.api_version"


@pytest.mark.parametrize("version", ["", "v1", "2024-10", "2024-10-21&x=1", "2024-10-21-beta"])
def test_a_version_is_a_day(version: str) -> None:
    text = f'[providers.p]\nkind = "azure"\nkey = "env:P"\nurl = "https://a.example"\napi_version = "{version}"'

    assert problem(text, P=PEPPER).key == "providers.p.api_version"


@pytest.mark.req("OT-50")
@pytest.mark.parametrize(
    "kind",
    [
        'kind = "echo"',
        'kind = "anthropic"\nkey = "env:P"',
        'kind = "ollama"\nurl = "http://127.0.0.1:1"',
        'kind = "azure"\nurl = "https://x.openai.azure.com"\nkey = "env:P"\napi_version = "2024-10-21"',
    ],
)
def test_a_provider_without_openais_files_keeps_none(kind: str) -> None:
    found = problem(f"[providers.p]\n{kind}\nkeeps_files = true", P=PEPPER)

    assert found.key == "providers.p.keeps_files"


@pytest.mark.req("OT-50")
@pytest.mark.parametrize("kind", ["openai", "groq", "mistral"])
def test_a_provider_with_openais_files_may_keep_them(kind: str) -> None:
    settings = read(f'[providers.p]\nkind = "{kind}"\nkey = "env:P"\nkeeps_files = true', P=PEPPER)

    assert settings.providers["p"].keeps_files


@pytest.mark.req("CN-28")
@pytest.mark.parametrize(
    ("kind", "does"),
    [("anthropic-compatible", "embeddings"), ("minimax", "completions"), ("ollama", "images")],
)
def test_a_model_is_not_said_to_do_what_none_of_its_targets_offers(kind: str, does: str) -> None:
    provider = f'[providers.p]\nkind = "{kind}"\nurl = "http://127.0.0.1:8000"\nkey = "env:KEY"\n'
    model = f'[models.m]\ntargets = ["p:x"]\ndoes = ["chat", "{does}"]\n'

    found = problem(provider + model, KEY=KEY)

    assert (found.key, does in found.found) == ("models.m.does", True)
    alone = provider + model.replace(f', "{does}"', "")
    assert read(alone, KEY=KEY).models["m"].does == ("chat",)


@pytest.mark.req("CN-28")
def test_it_is_enough_that_one_of_its_targets_offers_it() -> None:
    text = """
[providers.e]
kind = "echo"
[providers.o]
kind = "ollama"
url = "http://127.0.0.1:8000"
[models.m]
targets = ["o:x", "e:x"]
does = ["images"]
"""
    assert read(text).models["m"].does == ("images",)


def test_only_who_speaks_anthropics_api_has_betas() -> None:
    line = 'betas = ["pdfs-*"]'

    found = problem(f'[providers.p]\nkind = "openai"\nkey = "env:P"\n{line}', P=KEY)

    assert found.key == "providers.p.betas"
    assert read(f'[providers.p]\nkind = "anthropic"\nkey = "env:P"\n{line}', P=KEY)


@pytest.mark.parametrize(
    ("kind", "path"), [("openai-compatible", "/v1"), ("anthropic-compatible", "")]
)
def test_who_has_no_url_is_shown_one_as_its_api_has_it(kind: str, path: str) -> None:
    found = problem(f'[providers.p]\nkind = "{kind}"')

    assert found.hint == f'Such as "http://127.0.0.1:8000{path}".'


@pytest.mark.parametrize(
    "line", ['speaks = ["chat"]', "asks_usage = true", 'output_bound = "max_tokens"']
)
def test_what_is_openais_alone_is_for_who_has_its_api(line: str) -> None:
    assert read(f'[providers.p]\nkind = "openai"\nkey = "env:P"\n{line}', P=KEY).providers


def test_without_a_limit_no_burst_is_asked_for() -> None:
    assert read("[limits]\nrequests_per_minute = 0").limits.burst is None


@pytest.mark.parametrize("version", ["", "0", "v0.1.2", "0.1.2.3.4", "0.12345", "0.1-Beta"])
def test_a_version_is_numbers_with_dots(version: str) -> None:
    assert problem(f'[ollama]\nversion = "{version}"').key == "ollama.version"
