"""Whether what is said of a provider goes together, and with its kind."""

from __future__ import annotations

from collections.abc import Iterator

from tollhouse.config.clash import Clash, idle
from tollhouse.config.problems import Place
from tollhouse.config.sections.providers import ProviderSettings
from tollhouse.config.settings import Settings

OF_OPENAI = ("speaks", "asks_usage", "output_bound")
OF_TOKENS = {
    **dict.fromkeys(("service_account", "project", "location", "audience"), "vertex"),
    **dict.fromkeys(("tenant", "client_id"), "azure"),
}
SIGNING = ("access_key", "session_token", "region")


def clashes(settings: Settings) -> Iterator[Clash]:
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
        yield idle((*place, "api_version"), (*place, "kind"), f'"{kind}" has no versions')
    for name in OF_OPENAI if provider.is_only_told else ():
        if name in provider.model_fields_set:
            because = f'the API of the kind "{kind}" is not OpenAI\'s'
            yield idle((*place, name), (*place, "kind"), because)
    yield from _signing(place, provider)
    if provider.keeps_files and not provider.may_keep_files:
        found = f'true, and "{kind}" has no files that go by OpenAI\'s API'
        yield Clash(((*place, "keeps_files"), (*place, "kind")), found, "false")
    if "betas" in provider.model_fields_set and not provider.is_anthropic:
        because = f'a provider of the kind "{kind}" has no betas'
        yield idle((*place, "betas"), (*place, "kind"), because)
    if not is_remote and provider.url is not None:
        yield Clash(about_url, "a URL", f'nothing: a provider of the kind "{kind}" has none')
    if not is_remote and provider.key is not None:
        yield Clash(about_key, "a secret", f'nothing: a provider of the kind "{kind}" needs none')


def _signing(place: Place, provider: ProviderSettings) -> Iterator[Clash]:
    about_kind = (*place, "kind")
    if not provider.may_sign:
        for name in SIGNING:
            if getattr(provider, name) is not None:
                yield idle((*place, name), about_kind, f'"{provider.kind}" signs nothing')
    elif provider.access_key is not None and provider.region is None:
        about = ((*place, "region"), (*place, "access_key"))
        yield Clash(about, "nothing", "the region that requests are signed for")
    elif provider.access_key is None and provider.role is None:
        unused = SIGNING[1:] if provider.url is not None else SIGNING[1:2]
        for name in unused:
            if getattr(provider, name) is not None:
                yield idle((*place, name), (*place, "access_key"), "nothing is signed without one")


def _tokens(place: Place, provider: ProviderSettings) -> Iterator[Clash]:
    """Who shows tokens, and what it takes to get them."""
    kind, about_kind = provider.kind, (*place, "kind")
    for name, of in OF_TOKENS.items():
        if kind != of and name in provider.model_fields_set:
            yield idle((*place, name), about_kind, f'"{kind}" is not "{of}"')
    if kind == "vertex":
        if provider.key is not None:
            yield idle((*place, "key"), about_kind, "Vertex AI takes tokens of `service_account`")
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
        yield idle((*place, "token_url"), about_kind, "no tokens are asked for")


def _workload(place: Place, provider: ProviderSettings) -> Iterator[Clash]:
    """A workload's own token goes with whoever takes it, and with no key."""
    about = (*place, "identity_token")
    if provider.role is not None and not provider.may_sign:
        yield idle((*place, "role"), (*place, "kind"), f'"{provider.kind}" is not AWS')
    elif provider.role is not None and provider.region is None and provider.base_url is not None:
        yield Clash(((*place, "region"), (*place, "role")), "nothing", "the region that is asked")
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
        yield idle(about, (*place, "kind"), f'"{provider.kind}" takes no tokens of workloads')
    elif not any(given):
        yield Clash(
            ((*place, taker), about), "nothing", f"whom the token is exchanged for: `{taker}`"
        )
    else:
        for name in ("key", "access_key", "session_token", "service_account"):
            if getattr(provider, name) is not None:
                yield idle((*place, name), about, "the workload's token stands for all keys")
