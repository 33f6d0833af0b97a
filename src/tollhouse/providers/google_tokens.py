"""How a service account of Google's asks for a token: by a statement that it signs with its key (RFC 7523)."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from tollhouse.config.accounts import Account
from tollhouse.domain.exchange import Sending
from tollhouse.providers.tokens import form
from tollhouse.providers.workloads import SCOPE

GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
LIFE_S = 3600
"""The longest that Google takes."""

LEAST_BITS = 2048


class Statement:
    """Raises ValueError where the account's key is none that signs so."""

    def __init__(self, account: Account, path: bytes, clock_s: Callable[[], float]) -> None:
        self._account = account
        self._path = path
        self._clock_s = clock_s
        self._key = signing_key(account.private_key)

    def asking(self) -> Sending:
        return form(self._path, {"grant_type": GRANT, "assertion": self._signed()})

    def _signed(self) -> str:
        account, now = self._account, int(self._clock_s())
        known_by = {"kid": account.private_key_id} if account.private_key_id else {}
        head = {"alg": "RS256", "typ": "JWT", **known_by}
        claims = {
            "iss": account.client_email,
            "scope": SCOPE,
            "aud": account.token_uri,
            "iat": now,
            "exp": now + LIFE_S,
        }
        said = f"{_encoded(json.dumps(head).encode())}.{_encoded(json.dumps(claims).encode())}"
        return f"{said}.{_encoded(self._key.sign(said.encode(), PKCS1v15(), SHA256()))}"


def signing_key(pem: str) -> RSAPrivateKey:
    """Raises ValueError."""
    try:
        key = load_pem_private_key(pem.encode(), None)
    except (TypeError, UnsupportedAlgorithm):
        raise ValueError("a key that cannot be used") from None
    if not isinstance(key, RSAPrivateKey) or key.key_size < LEAST_BITS:
        raise ValueError("no RSA key of at least 2048 bits")
    return key


def _encoded(said: bytes) -> str:
    return base64.urlsafe_b64encode(said).rstrip(b"=").decode()
