"""Where an operator wants to hear of budgets: the log, the metrics, and a URL of theirs."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
import time
from contextlib import AsyncExitStack

from tollhouse.config import Settings
from tollhouse.control.alerting import Note, Tell
from tollhouse.domain import periods
from tollhouse.domain.addresses import Doors
from tollhouse.domain.budget import dollars
from tollhouse.domain.errors import Failure
from tollhouse.domain.exchange import Deadlines, Sending
from tollhouse.domain.permits import for_provider
from tollhouse.domain.urls import parse
from tollhouse.storage.alerts import Alert
from tollhouse.telemetry.logs import tell
from tollhouse.telemetry.metrics import Metrics
from tollhouse.upstream.client import HttpUpstream
from tollhouse.upstream.way import Way
from tollhouse.wiring.ways import is_ours

PATIENCE = Deadlines(connect_s=5, first_byte_s=10, between_s=5, whole_s=20)
MOST_BYTES = 64 * 1024
TAKEN = range(200, 300)


def noting(metrics: Metrics) -> Note:
    def note(alert: Alert) -> None:
        metrics.budget_alerted()
        tell(
            logging.WARNING,
            "budget_alert",
            owner=alert.owner,
            percent=alert.percent,
            spent=dollars(alert.spent),
            limit=dollars(alert.limit),
        )

    return note


def telling(settings: Settings, stack: AsyncExitStack) -> Tell:
    """Without a URL, to have noted it is enough."""
    if settings.alerts.url is None:
        return _nobody
    url = parse(settings.alerts.url)
    permit = for_provider(url, settings.alerts.networks, Doors(settings.listeners, is_ours))
    upstream = HttpUpstream(
        Way(url, permit, None), deadlines=PATIENCE, max_connections=1, max_body_bytes=MOST_BYTES
    )
    stack.push_async_callback(upstream.aclose)
    secret = settings.alerts.secret.reveal().encode() if settings.alerts.secret else None
    path = url.path.encode() or b"/"

    async def post(alert: Alert) -> bool:
        try:
            async with upstream.send(sending(alert, path, secret, int(time.time()))) as answer:
                return answer.status in TAKEN
        except Failure as failure:
            tell(logging.WARNING, "alert_not_told", owner=alert.owner, private=failure.private)
            return False

    return post


def sending(alert: Alert, path: bytes, secret: bytes | None, now_s: int) -> Sending:
    """Signed as Standard Webhooks has it, by the secret as it is written."""
    body = json.dumps(told(alert)).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"webhook-id", alert.id.encode()),
        (b"webhook-timestamp", b"%d" % now_s),
    ]
    if secret is not None:
        signed = b"%b.%d.%b" % (alert.id.encode(), now_s, body)
        proof = base64.b64encode(hmac.digest(secret, signed, hashlib.sha256))
        headers.append((b"webhook-signature", b"v1," + proof))
    return Sending(b"POST", path, tuple(headers), body)


def told(alert: Alert) -> dict[str, object]:
    return {
        "id": alert.id,
        "type": "budget.alert",
        "owner": alert.owner,
        "percent": alert.percent,
        "limit_nanos": alert.limit,
        "limit_dollars": dollars(alert.limit),
        "spent_nanos": alert.spent,
        "spent_dollars": dollars(alert.spent),
        "window_started_at": periods.iso(alert.started_at) if alert.started_at else None,
        "fired_at": periods.iso(alert.fired_at),
    }


async def _nobody(_: Alert) -> bool:
    return True
