"""Where things are written down: the store, the ledger, the audit log, the log."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from tollhouse.config import addresses
from tollhouse.config.fields import MIB, Count, FilePath, SecretRef, Section, TaskName, setting
from tollhouse.config.sections.providers import OwnNetworks
from tollhouse.config.texts import PATH, Text, read_file_reference

KEY_FILE = f'{PATH}; "file:" before it is allowed'


class StoreSettings(Section):
    """Where keys, prices, budgets and the ledger live."""

    url: Annotated[str, Text(str, addresses.read_store, addresses.STORE)] = setting(
        "A SQLite file, or a PostgreSQL database that several gateways share. "
        "The password is not part of it.",
        "sqlite:tollhouse.db",
    )
    password: SecretRef | None = setting("The password for PostgreSQL.")
    pool: int = setting("Connections to PostgreSQL, for each worker.", 8, ge=1, le=500)

    @property
    def is_sqlite(self) -> bool:
        return self.url.startswith("sqlite:")


class LedgerSettings(Section):
    """What is held before a call and settled after it."""

    require_price: bool = setting(
        "Refuse models that have no price. If false, they are called and cost nothing.",
        default=True,
    )
    price_optional: tuple[TaskName, ...] = setting(
        "What may be called without a price, at no cost, though `require_price` is on. Each entry is a way "
        "round the budgets: rather set a price for it, or declare it free.",
        (),
        strict=False,
    )
    lease_s: int = setting(
        "How long a worker may be silent before others settle what it left behind.",
        30,
        ge=5,
        le=3600,
    )
    unknown: Literal["keep", "charge"] = setting(
        "What becomes of a hold whose call was sent and whose end nobody saw: `keep` it until an "
        "operator resolves it, or `charge` it in full after `unknown_after_s`.",
        "keep",
    )
    unknown_after_s: int = setting(
        'When such a hold is charged, under `unknown = "charge"`.', 86_400, ge=60, le=31_536_000
    )
    keep_days: int = setting(
        "How many days a settled call keeps a row of its own. Then its day keeps the sum, by all that a report "
        "tells apart but the hour, and balances stay as they are. 0 keeps every row for ever.",
        400,
        ge=0,
        le=36_500,
    )


class IdempotencySettings(Section):
    """What is kept of calls that bear an `Idempotency-Key`, to be answered again without being made again."""

    keep_s: int = setting(
        "How long a key is remembered, and the answer of its call, sealed.",
        86_400,
        ge=86_400,
        le=2_592_000,
    )
    max_answer_bytes: int = setting(
        "The largest answer that is kept. A call with a larger one is made once all the same, and whoever asks "
        "again is told `answer_not_kept`. 0 keeps no answers.",
        MIB,
        ge=0,
        le=16 * MIB,
    )


class AlertsSettings(Section):
    """Who hears of budgets that come to an end, beside the log and the metrics."""

    url: Annotated[str, Text(str, addresses.read_http, addresses.HTTP)] | None = setting(
        "Where each alert is posted as JSON, until it is answered 2xx: at least once, with the same `webhook-id`."
    )
    secret: SecretRef | None = setting(
        "What posts are signed with: `webhook-signature`, HMAC-SHA-256 of id, timestamp and body."
    )
    networks: OwnNetworks = setting(
        "Networks on the premises that the URL's host may be in. Without them a name leads to public "
        "addresses only, and only by https. An address that stands in the URL needs none.",
        (),
        strict=False,
    )


class AuditSettings(Section):
    """One record for each request, chained and signed, never with its content."""

    directory: FilePath = setting("Where the records are written.", "audit")
    key: Annotated[Path, Text(Path, read_file_reference, KEY_FILE)] = setting(
        "The private key (Ed25519, PEM) that signs the chain. It is made if there is none.",
        "audit.key",
    )
    strict: bool = setting(
        "Answer nothing while records cannot be written. If false, calls go on and the gap is "
        "reported.",
        default=False,
    )
    checkpoint_every: Count = setting("Records between two signed checkpoints.", 1000)
    rotate_bytes: int = setting(
        "The size at which a new file is begun.", 64 * MIB, ge=4096, le=16 * 1024 * MIB
    )


class ReceiptsSettings(Section):
    """What callers get to keep of their calls: what was used and what it cost, signed with `audit.key`."""

    enabled: bool = setting(
        "Give receipts: with a whole answer in `x-tollhouse-receipt`, of a stream at the path that "
        "`x-tollhouse-receipt-at` names. An answer then waits until its call is settled.",
        default=False,
    )


class LogSettings(Section):
    """What the gateway says about itself."""

    level: Literal["debug", "info", "warning", "error"] = setting(
        "The least important message that is written.", "info"
    )
