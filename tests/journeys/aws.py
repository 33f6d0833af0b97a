"""AWS as it checks who asks: by its rules as it writes them, and by nothing of ours."""

from __future__ import annotations

import hashlib
import hmac
from urllib.parse import quote

from journeys.provider import Asked

ACCESS_KEY, REGION = "AKIDCANARY0123456789", "eu-central-1"
SECRET = "sk-upstream-canary-0123456789"
REFUSAL = (
    b"HTTP/1.1 403 Forbidden\r\nx-amzn-errortype: InvalidSignatureException\r\n"
    b'content-length: 76\r\n\r\n{"message":"The request signature we calculated does not match yours: sk-x"}'
)


def settings(kind: str, url: str) -> str:
    return f"""
[providers.aws]
kind = "{kind}"
url = "{url}"
access_key = "env:UP_ACCESS_KEY"
key = "env:UP_KEY"
region = "{REGION}"
"""


def is_proved(asked: Asked) -> bool:
    return hmac.compare_digest(asked.headers.get("authorization", ""), proof(asked))


def proof(asked: Asked) -> str:
    moment = asked.headers.get("x-amz-date", "")
    scope = f"{moment[:8]}/{REGION}/bedrock/aws4_request"
    names = "content-type;host;x-amz-date"
    if "x-amz-security-token" in asked.headers:
        names += ";x-amz-security-token"
    headers = "".join(f"{name}:{asked.headers.get(name)}\n" for name in names.split(";"))
    body = hashlib.sha256(asked.raw).hexdigest()
    request = f"POST\n{quote(asked.path, safe='/')}\n\n{headers}\n{names}\n{body}"
    text = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    key = f"AWS4{SECRET}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    return f"AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/{scope}, SignedHeaders={names}, Signature={signature}"
