"""What does not go together, or is not safe, though each part is valid by itself."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from tollhouse.config import authorities, issuers, names, static_tokens, ways
from tollhouse.config.clash import Clash
from tollhouse.config.problems import Place, shown
from tollhouse.config.secrets import StoredSecret
from tollhouse.config.sections.providers import ProviderSettings
from tollhouse.config.settings import Settings
from tollhouse.config.wording import did_you_mean

PEPPER_BYTES = 32
OF_OPENAI = ("speaks", "asks_usage", "output_bound")
OF_TOKENS = {
    **dict.fromkeys(("service_account", "project", "location", "audience"), "vertex"),
    **dict.fromkeys(("tenant", "client_id"), "azure"),
}
SIGNING = ("access_key", "session_token", "region")


def clashes(settings: Settings) -> Iterator[Clash]:
    return chain(
        _authenticator(settings),
        _exposure(settings),
        _origins(settings),
        _certificates(settings),
        _listeners(settings),
        _peppers(settings),
        _vault(settings),
        _idle_settings(settings),
        _console(settings),
        _providers(settings),
        ways.clashes(settings),
        _targets(settings),
        _tasks(settings),
        names.clashes(settings),
        issuers.clashes(settings),
        static_tokens.clashes(settings),
        authorities.clashes(settings),
    )


def _authenticator(settings: Settings) -> Iterator[Clash]:
    if not settings.auth.virtual_keys:
        yield Clash(
            (("auth", "virtual_keys"),),
            "false, and no other way to prove who calls",
            "true",
            "A gateway without authentication does not start. To try it out, make a key: `tollhouse keys create`.",
        )


def _exposure(settings: Settings) -> Iterator[Clash]:
    server = settings.server
    if server.tls_certificate or server.trusted_proxies:
        return
    for section, listen in (("server", server.listen), ("admin", settings.admin.listen)):
        if listen is None or listen.is_loopback:
            continue
        yield Clash(
            ((section, "listen"), ("server", "tls_certificate"), ("server", "trusted_proxies")),
            f"{listen}, which others can reach, without TLS",
            "a loopback address, or TLS",
            "Set `tls_certificate` and `tls_key`; or, if TLS ends at a proxy, its addresses as `trusted_proxies`.",
        )


def _origins(settings: Settings) -> Iterator[Clash]:
    server = settings.server
    if "*" in server.cors_origins and server.cors_credentials:
        yield Clash(
            (("server", "cors_origins"), ("server", "cors_credentials")),
            'credentials for "*", which is every page that anybody visits',
            "the origins that may, or no credentials",
        )


def _certificates(settings: Settings) -> Iterator[Clash]:
    for name, other in (("tls_certificate", "tls_key"), ("tls_key", "tls_certificate")):
        path = getattr(settings.server, name)
        here, there = ("server", name), ("server", other)
        if path is None and getattr(settings.server, other) is not None:
            yield Clash((here, there), "nothing", f"a path, because `{other}` is set")
        else:
            yield from _missing(settings, here, path)
    if settings.limits.is_encrypted:
        yield from _missing(settings, ("limits", "ca_file"), settings.limits.ca_file)


def _missing(settings: Settings, place: Place, path: Path | None) -> Iterator[Clash]:
    if path is not None and not settings.at(path).is_file():
        about = (place, ("data_dir",))
        yield Clash(about, f"no file at {settings.at(path)}", "a PEM file that is there")


def _listeners(settings: Settings) -> Iterator[Clash]:
    api, metrics, admin = settings.server.listen, settings.metrics.listen, settings.admin.listen
    for name, listen, other, theirs, whose in (
        ("metrics", metrics, "server", api, "the API"),
        ("admin", admin, "server", api, "the API"),
        ("admin", admin, "metrics", metrics, "the metrics listener"),
    ):
        if listen is not None and theirs is not None and listen.collides_with(theirs):
            yield Clash(
                ((name, "listen"), (other, "listen")),
                f"{listen}, where {whose} listens at {theirs}",
                'a port of its own, or "off"',
            )


def _console(settings: Settings) -> Iterator[Clash]:
    console, listen = settings.console, settings.admin.listen
    about = (("console", "url"), ("admin", "listen"))
    if listen is None:
        for name in sorted(console.model_fields_set):
            found = "a setting without effect: there is no admin listener"
            yield Clash((("console", name), about[1]), found, "nothing")
    elif console.url is not None and settings.server.tls_certificate and "http:" in console.url:
        yield Clash(about, "http, and the listener speaks TLS", "https")
    elif (
        console.url is not None
        and console.url.startswith("https:")
        and not (settings.server.tls_certificate or settings.server.trusted_proxies)
    ):
        found = "https, and nothing here ends TLS"
        yield Clash((*about, ("server", "trusted_proxies")), found, "a certificate, or a proxy")


def _peppers(settings: Settings) -> Iterator[Clash]:
    auth = settings.auth
    for version, secret in auth.peppers.items():
        size = len(secret.reveal().encode())
        if size < PEPPER_BYTES:
            yield Clash(
                (("auth", "peppers", str(version)),),
                f"{secret.reference} has {size} bytes",
                f"a secret of at least {PEPPER_BYTES} bytes",
                "Make one: `openssl rand -hex 32`.",
            )
    if not auth.peppers and not settings.store.is_sqlite:
        yield Clash(
            (("auth", "peppers"), ("store", "url")),
            "nothing",
            "a pepper that all gateways on this PostgreSQL share",
            "Make one with `openssl rand -hex 32`, give it to each of them, and set "
            '`peppers = { 1 = "env:TOLLHOUSE_PEPPER" }` under [auth].',
        )
    elif auth.pepper_version not in (set(auth.peppers) or {1}):
        yield Clash(
            (("auth", "pepper_version"), ("auth", "peppers")),
            f"the number {auth.pepper_version}",
            "a version that is listed in `peppers`"
            if auth.peppers
            else "1, the pepper that is made here",
        )


def _vault(settings: Settings) -> Iterator[Clash]:
    vault = settings.vault
    for version, secret in vault.keys.items():
        size = len(secret.reveal().encode())
        if size < PEPPER_BYTES:
            yield Clash(
                (("vault", "keys", str(version)),),
                f"{secret.reference} has {size} bytes",
                f"a secret of at least {PEPPER_BYTES} bytes",
                "Make one: `openssl rand -hex 32`.",
            )
    wanted = [key for key, secret in settings.secrets() if isinstance(secret, StoredSecret)]
    if wanted and not vault.keys:
        place: Place = tuple(wanted[0].split("."))
        expected = "the key that secrets of the store are wrapped by"
        yield Clash((("vault", "keys"), place), "nothing", expected)
    elif vault.keys and vault.key_version not in vault.keys:
        about = (("vault", "key_version"), ("vault", "keys"))
        yield Clash(about, str(vault.key_version), "one of the versions that are listed")


def _idle_settings(settings: Settings) -> Iterator[Clash]:
    """Nothing in the file is silently without effect."""
    if settings.store.password and settings.store.is_sqlite:
        yield _idle(("store", "password"), ("store", "url"), "SQLite has no password")
    if settings.limits.password and not settings.limits.is_shared:
        yield _idle(("limits", "password"), ("limits", "store"), "memory has no password")
    if settings.limits.ca_file and not settings.limits.is_encrypted:
        yield _idle(("limits", "ca_file"), ("limits", "store"), "it is not `valkeys://…`")
    if settings.limits.unreachable != "refuse" and not settings.limits.is_shared:
        yield _idle(("limits", "unreachable"), ("limits", "store"), "memory is always there")
    if settings.limits.burst and not settings.limits.requests_per_minute:
        yield _idle(
            ("limits", "burst"), ("limits", "requests_per_minute"), "`requests_per_minute` is 0"
        )


def _idle(place: Place, cause: Place, because: str) -> Clash:
    return Clash((place, cause), f"a setting without effect: {because}", "nothing")


def _providers(settings: Settings) -> Iterator[Clash]:
    for name, provider in settings.providers.items():
        yield from _provider(("providers", name), provider)


def _provider(place: Place, provider: ProviderSettings) -> Iterator[Clash]:
    kind = provider.kind
    is_remote = kind not in ("local", "echo")
    about_url, about_key = (
        ((*place, "url"), (*place, "kind")),
        ((*place, "key"), (*place, "kind")),
    )
    yield from _tokens(place, provider)
    if provider.is_converse and provider.base_url is None:
        about = ((*place, "region"), (*place, "url"))
        yield Clash(about, "nothing", "the AWS region that is asked", 'Such as "eu-central-1".')
    elif is_remote and provider.base_url is None:
        path = "" if provider.is_anthropic else "/v1"
        yield Clash(
            about_url, "nothing", "the URL of the server", f'Such as "http://127.0.0.1:8000{path}".'
        )
    if provider.needs_key and provider.key is None:
        yield Clash(
            about_key,
            "nothing",
            "a reference to your API key",
            f'Such as "env:{kind.upper().replace("-", "_")}_API_KEY".',
        )
    if kind != "azure" and provider.api_version is not None:
        yield _idle((*place, "api_version"), (*place, "kind"), f'"{kind}" has no versions')
    for name in OF_OPENAI if provider.is_only_told else ():
        if name in provider.model_fields_set:
            because = f'the API of the kind "{kind}" is not OpenAI\'s'
            yield _idle((*place, name), (*place, "kind"), because)
    yield from _signing(place, provider)
    if provider.keeps_files and not provider.may_keep_files:
        found = f'true, and "{kind}" has no files that go by OpenAI\'s API'
        yield Clash(((*place, "keeps_files"), (*place, "kind")), found, "false")
    if "betas" in provider.model_fields_set and not provider.is_anthropic:
        because = f'a provider of the kind "{kind}" has no betas'
        yield _idle((*place, "betas"), (*place, "kind"), because)
    if not is_remote and provider.url is not None:
        yield Clash(about_url, "a URL", f'nothing: a provider of the kind "{kind}" has none')
    if not is_remote and provider.key is not None:
        yield Clash(about_key, "a secret", f'nothing: a provider of the kind "{kind}" needs none')


def _signing(place: Place, provider: ProviderSettings) -> Iterator[Clash]:
    about_kind = (*place, "kind")
    if not provider.may_sign:
        for name in SIGNING:
            if getattr(provider, name) is not None:
                yield _idle((*place, name), about_kind, f'"{provider.kind}" signs nothing')
    elif provider.access_key is not None and provider.region is None:
        about = ((*place, "region"), (*place, "access_key"))
        yield Clash(about, "nothing", "the region that requests are signed for")
    elif provider.access_key is None and provider.role is None:
        unused = SIGNING[1:] if provider.url is not None else SIGNING[1:2]
        for name in unused:
            if getattr(provider, name) is not None:
                yield _idle((*place, name), (*place, "access_key"), "nothing is signed without one")


def _tokens(place: Place, provider: ProviderSettings) -> Iterator[Clash]:
    """Who shows tokens, and what it takes to get them."""
    kind, about_kind = provider.kind, (*place, "kind")
    for name, of in OF_TOKENS.items():
        if kind != of and name in provider.model_fields_set:
            yield _idle((*place, name), about_kind, f'"{kind}" is not "{of}"')
    if kind == "vertex":
        if provider.key is not None:
            yield _idle((*place, "key"), about_kind, "Vertex AI takes tokens of `service_account`")
        about = ((*place, "service_account"), about_kind)
        if provider.service_account is None and provider.audience is None:
            hint = 'Such as "file:vertex.json".'
            yield Clash(about, "nothing", "a reference to a service account's JSON key", hint)
        elif provider.google_project is None:
            yield Clash(((*place, "project"), about[0]), "nothing", "the id of a project")
    for name, other in (("tenant", "client_id"), ("client_id", "tenant")):
        if getattr(provider, name) is None and getattr(provider, other) is not None:
            yield Clash(((*place, name), (*place, other)), "nothing", f"an id, as `{other}` is set")
    yield from _workload(place, provider)
    if provider.token_url is not None and provider.tokens_url is provider.sts_url is None:
        yield _idle((*place, "token_url"), about_kind, "no tokens are asked for")


def _workload(place: Place, provider: ProviderSettings) -> Iterator[Clash]:
    """A workload's own token goes with whoever takes it, and with no key."""
    about = (*place, "identity_token")
    if provider.role is not None and not provider.may_sign:
        yield _idle((*place, "role"), (*place, "kind"), f'"{provider.kind}" is not AWS')
    given = provider.role, provider.audience, provider.tenant
    wanted = {"bedrock": "role", "bedrock-openai": "role", "azure": "tenant", "vertex": "audience"}
    taker = wanted.get(provider.kind)
    if provider.identity_token is None:
        for name in ("role", "audience"):
            if getattr(provider, name) is not None:
                yield Clash(
                    (about, (*place, name)), "nothing", "the file with the workload's token"
                )
    elif taker is None:
        yield _idle(about, (*place, "kind"), f'"{provider.kind}" takes no tokens of workloads')
    elif not any(given):
        yield Clash(
            ((*place, taker), about), "nothing", f"whom the token is exchanged for: `{taker}`"
        )
    else:
        for name in ("key", "access_key", "session_token", "service_account"):
            if getattr(provider, name) is not None:
                yield _idle((*place, name), about, "the workload's token stands for all keys")
    if provider.role is not None and provider.region is None and provider.base_url is not None:
        yield Clash(((*place, "region"), (*place, "role")), "nothing", "the region that is asked")


def _targets(settings: Settings) -> Iterator[Clash]:
    for name, model in settings.models.items():
        for index, target in enumerate(model.targets):
            if target.provider not in settings.providers:
                yield Clash(
                    (("models", name, "targets", index), ("providers", target.provider)),
                    f"the provider {shown(target.provider)}, which is not declared",
                    "one of " + ", ".join(settings.providers)
                    if settings.providers
                    else "a provider that is declared under [providers]",
                    did_you_mean(target.provider, settings.providers),
                )


def _tasks(settings: Settings) -> Iterator[Clash]:
    """What a model is said to do, one of its targets can do: else every such call would fail."""
    for name, model in settings.models.items():
        providers = [settings.providers.get(target.provider) for target in model.targets]
        for task in model.does:
            if not any(it is None or it.tasks is None or task in it.tasks for it in providers):
                yield Clash(
                    (("models", name, "does"), ("models", name, "targets")),
                    f'"{task}", which no provider of its targets offers',
                    "what one of them can be asked for",
                )
