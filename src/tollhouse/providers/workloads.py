"""Who a workload is to a cloud: a short-lived token that the platform lays into a file, and replaces in time.

It is read each time something is asked for with it, so no key of a cloud has to be kept anywhere.
"""

from __future__ import annotations

import re
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path

from tollhouse.domain.errors import UpstreamTokenUnavailable
from tollhouse.domain.exchange import Sending
from tollhouse.ports import Upstream
from tollhouse.providers.sigv4 import Credentials
from tollhouse.providers.tokens import ShortLived, form

LONGEST = 16 * 1024
SCOPE = "https://www.googleapis.com/auth/cloud-platform"
AZURE_SCOPE = "https://cognitiveservices.azure.com/.default"
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
OF_TOKENS = "urn:ietf:params:oauth:token-type:"
VERSION = "2011-06-15"

Asking = Callable[[], Sending]

_is_token = re.compile(r"[\x21-\x7e]+").fullmatch


def identity(path: Path) -> str:
    """Raises UpstreamTokenUnavailable."""
    try:
        with path.open("rb") as file:
            said = file.read(LONGEST + 1).decode("ascii").strip()
    except (OSError, ValueError) as error:
        raise UpstreamTokenUnavailable(
            private=f"the workload's token cannot be read: {error}"
        ) from None
    if len(said) > LONGEST or not _is_token(said):
        raise UpstreamTokenUnavailable(private=f"{path} is not the token of a workload")
    return said


def of_azure(path: bytes, client_id: str, token: Path) -> Asking:
    """By a client that trusts the platform's tokens: a federated credential."""
    said = {"grant_type": "client_credentials", "client_id": client_id, "scope": AZURE_SCOPE}
    return partial(
        _asked, path, said | {"client_assertion_type": ASSERTION}, "client_assertion", token
    )


def of_google(path: bytes, audience: str, token: Path) -> Asking:
    """By a pool that trusts them, whose members may call the models themselves (RFC 8693)."""
    said = {
        "grant_type": EXCHANGE,
        "audience": audience,
        "scope": SCOPE,
        "requested_token_type": f"{OF_TOKENS}access_token",
        "subject_token_type": f"{OF_TOKENS}jwt",
    }
    return partial(_asked, path, said, "subject_token", token)


def of_aws(path: bytes, role: str, token: Path) -> Asking:
    """By a role that trusts them."""
    said = {
        "Action": "AssumeRoleWithWebIdentity",
        "Version": VERSION,
        "RoleArn": role,
        "RoleSessionName": "tollhouse",
    }
    return partial(_asked, path, said, "WebIdentityToken", token)


class AwsCredentials(ShortLived[Credentials]):
    """Temporary ones of AWS's token service, as it tells them."""

    def __init__(
        self,
        upstream: Upstream,
        asking: Asking,
        now_s: Callable[[], float],
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(upstream, asking, clock_s)
        self._now_s = now_s

    def _read(self, body: bytes) -> tuple[Credentials, float]:
        """Nothing is declared in it: what could be is refused before it is read."""
        if b"<!" in body:
            raise ValueError("a document of another kind")
        try:
            told = ET.fromstring(body)  # noqa: S314 - without declarations nothing can be expanded
        except ET.ParseError as error:
            raise ValueError("no XML") from error
        said = {each.tag.rpartition("}")[2]: each.text or "" for each in told.iter()}
        try:
            key, secret, token = (
                said[name] for name in ("AccessKeyId", "SecretAccessKey", "SessionToken")
            )
            ends = datetime.fromisoformat(said["Expiration"].replace("Z", "+00:00"))
        except KeyError as missing:
            raise ValueError("no credentials") from missing
        if not all(_is_token(each) for each in (key, secret, token)) or ends.tzinfo is None:
            raise ValueError("no credentials")
        return Credentials(key, secret, token), ends.timestamp() - self._now_s()


def _asked(path: bytes, said: dict[str, str], name: str, token: Path) -> Sending:
    return form(path, {**said, name: identity(token)})
