"""Bundles that a gateway does not start with: those without what is asked of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from certificates import Authority, bundle
from issuing import signing_key
from tollhouse.config import parse
from tollhouse.wiring.trust import unusable

FOR_CERTIFICATES, FOR_TOKENS, FOR_BOTH = "certificates", "tokens", "both"


@pytest.mark.req("S-42", "S-41")
@pytest.mark.parametrize(
    ("has", "asks", "audiences", "is_usable"),
    [
        (FOR_CERTIFICATES, "required", "", True),
        (FOR_CERTIFICATES, "required", "tollhouse", False),
        (FOR_TOKENS, "off", "tollhouse", True),
        (FOR_TOKENS, "required", "tollhouse", False),
        (FOR_TOKENS, "off", "", False),
        (FOR_BOTH, "optional", "tollhouse", True),
    ],
)
def test_a_bundle_has_what_is_asked_of_it(
    tmp_path: Path, has: str, asks: str, audiences: str, *, is_usable: bool
) -> None:
    authority = Authority(tmp_path)
    chain = authority.certify("localhost")
    keys = json.loads(bundle(authority))["keys"] if has != FOR_TOKENS else []
    if has != FOR_CERTIFICATES:
        keys.append({**signing_key("k", "ES256").public, "use": "jwt-svid"})
    (tmp_path / "bundle.json").write_text(json.dumps({"keys": keys}))
    text = f"""
data_dir = "{tmp_path}"
[server]
tls_certificate = "{chain}"
tls_key = "{chain}"
client_certificates = "{asks}"
[authorities.prod]
trust_domain = "prod.example.org"
bundle_file = "bundle.json"
audiences = {json.dumps([audiences] if audiences else [])}
[[authorities.prod.rules]]
tenant = "acme"
user = "web"
"""

    found = list(unusable(parse(text, {})))

    assert [each.key for each in found] == ([] if is_usable else ["authorities.prod.bundle_file"])
