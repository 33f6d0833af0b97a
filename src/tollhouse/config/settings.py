"""Every setting there is: its type, its default, its bounds, and what it does, for operators.

The reference page, the JSON schema and the words of error messages are all made from here.
Relative paths are under `data_dir`; `data_dir` itself is under the working directory.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from tollhouse.config.fields import (
    DATA_DIR,
    ModelName,
    ModelPattern,
    ProviderName,
    Section,
    part,
    setting,
)
from tollhouse.config.secrets import Secret
from tollhouse.config.sections.authorities import AuthoritySettings, WorkloadApiSettings
from tollhouse.config.sections.books import (
    AlertsSettings,
    AuditSettings,
    IdempotencySettings,
    LedgerSettings,
    LogSettings,
    ReceiptsSettings,
    StoreSettings,
)
from tollhouse.config.sections.callers import (
    Amounts,
    AuthSettings,
    Kind,
    LimitsSettings,
    LoginsSettings,
)
from tollhouse.config.sections.door import (
    AdminSettings,
    ConsoleSettings,
    FilesSettings,
    MetricsSettings,
    OllamaSettings,
    OpencodeSettings,
    OtariSettings,
    ServerSettings,
    UploadsSettings,
)
from tollhouse.config.sections.failures import BreakerSettings, RetriesSettings
from tollhouse.config.sections.issuers import IssuerSettings, TokensSettings
from tollhouse.config.sections.keys import KeysSettings
from tollhouse.config.sections.models import ModelSettings
from tollhouse.config.sections.proofs import ProofsSettings
from tollhouse.config.sections.providers import ProviderSettings
from tollhouse.config.sections.static_tokens import StaticTokenSettings
from tollhouse.config.sections.vault import VaultSettings
from tollhouse.config.texts import Text, read_path
from tollhouse.domain.ranges import Ip


class Settings(Section):
    """The whole file."""

    data_dir: Annotated[Path, Text(Path, read_path, DATA_DIR)] = setting(
        "Where the gateway keeps its files. Every other relative path is under it.",
        "tollhouse-data",
    )
    server: ServerSettings = part(ServerSettings)
    metrics: MetricsSettings = part(MetricsSettings)
    admin: AdminSettings = part(AdminSettings)
    console: ConsoleSettings = part(ConsoleSettings)
    store: StoreSettings = part(StoreSettings)
    auth: AuthSettings = part(AuthSettings)
    keys: KeysSettings = part(KeysSettings)
    issuers: dict[ProviderName, IssuerSettings] = part(dict)
    tokens: TokensSettings = part(TokensSettings)
    static_tokens: dict[ProviderName, StaticTokenSettings] = part(dict)
    authorities: dict[ProviderName, AuthoritySettings] = part(dict)
    workload_api: WorkloadApiSettings = part(WorkloadApiSettings)
    proofs: ProofsSettings = part(ProofsSettings)
    vault: VaultSettings = part(VaultSettings)
    logins: LoginsSettings = part(LoginsSettings)
    files: FilesSettings = part(FilesSettings)
    ollama: OllamaSettings = part(OllamaSettings)
    otari: OtariSettings = part(OtariSettings)
    opencode: OpencodeSettings = part(OpencodeSettings)
    uploads: UploadsSettings = part(UploadsSettings)
    limits: LimitsSettings = part(LimitsSettings)
    limits_for: dict[Kind, Amounts] = part(dict)
    breaker: BreakerSettings = part(BreakerSettings)
    retries: RetriesSettings = part(RetriesSettings)
    ledger: LedgerSettings = part(LedgerSettings)
    idempotency: IdempotencySettings = part(IdempotencySettings)
    alerts: AlertsSettings = part(AlertsSettings)
    audit: AuditSettings = part(AuditSettings)
    receipts: ReceiptsSettings = part(ReceiptsSettings)
    log: LogSettings = part(LogSettings)
    providers: dict[ProviderName, ProviderSettings] = part(dict)
    models: dict[ModelPattern, ModelSettings] = part(dict)
    aliases: dict[ModelName, ModelName] = Field(
        default_factory=dict,
        description="More names for models, each with the name that it stands for: "
        '`fast = "gpt-4.1-mini"`. Whoever may call the model may call it by them.',
    )

    def at(self, path: Path) -> Path:
        """Where a path of this file is."""
        return self.data_dir / path

    @property
    def takes_tokens(self) -> bool:
        bundles = any(each.audiences for each in self.authorities.values())
        return bool(self.issuers or self.tokens.secrets or bundles)

    @property
    def announced(self) -> tuple[AuthoritySettings, ...]:
        """Authorities whose bundles come from the agent of this host."""
        return tuple(it for it in self.authorities.values() if it.is_announced)

    @property
    def asks_agent(self) -> bool:
        return bool(self.announced or self.server.shows_svid)

    @property
    def names_people(self) -> bool:
        """Whether callers may come whom the store knows by their names, and not by a key."""
        return self.takes_tokens or bool(self.static_tokens or self.authorities)

    @property
    def listeners(self) -> frozenset[tuple[Ip, int]]:
        """Where this gateway itself listens."""
        listeners = (self.server.listen, self.metrics.listen, self.admin.listen)
        return frozenset((ip_address(it.host), it.port) for it in listeners if it is not None)

    @property
    def console_url(self) -> str | None:
        """Where browsers find the console; None where nobody logs on."""
        listen = self.admin.listen
        if listen is None or self.console.url is not None or not listen.is_loopback:
            return self.console.url if listen else None
        return f"{'https' if self.server.ends_tls else 'http'}://{listen}"

    @property
    def sqlite_file(self) -> Path | None:
        return (
            self.at(Path(self.store.url.removeprefix("sqlite:"))) if self.store.is_sqlite else None
        )

    def secrets(self) -> Iterator[tuple[str, Secret]]:
        """Every secret with the key it stands under, for whoever must keep them out of something."""
        held: list[tuple[str, Any]] = [
            ("store.password", self.store.password),
            ("limits.password", self.limits.password),
            ("alerts.secret", self.alerts.secret),
            *(
                (f"issuers.{name}.client_secret", it.client_secret)
                for name, it in self.issuers.items()
            ),
            *((f"tokens.secrets.{version}", it) for version, it in self.tokens.secrets.items()),
            *((f"static_tokens.{name}.token", it.token) for name, it in self.static_tokens.items()),
            *((f"vault.keys.{version}", secret) for version, secret in self.vault.keys.items()),
            *((f"auth.peppers.{version}", secret) for version, secret in self.auth.peppers.items()),
            *(
                (f"providers.{name}.{member}", getattr(provider, member))
                for name, provider in self.providers.items()
                for member in ("key", "access_key", "session_token", "service_account")
            ),
        ]
        return ((key, secret) for key, secret in held if secret is not None)
