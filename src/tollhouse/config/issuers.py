"""Whether issuers can be told apart, reached and believed, as far as the file alone can tell."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tollhouse.config import addresses, ways
from tollhouse.config.clash import Clash
from tollhouse.config.problems import Place, Unfit, shown
from tollhouse.config.sections.issuers import IssuerSettings, RuleSettings
from tollhouse.config.settings import Settings
from tollhouse.domain.claims import FROM_CLAIM, OURS
from tollhouse.domain.urls import parse

SECRET_BYTES = 32
OF_LOGINS = ("client_secret", "scopes", "authorize_url", "token_url")


def clashes(settings: Settings) -> Iterator[Clash]:
    yield from _own(settings)
    yield from _logins(settings)
    named: dict[str, Place] = {}
    for name, issuer in settings.issuers.items():
        place: Place = ("issuers", name)
        here = (*place, "issuer")
        if (other := named.setdefault(issuer.issuer, here)) != here:
            yield Clash((here, other), "the `iss` of another issuer too", "one table for each")
        yield from _keys(place, issuer, settings)
        yield from _login(place, issuer, settings)
        yield from of_rules(place, issuer.rules)
        creates = any(rule.creates for rule in issuer.rules)
        if "new_users_per_hour" in issuer.model_fields_set and not creates:
            about: tuple[Place, ...] = ((*place, "new_users_per_hour"), (*place, "rules"))
            because = "a setting without effect: none of its rules has `creates`"
            yield Clash(about, because, "nothing")


def of_rules(place: Place, rules: Sequence[RuleSettings]) -> Iterator[Clash]:
    for index, rule in enumerate(rules[:-1]):
        if not rule.when:
            about = (*place, "rules", index)
            found = "a rule that fits whatever comes, before others"
            yield Clash((about,), found, "`when`, or its place behind all others")
    for index, rule in enumerate(rules):
        for path, wanted in rule.when.items():
            if not path or not wanted or wanted == "*":
                about = (*place, "rules", index, "when")
                yield Clash((about,), f"{shown(wanted)} of {shown(path)}", "what it must be")
        if rule.tenant.startswith(FROM_CLAIM) and not rule.when:
            about = (*place, "rules", index, "tenant")
            expected = "`when` as well: or whoever writes the claim chooses any tenant of yours"
            yield Clash((about,), "a claim, for whatever comes", expected)


def _own(settings: Settings) -> Iterator[Clash]:
    """Whoever guesses a secret of ours is anybody."""
    tokens = settings.tokens
    if not tokens.secrets:
        if settings.opencode.tenant is not None:
            yield _unsigned()
            return
        for name in sorted(tokens.model_fields_set - {"secrets"}):
            about: Place = ("tokens", name)
            because = "a setting without effect: no token is signed without `secrets`"
            yield Clash((about, ("tokens", "secrets")), because, "nothing")
        return
    for version, secret in tokens.secrets.items():
        size = len(secret.reveal().encode())
        if size < SECRET_BYTES:
            hint = "Make one: `openssl rand -hex 32`."
            found = f"{secret.reference} has {size} bytes"
            expected = f"a secret of at least {SECRET_BYTES} bytes"
            yield Clash((("tokens", "secrets", str(version)),), found, expected, hint)
    if tokens.secret_version not in tokens.secrets:
        about = ("tokens", "secret_version")
        found = f"the number {tokens.secret_version}"
        expected = "a version that is listed in `secrets`"
        yield Clash((about, ("tokens", "secrets")), found, expected)
    for name, issuer in settings.issuers.items():
        if OURS in (name, issuer.issuer):
            yield Clash((("issuers", name, "issuer"),), "the name of our own tokens", "another")


def _logins(settings: Settings) -> Iterator[Clash]:
    logins, most_s = settings.logins, settings.tokens.max_life_s
    if settings.opencode.tenant is None:
        for name in sorted(logins.model_fields_set):
            about: Place = ("logins", name)
            because = "a setting without effect: nobody can log in"
            yield Clash((about, ("opencode", "tenant")), because, "nothing, or `[opencode] tenant`")
    elif logins.minutes * 60 > most_s:
        both: tuple[Place, ...] = (("logins", "minutes"), ("tokens", "max_life_s"))
        found = f"{logins.minutes} minutes, and tokens are good for {most_s} seconds at most"
        yield Clash(both, found, "no login that is longer than that")


def _unsigned() -> Clash:
    hint = "Make one with `openssl rand -hex 32`; under `--profile opencode` JWT_SECRET is where it is looked for."
    about: tuple[Place, ...] = (("tokens", "secrets"), ("opencode", "tenant"))
    return Clash(about, "nothing, and logins are signed", "a secret of at least 32 bytes", hint)


def _keys(place: Place, issuer: IssuerSettings, settings: Settings) -> Iterator[Clash]:
    at = issuer.asked_at
    if at is None:
        yield from _without_effect(place, issuer)
        path = settings.at(issuer.keys_file) if issuer.keys_file else None
        if path is not None and not path.is_file():
            about = ((*place, "keys_file"), ("data_dir",))
            yield Clash(about, f"no file at {path}", "a JSON Web Key Set that is there")
        return
    name = "keys_url" if issuer.keys_url else "issuer"
    try:
        addresses.read_http(at)
    except Unfit as unfit:
        expected = "a URL at which its keys are found, or `keys_url` or `keys_file` beside it"
        places = tuple([(*place, each) for each in (name, "keys_url", "keys_file")])
        yield Clash(places, unfit.found, expected)
        return
    yield from ways.destination(place, parse(at), issuer, settings, name)
    if issuer.ca_file is not None and not settings.at(issuer.ca_file).is_file():
        about = ((*place, "ca_file"), ("data_dir",))
        yield Clash(about, f"no file at {settings.at(issuer.ca_file)}", "a PEM file that is there")


def _login(place: Place, issuer: IssuerSettings, settings: Settings) -> Iterator[Clash]:
    """Whether people can be sent there and come back, and are not let in to calls by that token."""
    if issuer.client_id is None:
        for name in OF_LOGINS:
            if name in issuer.model_fields_set:
                about = ((*place, name), (*place, "client_id"))
                yield Clash(about, "a setting without effect: nobody logs on by it", "nothing")
        for index, rule in enumerate(issuer.rules):
            if rule.role:
                about = ((*place, "rules", index, "role"), (*place, "client_id"))
                hint = "What its bearer may by a call is said by `calls_as`."
                found = "a role in the console, where nobody logs on by it"
                yield Clash(about, found, "nothing, or `client_id`", hint)
        return
    here = (*place, "client_id")
    if issuer.client_id in issuer.audiences:
        hint = "The token of a login proves who logged on, to the console and to nobody else."
        yield Clash((here, (*place, "audiences")), "one of its `audiences`", "none of them", hint)
    if "openid" not in issuer.scopes:
        yield Clash(
            ((*place, "scopes"),), "no `openid`", "`openid` among them: or there is no token"
        )
    if settings.console_url is None:
        places: tuple[Place, ...] = (here, ("admin", "listen"), ("console", "url"))
        yield Clash(places, "a client, and no console", "`admin.listen`, and `console.url` too")
    for name, at in (("issuer", issuer.issuer), ("token_url", issuer.token_url)):
        if at is None:
            continue
        try:
            addresses.read_http(at)
        except Unfit as unfit:
            yield Clash(((*place, name), here), unfit.found, "a URL, at which people log on")
            continue
        if at != issuer.asked_at:
            yield from ways.destination(place, parse(at), issuer, settings, name)


def _without_effect(place: Place, issuer: IssuerSettings) -> Iterator[Clash]:
    for name in ("keys_url",) if issuer.client_id else ("keys_url", "networks", "ca_file"):
        if getattr(issuer, name):
            about = ((*place, name), (*place, "keys_file"))
            yield Clash(about, "a setting without effect: the keys are in a file", "nothing")
