"""Every setting there is: its type, its default, its bounds, and what it does, for operators.

The reference page, the JSON schema and the words of error messages are all made from here.
Relative paths are under `data_dir`; `data_dir` itself is under the working directory.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import IPv4Network, IPv6Network, ip_address
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from tollhouse.config import accounts, addresses, kinds
from tollhouse.config.accounts import AccountText
from tollhouse.config.addresses import Listen, TargetName
from tollhouse.config.problems import Unfit, shown
from tollhouse.config.secrets import Secret
from tollhouse.config.texts import PATH, SecretText, Text, read_file_reference, read_path
from tollhouse.data import catalogue
from tollhouse.domain.ranges import Ip, Network
from tollhouse.domain.vendors import USUAL_HEADERS, Api, Feature, Vendor

OPENAI_URL = "https://api.openai.com/v1"
ANTHROPIC_URL = "https://api.anthropic.com"
OWN_URLS = {"openai": OPENAI_URL, "anthropic": ANTHROPIC_URL}
ENTRA_URL = "https://login.microsoftonline.com/TENANT/oauth2/v2.0/token"
MIB = 1024 * 1024

USUAL_BETAS = (
    *("advanced-tool-use-*", "claude-code-*", "computer-use-*", "context-management-*", "effort-*"),
    *("extended-cache-ttl-*", "fine-grained-tool-streaming-*", "interleaved-thinking-*"),
    *("output-128k-*", "pdfs-*", "prompt-caching-*", "structured-outputs-*", "thinking-*"),
    *("token-counting-*", "token-efficient-tools-*", "tool-examples-*"),
)

DATA_DIR = "a path; a relative one is under the working directory"
KEY_FILE = f'{PATH}; "file:" before it is allowed'
PROVIDER_NAME = "a name of 1 to 40 lower-case letters, digits and dashes"
MODEL_NAME = "a name of 1 to 200 printable characters without spaces"
MODEL_PATTERN = f"{MODEL_NAME}, perhaps with a `*` at its end"
VERSION = 'numbers with dots between them, such as "0.13.5"'
PEPPER_VERSION = "the number of a version, from 1, as a key"


def _provider_name(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9-]{1,40}", text):
        raise Unfit(shown(text))
    return text


def _model_name(text: str) -> str:
    if not addresses.is_plain(text) or "*" in text:
        raise Unfit(shown(text))
    return text


def _model_pattern(text: str) -> str:
    if not addresses.is_plain(text) or "*" in text[:-1]:
        raise Unfit(shown(text))
    return text


def _pepper_version(text: str) -> int:
    if not re.fullmatch(r"[1-9][0-9]{0,5}", text):
        raise Unfit(shown(text))
    return int(text)


def _version(text: str) -> str:
    if not re.fullmatch(r"[0-9]{1,4}(\.[0-9]{1,4}){1,3}(-[a-z0-9.]{1,20})?", text):
        raise Unfit(shown(text))
    return text


SecretRef = Annotated[Secret, SecretText()]
FilePath = Annotated[Path, Text(Path, read_path, PATH)]
Seconds = Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1, le=1_000_000)]
Proxies = tuple[
    Annotated[Network, Text((IPv4Network, IPv6Network), addresses.read_network, addresses.NETWORK)],
    ...,
]
OwnNetworks = tuple[
    Annotated[
        Network,
        Text((IPv4Network, IPv6Network), addresses.read_own_network, addresses.NETWORK),
    ],
    ...,
]
Targets = tuple[
    Annotated[TargetName, Text(TargetName, addresses.read_target, addresses.TARGET)], ...
]
Names = tuple[Annotated[str, Text(str, addresses.read_host, addresses.HOST)], ...]
Origins = tuple[Annotated[str, Text(str, addresses.read_origin, addresses.ORIGIN)], ...]
Betas = tuple[Annotated[str, Text(str, addresses.read_beta, addresses.BETA)], ...]
Peppers = dict[Annotated[int, Text(int, _pepper_version, PEPPER_VERSION)], SecretRef]
ProviderName = Annotated[str, Text(str, _provider_name, PROVIDER_NAME)]
ModelName = Annotated[str, Text(str, _model_name, MODEL_NAME)]
ModelPattern = Annotated[str, Text(str, _model_pattern, MODEL_PATTERN)]
Kind = Annotated[str, Text(str, kinds.read_kind, kinds.KIND)]
Spoken = Literal["chat", "responses"]
CHAT_ALONE = frozenset({"chat"})
TEXTS_ALONE = frozenset({"chat", "completions", "embeddings"})
TaskName = Literal[
    "chat",
    "completions",
    "embeddings",
    "moderations",
    "rerank",
    "images",
    "speech",
    "transcriptions",
    "translations",
]
OutputBound = Literal["max_tokens", "max_completion_tokens"]


def _bedrock_url(region: str | None) -> str | None:
    """AWS has a domain of its own in China."""
    if region is None:
        return None
    domain = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    return f"https://bedrock-runtime.{region}.{domain}"


def _vertex_url(location: str) -> str:
    near = "" if location == "global" else f"{location}-"
    return f"https://{near}aiplatform.googleapis.com/v1"


def setting(what: str, default: Any = None, **more: Any) -> Any:
    """A field with its description. A default is written as in the file, and read like it."""
    return Field(default, description=what, **more)


def part(kind: type) -> Any:
    """A section, or a table of them, that may be left out."""
    return Field(default_factory=kind)


class Section(BaseModel):
    model_config = ConfigDict(
        strict=True,
        extra="forbid",
        frozen=True,
        validate_default=True,
        hide_input_in_errors=True,
        arbitrary_types_allowed=True,
    )


class ServerSettings(Section):
    """The door: where it listens, and how much it takes at once."""

    listen: Annotated[Listen, Text(Listen, addresses.read_listen, addresses.LISTEN)] = setting(
        "Where the API is served. An address that others can reach needs TLS, or `trusted_proxies` "
        "when TLS ends at a proxy. Port 0 takes any free port.",
        "127.0.0.1:8400",
    )
    workers: int = setting(
        "Processes that serve. More than one shares the work among the cores of this machine.",
        1,
        ge=1,
        le=64,
    )
    tls_certificate: FilePath | None = setting(
        "The certificate chain, as a PEM file. Goes with `tls_key`."
    )
    tls_key: FilePath | None = setting(
        "The private key of the certificate, as a PEM file. Goes with `tls_certificate`."
    )
    trusted_proxies: Proxies = setting(
        "Networks of proxies at which TLS ends. Naming them allows an address that others can "
        "reach without TLS of our own. Only what they say of the caller's address is believed.",
        (),
        strict=False,
    )
    drain_s: Annotated[float, Field(ge=0, le=3600, allow_inf_nan=False)] = setting(
        "How long calls under way may go on after the gateway was asked to stop.", 30
    )
    notice_s: Annotated[float, Field(ge=0, le=3600, allow_inf_nan=False)] = setting(
        "How long new connections are still taken after the gateway was asked to stop. "
        "`/health/ready` answers 503 meanwhile, so that a balancer has time to look elsewhere.",
        0,
    )
    max_body_bytes: int = setting(
        "The largest body that is read. A larger one is refused with `body_too_large`.",
        MIB,
        ge=1024,
        le=64 * MIB,
    )
    require_content_length: bool = setting(
        "Refuse bodies that come in chunks, without a declared length, with `length_required`.",
        default=False,
    )
    hosts: Names = setting(
        "Names by which callers may reach the gateway, as they stand in `Host`, without a port. A "
        "loopback listener always takes its own address and `localhost`, and nothing else that is "
        "not listed. Any other listener takes every name if none is listed.",
        (),
        strict=False,
    )
    cors_origins: Origins = setting(
        'Web pages that may call from a browser, such as "https://chat.example.com"; "*" is any. '
        "None by default.",
        (),
        strict=False,
    )
    cors_credentials: bool = setting(
        "Let these pages send cookies and client certificates. Keys need no such permission.",
        default=False,
    )
    header_s: Seconds = setting("How long the head of a request may take to arrive.", 10)
    body_s: Seconds = setting(
        "How long a request's body may take to arrive, and a second more for each 128 KiB of it. Slower "
        "than 1 KiB a second is too slow in any case.",
        60,
    )
    idle_s: Seconds = setting("How long a connection may wait for its next request.", 75)
    stall_s: Seconds = setting(
        "How long a caller may leave an answer unread before it is cut off.", 120
    )
    max_connections_per_address: int = setting(
        "Connections that one address may have open, in each worker. 0 sets no limit. Trusted "
        "proxies have none.",
        1024,
        ge=0,
        le=1_000_000,
    )
    max_concurrent_requests: int = setting(
        "Requests under way at one time, in each worker. More are refused until one ends; those of "
        "keys of low priority from 70 % of it on, of normal priority from 90 %.",
        2048,
        ge=1,
        le=100_000,
    )
    max_lag_ms: int = setting(
        "How late the event loop may be, before calls are refused in the same order.",
        500,
        ge=10,
        le=60_000,
    )


class MetricsSettings(Section):
    """Figures for Prometheus, on a port of their own."""

    listen: Annotated[
        Listen | None,
        Text(
            (Listen, NoneType),
            addresses.read_listen_or_off,
            addresses.LISTEN_OR_OFF,
            lambda listen: str(listen or "off"),
        ),
    ] = setting(
        "Where `/metrics` is served, without a credential: keep it where only your monitoring can "
        "reach it. `off` serves none.",
        "127.0.0.1:9400",
    )


class AdminSettings(Section):
    """The admin API, on a listener of its own. So far it serves the OpenAPI document."""

    listen: Annotated[
        Listen | None,
        Text(
            (Listen, NoneType),
            addresses.read_listen_or_off,
            addresses.LISTEN_OR_OFF,
            lambda listen: str(listen or "off"),
        ),
    ] = setting(
        'Where it is served, to those who bear a token of `tollhouse admin token`; "127.0.0.1:8401" is '
        "the usual place. An address that others can reach needs the TLS of [server], or its "
        "`trusted_proxies`.",
        "off",
    )


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


class AuthSettings(Section):
    """How callers prove who they are."""

    virtual_keys: bool = setting(
        "Callers show a Tollhouse key (`thk_…`). It is the only way in, so the gateway does not "
        "start without it.",
        default=True,
    )
    failures_per_minute: int = setting(
        "Logins that may fail in a minute from one network (a /24 of IPv4, a /48 of IPv6), counted in "
        "each worker. More are refused with `too_many_failures`; a key that is good passes all the "
        "same. 0 sets no limit.",
        60,
        ge=0,
        le=1_000_000,
    )
    pepper_version: Count = setting(
        "The pepper that new keys are stored under. Older versions must stay listed as long as "
        "keys use them.",
        1,
    )
    peppers: Peppers = Field(
        default_factory=dict,
        description="Versions, and where their secrets are, of at least 32 bytes. Left out, the "
        "gateway makes one for SQLite: `pepper` in `data_dir`. With PostgreSQL it must be given, "
        "because all replicas need the same.",
    )


class FilesSettings(Section):
    """What callers may keep at providers with `keeps_files`."""

    max_bytes: int = setting(
        "The largest file that is taken. What comes back is bounded by the provider's `max_answer_bytes`.",
        512 * MIB,
        ge=1024,
        le=1024 * MIB,
    )
    max_files: Count = setting("How many files a project may have at one time.", 1000)
    max_batch_lines: int = setting(
        "How many calls one batch may have. Each is as large as `max_body_bytes` of [server] at most.",
        10_000,
        ge=1,
        le=50_000,
    )
    look_every_s: Annotated[float, Field(ge=1, le=3600, allow_inf_nan=False)] = setting(
        "How often the gateway looks at a batch that nobody asks about, to settle it once it has ended.",
        60,
    )


class OllamaSettings(Section):
    """Ollama's API under `/api`, for its own clients."""

    max_body_bytes: int = setting(
        "The largest body that `/api/chat` and `/api/generate` take: their images are in it.",
        10 * MIB,
        ge=1024,
        le=64 * MIB,
    )
    open_names: bool = setting(
        "Answer `/api/tags` and `/api/show` without a key too, with the names of all models: some "
        "clients ask before they show theirs.",
        default=False,
    )
    any_content_type: bool = setting(
        "Take a body under `/api` as whatever it is sent: `curl -d` names a form, and some clients nothing. It "
        "must be JSON all the same. Without it, what is not sent as `application/json` is refused with 415.",
        default=False,
    )
    version: Annotated[str, Text(str, _version, VERSION)] = setting(
        "What `/api/version` says. Clients compare it with the least they need; Codex takes 0.13.4.",
        "0.13.5",
    )


class UploadsSettings(Section):
    """Bodies that are forms. Until its call is over, each is kept in `uploads` of `data_dir`, without a name."""

    max_disk_bytes: int = setting(
        "What all uploads under way may take of the disk, shared by the workers. What has no room is refused "
        "with `uploads_full`.",
        4096 * MIB,
        ge=MIB,
        le=2**50,
    )


class LimitsSettings(Section):
    """How fast one key may call."""

    requests_per_minute: int = setting(
        "Requests a minute for each key. 0 sets no limit.", 240, ge=0, le=1_000_000
    )
    burst: Count | None = setting(
        "Requests that may come at once after a pause. Left out, as many as in a minute."
    )
    store: Annotated[str, Text(str, addresses.read_counters, addresses.COUNTERS)] = setting(
        "Where the counts are kept: in `memory`, or in Valkey for all replicas together.", "memory"
    )
    password: SecretRef | None = setting("The password for Valkey.")

    @property
    def is_shared(self) -> bool:
        return self.store != "memory"

    @property
    def most_at_once(self) -> int:
        """The burst, defaults included; 0 where there is no limit."""
        return self.burst or self.requests_per_minute


class BreakerSettings(Section):
    """When a target that fails is left alone. Each worker keeps its own count."""

    failures: int = setting(
        "Failures in a row after which a target is not asked any more; half of its last 20 calls do it "
        "too. 0 asks it whatever happens.",
        5,
        ge=0,
        le=20,
    )
    open_s: Seconds = setting(
        "How long it is left alone, if the provider does not say it with `Retry-After`. Then single "
        "calls probe it.",
        60,
    )
    successes: int = setting("Probes that it must answer to be used again.", 3, ge=1, le=100)
    outlier_s: Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)] = setting(
        "How long a target that fails far more often than the model's others, or denies call after call, is asked "
        "after them. 0 keeps the order as it is written.",
        30,
    )


class RetriesSettings(Section):
    """When a call is sent once more: to the same target only after all have failed, and if it surely did no work."""

    most: int = setting("Retries of one call. 0 leaves all of them to the caller.", 2, ge=0, le=10)
    first_wait_s: Seconds = setting(
        "The wait before the first, a quarter more or less; doubled each time. A provider's "
        "`Retry-After` is kept to.",
        1,
    )
    patience_s: Seconds = setting(
        "What the waits of one call may come to. Rather than wait longer, the caller is told how long.",
        10,
    )
    share_percent: int = setting(
        "Tries for a hundred calls of one model, at most, beyond the first of each, at the same target or at another.",
        20,
        ge=1,
        le=100,
    )
    after_errors: bool = setting(
        "Retry after 500 and its like too, though the provider may have done work. 503 with "
        "`Retry-After` is retried in any case.",
        default=False,
    )


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


class LogSettings(Section):
    """What the gateway says about itself."""

    level: Literal["debug", "info", "warning", "error"] = setting(
        "The least important message that is written.", "info"
    )


class ProviderSettings(Section):
    """One place that answers for models. The name of the table is its name."""

    kind: Kind = Field(
        description="`openai`: the OpenAI API. `openai-compatible`: any server that speaks it, "
        "such as vLLM. `anthropic`: the Anthropic API. `anthropic-compatible`: any server that speaks it. A "
        "vendor or engine of `tollhouse providers list`, such as `groq`: what is known of it "
        "holds where nothing else is set. `ollama`: a server that speaks Ollama's API. "
        "`local`: a small model on this machine. `echo`: answers with the question, "
        "for tests."
    )
    url: Annotated[str, Text(str, addresses.read_http, addresses.HTTP)] | None = setting(
        "Where the API begins. Required for the compatible kinds, for `ollama` (without `/api`) "
        "and for engines of the catalogue; "
        f"`{OPENAI_URL}` for `openai` and `{ANTHROPIC_URL}` for `anthropic` if left out, what its row says for a "
        "vendor; not for `local` and `echo`. For Anthropic's it bears no `/v1`. For `bedrock` it follows "
        "from `region`."
    )
    key: SecretRef | None = setting(
        "The provider's API key. Required for `openai`, `anthropic` and vendors of the catalogue; not for "
        "`vertex`, `local` and `echo`."
    )
    api_version: (
        Annotated[str, Text(str, addresses.read_api_version, addresses.API_VERSION)] | None
    ) = setting(
        "For `azure`: the version of the API where each model is a deployment with a URL of its own, under the "
        "`url` of the resource. Left out, `url` ends in `/openai/v1`, which has no versions."
    )
    access_key: SecretRef | None = setting(
        "For AWS Bedrock: the id of an AWS access key. `key` is then its secret, by which each request is signed "
        "(Signature Version 4). Left out, `key` is a Bedrock API key."
    )
    session_token: SecretRef | None = setting("The token that goes with a temporary `access_key`.")
    region: Annotated[str, Text(str, addresses.read_region, addresses.REGION)] | None = setting(
        "The AWS region that `bedrock` is asked in, and that requests are signed for."
    )
    service_account: Annotated[Secret, AccountText()] | None = setting(
        "For `vertex`: the JSON key of a Google Cloud service account. Tokens for each hour are asked for with it."
    )
    project: Annotated[str, Text(str, addresses.read_project, addresses.PROJECT)] | None = setting(
        "For `vertex`: the Google Cloud project. Left out, the one that the service account is of."
    )
    location: Annotated[str, Text(str, addresses.read_region, addresses.REGION)] = setting(
        'For `vertex`: where the models run, such as "europe-west1".', "global"
    )
    tenant: Annotated[str, Text(str, addresses.read_directory, addresses.DIRECTORY)] | None = (
        setting(
            "For `azure`: the Entra tenant that `client_id` is registered in. `key` is then the secret of that "
            "client, and calls bear a token. Left out, `key` is an API key."
        )
    )
    client_id: Annotated[str, Text(str, addresses.read_directory, addresses.DIRECTORY)] | None = (
        setting("For `azure`: the application that asks for tokens. Goes with `tenant`.")
    )
    token_url: Annotated[str, Text(str, addresses.read_http, addresses.HTTP)] | None = setting(
        "Where tokens are given, for clouds that are closed off. Left out, what the service account's key says, or "
        f"`{ENTRA_URL}` for a `tenant`."
    )
    speaks: tuple[Spoken, ...] | None = setting(
        "Of OpenAI's two ways to hold a conversation those that this provider has: `chat` (Chat Completions) "
        "and `responses` (Responses). A call in another one is translated into the first. Left out, both for "
        "`openai` and for vendors that are known to have both, and chat for all others.",
        strict=False,
        min_length=1,
    )
    networks: OwnNetworks = setting(
        "Networks on the premises that the URL's host may be in. Without them a name leads to public "
        "addresses only, and only by https. An address that stands in the URL needs none.",
        (),
        strict=False,
    )
    ca_file: FilePath | None = setting(
        "The certificates, as a PEM file, of the authorities that may vouch for this provider. Left "
        "out, those of the system. Nothing turns the verification off."
    )
    client_certificate: FilePath | None = setting(
        "The certificate chain, as a PEM file, by which the gateway shows who it is. Goes with "
        "`client_key`."
    )
    client_key: FilePath | None = setting(
        "The private key of that certificate, as a PEM file. Goes with `client_certificate`."
    )
    connect_s: Seconds = setting("How long making a connection may take.", 5)
    first_byte_s: Seconds = setting("How long the provider may think before it answers.", 300)
    between_s: Seconds = setting("How long an answer may pause.", 120)
    whole_s: Seconds = setting("How long a call may take altogether.", 1800)
    max_connections: int = setting(
        "Connections to this provider at one time, for each worker.", 512, ge=1, le=65_535
    )
    max_concurrent: Count | None = setting(
        "Calls to each of its models at one time, for each worker. More wait in line, in order. Left "
        "out, as many as `max_connections`."
    )
    max_waiting: int = setting(
        "How many may wait. The next one is refused with `upstream_busy`, or asked of another target.",
        1024,
        ge=0,
        le=100_000,
    )
    wait_s: Seconds = setting("How long one may wait.", 10)
    keep_alive_s: Seconds = setting(
        "How long an idle connection is kept for the next call. A host's name is looked up and judged "
        "anew after 60 seconds in any case.",
        30,
    )
    max_answer_bytes: int = setting(
        "The largest answer that is read. A larger one is broken off with `upstream_broke`.",
        64 * MIB,
        ge=1024,
        le=16 * 1024 * MIB,
    )
    asks_usage: bool | None = setting(
        "Ask for the usage of each stream (`stream_options.include_usage`). Left out, everybody is asked but "
        "the vendors that tell it unasked and refuse to be asked, such as `mistral`."
    )
    output_bound: OutputBound | None = setting(
        "The member of the body that bounds the output. Left out, it is `max_completion_tokens` "
        "for `openai`, what its row says for a vendor, and `max_tokens` for all others."
    )
    keeps_files: bool = setting(
        "Let callers keep files and run batches there: `/v1/files` and `/v1/batches`. For providers with OpenAI's "
        "API. What is kept belongs to a caller's project, and counts against nobody's budget.",
        default=False,
    )
    betas: Betas = setting(
        "For the Anthropic kinds: what callers may ask for by `anthropic-beta`, where a `*` at the end stands "
        "for any ending. The rest of what they ask for does not go out. Left out, it is what agents use and "
        "what changes no price.",
        USUAL_BETAS,
        strict=False,
    )

    @property
    def base_url(self) -> str | None:
        """Where the API begins, defaults included; None for kinds that are reached otherwise."""
        if self.url is None and self.kind == "vertex":
            return _vertex_url(self.location)
        if self.url is not None or self.vendor is None:
            return self.url or OWN_URLS.get(self.kind)
        return _bedrock_url(self.region) if self.is_converse else self.vendor.url

    @property
    def tokens_url(self) -> str | None:
        """Where its tokens are given, defaults included; None where it takes none."""
        if self.service_account is not None:
            return self.token_url or accounts.opened(self.service_account).token_uri
        if self.tenant is not None:
            return self.token_url or ENTRA_URL.replace("TENANT", self.tenant)
        return None

    @property
    def google_project(self) -> str | None:
        """The project of Google's, defaults included."""
        if self.project is not None or self.service_account is None:
            return self.project
        return accounts.opened(self.service_account).project_id

    @property
    def vendor(self) -> Vendor | None:
        """Its row in the catalogue."""
        return None if self.kind in kinds.OWN else catalogue()[self.kind]

    @property
    def may_keep_files(self) -> bool:
        """Whether it is one plain API of OpenAI's kind, where files have a place."""
        if self.kind in kinds.OWN:
            return self.kind in ("openai", "openai-compatible")
        is_plain = not self.may_sign and self.api_version is None
        return is_plain and self.vendor is not None and self.vendor.api is Api.OPENAI

    @property
    def needs_key(self) -> bool:
        return self.kind in OWN_URLS or (self.vendor is not None and self.vendor.needs_key)

    @property
    def key_header(self) -> str:
        """In which the upstream wants the key."""
        if self.vendor is not None:
            return self.vendor.key_header
        return USUAL_HEADERS["anthropic"] if self.is_anthropic else "authorization"

    @property
    def may_ask_usage(self) -> bool:
        """Whether streams ask for their usage, defaults included."""
        if self.asks_usage is not None:
            return self.asks_usage
        return self.vendor is None or self.vendor.asks_usage

    @property
    def lists_models(self) -> bool:
        return self.api_version is None and (self.vendor is None or self.vendor.lists_models)

    @property
    def is_anthropic(self) -> bool:
        if self.vendor is not None:
            return self.vendor.api is Api.ANTHROPIC
        return self.kind in ("anthropic", "anthropic-compatible")

    @property
    def is_only_told(self) -> bool:
        """Whether no caller speaks its API, so that all is put into it."""
        return self.is_gemini or self.is_converse or self.is_cohere

    @property
    def is_converse(self) -> bool:
        return self.vendor is not None and self.vendor.api is Api.BEDROCK

    @property
    def is_cohere(self) -> bool:
        return self.vendor is not None and self.vendor.api is Api.COHERE

    @property
    def may_sign(self) -> bool:
        """Whether AWS takes a signature in place of a key."""
        return self.kind in ("bedrock", "bedrock-openai")

    @property
    def is_gemini(self) -> bool:
        return self.vendor is not None and self.vendor.api is Api.GEMINI

    @property
    def dialects(self) -> tuple[str, ...]:
        """Those of conversations that it speaks, the first for what must be translated."""
        usual = ("chat", "responses") if self._offers_responses else ("chat",)
        return tuple(f"openai_{name}" for name in self.speaks or usual)

    @property
    def tasks(self) -> frozenset[str] | None:
        """All that it can be asked for; None where nobody here knows."""
        if self.is_anthropic or self.is_converse:
            return CHAT_ALONE
        return TEXTS_ALONE if self.kind in ("ollama", "local") else None

    @property
    def _offers_responses(self) -> bool:
        """Azure's deployments of one version have no such path."""
        if self.vendor is None:
            return self.kind == "openai"
        return Feature.RESPONSES in self.vendor.supports and self.api_version is None

    @property
    def most_at_once(self) -> int:
        """Calls to each of its models, defaults included."""
        return self.max_concurrent or self.max_connections

    @property
    def bounded_by(self) -> str:
        """The member that bounds the output, defaults included."""
        if self.output_bound is not None:
            return self.output_bound
        if self.vendor is not None:
            return self.vendor.output_bound
        return "max_completion_tokens" if self.kind == "openai" else "max_tokens"


class ModelSettings(Section):
    """One model as callers know it. The name of the table is its name; `gpt-*` stands for all that begin so."""

    targets: Targets = Field(
        strict=False,
        min_length=1,
        description="Who answers for it, as `provider:model`, in order: the next is asked when one "
        "cannot answer. Those with a weight share the calls by it, and come before the others. Under a "
        "name with `*`, a `*` here stands for the name that was asked.",
    )
    star: Literal["name", "rest"] = setting(
        "What `*` in a target stands for: the whole `name` that was asked, or the `rest` of it, after "
        "the beginning that this table names.",
        "name",
    )
    tools: bool = setting(
        "Whether it can call tools. If false, a request that offers any is refused with "
        "`model_does_not_support_tools`.",
        default=True,
    )
    max_output_tokens: int = setting(
        "The most that one answer may produce. It is held for, and sent to the provider as the "
        "bound.",
        4096,
        ge=1,
        le=10_000_000,
    )
    strict: bool = setting(
        "Refuse with `not_translatable` what its target's dialect cannot say in full. If false, the "
        "call goes on without it, and `x-tollhouse-unsaid` and the audit record name what was left out.",
        default=False,
    )
    context_tokens: int = setting(
        "How many tokens of a conversation it holds, as `/api/show` tells Ollama's clients. The "
        "gateway itself does not keep to it.",
        32_768,
        ge=1,
        le=1_000_000_000,
    )
    image_tokens: int = setting(
        "What one image is held for, in tokens. Must not be less than the provider can bill.",
        50_000,
        ge=0,
        le=10_000_000,
    )
    document_tokens: int = setting(
        "What one document is held for, in tokens: a file of pages, or one that the provider fetches. Must "
        "not be less than the provider can bill; the model's context window always is enough.",
        200_000,
        ge=0,
        le=10_000_000,
    )

    does: tuple[TaskName, ...] = setting(
        "What callers may ask of it: `chat` in every dialect, and what else it can. Anything that is not "
        "listed is refused with `model_cannot`.",
        ("chat",),
        strict=False,
        min_length=1,
    )


class Settings(Section):
    """The whole file."""

    data_dir: Annotated[Path, Text(Path, read_path, DATA_DIR)] = setting(
        "Where the gateway keeps its files. Every other relative path is under it.",
        "tollhouse-data",
    )
    server: ServerSettings = part(ServerSettings)
    metrics: MetricsSettings = part(MetricsSettings)
    admin: AdminSettings = part(AdminSettings)
    store: StoreSettings = part(StoreSettings)
    auth: AuthSettings = part(AuthSettings)
    files: FilesSettings = part(FilesSettings)
    ollama: OllamaSettings = part(OllamaSettings)
    uploads: UploadsSettings = part(UploadsSettings)
    limits: LimitsSettings = part(LimitsSettings)
    breaker: BreakerSettings = part(BreakerSettings)
    retries: RetriesSettings = part(RetriesSettings)
    ledger: LedgerSettings = part(LedgerSettings)
    audit: AuditSettings = part(AuditSettings)
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
    def listeners(self) -> frozenset[tuple[Ip, int]]:
        """Where this gateway itself listens."""
        listeners = (self.server.listen, self.metrics.listen, self.admin.listen)
        return frozenset((ip_address(it.host), it.port) for it in listeners if it is not None)

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
            *((f"auth.peppers.{version}", secret) for version, secret in self.auth.peppers.items()),
            *(
                (f"providers.{name}.{member}", getattr(provider, member))
                for name, provider in self.providers.items()
                for member in ("key", "access_key", "session_token", "service_account")
            ),
        ]
        return ((key, secret) for key, secret in held if secret is not None)
