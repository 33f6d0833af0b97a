"""One place that answers for models: how it is reached, paid, bounded and spoken to."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network
from typing import Annotated, Literal

from pydantic import Field

from tollhouse.config import accounts, addresses, kinds
from tollhouse.config.accounts import AccountText
from tollhouse.config.fields import MIB, Count, FilePath, Seconds, Section, StoredRef, setting
from tollhouse.config.secrets import Secret
from tollhouse.config.texts import Text
from tollhouse.data import catalogue
from tollhouse.domain.ranges import Network
from tollhouse.domain.vendors import USUAL_HEADERS, Api, Feature, Vendor

OPENAI_URL = "https://api.openai.com/v1"
ANTHROPIC_URL = "https://api.anthropic.com"
OWN_URLS = {"openai": OPENAI_URL, "anthropic": ANTHROPIC_URL}
GOOGLE_STS = "https://sts.googleapis.com/v1/token"
ENTRA_URL = "https://login.microsoftonline.com/TENANT/oauth2/v2.0/token"
USUAL_BETAS = (
    *("advanced-tool-use-*", "claude-code-*", "computer-use-*", "context-management-*", "effort-*"),
    *("extended-cache-ttl-*", "fine-grained-tool-streaming-*", "interleaved-thinking-*"),
    *("output-128k-*", "pdfs-*", "prompt-caching-*", "structured-outputs-*", "thinking-*"),
    *("token-counting-*", "token-efficient-tools-*", "tool-examples-*"),
)
OwnNetworks = tuple[
    Annotated[
        Network,
        Text((IPv4Network, IPv6Network), addresses.read_own_network, addresses.NETWORK),
    ],
    ...,
]
Betas = tuple[Annotated[str, Text(str, addresses.read_beta, addresses.BETA)], ...]
Kind = Annotated[str, Text(str, kinds.read_kind, kinds.KIND)]
Spoken = Literal["chat", "responses"]
CHAT_ALONE = frozenset({"chat"})
TEXTS_ALONE = frozenset({"chat", "completions", "embeddings"})
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
    key: StoredRef | None = setting(
        "The provider's API key. Required for `openai`, `anthropic` and vendors of the catalogue; not for "
        "`vertex`, `local` and `echo`."
    )
    api_version: (
        Annotated[str, Text(str, addresses.read_api_version, addresses.API_VERSION)] | None
    ) = setting(
        "For `azure`: the version of the API where each model is a deployment with a URL of its own, under the "
        "`url` of the resource. Left out, `url` ends in `/openai/v1`, which has no versions."
    )
    access_key: StoredRef | None = setting(
        "For AWS Bedrock: the id of an AWS access key. `key` is then its secret, by which each request is signed "
        "(Signature Version 4). Left out, `key` is a Bedrock API key."
    )
    session_token: StoredRef | None = setting("The token that goes with a temporary `access_key`.")
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
    identity_token: FilePath | None = setting(
        "A file in which the platform keeps the token of this workload, such as a projected service-account token. "
        "For `bedrock`, `azure` and `vertex` it is exchanged for short-lived credentials, so that no key is needed: "
        "with `role`, with `tenant` and `client_id`, or with `audience` and `project`."
    )
    role: Annotated[str, Text(str, addresses.read_role, addresses.ROLE)] | None = setting(
        "For AWS Bedrock: the ARN of the role that `identity_token` is exchanged for."
    )
    audience: Annotated[str, Text(str, addresses.read_audience, addresses.AUDIENCE)] | None = (
        setting(
            "For `vertex`: the provider of the workload identity pool that `identity_token` is for."
        )
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
    def sts_url(self) -> str | None:
        """Where AWS gives temporary credentials, defaults included; None where it is not asked."""
        if self.role is None or self.region is None:
            return None
        domain = "amazonaws.com.cn" if self.region.startswith("cn-") else "amazonaws.com"
        return self.token_url or f"https://sts.{self.region}.{domain}/"

    @property
    def tokens_url(self) -> str | None:
        """Where its tokens are given, defaults included; None where it takes none."""
        if self.audience is not None:
            return self.token_url or GOOGLE_STS
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
        if self.identity_token is not None:
            return False
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
