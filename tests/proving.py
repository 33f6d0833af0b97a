"""A client that holds a private key and proves it: RFC 9449 by its letter, shared with nothing that checks it."""

from __future__ import annotations

import base64
import json
from hashlib import sha256
from typing import Any

from issuing import SigningKey, signing_key

MEMBERS = {"EC": ("crv", "kty", "x", "y"), "RSA": ("e", "kty", "n"), "OKP": ("crv", "kty", "x")}


class Holder:
    def __init__(self, algorithm: str = "ES256", number: int = 7) -> None:
        self.key: SigningKey = signing_key("holder", algorithm, number)

    @property
    def public(self) -> dict[str, Any]:
        return {name: self.key.public[name] for name in MEMBERS[self.key.public["kty"]]}

    @property
    def thumbprint(self) -> str:
        return _encoded(json.dumps(self.public, separators=(",", ":"), sort_keys=True).encode())

    def proof(self, credential: str, url: str, at_s: float, /, **changes: Any) -> str:
        """For a POST; `head` changes the head, and None leaves a member out."""
        head = {"typ": "dpop+jwt", "kid": None, "jwk": self.public, **changes.pop("head", {})}
        claims = {
            "jti": "proof-1",
            "htm": "POST",
            "htu": url,
            "iat": int(at_s),
            "ath": _encoded(credential.encode()),
            **changes,
        }
        return self.key.token({k: v for k, v in claims.items() if v is not None}, **head)


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(sha256(raw).digest()).rstrip(b"=").decode()
