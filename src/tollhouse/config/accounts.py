"""Key files of Google's service accounts: read as a secret, and as far as a mistake can be told."""

from __future__ import annotations

import msgspec

from tollhouse.config import addresses
from tollhouse.config.problems import Unfit
from tollhouse.config.secrets import Secret, Sources
from tollhouse.config.texts import SecretText

GOOGLE = "https://oauth2.googleapis.com/token"
WRONG = "the JSON key of a service account, as the Google Cloud console gives it out"


class Account(msgspec.Struct, frozen=True):
    """What of it is needed. The key is in PEM."""

    client_email: str
    private_key: str
    private_key_id: str | None = None
    project_id: str | None = None
    token_uri: str = GOOGLE

    def __repr__(self) -> str:
        return f"Account({self.client_email})"


_decode = msgspec.json.Decoder(Account).decode


class AccountText(SecretText):
    """Marks a reference to such a file."""

    def read(self, sources: Sources, reference: str) -> Secret:
        secret = sources.document(reference)
        opened(secret)
        return secret


def opened(secret: Secret) -> Account:
    """Raises Unfit, which repeats nothing of it."""
    try:
        account = _decode(secret.reveal())
    except (ValueError, RecursionError):
        raise Unfit(f"{secret.reference} is something else (not shown)", expected=WRONG) from None
    addresses.read_http(account.token_uri)
    return account
